"""Temporary keys of a client: made, bound, renewed, lost and refused (MSG-107..115, AUTH-80, SEC-41, SEC-52)."""

from __future__ import annotations

from math import inf

import pytest

from mtproto.client.recovery import Reconnected, Reconnecting
from mtproto.client.temporary import LIFE, PATIENCE
from mtproto.errors import ConnectionLost, OutcomeUnknown, RequestTimeout, RpcError, TransportFault
from mtproto.message.container import is_container
from mtproto.schema import mtproto as schema
from mtproto.schema.api import find, read_object
from mtproto.session.events import Closed, Ignored, KeyBound, KeyCreated, KeyLost, SessionOver, Traced
from mtproto.testdc import BusinessConnection
from mtproto.tl.objects import TLObject
from mtproto.tl.registry import decode
from tests.client.place import BIND, FORGED_404, LATER, NOW, PERMANENT, Place
from tests.session.helpers import of

CALL = "help.getNearestDc"
BINDING = schema.AuthBindTempAuthKey.ID


@pytest.fixture
def place() -> Place:
    started = Place()
    started.start()
    return started


def logged_in() -> Place:
    place = Place()
    place.start()
    place.log_in()
    return place


# ---- the first one


def test_a_client_without_any_key_makes_both_and_binds_before_it_calls() -> None:
    place = Place(known=False)
    place.start()
    permanent, temporary = (event.created for event in of(place.told, KeyCreated))
    assert not permanent.temporary and temporary.expires_at == NOW + LIFE
    assert place.link.permanent is not None and place.link.permanent.auth_key == permanent.auth_key
    assert place.key_id == temporary.auth_key.auth_key_id
    assert place.server_key.permanent is place.dc.key(permanent.auth_key.auth_key_id)
    place.log_in()
    assert place.call(CALL).this_dc == 2


@pytest.mark.requirement("MSG-110")
def test_the_permanent_key_never_encrypts_a_message(place: Place) -> None:
    """MSG-110."""
    place.log_in()
    place.until_renewal()
    place.call(CALL)
    assert PERMANENT.auth_key_id not in place.under
    assert set(place.under) - {0} == {event.auth_key_id for event in of(place.told, KeyBound)}


@pytest.mark.requirement("MSG-107")
def test_the_binding_is_the_first_message_under_the_key_and_travels_alone(place: Place) -> None:
    """MSG-107, step 7; and it is said when the key serves."""
    first = next(event for event in of(place.told, Traced) if event.direction == "out" and event.seqno is not None)
    binding = decode(first.body, schema.read_object)
    assert isinstance(binding, schema.AuthBindTempAuthKey) and first.container is None and first.seqno == 1
    assert len(binding.encrypted_message) == 104
    assert of(place.told, KeyBound) == [KeyBound(place.key_id, binding.expires_at)]


@pytest.mark.requirement("MSG-107", "API-02")
def test_a_call_after_the_binding_says_who_the_client_is(place: Place) -> None:
    """MSG-107, step 8; API-02."""
    assert place.server_key.client is None
    place.call(CALL)
    assert place.server_key.client is not None


def test_the_login_belongs_to_the_permanent_key() -> None:
    place = logged_in()
    permanent = place.dc.key(PERMANENT.auth_key_id)
    assert permanent is not None and permanent.account is place.server_key.account is not None


@pytest.mark.requirement("MSG-55", "MSG-85", "MSG-109")
def test_a_wrong_salt_has_the_binding_made_anew_for_its_next_msg_id() -> None:
    """MSG-55, MSG-85, MSG-109."""
    place = Place()
    place.calls.attach()
    while place.link.pending is None:
        place.deliver()
        place.answer()
    place.link.pending.keys.salts.adopt(1)  # type: ignore[union-attr]
    place.run()
    first, second = (decode(event.body, schema.read_object) for event in place.sent(BINDING))
    assert isinstance(first, schema.AuthBindTempAuthKey) and isinstance(second, schema.AuthBindTempAuthKey)
    assert first.nonce != second.nonce and first.encrypted_message != second.encrypted_message
    assert place.dc.log.errors == {} and place.call(CALL).this_dc == 2


@pytest.mark.requirement("MSG-85", "MSG-60")
def test_a_session_that_ends_in_the_binding_has_it_made_anew_in_the_next_one() -> None:
    """MSG-85, MSG-60: the message names its session."""
    place = Place()
    place.calls.attach()
    while place.link.pending is None:
        place.deliver()
        place.answer()
    before = place.link.pending
    place.near.report([SessionOver(before, 32)])
    place.run()
    assert place.link.current is not None and place.link.current.session_id != before.session_id
    assert place.call(CALL).this_dc == 2


# ---- renewal


@pytest.mark.requirement("MSG-112")
def test_the_next_key_is_made_when_a_tenth_of_the_life_is_left(place: Place) -> None:
    """MSG-112."""
    first = place.key_id
    place.advance(LIFE * 0.9 - 10)
    assert place.key_id == first and place.dc.log.exchanges == 1
    place.advance(10)
    assert place.key_id != first and place.dc.log.exchanges == 2
    assert place.call(CALL).this_dc == 2


def test_calls_go_on_while_the_next_key_is_made(place: Place) -> None:
    first = place.key_id
    place.env.advance(LIFE * 0.9)
    place.dc_env.advance(LIFE * 0.9)
    place.calls.handle_timer()
    place.deliver()
    request_id = place.begin(CALL)
    place.answer()
    place.deliver()
    place.answer()
    assert place.done[request_id].value.this_dc == 2 and place.key_id == first
    place.run()
    assert place.key_id != first


@pytest.mark.requirement("MSG-112")
def test_what_was_sent_under_the_last_key_is_answered_under_it_and_executed_once() -> None:
    """MSG-112: the old one finishes."""
    place = logged_in()
    place.before_renewal()
    first = place.key_id
    slow = place.begin(LATER)
    place.run()
    place.until_renewal()
    assert place.key_id != first and slow not in place.done
    assert place.call(CALL).this_dc == 2
    place.release()
    assert place.result(slow).message == "come"
    assert place.dc.log.calls[LATER] == 1


@pytest.mark.requirement("MSG-115")
def test_the_last_key_is_dropped_when_it_has_finished() -> None:
    """MSG-115."""
    place = logged_in()
    place.before_renewal()
    first, slow = place.key_id, place.begin(LATER)
    place.run()
    place.until_renewal()
    assert place.dc.key(first) is not None and place.dc.log.calls["auth.dropTempAuthKeys"] == 0
    place.release()
    assert place.done[slow].value is not None and place.link.ending is None
    assert place.dc.key(first) is None and place.dc.key(place.key_id) is not None


@pytest.mark.requirement("API-07")
def test_a_call_behind_one_under_the_last_key_goes_there_too() -> None:
    """API-07: a msg_id names nothing in another session."""
    place = logged_in()
    place.before_renewal()
    first = find(LATER)()
    slow = place.calls.begin(first)  # type: ignore[arg-type]
    place.run()
    place.until_renewal()
    behind = place.begin(CALL, first)  # type: ignore[arg-type]
    place.run()
    assert behind not in place.done, "it is executed behind the other"
    place.release()
    assert place.done[slow].value.message == "come" and place.done[behind].value.this_dc == 2


@pytest.mark.requirement("MSG-102")
def test_a_cancelled_call_is_cancelled_under_the_last_key() -> None:
    """MSG-102."""
    place = logged_in()
    place.before_renewal()
    slow = place.begin(LATER)
    place.run()
    place.until_renewal()
    place.calls.cancel(slow)
    place.run()
    place.call(CALL)
    assert len(place.sent(schema.RpcDropAnswer.ID)) == 1 and place.link.ending is None


def test_updates_arrive_after_a_renewal_without_any_call() -> None:
    place = logged_in()
    place.call("updates.getState")
    place.until_renewal()
    place.calls.updates.clear()
    place.dc.set_connection(BusinessConnection("news", rights=("reply",)))
    place.run()
    (update,) = place.calls.updates
    assert isinstance(update, TLObject) and update.NAME == "updates"


@pytest.mark.requirement("SEC-25")
def test_what_the_last_key_still_says_is_ignored_and_ends_nothing() -> None:
    """SEC-25."""
    place = logged_in()
    place.call("updates.getState")
    last = place.server_key
    (session,) = last.sessions.values()
    session.push(updates_too_long())  # type: ignore[attr-defined]
    late = place.far.data_to_send()
    place.until_renewal()
    place.near.receive_data(late)
    place.settle()
    assert not place.near.closed and place.call(CALL).this_dc == 2


def updates_too_long() -> bytes:
    from mtproto.schema.api import types

    body = types.UpdatesTooLong().to_bytes()
    assert decode(body, read_object).NAME == "updatesTooLong"
    return body


def test_a_key_that_ends_before_its_requests_hands_them_on(place: Place) -> None:
    """Nothing runs twice in silence; repeatable ones go on."""
    place.before_renewal()
    slow = place.begin(LATER)
    place.run()
    place.until_renewal()
    ending = place.link.ending
    assert ending is not None
    repeatable = ending.request(find(CALL)().to_bytes(), repeatable=True)
    place.calls._functions[repeatable] = find(CALL)()  # type: ignore[assignment]
    place.advance(LIFE * 0.1 + 1)
    place.connected()
    assert isinstance(place.done[slow].error, OutcomeUnknown)
    assert place.done[repeatable].value.this_dc == 2
    assert place.dc.log.calls[LATER] == 1


def test_a_renewal_that_fails_leaves_the_key_in_use_and_is_tried_again(place: Place) -> None:
    first = place.key_id
    place.refuse_bindings(RpcError(500, "INTERNAL"))
    place.until_renewal()
    for _ in range(3):
        place.until_renewal()
    assert place.key_id == first and place.call(CALL).this_dc == 2
    assert place.dc.log.errors["INTERNAL"] == 4
    place.accept_bindings()
    place.until_renewal()
    assert place.key_id != first and place.call(CALL).this_dc == 2


def test_the_attempts_follow_each_other_ever_slower(place: Place) -> None:
    place.refuse_bindings(RpcError(500, "INTERNAL"))
    place.until_renewal()
    delays = []
    for _ in range(8):
        delays.append(round(place.link.renewal.due - place.env.monotonic()))
        place.until_renewal()
    assert delays == [1, 2, 4, 8, 16, 32, 64, 64]


def test_a_server_that_makes_no_key_in_time_loses_the_connection_not_the_client(place: Place) -> None:
    place.env.advance(LIFE * 0.9)
    place.dc_env.advance(LIFE * 0.9)
    place.calls.handle_timer()
    place.near.data_to_send()  # lost on the way
    place.env.advance(31)
    place.dc_env.advance(31)
    place.calls.handle_timer()
    place.settle()
    assert isinstance(of(place.told, Closed)[-1].error, RequestTimeout)
    place.far.receive_eof()
    place.reconnect()
    place.advance(2)
    assert place.call(CALL).this_dc == 2 and len(of(place.told, KeyBound)) == 2


# ---- losing the key


@pytest.mark.requirement("AUTH-80", "TR-57")
def test_after_404_there_is_another_temporary_key_and_the_same_permanent_one() -> None:
    """AUTH-80, TR-57."""
    place = logged_in()
    first = place.key_id
    place.dc.forget_key(place.server_key)
    place.begin(CALL)
    place.run()
    (reconnecting,) = of(place.told, Reconnecting)
    assert isinstance(reconnecting.error, TransportFault) and reconnecting.delay == 0, "TR-122"
    place.reconnect()
    assert place.key_id != first
    assert place.link.permanent is not None and place.link.permanent.auth_key == PERMANENT
    assert place.call("updates.getState") is not None, "it is still logged in"


@pytest.mark.requirement("AUTH-80")
def test_a_call_after_the_key_was_lost_unnoticed_is_executed_once() -> None:
    """AUTH-80: on a further connection nothing leaves under a temporary key before the server knows it."""
    place = logged_in()
    place.dc.forget_key(place.server_key)  # the datacenter is started again: its temporary keys are gone
    place.cut()
    request_id = place.begin(LATER)
    place.reconnect()
    assert place.near.closed and not place.near.heard and place.dc.log.calls[LATER] == 0
    place.reconnect()
    place.release()
    assert place.result(request_id).message == "come" and place.dc.log.calls[LATER] == 1


def test_a_call_in_the_gap_of_a_connection_whose_key_lives_on_is_answered_once() -> None:
    place = logged_in()
    first = place.key_id
    place.cut()
    request_id = place.begin(LATER)
    place.reconnect()
    place.release()
    assert place.result(request_id).message == "come" and place.dc.log.calls[LATER] == 1
    assert place.key_id == first and place.dc.log.exchanges == 1


def test_a_call_that_may_have_run_under_the_lost_key_is_not_repeated() -> None:
    place = logged_in()
    sent = place.begin(LATER)
    place.run()
    place.dc.forget_key(place.server_key)
    place.cut()
    place.reconnect()
    place.reconnect()
    with pytest.raises(OutcomeUnknown):
        place.result(sent)
    assert place.dc.log.calls[LATER] == 1


@pytest.mark.requirement("SEC-41")
def test_a_forged_404_costs_a_temporary_key_and_nothing_else() -> None:
    """SEC-41."""
    place = logged_in()
    place.near.receive_data(FORGED_404)
    place.settle()
    place.far.receive_eof()
    place.reconnect()
    assert place.link.permanent is not None and place.link.permanent.auth_key == PERMANENT
    assert place.call("updates.getState") is not None


def test_a_server_that_loses_every_key_is_believed_in_the_end() -> None:
    place = logged_in()
    request_id = place.begin(CALL)
    for _ in range(3):
        place.near.receive_data(FORGED_404)
        place.settle()
        place.far.receive_eof()
        if place.calls.ended:
            break
        recovery = place.calls.recovery
        assert recovery is not None
        place.env.advance(64)
        assert recovery.begin()
        place._sockets()
        place.calls.renew(place.near)
    assert place.calls.ended
    with pytest.raises((OutcomeUnknown, ConnectionLost)):
        place.result(request_id)
    assert place.link.permanent is not None


def test_a_key_that_expired_while_nobody_was_connected_is_not_used() -> None:
    place = logged_in()
    first = place.key_id
    place.cut()
    place.env.advance(LIFE + 1)
    place.dc_env.advance(LIFE + 1)
    place.dc.handle_timer()
    sent = len(place.under)
    request_id = place.begin(CALL)
    place.reconnect()
    assert first not in place.under[sent:]
    assert place.result(request_id).this_dc == 2


@pytest.mark.requirement("MSG-111")
def test_an_unbound_key_is_replaced_and_the_call_answered() -> None:
    """MSG-111: 401 AUTH_KEY_PERM_EMPTY says that nothing was executed."""
    place = logged_in()
    first = place.key_id
    place.server_key.permanent = None
    assert place.call("updates.getState") is not None
    assert place.key_id != first and place.dc.log.errors["AUTH_KEY_PERM_EMPTY"] == 1


def test_a_server_that_calls_every_key_unbound_ends_the_call() -> None:
    place = logged_in()
    place.dc.handle(CALL, lambda call: RpcError(401, "AUTH_KEY_PERM_EMPTY"), login=False)
    with pytest.raises(RpcError, match="401 AUTH_KEY_PERM_EMPTY"):
        place.call(CALL)
    assert place.dc.log.calls[CALL] == 4 and place.call("updates.getState") is not None


# ---- refusals


@pytest.mark.requirement("SEC-52")
@pytest.mark.parametrize(
    "reply", [False, RpcError(400, "TEMP_AUTH_KEY_EMPTY"), RpcError(400, "TEMP_AUTH_KEY_ALREADY_BOUND")]
)
def test_a_client_whose_bindings_are_refused_calls_nothing_and_says_why(reply: bool | RpcError) -> None:
    """SEC-52: never under the permanent key, nor under one that is not bound."""
    place = Place()
    place.refuse_bindings(reply)
    place.start()
    for _ in range(2):
        assert not place.near.closed
        place.until_renewal()
    assert place.near.closed and place.calls.ended and place.link.keys is None
    assert str(place.near.error) == (str(reply) if reply else "auth.bindTempAuthKey was not answered with boolTrue")
    assert PERMANENT.auth_key_id not in place.under and place.dc.log.calls[BIND] == 3
    with pytest.raises(ConnectionLost):
        place.begin(CALL)


@pytest.mark.requirement("SEC-52")
def test_a_key_that_expires_while_bindings_are_refused_is_not_used_any_more(place: Place) -> None:
    """SEC-52."""
    place.refuse_bindings(RpcError(400, "TEMP_AUTH_KEY_EMPTY"))
    for _ in range(3):
        place.until_renewal()
    waiting = place.begin(LATER)
    place.env.advance(LIFE * 0.1)
    place.dc_env.advance(LIFE * 0.1)
    place.calls.handle_timer()
    place.run()
    place.until_renewal()
    assert place.calls.ended and isinstance(place.done[waiting].error, ConnectionLost)
    assert place.dc.log.calls[LATER] == 0


def test_a_server_in_trouble_is_no_refusal_for_good() -> None:
    place = Place()
    place.refuse_bindings(RpcError(500, "INTERNAL"))
    place.start()
    for _ in range(5):
        place.until_renewal()
    assert not place.near.closed
    place.accept_bindings()
    place.until_renewal()
    assert place.call(CALL).this_dc == 2


@pytest.mark.requirement("SEC-50")
def test_an_update_under_a_key_that_is_not_bound_counts_for_nothing() -> None:
    """SEC-50."""
    place = Place()
    place.calls.attach()
    while place.link.pending is None:
        place.deliver()
        place.answer()
    place.deliver()
    (session,) = (session for key in place.dc._keys.values() for session in key.sessions.values())
    session.push(updates_too_long())  # type: ignore[attr-defined]
    place.run()
    assert updates(place) == [] and any("not bound" in str(event.error) for event in of(place.told, Ignored))
    session.push(updates_too_long())  # type: ignore[attr-defined]
    place.run()
    assert len(updates(place)) == 1


def updates(place: Place) -> list[TLObject]:
    return [update for update in place.calls.updates if isinstance(update, TLObject)]


def test_a_flood_wait_is_waited_out() -> None:
    place = Place()
    place.refuse_bindings(RpcError(420, "FLOOD_WAIT_25"))
    place.start()
    assert 25 <= round(place.link.renewal.due - place.env.monotonic()) <= 26
    place.accept_bindings()
    place.until_renewal()
    assert place.call(CALL).this_dc == 2


@pytest.mark.requirement("MSG-114")
def test_a_young_permanent_key_that_is_not_known_yet_is_tried_again() -> None:
    """MSG-114."""
    place = Place(age=10)
    place.refuse_bindings(RpcError(400, "ENCRYPTED_MESSAGE_INVALID"))
    place.start()
    assert place.link.proving is None and PERMANENT.auth_key_id not in place.under
    place.accept_bindings()
    place.until_renewal()
    assert place.call(CALL).this_dc == 2


@pytest.mark.requirement("MSG-114")
def test_an_old_permanent_key_is_itself_asked_about_and_stays_if_it_is_known() -> None:
    """MSG-114: help.getNearestDc under it, which is all that it ever encrypts."""
    place = Place(age=61)
    place.refuse_bindings(RpcError(400, "ENCRYPTED_MESSAGE_INVALID"))
    place.start()
    assert place.dc.log.calls[CALL] == 1 and place.under.count(PERMANENT.auth_key_id) == 1
    place.accept_bindings()
    place.until_renewal()
    assert place.link.permanent is not None and place.link.permanent.auth_key == PERMANENT
    assert place.call(CALL).this_dc == 2


@pytest.mark.requirement("MSG-114", "API-21")
def test_a_permanent_key_that_the_server_has_lost_is_replaced_and_nobody_is_logged_in() -> None:
    """MSG-114, API-21: a refused binding and −404 together; what waits is answered under the new keys."""
    place = logged_in()
    place.link.user_id = 2000
    permanent = place.dc.key(PERMANENT.auth_key_id)
    assert permanent is not None
    place.dc.forget_key(permanent)  # and with it the temporary ones
    waiting = place.begin(CALL)
    state = place.begin("updates.getState")
    place.run()
    for _ in range(2):  # −404 for the temporary key; then the binding fails, and −404 for the permanent one
        place.reconnect()
    assert of(place.told, KeyLost) == [KeyLost(PERMANENT.auth_key_id)]
    assert place.link.user_id is None and place.link.permanent is not None
    assert place.link.permanent.auth_key != PERMANENT
    for request_id in (waiting, state):
        with pytest.raises(OutcomeUnknown):  # they had been sent
            place.result(request_id)
    assert place.call(CALL).this_dc == 2
    with pytest.raises(RpcError, match="401 AUTH_KEY_UNREGISTERED"):
        place.call("updates.getState")


@pytest.mark.requirement("SEC-41")
def test_404_alone_never_replaces_the_permanent_key(place: Place) -> None:
    """SEC-41: not even in the middle of a binding."""
    place.env.advance(LIFE * 0.9)
    place.dc_env.advance(LIFE * 0.9)
    place.calls.handle_timer()
    while place.link.pending is None:
        place.deliver()
        place.answer()
    place.near.receive_data(FORGED_404)
    place.settle()
    place.far.receive_eof()
    place.reconnect()
    place.advance(PATIENCE + 1)
    assert place.link.permanent is not None and place.link.permanent.auth_key == PERMANENT
    assert len(of(place.told, KeyBound)) == 2 and of(place.told, Reconnected) and not of(place.told, KeyLost)


@pytest.mark.requirement("MSG-106")
def test_a_destroyed_key_takes_the_temporary_one_along() -> None:
    """MSG-106: under a temporary key the permanent one is meant."""
    place = Place()
    place.start()
    place.calls.begin(schema.DestroyAuthKey())
    place.run()
    assert repr(place.dc) == "<DataCenter 2: 0 keys, 0 sessions>"
    assert place.link.permanent is None and place.link.keys is None and place.link.next_deadline() == inf


@pytest.mark.requirement("MSG-107")
def test_no_message_of_the_client_holds_two_requests_with_a_binding(place: Place) -> None:
    """MSG-107, step 7."""
    for _ in range(2):
        place.before_renewal()
        place.begin(CALL)
        place.until_renewal()
    bindings = place.sent(BINDING)
    assert len(bindings) == 3 and all(event.container is None and not is_container(event.body) for event in bindings)
