"""HTTP/1.1: one payload in the body of a POST, one in that of its response, by the package ``h11`` (extra ``http``).

Implements TR-100 to TR-102, TR-106, TR-107, TR-109, TR-110 and SEC-67 of docs/spec/transports.md. How long a response
is held is not the transport's business (TR-103, see ``mtproto.turns``).
"""

from __future__ import annotations

from typing import Any, ClassVar

from mtproto.errors import FramingError, TransportFault, UsageError
from mtproto.transport.base import MAX_FRAME, MAX_PAYLOAD, Item, Packet, bad_payload, check_length

PATHS = (b"/api", b"/apiw1", b"/apiw_test1")
"""TR-100: the second one is the browsers', the third that of the test environment."""

MAX_HEAD = 16384
FAULTS = frozenset({403, 404, 429, 444})
"""Status codes that are transport errors (TR-106)."""

_LEAST = 8
_CLOSE = ("Connection", "close")
_CORS = [("Access-Control-Allow-Origin", "*")]
_PREFLIGHT = [
    ("Access-Control-Allow-Methods", "POST, OPTIONS"),
    ("Access-Control-Allow-Headers", "origin, content-type"),
    ("Access-Control-Max-Age", "1728000"),
]


class Http:
    """What client and server share: bytes to h11's events, and the body of the message that is being received."""

    __slots__ = ("_body", "_h11", "_head", "_http", "_items", "_over", "_own")

    name: ClassVar[str] = "http"
    quick_acks: ClassVar[bool] = False
    alternates: ClassVar[bool] = True

    def __init__(self, role: str) -> None:
        """``role``: CLIENT or SERVER, names of h11. Raises UsageError without the package."""
        self._h11 = package()
        self._http = self._h11.Connection(getattr(self._h11, role), max_incomplete_event_size=MAX_HEAD)
        self._head = 0  # bytes received of this message; they count until its head is complete
        self._own = b""
        self._body = bytearray()
        self._items: list[Item] = []
        self._over = False

    @property
    def ended(self) -> bool:
        """See ``Transport.ended``: behind a request or response that says "close", and HTTP/1.0."""
        over = self._h11.MUST_CLOSE, self._h11.CLOSED
        return self._http.our_state in over and self._http.their_state in over

    def feed(self, data: bytes) -> list[Item]:
        """See ``Transport.feed``."""
        if self._over or not data:
            return []
        try:
            while data:
                part, data = data[: (room := self._room())], data[room:]
                self._receive(part)
        except (FramingError, TransportFault) as error:
            self._items.append(error.with_traceback(None))
            self._over = True
        items, self._items = self._items, []
        return items

    def _room(self) -> int:
        """How many bytes h11 may be given now: of a head 16 KiB in all, however they come (TR-10, TR-110)."""
        if self._http.their_state not in (self._h11.IDLE, self._h11.SEND_RESPONSE):
            return MAX_FRAME
        if self._head >= MAX_HEAD:
            self.refuse(431)
            raise FramingError("http", f"a head above {MAX_HEAD} bytes")
        return MAX_HEAD - self._head

    def _receive(self, data: bytes) -> None:
        h11 = self._h11
        self._head += len(data)
        try:
            self._http.receive_data(data)
            while (event := self._http.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                if isinstance(event, h11.ConnectionClosed):
                    break
                self.on(event)
        except (h11.RemoteProtocolError, ValueError) as error:  # ValueError: a Content-Length of thousands of digits
            self.refuse(getattr(error, "error_status_hint", 400))
            raise FramingError("http", "no HTTP message of this protocol") from None

    def on(self, event: Any) -> None:
        """Act on an event of h11."""
        raise NotImplementedError

    def refuse(self, status: int) -> None:
        """Answer with an error, where that is possible."""

    def expect(self, event: Any) -> None:
        """The head of a message whose body is wanted; refused where it announces more than a frame (TR-09)."""
        self._body.clear()
        for name, value in event.headers:
            if name == b"content-length":
                self.limit(int(value))

    def collect(self, event: Any) -> None:
        """A part of a body; refused before more than a frame is kept (TR-09)."""
        self.limit(len(self._body) + len(event.data))
        self._body += event.data

    def limit(self, size: int) -> None:
        """Refuse a body that has ``size`` bytes or more."""
        if size > MAX_FRAME:
            self.refuse(413)
            raise FramingError("length", f"a body above {MAX_FRAME} bytes")

    def deliver(self) -> None:
        """The body is complete: a payload (TR-107)."""
        payload = bytes(self._body)
        self._body.clear()
        check_length(len(payload), shortest=_LEAST)
        self._items.append(Packet(payload))

    def message(self, *events: Any) -> bytes:
        """The bytes of ``events``."""
        return b"".join(map(self._http.send, events))

    def next_cycle(self) -> None:
        """After a request and its response the next one may follow, unless either side wants to close."""
        if self._http.our_state is self._h11.DONE and self._http.their_state is self._h11.DONE:
            self._http.start_next_cycle()
            self._head = 0

    def check(self, payload: bytes, quick_ack: bool, ready: bool) -> None:
        """Raises UsageError for what cannot be packed now."""
        if quick_ack:
            raise no_quick_ack()
        if not ready:
            raise UsageError("over HTTP a response follows each request")
        if len(payload) & 3 or not _LEAST <= len(payload) <= MAX_PAYLOAD:
            raise bad_payload(len(payload))

    def pack_quick_ack(self, token: int) -> bytes:
        """Always refused: a ``UsageError`` (TR-109)."""
        raise no_quick_ack()

    def data_to_send(self) -> bytes:
        """What a server answers to requests that are no payloads."""
        own, self._own = self._own, b""
        return own

    def pack_close(self) -> bytes:
        """Nothing: the socket is closed."""
        return b""


class HttpClient(Http):
    """A client's side: ``ready`` while no request is in flight (TR-101). ``host``: for the Host header."""

    __slots__ = ("_host", "_path")

    def __init__(self, host: str, path: str) -> None:
        super().__init__("CLIENT")
        self._host = host
        self._path = path

    @property
    def ready(self) -> bool:
        """See ``Transport.ready``."""
        return self._http.our_state is self._h11.IDLE and not self._over

    def pack(self, payload: bytes, *, quick_ack: bool = False) -> bytes:
        """See ``Transport.pack``: one request (TR-100)."""
        self.check(payload, quick_ack, self.ready)
        headers = [("Host", self._host), ("Content-Length", str(len(payload))), ("Connection", "keep-alive")]
        request = self._h11.Request(method="POST", target=self._path, headers=headers)
        return self.message(request, self._h11.Data(data=payload), self._h11.EndOfMessage())

    def pack_fault(self, code: int) -> bytes:
        """Not for a client: a ``UsageError``."""
        raise UsageError("a transport error is sent by a server")

    def on(self, event: Any) -> None:
        """TR-106: any status but 200 ends the connection, its body is ignored. Redirects are never followed."""
        h11 = self._h11
        if self._http.our_state is h11.IDLE:
            raise FramingError("http", "a response without a request")
        if isinstance(event, h11.Response) and event.status_code != 200:
            if event.status_code in FAULTS:
                raise TransportFault(-event.status_code)
            raise FramingError("status", f"{event.status_code}")
        if isinstance(event, h11.Response):
            self.expect(event)
        elif isinstance(event, h11.Data):
            self.collect(event)
        elif isinstance(event, h11.EndOfMessage):
            self.deliver()
            self.next_cycle()


class HttpServer(Http):
    """A server's side: ``ready`` while a request waits for its response (TR-102)."""

    __slots__ = ("_method", "_pending")

    def __init__(self) -> None:
        super().__init__("SERVER")
        self._method = b""
        self._pending = False

    @property
    def ready(self) -> bool:
        """See ``Transport.ready``."""
        return self._pending

    def pack(self, payload: bytes, *, quick_ack: bool = False) -> bytes:
        """See ``Transport.pack``: the response to the request that waits."""
        self.check(payload, quick_ack, self.ready)
        return self._respond(200, [*_CORS, ("Content-Type", "application/octet-stream")], payload)

    def pack_fault(self, code: int) -> bytes:
        """See ``Transport.pack_fault``: a status without a body (TR-106); nothing where no request waits."""
        if code >= 0:
            raise UsageError(f"a transport error is negative: not {code}")
        return self._respond(-code if -code in FAULTS else 404, [*_CORS, _CLOSE]) if self._pending else b""

    def _receive(self, data: bytes) -> None:
        super()._receive(data)
        if self._pending and self._http.trailing_data[0]:  # TR-101; it would have to be kept
            raise FramingError("http", "a request before the response to the last one")

    def on(self, event: Any) -> None:
        """TR-110."""
        h11 = self._h11
        if isinstance(event, h11.Request):
            self._begin(event.method, event.target.partition(b"?")[0])
            self.expect(event)
        elif isinstance(event, h11.Data):
            self.collect(event)
        elif isinstance(event, h11.EndOfMessage) and self._method == b"OPTIONS":  # what a browser asks first (TR-100)
            self._own += self._respond(200, [*_CORS, *_PREFLIGHT])
        elif isinstance(event, h11.EndOfMessage):
            self._pending = True
            self.deliver()

    def _begin(self, method: bytes, path: bytes) -> None:
        self._method = method
        if path not in PATHS:
            self.refuse(404)
            raise FramingError("path", "no such path")
        if method not in (b"POST", b"OPTIONS"):
            self.refuse(405)
            raise FramingError("method", "neither POST nor OPTIONS")

    def refuse(self, status: int) -> None:
        """Answer with an error that ends the connection, where no response has begun."""
        if self._http.our_state in (self._h11.IDLE, self._h11.SEND_RESPONSE):
            self._own += self._respond(status, [_CLOSE])

    def _respond(self, status: int, headers: list[tuple[str, str]], body: bytes = b"") -> bytes:
        self._pending = False
        response = self._h11.Response(status_code=status, headers=[*headers, ("Content-Length", str(len(body)))])
        data = self.message(response, self._h11.Data(data=body), self._h11.EndOfMessage())
        self.next_cycle()
        return data


def http_client(*, host: str, dc: int | None = None) -> HttpClient:
    """A new client's transport. ``host``: the authority for the Host header; ``dc``: the datacenter's number (TR-34).

    Raises UsageError without h11, and for a host that cannot be named in a header.
    """
    if not host.isascii() or not host.isprintable() or " " in host:
        raise UsageError("the host cannot be named in a request")
    return HttpClient(host, PATHS[2 if dc is not None and abs(dc) > 10000 else 0].decode())


def http_server() -> HttpServer:
    """The server's side of a stream that begins like HTTP. Raises FramingError ``unsupported`` without h11."""
    try:
        return HttpServer()
    except UsageError as error:
        raise FramingError("unsupported", str(error)) from None


def package() -> Any:
    """The package h11. Raises UsageError where it is not installed."""
    try:
        import h11
    except ImportError:
        raise UsageError("the http transport needs the package h11: install mtproto[http]") from None
    return h11


def no_quick_ack() -> UsageError:
    """TR-109."""
    return UsageError("HTTP has no quick acknowledgements")


def is_installed() -> bool:
    """Whether h11 is there."""
    try:
        package()
    except UsageError:
        return False
    return True
