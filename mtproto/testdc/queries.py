"""Service queries that reach the RPC layer: those inside invoke wrappers, and those that need the datacenter.

Spec: MSG-102 (rpc_drop_answer), MSG-106 (destroy_auth_key), MSG-132.
"""

from __future__ import annotations

from collections.abc import Callable

from mtproto.message.gzip import constructor_of
from mtproto.schema import mtproto as schema
from mtproto.session.handlers import read
from mtproto.session.session import Outgoing
from mtproto.testdc.call import Call
from mtproto.tl.registry import decode


def serve(call: Call, body: bytes) -> bool:
    """Answer ``body`` if it is a service query; False for anything else. Raises DecodeError."""
    own = _OWN.get(constructor_of(body))
    if own is not None:
        own(call, body)
        return True
    events = call.session.service(call.msg_id, body, call.via)
    if events is None:
        return False
    call.dc.log.services[decode(body, schema.read_object).NAME] += 1
    call.dc.report(call.via, events)
    call.dc.settle(call, True)
    return True


# rpc_drop_answer#58e4a740 req_msg_id:long = RpcDropAnswer
def _drop_answer(call: Call, body: bytes) -> None:
    """MSG-102: a call that still runs is answered at once; what was answered is on its way, and stays."""
    running = call.session.outcomes.get(read(body, schema.RpcDropAnswer).req_msg_id)
    if isinstance(running, Call) and running is not call:
        running.answer(schema.RpcAnswerDroppedRunning())
        call.answer(schema.RpcAnswerDroppedRunning())
    else:
        call.answer(schema.RpcAnswerUnknown())


# destroy_auth_key#d1435160 = DestroyAuthKeyRes
def _destroy_auth_key(call: Call, body: bytes) -> None:
    """MSG-106: only after log-out; afterwards the key is unknown (−404)."""
    read(body, schema.DestroyAuthKey)
    refused = call.key.bot is not None
    answer = schema.DestroyAuthKeyFail() if refused else schema.DestroyAuthKeyOk()
    call.session.enqueue(Outgoing(answer.to_bytes(), content=False, answer=True, via=call.via))
    if not refused:
        call.dc.forget_key(call.key)
    call.dc.settle(call, not refused)


# http_wait#9299359f max_delay:int wait_after:int max_wait:int = HttpWait
def _http_wait(call: Call, body: bytes) -> None:
    """Means nothing where the transport is no HTTP (MSG-120), and has no answer."""
    read(body, schema.HttpWait)
    call.dc.settle(call, True)


# msg_resend_ans_req#8610baeb msg_ids:Vector<long> = MsgResendReq
def _resend_answers(call: Call, body: bytes) -> None:
    """MSG-94: served as msg_resend_req is."""
    query = schema.MsgResendReq(msg_ids=read(body, schema.MsgResendAnsReq).msg_ids)
    call.session.service(call.msg_id, query.to_bytes(), call.via)
    call.dc.settle(call, True)


_OWN: dict[int, Callable[[Call, bytes], None]] = {
    schema.RpcDropAnswer.ID: _drop_answer,
    schema.DestroyAuthKey.ID: _destroy_auth_key,
    schema.HttpWait.ID: _http_wait,
    schema.MsgResendAnsReq.ID: _resend_answers,
}
