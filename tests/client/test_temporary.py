"""Temporary keys in pieces: when the next one is due, what a binding says, what a refusal means (MSG-107..114)."""

from __future__ import annotations

from math import inf

import pytest

from mtproto.client.temporary import Binding, Renewal, doubts_permanent, refusal
from mtproto.crypto.auth_key import AuthKey
from mtproto.errors import MTProtoError, OutcomeUnknown, PeerError, RpcError, UsageError
from mtproto.handshake.binding import check_binding
from mtproto.message.server_time import ServerTime
from mtproto.roles import Role
from mtproto.schema.mtproto import AuthBindTempAuthKey, BindAuthKeyInner, read_object
from mtproto.session.client import ClientSession
from mtproto.session.events import Answered, RequestFailed
from mtproto.session.keys import KeyState, Salts
from mtproto.testing import ScriptedEnvironment
from mtproto.tl.registry import decode

PERMANENT, TEMPORARY = AuthKey(b"p" * 256), AuthKey(b"t" * 256)
NOW = 1_700_000_000


def renewal() -> tuple[Renewal, ScriptedEnvironment]:
    env = ScriptedEnvironment()
    return Renewal(env), env


# ---- when


@pytest.mark.requirement("MSG-112")
@pytest.mark.parametrize(
    ("life", "due"), [(86_400, 77_760), (1000, 900), (600, 540), (500, 440), (121, 61), (100, 50), (60, 30)]
)
def test_the_next_key_is_due_a_tenth_of_the_life_and_at_least_a_minute_before_the_end(life: float, due: float) -> None:
    """MSG-112; of a life shorter than two minutes, half."""
    one, _ = renewal()
    assert one.begin()
    one.bound(life)
    assert one.due == due and not one.under_way


def test_one_key_is_made_at_a_time() -> None:
    one, env = renewal()
    assert one.begin() and one.under_way
    assert not one.begin()
    env.advance(100)
    assert not one.begin() and one.overdue


def test_what_is_under_way_has_thirty_seconds() -> None:
    one, env = renewal()
    one.begin()
    env.advance(29.9)
    assert not one.overdue
    env.advance(0.1)
    assert one.overdue


def test_no_key_is_wanted_any_more_of_a_link_that_is_over() -> None:
    one, env = renewal()
    one.never()
    env.advance(1e9)
    assert not one.begin() and one.due == inf


def test_a_bound_key_starts_delays_and_refusals_over() -> None:
    one, env = renewal()
    for _ in range(3):
        assert one.begin()
        one.refused(PeerError("no"))
        env.advance(64)
    assert one.hopeless
    one.bound(1000)
    assert not one.hopeless and one.error is None
    one.failed()
    assert one.due - env.monotonic() == 1


def test_a_lost_connection_is_no_refusal() -> None:
    one, env = renewal()
    for _ in range(10):
        one.begin()
        one.failed()
        env.advance(64)
    assert not one.hopeless


def test_a_flood_wait_is_waited_for() -> None:
    one, env = renewal()
    one.begin()
    one.refused(RpcError(420, "FLOOD_WAIT_30"))
    assert one.due - env.monotonic() == 30


# ---- what


def session(expires_at: float | None) -> ClientSession:
    env = ScriptedEnvironment(unix_time=NOW)
    return ClientSession(KeyState(TEMPORARY, Salts(1), Role.CLIENT, expires_at), 77, env, ServerTime(env))


@pytest.mark.requirement("MSG-107")
def test_a_binding_is_one_that_the_server_accepts_under_its_msg_id_alone() -> None:
    body = Binding(PERMANENT, ScriptedEnvironment())(NOW << 32, session(NOW + 600))
    request = decode(body, read_object)
    assert isinstance(request, AuthBindTempAuthKey) and request.expires_at == NOW + 600
    said = BindAuthKeyInner(
        nonce=request.nonce,
        temp_auth_key_id=TEMPORARY.auth_key_id,
        perm_auth_key_id=request.perm_auth_key_id,
        temp_session_id=77,
        expires_at=NOW + 600,
    )
    times = {"now": NOW, "key_expires_at": NOW + 600.0}
    assert check_binding(PERMANENT, request.encrypted_message, said, NOW << 32, **times) == NOW + 600
    with pytest.raises(RpcError):
        check_binding(PERMANENT, request.encrypted_message, said, (NOW << 32) + 4, **times)


@pytest.mark.requirement("MSG-109")
@pytest.mark.requirement("MSG-107", "MSG-109")
def test_each_msg_id_has_a_binding_with_its_own_nonce() -> None:
    """MSG-109."""
    make = Binding(PERMANENT, ScriptedEnvironment())
    made = [decode(make(msg_id, session(NOW + 600)), read_object) for msg_id in (4, 8)]
    assert made[0].nonce != made[1].nonce  # type: ignore[attr-defined]


def test_a_permanent_key_is_not_bound() -> None:
    with pytest.raises(UsageError):
        Binding(PERMANENT, ScriptedEnvironment())(4, session(None))


# ---- what a refusal means


TRUE, FALSE = bytes.fromhex("b5757299"), bytes.fromhex("379779bc")


@pytest.mark.requirement("SEC-52")
def test_only_bool_true_binds() -> None:
    """SEC-52."""
    assert refusal(Answered(1, TRUE)) is None
    for body in (FALSE, b"", TRUE * 2, TRUE + b"\0", b"\0\0\0\0"):
        assert isinstance(refusal(Answered(1, body)), PeerError)
    error = RpcError(400, "TEMP_AUTH_KEY_EMPTY")
    assert refusal(RequestFailed(1, error)) is error


@pytest.mark.requirement("MSG-114")
@pytest.mark.parametrize(
    ("error", "age", "doubted"),
    [
        (RpcError(400, "ENCRYPTED_MESSAGE_INVALID"), 61, True),
        (RpcError(400, "ENCRYPTED_MESSAGE_INVALID"), 60, False),
        (RpcError(400, "TEMP_AUTH_KEY_EMPTY"), 1e9, False),
        (OutcomeUnknown(1, "lost"), 1e9, False),
        (PeerError("boolFalse"), 1e9, False),
    ],
)
def test_only_one_refusal_throws_doubt_on_a_permanent_key_and_not_on_a_young_one(
    error: MTProtoError, age: float, doubted: bool
) -> None:
    """MSG-114."""
    assert doubts_permanent(error, age) is doubted
