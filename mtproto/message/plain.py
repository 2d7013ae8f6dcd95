"""Unencrypted messages: auth_key_id = 0 (8) | message_id (8) | length (4) | body (docs/spec/auth_key.md, section 1).

They carry the key exchange and nothing else (AUTH-03). Their message_id is not authenticated: it is checked for
the parity of its sender and then has no further meaning (AUTH-05).
"""

from __future__ import annotations

from struct import Struct

from mtproto.errors import SecurityError, UsageError
from mtproto.roles import Role

_HEADER = Struct("<qqi")  # auth_key_id, message_id, length (AUTH-01)

HEADER_LENGTH = _HEADER.size
"""Bytes before the body: 20 (AUTH-01)."""

_LOW_BITS = {Role.CLIENT: 0, Role.SERVER: 1}  # AUTH-02: client as in MSG-30; server messages answer, so 01 (AUTH-04)


def pack_plain(msg_id: int, body: bytes) -> bytes:
    """The payload of an unencrypted message (AUTH-01).

    ``msg_id`` is a signed 64-bit number, ``body`` one serialised object, perhaps with trailing bytes (AUTH-08); a
    body that is empty or no multiple of 4 bytes long is a ``UsageError``.
    """
    if not body or len(body) & 3:
        raise UsageError(f"an unencrypted body has a positive multiple of 4 bytes, not {len(body)}")
    return _HEADER.pack(0, msg_id, len(body)) + body


def read_header(payload: bytes) -> tuple[int, int]:
    """(msg_id, length) as written in the header, not yet compared with anything but auth_key_id = 0.

    Fewer than 20 bytes, or another auth_key_id: ``SecurityError("plain_header")``.
    """
    if len(payload) < HEADER_LENGTH:
        raise SecurityError("plain_header", len(payload), f"at least {HEADER_LENGTH} bytes")
    auth_key_id, msg_id, length = _HEADER.unpack_from(payload)
    if auth_key_id != 0:  # AUTH-04; the value is not repeated, it may be that of a key
        raise SecurityError("plain_header")
    return msg_id, length


def open_plain(payload: bytes, sender: Role) -> tuple[int, bytes]:
    """(msg_id, body) of an unencrypted message that ``sender`` sent (AUTH-04).

    What follows the announced length is padding of the transport and left out. Any violation is
    ``SecurityError("plain_header")``.
    """
    msg_id, length = read_header(payload)
    left = len(payload) - HEADER_LENGTH
    if msg_id % 4 != _LOW_BITS[sender]:  # AUTH-04: the parity of the sender
        raise SecurityError("plain_header", f"msg_id mod 4 = {msg_id % 4}", _LOW_BITS[sender])
    if not 4 <= length <= left or length & 3:  # AUTH-04; TL objects are multiples of 4 bytes long
        raise SecurityError("plain_header", length, f"a multiple of 4 from 4 to {left} bytes")
    return msg_id, payload[HEADER_LENGTH : HEADER_LENGTH + length]
