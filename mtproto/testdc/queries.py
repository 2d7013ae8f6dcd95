"""Service queries that reach the RPC layer: those inside invoke wrappers, and those that need the datacenter.

Spec: MSG-106 (destroy_auth_key), MSG-132.
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


_OWN: dict[int, Callable[[Call, bytes], None]] = {
    schema.DestroyAuthKey.ID: _destroy_auth_key,
}
