"""Both front ends with temporary keys, over loopback: renewal, loss, refusal, the key file (MSG-107..114, API-21)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

import mtproto
from mtproto import blocking
from mtproto.client import recovery, temporary
from mtproto.errors import RpcError, TransportFault
from mtproto.session.events import Event, KeyBound, KeyLost
from mtproto.testdc import start_in_thread
from mtproto.testdc.background import BackgroundDataCenter
from mtproto.testdc.listener import serve
from tests.client.rig import APP, LATER, LOGIN, address, new_dc, run
from tests.session.helpers import of
from tests.transports import INSTALLED

CALL = "help.getNearestDc"
BIND = "auth.bindTempAuthKey"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow after 20 to 40 milliseconds."""
    monkeypatch.setattr(recovery, "FIRST_DELAY", 0.02)
    monkeypatch.setattr(recovery, "MAX_DELAY", 0.08)
    monkeypatch.setattr(temporary, "FIRST_DELAY", 0.02)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another temporary key is due almost as soon as one is bound."""
    monkeypatch.setattr(temporary.Renewal, "bound", _bound_for_a_moment)


def _bound_for_a_moment(renewal: Any, life: float) -> None:
    renewal.under_way, renewal.due = False, renewal._env.monotonic() + 0.2


@pytest.fixture
def place() -> Iterator[BackgroundDataCenter]:
    with start_in_thread(new_dc()) as running:
        yield running


def forget_temporary_keys(dc: Any) -> None:
    """As a datacenter that is started again, with its permanent keys."""
    for key in [key for key in dc._keys.values() if key.expires_at is not None]:
        dc.forget_key(key)


# ---- renewal


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("transport", [name for name in INSTALLED if name in ("intermediate", "websocket", "http")])
def test_an_asyncio_client_renews_its_key_under_a_running_call(transport: str) -> None:
    told: list[Event] = []

    async def main() -> None:
        dc = new_dc()
        async with (
            serve(dc) as listener,
            await mtproto.connect(address(listener), APP, watch=told.append, transport=transport) as client,
        ):
            await client.call("auth.importBotAuthorization", **LOGIN)
            slow = asyncio.ensure_future(client.call(LATER))
            while len(of(told, KeyBound)) < 2:
                assert (await client.call(CALL)).this_dc == 2
                await asyncio.sleep(0.01)
            dc.release()
            assert (await slow).message == "come" and dc.log.calls[LATER] == 1
            assert await client.call("updates.getState") is not None

    run(main)


@pytest.mark.usefixtures("often")
def test_a_blocking_client_renews_its_key_while_it_is_used(place: BackgroundDataCenter) -> None:
    told: list[Event] = []
    with blocking.connect(address(place), APP, watch=told.append) as client:
        client.call("auth.importBotAuthorization", **LOGIN)
        until = monotonic() + 20
        while len(of(told, KeyBound)) < 3 and monotonic() < until:
            client.poll(0.05)
            assert client.call("updates.getState") is not None
    assert len(of(told, KeyBound)) >= 3


@pytest.mark.usefixtures("often")
def test_an_idle_asyncio_client_renews_its_key_too() -> None:
    told: list[Event] = []

    async def main() -> None:
        async with serve(new_dc()) as listener, await mtproto.connect(address(listener), APP, watch=told.append):
            while len(of(told, KeyBound)) < 3:
                await asyncio.sleep(0.01)

    run(main)


# ---- loss


def test_an_asyncio_client_goes_on_under_another_key() -> None:
    async def main() -> None:
        dc = new_dc()
        async with serve(dc) as listener, await mtproto.connect(address(listener), APP) as client:
            await client.call("auth.importBotAuthorization", **LOGIN)
            forget_temporary_keys(dc)
            client._wire.calls.connection.receive_eof()
            client._wire.settle()
            assert await client.call("updates.getState") is not None
            assert dc.log.exchanges == 3 and dc.log.logins == 1

    run(main)


def test_a_blocking_client_goes_on_under_another_key(place: BackgroundDataCenter) -> None:
    with blocking.connect(address(place), APP) as client:
        client.call("auth.importBotAuthorization", **LOGIN)
        place.run(lambda: forget_temporary_keys(place.dc))
        client._wire.calls.connection.receive_eof()
        client._wire.settle()
        assert client.call("updates.getState") is not None
    assert place.run(lambda: (place.dc.log.exchanges, place.dc.log.logins)) == (3, 1)


# ---- refusals


def test_connect_says_why_no_key_can_be_bound(place: BackgroundDataCenter) -> None:
    place.run(lambda: place.dc.handle(BIND, lambda call: RpcError(400, "TEMP_AUTH_KEY_EMPTY"), login=False))

    async def main() -> None:
        with pytest.raises(RpcError, match="400 TEMP_AUTH_KEY_EMPTY"):
            await mtproto.connect(address(place), APP)

    run(main)
    with pytest.raises(RpcError, match="400 TEMP_AUTH_KEY_EMPTY"):
        blocking.connect(address(place), APP)
    assert place.run(lambda: place.dc.log.calls) == {BIND: 6}


@pytest.mark.requirement("MSG-114", "TR-57")
@pytest.mark.parametrize(("age", "error"), [(0, RpcError), (61, TransportFault)])
def test_a_stored_key_that_the_server_does_not_know_stays_in_its_file(
    place: BackgroundDataCenter, tmp_path: Path, age: int, error: type[Exception]
) -> None:
    """MSG-114, TR-57: a young one is tried three times, an old one is itself asked about."""
    path = tmp_path / "key"
    with start_in_thread(new_dc()) as first, blocking.connect(address(first), APP, key_store=path):
        pass
    stored = json.loads(path.read_text())
    path.write_text(json.dumps({**stored, "created": stored["created"] - age}))
    before = path.read_bytes()

    async def main() -> None:
        with pytest.raises(error):
            await mtproto.connect(address(place), APP, key_store=path)

    run(main)
    with pytest.raises(error):
        blocking.connect(address(place), APP, key_store=path)
    assert path.read_bytes() == before


@pytest.mark.requirement("MSG-114", "API-21")
def test_a_key_that_is_lost_under_way_stays_in_its_file_until_someone_logs_in_again(tmp_path: Path) -> None:
    """MSG-114, API-21: the stored data is kept until its owner decides."""
    path = tmp_path / "key"
    told: list[Event] = []

    async def main() -> None:
        dc = new_dc()
        async with serve(dc) as listener:
            client = await mtproto.connect(address(listener), APP, key_store=path, watch=told.append)
            await client.call("auth.importBotAuthorization", **LOGIN)
            client.remember_user(2000)
            client._wire.calls.link.created_at -= 61
            before = json.loads(path.read_text())["auth_key"]
            dc._keys.clear()
            client._wire.calls.connection.receive_eof()
            client._wire.settle()
            with pytest.raises(RpcError, match="401 AUTH_KEY_UNREGISTERED"):
                await client.call("updates.getState")
            assert of(told, KeyLost) and client.user_id is None
            assert json.loads(path.read_text())["auth_key"] == before
            await client.close()
            assert json.loads(path.read_text())["auth_key"] == before

    run(main)


def test_without_temporary_keys_messages_travel_under_the_auth_key_itself(place: BackgroundDataCenter) -> None:
    with blocking.connect(address(place), APP, pfs=False) as client:
        assert client.call(CALL).this_dc == 2
    log = place.run(lambda: place.dc.log)
    assert log.exchanges == 1 and log.calls[BIND] == 0


@pytest.mark.requirement("MSG-112", "AUTH-98")
def test_a_temporary_key_is_written_nowhere(place: BackgroundDataCenter, tmp_path: Path) -> None:
    """MSG-112, AUTH-98."""
    path = tmp_path / "key"
    told: list[Event] = []
    with blocking.connect(address(place), APP, key_store=path, watch=told.append) as client:
        client.call(CALL)
        keys = client._wire.calls.link.keys
        assert keys is not None
    text = path.read_text()
    assert keys.auth_key.data.hex() not in text and f"{of(told, KeyBound)[0].auth_key_id & 2**64 - 1:016x}" not in text
