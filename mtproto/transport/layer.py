"""What stands between a framing codec and the socket: a layer around another transport, and the choice of one.

Spec: docs/spec/transports.md, the first lines: framing → obfuscation → fake TLS → TCP or WebSocket. A ``Layer`` only
says how bytes are wrapped and unwrapped; a ``Deferred`` is a server's transport, chosen by the first bytes of a stream.
"""

from __future__ import annotations

from collections.abc import Iterator

from mtproto.errors import FramingError, TransportFault, UsageError
from mtproto.transport.base import Item, Transport, is_end


class Layer:
    """A transport whose bytes travel inside another stream. All but ``wrap`` and ``unwrap`` is the inner one's."""

    __slots__ = ("_over", "inner")

    def __init__(self, inner: Transport) -> None:
        self.inner = inner
        self._over = False

    @property
    def name(self) -> str:
        """See ``Transport.name``."""
        return self.inner.name

    @property
    def ready(self) -> bool:
        """See ``Transport.ready``."""
        return self.inner.ready

    @property
    def quick_acks(self) -> bool:
        """See ``Transport.quick_acks``."""
        return self.inner.quick_acks

    @property
    def alternates(self) -> bool:
        """See ``Transport.alternates``."""
        return self.inner.alternates

    @property
    def ended(self) -> bool:
        """See ``Transport.ended``."""
        return self.inner.ended

    def wrap(self, data: bytes) -> bytes:
        """What carries the inner transport's ``data``."""
        raise NotImplementedError

    def unwrap(self, data: bytes) -> Iterator[bytes]:
        """The inner transport's bytes in what was received; raises FramingError after those that came before it."""
        raise NotImplementedError

    def feed(self, data: bytes) -> list[Item]:
        """See ``Transport.feed``."""
        items: list[Item] = []
        if self._over:
            return items
        try:
            for part in self.unwrap(data):
                items += self.inner.feed(part)
                if items and is_end(items[-1]):
                    self._over = True
                    break
        except FramingError as error:
            self._over = True
            items.append(error.with_traceback(None))
        return items

    def pack(self, payload: bytes, *, quick_ack: bool = False) -> bytes:
        """See ``Transport.pack``."""
        return self.wrap(self.inner.pack(payload, quick_ack=quick_ack))

    def pack_quick_ack(self, token: int) -> bytes:
        """See ``Transport.pack_quick_ack``."""
        return self.wrap(self.inner.pack_quick_ack(token))

    def pack_fault(self, code: int) -> bytes:
        """See ``Transport.pack_fault``."""
        fault = self.inner.pack_fault(code)
        return self.wrap(fault) if fault else b""

    def data_to_send(self) -> bytes:
        """See ``Transport.data_to_send``."""
        return b""

    def pack_close(self) -> bytes:
        """See ``Transport.pack_close``."""
        return b""


class Deferred:
    """A server's transport for a stream of which nothing is known yet; afterwards it behaves as the one chosen.

    ``ready`` is False and ``name`` empty until then. The choice is fixed for the connection (TR-12).
    """

    __slots__ = ("_chosen", "_head", "_over")

    def __init__(self) -> None:
        self._chosen: Transport | None = None
        self._head = b""
        self._over = False

    def choose(self, head: bytes) -> tuple[Transport, int] | None:
        """The transport that begins with ``head`` and how many bytes of it are not its own; None: more are needed.

        Raises FramingError for what is no transport, Refused for a known one that may not go on.
        """
        raise NotImplementedError

    @property
    def name(self) -> str:
        """See ``Transport.name``."""
        return "" if self._chosen is None else self._chosen.name

    @property
    def ready(self) -> bool:
        """See ``Transport.ready``."""
        return self._chosen is not None and self._chosen.ready

    @property
    def quick_acks(self) -> bool:
        """See ``Transport.quick_acks``."""
        return self._chosen is not None and self._chosen.quick_acks

    @property
    def alternates(self) -> bool:
        """See ``Transport.alternates``."""
        return self._chosen is not None and self._chosen.alternates

    @property
    def ended(self) -> bool:
        """See ``Transport.ended``."""
        return self._chosen is not None and self._chosen.ended

    def feed(self, data: bytes) -> list[Item]:
        """See ``Transport.feed``."""
        if self._over:
            return []
        if self._chosen is not None:
            return list(self._chosen.feed(data))
        head, self._head = self._head + data, b""
        try:
            found = self.choose(head)
        except FramingError as error:
            self._over = True
            return [error.with_traceback(None)]
        except Refused as refused:
            self._over = True
            self._chosen = refused.transport
            return [TransportFault(refused.code)]
        if found is None:
            self._head = head
            return []
        self._chosen, used = found
        return list(self._chosen.feed(head[used:]))

    def pack(self, payload: bytes, *, quick_ack: bool = False) -> bytes:
        """See ``Transport.pack``."""
        return self._known().pack(payload, quick_ack=quick_ack)

    def pack_quick_ack(self, token: int) -> bytes:
        """See ``Transport.pack_quick_ack``."""
        return self._known().pack_quick_ack(token)

    def pack_fault(self, code: int) -> bytes:
        """See ``Transport.pack_fault``. Before the choice there is no form to answer in: nothing (TR-21)."""
        return b"" if self._chosen is None else self._chosen.pack_fault(code)

    def data_to_send(self) -> bytes:
        """See ``Transport.data_to_send``."""
        return b"" if self._chosen is None else self._chosen.data_to_send()

    def pack_close(self) -> bytes:
        """See ``Transport.pack_close``."""
        return b"" if self._chosen is None else self._chosen.pack_close()

    def _known(self) -> Transport:
        if self._chosen is None:
            raise UsageError("the client has not yet shown which transport it speaks")
        return self._chosen


class Refused(Exception):
    """The choice of a ``Deferred`` is clear, but the server ends the connection with the transport error ``code``."""

    def __init__(self, transport: Transport, code: int) -> None:
        self.transport = transport
        self.code = code
        super().__init__(code)
