"""How every layer is fuzzed: hypothesis draws seeds, a seed makes an input, the input has bounds to keep.

``FUZZ_EXAMPLES`` sets how many inputs each layer gets (300; CI: 20,000), ``FUZZ_SEED`` gives other ones. An input
that breaks a rule is printed in hexadecimal; it belongs into ``test_regressions.py``.
"""

from __future__ import annotations

import gc
import os
import random
import struct
import tracemalloc
from collections.abc import Callable, Sequence
from time import process_time
from typing import Any

from hypothesis import HealthCheck, Phase, currently_in_test_context, given, note, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "300"))
SEED = os.environ.get("FUZZ_SEED", "")
MIB = 1 << 20
MOST = 65536
SECONDS = 0.050
REFERENCE = 0.0065
"""Seconds that the loop in ``slowness`` took where the bound was measured."""
WORDS = [
    bytes(4),
    b"\xff" * 4,
    b"\1\0\0\0",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\x80",
    b"\xfe\xff\xff\xff",
    bytes.fromhex("15c4b51c"),  # vector
    bytes.fromhex("a1cf7230"),  # gzip_packed
    bytes.fromhex("dcf8f173"),  # msg_container
    bytes.fromhex("b5757299"),  # boolTrue
]


def fuzz(share: int = 1) -> Callable[[Callable[[random.Random], None]], Callable[[], None]]:
    """Run a test with a generator for each of so many seeds: 1/``share`` of the inputs of its layer."""

    def decorate(test: Callable[[random.Random], None]) -> Callable[[], None]:
        name = f"{test.__module__}.{test.__name__}"

        @settings(
            max_examples=max(EXAMPLES // share, 1),
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.integers(0, 2**64 - 1))
        def run(seed: int) -> None:
            note(f"FUZZ_SEED={SEED!r} seed={seed}")
            test(random.Random(f"{SEED} {name} {seed}"))

        run.__name__ = test.__name__
        run.__doc__ = test.__doc__
        run.__module__ = test.__module__
        return run

    return decorate


# ---- inputs


def mutated(rng: random.Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """``data`` with one to four changes; at most 64 KiB."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(out) + 1)
        choice = rng.randrange(9)
        if choice == 0 and at < len(out):
            out[at] ^= 1 << rng.randrange(8)
        elif choice == 1:
            word = rng.choice(WORDS)
            out[at : at + 4] = word
        elif choice == 2:  # on a word boundary, where fields begin
            out[at & ~3 : (at & ~3) + 4] = rng.choice(WORDS)
        elif choice == 3:
            del out[at : at + rng.choice((1, 3, 4, 8, 40))]
        elif choice == 4:
            out[at:at] = rng.randbytes(rng.choice((1, 4, 8, 64)))
        elif choice == 5:
            piece = bytes(out[at : at + rng.choice((4, 8, 16, 64))])
            out[at:at] = piece * rng.choice((1, 2, 30, 1000))
        elif choice == 6 and others:
            other = rng.choice(others)
            start = rng.randrange(len(other) + 1) & ~3
            out[at:at] = other[start : start + rng.choice((4, 40, 400))]
        elif choice == 7:
            del out[at:]
        elif at < len(out):
            struct.pack_into("<I", out, min(at & ~3, max(len(out) - 4, 0)), rng.getrandbits(32)) if len(out) >= 4 else 0
    return bytes(out[:MOST])


def noise(rng: random.Random, start: bytes = b"") -> bytes:
    """Random bytes, mostly few."""
    size = rng.choice((0, 1, 3, 4, 7, 8, 12, 20, 24, 40, 88, 100, 1000))
    if rng.randrange(200) == 0:
        size = rng.randrange(MOST - len(start))
    return start + rng.randbytes(size)


def aligned(data: bytes) -> bytes:
    """``data`` cut to a positive multiple of 4 bytes."""
    return data[: len(data) & ~3] or bytes(4)


# ---- bounds


def keeps_bounds(data: bytes, make: Callable[[], Callable[[], Any]], *, gunzip: bool = False) -> None:
    """Run ``make()()``: at most 32 × input + 1 MiB at once (16 MiB more where gunzip is legal), 50 ms up to 64 KiB.

    ``make`` prepares a state outside of the measurement; what it returns processes the input.
    """
    if currently_in_test_context():
        note(f"input: {data.hex()}")
    process = make()
    gc.disable()
    tracemalloc.start()
    start = process_time()
    try:
        process()
    finally:
        took = process_time() - start
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        gc.enable()
    limit = 32 * len(data) + MIB + (16 * MIB if gunzip else 0)
    assert peak <= limit, f"{peak} bytes at once for {len(data)} bytes of input, at most {limit}"
    if took > SECONDS and len(data) <= MOST:
        took = min(_timed(make()) for _ in range(3))  # without tracemalloc, which makes everything slower
        assert took <= SECONDS * slowness(), f"{took * 1000:.0f} ms for {len(data)} bytes of input"


def slowness() -> float:
    """How much slower than where the bound was measured this machine is just now."""

    def spin() -> float:
        start = process_time()
        total = 0
        for i in range(200_000):
            total += i & 7
        return process_time() - start

    return max(1.0, min(spin() for _ in range(3)) / REFERENCE)


def _timed(process: Callable[[], Any]) -> float:
    gc.disable()
    start = process_time()
    process()
    took = process_time() - start
    gc.enable()
    return took
