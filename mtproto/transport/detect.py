"""Detect: the server's side of a new stream, which chooses the codec from the first bytes (TR-20 to TR-22).

HTTP, WebSocket, fake TLS and obfuscation have their rows in the table of TR-20, but not their transports yet: a
stream that begins like them ends in a ``FramingError`` that names what is missing.
"""

from __future__ import annotations

from mtproto.environment import Environment
from mtproto.errors import FramingError, UsageError
from mtproto.roles import Role
from mtproto.transport.abridged import Abridged
from mtproto.transport.base import Codec, Item
from mtproto.transport.full import Full
from mtproto.transport.intermediate import Intermediate, Padded

WEB = "HTTP or WebSocket"
OBFUSCATED = "obfuscated"

PREFIXES: dict[bytes, type[Codec] | str] = {
    Intermediate.start: Intermediate,
    Padded.start: Padded,
    b"POST": WEB,
    b"GET ": WEB,
    b"HEAD": WEB,
    b"OPTI": WEB,
}
"""First 4 bytes of a stream → codec, or the name of what is not supported. Fake TLS (``16 03 01``) needs a listener
with MTProxy secrets (TR-20); without them such bytes are read as obfuscated."""


def choose(head: bytes) -> type[Codec] | str | None:
    """What begins with ``head`` (TR-20): a codec, the name of something not supported, or None: more bytes needed."""
    if head[:1] == Abridged.start:
        return Abridged
    if len(head) >= 4 and head[:4] in PREFIXES:
        return PREFIXES[head[:4]]
    if len(head) < 8:
        return None
    return Full if not any(head[4:8]) else OBFUSCATED


class Detect:
    """A server's transport for a stream of which nothing is known yet; afterwards it behaves as the one chosen.

    ``ready`` is False and ``name`` empty until then. The choice is fixed for the connection (TR-12).
    """

    __slots__ = ("_codec", "_env", "_head", "_refused")

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._head = b""  # at most 7 bytes between two feeds
        self._codec: Codec | None = None
        self._refused = False

    @property
    def name(self) -> str:
        """The name of the transport chosen, or an empty string."""
        return "" if self._codec is None else self._codec.name

    @property
    def ready(self) -> bool:
        """Whether a transport has been chosen."""
        return self._codec is not None

    def feed(self, data: bytes) -> list[Item]:
        """See ``Transport.feed``."""
        if self._codec is not None:
            return self._codec.feed(data)
        if self._refused:
            return []
        data = self._head + data
        chosen = choose(data)
        if chosen is None:
            self._head = data
            return []
        if isinstance(chosen, str):
            self._refused = True
            return [FramingError("unsupported", f"{chosen} transport")]
        self._codec = chosen(Role.SERVER, self._env)
        return self._codec.feed(data[len(chosen.start) :])

    def pack(self, payload: bytes, *, quick_ack: bool = False) -> bytes:
        """See ``Transport.pack``."""
        return self._chosen().pack(payload, quick_ack=quick_ack)

    def pack_quick_ack(self, token: int) -> bytes:
        """See ``Transport.pack_quick_ack``."""
        return self._chosen().pack_quick_ack(token)

    def pack_fault(self, code: int) -> bytes:
        """See ``Transport.pack_fault``. Before the choice there is no form to answer in: nothing (TR-21)."""
        return b"" if self._codec is None else self._codec.pack_fault(code)

    def data_to_send(self) -> bytes:
        """Nothing: a server sends no start bytes (TR-01)."""
        return b""

    def _chosen(self) -> Codec:
        if self._codec is None:
            raise UsageError("the client has not yet shown which transport it speaks")
        return self._codec
