"""The datacenter binds temporary keys, and refuses with one word whatever it may not bind (MSG-110..115, SEC-82)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mtproto.crypto.auth_key import AuthKey
from mtproto.errors import RpcError, TransportFault
from mtproto.handshake.binding import protect_binding
from mtproto.handshake.states import Created
from mtproto.schema import mtproto as schema
from mtproto.schema.api import functions
from mtproto.schema.mtproto import BindAuthKeyInner
from mtproto.session.session import Session
from mtproto.testdc.binding import MAX_TEMPORARY
from mtproto.testdc.state import ServerKey
from tests.testdc.rig import NOW, Client, World

PERMANENT = AuthKey(b"permanent key of the tests, 32 b" * 8)
OTHER = AuthKey(b"another key of the tests: 32 byt" * 8)
EXPIRES_AT = NOW + 1000
TRUE = b"\xb5\x75\x72\x99"
Change = Callable[[BindAuthKeyInner], None]
INVALID = "400 ENCRYPTED_MESSAGE_INVALID"


def created(key: AuthKey, expires_at: int | None = None) -> Created:
    return Created(
        auth_key=key, server_salt=7, server_time=NOW, time_offset=0.0, expires_at=expires_at, fingerprint=0, dc=2
    )


def make_world() -> tuple[World, Client]:
    """A datacenter that knows a permanent key, and a client with a temporary one."""
    world = World()
    world.dc.add_key(created(PERMANENT))
    return world, world.client(expires_at=EXPIRES_AT)


def binding(
    key: AuthKey = PERMANENT,
    *,
    inner: Change = lambda inner: None,
    request: Callable[[Any], None] = lambda request: None,
    msg_id_ahead: int = 0,
) -> Callable[[int, Session], bytes]:
    """A body that binds, changed in the inner message, in the request, or made for another msg_id."""

    def body(msg_id: int, session: Session) -> bytes:
        said = BindAuthKeyInner(
            nonce=5,
            temp_auth_key_id=session.keys.auth_key.auth_key_id,
            perm_auth_key_id=key.auth_key_id,
            temp_session_id=session.session_id,
            expires_at=EXPIRES_AT,
        )
        asked = schema.AuthBindTempAuthKey(
            perm_auth_key_id=said.perm_auth_key_id, nonce=said.nonce, expires_at=said.expires_at, encrypted_message=b""
        )
        inner(said)
        asked.encrypted_message = protect_binding(key, said, msg_id + msg_id_ahead, bytes(16), bytes(8))
        request(asked)
        return asked.to_bytes()

    return body


def refused(client: Client, body: Any) -> str:
    """With which error a binding is refused."""
    with pytest.raises(RpcError) as caught:
        bind(client, body)
    return str(caught.value)


def bind(client: Client, body: Any) -> bytes:
    """The answer to a binding; raises the error that it is refused with."""
    return client.raw(body)


def key_of(client: Client) -> ServerKey:
    assert client.link.keys is not None
    key = client.dc.key(client.link.keys.auth_key.auth_key_id)
    assert key is not None
    return key


# ---- what is bound


def test_a_bound_key_has_the_login_of_the_permanent_one() -> None:
    world, client = make_world()
    assert bind(client, binding()) == TRUE
    client.log_in()
    assert client.ask("demo").updates
    second = world.client(expires_at=EXPIRES_AT)
    bind(second, binding())
    assert second.ask("demo").updates, "nobody has logged in under this one"


def test_what_one_key_remembers_its_permanent_key_remembers() -> None:
    world, client = make_world()
    bind(client, binding())
    second = world.client(expires_at=EXPIRES_AT)
    bind(second, binding())
    key_of(client).memory["x"] = 1
    assert key_of(second).memory == {"x": 1}
    client.log_in()
    second.call("auth.logOut")
    with pytest.raises(RpcError, match="401 AUTH_KEY_UNREGISTERED"):
        client.ask("demo")


@pytest.mark.requirement("API-02", "MSG-107")
def test_after_a_binding_the_client_says_again_who_it_is() -> None:
    """API-02, MSG-107 step 8: also where it has said so under the unbound key."""
    world = World()
    world.dc.add_key(created(PERMANENT))
    client = world.client(expires_at=EXPIRES_AT, bare=True)
    hello = functions.InvokeWithLayer(
        layer=229,
        query=functions.InitConnection(
            api_id=1,
            device_model="",
            system_version="",
            app_version="",
            system_lang_code="",
            lang_pack="",
            lang_code="",
            query=functions.help.GetConfig(),
        ),
    )
    client.raw(hello.to_bytes())
    bind(client, binding())
    with pytest.raises(RpcError, match="400 CONNECTION_NOT_INITED"):
        client.raw(functions.help.GetConfig().to_bytes())
    client.raw(hello.to_bytes())
    client.raw(functions.help.GetConfig().to_bytes())


def test_a_binding_may_be_wrapped() -> None:
    """An official client wraps it."""
    _, client = make_world()
    request_id = client.request(binding(), content=True)
    client.world.run()
    assert client.result(request_id) == TRUE


@pytest.mark.requirement("MSG-113")
def test_the_same_key_may_be_bound_again_to_the_same_permanent_one() -> None:
    """MSG-113; in another session as well."""
    _, client = make_world()
    bind(client, binding())
    assert bind(client, binding()) == TRUE
    client.renew()
    assert bind(client, binding()) == TRUE


@pytest.mark.requirement("MSG-113")
def test_an_earlier_end_counts_a_later_one_up_to_300_seconds_does_not() -> None:
    """MSG-113: the server keeps the earlier."""
    _, client = make_world()

    def until(expires_at: int) -> Any:
        return binding(
            inner=lambda said: setattr(said, "expires_at", expires_at),
            request=lambda asked: setattr(asked, "expires_at", expires_at),
        )

    bind(client, until(EXPIRES_AT + 300))
    assert key_of(client).expires_at == EXPIRES_AT
    assert refused(client, until(EXPIRES_AT + 301)) == INVALID
    bind(client, until(EXPIRES_AT - 100))
    assert key_of(client).expires_at == EXPIRES_AT - 100
    client.world.advance(901)
    client.begin("help.getNearestDc")
    assert isinstance(client.closed(), TransportFault)


@pytest.mark.requirement("MSG-110")
def test_at_least_eight_keys_are_bound_to_a_permanent_one_and_not_without_end() -> None:
    """MSG-110."""
    assert MAX_TEMPORARY >= 8
    world, client = make_world()
    bind(client, binding())
    for number in range(MAX_TEMPORARY - 1):
        other = world.dc.add_key(created(AuthKey(number.to_bytes(256, "big")), EXPIRES_AT + 1))
        other.permanent = world.dc.key(PERMANENT.auth_key_id)
    last = world.client(expires_at=EXPIRES_AT + 1)
    bind(last, binding())
    assert key_of(last).permanent is not None
    client.begin("help.getNearestDc")
    assert isinstance(client.closed(), TransportFault), "the one that would have expired first is gone"


# ---- what is refused


CHANGES: dict[str, Any] = {
    "another temporary key": binding(inner=lambda said: setattr(said, "temp_auth_key_id", 1)),
    "another permanent key inside": binding(inner=lambda said: setattr(said, "perm_auth_key_id", 1)),
    "another permanent key outside": binding(request=lambda asked: setattr(asked, "perm_auth_key_id", 1)),
    "another session": binding(inner=lambda said: setattr(said, "temp_session_id", 1)),
    "another nonce inside": binding(inner=lambda said: setattr(said, "nonce", 6)),
    "another nonce outside": binding(request=lambda asked: setattr(asked, "nonce", 6)),
    "another end inside": binding(inner=lambda said: setattr(said, "expires_at", EXPIRES_AT - 1)),
    "another end outside": binding(request=lambda asked: setattr(asked, "expires_at", EXPIRES_AT - 1)),
    "another msg_id": binding(msg_id_ahead=4),
    "a key that the datacenter does not know": binding(OTHER),
    "no message": binding(request=lambda asked: setattr(asked, "encrypted_message", b"")),
    "a short message": binding(
        request=lambda asked: setattr(asked, "encrypted_message", asked.encrypted_message[:-16])
    ),
    "a long message": binding(request=lambda asked: setattr(asked, "encrypted_message", asked.encrypted_message * 2)),
    "a changed byte": binding(
        request=lambda asked: setattr(
            asked, "encrypted_message", asked.encrypted_message[:30] + b"\0" + asked.encrypted_message[31:]
        )
    ),
    "another key in front": binding(
        request=lambda asked: setattr(asked, "encrypted_message", bytes(8) + asked.encrypted_message[8:])
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_message_that_is_not_exactly_right_is_refused_with_one_word(what: str) -> None:
    _, client = make_world()
    assert refused(client, CHANGES[what]) == INVALID
    assert key_of(client).unbound


@pytest.mark.requirement("SEC-82")
def test_a_binding_under_a_permanent_key_is_refused() -> None:
    """SEC-82: a temporary key never becomes permanent, nor the other way round."""
    world, _ = make_world()
    assert refused(world.client(), binding()) == "400 TEMP_AUTH_KEY_EMPTY"


def test_a_temporary_key_is_not_bound_to_a_temporary_one() -> None:
    world, client = make_world()
    world.dc.add_key(created(OTHER, EXPIRES_AT))
    assert refused(client, binding(OTHER)) == INVALID


def test_a_key_does_not_prove_itself() -> None:
    """A message under the temporary key in place of the permanent one, which the datacenter does not know."""
    _, client = make_world()
    own = client.link.keys
    assert own is not None

    def unknown(said: BindAuthKeyInner) -> None:
        said.perm_auth_key_id = 1

    body = binding(own.auth_key, inner=unknown, request=lambda asked: setattr(asked, "perm_auth_key_id", 1))
    assert refused(client, body) == INVALID
    assert refused(client, binding(own.auth_key)) == INVALID


@pytest.mark.requirement("SEC-82")
def test_a_key_stays_with_the_permanent_key_that_it_was_bound_to() -> None:
    """SEC-82: nor does it move to another user."""
    world, client = make_world()
    world.dc.add_key(created(OTHER))
    bind(client, binding())
    assert refused(client, binding(OTHER)) == "400 TEMP_AUTH_KEY_ALREADY_BOUND"
    permanent = key_of(client).permanent
    assert permanent is not None and permanent.auth_key == PERMANENT


@pytest.mark.parametrize("expires_at", [NOW, NOW - 1, 0, -1])
def test_an_end_in_the_past_is_refused(expires_at: int) -> None:
    _, client = make_world()
    body = binding(
        inner=lambda said: setattr(said, "expires_at", expires_at),
        request=lambda asked: setattr(asked, "expires_at", expires_at),
    )
    assert refused(client, body) == INVALID


@pytest.mark.requirement("MSG-111")
def test_an_unbound_key_may_bind_and_ask_the_way_and_nothing_else() -> None:
    """MSG-111."""
    _, client = make_world()
    assert client.call("help.getConfig").this_dc == client.call("help.getNearestDc").this_dc == 2
    for name in ("updates.getState", "auth.logOut", "help.getAppConfig"):
        with pytest.raises(RpcError, match="401 AUTH_KEY_PERM_EMPTY"):
            client.call(name, **({"hash": 0} if name == "help.getAppConfig" else {}))


@pytest.mark.requirement("SEC-50")
def test_an_unbound_key_gets_no_updates() -> None:
    """SEC-50: nobody is logged in under it."""
    world, client = make_world()
    bind(client, binding())
    client.log_in()
    stranger = world.client(expires_at=EXPIRES_AT)
    stranger.call("help.getConfig")
    assert key_of(stranger).account is None


# ---- the end of keys


@pytest.mark.requirement("AUTH-98")
def test_a_temporary_key_that_nobody_uses_vanishes_when_its_time_is_over() -> None:
    """AUTH-98."""
    world = World()
    world.dc.add_key(created(OTHER, EXPIRES_AT))
    world.advance(999)
    assert repr(world.dc) == "<DataCenter 2: 1 keys, 0 sessions>"
    world.advance(1)
    assert repr(world.dc) == "<DataCenter 2: 0 keys, 0 sessions>"


@pytest.mark.requirement("AUTH-98", "TR-59")
def test_a_temporary_key_is_unknown_when_its_time_is_over() -> None:
    """AUTH-98, TR-59."""
    world, client = make_world()
    bind(client, binding())
    world.advance(1001)
    assert repr(world.dc) == "<DataCenter 2: 1 keys, 0 sessions>"
    client.begin("help.getNearestDc")
    fault = client.closed()
    assert isinstance(fault, TransportFault) and fault.code == -404


@pytest.mark.requirement("MSG-106")
def test_a_destroyed_permanent_key_takes_its_temporary_ones_along() -> None:
    """MSG-106: under a temporary key the permanent one is meant."""
    world, client = make_world()
    second = world.client(expires_at=EXPIRES_AT)
    for each in (client, second):
        bind(each, binding())
    client.request(schema.DestroyAuthKey().to_bytes(), content=False, api=False)
    world.run()
    assert len(client.received(schema.DestroyAuthKeyOk)) == 1
    assert repr(world.dc) == "<DataCenter 2: 0 keys, 0 sessions>"
    second.begin("help.getNearestDc")
    assert isinstance(second.closed(), TransportFault)


def test_a_key_under_which_someone_is_logged_in_is_not_destroyed_by_a_temporary_one() -> None:
    world, client = make_world()
    bind(client, binding())
    client.log_in()
    client.request(schema.DestroyAuthKey().to_bytes(), content=False, api=False)
    world.run()
    assert len(client.received(schema.DestroyAuthKeyFail)) == 1


def test_an_unbound_key_destroys_nothing() -> None:
    world, client = make_world()
    client.request(schema.DestroyAuthKey().to_bytes(), content=False, api=False)
    world.run()
    assert len(client.received(schema.DestroyAuthKeyNone)) == 1
    assert key_of(client).unbound


@pytest.mark.requirement("MSG-115")
def test_other_temporary_keys_of_the_same_permanent_one_can_be_dropped() -> None:
    """MSG-115: but for those named, and the one that asks."""
    world, client = make_world()
    kept, dropped, stranger = (world.client(expires_at=EXPIRES_AT) for _ in range(3))
    world.dc.add_key(created(OTHER))
    for each in (client, kept, dropped):
        bind(each, binding())
    bind(stranger, binding(OTHER))
    keep = key_of(kept).auth_key.auth_key_id
    assert client.call("auth.dropTempAuthKeys", except_auth_keys=[keep]) is True
    for each in (client, kept, stranger):
        assert each.call("help.getNearestDc").this_dc == 2
    dropped.begin("help.getNearestDc")
    assert isinstance(dropped.closed(), TransportFault)
