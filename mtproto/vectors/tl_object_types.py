"""The types of tl_objects, put to the generated classes, ``mtproto.tl.text`` and the codec that is driven by a schema.

Objects stand in the files as ``tl.text`` writes them; ``type`` is a boxed type, with the prefix ``mtproto:`` for the
MTProto schema, or ``Function`` for any function.
"""

from __future__ import annotations

from typing import Any

from mtproto.errors import DecodeError
from mtproto.schema import mtproto
from mtproto.schema.api._registry import registry as api
from mtproto.tl import dynamic
from mtproto.tl.objects import TLFunction
from mtproto.tl.registry import decode
from mtproto.tl.schema import TypeRef
from mtproto.tl.text import from_plain, to_plain
from mtproto.tl.wire import Reader
from mtproto.vectors.case import Case
from mtproto.vectors.outcome import Mismatch, Output, TypeFunction, require


def reader(kind: str) -> Reader:
    """The generated reader of a type."""
    prefix, _, name = kind.rpartition(":")
    registry = mtproto.registry if prefix else api
    return (registry.functions if name == "Function" else registry.table(name)).read


def second(kind: str) -> tuple[dynamic.Codec, TypeRef]:
    """The codec that is driven by a schema, and what it calls the type."""
    prefix, _, name = kind.rpartition(":")
    type_ref = dynamic.FUNCTION if name == "Function" else TypeRef(name, False)
    return dynamic.codec("mtproto" if prefix else "api"), type_ref


def tl_object(case: Case) -> Output:
    """JSON to bytes, which both codecs read back as the same object."""
    plain, kind = case.input["value"], case.input["type"]
    data = from_plain(plain).to_bytes()
    require(both(data, kind) == (plain, data), "decoding")
    return {"bytes": data.hex()}


def both(data: bytes, kind: str) -> tuple[Any, bytes]:
    """What the bytes are, as JSON and as this library would write them; both codecs have to say the same."""
    value = decode(data, reader(kind))
    canonical = value.to_bytes()
    codec, type_ref = second(kind)
    require(codec.encode(codec.decode(data, type_ref)) == canonical, "the second codec")
    require(codec.encode(value) == canonical, "the encoding of the second codec")
    return to_plain(value), canonical


def tl_object_decode(case: Case) -> Output:
    """Bytes that no encoder has to have written."""
    data, kind = described(case), case.input["type"]
    codec, type_ref = second(kind)
    try:
        codec.decode(data, type_ref)
    except DecodeError:
        decode(data, reader(kind))
        raise Mismatch("the second codec alone refuses") from None
    value, canonical = both(data, kind)
    return {"value": value, "canonical": canonical.hex()}


def described(case: Case) -> bytes:
    """The bytes of the test, or those of its ``bytesSpec``: ``unit`` so many times, and then ``end``."""
    spec = case.input.get("bytesSpec")
    if spec is None:
        return case.bytes("bytes")
    return bytes.fromhex(spec["unit"]) * int(spec["count"]) + bytes.fromhex(spec["end"])


def tl_object_encode_reject(case: Case) -> Output:
    """A value that has no serialisation."""
    return {"bytes": from_plain(case.input["value"]).to_bytes().hex()}


def tl_result(case: Case) -> Output:
    """The result of a call: only the query says what type it has."""
    query = from_plain(case.input["query"])
    require(isinstance(query, TLFunction), "the query is no function")
    value = decode(case.bytes("bytes"), query.read_result)
    return {"value": to_plain(value, case.input["resultType"])}


FUNCTIONS: dict[str, TypeFunction] = {
    "TlObject": tl_object,
    "TlObjectDecode": tl_object_decode,
    "TlObjectEncodeReject": tl_object_encode_reject,
    "TlResult": tl_result,
}
"""Type -> the function that puts a test of this type to the core."""
