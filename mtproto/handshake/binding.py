"""Binding: the encrypted_message of auth.bindTempAuthKey, made and judged (spec: MSG-107..109, MSG-113, SEC-82).

The permanent key proves, by a message of MTProto 1.0 inside the request, that its owner also holds the temporary one.
Nothing else is ever made or read in that version (MSG-20).
"""

from __future__ import annotations

from hmac import compare_digest
from struct import Struct

from mtproto.crypto.aes import ige_decrypt, ige_encrypt
from mtproto.crypto.auth_key import AuthKey
from mtproto.crypto.kdf import aes_key_iv_v1, msg_key_v1
from mtproto.errors import RpcError, UsageError
from mtproto.roles import Role
from mtproto.schema.mtproto import BindAuthKeyInner

RANDOM_LENGTH = 16
"""Random bytes in place of salt and session_id."""

PADDING_LENGTH = 8
LENGTH = 104
"""Bytes of an encrypted_message: perm_auth_key_id (8), msg_key (16), ciphertext (80)."""

MARGIN = 300
"""Seconds by which the request's expires_at may exceed that of the temporary key (MSG-113)."""

_HEADER = Struct("<qii")  # msg_id, seqno, length
_ID = Struct("<q")
_PLAIN_LENGTH = RANDOM_LENGTH + _HEADER.size + 40


def protect_binding(key: AuthKey, inner: BindAuthKeyInner, msg_id: int, random: bytes, padding: bytes) -> bytes:
    """The encrypted_message of 104 bytes for the request that travels under exactly ``msg_id`` (MSG-107, MSG-109).

    ``key``: the permanent one; ``random``: 16 bytes, ``padding``: 8, both from the secure generator (MSG-07).
    """
    if len(random) != RANDOM_LENGTH or len(padding) != PADDING_LENGTH:
        raise UsageError(f"a binding takes {RANDOM_LENGTH} random bytes and {PADDING_LENGTH} of padding")
    plain = random + _signed_part(inner, msg_id)
    msg_key = msg_key_v1(plain)
    aes_key, aes_iv = aes_key_iv_v1(key, msg_key, Role.CLIENT)
    return _ID.pack(key.auth_key_id) + msg_key + ige_encrypt(plain + padding, aes_key, aes_iv)


def check_binding(
    key: AuthKey,
    encrypted_message: bytes,
    expected: BindAuthKeyInner,
    msg_id: int,
    *,
    now: float,
    key_expires_at: float,
) -> float:
    """MSG-113: whether a request binds the temporary key. Returns the server time at which that one expires now.

    ``key``: the permanent one that the request names; ``expected``: what the inner message has to say, made from the
    request (nonce, expires_at), its session and the key it came under; ``msg_id``: that of the request;
    ``key_expires_at``: until when the temporary key would be valid, as ``now`` in seconds of server time. Raises
    RpcError 400 ENCRYPTED_MESSAGE_INVALID, without a word about what is wrong (SEC-82).
    """
    if not _genuine(key, encrypted_message, _signed_part(expected, msg_id)):
        raise _invalid()
    if not now < expected.expires_at <= key_expires_at + MARGIN:
        raise _invalid()
    return min(float(expected.expires_at), key_expires_at)


def _genuine(key: AuthKey, message: bytes, expected: bytes) -> bool:
    """Everything is decrypted and compared, in constant time, before anything is answered."""
    if len(message) != LENGTH:
        return False
    msg_key = message[8:24]
    aes_key, aes_iv = aes_key_iv_v1(key, msg_key, Role.CLIENT)
    plain = ige_decrypt(message[24:], aes_key, aes_iv)[:_PLAIN_LENGTH]
    right_id = compare_digest(message[:8], _ID.pack(key.auth_key_id))
    right_key = compare_digest(msg_key_v1(plain), msg_key)
    right_fields = compare_digest(plain[RANDOM_LENGTH:], expected)
    return right_id & right_key & right_fields


def _signed_part(inner: BindAuthKeyInner, msg_id: int) -> bytes:
    """The plaintext behind the random bytes: a message with seqno 0."""
    body = inner.to_bytes()
    return _HEADER.pack(msg_id, 0, len(body)) + body


def _invalid() -> RpcError:
    return RpcError(400, "ENCRYPTED_MESSAGE_INVALID")
