"""The encrypted envelope of MTProto 2.0: payload ↔ ``Inner`` (spec: messages.md, section 1).

A payload is ``auth_key_id (8) | msg_key (16) | encrypted_data``; the plaintext inside is ``salt (8) |
session_id (8) | msg_id (8) | seqno (4) | length (4) | body | padding``, all numbers little-endian.
"""

from __future__ import annotations

from hmac import compare_digest
from struct import Struct

from mtproto.crypto.aes import raw_decrypt, raw_encrypt
from mtproto.crypto.auth_key import AuthKey
from mtproto.crypto.kdf import aes_key_iv
from mtproto.environment import Environment
from mtproto.errors import SecurityError, UsageError
from mtproto.record import Record
from mtproto.roles import Role

_CLIENT = Role.CLIENT
_new = object.__new__
_pack_header = Struct("<qqqii").pack
_unpack_header = Struct("<qqqii").unpack_from
HEADER_LENGTH = 32
MIN_PADDING = 12
MAX_PADDING = 1024
MIN_PAYLOAD = 24 + HEADER_LENGTH + 4 + MIN_PADDING
_BUCKETS = (64, 128, 192, 256, 384, 512, 768, 1024, 1280)
_BUCKET_STEP = 448


class Inner(Record):
    """What a payload carries: ``salt``, ``session_id``, ``msg_id`` (signed 64-bit), ``seqno`` and ``body`` (bytes)."""

    __slots__ = ("salt", "session_id", "msg_id", "seqno", "body")

    salt: int
    session_id: int
    msg_id: int
    seqno: int
    body: bytes

    def __init__(self, salt: int, session_id: int, msg_id: int, seqno: int, body: bytes) -> None:
        self.salt = salt
        self.session_id = session_id
        self.msg_id = msg_id
        self.seqno = seqno
        self.body = body

    def __repr__(self) -> str:
        return f"Inner(msg_id={self.msg_id}, seqno={self.seqno}, body=<{len(self.body)} bytes>)"


def padding_length(unpadded: int) -> int:
    """Bytes of padding for a plaintext of ``unpadded`` bytes: up to the next bucket (MSG-03, MSG-06)."""
    least = unpadded + MIN_PADDING
    for bucket in _BUCKETS:
        if least <= bucket:
            return bucket - unpadded
    steps = -(-(least - _BUCKETS[-1]) // _BUCKET_STEP)
    return _BUCKETS[-1] + steps * _BUCKET_STEP - unpadded


_SHORT = 512
_PADDING = [padding_length(HEADER_LENGTH + length) for length in range(0, _SHORT, 4)]  # looked up: 0.15 µs less


def seal(key: AuthKey, inner: Inner, sender: Role, env: Environment) -> tuple[bytes, bytes]:
    """Encrypt ``inner``. Returns the payload and its msg_key_large, 32 bytes (``kdf.quick_ack_token`` reads it)."""
    length = len(inner.body)
    if length & 3 or not length:
        raise UsageError(f"a message body has a positive multiple of 4 bytes, not {length} (MSG-03)")
    padding = env.padding(_PADDING[length >> 2] if length < _SHORT else padding_length(HEADER_LENGTH + length))
    header = _pack_header(inner.salt, inner.session_id, inner.msg_id, inner.seqno, length)
    return seal_plaintext(key, header + inner.body + padding, sender)


def pack_plaintext(inner: Inner, padding: bytes) -> bytes:
    """Header, body and padding (MSG-02), whatever their lengths."""
    body = inner.body
    return _pack_header(inner.salt, inner.session_id, inner.msg_id, inner.seqno, len(body)) + body + padding


# msg_key_large = SHA256(auth_key[88+x : 120+x] + plaintext) is written out both ways, and an Inner is filled without
# its __init__: a call less each, together 3 % of a short message.


def seal_plaintext(key: AuthKey, plaintext: bytes, sender: Role) -> tuple[bytes, bytes]:
    """Encrypt a complete plaintext, header and padding included, as it stands (MSG-01, MSG-04, MSG-05).

    Its length must be a positive multiple of 16 bytes, which ``seal`` makes sure of.
    """
    parts = key.from_client if sender is _CLIENT else key.from_server
    state = parts.msg_key_start.copy()
    state.update(plaintext)
    large = state.digest()
    msg_key = large[8:24]
    aes_key, aes_iv = aes_key_iv(parts, msg_key)
    return key.wire_id + msg_key + raw_encrypt(plaintext, aes_key, aes_iv), large


def open(key: AuthKey, payload: bytes, sender: Role) -> tuple[Inner, bytes]:
    """Decrypt and check a payload; returns what it carries and its msg_key_large, as ``seal`` does.

    MSG-08: nothing of the plaintext is looked at before msg_key was recomputed over all of it and compared in
    constant time. Transport padding must have been cut already (TR-05).

    Raises SecurityError: ``payload_length``, ``auth_key_id``, ``msg_key``, ``body_length``, ``padding_length``.
    """
    size = len(payload)
    if size < MIN_PAYLOAD or (size - 24) & 15:
        raise SecurityError("payload_length", size, f"at least {MIN_PAYLOAD}, 24 more than a multiple of 16")
    if payload[:8] != key.wire_id:
        raise SecurityError("auth_key_id")
    parts = key.from_client if sender is _CLIENT else key.from_server
    msg_key = payload[8:24]
    aes_key, aes_iv = aes_key_iv(parts, msg_key)
    plaintext = raw_decrypt(payload[24:], aes_key, aes_iv)
    state = parts.msg_key_start.copy()
    state.update(plaintext)
    large = state.digest()
    if not compare_digest(large[8:24], msg_key):
        raise SecurityError("msg_key")
    salt, session_id, msg_id, seqno, length = _unpack_header(plaintext)
    padding = size - 24 - HEADER_LENGTH - length
    if length < 4 or length & 3 or padding < 0:  # MSG-09
        raise SecurityError("body_length", length, "a multiple of 4 inside the payload")
    if not MIN_PADDING <= padding <= MAX_PADDING:  # MSG-09, SEC-23
        raise SecurityError("padding_length", padding, f"{MIN_PADDING}..{MAX_PADDING}")
    inner = _new(Inner)
    inner.salt = salt
    inner.session_id = session_id
    inner.msg_id = msg_id
    inner.seqno = seqno
    inner.body = plaintext[HEADER_LENGTH : HEADER_LENGTH + length]
    return inner, large
