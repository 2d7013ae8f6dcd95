"""The life of a request between two joined connections."""

from __future__ import annotations

import pytest

from mtproto.errors import BadMessage, ConnectionLost, OutcomeUnknown, RpcError, UsageError
from mtproto.schema import mtproto as schema
from mtproto.session.events import Answered, Closed, NewSession, Request, RequestFailed
from tests.pair import NOW, Pair

QUERY = b"\x01\x02\x03\x04hell"
RESULT = b"\x09\x08\x07\x06worl"


def ask(pair: Pair, body: bytes = QUERY) -> tuple[int, Request]:
    """A request that has reached the server."""
    request_id = pair.session.request(body)
    pair.send()
    request = next(event for event in pair.take_server() if isinstance(event, Request))
    return request_id, request


@pytest.mark.parametrize("transport", ["abridged", "intermediate", "padded", "full"])
@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
@pytest.mark.requirement("TR-10")
def test_a_request_is_answered_over_each_transport_however_the_stream_is_cut(transport: str, chunk: int) -> None:
    pair = Pair(transport=transport, chunk=chunk)
    request_id, request = ask(pair)
    assert request.body == QUERY
    pair.server_session.result(request.msg_id, RESULT, request.via)
    pair.run()
    assert Answered(request_id, RESULT) in pair.take()


@pytest.mark.requirement("MSG-62")
def test_the_first_message_of_a_session_is_announced_by_the_server() -> None:
    pair = Pair()
    _, request = ask(pair)
    pair.run()
    created = next(event for event in pair.take() if isinstance(event, NewSession))
    assert created.first_msg_id == request.msg_id


def test_requests_ready_together_travel_in_one_container_and_are_answered_each() -> None:
    pair = Pair()
    ids = [pair.session.request(QUERY + bytes([i, 0, 0, 0])) for i in range(64)]
    pair.send()
    requests = [event for event in pair.take_server() if isinstance(event, Request)]
    assert len(pair.to_server) == 1 and len(requests) == 64
    for request in requests:
        pair.server_session.result(request.msg_id, RESULT + request.body[-4:], request.via)
    pair.run()
    answered = {event.request_id: event.body for event in pair.take() if isinstance(event, Answered)}
    assert answered == {id_: RESULT + bytes([i, 0, 0, 0]) for i, id_ in enumerate(ids)}


@pytest.mark.requirement("MSG-101", "API-20")
def test_an_rpc_error_fails_its_request_with_code_name_and_number() -> None:
    pair = Pair()
    request_id, request = ask(pair)
    flood = schema.RpcError(error_code=420, error_message="FLOOD_WAIT_17").to_bytes()
    pair.server_session.result(request.msg_id, flood, request.via)
    pair.run()
    failed = next(event for event in pair.take() if isinstance(event, RequestFailed))
    assert failed.request_id == request_id and isinstance(failed.error, RpcError)
    assert (failed.error.code, failed.error.name, failed.error.number) == (420, "FLOOD_WAIT_X", 17)


@pytest.mark.requirement("MSG-53", "MSG-55")
def test_a_wrong_salt_is_learnt_and_the_request_sent_again_under_a_new_msg_id() -> None:
    pair = Pair()
    pair.session.keys.salts.adopt(1)
    request_id = pair.session.request(QUERY)
    pair.run()
    request = next(event for event in pair.take_server() if isinstance(event, Request))
    pair.server_session.result(request.msg_id, RESULT, request.via)
    pair.run()
    assert Answered(request_id, RESULT) in pair.take()
    assert pair.session.keys.salts.current(NOW) == pair.endpoint.keys.salts.current(NOW)


@pytest.mark.parametrize("ahead", [-10 * 365 * 86400.0, -400.0, 40.0, 10 * 365 * 86400.0])
@pytest.mark.requirement("MSG-33", "MSG-81")
def test_a_wrong_local_clock_is_corrected_and_the_request_answered(ahead: float) -> None:
    pair = Pair(client_clock=NOW + ahead)
    request_id = pair.session.request(QUERY)
    pair.run()
    request = next(event for event in pair.take_server() if isinstance(event, Request))
    pair.server_session.result(request.msg_id, RESULT, request.via)
    pair.run()
    assert Answered(request_id, RESULT) in pair.take()
    assert abs(pair.link.time.now() - pair.endpoint.time.now()) < 1


@pytest.mark.requirement("MSG-83", "SEC-40")
def test_a_server_that_refuses_every_salt_is_given_up_after_three_resends() -> None:
    pair = Pair()
    request_id, request = ask(pair)
    for _ in range(4):
        pair.server_session.bad_server_salt(request.msg_id, None)
        pair.answer()
        pair.send()
        request = next((event for event in pair.take_server() if isinstance(event, Request)), request)
    failed = next(event for event in pair.take() if isinstance(event, RequestFailed))
    assert failed.request_id == request_id and isinstance(failed.error, BadMessage) and failed.error.code == 48


def test_given_up_written_requests_have_an_unknown_outcome_and_others_were_not_sent() -> None:
    pair = Pair()
    written, _ = ask(pair)
    unwritten = pair.session.request(QUERY)
    pair.client.receive_eof()
    pair.collect()
    assert not [event for event in pair.take() if isinstance(event, RequestFailed)]
    assert pair.session.unfinished() == [written, unwritten]
    events = pair.session.give_up("nobody waits")
    failed = {event.request_id: type(event.error) for event in events if isinstance(event, RequestFailed)}
    assert failed == {written: OutcomeUnknown, unwritten: ConnectionLost}


def test_the_end_is_the_last_event() -> None:
    pair = Pair()
    ask(pair)
    pair.client.receive_eof()
    pair.client.receive_data(b"more")
    pair.collect()
    assert pair.events[-1] == Closed(None)


@pytest.mark.requirement("MSG-102")
def test_a_cancelled_request_is_not_sent_and_a_late_answer_changes_nothing() -> None:
    pair = Pair()
    unsent = pair.session.request(QUERY)
    pair.session.cancel(unsent)
    request_id, request = ask(pair)
    pair.session.cancel(request_id)
    pair.server_session.result(request.msg_id, RESULT, request.via)
    pair.run()
    assert not [event for event in pair.take() if isinstance(event, Answered)]
    assert pair.take_server() == []


@pytest.mark.requirement("TL-61", "TL-64")
def test_a_large_request_is_packed_and_unpacked() -> None:
    pair = Pair()
    body = QUERY + b"a" * 4000
    _, request = ask(pair, body)
    assert request.body == body
    assert sum(map(len, pair.to_server)) < 1000


@pytest.mark.requirement("TL-61", "TL-64", "MSG-100")
def test_a_large_result_is_packed_and_unpacked() -> None:
    pair = Pair()
    request_id, request = ask(pair)
    pair.server_session.result(request.msg_id, RESULT + b"a" * 100_000, request.via)
    pair.run()
    assert Answered(request_id, RESULT + b"a" * 100_000) in pair.take()
    assert sum(map(len, pair.to_client)) < 2000


def test_bytes_that_are_no_object_are_refused_before_anything_is_sent() -> None:
    pair = Pair()
    for body in (b"", b"abc", b"abcde"):
        with pytest.raises(UsageError):
            pair.session.request(body)
    assert not pair.client.wants_write


@pytest.mark.requirement("API-02", "API-03")
def test_the_preamble_goes_before_every_call_until_one_that_carried_it_is_answered() -> None:
    pair = Pair(preamble=b"PREAMBLE")
    first, second = pair.session.request(QUERY), pair.session.request(QUERY)
    pair.send()
    requests = [event for event in pair.take_server() if isinstance(event, Request)]
    assert [request.body for request in requests] == [b"PREAMBLE" + QUERY] * 2
    failure = schema.RpcError(error_code=400, error_message="X").to_bytes()
    pair.server_session.result(requests[0].msg_id, failure, None)
    pair.run()
    third = ask(pair)[1]
    assert third.body == b"PREAMBLE" + QUERY  # an rpc_error proves nothing (API-03)
    pair.server_session.result(requests[1].msg_id, RESULT, None)
    pair.run()
    assert ask(pair)[1].body == QUERY
    assert {first, second} == {1, 2}


@pytest.mark.requirement("API-04")
def test_connection_not_inited_puts_the_preamble_back() -> None:
    pair = Pair(preamble=b"PREAMBLE")
    _, request = ask(pair)
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.run()
    request_id, request = ask(pair)
    assert request.body == QUERY
    refusal = schema.RpcError(error_code=400, error_message="CONNECTION_NOT_INITED").to_bytes()
    pair.server_session.result(request.msg_id, refusal, None)
    pair.run()
    request = next(event for event in pair.take_server() if isinstance(event, Request))
    assert request.body == b"PREAMBLE" + QUERY
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.run()
    assert Answered(request_id, RESULT) in pair.take()


@pytest.mark.parametrize("reason", ["CONNECTION_NOT_INITED", "MSG_WAIT_TIMEOUT"])
def test_a_refusal_of_an_earlier_id_does_not_end_a_request_that_is_under_way_under_another(reason: str) -> None:
    """A repeatable request goes again when the server has made a new session, and may then be refused twice."""
    pair = Pair(preamble=b"PREAMBLE")
    pair.session.initialized = True
    request_id = pair.session.request(QUERY, repeatable=True)
    pair.send()
    first = next(event for event in pair.take_server() if isinstance(event, Request))
    pair.session.send_again(pair.session.requests(), 0)
    pair.send()
    second = next(event for event in pair.take_server() if isinstance(event, Request))
    refusal = schema.RpcError(error_code=400, error_message=reason).to_bytes()
    pair.server_session.result(first.msg_id, refusal, None)
    pair.run()
    assert pair.session.unfinished() == [request_id]
    pair.server_session.result(second.msg_id, RESULT, None)
    pair.run()
    assert Answered(request_id, RESULT) in pair.take()


def test_two_runs_of_the_same_script_give_the_same_bytes() -> None:
    def script() -> tuple[list[bytes], list[bytes]]:
        pair = Pair(seed=b"same")
        for _ in range(3):
            _, request = ask(pair)
            pair.server_session.result(request.msg_id, RESULT, request.via)
            pair.run()
        return pair.to_server, pair.to_client

    assert script() == script()
