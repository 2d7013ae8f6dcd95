"""Values of any TL type, made from the IR: by hypothesis, or from a seed where every combinator is to be covered.

Values are those of ``tl.dynamic``: dicts by TL names for objects.
"""

from __future__ import annotations

import random
import struct
from typing import Any, Protocol

from hypothesis import strategies as st

from mtproto.tl.dynamic import Codec, codec
from mtproto.tl.schema import Combinator, TypeRef, is_boxed_name

EDGES: dict[str, list[Any]] = {
    "int": [0, 1, -1, 2**31 - 1, -(2**31)],
    "long": [0, 1, -1, 2**63 - 1, -(2**63)],
    "double": [0.0, -0.0, 1.5, float("inf"), float("-inf"), float("nan"), 5e-324],
    "string": ["", "a", "abc", "abcd", "при", "\U0001f600", "\udc80\udcff", "x" * 253, "x" * 254, "\0"],
    "bytes": [b"", b"\0", b"abc", b"abcd", bytes(253), bytes(254), b"\xff" * 300],
}
MAX_DEPTH = 4


class Source(Protocol):
    """Where choices come from."""

    def below(self, count: int) -> int: ...


class Seeded:
    """Choices from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def below(self, count: int) -> int:
        return self.random.randrange(count)


class Drawn:
    """Choices from hypothesis."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw

    def below(self, count: int) -> int:
        chosen: int = self.draw(st.integers(0, count - 1))
        return chosen


class Maker:
    """Makes values of one codec. ``fill``: None leaves each optional field to chance, True and False decide."""

    def __init__(self, codec: Codec, source: Source, fill: bool | None = None) -> None:
        self.codec = codec
        self.source = source
        self.fill = fill

    def combinator(self, combinator: Combinator, depth: int = 0) -> dict[str, Any]:
        value: dict[str, Any] = {"_": self.codec.prefix + combinator.name}
        present: dict[tuple[str, int], bool] = {}
        for param in combinator.params:
            if param.condition:
                if param.condition not in present:
                    present[param.condition] = self.chance(depth)
                if not present[param.condition]:
                    continue
            if not param.is_word:
                value[param.name] = self.value(param.type, depth + 1)
        for word in [param.name for param in combinator.params if param.is_word]:
            known = {p.condition[1] for p in combinator.params if p.condition and p.condition[0] == word}
            free = [bit for bit in range(32) if bit not in known]
            if free and self.source.below(8) == 0:
                value[f"extra_{word}"] = 1 << free[self.source.below(len(free))]
        return value

    def chance(self, depth: int) -> bool:
        if depth >= MAX_DEPTH:
            return False
        return self.source.below(3) == 0 if self.fill is None else self.fill

    def value(self, type_ref: TypeRef, depth: int = 0) -> Any:
        name = type_ref.name
        if name in EDGES:
            return EDGES[name][self.source.below(len(EDGES[name]))]
        if name in ("int128", "int256"):
            return bytes([self.source.below(256)]) * (16 if name == "int128" else 32)
        if name in ("true", "True"):
            return True
        if name == "Bool":
            return self.source.below(2) == 0
        if type_ref.is_vector:
            count = 0 if depth >= MAX_DEPTH else self.source.below(3)
            return [self.value(type_ref.arguments[0], depth + 1) for _ in range(count)]
        return self.combinator(self.choice(type_ref, depth), depth)

    def choice(self, type_ref: TypeRef, depth: int) -> Combinator:
        name = type_ref.name
        if type_ref.bare and not is_boxed_name(name):
            return self.codec.by_name[name]
        if name == "Object" or name.startswith("!"):
            names = ["ping", "pong"] if self.codec.prefix else ["help.getConfig", "account.getBotBusinessConnection"]
            return self.codec.by_name[names[self.source.below(2)]]
        members = self.codec.by_type[name]
        if depth >= MAX_DEPTH:
            return min(members, key=lambda member: (self.height(member), len(member.params)))
        return members[self.source.below(len(members))]

    def height(self, combinator: Combinator) -> int:
        """How many levels the smallest value of ``combinator`` has below it, up to a bound."""
        return _below(combinator, _heights(self.codec))


_cache: dict[int, dict[str, int]] = {}


def _below(combinator: Combinator, heights: dict[str, int]) -> int:
    mandatory = [param.type.name for param in combinator.params if not param.condition]
    return max((heights[name] for name in mandatory if name in heights), default=0)


def _heights(codec: Codec) -> dict[str, int]:
    """By type: the levels of its smallest value."""
    if id(codec) not in _cache:
        heights = dict.fromkeys(codec.by_type, 99)
        for _ in range(20):
            for name, members in codec.by_type.items():
                heights[name] = 1 + min(_below(member, heights) for member in members)
        _cache[id(codec)] = heights
    return _cache[id(codec)]


@st.composite
def objects(draw: Any, schema: str = "api", kind: str | None = None) -> dict[str, Any]:
    """An object of any combinator of a generated schema."""
    found = codec(schema)
    combinators = [c for c in found.by_name.values() if kind in (None, c.kind)]
    return Maker(found, Drawn(draw)).combinator(draw(st.sampled_from(combinators)))


@st.composite
def values(draw: Any, type_ref: TypeRef, schema: str = "api") -> Any:
    """A value of one type."""
    return Maker(codec(schema), Drawn(draw)).value(type_ref)


@st.composite
def damaged(draw: Any, data: bytes) -> bytes:
    """``data`` with a few bytes changed, removed or added."""
    out = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(out)))
        how = draw(st.sampled_from(["change", "word", "cut", "insert", "remove"]))
        if how == "change" and at < len(out):
            out[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "word" and len(out) >= 4:
            start = at // 4 * 4
            words = [0x1CB5C415, 0x997275B5, 0, 0xFFFFFFFF, 0x7FFFFFFF, 0x8F34B2F5, 0x3072CFA1]
            out[start : start + 4] = struct.pack("<I", draw(st.sampled_from(words)))
        elif how == "cut":
            del out[at:]
        elif how == "insert":
            out[at:at] = draw(st.binary(max_size=8))
        else:
            del out[at : at + 4]
    return bytes(out)
