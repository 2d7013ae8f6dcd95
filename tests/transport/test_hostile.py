"""Random, mutated and endless input: only items come out, in bounded time and memory.

TR-09, TR-10, SEC-60 to SEC-62.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtproto.errors import FramingError, TransportFault
from mtproto.transport import MAX_FRAME, Codec, Packet, QuickAck, Transport

from .helpers import CODECS, QUICK_CODECS, client, cut, detect, encrypted_payloads, feed_all, obfuscated, plain, server

RECEIVERS: list[Callable[[], Transport]] = [detect]
RECEIVERS += [lambda codec=codec: client(codec) for codec in CODECS]  # type: ignore[misc]
RECEIVERS += [lambda codec=codec: server(codec) for codec in CODECS]  # type: ignore[misc]
RECEIVERS += [lambda codec=codec: obfuscated(codec) for codec in QUICK_CODECS]  # type: ignore[misc]
NAMES = ["detect", *(f"{codec.name}-{role}" for role in ("client", "server") for codec in CODECS)]
NAMES += [f"obfuscated-{codec.name}-client" for codec in QUICK_CODECS]
every_receiver = pytest.mark.parametrize("make", RECEIVERS, ids=NAMES)
every_codec = pytest.mark.parametrize("codec", CODECS)

WORDS = [b"\xef", b"\xee" * 4, b"\xdd" * 4, bytes(4), b"\x01", b"\x7f", b"\xff" * 4, b"\x10\0\0\0"]
junk = st.lists(st.sampled_from(WORDS) | st.binary(max_size=40), max_size=12).map(b"".join)


@st.composite
def mutated_streams(draw: st.DrawFn) -> tuple[type[Codec], bytes]:
    """A stream of good frames with one byte changed."""
    codec = draw(st.sampled_from(CODECS))
    packer = obfuscated(codec) if codec in QUICK_CODECS and draw(st.booleans()) else client(codec)
    stream = bytearray(b"".join(packer.pack(payload) for payload in draw(st.lists(encrypted_payloads(4), min_size=1))))
    place = draw(st.integers(0, len(stream) - 1))
    stream[place] ^= draw(st.integers(1, 255))
    return codec, bytes(stream)


def check(make: Callable[[], Transport], stream: bytes, cuts: list[int]) -> None:
    """Only items come out, an error only as the last one, and the same ones for every segmentation."""
    items = list(make().feed(stream))
    assert all(isinstance(item, Packet | QuickAck | TransportFault | FramingError) for item in items)
    assert not any(isinstance(item, TransportFault | FramingError) for item in items[:-1])
    assert plain(feed_all(make(), cut(stream, cuts))) == plain(items)
    assert plain(feed_all(make(), [stream[place : place + 1] for place in range(len(stream))])) == plain(items)


@every_receiver
@given(stream=junk, cuts=st.lists(st.integers(0, 200), max_size=6))
@pytest.mark.requirement("TR-10")
def test_random_bytes_raise_nothing_and_cutting_them_changes_nothing(
    make: Callable[[], Transport], stream: bytes, cuts: list[int]
) -> None:
    check(make, stream, cuts)


@settings(max_examples=200)
@given(case=mutated_streams(), cuts=st.lists(st.integers(0, 500), max_size=6))
@pytest.mark.requirement("TR-10")
def test_a_changed_byte_raises_nothing_and_cutting_changes_nothing(
    case: tuple[type[Codec], bytes], cuts: list[int]
) -> None:
    codec, stream = case
    check(detect, stream, cuts)
    check(lambda: client(codec), stream, cuts)
    check(lambda: server(codec), stream, cuts)


UNITS = ["00", "ff", "80", "01000000ff", "0400000000000000", "04000000ffffff7f", "0400000001010101"]
"""Repeated, each is a stream of as many items or refusals as fit."""


def peak_of(run: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@every_receiver
@pytest.mark.parametrize(
    "unit", ["00", "ff", "80", "01000000ff", "0400000000000000", "04000000ffffff7f", "0400000001010101"]
)
@pytest.mark.requirement("SEC-60")
def test_memory_stays_in_proportion_to_what_was_fed(make: Callable[[], Transport], unit: str) -> None:
    stream = bytes.fromhex(unit) * (65536 // (len(unit) // 2))
    assert peak_of(lambda: list(make().feed(stream))) <= 32 * len(stream) + 2**20


@every_codec
@pytest.mark.requirement("TR-09", "SEC-60")
def test_nothing_is_kept_for_a_frame_above_the_limit(codec: type[Codec]) -> None:
    header = {"abridged": b"\x7f\xff\xff\xff"}.get(codec.name, b"\xfc\xff\xff\x7f" + bytes(4))
    receiver = server(codec)
    piece = bytes(65536)
    (error,) = receiver.feed(header)
    assert isinstance(error, FramingError)
    assert peak_of(lambda: [receiver.feed(piece) for _ in range(400)]) < 65536


@every_codec
@pytest.mark.requirement("SEC-60")
def test_the_largest_frame_costs_a_few_times_its_size_and_no_more(codec: type[Codec]) -> None:
    wire = client(codec).pack(b"\x05" * (MAX_FRAME - 16)).removeprefix(codec.start)
    pieces = [wire[place : place + 65536] for place in range(0, len(wire), 65536)]
    receiver = server(codec)
    assert peak_of(lambda: feed_all(receiver, pieces)) < 4 * len(wire)


@every_codec
def test_small_pieces_of_a_large_frame_cost_the_same_each(codec: type[Codec]) -> None:
    """16 times the pieces take about 16 times as long; copying the buffer for each would take 256 times as long."""

    def seconds(length: int) -> float:
        wire = client(codec).pack(b"\x05" * length).removeprefix(codec.start)
        pieces = [wire[place : place + 512] for place in range(0, len(wire), 512)]
        best = 1e9
        for _ in range(3):
            receiver = server(codec)
            started = time.process_time()
            (packet,) = feed_all(receiver, pieces)
            best = min(best, time.process_time() - started)
            assert isinstance(packet, Packet)
        return best

    assert seconds(2**24) < 100 * seconds(2**20)


@every_codec
def test_many_small_frames_in_one_read_take_linear_time(codec: type[Codec]) -> None:
    def seconds(count: int) -> float:
        packer = client(codec)
        wire = b"".join(packer.pack(b"\x05" * 40) for _ in range(count)).removeprefix(codec.start)
        best = 1e9
        for _ in range(3):
            receiver = server(codec)
            started = time.process_time()
            assert len(receiver.feed(wire)) == count
            best = min(best, time.process_time() - started)
        return best

    assert seconds(16000) < 100 * seconds(1000)
