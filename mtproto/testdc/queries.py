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
from mtproto.tl.objects import TLObject
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
    """MSG-106: only after log-out; afterwards the key is unknown (−404). Under a temporary key the permanent one is
    meant, with all that is bound to it."""
    read(body, schema.DestroyAuthKey)
    answer: TLObject = schema.DestroyAuthKeyOk()
    if call.key.unbound:
        answer = schema.DestroyAuthKeyNone()
    elif call.key.account is not None:
        answer = schema.DestroyAuthKeyFail()
    call.session.enqueue(Outgoing(answer.to_bytes(), content=False, answer=True, via=call.via))
    if isinstance(answer, schema.DestroyAuthKeyOk):
        call.dc.forget_key(call.key.owner)
    call.dc.settle(call, isinstance(answer, schema.DestroyAuthKeyOk))


_OWN: dict[int, Callable[[Call, bytes], None]] = {
    schema.DestroyAuthKey.ID: _destroy_auth_key,
}
