"""AuthKey: the 256 bytes that two ends share (AUTH-26, AUTH-27), with what is computed from them once.

SHA-256 over a fixed part of the key starts each msg_key and each aes_key; these starts are kept and copied per
message, which saves a third of the hashing of short messages.
"""

from __future__ import annotations

from hashlib import sha1, sha256
from hmac import compare_digest
from typing import TYPE_CHECKING, NoReturn

from mtproto.errors import UsageError
from mtproto.roles import Role

if TYPE_CHECKING:
    from hashlib import _Hash

AUTH_KEY_LENGTH = 256
"""Bytes of an auth_key. A shorter number is left-padded with zero bytes by whoever computed it (AUTH-26)."""


class KeyParts:
    """The pieces of an auth key that derive the keys of messages in one direction (MSG-04, MSG-05)."""

    __slots__ = ("a_suffix", "b_start", "msg_key_start")

    def __init__(self, key: bytes, sender: Role) -> None:
        x = sender.key_offset
        self.msg_key_start: _Hash = sha256(key[88 + x : 120 + x])
        self.a_suffix = key[x : 36 + x]
        self.b_start: _Hash = sha256(key[40 + x : 76 + x])


class AuthKey:
    """An authorization key of exactly 256 bytes; another length is a ``UsageError``.

    ``auth_key_id`` and ``aux_hash`` are signed 64-bit numbers, little-endian over SHA1(auth_key)[12:20] and
    [0:8] (AUTH-27); ``wire_id`` is the former as the 8 bytes of a payload. Keys compare in constant time, are never
    printed, and refuse to be pickled.
    """

    __slots__ = ("auth_key_id", "aux_hash", "data", "from_client", "from_server", "wire_id")

    def __init__(self, key: bytes) -> None:
        if len(key) != AUTH_KEY_LENGTH:
            raise UsageError(f"an auth key has {AUTH_KEY_LENGTH} bytes, not {len(key)}")
        self.data = bytes(key)
        digest = sha1(self.data).digest()
        self.wire_id = digest[12:20]
        self.auth_key_id = int.from_bytes(digest[12:20], "little", signed=True)
        self.aux_hash = int.from_bytes(digest[:8], "little", signed=True)
        self.from_client = KeyParts(self.data, Role.CLIENT)
        self.from_server = KeyParts(self.data, Role.SERVER)

    def parts(self, sender: Role) -> KeyParts:
        """The pieces that derive the keys of messages sent by ``sender``."""
        return self.from_client if sender is Role.CLIENT else self.from_server

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AuthKey):
            return NotImplemented
        return compare_digest(self.data, other.data)

    def __hash__(self) -> int:
        return hash(self.auth_key_id)

    def __repr__(self) -> str:
        return f"<AuthKey {self.auth_key_id & 2**64 - 1:016x}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("an AuthKey is not pickled or copied; store .data where it is safe")
