"""msg_container: splitting with every check, joining (spec: TL-65..70, MSG-66..71, SEC-31, SEC-32)."""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct

from mtproto.errors import SecurityError
from mtproto.message.gzip import constructor_of, peek_constructor
from mtproto.message.msg_id import check_parity
from mtproto.record import Record
from mtproto.roles import Role
from mtproto.schema import mtproto as schema

CONTAINER = schema.MsgContainer.ID
MSG_COPY = schema.MsgCopy.ID
MAX_MESSAGES = 1020
_HEAD = Struct("<Ii")
_CONTAINER_BYTES = CONTAINER.to_bytes(4, "little")
_MESSAGE = Struct("<qii")


class Message(Record):
    """One message of a container, or the only one of a payload: ``msg_id``, ``seqno``, ``body``."""

    __slots__ = ("msg_id", "seqno", "body")

    msg_id: int
    seqno: int
    body: bytes

    def __init__(self, msg_id: int, seqno: int, body: bytes) -> None:
        self.msg_id = msg_id
        self.seqno = seqno
        self.body = body

    def __repr__(self) -> str:
        return f"Message(msg_id={self.msg_id}, seqno={self.seqno}, body=<{len(self.body)} bytes>)"


def is_container(body: bytes) -> bool:
    return body[:4] == _CONTAINER_BYTES


def join(messages: Iterable[Message]) -> bytes:
    """The body of a container with these messages, in their order."""
    parts = [b""]
    for message in messages:
        parts += (_MESSAGE.pack(message.msg_id, message.seqno, len(message.body)), message.body)
    parts[0] = _HEAD.pack(CONTAINER, len(parts) // 2)
    return b"".join(parts)


def split(body: bytes, msg_id: int, sender: Role) -> list[Message]:
    """The messages of a container that itself came under ``msg_id``; bodies are copied, not parsed.

    A container is good or bad as a whole (MSG-66). Raises SecurityError ``container``.
    """
    if len(body) < 8:
        raise _malformed("bytes", len(body), "at least 8")
    _, count = _HEAD.unpack_from(body)
    if not 0 <= count <= min(MAX_MESSAGES, (len(body) - 8) // (_MESSAGE.size + 4)):  # TL-68, before any allocation
        raise _malformed("count", count, f"0..{MAX_MESSAGES} that fit")
    messages, seen, pos = [], set(), 8
    for _ in range(count):
        message, pos = _read_message(body, pos)
        _check_inner(message, msg_id, sender)
        if message.msg_id in seen:  # MSG-68
            raise _malformed("msg_id", "a repeated one", "each once")
        seen.add(message.msg_id)
        messages.append(message)
    if pos != len(body):  # TL-66
        raise _malformed("trailing bytes", len(body) - pos, 0)
    return messages


def _read_message(body: bytes, pos: int) -> tuple[Message, int]:
    if len(body) - pos < _MESSAGE.size:
        raise _malformed("bytes left", len(body) - pos, f"at least {_MESSAGE.size}")
    msg_id, seqno, length = _MESSAGE.unpack_from(body, pos)
    pos += _MESSAGE.size
    if length < 4 or length % 4 or length > len(body) - pos:  # TL-66
        raise _malformed("inner length", length, "a multiple of 4 inside the container")
    return Message(msg_id, seqno, body[pos : pos + length]), pos + length


def _check_inner(message: Message, msg_id: int, sender: Role) -> None:
    if _holds_container(message.body):
        raise _malformed("inner message", "a container", "no container")
    try:
        check_parity(message.msg_id, sender)
    except SecurityError as error:
        raise _malformed("inner msg_id modulo 4", error.got, error.expected) from None
    if message.msg_id >= msg_id:  # MSG-38
        raise _malformed("inner msg_id", "not below the container's", "below it")


def _holds_container(body: bytes) -> bool:
    """TL-62, TL-67: containers do not nest, not even through gzip_packed or msg_copy."""
    constructor = peek_constructor(body)
    return constructor == CONTAINER or (constructor == MSG_COPY and constructor_of(body[24:28]) == CONTAINER)


def _malformed(what: str, got: object, expected: object) -> SecurityError:
    return SecurityError("container", f"{what} {got}", expected)
