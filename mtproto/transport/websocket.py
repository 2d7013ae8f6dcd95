"""WebSocket (RFC 6455): the obfuscated stream inside binary messages, by the package ``wsproto`` (extra ``websocket``).

Implements TR-90 to TR-95 and SEC-66 of docs/spec/transports.md. Where a message begins and ends means nothing, so that
none is ever put together, and none is too long. The keys and masks of the frames are wsproto's own random bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mtproto.environment import Environment
from mtproto.errors import FramingError, UsageError
from mtproto.roles import Role
from mtproto.transport.base import Transport
from mtproto.transport.intermediate import Intermediate
from mtproto.transport.layer import Layer
from mtproto.transport.obfuscated import ObfuscatedServer, obfuscate

PATHS = ("/apiws", "/apiws_test", "/apiws_premium")
"""TR-90."""

SUBPROTOCOL = "binary"
MAX_HEAD = 16384
"""Bytes of a request's or a response's head (TR-110)."""

_NORMAL, _UNSUPPORTED = 1000, 1003
_END = b"\r\n\r\n"


class WebSocket(Layer):
    """A transport inside the binary messages of one WebSocket.

    ``ready`` once the upgrade was agreed upon, until either side closes. ``request``: what a client asks for.
    """

    __slots__ = ("_head", "_open", "_own", "_pong", "_role", "_ws")

    def __init__(self, role: Role, inner: Transport, request: Any = None) -> None:
        wsproto = package()
        super().__init__(inner)
        kind = wsproto.ConnectionType.CLIENT if role is Role.CLIENT else wsproto.ConnectionType.SERVER
        self._role = role
        self._ws = wsproto.WSConnection(kind)
        self._own = b"" if request is None else self._ws.send(request)
        self._pong = b""  # behind the rest; a later one takes its place (RFC 6455, 5.5.3)
        self._head: bytes | None = b""  # of the upgrade, as far as it came; None: it is over
        self._open = False

    @property
    def name(self) -> str:
        """``websocket``, once the stream inside is known."""
        return "websocket" if self.inner.name else ""

    @property
    def ready(self) -> bool:
        """See ``Transport.ready``."""
        return self._open and self.inner.ready

    @property
    def ended(self) -> bool:
        """See ``Transport.ended``: once either side has closed, which the other one answers at once."""
        return self._head is None and not self._open

    def wrap(self, data: bytes) -> bytes:
        """See ``Layer.wrap``: one message. Raises UsageError while the WebSocket is not open."""
        from wsproto.events import BytesMessage

        if not self._open:
            raise UsageError("the WebSocket is not open")
        return bytes(self._ws.send(BytesMessage(data=data)))

    def pack_fault(self, code: int) -> bytes:
        """See ``Transport.pack_fault``; nothing where the WebSocket is not open."""
        return super().pack_fault(code) if self._open else b""

    def pack_close(self) -> bytes:
        """See ``Transport.pack_close`` (TR-94)."""
        return self._close(_NORMAL)

    def data_to_send(self) -> bytes:
        """What the WebSocket itself has to say: the upgrade, pongs, the answer to a close."""
        own, self._own, self._pong = self._own + self._pong, b"", b""
        return own

    def unwrap(self, data: bytes) -> Iterator[bytes]:
        """See ``Layer.unwrap``. FramingError ``websocket``, ``path``, ``subprotocol``, ``status``, ``text``."""
        from wsproto.events import BytesMessage

        for event in self._events(data):
            if isinstance(event, BytesMessage):
                if event.data:
                    yield bytes(event.data)
            else:
                self._on(event)

    def _events(self, data: bytes) -> Iterator[Any]:
        """The events of ``data``. The upgrade's head is cut off first: what follows belongs to the frames."""
        if self._head is not None:
            self._head += data
            end = self._head.find(_END) + len(_END)
            if (len(self._head) if end < len(_END) else end) > MAX_HEAD:
                raise FramingError("websocket", "a head without an end")
            if end < len(_END):
                return
            head, data, self._head = self._head[:end], self._head[end:], None
            if self._role is Role.SERVER and _is_old(head):
                raise FramingError("websocket", "a request below HTTP/1.1")
            yield from self._received(head)
        if data and self._open:
            yield from self._received(data)

    def _received(self, data: bytes) -> Iterator[Any]:
        from wsproto.utilities import ProtocolError

        try:
            self._ws.receive_data(data)
            yield from self._ws.events()
        except (ProtocolError, UnicodeError) as error:  # UnicodeError: header values that wsproto decodes
            hint = getattr(error, "event_hint", None)
            if hint is not None and self._role is Role.SERVER:
                self._answer(hint)
            raise FramingError("websocket", "a bad frame" if self._open else "no upgrade") from None

    def _on(self, event: Any) -> None:
        from wsproto.events import AcceptConnection, CloseConnection, Ping, RejectConnection, Request, TextMessage

        match event:
            case Request():
                self._accept(event)
            case AcceptConnection():
                if event.subprotocol != SUBPROTOCOL:  # TR-91
                    raise FramingError("subprotocol", "the server did not choose binary")
                self._open = True
            case RejectConnection():
                raise FramingError("status", f"the WebSocket was refused with {event.status_code}")
            case Ping():
                self._pong = self._sent(event.response())
            case CloseConnection() if self._ws.state is package().connection.ConnectionState.OPEN:  # a bad frame
                self._say(self._close(event.code))
                raise FramingError("websocket", "a bad frame")
            case CloseConnection():
                self._say(self._close(_NORMAL))
            case TextMessage():  # TR-92
                self._say(self._close(_UNSUPPORTED))
                raise FramingError("text", "a text message")

    def _accept(self, request: Any) -> None:
        from wsproto.events import AcceptConnection, RejectConnection

        if request.target.partition("?")[0] not in PATHS:  # TR-110
            self._answer(RejectConnection(status_code=404))
            raise FramingError("path", "no WebSocket here")
        if SUBPROTOCOL not in request.subprotocols:  # TR-91
            self._answer(RejectConnection(status_code=400))
            raise FramingError("subprotocol", "the client did not offer binary")
        self._answer(AcceptConnection(subprotocol=SUBPROTOCOL))
        self._open = True

    def _answer(self, event: Any) -> None:
        self._say(self._sent(event))

    def _say(self, data: bytes) -> None:
        self._own, self._pong = self._own + self._pong + data, b""

    def _sent(self, event: Any) -> bytes:
        """The bytes of ``event``, where the state of the WebSocket still allows it."""
        from wsproto.utilities import LocalProtocolError

        try:
            return bytes(self._ws.send(event))
        except LocalProtocolError:
            self._open = False
            return b""

    def _close(self, code: int) -> bytes:
        from wsproto.events import CloseConnection

        if not self._open:
            return b""
        self._open = False
        return bytes(self._ws.send(CloseConnection(code=code)))


def _is_old(head: bytes) -> bool:
    """Whether a request says an HTTP version below 1.1, which has no upgrade (RFC 6455, 4.2.1); wsproto takes it."""
    line = head.partition(b"\r\n")[0]
    return line[-9:-3] == b" HTTP/" and line[-3:] < b"1.1"


def websocket_client(env: Environment, *, host: str, dc: int | None = None) -> WebSocket:
    """A new client's transport. ``host``: the authority for the Host header; ``dc`` as in ``draw_header``.

    Raises UsageError without wsproto, and for a host that cannot be one.
    """
    package()
    from wsproto.events import Request

    target = PATHS[dc is not None and abs(dc) > 10000]  # TR-90
    request = Request(host=host, target=target, subprotocols=[SUBPROTOCOL])
    try:
        return WebSocket(Role.CLIENT, obfuscate(Intermediate, env, dc=dc), request)
    except UnicodeError:
        raise UsageError("the host cannot be named in a request") from None


def websocket_server(env: Environment) -> WebSocket:
    """The server's side of a stream that begins with ``GET``. Raises FramingError ``unsupported`` without wsproto."""
    try:
        return WebSocket(Role.SERVER, ObfuscatedServer(env))
    except UsageError as error:
        raise FramingError("unsupported", str(error)) from None


def package() -> Any:
    """The package wsproto. Raises UsageError where it is not installed."""
    try:
        import wsproto
    except ImportError:
        raise UsageError("the websocket transport needs the package wsproto: install mtproto[websocket]") from None
    return wsproto


def is_installed() -> bool:
    """Whether wsproto is there."""
    try:
        package()
    except UsageError:
        return False
    return True
