"""The asyncio front end over loopback: calls, errors, deadlines, cancelling, closing, updates, the key file."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from random import randbytes
from typing import Any

import pytest

import mtproto
from mtproto.client import recovery
from mtproto.client.asyncio import Client, _Wire
from mtproto.client.datacenters import production
from mtproto.client.opening import Opening, check_address
from mtproto.client.way import Way
from mtproto.errors import (
    ConnectionLost,
    MTProtoError,
    OutcomeUnknown,
    RequestTimeout,
    RpcError,
    TransportFault,
    UsageError,
)
from mtproto.schema import mtproto as schema
from mtproto.schema.api import functions, types
from mtproto.session.events import Event, NewSession, Traced
from mtproto.testdc import BusinessConnection, serve
from mtproto.testing import ScriptedEnvironment
from tests.client.rig import APP, FAULTS, LATER, LOGIN, NEVER, address, listens, misbehaving, new_dc, run, unreachable
from tests.handshake.rig import OTHER_KEY


async def settle() -> None:
    """Let everything that is ready happen."""
    for _ in range(20):
        await asyncio.sleep(0)


async def held(dc: Any, count: int = 1) -> None:
    """Wait until so many calls have reached the server."""
    while len(dc.held) < count:
        await asyncio.sleep(0.001)


async def logged_in(listener: Any, **options: Any) -> Client:
    client = await mtproto.connect(address(listener), APP, **options)
    await client.call("auth.importBotAuthorization", **LOGIN)
    return client


# ---- calls and their errors


@pytest.mark.requirement("API-11")
def test_a_call_by_name_and_by_object_gives_the_same_typed_result() -> None:
    async def main() -> None:
        async with serve(new_dc()) as listener, await logged_in(listener) as client:
            by_name = await client.call("account.getBotBusinessConnection", connection_id="demo")
            by_object = await client.call(functions.account.GetBotBusinessConnection(connection_id="demo"))
            assert isinstance(by_name, types.Updates) and by_name.updates == by_object.updates

    run(main)


def test_a_service_query_is_called_the_same_way() -> None:
    async def main() -> None:
        async with serve(new_dc()) as listener, await mtproto.connect(address(listener), APP) as client:
            pong = await client.call(schema.Ping(ping_id=77))
            assert pong.ping_id == 77
            salts = await client.call(schema.GetFutureSalts(num=3))
            assert len(salts.salts) == 3

    run(main)


def test_an_rpc_error_has_code_name_and_number() -> None:
    async def main() -> None:
        async with serve(new_dc()) as listener, await logged_in(listener) as client:
            for connection_id, expected in (
                ("flood", (420, "FLOOD_WAIT_X", 17)),
                ("nope", (400, "CONNECTION_ID_INVALID", None)),
            ):
                with pytest.raises(RpcError) as caught:
                    await client.call("account.getBotBusinessConnection", connection_id=connection_id)
                assert (caught.value.code, caught.value.name, caught.value.number) == expected

    run(main)


@pytest.mark.parametrize(
    ("function", "fields"),
    [
        ("account.getBotBusinessConection", {"connection_id": "demo"}),
        ("account.getBotBusinessConnection", {}),
        ("account.getBotBusinessConnection", {"connection": "demo"}),
        ("account.getBotBusinessConnection", {"connection_id": 5}),
        ("account.getBotBusinessConnection", {"connection_id": "\ud800"}),
        ("botBusinessConnection", {}),
        (functions.help.GetConfig(), {"a": 1}),
        (types.UpdatesTooLong(), {}),
        (None, {}),
    ],
)
def test_a_call_that_cannot_be_sent_is_refused_before_anything_is(function: Any, fields: dict[str, Any]) -> None:
    async def main() -> None:
        seen: list[Event] = []
        async with serve(new_dc()) as listener, await logged_in(listener, watch=seen.append) as client:
            before = len(seen)
            with pytest.raises(UsageError):
                await client.call(function, **fields)
            await settle()
            assert len(seen) == before
            assert client._wire.waiters == {}

    run(main)


def test_a_result_that_cannot_be_decoded_costs_only_its_call() -> None:
    async def main() -> None:
        async with serve(new_dc()) as listener, await logged_in(listener) as client:
            results = await asyncio.gather(
                *(client.call("account.getBotBusinessConnection", connection_id=name) for name in ("unknown", "demo")),
                return_exceptions=True,
            )
            assert type(results[0]).__name__ == "UnknownConstructor"
            assert isinstance(results[1], types.Updates)

    run(main)


def test_calls_ready_together_share_one_container() -> None:
    async def main() -> None:
        seen: list[Event] = []
        async with serve(new_dc()) as listener, await logged_in(listener, watch=seen.append) as client:
            seen.clear()
            await asyncio.gather(*(client.call("help.getNearestDc") for _ in range(64)))
            sent = [event for event in seen if isinstance(event, Traced) and event.direction == "out"]
            query = functions.help.GetNearestDc().to_bytes()
            containers = {event.container for event in sent if event.body == query}
            assert len(containers) == 1 and None not in containers

    run(main)


def test_a_large_answer_arrives_whole() -> None:
    async def main() -> None:
        async with serve(new_dc()) as listener, await logged_in(listener) as client:
            answer = await client.call("account.getBotBusinessConnection", connection_id="big")
            assert len(answer.users) >= 1000

    run(main)


# ---- deadlines and cancelling


@pytest.mark.requirement("SEC-68")
def test_no_answer_in_time_is_a_request_timeout_and_the_client_lives_on() -> None:
    async def main() -> None:
        async with serve(new_dc()) as listener, await mtproto.connect(address(listener), APP) as client:
            with pytest.raises(RequestTimeout, match=r"within 0\.05 s"):
                await client.call(NEVER, offline=True, timeout=0.05)
            assert client._wire.waiters == {}
            assert (await client.call("help.getConfig")).this_dc == 2

    run(main)


def test_each_call_has_its_own_deadline() -> None:
    async def main() -> None:
        async with serve(new_dc()) as listener, await mtproto.connect(address(listener), APP) as client:
            calls = [client.call(NEVER, offline=True, timeout=t) for t in (0.6, 0.2, 0.4)]
            ended: list[int] = []

            async def note(number: int, call: Any) -> None:
                with pytest.raises(RequestTimeout):
                    await call
                ended.append(number)

            await asyncio.gather(*(note(i, call) for i, call in enumerate(calls)))
            assert ended == [1, 2, 0]

    run(main)


def test_a_cancelled_call_leaves_nothing_behind_and_its_late_answer_is_ignored() -> None:
    async def main() -> None:
        dc = new_dc()
        async with serve(dc) as listener, await mtproto.connect(address(listener), APP) as client:
            task = asyncio.ensure_future(client.call(LATER))
            await held(dc)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert client._wire.waiters == {} and client._wire.calls._functions == {}
            dc.release()
            assert (await client.call("help.getConfig")).this_dc == 2
            assert client._opening.calls.link.current.unfinished() == []  # type: ignore[union-attr]

    run(main)


def test_a_timeout_around_a_call_is_the_callers_own() -> None:
    async def main() -> None:
        async with serve(new_dc()) as listener, await mtproto.connect(address(listener), APP) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await client.call(NEVER, offline=True)
            assert (await client.call("help.getConfig")).this_dc == 2

    run(main)


# ---- the end


def test_closing_ends_pending_calls_with_an_unknown_outcome() -> None:
    async def main() -> None:
        dc = new_dc()
        async with serve(dc) as listener:
            client = await mtproto.connect(address(listener), APP)
            tasks = [asyncio.ensure_future(client.call(LATER)) for _ in range(3)]
            await held(dc, 3)
            await client.close()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(result) for result in results] == [OutcomeUnknown] * 3
            await client.close()
            with pytest.raises(ConnectionLost):
                await client.call("help.getConfig")

    run(main)


def test_a_server_that_closes_ends_pending_calls_and_the_updates() -> None:
    async def main() -> None:
        dc = new_dc()
        async with serve(dc) as listener:
            client = await mtproto.connect(address(listener), APP, reconnect=False)
            task = asyncio.ensure_future(client.call(LATER))
            await held(dc)

            async def updates() -> list[Any]:
                return [update async for update in client.events()]

            listening = asyncio.ensure_future(updates())
            await settle()
            await listener.close()
            with pytest.raises(OutcomeUnknown):
                await task
            with pytest.raises(ConnectionLost):
                await listening
            with pytest.raises(ConnectionLost):
                await client.call("help.getConfig")
            await client.close()

    run(main)


def test_the_cause_of_the_end_stands_behind_the_error() -> None:
    async def main() -> None:
        async with serve(new_dc()) as listener:
            client = await mtproto.connect(address(listener), APP, reconnect=False)
            task = asyncio.ensure_future(client.call(NEVER, offline=True))
            await settle()
            fault = b"\4\0\0\0" + (-429).to_bytes(4, "little", signed=True)
            client._wire.get_buffer(-1)[: len(fault)] = fault
            client._wire.buffer_updated(len(fault))
            with pytest.raises(OutcomeUnknown) as caught:
                await task
            assert isinstance(caught.value.__cause__, TransportFault)
            with pytest.raises(ConnectionLost) as lost:
                await client.call("help.getConfig")
            assert isinstance(lost.value.__cause__, TransportFault)
            await client.close()

    run(main)


def test_an_exception_in_the_block_closes_the_client() -> None:
    async def main() -> None:
        async with serve(new_dc()) as listener:
            with pytest.raises(ZeroDivisionError):
                async with await mtproto.connect(address(listener), APP) as client:
                    raise ZeroDivisionError
            assert client._wire.calls.connection.closed

    run(main)


# ---- updates


def test_updates_come_as_an_iterator_that_ends_with_close() -> None:
    async def main() -> None:
        dc = new_dc()
        async with serve(dc) as listener:
            client = await logged_in(listener)
            await client.call("updates.getState")
            seen: list[Any] = []

            async def listen() -> None:
                async for update in client.events():
                    if isinstance(update, NewSession):
                        continue
                    seen.append(update.updates[0].connection.connection_id)  # type: ignore[union-attr]
                    if len(seen) == 3:
                        await client.close()

            task = asyncio.ensure_future(listen())
            for name in ("one", "two", "three"):
                dc.set_connection(BusinessConnection(name))
            await task
            assert seen == ["one", "two", "three"]

    run(main)


def test_updates_nobody_reads_are_bounded() -> None:
    from mtproto.client import calls

    async def main() -> None:
        async with serve(new_dc()) as listener, await mtproto.connect(address(listener), APP) as client:
            own = client._wire.calls
            for i in range(calls.MAX_UPDATES + 7):
                own._add_update(types.UpdateShort(update=types.UpdatePtsChanged(), date=i), 0)
            assert len(own.updates) == calls.MAX_UPDATES
            assert own.updates_dropped >= 7

    run(main)


# ---- connecting


def test_a_port_where_nobody_listens_is_connection_lost() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    async def main() -> None:
        with pytest.raises(ConnectionLost, match=f"127.0.0.1 port {port}"):
            await mtproto.connect(address(("127.0.0.1", port)), APP)

    run(main)


@pytest.mark.parametrize("host", ["a" * 64 + ".invalid", "a..b"])
def test_a_host_that_is_no_name_is_connection_lost(host: str) -> None:
    async def main() -> None:
        with pytest.raises(MTProtoError) as caught:
            await mtproto.connect(address((host, 1)), APP)
        assert isinstance(caught.value, ConnectionLost)

    run(main)


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.requirement("SEC-67")
def test_a_server_that_does_something_else_ends_the_key_exchange(name: str) -> None:
    serve_one, expected = FAULTS[name]

    async def main(place: tuple[str, int]) -> None:
        with pytest.raises(MTProtoError) as caught:
            await mtproto.connect(address(place), APP)
        assert type(caught.value).__name__ == expected

    with misbehaving(serve_one) as place:
        run(lambda: main(place))


@pytest.mark.requirement("TR-125", "AUTH-35", "SEC-68")
def test_a_silent_server_is_given_up_in_time() -> None:
    async def main(place: tuple[str, int]) -> None:
        with pytest.raises(RequestTimeout, match=r"0\.1 s"):
            await mtproto.connect(address(place), APP, key_exchange_timeout=0.1)

    with misbehaving(listens) as place:
        run(lambda: main(place))


@pytest.mark.skipif(sys.platform != "linux", reason="what a full queue does differs")
@pytest.mark.requirement("TR-125")
def test_an_address_that_does_not_answer_is_given_up_in_time() -> None:
    async def main(place: tuple[str, int]) -> None:
        with pytest.raises(ConnectionLost, match=r"no answer within 0\.1 s"):
            await mtproto.connect(address(place), APP, connect_timeout=0.1)

    with unreachable() as place:
        run(lambda: main(place))


def test_a_connect_that_is_cancelled_leaves_no_socket() -> None:
    async def main(place: tuple[str, int]) -> None:
        task = asyncio.ensure_future(mtproto.connect(address(place), APP))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with misbehaving(listens) as place:
        run(lambda: main(place))


def test_another_rsa_key_is_refused_by_name() -> None:
    async def main() -> None:
        async with serve(new_dc()) as listener:
            with pytest.raises(MTProtoError, match="unknown_public_key"):
                await mtproto.connect(address(listener, key=OTHER_KEY.public), APP)

    run(main)


@pytest.mark.parametrize("options", [{"transport": "carrier pigeon"}, {"key_store": "/"}])
def test_impossible_options_are_refused_before_connecting(options: dict[str, Any]) -> None:
    async def main() -> None:
        with pytest.raises(UsageError):
            await mtproto.connect(address(("127.0.0.1", 1)), APP, **options)

    run(main)


@pytest.mark.parametrize("host", [production(2).host, production(2, ipv6=True).host, "venus.web.telegram.org"])
@pytest.mark.requirement("SEC-16")
def test_telegram_is_not_connected_to_with_a_scripted_generator(host: str) -> None:
    """SEC-16."""
    with pytest.raises(UsageError, match="Telegram"):
        check_address(host, ScriptedEnvironment())
    dc = address((host, 443))
    way = Way(dc, transport="intermediate", proxy=None, tunnel=None, ssl=None, quick_ack=False)
    options: dict[str, Any] = {"key_store": None, "new_key": False, "watch": None, "reconnect": False, "pfs": True}
    with pytest.raises(UsageError, match="Telegram"):
        Opening(dc, APP, way, env=ScriptedEnvironment(), **options)
    Opening(dc, APP, way, env=None, **options)


# ---- the key file


@pytest.mark.parametrize(("pfs", "exchanges"), [(False, (1, 2)), (True, (3, 5))])
def test_a_second_run_with_the_key_file_makes_no_other_permanent_key(
    tmp_path: Path, pfs: bool, exchanges: tuple[int, int]
) -> None:
    path = tmp_path / "key"

    async def main() -> None:
        dc = new_dc()
        async with serve(dc) as listener:
            async with await logged_in(listener, key_store=path, pfs=pfs) as client:
                assert client.created_key and client.user_id is None
                client.remember_user(2000)
            async with await mtproto.connect(address(listener), APP, key_store=path, pfs=pfs) as client:
                assert not client.created_key and client.user_id == 2000
                answer = await client.call("account.getBotBusinessConnection", connection_id="demo")
                assert answer.updates
            assert dc.log.exchanges == exchanges[0]
            async with await mtproto.connect(address(listener), APP, key_store=path, new_key=True, pfs=pfs) as client:
                assert client.created_key
            assert dc.log.exchanges == exchanges[1]

    run(main)


def test_a_key_that_the_server_has_destroyed_leaves_its_file(tmp_path: Path) -> None:
    """MSG-106: a later run would be told −404 for ever."""
    path = tmp_path / "key"

    async def main() -> None:
        dc = new_dc()
        async with serve(dc) as listener:
            async with await mtproto.connect(address(listener), APP, key_store=path) as client:
                assert isinstance(await client.call(schema.DestroyAuthKey()), schema.DestroyAuthKeyOk)
                assert not path.exists()
            async with await mtproto.connect(address(listener), APP, key_store=path) as client:
                assert client.created_key
                await client.call("auth.importBotAuthorization", **LOGIN)
                assert isinstance(await client.call(schema.DestroyAuthKey()), schema.DestroyAuthKeyFail)
            assert path.exists()

    run(main)


@pytest.mark.requirement("TR-57", "SEC-41")
def test_a_404_for_a_stored_key_leaves_the_file_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "FIRST_DELAY", 0.01)  # seconds between the attempts
    path = tmp_path / "key"

    async def main() -> None:
        async with serve(new_dc()) as listener, await mtproto.connect(address(listener), APP, key_store=path):
            pass
        before = path.read_bytes()
        async with serve(new_dc()) as listener:  # which does not know the key
            client = await mtproto.connect(address(listener), APP, key_store=path, pfs=False)
            with pytest.raises(OutcomeUnknown) as caught:
                await client.call("help.getConfig")
            assert isinstance(caught.value.__cause__, TransportFault) and caught.value.__cause__.code == -404
            await client.close()
        assert path.read_bytes() == before

    run(main)


def test_a_key_file_in_use_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "key"
        async with serve(new_dc()) as listener, await mtproto.connect(address(listener), APP, key_store=path):
            with pytest.raises(UsageError, match="in use"):
                await mtproto.connect(address(listener), APP, key_store=path)

    run(main)


def test_a_failed_connect_gives_the_key_file_back(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "key"
        with pytest.raises(ConnectionLost):
            await mtproto.connect(address(("127.0.0.1", 1)), APP, key_store=path)
        assert list(tmp_path.iterdir()) == []
        async with serve(new_dc()) as listener, await mtproto.connect(address(listener), APP, key_store=path):
            pass

    run(main)


# ---- pushing back


def test_for_what_cannot_be_written_the_timer_fires_once_a_second() -> None:
    """It watches over the connection, and does not spin."""

    async def main() -> None:
        async with serve(new_dc()) as listener, await mtproto.connect(address(listener), APP) as client:
            await client.call("help.getConfig")
            wire: _Wire = client._wire
            wire.pause_writing()
            session = client._opening.calls.link.current
            assert session is not None
            for msg_id in range(16):
                session.acknowledge(msg_id)
            wire.settle()
            await settle()
            assert wire._timer is not None and wire._timer.when() > wire.loop.time() + 0.9
            assert session.wants_write(None)
            wire.resume_writing()
            assert not session.wants_write(None)

    run(main)


def test_while_the_socket_takes_no_more_reading_goes_on_and_calls_wait() -> None:
    """A server that waits for its client to read would else wait for ever."""

    async def main() -> None:
        async with serve(new_dc()) as listener, await mtproto.connect(address(listener), APP) as client:
            wire: _Wire = client._wire
            transport = wire._transport
            assert transport is not None
            wire.pause_writing()
            assert transport.is_reading()
            call = asyncio.ensure_future(client.call("help.getConfig"))
            await settle()
            assert not call.done()
            wire.resume_writing()
            assert transport.is_reading()
            assert (await call).this_dc == 2

    run(main)


# ---- cancellation


def test_a_close_that_is_cancelled_while_data_waits_still_ends_everything() -> None:
    async def main() -> None:
        dc = new_dc()
        async with serve(dc) as listener:
            client = await mtproto.connect(address(listener), APP)
            for socket in listener._sockets.values():
                socket._transport.pause_reading()
            part = client.call("upload.saveFilePart", file_id=1, file_part=0, bytes=randbytes(12 << 20))
            call = asyncio.ensure_future(part)
            await settle()
            closing = asyncio.ensure_future(client.close())
            await settle()
            assert not closing.done()
            closing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await closing
            with pytest.raises(OutcomeUnknown):
                await call
            await client._wire.gone.wait()
            assert client._wire._timer is None or client._wire._timer.cancelled()

    run(main)


def test_a_close_that_is_cancelled_during_an_attempt_to_connect_still_ends_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recovery, "FIRST_DELAY", 0.01)

    async def main() -> None:
        dc = new_dc()
        async with serve(dc) as listener:
            client = await mtproto.connect(address(listener), APP)
            call = asyncio.ensure_future(client.call(NEVER, offline=False))
            attempt = asyncio.Event()

            async def slow() -> None:
                try:
                    attempt.set()
                    await asyncio.sleep(60)
                finally:
                    await asyncio.sleep(0.01)

            client._wire.open = slow  # type: ignore[method-assign]
            client._wire._transport.abort()
            await attempt.wait()
            closing = asyncio.ensure_future(client.close())
            await asyncio.sleep(0)
            closing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await closing
            with pytest.raises(ConnectionLost):
                await call
            await asyncio.wait([client._wire._attempt])
            assert client._wire._timer is None or client._wire._timer.cancelled()

    run(main)
