"""The blocking front end over loopback: the same calls and errors, without a loop and without threads."""

from __future__ import annotations

import gc
import selectors
import socket
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, thread_time
from typing import Any

import pytest

from mtproto import blocking
from mtproto.client import recovery
from mtproto.client.blocking import Client, _Wire
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
from mtproto.testdc import BackgroundDataCenter, BusinessConnection, start_in_thread
from tests.client.rig import APP, FAULTS, LATER, LOGIN, NEVER, address, listens, misbehaving, new_dc, unreachable
from tests.handshake.rig import OTHER_KEY


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    """No thread is started by the client, no socket is forgotten."""
    before = set(threading.enumerate())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert set(threading.enumerate()) <= before
    assert [str(warning.message) for warning in caught] == []


@pytest.fixture
def place() -> Iterator[BackgroundDataCenter]:
    with start_in_thread(new_dc()) as running:
        yield running


def connect(place: Any, **options: Any) -> Client:
    return blocking.connect(address(place), APP, **options)


def logged_in(place: Any, **options: Any) -> Client:
    client = connect(place, **options)
    client.call("auth.importBotAuthorization", **LOGIN)
    return client


# ---- calls and their errors


def test_a_call_by_name_and_by_object_gives_the_same_typed_result(place: BackgroundDataCenter) -> None:
    with logged_in(place) as client:
        by_name = client.call("account.getBotBusinessConnection", connection_id="demo")
        by_object = client.call(functions.account.GetBotBusinessConnection(connection_id="demo"))
        assert isinstance(by_name, types.Updates) and by_name.updates == by_object.updates


def test_a_service_query_is_called_the_same_way(place: BackgroundDataCenter) -> None:
    with connect(place) as client:
        assert client.call(schema.Ping(ping_id=77)).ping_id == 77
        assert len(client.call(schema.GetFutureSalts(num=3)).salts) == 3


def test_an_rpc_error_has_code_name_and_number(place: BackgroundDataCenter) -> None:
    with logged_in(place) as client:
        with pytest.raises(RpcError) as caught:
            client.call("account.getBotBusinessConnection", connection_id="flood")
        assert (caught.value.code, caught.value.name, caught.value.number) == (420, "FLOOD_WAIT_X", 17)


@pytest.mark.parametrize(
    ("function", "fields"),
    [
        ("account.getBotBusinessConection", {"connection_id": "demo"}),
        ("account.getBotBusinessConnection", {}),
        ("account.getBotBusinessConnection", {"connection_id": 5}),
        ("botBusinessConnection", {}),
        (functions.help.GetConfig(), {"a": 1}),
        (None, {}),
    ],
)
def test_a_call_that_cannot_be_sent_is_refused_before_anything_is(
    place: BackgroundDataCenter, function: Any, fields: dict[str, Any]
) -> None:
    seen: list[Event] = []
    with connect(place, watch=seen.append) as client:
        before = len(seen)
        with pytest.raises(UsageError):
            client.call(function, **fields)
        client.poll()
        assert len(seen) == before


def test_large_answers_and_requests_pass(place: BackgroundDataCenter) -> None:
    place.dc.handle("help.getAppUpdate", lambda call: call.query.source.encode(), login=False)
    with logged_in(place) as client:
        assert len(client.call("account.getBotBusinessConnection", connection_id="big").users) >= 1000
        seed = "".join(chr(33 + i * i * 7 % 90) for i in range(1000))
        with pytest.raises(MTProtoError, match="unknown_constructor"):  # the text itself is no help.AppUpdate
            client.call("help.getAppUpdate", source=seed * 4000)


# ---- deadlines and the end


def test_no_answer_in_time_is_a_request_timeout_and_the_client_lives_on(place: BackgroundDataCenter) -> None:
    with connect(place) as client:
        start = monotonic()
        with pytest.raises(RequestTimeout, match=r"within 0\.05 s"):
            client.call(NEVER, offline=True, timeout=0.05)
        assert monotonic() - start < 5
        assert client._wire.outcomes == {} and client._wire.calls._functions == {}
        assert client.call("help.getConfig").this_dc == 2


def test_a_late_answer_is_ignored(place: BackgroundDataCenter) -> None:
    dc: Any = place.dc
    with connect(place) as client:
        with pytest.raises(RequestTimeout):
            client.call(LATER, timeout=0.05)
        place.run(dc.release)
        assert client.call("help.getConfig").this_dc == 2
        assert client._wire.outcomes == {}


def test_waiting_costs_no_processor_time(place: BackgroundDataCenter) -> None:
    with connect(place) as client:
        client.call("help.getConfig")
        start = thread_time()
        with pytest.raises(RequestTimeout):
            client.call(NEVER, offline=True, timeout=0.3)
        assert thread_time() - start < 0.15


def test_a_closed_client_refuses_calls_and_can_be_closed_again(place: BackgroundDataCenter) -> None:
    client = connect(place)
    client.close()
    client.close()
    with pytest.raises(ConnectionLost):
        client.call("help.getConfig")
    waiting = list(client._wire.calls.updates)
    assert client.poll(0.01) is bool(waiting)
    assert list(client.events()) == waiting


def test_a_server_that_closes_ends_the_pending_call_and_the_updates() -> None:
    with start_in_thread(new_dc()) as place:
        dc: Any = place.dc
        client = connect(place, reconnect=False)
        ending = threading.Timer(0.05, place.close)
        ending.start()
        with pytest.raises(OutcomeUnknown):
            client.call(LATER)
        ending.join()
        with pytest.raises(ConnectionLost):
            client.call("help.getConfig")
        with pytest.raises(ConnectionLost):
            list(client.events())
        client.close()
        assert dc.held


def test_the_cause_of_the_end_stands_behind_the_error(place: BackgroundDataCenter) -> None:
    client = connect(place, reconnect=False)
    client.call("help.getConfig")
    client._wire.calls.connection.receive_data(b"\4\0\0\0" + (-429).to_bytes(4, "little", signed=True))
    with pytest.raises(ConnectionLost) as caught:
        client.call("help.getConfig")
    assert isinstance(caught.value.__cause__, TransportFault)
    client.close()


def test_an_exception_in_the_block_closes_the_client(place: BackgroundDataCenter) -> None:
    with pytest.raises(ZeroDivisionError), connect(place) as client:
        raise ZeroDivisionError
    assert client._wire.calls.connection.closed


# ---- updates, acknowledgements, pings


def test_updates_move_inside_poll_and_events(place: BackgroundDataCenter) -> None:
    with logged_in(place) as client:
        client.call("updates.getState")
        while client.poll():
            client._wire.calls.updates.popleft()
        place.run(lambda: place.dc.set_connection(BusinessConnection("one")))
        assert client.poll(10)
        place.run(lambda: place.dc.set_connection(BusinessConnection("two")))
        events = client.events(timeout=10)
        found = [next(events), next(events)]
        names = [update.updates[0].connection.connection_id for update in found]  # type: ignore[union-attr]
        assert names == ["one", "two"]


def test_events_end_when_nothing_comes_in_time(place: BackgroundDataCenter) -> None:
    with connect(place) as client:
        client.call("help.getConfig")
        assert all(isinstance(update, NewSession) for update in client.events(timeout=0.05))


def test_acknowledgements_leave_inside_a_call(place: BackgroundDataCenter) -> None:
    seen: list[Event] = []
    with connect(place, watch=seen.append) as client:
        for _ in range(3):
            client.call("help.getConfig")
    sent = [event for event in seen if isinstance(event, Traced) and event.direction == "out"]
    assert [event for event in sent if event.body[:4] == schema.MsgsAck.ID.to_bytes(4, "little")]


# ---- connecting


def test_a_port_where_nobody_listens_is_connection_lost() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(ConnectionLost, match=f"127.0.0.1 port {port}"):
        connect(("127.0.0.1", port))


@pytest.mark.parametrize("host", ["a" * 64 + ".invalid", "a..b"])
def test_a_host_that_is_no_name_is_connection_lost(host: str) -> None:
    with pytest.raises(ConnectionLost):
        connect((host, 1))


@pytest.mark.parametrize("name", FAULTS)
def test_a_server_that_does_something_else_ends_the_key_exchange(name: str) -> None:
    serve_one, expected = FAULTS[name]
    with misbehaving(serve_one) as place, pytest.raises(MTProtoError) as caught:
        connect(place)
    assert type(caught.value).__name__ == expected


@pytest.mark.requirement("TR-125", "SEC-68")
def test_a_silent_server_is_given_up_in_time() -> None:
    with misbehaving(listens) as place, pytest.raises(RequestTimeout, match=r"0\.1 s"):
        connect(place, key_exchange_timeout=0.1)


@pytest.mark.skipif(sys.platform != "linux", reason="what a full queue does differs")
@pytest.mark.requirement("TR-125")
def test_an_address_that_does_not_answer_is_given_up_in_time() -> None:
    with unreachable() as place, pytest.raises(ConnectionLost, match=r"no answer within 0\.1 s"):
        connect(place, connect_timeout=0.1)


def test_another_rsa_key_is_refused_by_name(place: BackgroundDataCenter) -> None:
    with pytest.raises(MTProtoError, match="unknown_public_key"):
        blocking.connect(address(place, key=OTHER_KEY.public), APP)


# ---- the key file


@pytest.mark.parametrize(("pfs", "exchanges"), [(False, 1), (True, 3)])
def test_a_second_run_with_the_key_file_makes_no_other_permanent_key(
    place: BackgroundDataCenter, tmp_path: Path, pfs: bool, exchanges: int
) -> None:
    path = tmp_path / "key"
    with logged_in(place, key_store=path, pfs=pfs) as client:
        assert client.created_key
        client.remember_user(2000)
    with connect(place, key_store=path, pfs=pfs) as client:
        assert not client.created_key and client.user_id == 2000
        assert client.call("account.getBotBusinessConnection", connection_id="demo").updates
    assert place.run(lambda: place.dc.log.exchanges) == exchanges


def test_a_key_that_the_server_has_destroyed_leaves_its_file(place: BackgroundDataCenter, tmp_path: Path) -> None:
    path = tmp_path / "key"
    with connect(place, key_store=path) as client:
        assert isinstance(client.call(schema.DestroyAuthKey()), schema.DestroyAuthKeyOk)
        assert not path.exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.requirement("TR-57", "SEC-41")
def test_a_404_for_a_stored_key_leaves_the_file_as_it_is(
    place: BackgroundDataCenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "FIRST_DELAY", 0.01)  # seconds between the attempts
    path = tmp_path / "key"
    with connect(place, key_store=path):
        pass
    before = path.read_bytes()
    with start_in_thread(new_dc()) as other:
        client = connect(other, key_store=path, pfs=False)
        with pytest.raises(OutcomeUnknown) as caught:
            client.call("help.getConfig")
        assert isinstance(caught.value.__cause__, TransportFault) and caught.value.__cause__.code == -404
        client.close()
    assert path.read_bytes() == before


def test_a_failed_connect_gives_the_key_file_back(tmp_path: Path) -> None:
    with pytest.raises(ConnectionLost):
        connect(("127.0.0.1", 1), key_store=tmp_path / "key")
    assert list(tmp_path.iterdir()) == []


# ---- pushing back


def test_a_full_socket_does_not_spin(place: BackgroundDataCenter) -> None:
    """Acknowledgements that are due wait for the socket, not for the timer."""
    near, far = socket.socketpair()
    with near, far, connect(place) as client:
        near.setblocking(False)
        wire = _Wire(client._opening, 1.0)
        wire._sock = near  # the far end reads nothing
        wire._selector.register(near, selectors.EVENT_READ)
        wire._unsent = memoryview(bytes(50_000_000))
        session = client._opening.calls.link.current
        assert session is not None
        for msg_id in range(16):
            session.acknowledge(msg_id)
        start, deadline = thread_time(), monotonic() + 0.3
        while wire.step(deadline):
            pass
        assert thread_time() - start < 0.15
        assert wire._unsent and session.wants_write(None)
        wire._selector.close()


def test_a_peer_that_reads_nothing_is_given_up_all_the_same(place: BackgroundDataCenter) -> None:
    """TR-125: what is due to end does not wait for the socket, or a call without a limit would wait for ever."""
    near, far = socket.socketpair()
    with near, far, connect(place, reconnect=False) as client:
        near.setblocking(False)
        wire = client._wire
        assert wire._sock is not None
        wire._selector.unregister(wire._sock)
        wire._sock.close()
        wire._sock = near  # the far end reads nothing
        wire._selector.register(near, selectors.EVENT_READ)
        wire._unsent = memoryview(bytes(50_000_000))
        wire.calls.connection._close_at = monotonic() + 0.1
        with pytest.raises(ConnectionLost, match="before the request was sent"):
            client.call("help.getConfig", timeout=20)


# ---- interruption


def test_an_attempt_to_connect_that_was_interrupted_is_followed_by_another(
    place: BackgroundDataCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "FIRST_DELAY", 0.01)

    def interrupted(timeout: float) -> None:
        raise KeyboardInterrupt

    with connect(place) as client:
        assert client._wire._sock is not None
        client._wire._sock.shutdown(socket.SHUT_RDWR)
        with monkeypatch.context() as patch:
            patch.setattr(client._wire, "open", interrupted)
            with pytest.raises(KeyboardInterrupt):
                client.call("help.getConfig")
        assert client.call("help.getConfig").this_dc == 2
