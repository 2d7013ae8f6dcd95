"""Order: calls that wait for others of their session (API-07, API-08, SEC-81)."""

from __future__ import annotations

from mtproto.errors import RpcError
from mtproto.testdc.call import Call
from mtproto.testdc.state import ServedSession, Waiting

WAIT_LIMIT = 0.5
"""Seconds until a call that still waits is answered MSG_WAIT_TIMEOUT."""

_STATE, _RECEIVED, _QUERY, _ANSWERED = 7, 4, 32, 64
"""Bits of a message's state (MSG-91)."""


def run(call: Call) -> None:
    """Let the handler of the call's method answer it."""
    method = call.dc.methods[call.query.NAME]
    try:
        reply = method.handler(call)
    except RpcError as error:
        reply = error
    if reply is not None:
        call.answer(reply)


def run_in_order(call: Call, msg_ids: list[int]) -> None:
    """Run ``call`` once the messages ``msg_ids`` were processed successfully. Raises RpcError where one failed."""
    session = call.session
    missing = {msg_id for msg_id in msg_ids if not _done(session, msg_id)}
    if any(session.outcomes.get(msg_id) is False for msg_id in missing):
        raise RpcError(400, "MSG_WAIT_FAILED")
    if not missing:
        run(call)
        return
    waiting = Waiting(call, missing)
    for msg_id in missing:
        session.waiting.setdefault(msg_id, {})[waiting] = None
    call.dc.after(WAIT_LIMIT, lambda: _give_up(waiting, "MSG_WAIT_TIMEOUT"))


def settle(session: ServedSession, msg_id: int, success: bool) -> None:
    """A call ended: record it, and go on with those that waited for it.

    They end too, or fail with it, and others wait for them: a chain of calls is worked off here one after the other,
    for it may be longer than Python's stack.
    """
    session.note(msg_id, success)
    session.settled.append((msg_id, success))
    if len(session.settled) > 1:
        return
    try:
        for ended, well in session.settled:  # which grows meanwhile
            _go_on(session, ended, well)
    finally:
        session.settled.clear()


def _go_on(session: ServedSession, msg_id: int, success: bool) -> None:
    for waiting in session.waiting.pop(msg_id, ()):
        if not success:
            _give_up(waiting, "MSG_WAIT_FAILED")
        else:
            waiting.missing.discard(msg_id)
            if not waiting.missing:
                run(waiting.call)


def _done(session: ServedSession, msg_id: int) -> bool:
    """Whether a message is over and did not fail. What was received and is no running call is done: a ping, say."""
    if msg_id in session.outcomes:
        return session.outcomes[msg_id] is True
    state = session.state_of(msg_id)
    return state & _STATE == _RECEIVED and state & (_QUERY | _ANSWERED) != _QUERY


def _give_up(waiting: Waiting, reason: str) -> None:
    if not waiting.missing:  # it runs, or was given up before
        return
    session = waiting.call.session
    for msg_id in waiting.missing:
        others = session.waiting.get(msg_id, {})
        others.pop(waiting, None)
        if not others:
            session.waiting.pop(msg_id, None)
    waiting.missing.clear()
    waiting.call.answer(RpcError(400, reason))
