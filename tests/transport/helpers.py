"""What the transport tests share: every codec in both roles, and streams of frames with their expected items."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import strategies as st

from mtproto.errors import FramingError, TransportFault
from mtproto.roles import Role
from mtproto.testing import ScriptedEnvironment
from mtproto.transport import (
    Abridged,
    Codec,
    Detect,
    Full,
    Intermediate,
    Item,
    Obfuscated,
    Padded,
    Transport,
    obfuscate,
)

CODECS: tuple[type[Codec], ...] = (Abridged, Intermediate, Padded, Full)
QUICK_CODECS: tuple[type[Codec], ...] = (Abridged, Intermediate, Padded)


def client(codec: type[Codec], seed: bytes = b"client") -> Codec:
    return codec(Role.CLIENT, ScriptedEnvironment(seed=seed))


def server(codec: type[Codec], seed: bytes = b"server") -> Codec:
    return codec(Role.SERVER, ScriptedEnvironment(seed=seed))


def obfuscated(codec: type[Codec], seed: bytes = b"client") -> Obfuscated:
    """A direct client's obfuscated transport."""
    return obfuscate(codec, ScriptedEnvironment(seed=seed), dc=2)


def detect() -> Detect:
    return Detect(ScriptedEnvironment(seed=b"detect"))


def cut(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """``data`` in pieces, cut at the given places."""
    places = [0, *sorted(place for place in cuts if place < len(data)), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


def feed_all(transport: Transport, pieces: Iterable[bytes]) -> list[Item]:
    return [item for piece in pieces for item in transport.feed(piece)]


def plain(items: Iterable[Item]) -> list[object]:
    """``items`` with errors as tuples, so that lists of them can be compared."""
    return [(type(item), item.args) if isinstance(item, FramingError | TransportFault) else item for item in items]


def encrypted_payloads(longest: int = 40) -> st.SearchStrategy[bytes]:
    """Payloads of 24 + 16 k bytes whose first 8 bytes are not all zero, as encrypted messages are."""
    lengths = st.integers(0, longest).map(lambda blocks: 24 + 16 * blocks)
    return lengths.flatmap(lambda length: st.binary(min_size=length, max_size=length)).filter(
        lambda data: any(data[:8])
    )
