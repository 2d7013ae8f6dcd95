"""Both front ends make a lost connection again (TR-122, TR-125, TR-126)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest

import mtproto
from mtproto import blocking
from mtproto.client import recovery
from mtproto.client.recovery import Reconnected, Reconnecting
from mtproto.errors import ConnectionLost, OutcomeUnknown, RequestTimeout
from mtproto.session.events import Event
from mtproto.testdc import BusinessConnection, start_in_thread
from mtproto.testdc.background import BackgroundDataCenter
from mtproto.testdc.listener import serve
from tests.client.rig import APP, LATER, LOGIN, address, new_dc, run
from tests.transports import EACH

ASK = "account.getBotBusinessConnection"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow after 20 to 40 milliseconds."""
    monkeypatch.setattr(recovery, "FIRST_DELAY", 0.02)
    monkeypatch.setattr(recovery, "MAX_DELAY", 0.08)


@pytest.fixture
def place() -> Iterator[BackgroundDataCenter]:
    with start_in_thread(new_dc()) as running:
        yield running


def cut(dc: Any) -> None:
    """End every connection of the datacenter, as a network does."""
    for key in dc._keys.values():
        for session in key.sessions.values():
            for connection in list(session.vias):
                dc.lose(session, connection)


# ---- over every transport


@pytest.mark.parametrize("transport", EACH)
@pytest.mark.parametrize("quick_ack", [False, True])
def test_a_connection_is_made_again_by_the_same_transport(transport: str, quick_ack: bool) -> None:
    told: list[Event] = []

    async def main() -> None:
        dc = new_dc()
        async with serve(dc) as listener:
            options: dict[str, Any] = {"transport": transport, "quick_ack": quick_ack, "watch": told.append}
            async with await mtproto.connect(address(listener), APP, **options) as client:
                await client.call("auth.importBotAuthorization", **LOGIN)
                answer = await client.call(ASK, connection_id="lost")
                assert answer.updates[0].connection.connection_id == "lost"
                assert dc.log.calls[ASK] == 1
                later = asyncio.ensure_future(client.call(LATER))
                while not dc.held:
                    await asyncio.sleep(0.001)
                cut(dc)
                dc.release()
                assert (await later).message == "come"
                dc.set_connection(BusinessConnection("news"))
                async for update in client.events():
                    if hasattr(update, "updates") and update.updates[0].connection.connection_id == "news":
                        break
        assert (dc.log.transports, list(dc.log.faults)) == ({transport: 3}, [])

    run(main)
    states = [type(event) for event in told if isinstance(event, Reconnecting | Reconnected)]
    assert states == [Reconnecting, Reconnected] * 2


@pytest.mark.parametrize("transport", EACH)
def test_the_blocking_client_makes_it_again_by_the_same_transport(place: BackgroundDataCenter, transport: str) -> None:
    with blocking.connect(address(place), APP, transport=transport) as client:
        client.call("auth.importBotAuthorization", **LOGIN)
        assert client.call(ASK, connection_id="lost").updates[0].connection.connection_id == "lost"
        place.run(lambda: cut(place.dc))
        assert client.call("help.getNearestDc").this_dc == 2
        place.run(lambda: place.dc.set_connection(BusinessConnection("news")))
        for update in client.events(timeout=10):
            if hasattr(update, "updates") and update.updates[0].connection.connection_id == "news":
                break
    place.close()
    assert (place.dc.log.calls[ASK], place.dc.log.transports) == (1, {transport: 3})


# ---- asyncio


@pytest.mark.requirement("MSG-75")
def test_a_call_whose_answer_was_lost_is_answered_on_the_next_connection() -> None:
    told: list[Event] = []

    async def main() -> None:
        dc = new_dc()
        async with serve(dc) as listener, await mtproto.connect(address(listener), APP, watch=told.append) as client:
            await client.call("auth.importBotAuthorization", **LOGIN)
            answer = await client.call(ASK, connection_id="lost")
            assert answer.updates[0].connection.connection_id == "lost" and len(answer.users) > 1000
            assert dc.log.calls[ASK] == 1

    run(main)
    states = [type(event) for event in told if isinstance(event, Reconnecting | Reconnected)]
    assert states == [Reconnecting, Reconnected]


def test_a_call_that_runs_through_the_gap_is_answered_after_it() -> None:
    async def main() -> None:
        dc = new_dc()
        async with serve(dc) as listener, await mtproto.connect(address(listener), APP) as client:
            task = asyncio.ensure_future(client.call(LATER))
            while not dc.held:
                await asyncio.sleep(0)
            cut(dc)
            dc.release()
            assert (await task).message == "come"
            assert (await client.call("help.getNearestDc")).this_dc == 2

    run(main)


@pytest.mark.requirement("SEC-68")
def test_calls_made_while_nobody_listens_wait_until_their_deadline() -> None:
    async def main() -> None:
        dc = new_dc()
        async with serve(dc) as listener:
            client = await mtproto.connect(address(listener), APP)
            await client.call("help.getNearestDc")
            port = listener.port
        with pytest.raises(RequestTimeout):
            await client.call("help.getNearestDc", timeout=0.1)
        waiting = asyncio.ensure_future(client.call("help.getNearestDc", timeout=20))
        await asyncio.sleep(0)
        assert not waiting.done()
        async with serve(dc, port=port):
            assert (await waiting).this_dc == 2
            await client.close()

    run(main)


def test_close_ends_the_attempts_and_the_calls() -> None:
    async def main() -> None:
        async with serve(new_dc()) as listener:
            client = await mtproto.connect(address(listener), APP)
            sent = asyncio.ensure_future(client.call(LATER))
            await client.call("help.getNearestDc")
        while not client._wire.calls.connection.closed:
            await asyncio.sleep(0)
        unsent = asyncio.ensure_future(client.call("help.getNearestDc"))
        await asyncio.sleep(0)
        await client.close()
        with pytest.raises(OutcomeUnknown):
            await sent
        with pytest.raises(ConnectionLost):
            await unsent
        with pytest.raises(ConnectionLost):
            await client.call("help.getNearestDc")

    run(main)


def test_updates_go_on_after_the_gap() -> None:
    async def main() -> None:
        dc = new_dc()
        async with serve(dc) as listener, await mtproto.connect(address(listener), APP) as client:
            await client.call("auth.importBotAuthorization", **LOGIN)
            await client.call("updates.getState")
            cut(dc)
            await asyncio.sleep(0)
            dc.set_connection(BusinessConnection("news"))
            async for update in client.events():
                if hasattr(update, "updates"):
                    assert update.updates[0].connection.connection_id == "news"
                    break

    run(main)


@pytest.mark.requirement("MSG-102")
def test_a_cancelled_call_is_cancelled_on_the_server() -> None:
    """MSG-102."""

    async def main() -> None:
        dc = new_dc()
        async with serve(dc) as listener, await mtproto.connect(address(listener), APP) as client:
            task = asyncio.ensure_future(client.call(LATER))
            while not dc.held:
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await client.call("help.getNearestDc")
            (call,) = dc.held
            assert call.session.result(call.msg_id, bytes(4), None) is None

    run(main)


# ---- blocking


def test_the_blocking_client_does_the_same(place: BackgroundDataCenter) -> None:
    told: list[Event] = []
    with blocking.connect(address(place), APP, watch=told.append) as client:
        client.call("auth.importBotAuthorization", **LOGIN)
        answer = client.call(ASK, connection_id="lost")
        assert answer.updates[0].connection.connection_id == "lost" and len(answer.users) > 1000
        assert place.run(lambda: place.dc.log.calls[ASK]) == 1
        place.run(lambda: cut(place.dc))
        assert client.call("help.getNearestDc").this_dc == 2
    states = [type(event) for event in told if isinstance(event, Reconnecting | Reconnected)]
    assert states == [Reconnecting, Reconnected] * 2


def test_its_calls_wait_until_their_deadline_too() -> None:
    dc = new_dc()
    with start_in_thread(dc) as first:
        client = blocking.connect(address(first), APP)
        client.call("help.getNearestDc")
        port = first.port
    start = monotonic()
    with pytest.raises(RequestTimeout):
        client.call("help.getNearestDc", timeout=0.2)
    assert 0.2 <= monotonic() - start < 2
    again: list[BackgroundDataCenter] = []
    starter = threading.Timer(0.1, lambda: again.append(start_in_thread(dc, port=port)))
    starter.start()
    assert client.call("help.getNearestDc", timeout=20).this_dc == 2
    starter.join()
    client.close()
    again[0].close()
    with pytest.raises(ConnectionLost):
        client.call("help.getNearestDc")


def test_its_updates_go_on_after_the_gap(place: BackgroundDataCenter) -> None:
    with blocking.connect(address(place), APP) as client:
        client.call("auth.importBotAuthorization", **LOGIN)
        client.call("updates.getState")
        place.run(lambda: cut(place.dc))
        place.run(lambda: place.dc.set_connection(BusinessConnection("news")))
        update = next(update for update in client.events(timeout=10) if hasattr(update, "updates"))
        assert update.updates[0].connection.connection_id == "news"


def test_its_timed_out_call_is_cancelled_on_the_server(place: BackgroundDataCenter) -> None:
    dc: Any = place.dc
    with blocking.connect(address(place), APP) as client:
        client.call("help.getNearestDc")
        with pytest.raises(RequestTimeout):
            client.call(LATER, timeout=0.1)
        client.call("help.getNearestDc")
        (call,) = dc.held
        assert place.run(lambda: call.session.result(call.msg_id, bytes(4), None)) is None
