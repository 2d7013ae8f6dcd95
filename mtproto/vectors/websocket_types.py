"""The types of websocket, put to ``mtproto.transport.websocket``; without the package wsproto there are none.

What is carried inside does not matter here: a stub takes the place of the obfuscated stream and hands out its bytes.
Keys and masks are random, so that a client's bytes are compared once they are unmasked.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha1
from typing import Any

from mtproto.errors import FramingError
from mtproto.roles import Role
from mtproto.testing import ScriptedEnvironment
from mtproto.transport.base import Packet
from mtproto.transport.websocket import WebSocket, is_installed, websocket_client
from mtproto.vectors import rig
from mtproto.vectors.case import Case
from mtproto.vectors.outcome import Output, TypeFunction, require

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""What RFC 6455 appends to a key before it is hashed."""


class Head:
    """A request or response up to the empty line: its first line and its headers by lower-case name."""

    def __init__(self, data: bytes) -> None:
        first, *lines = data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        self.first = first.split(" ")
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def frames(data: bytes) -> list[dict[str, Any]]:
    """The frames in ``data``, unmasked."""
    out = []
    while data:
        masked, size, at = data[1] >> 7, data[1] & 127, 2
        if size > 125:
            width = 2 if size == 126 else 8
            size, at = int.from_bytes(data[2 : 2 + width], "big"), 2 + width
        mask = data[at : at + 4] if masked else bytes(4)
        at += 4 * masked
        payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data[at : at + size]))
        final, opcode = divmod(data[0], 128)
        out.append({"opcode": opcode, "final": final == 1, "masked": masked == 1, "payload": payload.hex()})
        data = data[at + size :]
    return out


def client(case: Case) -> tuple[WebSocket, Head]:
    """A new client and the head of its request."""
    host = case.params.get("host") or case.input["host"]
    socket = websocket_client(ScriptedEnvironment(), host=host, dc=case.input.get("dc"))
    socket.inner = rig.WholePackets(Role.CLIENT, ScriptedEnvironment())
    return socket, Head(socket.data_to_send())


def accept_of(key: str) -> str:
    """Sec-WebSocket-Accept for a key."""
    return b64encode(sha1(key.encode() + GUID, usedforsecurity=False).digest()).decode()


def opened(case: Case) -> WebSocket:
    """A WebSocket of the role of the group, after the genuine upgrade of its params."""
    if case.params["role"] == "client":
        socket, head = client(case)
        accept = accept_of(head.headers["sec-websocket-key"]).encode()
        answer = bytes.fromhex(case.params["upgrade"]).replace(b"{accept}", accept)
    else:
        socket = WebSocket(Role.SERVER, rig.WholePackets(Role.SERVER, ScriptedEnvironment()))
        answer = bytes.fromhex(case.params["upgrade"])
    require(list(socket.feed(answer)) == [] and socket.ready, "the upgrade")
    socket.data_to_send()
    return socket


def websocket_request(case: Case) -> Output:
    _, head = client(case)
    names = ("host", "upgrade", "connection", "sec-websocket-version", "sec-websocket-protocol")
    require(len(head.headers["sec-websocket-key"]) == 24, "the key")
    headers = {name: head.headers.get(name) for name in names}
    headers["upgrade"] = str(headers["upgrade"]).lower()
    return {"method": head.first[0], "target": head.first[1], "headers": headers}


def websocket_upgrade(case: Case) -> Output:
    socket = WebSocket(Role.SERVER, rig.WholePackets(Role.SERVER, ScriptedEnvironment()))
    errors = [item for chunk in chunks(case) for item in socket.feed(chunk)]
    answer = Head(socket.data_to_send() or b"- 0")
    status = int(answer.first[1])
    for error in errors:
        require(case.output.get("status", status) == status, f"status {status}")
        raise error if isinstance(error, Exception) else FramingError("none")
    names = ("sec-websocket-accept", "sec-websocket-protocol")
    return {"status": status, "headers": {name: answer.headers.get(name) for name in names}, "open": socket.ready}


def websocket_answer(case: Case) -> Output:
    socket, head = client(case)
    accept = accept_of(head.headers["sec-websocket-key"]).encode()
    for chunk in chunks(case):
        for item in socket.feed(chunk.replace(b"{accept}", accept)):
            raise item if isinstance(item, Exception) else FramingError("none")
    return {"open": socket.ready}


def websocket_frames(case: Case) -> Output:
    socket = opened(case)
    stream, sent = b"", []
    for chunk in chunks(case):
        for item in socket.feed(chunk):
            if isinstance(item, Packet):
                stream += item.payload
            else:
                sent += frames(socket.data_to_send())
                require(case.output.get("sent", sent) == sent, "what was sent before the end")
                raise item if isinstance(item, Exception) else FramingError("none")
        sent += frames(socket.data_to_send())
    return {"stream": shown(stream), "sent": sent, "ended": socket.ended}


def chunks(case: Case) -> list[bytes]:
    """What is read, piece by piece or, with ``oneRead``, at once; a run of one byte is written as an object."""
    pieces = [
        bytes.fromhex(chunk["byte"]) * int(chunk["count"]) if isinstance(chunk, dict) else bytes.fromhex(chunk)
        for chunk in case.input["chunks"]
    ]
    return [b"".join(pieces)] if case.input.get("oneRead") else pieces


def shown(data: bytes) -> Any:
    """Long data as length and digest."""
    from hashlib import sha256

    return data.hex() if len(data) <= 1024 else {"length": len(data), "sha256": sha256(data).hexdigest()}


def websocket_send(case: Case) -> Output:
    """The bytes of a message; only a server's have no mask."""
    socket, data = opened(case), case.bytes("data")
    wire = socket.wrap(data)
    (frame,) = frames(wire)
    require(frame.pop("payload") == data.hex(), "the payload")
    header = wire[: len(wire) - len(data) - 4 * frame["masked"]]
    return {**frame, "wireLength": len(wire), "header": header.hex()}


FUNCTIONS: dict[str, TypeFunction] = {
    "WebSocketRequest": websocket_request,
    "WebSocketUpgrade": websocket_upgrade,
    "WebSocketAnswer": websocket_answer,
    "WebSocketFrames": websocket_frames,
    "WebSocketSend": websocket_send,
}
"""Type -> the function that puts a test of this type to the core."""

if not is_installed():
    FUNCTIONS.clear()
