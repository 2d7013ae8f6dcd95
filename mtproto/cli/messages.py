"""Describer: the TL names of a message and, apart from them, its fields without the secrets (SEC-58)."""

from __future__ import annotations

import mtproto.schema.api  # noqa: F401 (makes its names known)
from mtproto.errors import DecodeError
from mtproto.message.container import is_container
from mtproto.message.gzip import GZIP_PACKED, constructor_of, unpack
from mtproto.schema.mtproto import RpcError, RpcResult
from mtproto.session.events import Traced
from mtproto.tl.objects import TLFunction, TLObject
from mtproto.tl.registry import any_object, decode
from mtproto.tl.text import to_line

__all__ = ["Describer"]

_HEAD = 12
"""Bytes of rpc_result before the result: its id and req_msg_id."""


class Describer:
    """Names and fields of one connection's messages. It remembers queries, whose results only they can read."""

    __slots__ = ("_queries",)

    def __init__(self) -> None:
        self._queries: dict[int, TLFunction] = {}

    def describe(self, event: Traced) -> tuple[str, str]:
        """The name, with those of what is inside in brackets; and the fields in one line, "" where there are none."""
        body = event.body
        if is_container(body):
            return "msg_container", ""  # its messages follow
        if constructor_of(body) == RpcResult.ID and len(body) > _HEAD:
            return self._result(body)
        packed = constructor_of(body) == GZIP_PACKED
        try:
            value = decode(unpack(body) if packed else body, any_object.read)
        except DecodeError as error:
            return _undecoded(body, error)
        if event.direction == "out" and isinstance(value, TLFunction) and isinstance(_innermost(value), TLFunction):
            self._queries[event.msg_id] = value
        name = _name(value)
        return f"gzip_packed({name})" if packed else name, to_line(value)

    def _result(self, body: bytes) -> tuple[str, str]:
        req_msg_id = int.from_bytes(body[4:_HEAD], "little", signed=True)
        result = body[_HEAD:]
        query = self._queries.pop(req_msg_id, None) if constructor_of(result) != RpcError.ID else None
        packed = constructor_of(result) == GZIP_PACKED
        try:
            if packed:
                result = unpack(result)
            value = decode(result, any_object.read if query is None else query.read_result)
        except DecodeError as error:
            name, fields = _undecoded(result, error)
        else:
            name, fields = _name(value), to_line(value)
        name = f"gzip_packed({name})" if packed else name
        return f"rpc_result({name})", f"rpc_result(req_msg_id={req_msg_id}, result={fields})"


def _name(value: object) -> str:
    """The TL name; wrappers show what they wrap."""
    if not isinstance(value, TLObject):
        return "vector" if isinstance(value, list) else "bool"
    query = getattr(value, "query", None)
    return f"{value.NAME}({_name(query)})" if isinstance(query, TLObject) else value.NAME


def _innermost(value: object) -> object:
    """What invoke wrappers wrap: gzip_packed at times, which cannot read a result."""
    while isinstance(query := getattr(value, "query", None), TLObject):
        value = query
    return value


def _undecoded(body: bytes, error: DecodeError) -> tuple[str, str]:
    """What is left where the body cannot be read: its id, and why."""
    return f"#{constructor_of(body):08x}", f"<not decoded: {error.kind}>"
