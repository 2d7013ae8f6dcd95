"""What a file of TL objects is compared with before it is written: the codec of ``mtproto.tl.dynamic``.

It is driven by the schema and shares no code with ``tl_pack``, nor with the generated classes that the vectors test.
"""

from __future__ import annotations

from mtproto.errors import DecodeError
from mtproto.schema import mtproto
from mtproto.schema.api._registry import registry as api
from mtproto.tl import dynamic
from mtproto.tl.schema import TypeRef
from mtproto.tl.text import from_plain


def _codec(kind: str) -> tuple[dynamic.Codec, TypeRef]:
    prefix, _, name = kind.rpartition(":")
    type_ref = dynamic.FUNCTION if name == "Function" else TypeRef(name, False)
    return dynamic.codec((mtproto.registry if prefix else api).name), type_ref


def check(plain: object, data: bytes, kind: str, canonical: bytes | None = None) -> None:
    """ValueError unless the object is encoded as ``canonical`` (``data`` by default), and ``data`` is the object."""
    codec, type_ref = _codec(kind)
    expected = data if canonical is None else canonical
    if codec.encode(from_plain(plain)) != expected or codec.encode(codec.decode(data, type_ref)) != expected:
        raise ValueError(f"two codecs disagree about {plain}")


def check_refused(data: bytes, kind: str) -> str:
    """The kind of the error with which ``data`` is refused. ValueError where it is not."""
    codec, type_ref = _codec(kind)
    try:
        codec.decode(data, type_ref)
    except DecodeError as error:
        return error.kind
    raise ValueError(f"accepted as {kind}: {data.hex()}")
