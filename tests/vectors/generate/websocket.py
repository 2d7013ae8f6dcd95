"""websocket.json: the upgrade and the frames of RFC 6455, as far as MTProto uses and has to refuse them."""

from __future__ import annotations

import struct
from base64 import b64encode
from hashlib import sha1, sha256
from typing import Any

from tests.vectors.generate.form import VectorFile, blocks, pieces

SOURCE = [
    "Facts: RFC 6455; core.telegram.org/mtproto/transports#websocket.",
    "Values: requests, responses and frames written by hand, computed with struct and hashlib; the key and its answer "
    "are those of RFC 6455, section 1.3.",
    "Check: the data frames that are accepted were read back by the package wsproto, which the library uses as well.",
]

FLAGS = {
    "Upgrade": "the opening handshake; catches header names compared by case, and lists taken for one word",
    "Subprotocol": "the subprotocol is not binary; catches connections to a server that speaks something else",
    "BadUpgrade": "an upgrade that breaks RFC 6455; catches streams that are taken for a WebSocket without being one",
    "Path": "a path without a WebSocket; catches servers that answer everywhere",
    "Status": "no upgrade but another status; catches redirects that are followed",
    "Data": "binary messages; catches lengths of 126 and above, and masks that begin anew in each piece",
    "Fragments": "messages and frames in pieces; catches boundaries that are given a meaning",
    "Control": "ping, pong and close; catches pings without an answer, and data that is lost around them",
    "Text": "a text message, which MTProto never sends; catches text taken for data",
    "Mask": "a client's frame without a mask, or a server's with one; catches a check that RFC 6455 demands",
    "Reserved": "reserved bits and opcodes; catches extensions that were not agreed upon",
    "BadFrame": "a frame that breaks RFC 6455; catches control frames that are too long or in pieces",
    "Large": "an announced length of up to 2^63; catches buffers allocated for it",
    "Send": "what is sent, header by header; catches lengths that are not written in the shortest form",
}

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
MASK = bytes.fromhex("37fa213d")


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    mask: bytes = MASK,
    rsv: int = 0,
    width: int = 0,
    size: int = -1,
) -> bytes:
    """A frame; ``mask`` may be empty, ``width`` the bytes of a length that is not in its shortest form, ``size``
    another length than that of the payload."""
    size = len(payload) if size < 0 else size
    width = width or (0 if size < 126 else 2 if size < 65536 else 8)
    short = size if not width else 126 if width == 2 else 127
    length = size.to_bytes(width, "big") if width else b""
    head = bytes([fin << 7 | rsv << 4 | opcode, bool(mask) << 7 | short]) + length + mask
    return head + masked(payload, mask)


def masked(payload: bytes, mask: bytes) -> bytes:
    return bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload)) if mask else payload


def upgrade(target: str = "/apiws", *, first: str = "", **changed: str | None) -> bytes:
    """A client's request; a header that is None is left out."""
    headers = {"Host": "localhost", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    headers |= {"Sec-WebSocket-Key": KEY, "Sec-WebSocket-Protocol": "binary"}
    return head(first or f"GET {target} HTTP/1.1", headers, changed)


def answer(first: str = "HTTP/1.1 101 Switching Protocols", **changed: str | None) -> bytes:
    """A server's response; ``{accept}`` stands for the answer to the key."""
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": "{accept}"}
    return head(first, {**headers, "Sec-WebSocket-Protocol": "binary"}, changed)


def head(first: str, headers: dict[str, str], changed: dict[str, str | None]) -> bytes:
    renamed = {name.replace("_", "-"): value for name, value in changed.items()}
    lines = [f"{name}: {value}" for name, value in {**headers, **renamed}.items() if value is not None]
    return "\r\n".join([first, *lines, "", ""]).encode("latin-1")


def long_head(data: bytes) -> list[Any]:
    """The bytes, a run of 17,000 of the letter x among them written as such."""
    before, run, after = data.partition(b"x" * 17_000)
    return [before, (b"x", 17_000), *([after] if after else [])] if run else [data]


def build() -> VectorFile:
    """The whole file."""
    if b64encode(sha1(KEY.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode() != ACCEPT:
        raise ValueError("the sample of RFC 6455")
    file = VectorFile("websocket", "WebSocket: upgrade, frames and their refusal, both roles", SOURCE, FLAGS)
    _requests(file)
    _upgrades(file)
    _answers(file)
    server = {"role": "server", "upgrade": upgrade().hex()}
    client = {"role": "client", "host": "localhost", "upgrade": answer().hex()}
    for params, mask in ((server, MASK), (client, b"")):
        file.group("WebSocketFrames", **params, operation="take frames after the upgrade")
        _data(file, mask)
        _control(file, mask)
        _refused(file, mask)
    for params in (server, client):
        file.group("WebSocketSend", **params, operation="one binary message")
        _sent(file, params is client)
    return file


def _requests(file: VectorFile) -> None:
    file.group("WebSocketRequest", operation="the request of a client; the key is random")
    for host, dc, target in (
        ("localhost", None, "/apiws"),
        ("venus.web.telegram.org", 2, "/apiws"),
        ("127.0.0.1:8080", -4, "/apiws"),
        ("localhost", 10002, "/apiws_test"),
        ("localhost", -10002, "/apiws_test"),
    ):
        headers = {"host": host, "upgrade": "websocket", "connection": "Upgrade", "sec-websocket-version": "13"}
        output = {"method": "GET", "target": target, "headers": {**headers, "sec-websocket-protocol": "binary"}}
        given = {"host": host} if dc is None else {"host": host, "dc": dc}
        file.valid(f"{host}, dc {dc}", given, output, "Upgrade")


def _upgrades(file: VectorFile) -> None:
    file.group("WebSocketUpgrade", operation="a server answers the request of a client")
    headers = {"sec-websocket-accept": ACCEPT, "sec-websocket-protocol": "binary"}
    good = upgrade()
    for comment, parts in (
        ("the request", [good]),
        ("byte by byte", [good[:1], good[1:100], good[100:-1], good[-1:]]),
        ("the test path", [upgrade("/apiws_test")]),
        ("the premium path", [upgrade("/apiws_premium")]),
        ("a query behind the path", [upgrade("/apiws?a=b")]),
        ("names in lower case", [good.replace(b"Sec-WebSocket", b"sec-websocket").replace(b"Upgrade:", b"upgrade:")]),
        ("Upgrade: WebSocket", [upgrade(Upgrade="WebSocket")]),
        ("Connection: keep-alive, Upgrade", [upgrade(Connection="keep-alive, Upgrade")]),
        ("several subprotocols", [upgrade(Sec_WebSocket_Protocol="chat, binary")]),
        ("an offered extension", [upgrade(Sec_WebSocket_Extensions="permessage-deflate")]),
        ("an origin", [upgrade(Origin="https://web.telegram.org")]),
    ):
        output = {"status": 101, "headers": headers, "open": True}
        file.valid(comment, pieces(parts), output, "Upgrade")
    for comment, data, flag, status in (
        ("no subprotocol", upgrade(Sec_WebSocket_Protocol=None), "Subprotocol", 400),
        ("another subprotocol", upgrade(Sec_WebSocket_Protocol="chat"), "Subprotocol", 400),
        ("the subprotocol in capitals", upgrade(Sec_WebSocket_Protocol="BINARY"), "Subprotocol", 400),
        ("the root", upgrade("/"), "Path", 404),
        ("the path of HTTP", upgrade("/api"), "Path", 404),
        ("a longer path", upgrade("/apiws/x"), "Path", 404),
        ("version 8", upgrade(Sec_WebSocket_Version="8"), "BadUpgrade", None),
        ("no version", upgrade(Sec_WebSocket_Version=None), "BadUpgrade", None),
        ("no key", upgrade(Sec_WebSocket_Key=None), "BadUpgrade", None),
        ("no Connection", upgrade(Connection=None), "BadUpgrade", None),
        ("Connection: close", upgrade(Connection="close"), "BadUpgrade", None),
        ("no Upgrade", upgrade(Upgrade=None), "BadUpgrade", None),
        ("Upgrade: h2c", upgrade(Upgrade="h2c"), "BadUpgrade", None),
        ("no Host", upgrade(Host=None), "BadUpgrade", None),
        ("POST", upgrade(first="POST /apiws HTTP/1.1"), "BadUpgrade", None),
        ("HTTP/1.0", upgrade(first="GET /apiws HTTP/1.0"), "BadUpgrade", None),
        ("no request at all", b"GET\r\n\r\n", "BadUpgrade", None),
        ("a head of 17 KiB", upgrade(X_Long="x" * 17_000), "BadUpgrade", None),
        ("a head without an end", b"GET /apiws HTTP/1.1\r\nX: " + b"x" * 17_000, "BadUpgrade", None),
    ):
        more = {} if status is None else {"status": status}
        file.invalid(comment, pieces(long_head(data)), "no upgrade", flag, **more)


def _answers(file: VectorFile) -> None:
    file.group("WebSocketAnswer", host="localhost", operation="a client takes the answer to its request")
    for comment, data in (
        ("the answer", answer()),
        ("names in lower case", answer().replace(b"Sec-WebSocket", b"sec-websocket")),
        ("another reason", answer("HTTP/1.1 101 OK")),
        ("further headers", answer(Server="nginx", Date="Mon, 01 Jan 2024 00:00:00 GMT")),
    ):
        file.valid(comment, pieces([data]), {"open": True}, "Upgrade")
    for comment, data, flag in (
        ("no subprotocol", answer(Sec_WebSocket_Protocol=None), "Subprotocol"),
        ("another subprotocol", answer(Sec_WebSocket_Protocol="chat"), "Subprotocol"),
        ("two subprotocols", answer(Sec_WebSocket_Protocol="binary, chat"), "Subprotocol"),
        ("the accept of another key", answer(Sec_WebSocket_Accept=ACCEPT), "BadUpgrade"),
        ("no accept", answer(Sec_WebSocket_Accept=None), "BadUpgrade"),
        ("no Connection", answer(Connection=None), "BadUpgrade"),
        ("no Upgrade", answer(Upgrade=None), "BadUpgrade"),
        ("an extension that was not offered", answer(Sec_WebSocket_Extensions="permessage-deflate"), "BadUpgrade"),
        ("junk", b"\x16\x03\x01\x02\x00\r\n\r\n", "BadUpgrade"),
        ("a head of 17 KiB", answer(X_Long="x" * 17_000), "BadUpgrade"),
        ("200", answer("HTTP/1.1 200 OK", Content_Length="0"), "Status"),
        ("400", answer("HTTP/1.1 400 Bad Request", Content_Length="0"), "Status"),
        ("404", answer("HTTP/1.1 404 Not Found", Content_Length="0"), "Status"),
        ("a redirect", answer("HTTP/1.1 302 Found", Location="ws://127.0.0.1/apiws", Content_Length="0"), "Status"),
    ):
        file.invalid(comment, pieces(long_head(data)), "no upgrade", flag)


def _taken(file: VectorFile, comment: str, parts: list[bytes], stream: bytes, *flags: str, **more: Any) -> None:
    output = {"stream": stream.hex(), "sent": more.get("sent", []), "ended": more.get("ended", False)}
    if not more.get("sent"):
        read_back(b"".join(parts), stream)
    file.valid(comment, pieces(parts), output, *flags)


def read_back(data: bytes, stream: bytes) -> None:
    """ValueError unless wsproto finds ``stream`` in these frames."""
    from wsproto.frame_protocol import FrameProtocol, Opcode

    protocol = FrameProtocol(client=data[1] < 128, extensions=[])  # what a client sends is masked
    protocol.receive_bytes(data)
    found = b"".join(bytes(f.payload) for f in protocol.received_frames() if f.opcode is Opcode.BINARY)
    if found != stream:
        raise ValueError("wsproto reads something else")


def _data(file: VectorFile, mask: bytes) -> None:
    for size in (1, 125, 126, 127, 1000):
        data = blocks(f"ws {size}", size)
        _taken(file, f"a message of {size} bytes", [frame(2, data, mask=mask)], data, "Data")
    long = b"a" * 65536
    wire = frame(2, long, mask=mask and b"\x11" * 4)
    read_back(wire, long)
    parts = pieces([wire[:-65536], (wire[-1:], 65536)])
    output = {"stream": {"length": 65536, "sha256": sha256(long).hexdigest()}, "sent": [], "ended": False}
    file.valid("a message of 65,536 bytes", parts, output, "Data")
    data = blocks("ws", 60)
    whole = frame(2, data, mask=mask)
    _taken(file, "two messages in one read", [whole + whole], data + data, "Data")
    _taken(file, "a message cut everywhere", [bytes([byte]) for byte in whole], data, "Fragments", "Data")
    _taken(file, "an empty message between two others", [whole + frame(2, mask=mask) + whole], data + data, "Data")
    parts = frame(2, data[:7], fin=False, mask=mask) + frame(0, data[7:20], fin=False, mask=mask)
    parts += frame(0, data[20:], mask=mask)
    _taken(file, "a message in three fragments", [parts], data, "Fragments")
    parts = (
        frame(2, data[:7], fin=False, mask=mask) + frame(0, b"", fin=False, mask=mask) + frame(0, data[7:], mask=mask)
    )
    _taken(file, "an empty fragment", [parts], data, "Fragments")
    if mask:
        other = frame(2, data[:30], mask=bytes(4)) + frame(2, data[30:], mask=b"\xff\0\xff\0")
        _taken(file, "another mask for each frame, one of them zero", [other], data, "Data")
    head = frame(2, data, mask=mask, width=8, size=1 << 40)
    if mask:
        return
    file.valid(
        "the beginning of a message of 1 TiB: its bytes are passed on as they come",
        pieces([head]),
        {"stream": data.hex(), "sent": [], "ended": False},
        "Large",
        "Fragments",
    )


def _sent_frame(opcode: int, payload: bytes, mask: bytes) -> dict[str, Any]:
    """A frame of the side under test: masked where the other side's are not."""
    return {"opcode": opcode, "final": True, "masked": not mask, "payload": payload.hex()}


def _control(file: VectorFile, mask: bytes) -> None:
    data = blocks("ws control", 40)
    for payload in (b"", b"abc", b"x" * 125):
        sent = [_sent_frame(10, payload, mask)]
        _taken(file, f"a ping of {len(payload)} bytes", [frame(9, payload, mask=mask)], b"", "Control", sent=sent)
    parts = frame(2, data[:9], fin=False, mask=mask) + frame(9, b"p", mask=mask) + frame(0, data[9:], mask=mask)
    _taken(
        file, "a ping between two fragments", [parts], data, "Control", "Fragments", sent=[_sent_frame(10, b"p", mask)]
    )
    _taken(
        file, "a pong that nobody asked for", [frame(10, b"x", mask=mask) + frame(2, data, mask=mask)], data, "Control"
    )
    for code, reason in ((1000, b""), (1000, b"-404    "), (1001, b""), (3000, b"x")):
        close = frame(8, struct.pack(">H", code) + reason, mask=mask)
        sent = [_sent_frame(8, struct.pack(">H", 1000), mask)]
        comment = f"a close with {code} and a reason of {len(reason)} bytes"
        file.valid(
            comment,
            pieces([frame(2, data, mask=mask) + close]),
            {"stream": data.hex(), "sent": sent, "ended": True},
            "Control",
        )


def _refused(file: VectorFile, mask: bytes) -> None:
    other = b"" if mask else MASK
    data = b"abcd"
    cut_text = frame(1, b"ab", fin=False, mask=mask) + frame(0, b"cd", mask=mask)
    bits = [(f"reserved bit {number}", frame(2, data, mask=mask, rsv=8 >> number), "Reserved") for number in (1, 2, 3)]
    text = [_sent_frame(8, struct.pack(">H", 1003), mask)]
    for comment, wire, flag, *sent in (
        ("a text message", frame(1, data, mask=mask), "Text", text),
        ("an empty text message", frame(1, b"", mask=mask), "Text", text),
        ("a text message in fragments", cut_text, "Text", text),
        ("text that is not UTF-8", frame(1, b"\xff\xfe", mask=mask), "Text"),
        ("a frame masked as the other side masks", frame(2, data, mask=other), "Mask"),
        ("a ping masked as the other side masks", frame(9, b"", mask=other), "Mask"),
        *bits,
        *((f"opcode {opcode}", frame(opcode, data, mask=mask), "Reserved") for opcode in (3, 7, 11, 15)),
        ("a ping in fragments", frame(9, b"a", fin=False, mask=mask), "BadFrame"),
        ("a close in fragments", frame(8, b"\x03\xe8", fin=False, mask=mask), "BadFrame"),
        ("a ping of 126 bytes", frame(9, bytes(126), mask=mask), "BadFrame"),
        ("a continuation of nothing", frame(0, data, mask=mask), "BadFrame"),
        ("a message inside another", frame(2, b"ab", fin=False, mask=mask) + frame(2, b"cd", mask=mask), "BadFrame"),
        ("a close of one byte", frame(8, b"\x03", mask=mask), "BadFrame"),
        ("a close with the code 1005", frame(8, struct.pack(">H", 1005), mask=mask), "BadFrame"),
        ("a close with the code 999", frame(8, struct.pack(">H", 999), mask=mask), "BadFrame"),
        ("a close whose reason is not UTF-8", frame(8, b"\x03\xe8\xff\xfe", mask=mask), "BadFrame"),
        ("a short length written in 2 bytes", frame(2, data, mask=mask, width=2), "BadFrame"),
        ("a length that fits 2 bytes written in 8", frame(2, bytes(200), mask=mask, width=8), "BadFrame"),
        ("a length of 2^63", frame(2, data, mask=mask, width=8, size=1 << 63), "Large"),
        ("a length of 2^64 - 1", frame(2, data, mask=mask, width=8, size=(1 << 64) - 1), "Large"),
        ("junk", b"GET / HTTP/1.1\r\n\r\n", "Reserved"),
    ):  # fmt: skip
        more = {"sent": sent[0]} if sent else {}
        file.invalid(comment, pieces([wire]), "frame", flag, **more)


def _sent(file: VectorFile, client: bool) -> None:
    for size in (1, 125, 126, 65535, 65536):
        mask = MASK if client else b""
        wire = frame(2, bytes(size), mask=mask)
        output = {"opcode": 2, "final": True, "masked": client, "wireLength": len(wire)}
        given = {"dataRepeat": {"byte": "61", "count": size}}
        header = wire[: len(wire) - size - len(mask)].hex()
        file.valid(f"{size} bytes", given, {**output, "header": header}, "Send")
