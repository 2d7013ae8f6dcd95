"""Large bodies are sampled before they are packed: what does not compress costs nothing (TL-64)."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable

import pytest

from mtproto.message.gzip import SAMPLE_FROM, pack, unpack

RANDOM = random.Random(0)


@pytest.fixture
def deflated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of what was handed to zlib from now on."""
    lengths: list[int] = []
    compress, compressobj = zlib.compress, zlib.compressobj

    class Deflater:
        def __init__(self, *options: int) -> None:
            self._real = compressobj(*options)
            self.flush: Callable[[], bytes] = self._real.flush

        def compress(self, data: bytes) -> bytes:
            lengths.append(len(data))
            return self._real.compress(data)

    def sample(data: bytes, level: int) -> bytes:
        lengths.append(len(data))
        return compress(data, level)

    monkeypatch.setattr(zlib, "compressobj", Deflater)
    monkeypatch.setattr(zlib, "compress", sample)
    return lengths


@pytest.mark.parametrize("size", [SAMPLE_FROM + 4, 524_328, 1_048_616])
def test_a_part_of_a_film_is_not_compressed_in_vain(size: int, deflated: list[int]) -> None:
    body = RANDOM.randbytes(size)
    assert pack(body) is body
    assert sum(deflated) <= 4096


def test_a_large_body_of_which_a_part_compresses_is_packed() -> None:
    body = RANDOM.randbytes(100_000) + bytes(100_000)
    packed = pack(body)
    assert len(packed) < 101_000
    assert unpack(packed) == body


def test_what_is_not_large_is_tried_as_a_whole(deflated: list[int]) -> None:
    body = RANDOM.randbytes(SAMPLE_FROM - 600) + bytes(600)
    assert len(pack(body)) < len(body)
    assert deflated == [SAMPLE_FROM]
