"""Faults of WebSocket and HTTP (SEC-66, SEC-67), and of connections that are slow, silent or end (SEC-68, SEC-69)."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import ClassVar

from mtproto.testdc.call import Reply
from mtproto.testdc.faults.act import Act
from mtproto.testdc.faults.fault import Reaction, define, on_call
from mtproto.testdc.faults.line import Line
from mtproto.testdc.faults.scene import Scene
from mtproto.testdc.faults.transport import CLOSES, R1, FirstBytes, NextFrame, fault

WEBSOCKET, HTTP = ("websocket",), ("http",)

# ---- WebSocket: SEC-66


@define(
    fault("ws_no_subprotocol", "SEC-66", "the WebSocket is accepted without the subprotocol", CLOSES, R1, WEBSOCKET)
)
class WsNoSubprotocol(FirstBytes):
    def bent(self, data: bytes) -> bytes:
        head, _, rest = data.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"sec-websocket-protocol")]
        return b"\r\n".join(lines) + b"\r\n\r\n" + rest


@define(fault("ws_refused", "SEC-66", "the WebSocket is refused with 403", CLOSES, R1, WEBSOCKET))
class WsRefused(FirstBytes):
    def bent(self, data: bytes) -> bytes:
        return b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"


SHOUTS: dict[str, tuple[str, bytes]] = {
    "ws_text": ("a text message comes", b"\x81\x05hello"),
    "ws_giant": ("a frame of 2^62 bytes is announced", b"\x82\x7f" + (1 << 62).to_bytes(8, "big") + bytes(64)),
    "ws_masked": ("a frame of the server is masked", b"\x82\x84\1\2\3\4abcd"),
    "ws_reserved": ("a frame has a reserved bit", b"\xc2\x04abcd"),
}


def _shout(name: str, breaks: str, data: bytes) -> None:
    @on_call(fault(name, "SEC-66", breaks, CLOSES, R1, WEBSOCKET))
    def act(scene: Scene) -> Reply | None:
        scene.line.shout(data)
        return scene.honest()


for _name, (_breaks, _data) in SHOUTS.items():
    _shout(_name, _breaks, _data)


@define(
    fault(
        "ws_fragments",
        "SEC-66",
        "a message comes in three fragments, with a ping between them",
        "puts it together",
        (Reaction.CARRY_ON,),
        WEBSOCKET,
    )
)
class WsFragments(NextFrame):
    def bent(self, line: Line, data: bytes) -> bytes:
        size = data[1]
        start = 2 if size < 126 else 4
        body = data[start : start + (size if size < 126 else int.from_bytes(data[2:4], "big"))]
        rest = data[start + len(body) :]
        parts = (body[:3], body[3:100], body[100:])
        frames = [_frame(head, part) for head, part in zip((0x02, 0x00, 0x80), parts, strict=True)]
        return frames[0] + b"\x89\0" + frames[1] + frames[2] + rest


def _frame(head: int, body: bytes) -> bytes:
    """An unmasked frame."""
    size = bytes((len(body),)) if len(body) < 126 else b"\x7e" + len(body).to_bytes(2, "big")
    return bytes((head,)) + size + body


# ---- HTTP: SEC-67


def _chunked(data: bytes, count: int) -> bytes:
    chunk = f"{len(data):x}\r\n".encode() + data + b"\r\n"
    return b"Transfer-Encoding: chunked\r\n\r\n" + chunk * count


def _head(status: str, *lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", *lines)).encode()


JUNK = b"<html>this is no payload</html>\n"
RESPONSES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "http_junk": ("is 200 with something that is no payload", lambda: _plain("200 OK", JUNK)),
    "http_empty": ("is 200 without a body", lambda: _plain("200 OK", b"")),
    "http_404_body": ("is 404 with a body", lambda: _plain("404 Not Found", JUNK)),
    "http_500": ("is 500", lambda: _plain("500 Internal Server Error", b"")),
    "http_chunked_bomb": (
        "is 20 MiB in chunks, without saying how much it will be",
        lambda: _head("200 OK") + _chunked(bytes(1 << 16), 320),
    ),
    "http_gzip_bomb": (
        "is 20 MiB that are compressed by gzip",
        lambda: _plain("200 OK", zlib.compress(bytes(20 << 20), 9), "Content-Encoding: deflate"),
    ),
    "http_length_huge": ("announces 2^62 bytes", lambda: _head("200 OK", f"Content-Length: {1 << 62}", "") + JUNK),
    "http_redirect": (
        "is a redirect to another address",
        lambda: _plain("302 Found", b"", "Location: http://192.0.2.1/api"),
    ),
    "http_no_http": ("is no HTTP at all", lambda: JUNK + b"\r\n\r\n"),
}
"""Name → what the response to the call is, and its bytes."""


def _plain(status: str, body: bytes, *lines: str) -> bytes:
    return _head(status, f"Content-Length: {len(body)}", *lines, "") + body


def _response(name: str, breaks: str, response: Callable[[], bytes]) -> None:
    expects = "takes any status but 200 for an error, ignores its body, follows no redirect, and " + CLOSES

    @define(fault(name, "SEC-67", f"the response {breaks}", expects, (Reaction.R1, Reaction.ERROR), HTTP))
    class Response(NextFrame):
        def bent(self, line: Line, data: bytes) -> bytes:
            return response()


for _name, (_breaks, _made) in RESPONSES.items():
    _response(_name, _breaks, _made)

# ---- slow and silent connections: SEC-68

PATIENT = "waits as long as its caller allows; then the call ends with a typed error, or goes on by another connection"


@define(
    fault(
        "slow_bytes",
        "SEC-68",
        "the answer to the call comes in pieces of 16 bytes, five a second",
        "puts it together",
        (Reaction.CARRY_ON,),
        (),
    )
)
class SlowBytes(NextFrame):
    def bent(self, line: Line, data: bytes) -> bytes:
        for number, start in enumerate(range(0, len(data), 16)):
            piece = data[start : start + 16]
            self.dc.after(0.2 * number, lambda piece=piece: line.shout(piece))  # type: ignore[misc]
        return b""


class Deaf(Act):
    """Neither reads nor writes on connection ``deaf``, nor closes it."""

    deaf = 0

    def incoming(self, line: Line, data: bytes) -> bytes:
        return b"" if line.number == self.deaf else data

    def outgoing(self, line: Line, data: bytes) -> bytes:
        return b"" if line.number == self.deaf else data


@define(
    fault("silence", "SEC-68", "from the call on nothing more comes by its connection, which stays open", PATIENT,
          (Reaction.R1, Reaction.ERROR), (), slow=True)
)  # fmt: skip
class Silence(Deaf):
    def call(self, scene: Scene) -> Reply | None:
        self.deaf = scene.line.number
        return scene.honest()


@define(
    fault("slow_half_open", "SEC-68", "the first connection is accepted, and nothing is ever said on it", PATIENT,
          (Reaction.R1, Reaction.R2, Reaction.ERROR), (), slow=True)
)  # fmt: skip
class HalfOpen(Deaf):
    deaf = 1

    def opened(self, line: Line) -> None:
        connection = self.dc.connection_of(line)
        if line.number == 1 and connection is not None:
            connection._close_at = None  # the honest server would close it after 15 s
            self.dc.inject("a connection without a word", line)


# ---- connections that end: SEC-69

NOTHING_LOST = "connects again; the call is answered, or ends with a typed error, and is never executed twice"


@define(
    fault(
        "close_at",
        "SEC-69",
        "the connection ends in the middle of the answer to the call; ARG: behind so many bytes of the first one",
        NOTHING_LOST,
        (Reaction.R1, Reaction.R2, Reaction.ERROR, Reaction.CARRY_ON),
        (),
    )
)
class CloseAt(NextFrame):
    highest: ClassVar[int | None] = 1_000_000
    default: ClassVar[int] = -1
    counts = False

    def outgoing(self, line: Line, data: bytes) -> bytes:
        if self.number < 0:
            return super().outgoing(line, data)
        if line.number > 1 or line.over or line.written + len(data) <= self.number:
            return data
        return self.cut(line, data, max(self.number - line.written, 0))

    def bent(self, line: Line, data: bytes) -> bytes:
        return self.cut(line, data, len(data) // 2)

    def cut(self, line: Line, data: bytes, count: int) -> bytes:
        """The first bytes of what would be written, and then the end."""
        self.dc.inject(f"{line.written + count} bytes were written", line)
        line.hang_up()
        return data[:count]
