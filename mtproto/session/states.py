"""What a client makes of the states of its messages, and of answers that the server only mentions (MSG-91..95)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mtproto.errors import OutcomeUnknown, PeerError
from mtproto.message.gzip import LIMIT
from mtproto.schema import mtproto as schema
from mtproto.session.events import Acknowledged, Event, Ignored
from mtproto.session.requests import ClientRequest, State
from mtproto.session.session import MAX_IDS

if TYPE_CHECKING:
    from mtproto.session.client import ClientSession
    from mtproto.session.outbox import Outbox

_STATE, _ANSWERED = 7, 64
_NOTHING_KNOWN, _NOT_RECEIVED, _ID_TOO_HIGH, _RECEIVED = 1, 2, 3, 4


def ask(session: ClientSession, requests: Iterable[ClientRequest]) -> list[ClientRequest]:
    """Ask the server what became of these requests, by the ids they travel under (MSG-77); returns the questions."""
    msg_ids = []
    for request in requests:
        request.asked_at = session.env.monotonic()
        msg_ids.append(request.msg_ids[-1])
    parts = [msg_ids[start : start + MAX_IDS] for start in range(0, len(msg_ids), MAX_IDS)]
    return [session.query(schema.MsgsStateReq(msg_ids=part).to_bytes()) for part in parts]


def apply(session: ClientSession, msg_ids: list[int], info: bytes, via: object) -> list[Event]:
    """MSG-92: requests that were not received go again, received ones are acknowledged.

    An answer that a lost connection took along comes again of its own accord (MSG-75) or is asked for here; service
    queries, whose answers are not content-related, are asked again themselves.
    """
    events: list[Event] = []
    lost: list[int] = []
    fetching = [request for _, request in session.fetched.values()]
    for msg_id, state in zip(msg_ids, info, strict=True):
        request = session.awaiting(msg_id)
        if request is None or not request.request_id or request.state is State.QUEUED or request.msg_ids[-1] != msg_id:
            continue
        kind = state & _STATE
        if kind == _NOTHING_KNOWN:
            events += session.repeat_or_fail([request], 20)
        elif kind in (_NOT_RECEIVED, _ID_TOO_HIGH):
            events += session.send_again([request], 0)
        elif kind == _RECEIVED:
            if session.acked(request):
                events.append(Acknowledged(request.request_id))
            adrift = request.carrier not in session.vias
            request.carrier = via
            if adrift and state & _ANSWERED and request not in fetching:
                lost.append(msg_id)
            elif adrift and not request.content:  # its answer, which nobody keeps, is gone with the connection
                events += session.send_again([request], 0)
    if lost:
        session.query(schema.MsgResendAnsReq(msg_ids=lost).to_bytes(), via)
    return events


def mentioned(
    session: ClientSession, msg_id: int, answer_msg_id: int, size: int, request: ClientRequest | None, via: object
) -> list[Event]:
    """MSG-93: acknowledge an answer again that was received, else fetch it; one too large is given up.

    ``request`` is the one that it answers, if any; ``msg_id`` that of the message which mentions it. Each answer is
    asked for once on a connection, at most 8192 at a time (SEC-47).
    """
    if answer_msg_id in session.window:
        session.acknowledge(answer_msg_id)
        return []
    if size > LIMIT and request is not None:
        return session.fail(request, PeerError(f"the answer has {size} bytes, more than is accepted"))
    if not 0 < size <= LIMIT or not answer_msg_id & 1:
        return [Ignored(msg_id, PeerError("a mentioned message that no server can have sent"))]
    if answer_msg_id in session.fetched or len(session.fetched) >= MAX_IDS:
        return [Ignored(msg_id, PeerError("a mentioned message that is already asked for"))]
    query = session.query(schema.MsgResendReq(msg_ids=[answer_msg_id]).to_bytes(), via)
    session.fetched[answer_msg_id] = query, request
    return []


def received(session: ClientSession, msg_id: int) -> None:
    """A message that may be one that was asked for has come."""
    found = session.fetched.pop(msg_id, None)
    if found is not None:
        session.finish(found[0])


def unwanted(session: Outbox, request: ClientRequest) -> None:
    """A request is over: an answer of it that was asked for will not be waited for (SEC-47)."""
    for msg_id in [msg_id for msg_id, (_, waiting) in session.fetched.items() if waiting is request]:
        query, _ = session.fetched.pop(msg_id)
        session.finish(query)


def not_resent(session: ClientSession, answer_msg_ids: list[int], info: bytes) -> list[Event]:
    """msgs_state_info in place of a message that was asked for: the server does not have the answer any more."""
    events: list[Event] = []
    for msg_id, state in zip(answer_msg_ids, info, strict=True):
        _, request = session.fetched.pop(msg_id, (None, None))
        lost = state & _STATE in (_NOTHING_KNOWN, _NOT_RECEIVED, _ID_TOO_HIGH)
        if lost and request is not None and session.awaiting(request.msg_ids[-1]) is request:
            unknown = OutcomeUnknown(request.request_id, "the server no longer has the answer")
            events += session.fail(request, unknown)
    return events
