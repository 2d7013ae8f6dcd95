"""The datacenter behind a real loopback socket, with the clients of this library."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import mtproto
from mtproto import blocking
from mtproto.client.datacenters import DC
from mtproto.client.link import App, Link
from mtproto.connection import Connection
from mtproto.environment import SystemEnvironment
from mtproto.errors import OutcomeUnknown, UsageError
from mtproto.roles import Role
from mtproto.testdc import BackgroundDataCenter, BusinessConnection, DataCenter, Listener, serve, start_in_thread
from mtproto.testdc.accounts import API_HASH, API_ID, BOT_TOKEN
from mtproto.transport import client_transport
from tests.handshake.rig import KEY
from tests.transports import EACH, INSTALLED

APP = App(API_ID, API_HASH)
LOGIN = {"flags": 0, "api_id": API_ID, "api_hash": API_HASH, "bot_auth_token": BOT_TOKEN}


def new_dc() -> DataCenter:
    return DataCenter(SystemEnvironment(), private_key=KEY)


def address(place: Listener | BackgroundDataCenter) -> DC:
    return DC(place.host, place.port, 2, [place.dc.public_key])


@pytest.fixture
def background() -> Iterator[BackgroundDataCenter]:
    with start_in_thread(new_dc()) as running:
        yield running


def connection_id(updates: Any) -> str:
    return updates.updates[0].connection.connection_id  # type: ignore[no-any-return]


@pytest.mark.parametrize("transport", EACH)
@pytest.mark.requirement("TR-11")
def test_a_blocking_client_makes_the_raw_call(background: BackgroundDataCenter, transport: str) -> None:
    with blocking.connect(address(background), APP, transport=transport) as client:
        client.call("auth.importBotAuthorization", **LOGIN)
        answer = client.call("account.getBotBusinessConnection", connection_id="demo")
    assert connection_id(answer) == "demo"
    background.close()
    log = background.dc.log
    assert (log.exchanges, log.logins, log.calls["account.getBotBusinessConnection"]) == (2, 1, 1)
    assert log.calls["auth.bindTempAuthKey"] == 1
    assert log.transports == {transport: 1}
    assert not log.faults


async def run_asyncio_client(transport: str) -> None:
    async with (
        serve(new_dc()) as listener,
        await mtproto.connect(address(listener), APP, transport=transport) as client,
    ):
        await client.call("auth.importBotAuthorization", **LOGIN)
        answer = await client.call("account.getBotBusinessConnection", connection_id="demo")
    assert connection_id(answer) == "demo"
    assert listener.dc.log.transports == {transport: 1}


@pytest.mark.parametrize("transport", EACH)
@pytest.mark.requirement("TR-11")
def test_an_asyncio_client_makes_the_raw_call(transport: str) -> None:
    asyncio.run(run_asyncio_client(transport))


def test_many_clients_with_keys_of_their_own_are_served_at_once() -> None:
    async def one(listener: Listener, number: int) -> None:
        transport = INSTALLED[number % len(INSTALLED)]
        async with await mtproto.connect(address(listener), APP, transport=transport) as client:
            await client.call("auth.importBotAuthorization", **LOGIN)
            names = ["demo", "big", "gzip", "container", "salt", "disabled"]
            calls = [client.call("account.getBotBusinessConnection", connection_id=name) for name in names]
            answers = await asyncio.gather(*calls)
            assert [connection_id(answer) for answer in answers] == names

    async def main() -> None:
        async with serve(new_dc()) as listener:
            await asyncio.gather(*(one(listener, number) for number in range(8)))
        assert listener.dc.log.exchanges == 16, "eight permanent and eight temporary ones"
        assert not listener.dc.log.faults

    asyncio.run(main())


def test_a_change_reaches_a_client_that_waits_for_it(background: BackgroundDataCenter) -> None:
    with blocking.connect(address(background), APP) as client:
        client.call("auth.importBotAuthorization", **LOGIN)
        client.call("updates.getState")
        background.run(lambda: background.dc.set_connection(BusinessConnection("news")))
        update = next(update for update in client.events(timeout=10) if hasattr(update, "updates"))
    assert connection_id(update) == "news"


def test_a_late_answer_comes_by_the_timer() -> None:
    async def main() -> None:
        dc = new_dc()
        dc.handle("account.updateStatus", lambda call: call.answer_after(0.05, True), login=False)
        async with serve(dc) as listener, await mtproto.connect(address(listener), APP) as client:
            assert await client.call("account.updateStatus", offline=True, timeout=10) is True

    asyncio.run(main())


def test_a_handler_that_breaks_ends_its_connection_and_no_other() -> None:
    async def main() -> None:
        broken: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: broken.append(context["exception"]))
        dc = new_dc()
        dc.handle("account.updateStatus", lambda call: [][0], login=False)
        async with serve(dc) as listener:
            first = await mtproto.connect(address(listener), APP, reconnect=False)
            async with await mtproto.connect(address(listener), APP) as second:
                with pytest.raises(OutcomeUnknown):
                    await first.call("account.updateStatus", offline=True)
                assert (await second.call("help.getConfig")).this_dc == 2
            await first.close()
        assert [type(error) for error in broken] == [IndexError]

    asyncio.run(main())


def test_the_configuration_names_the_port(background: BackgroundDataCenter) -> None:
    with blocking.connect(address(background), APP) as client:
        (option,) = client.call("help.getConfig").dc_options
    assert (option.id, option.ip_address, option.port) == (2, background.host, background.port)


def test_a_listener_closes_within_a_second_although_clients_neither_read_nor_leave() -> None:
    async def main() -> None:
        async with serve(new_dc()) as listener:
            client = await mtproto.connect(address(listener), APP)
            await client.call("help.getConfig")
            silent = socket.create_connection((listener.host, listener.port))
            await asyncio.sleep(0)
            start = time.monotonic()
            await listener.close()
            assert time.monotonic() - start < 1
            with contextlib.suppress(OSError):
                assert silent.recv(1) == b""
            silent.close()
            await client.close()

    asyncio.run(main())


def test_reading_stops_while_the_client_does_not_read() -> None:
    """A client that only asks cannot make the datacenter keep answers without end, nor hold up its end."""

    async def main() -> None:
        dc = new_dc()
        served = 0

        def answer(call: Any) -> Any:
            nonlocal served
            served += 1
            return dc.env.random_bytes(100_000)

        dc.handle("help.getInviteText", answer, login=False)
        async with serve(dc) as listener:
            client = await mtproto.connect(address(listener), APP, reconnect=False)
            await client.call("help.getConfig")
            transport: Any = client._wire._transport
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            transport.pause_reading()
            (server,) = listener._sockets.values()
            calls = []
            async with asyncio.timeout(30):
                while not server._paused:
                    calls += [asyncio.ensure_future(client.call("help.getInviteText")) for _ in range(50)]
                    await asyncio.sleep(0)
            assert server._transport is not None
            assert not server._transport.is_reading()
            before = served
            calls += [asyncio.ensure_future(client.call("help.getInviteText")) for _ in range(50)]
            for _ in range(50):
                await asyncio.sleep(0)
            assert served == before
            start = time.monotonic()
        assert time.monotonic() - start < 1
        transport.abort()
        await asyncio.gather(*calls, return_exceptions=True)

    asyncio.run(main())


def test_a_port_in_use_is_an_os_error(background: BackgroundDataCenter) -> None:
    with pytest.raises(OSError):
        start_in_thread(new_dc(), port=background.port)


def test_an_impossible_port_is_a_usage_error_and_a_datacenter_is_served_once(
    background: BackgroundDataCenter,
) -> None:
    for port in (-1, 65536):
        with pytest.raises(UsageError):
            start_in_thread(new_dc(), port=port)
    with pytest.raises(UsageError, match="already served"):
        start_in_thread(background.dc)


def test_closing_leaves_no_thread_and_can_be_repeated() -> None:
    before = set(threading.enumerate())
    background = start_in_thread(new_dc())
    background.close()
    background.close()
    assert set(threading.enumerate()) <= before
    with pytest.raises(UsageError):
        background.run(lambda: None)


def test_an_action_in_the_thread_gives_its_result_or_its_error(background: BackgroundDataCenter) -> None:
    assert background.run(threading.current_thread) is not threading.current_thread()
    with pytest.raises(ZeroDivisionError):
        background.run(lambda: 1 / 0)


def test_pairs_for_the_key_exchange_are_made_ahead_while_nothing_happens() -> None:
    async def main() -> None:
        dc = new_dc()
        async with serve(dc):
            async with asyncio.timeout(10):
                while dc.runs.prepare():  # False once the listener has filled the pool
                    await asyncio.sleep(0.05)

    asyncio.run(main())


def test_bytes_that_are_no_transport_close_the_connection(background: BackgroundDataCenter) -> None:
    with socket.create_connection((background.host, background.port), timeout=10) as sock:
        sock.sendall(b"\x55" * 64)
        assert sock.recv(100) == b""


def test_a_client_that_closes_its_half_is_let_go(background: BackgroundDataCenter) -> None:
    with socket.create_connection((background.host, background.port), timeout=10) as sock:
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(100) == b""


@pytest.mark.parametrize(("version", "header"), [("1.1", "Connection: close"), ("1.0", "Accept: */*")])
def test_after_the_response_to_a_client_that_wants_to_close_the_connection_is_closed(
    background: BackgroundDataCenter, version: str, header: str
) -> None:
    """RFC 9112, 9.6: such a client reads until the end."""
    pytest.importorskip("h11")
    codec = client_transport("intermediate", SystemEnvironment())
    link = Link(address(background), SystemEnvironment())
    connection = Connection(Role.CLIENT, codec, link, SystemEnvironment())
    connection.start_key_exchange(link.exchange())
    body = connection.data_to_send()[8:]
    head = f"POST /api HTTP/{version}\r\nHost: h\r\n{header}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection((background.host, background.port), timeout=5) as sock:
        sock.sendall(head.encode() + body)
        assert b"".join(iter(lambda: sock.recv(4096), b"")).startswith(b"HTTP/1.1 200 ")


def test_a_closed_websocket_takes_its_connection_along(background: BackgroundDataCenter) -> None:
    """RFC 6455, 7.1.1: behind the two close frames it is the server who closes."""
    pytest.importorskip("wsproto")
    transport = client_transport("websocket", SystemEnvironment(), dc=2)
    with socket.create_connection((background.host, background.port), timeout=5) as sock:
        sock.sendall(transport.data_to_send())
        while not transport.ready:
            transport.feed(sock.recv(4096))
        sock.sendall(transport.pack_close())
        assert b"".join(iter(lambda: sock.recv(4096), b""))[:2] == b"\x88\x02"
