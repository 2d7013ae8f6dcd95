"""Kurigram's side of the codec and pq benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

from pyrogram.crypto import prime
from pyrogram.raw.core import TLObject

from bench.tree import tree

Job = Callable[[int], object]


def _fields(value: Any) -> tuple[int, list[str]]:
    return value.ID, list(value.__slots__)


def _codec(data: str) -> dict[str, Any]:
    value = TLObject.read(BytesIO(bytes.fromhex(data)))
    return {"tree": tree(value, _fields), "bytes": value.write().hex()}


def _decode(data: str) -> Job:
    raw = bytes.fromhex(data)

    def run(times: int) -> None:
        for _ in range(times):
            TLObject.read(BytesIO(raw))

    return run


def _encode(data: str) -> Job:
    value = TLObject.read(BytesIO(bytes.fromhex(data)))

    def run(times: int) -> None:
        for _ in range(times):
            value.write()

    return run


def _factors(number: int) -> list[int]:
    factor = prime.decompose(number)
    return sorted([factor, number // factor])


def _pq(numbers: list[int]) -> Job:
    def run(times: int) -> None:
        for _ in range(times):
            for number in numbers:
                prime.decompose(number)

    return run


QUESTIONS: dict[str, Callable[[Any], Any]] = {"codec": _codec, "factors": _factors}
JOBS: dict[str, Callable[[Any], Job]] = {"decode": _decode, "encode": _encode, "pq": _pq}
