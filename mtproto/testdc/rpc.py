"""RPC: from a ``Request`` of the core to the handler of its method.

Spec: API-02 … API-09 (wrappers), MSG-132, TL-89, API-103, API-104.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtproto.errors import DecodeError, RpcError, UnknownConstructor
from mtproto.message.gzip import constructor_of
from mtproto.schema.api import read_function
from mtproto.session.events import Request
from mtproto.testdc import business, layers, order, queries
from mtproto.testdc.accounts import Account, Bot, Person
from mtproto.testdc.call import Call, Wrapper
from mtproto.testdc.layers import NotInLayer
from mtproto.testdc.state import ServedSession, ServerKey
from mtproto.testdc.wrappers import unwrap
from mtproto.tl.objects import TLFunction
from mtproto.tl.registry import decode

if TYPE_CHECKING:
    from mtproto.testdc.datacenter import DataCenter

BEFORE_INIT = frozenset({"auth.bindTempAuthKey"})
"""What may be called before initConnection (MSG-132)."""

_NO_FUNCTION = frozenset({"unknown_constructor", "unexpected_constructor"})

UNBOUND = frozenset({"auth.bindTempAuthKey", "help.getConfig", "help.getNearestDc"})
"""What may be called under a temporary key that is bound to no permanent one (MSG-111)."""


def execute(dc: DataCenter, request: Request) -> None:
    """Serve one request: answer it, hold it back, or leave it to its handler."""
    session = request.session
    if not isinstance(session, ServedSession):
        raise TypeError("a datacenter's sessions are its own")
    call = Call(dc, session, request.msg_id, request.via)
    session.note(call.msg_id, call)
    try:
        call.wrappers, body = unwrap(session, request.body)
        if queries.serve(call, body):
            return
        for wrapper in call.wrappers:
            _learn(call.key, wrapper)
        call.query = _decode(body, call.key.layer)
        _admit(call)
        order.run_in_order(call, _predecessors(call))
    except DecodeError:  # TL-89
        call.answer(RpcError(400, "INPUT_FETCH_ERROR"))
    except RpcError as error:
        call.answer(error)


def _learn(key: ServerKey, wrapper: Wrapper) -> None:
    """Keep what the wrapper says about the client, for all sessions of the key (API-04)."""
    if wrapper.name == "invokeWithLayer":
        if layers.nearest(wrapper.fields["layer"]) is None:
            raise RpcError(400, "CONNECTION_LAYER_INVALID")
        key.layer = wrapper.fields["layer"]
    elif wrapper.name == "initConnection":
        if wrapper.fields["api_id"] <= 0:
            raise RpcError(400, "CONNECTION_API_ID_INVALID")
        key.client = wrapper.fields


def _decode(body: bytes, layer: int | None) -> TLFunction:
    """The query itself. An unknown method and an unknown constructor inside a known one differ in their answer."""
    older = layers.older(layer)
    try:
        return decode(body, read_function) if older is None else layers.read(body, older)
    except NotInLayer:
        raise RpcError(400, "CONNECTION_LAYER_INVALID") from None
    except DecodeError as error:
        unknown = error.constructor_id if isinstance(error, UnknownConstructor) else None
        if error.offset == 0 and error.kind in _NO_FUNCTION and unknown in (None, constructor_of(body)):
            raise RpcError(400, f"INPUT_METHOD_INVALID_{constructor_of(body)}_0") from None
        if unknown is not None:
            raise RpcError(400, f"INPUT_CONSTRUCTOR_INVALID_{unknown}") from None
        raise


def _admit(call: Call) -> None:
    """Raises RpcError where the call may not be executed now."""
    name, key, dc = call.query.NAME, call.key, call.dc
    if key.unbound and name not in UNBOUND:
        raise RpcError(401, "AUTH_KEY_PERM_EMPTY")
    if name not in BEFORE_INIT and key.client is None:
        raise RpcError(400, "CONNECTION_NOT_INITED")
    if name not in BEFORE_INIT and key.layer is None:
        raise RpcError(400, "CONNECTION_LAYER_INVALID")
    dc.log.calls[name] += 1
    method = dc.methods.get(name)
    if method is None:
        raise RpcError(400, "METHOD_INVALID")
    if method.login:
        _check_login(call, method.only)
    business.admit(call)
    if call.wrapper("invokeWithoutUpdates") is None:  # API-06
        call.session.subscribed = True


def _check_login(call: Call, only: type[Account]) -> None:
    """Raises RpcError where nobody is logged in, or a user where a bot has to be, or the reverse (API-104)."""
    if only is Bot:
        call.bot  # noqa: B018  raises 401 or 400
    elif only is Person:
        call.person  # noqa: B018  raises 401 or 400
    else:
        call.account  # noqa: B018  raises 401


def _predecessors(call: Call) -> list[int]:
    """The msg_ids that invokeAfterMsg(s) names."""
    msg_ids: list[int] = []
    for wrapper in call.wrappers:
        if wrapper.name == "invokeAfterMsg":
            msg_ids.append(wrapper.fields["msg_id"])
        elif wrapper.name == "invokeAfterMsgs":
            msg_ids += wrapper.fields["msg_ids"]
    return msg_ids
