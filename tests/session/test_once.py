"""A server executes no message twice, however late, by whatever way and in whatever session it comes (MSG-90..97)."""

from __future__ import annotations

import pytest

from mtproto.message.container import Message, join
from mtproto.schema import mtproto as schema
from mtproto.session.keys import MAX_GONE, SaltSchedule
from mtproto.session.session import MAX_IDS
from tests.pair import Pair
from tests.session.helpers import QUERY
from tests.session.test_server import executed, fresh, refusal


def drop_session(pair: Pair) -> None:
    pair.lose()
    pair.endpoint.keys.drop_session(pair.session.session_id)
    pair.connect()


def test_a_request_that_was_said_not_to_be_received_is_not_executed_when_it_comes_late() -> None:
    """The client has sent it again under another id when its first bytes arrive by a connection given up long ago."""
    pair = fresh()
    late, asking = pair.client_msg_id(), pair.client_msg_id()
    pair.forge_from_client(schema.MsgsStateReq(msg_ids=[late]), msg_id=asking, seqno=1000)
    assert pair.server_session.state_of(late) == 2
    pair.forge_from_client(QUERY, msg_id=late, seqno=1001)
    assert executed(pair) == []
    assert refusal(pair, of_id=late) is None  # a refusal would end the request that is under way under another id
    assert pair.server_session.state_of(late) == 2


def test_the_same_inside_a_container() -> None:
    pair = fresh()
    late, asking, other = pair.client_msg_id(), pair.client_msg_id(), pair.client_msg_id()
    pair.forge_from_client(schema.MsgsStateReq(msg_ids=[late]), msg_id=asking, seqno=1002)
    messages = [Message(late, 1001, QUERY), Message(other, 1003, QUERY + b"more")]
    pair.forge_from_client(join(messages), seqno=1004)
    assert executed(pair) == [QUERY + b"more"]


def test_the_ids_of_which_a_server_said_so_are_bounded() -> None:
    pair = fresh()
    for _ in range(3):
        ids = [pair.client_msg_id() for _ in range(MAX_IDS)]
        pair.server_session.tell(ids)
    assert list(pair.server_session._disowned) == ids


@pytest.mark.parametrize(("ahead", "code"), [(-400.0, 16), (60.0, 17)])
def test_what_was_refused_for_its_time_stays_refused_when_its_time_has_come(ahead: float, code: int) -> None:
    """The client has sent it again; whoever recorded the first one only has to wait."""
    pair = fresh()
    msg_id = pair.client_msg_id(ahead)
    pair.forge_from_client(QUERY, msg_id=msg_id, seqno=1001)
    assert refusal(pair, of_id=msg_id) == code
    pair.server_session.time.learn(pair.server_session.time.now() + ahead)
    pair.forge_from_client(QUERY, msg_id=msg_id, seqno=1001)
    assert (refusal(pair, of_id=msg_id), executed(pair)) == (None, [])


@pytest.mark.parametrize("step", [400.0, -400.0])
@pytest.mark.requirement("MSG-90", "MSG-131")
def test_a_duplicate_is_not_refused_for_its_time(step: float) -> None:
    """16 and 17 say that it was not executed: the client would send it again under another id."""
    pair = fresh()
    msg_id = pair.client_msg_id()
    pair.forge_from_client(QUERY, msg_id=msg_id, seqno=1001)
    assert executed(pair) == [QUERY]
    pair.server_session.time.learn(pair.server_session.time.now() + step)
    pair.forge_from_client(QUERY, msg_id=msg_id, seqno=1001)
    assert (refusal(pair, of_id=msg_id), executed(pair)) == (None, [])


@pytest.mark.parametrize("step", [400.0, -400.0])
@pytest.mark.requirement("MSG-131", "SEC-73")
def test_what_a_session_that_is_gone_may_have_executed_is_refused_as_too_old_whatever_its_time(step: float) -> None:
    pair = fresh()
    msg_id = pair.client_msg_id()
    pair.forge_from_client(QUERY, msg_id=msg_id, seqno=1001)
    assert executed(pair) == [QUERY]
    drop_session(pair)
    pair.endpoint.time.learn(pair.endpoint.time.now() + step)
    pair.forge_from_client(QUERY, msg_id=msg_id, seqno=1001)
    assert (refusal(pair, of_id=msg_id), executed(pair)) == (20, [])


def test_what_was_refused_for_its_salt_stays_refused_when_the_salt_becomes_valid() -> None:
    pair = fresh()
    msg_id = pair.client_msg_id()
    salts = pair.endpoint.keys.salts
    assert isinstance(salts, SaltSchedule)
    coming = salts.upcoming(pair.server_session.time.now(), 2)[1].salt
    pair.forge_from_client(QUERY, msg_id=msg_id, seqno=1001, salt=coming)
    assert refusal(pair, of_id=msg_id) == 48
    pair.endpoint.keys.salts = SaltSchedule(coming, pair.server_session.time.now(), pair.server_env)
    pair.forge_from_client(QUERY, msg_id=msg_id, seqno=1001, salt=coming)
    assert executed(pair) == []


def test_what_a_dropped_session_received_is_code_20_in_the_next_of_its_name() -> None:
    """A recorded message would be executed again, for the session that knew it is gone."""
    pair = fresh()
    earlier, received, later = pair.client_msg_id(), pair.client_msg_id(), pair.client_msg_id()
    pair.forge_from_client(QUERY, msg_id=received, seqno=1001)
    assert executed(pair) == [QUERY]
    drop_session(pair)
    pair.forge_from_client(QUERY, msg_id=received, seqno=1001)
    assert (refusal(pair, of_id=received), executed(pair)) == (20, [])
    pair.forge_from_client(QUERY, msg_id=earlier, seqno=1001)  # nobody knows whether it was received
    assert (refusal(pair, of_id=earlier), executed(pair)) == (20, [])
    pair.forge_from_client(QUERY, msg_id=later, seqno=1003)
    assert executed(pair) == [QUERY]


def test_a_session_dropped_before_it_received_anything_leaves_no_less_behind() -> None:
    pair = fresh()
    received = pair.client_msg_id()
    pair.forge_from_client(QUERY, msg_id=received, seqno=1001)
    assert executed(pair) == [QUERY]
    for _ in range(3):
        drop_session(pair)
        pair.forge_from_client(QUERY, msg_id=received, seqno=1001)
        pair.forge_from_client(QUERY, msg_id=pair.client_msg_id(-400), seqno=1001)
        assert executed(pair) == []


def test_a_session_made_anew_knows_that_ids_behind_the_last_one_received_are_not_received() -> None:
    pair = fresh()
    received, missing, asking = pair.client_msg_id(), pair.client_msg_id(), pair.client_msg_id()
    pair.forge_from_client(QUERY, msg_id=received, seqno=1001)
    drop_session(pair)
    pair.forge_from_client(QUERY, msg_id=asking, seqno=1003)
    assert [pair.server_session.state_of(msg_id) for msg_id in (received, missing, asking)] == [1, 2, 4 | 32]


def test_a_session_made_anew_that_has_received_nothing_knows_nothing() -> None:
    """All that came is a late message, which was refused; the server then tells states of its own accord."""
    pair = fresh()
    received = pair.client_msg_id()
    pair.forge_from_client(QUERY, msg_id=received, seqno=1001)
    drop_session(pair)
    pair.forge_from_client(QUERY, msg_id=received, seqno=1001)
    assert pair.server_session.tell([received, received + 4]) == b"\1\1"


def test_an_earlier_message_that_comes_later_does_not_make_a_lost_session_known() -> None:
    """Where nothing was kept of a lost session, it may have received all that is older than the first message here."""
    pair = fresh()
    early, executed_before, first = pair.client_msg_id(), pair.client_msg_id(), pair.client_msg_id()
    pair.lose()
    pair.endpoint.keys.sessions.clear()
    pair.connect()
    pair.forge_from_client(QUERY, msg_id=first, seqno=1003)
    pair.forge_from_client(QUERY, msg_id=early, seqno=1001)
    assert pair.server_session.first_msg_id == early
    assert pair.server_session.state_of(executed_before) == 1


def test_what_a_dropped_session_refused_stays_refused() -> None:
    pair = fresh()
    late, asking = pair.client_msg_id(1.0), pair.client_msg_id()
    pair.forge_from_client(schema.MsgsStateReq(msg_ids=[late]), msg_id=asking, seqno=1000)
    drop_session(pair)
    pair.forge_from_client(QUERY, msg_id=late, seqno=1001)
    assert executed(pair) == []


def test_what_is_kept_of_dropped_sessions_is_bounded() -> None:
    pair = fresh()
    keys = pair.endpoint.keys
    for session_id in range(1, MAX_GONE + 10):
        pair.forge_from_client(QUERY, session_id=session_id, seqno=1)
        keys.drop_session(session_id)
    assert len(keys.gone) == MAX_GONE
    assert MAX_GONE + 9 in keys.gone
