"""Well-formed objects to start from."""

from __future__ import annotations

import gc
from contextlib import suppress
from functools import cache

from mtproto.errors import PeerError
from mtproto.schema import api
from mtproto.schema import mtproto as schema
from mtproto.tl import registry
from mtproto.tl.dynamic import codec
from mtproto.tl.wire import Reader
from tests.strategies import Maker, Seeded


@cache
def objects(name: str, kind: str) -> list[bytes]:
    """Serialised objects of a schema: each of every tenth combinator (every one of the small schema)."""
    found = codec(name)
    maker = Maker(found, Seeded(1))
    combinators = [c for c in found.by_name.values() if c.kind == kind]
    step = 10 if name == "api" else 1
    return [found.encode(maker.combinator(combinator)) for combinator in combinators[::step]]


@cache
def everything() -> list[bytes]:
    return [data for name in ("mtproto", "api") for kind in ("type", "function") for data in objects(name, kind)]


@cache
def warm_up() -> None:
    """Load every shard and description, so that no input pays for it."""
    found = registry.schemas["api"]
    for constructor_id in found.ids:  # type: ignore[attr-defined]
        found.load_id(constructor_id)
    everything()
    for read in (api.read_object, api.read_function, schema.read_object):
        for data in (*everything()[::50], b"\xff" * 8):
            decode_prefix(data, read)
            decode_prefix(data[:-1], read)
    gc.collect()
    gc.freeze()


def decode_prefix(data: bytes, read: Reader) -> None:
    with suppress(PeerError):
        registry.decode_prefix(data, read)
