"""What every transport shares: the items it reports, its interface, and the deframer that four codecs are written in.

Implements TR-08, TR-09, TR-10 and TR-55 of docs/spec/transports.md. A codec reads as its specification: ``deframe``
is a generator that yields how many bytes it needs next and is sent exactly those (``header = yield 4``). Segmentation
is invisible to it, so every cut of a stream gives the same items.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import ClassVar, Generic, Protocol, TypeVar

from mtproto.environment import Environment
from mtproto.errors import FramingError, TransportFault, UsageError
from mtproto.record import Record
from mtproto.roles import Role

MAX_FRAME = 16 * 1024 * 1024 + 1024
"""The longest frame, in bytes, that is received (TR-09): what a length field may announce."""

MAX_PAYLOAD = MAX_FRAME - 16
"""The longest payload, in bytes, that is sent: room is left for 12 bytes of envelope or 15 of padding."""


class Packet(Record):
    """One payload, received whole. ``wants_ack``: the client asks for a quick acknowledgement of it (TR-51)."""

    __slots__ = ("payload", "wants_ack")

    def __init__(self, payload: bytes, wants_ack: bool = False) -> None:
        self.payload = payload
        self.wants_ack = wants_ack


class QuickAck(Record):
    """A quick acknowledgement, received by a client. ``token`` is the unsigned 32-bit number of TR-50."""

    __slots__ = ("token",)

    def __init__(self, token: int) -> None:
        self.token = token


Item = Packet | QuickAck | TransportFault | FramingError
"""What ``feed`` reports. The two errors are values here, never raised, so that the packets before them are kept."""


Deframer = Generator[int, bytes, None]
"""Yields a number of bytes (1 or more), is sent that many."""

T = TypeVar("T")


def is_end(item: object) -> bool:
    """Whether ``item`` is the last one ever of its stream."""
    return isinstance(item, TransportFault | FramingError)


class Transport(Protocol):
    """Payloads to bytes of one duplex stream and back, for one connection. Knows nothing of sockets."""

    @property
    def name(self) -> str:
        """One of ``TRANSPORTS``; empty as long as it is not known."""

    @property
    def ready(self) -> bool:
        """Whether ``pack`` may be called now."""

    @property
    def quick_acks(self) -> bool:
        """Whether there are quick acknowledgements (TR-51)."""

    @property
    def alternates(self) -> bool:
        """Whether payloads take turns, one of the client and one of the server (TR-101)."""

    @property
    def ended(self) -> bool:
        """Whether both sides said, in the transport's own way, that the connection ends: only closing it is left."""

    def feed(self, data: bytes) -> Iterable[Item]:
        """Take the next bytes of the stream and give the items they complete. All of ``data`` is consumed.

        Raises nothing. A ``TransportFault`` or ``FramingError`` is the last item ever: what follows is ignored.
        """

    def pack(self, payload: bytes, *, quick_ack: bool = False) -> bytes:
        """Frame one payload; ``quick_ack`` asks for a quick acknowledgement (client only, TR-51).

        A client's first result begins with the codec's start bytes (TR-01). Raises ``UsageError`` for a length
        that is zero, no multiple of 4 (TR-08) or above ``MAX_PAYLOAD``, and where no quick ack exists.
        """

    def pack_quick_ack(self, token: int) -> bytes:
        """The quick acknowledgement ``token`` in this codec's form (server only, TR-52)."""

    def pack_fault(self, code: int) -> bytes:
        """Transport error ``code`` < 0 (server only, TR-55); empty as long as no codec is known (TR-21)."""

    def data_to_send(self) -> bytes:
        """Bytes the transport has to send of its own accord, to be written before anything packed later."""

    def pack_close(self) -> bytes:
        """The last bytes of a connection that this side ends; nothing can be packed after them."""


class Deframed(Generic[T]):
    """A stream that the generator ``deframe`` reads; ``feed`` gives what it delivers, in its order.

    Linear in the bytes fed, however they are cut (TR-10): what is kept between two feeds is less than the bytes the
    generator waits for. An error that it raises is the last item; what follows is ignored.
    """

    __slots__ = ("_deframer", "_items", "_pending", "_wanted")

    def __init__(self) -> None:
        self._items: list[T | TransportFault | FramingError] = []
        self._pending = bytearray()
        self._deframer: Deframer | None = self.deframe()  # None: the stream has ended in an error
        self._wanted = next(self._deframer)

    def deframe(self) -> Deframer:
        """Read for ever, calling ``deliver``; an error that is raised ends the stream."""
        raise NotImplementedError

    def deliver(self, item: T) -> None:
        """Report ``item``."""
        self._items.append(item)

    def feed(self, data: bytes) -> list[T | TransportFault | FramingError]:
        """Take the next bytes; the items they complete."""
        if self._deframer is None:
            return []
        pending = self._pending
        if pending:
            pending += data
            if len(pending) < self._wanted:
                return []
            data = bytes(pending)
            pending.clear()
        start, end, size = 0, self._wanted, len(data)
        try:
            while end <= size:
                chunk = data[start:end]
                start, end = end, end + self._deframer.send(chunk)
            self._wanted = end - start
            if start < size:  # less than was just fed: all that was pending before is consumed, so this stays linear
                pending += data[start:]
        except (FramingError, TransportFault) as error:
            self._deframer = None
            self._items.append(error.with_traceback(None))  # the frames of a traceback would keep the buffer alive
        items, self._items = self._items, []
        return items


class Codec(Deframed[Packet | QuickAck]):
    """Base of the four framing codecs (TR-01 to TR-08).

    A codec for ``Role.SERVER`` expects the stream after the client's start bytes; ``detect.Detect`` takes those off.
    ``start=False``: a client's codec whose start bytes are not sent, since they sit inside an obfuscation header.
    """

    __slots__ = ("_start", "env", "role")

    name: ClassVar[str]
    start: ClassVar[bytes]
    """What a client sends once, before its first frame (TR-01)."""
    ready: ClassVar[bool] = True
    quick_acks: ClassVar[bool] = True
    alternates: ClassVar[bool] = False
    ended: ClassVar[bool] = False

    def __init__(self, role: Role, env: Environment, *, start: bool = True) -> None:
        self.role = role
        self.env = env
        self._start = self.start if start and role is Role.CLIENT else b""
        super().__init__()

    def pack(self, payload: bytes, *, quick_ack: bool = False) -> bytes:
        """See ``Transport.pack``."""
        raise NotImplementedError

    def pack_quick_ack(self, token: int) -> bytes:
        """See ``Transport.pack_quick_ack``."""
        raise NotImplementedError

    def pack_fault(self, code: int) -> bytes:
        """See ``Transport.pack_fault``."""
        if self.role is Role.CLIENT or not -(2**31) <= code < 0:
            raise UsageError(f"a transport error is a negative 32-bit number, sent by a server: not {code}")
        return self.pack(code.to_bytes(4, "little", signed=True))

    def data_to_send(self) -> bytes:
        """Nothing: the start bytes travel in the first ``pack``."""
        return b""

    def pack_close(self) -> bytes:
        """Nothing: the socket is closed."""
        return b""

    def accept(self, payload: bytes, wants_ack: bool = False) -> None:
        """Report a payload; on a client one of exactly 4 bytes is a transport error instead (TR-55)."""
        if len(payload) == 4 and self.role is Role.CLIENT:
            raise_fault(payload)
        else:
            self._items.append(Packet(payload, wants_ack))


def raise_fault(word: bytes) -> None:
    """Raise what the 4 bytes of a transport error mean (TR-55): 0 is a no-op, a positive code breaks the protocol."""
    code = int.from_bytes(word, "little", signed=True)
    if code < 0:
        raise TransportFault(code)
    if code > 0:
        raise FramingError("transport_error", f"code {code} is positive")


def check_length(length: int, shortest: int, step: int = 4) -> None:
    """Refuse an announced length before anything is buffered for it (TR-08, TR-09)."""
    if not shortest <= length <= MAX_FRAME or length % step:
        raise FramingError("length", f"{length} bytes")


def bad_payload(length: int) -> UsageError:
    """Why a payload of ``length`` bytes cannot be sent (TR-08)."""
    return UsageError(f"a payload is a multiple of 4 bytes, 4 to {MAX_PAYLOAD}: not {length}")


def check_quick_ack(role: Role, asking: Role) -> None:
    """Only a client asks for a quick acknowledgement (TR-51), only a server gives one (TR-52)."""
    if role is not asking:
        raise UsageError(f"a {role.value} does not send this side of a quick acknowledgement")
