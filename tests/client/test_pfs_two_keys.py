"""Two temporary keys at a time: which of them a −404 is about, and which ones the server is asked to drop."""

from __future__ import annotations

import pytest

from mtproto.client.temporary import LIFE, PATIENCE
from mtproto.crypto.auth_key import AuthKey
from mtproto.handshake.states import Created
from mtproto.schema.api import types
from tests.client.place import LATER, Place

CALL = "help.getNearestDc"


def started() -> Place:
    place = Place()
    place.start()
    assert place.call(CALL).this_dc == 2
    return place


def supplied(place: Place) -> Created:
    """A temporary key that both sides know, as if an exchange had been made."""
    now = int(place.dc_env.unix_time())
    created = Created(
        auth_key=AuthKey(b"a temporary key of the tests, 32" * 8),
        server_salt=7,
        server_time=now,
        time_offset=0.0,
        expires_at=now + LIFE,
        fingerprint=0,
        dc=2,
    )
    place.dc.add_key(created)
    return created


def lost_while_the_next_one_is_made() -> tuple[Place, int]:
    """A place where the server has lost the key in use, and said so while a key exchange was under way; a call."""
    place = started()
    place.before_renewal()
    place.dc.forget_key(place.server_key)
    place.env.advance(6)
    place.calls.handle_timer()
    request_id = place.begin(LATER)
    place.run()
    return place, request_id


@pytest.mark.requirement("AUTH-80")
def test_the_first_404_is_blamed_on_the_key_that_is_being_made() -> None:
    """AUTH-80: the least tried first."""
    place, _ = lost_while_the_next_one_is_made()
    assert place.near.closed and place.link.keys is not None and place.link.pending is None
    assert place.link.renewal.due - place.env.monotonic() == pytest.approx(PATIENCE)


@pytest.mark.requirement("AUTH-80", "TR-57")
def test_the_next_connection_shows_that_the_key_in_use_is_lost() -> None:
    """No other key is made until then: each −404 would be blamed on that one, and the third ends the client."""
    place, request_id = lost_while_the_next_one_is_made()
    first = place.key_id
    place.reconnect()
    assert place.near.closed and place.link.keys is None
    place.reconnect()
    assert place.key_id != first and request_id in place.done, "it may have run under the lost key"
    assert place.call(CALL).this_dc == 2


@pytest.mark.requirement("MSG-115")
def test_a_key_that_was_bound_meanwhile_is_not_dropped_with_the_old_ones() -> None:
    """The question to drop them waits for a connection, and leaves when the next key is already there."""
    place = started()
    place.before_renewal()
    place.begin(LATER)
    place.run()
    place.until_renewal()
    first, second = place.link.ending, place.key_id
    place.held.pop().answer(types.help.InviteText(message="come"))
    place.answer()
    assert first is not None and place.link.ending is None, "it has finished"
    place.cut()
    place.link.adopt(supplied(place))
    place.link.renewal.wait()
    place.reconnect()
    assert place.dc.log.calls["auth.dropTempAuthKeys"]
    assert place.key_id != second and not place.near.closed and place.call(CALL).this_dc == 2
    assert place.dc.key(first.keys.auth_key.auth_key_id) is None
