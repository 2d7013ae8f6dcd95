"""Link: what outlives a client's connections (AUTH-23, AUTH-33, MSG-60, API-01..03)."""

from __future__ import annotations

import pytest

from mtproto.client.datacenters import DC
from mtproto.client.link import App, Link, preamble
from mtproto.crypto.auth_key import AuthKey
from mtproto.errors import SecurityError, UsageError
from mtproto.handshake.states import Created
from mtproto.schema.api import LAYER, functions, read_function
from mtproto.testing import ScriptedEnvironment
from mtproto.tl.registry import decode
from tests.handshake.rig import KEY

APP = App(12345, "the hash")


def link(env: ScriptedEnvironment | None = None) -> Link:
    return Link(DC("127.0.0.1", 443, 2, [KEY.public]), env or ScriptedEnvironment(unix_time=1000))


def created(offset: float = 500.25) -> Created:
    return Created(
        auth_key=AuthKey(bytes(256)),
        server_salt=77,
        server_time=1500,
        time_offset=offset,
        expires_at=None,
        fingerprint=KEY.public.fingerprint,
        dc=2,
    )


@pytest.mark.requirement("API-01", "API-02")
def test_the_preamble_is_what_stands_before_the_query() -> None:
    query = functions.account.GetBotBusinessConnection(connection_id="x")
    wrapped = decode(preamble(APP) + query.to_bytes(), read_function)
    assert isinstance(wrapped, functions.InvokeWithLayer) and wrapped.layer == LAYER
    inner = wrapped.query
    assert isinstance(inner, functions.InitConnection) and inner.api_id == 12345
    assert inner.query == query


@pytest.mark.requirement("AUTH-23", "AUTH-33", "AUTH-37", "MSG-60")
def test_a_new_key_brings_its_salt_and_the_servers_clock_and_a_fresh_session() -> None:
    own = link()
    own.adopt(created())
    assert own.time.now() == 1500.25 and own.time.confirmed
    assert own.keys is not None and own.keys.salts.current(0) == 77
    first = own.current
    own.adopt(created())
    assert first is not None and own.current is not None
    assert first.session_id != own.current.session_id


@pytest.mark.requirement("MSG-42", "SEC-28")
def test_a_stored_key_comes_back_with_its_offset_unconfirmed() -> None:
    """MSG-42."""
    own = link()
    own.adopt(created())
    stored = own.stored()
    assert (stored.dc_id, stored.server_salt, stored.time_offset, stored.created) == (2, 77, 500.25, 1500)
    later = link(ScriptedEnvironment(unix_time=5000))
    later.restore(stored)
    assert later.time.now() == 5500.25 and not later.time.confirmed
    assert later.keys is not None and later.keys.auth_key == stored.auth_key


@pytest.mark.requirement("MSG-60")
def test_a_session_id_is_never_zero() -> None:
    """MSG-60."""
    env = ScriptedEnvironment(entropy=[bytes(8), bytes(8), b"\5" + bytes(7)])
    own = link(env)
    own.adopt(created())
    assert own.current is not None and own.current.session_id == 5


def test_without_a_key_nothing_can_be_asked_or_stored() -> None:
    own = link()
    with pytest.raises(UsageError):
        own.request(b"\1\2\3\4")
    with pytest.raises(UsageError):
        own.stored()
    assert own.key_state(5) is None
    with pytest.raises(SecurityError):
        own.plain(b"query")


def test_handles_are_never_used_twice_whatever_happens_to_sessions() -> None:
    own = link()
    handles = []
    for _ in range(3):
        own.adopt(created())
        handles += [own.request(b"\1\2\3\4") for _ in range(3)]
    assert len(set(handles)) == 9


@pytest.mark.requirement("SEC-58")
def test_neither_key_nor_hash_is_shown() -> None:
    """SEC-58."""
    own = link()
    own.adopt(created())
    assert "the hash" not in repr(APP) and "the hash" not in repr(own)
    assert "00000000" not in repr(own)
