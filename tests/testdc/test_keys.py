"""Keys and sessions: made, kept, dropped and refused."""

from __future__ import annotations

from hashlib import sha1
from typing import Any

import pytest

from mtproto.crypto.auth_key import AuthKey
from mtproto.crypto.factor import factorize
from mtproto.errors import RpcError, SecurityError, TransportFault, UsageError
from mtproto.schema import mtproto as schema
from mtproto.schema.api import functions
from mtproto.session.events import SessionOver
from mtproto.testdc import DataCenter
from mtproto.testdc.datacenter import MAX_SESSIONS
from mtproto.tl.registry import decode
from tests.testdc.rig import KEY, NOW, Client, World, service


def sessions_of(client: Client) -> list[int]:
    keys = client.dc.key_state(client.link.keys.auth_key.auth_key_id)  # type: ignore[union-attr]
    assert keys is not None
    return list(keys.sessions)


def test_a_key_exchange_gives_a_key_that_serves_at_once() -> None:
    world = World()
    client = world.client(exchange=True)
    assert client.call("help.getConfig").this_dc == 2
    assert client.received(schema.BadServerSalt) == []


@pytest.mark.requirement("AUTH-15")
def test_a_media_client_names_the_negative_dc() -> None:
    world = World()
    client = world.client(exchange=True, media=True)
    assert client.link.dc.number == -2
    assert client.call("help.getConfig").this_dc == 2


@pytest.mark.requirement("AUTH-93")
def test_another_dc_is_refused_with_444() -> None:
    client = World().client(exchange=True, dc_number=3)
    assert client.link.keys is None
    error = client.closed()
    assert isinstance(error, TransportFault)
    assert error.code == -444


@pytest.mark.requirement("TR-59")
def test_an_unknown_key_is_refused_with_404() -> None:
    world = World()
    client = world.client()
    client.dc.forget_key(client.dc.key_state(client.link.keys.auth_key.auth_key_id))  # type: ignore[union-attr, arg-type]
    client.begin("help.getConfig")
    error = client.closed()
    assert isinstance(error, TransportFault)
    assert error.code == -404


@pytest.mark.requirement("TR-59", "AUTH-98", "MSG-111")
def test_a_temporary_key_serves_little_and_not_for_long() -> None:
    world = World()
    client = world.client(expires_at=NOW + 100)
    assert client.call("help.getNearestDc").this_dc == 2
    with pytest.raises(RpcError, match="401 AUTH_KEY_PERM_EMPTY"):
        client.log_in()
    world.advance(101)
    client.begin("help.getNearestDc")
    assert isinstance(client.closed(), TransportFault)
    assert repr(world.dc) == "<DataCenter 2: 0 keys, 0 sessions>"


@pytest.mark.requirement("MSG-63", "SEC-78")
def test_a_65th_session_of_a_key_drops_the_one_that_was_used_least_recently() -> None:
    world = World()
    client = world.client(bare=True)
    first = client.session
    client.raw(pings())
    for _ in range(MAX_SESSIONS - 1):
        client.renew()
        client.raw(pings())
    assert len(sessions_of(client)) == MAX_SESSIONS
    second = sessions_of(client)[1]
    client.link.current = first
    client.near.attach(first)
    client.raw(pings())
    client.renew()
    client.raw(pings())
    assert len(sessions_of(client)) == MAX_SESSIONS
    assert first.session_id in sessions_of(client)
    assert second not in sessions_of(client)
    assert len(client.far._sessions) == MAX_SESSIONS, "the connection lets go of it too"


def pings() -> bytes:
    return functions.InvokeWithLayer(
        layer=229,
        query=functions.InitConnection(
            api_id=1,
            device_model="",
            system_version="",
            app_version="",
            system_lang_code="",
            lang_pack="",
            lang_code="",
            query=functions.help.GetNearestDc(),
        ),
    ).to_bytes()


@pytest.mark.requirement("MSG-63")
def test_an_idle_session_is_forgotten_after_fifteen_minutes() -> None:
    world = World()
    client = world.client()
    client.call("help.getConfig")
    world.advance(40)  # the client acknowledges on its own
    world.advance(14 * 60)
    assert sessions_of(client) == [client.session.session_id]
    world.advance(2 * 60)
    assert sessions_of(client) == []
    client.call("help.getConfig")
    assert len(client.received(schema.NewSessionCreated)) == 2


def test_a_session_that_speaks_is_not_idle() -> None:
    world = World()
    client = world.client()
    for _ in range(20):
        client.call("help.getConfig")
        world.advance(60)
    assert len(client.received(schema.NewSessionCreated)) == 1


@pytest.mark.requirement("MSG-65")
def test_destroy_session_forgets_another_session_everywhere() -> None:
    world = World()
    client = world.client(bare=True)
    old = client.session.session_id
    client.raw(pings())
    client.renew()
    client.raw(pings())
    client.request(schema.DestroySession(session_id=old).to_bytes(), content=False, api=False)
    client.request(schema.DestroySession(session_id=1).to_bytes(), content=False, api=False)
    client.request(schema.DestroySession(session_id=client.session.session_id).to_bytes(), content=False, api=False)
    world.run()
    assert [service(event).session_id for event in client.received(schema.DestroySessionOk)] == [old]
    assert len(client.received(schema.DestroySessionNone)) == 2
    assert sessions_of(client) == [client.session.session_id] == list(client.far._sessions)
    assert repr(world.dc) == "<DataCenter 2: 1 keys, 1 sessions>"


def test_service_queries_are_answered() -> None:
    world = World()
    client = world.client()
    client.call("help.getConfig")
    queries = (
        schema.GetFutureSalts(num=3),
        schema.MsgsStateReq(msg_ids=[1, 2, 3]),
        schema.PingDelayDisconnect(ping_id=9, disconnect_delay=75),
    )
    for query in queries:
        client.request(query.to_bytes(), content=False, api=False)
    world.run()
    (salts,) = client.received(schema.FutureSalts)
    assert len(service(salts).salts) == 3
    (state,) = client.received(schema.MsgsStateInfo)
    assert len(service(state).info) == 3
    (pong,) = client.received(schema.Pong)
    assert service(pong).ping_id == 9


@pytest.mark.requirement("MSG-102")
def test_a_dropped_answer_is_not_waited_for() -> None:
    world = World()
    client = world.bot()
    slow = client.begin("account.getBotBusinessConnection", connection_id="slow")
    msg_id = client.session._requests[slow].msg_ids[-1]
    for _ in range(2):
        client.request(schema.RpcDropAnswer(req_msg_id=msg_id).to_bytes(), api=False)
    world.run()
    dropped = schema.RpcAnswerDroppedRunning().to_bytes()
    results = [event.body[12:] for event in client.received(schema.RpcResult)][-3:]
    assert results == [dropped, dropped, schema.RpcAnswerUnknown().to_bytes()]
    world.advance(4)
    assert [event.body[12:] for event in client.received(schema.RpcResult)][-3:] == results


@pytest.mark.requirement("MSG-106", "API-43")
def test_a_key_is_destroyed_only_after_logging_out() -> None:
    world = World()
    client = world.bot()
    client.request(schema.DestroyAuthKey().to_bytes(), content=False, api=False)
    world.run()
    assert len(client.received(schema.DestroyAuthKeyFail)) == 1
    client.call("auth.logOut")
    client.request(schema.DestroyAuthKey().to_bytes(), content=False, api=False)
    world.run()
    assert len(client.received(schema.DestroyAuthKeyOk)) == 1
    assert repr(world.dc) == "<DataCenter 2: 0 keys, 0 sessions>"


def legacy_exchange(dc: DataCenter) -> bytes:
    """The datacenter's answer to req_DH_params in the form that published clients still use (AUTH-42)."""
    answer, _ = dc.plain(schema.ReqPq(nonce=bytes(16)).to_bytes())
    offer: Any = decode(answer, schema.read_object)
    p, q = factorize(offer.pq)
    inner = schema.PQInnerData(
        pq=offer.pq, p=p, q=q, nonce=offer.nonce, server_nonce=offer.server_nonce, new_nonce=bytes(32)
    ).to_bytes()
    block = b"\0" + sha1(inner).digest() + inner
    query = schema.ReqDHParams(
        nonce=offer.nonce,
        server_nonce=offer.server_nonce,
        p=p,
        q=q,
        public_key_fingerprint=dc.public_key.fingerprint,
        encrypted_data=dc.public_key.encrypt(block.ljust(256, b"\1")),
    )
    return dc.plain(query.to_bytes())[0]


@pytest.mark.requirement("AUTH-42", "SEC-77")
def test_the_legacy_key_exchange_is_served_unless_it_is_turned_off() -> None:
    answer = decode(legacy_exchange(World().dc), schema.read_object)
    assert isinstance(answer, schema.ServerDHParamsOk)
    with pytest.raises(SecurityError):
        legacy_exchange(World(accept_legacy=False).dc)


@pytest.mark.requirement("SEC-84")
def test_a_generated_key_never_has_a_small_fingerprint() -> None:
    dc = DataCenter(World().env)
    assert dc.public_key.fingerprint % 2**64 >= 2**60


def test_a_server_replaces_no_session() -> None:
    world = World()
    client = world.client()
    with pytest.raises(UsageError):
        world.dc.replace(SessionOver(client.session, 17))


def test_a_dc_id_has_limits() -> None:
    for dc_id in (0, -1, 10_000):
        with pytest.raises(UsageError):
            DataCenter(World().env, dc_id=dc_id, private_key=KEY)


def test_a_plain_message_that_is_no_key_exchange_closes_the_connection() -> None:
    world = World()
    client = world.client()
    client.near._send_plain(functions.help.GetConfig().to_bytes())
    world.run()
    assert client.far.closed
    assert world.dc.log.transports == {"abridged": 1}
    assert len(world.dc.log.faults) == 1


def test_two_keys_never_share_a_session() -> None:
    world = World()
    one, other = world.client(key=AuthKey(b"1" * 256)), world.client(key=AuthKey(b"2" * 256))
    one.call("help.getConfig")
    other.call("help.getConfig")
    assert not set(sessions_of(one)) & set(sessions_of(other))
