"""Errors of the fast codec, explained by the schema-driven one: which field, and what it expects.

Both functions load the schema's description; they are called only when an error is on its way to the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mtproto.errors import DecodeError, UsageError
from mtproto.tl import ir
from mtproto.tl.dynamic import COMBINATOR, CONSTRUCTOR, FUNCTION, OBJECT, codec
from mtproto.tl.objects import TLFunction, TLObject, schema_name
from mtproto.tl.schema import TypeRef


def locate(problem: DecodeError, buf: bytes, pos: int, read: Callable[[bytes, int], tuple[Any, int]]) -> DecodeError:
    """``problem`` with the offset and the path of the field: ``buf`` is decoded again, until it fails here too.

    This codec reads field by field, so that it may name what precedes the end of a buffer on which a struct failed.
    """
    root = _root(read)
    if root is None or problem.kind == "depth":
        return problem
    try:
        codec(root[0]).check(buf, root[1], pos)
    except DecodeError as error:
        if problem.kind in (error.kind, "eof"):
            return error
    return problem


def _root(read: Callable[[bytes, int], tuple[Any, int]]) -> tuple[str, TypeRef] | None:
    """The schema and the type that ``read`` reads, where that can be known."""
    owner = getattr(read, "__self__", None)
    if isinstance(owner, TLFunction):
        result = ir.result_type(owner)
        return None if result is None else (schema_name(type(owner)), result)
    module: str = getattr(read, "__module__", None) or ""
    if not module.startswith("mtproto.schema."):
        return None
    schema = module.split(".")[2]
    roots = {"read_function": FUNCTION, "read_object": CONSTRUCTOR if schema == "api" else COMBINATOR}
    root = roots.get(getattr(read, "__name__", ""))
    return None if root is None else (schema, root)


def refusal(value: TLObject, problem: Exception) -> UsageError:
    """Why ``value`` cannot be encoded: which field, and what it expects."""
    try:
        codec(schema_name(type(value))).encode(value, OBJECT)
    except UsageError as error:
        return UsageError(f"{value.NAME}: {error}")
    return UsageError(f"{value.NAME}: {problem}")
