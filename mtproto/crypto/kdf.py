"""Everything that is derived by hashing: the AES keys of messages (MSG-05; ``message.envelope`` hashes msg_key itself),
temporary keys and hashes of the key exchange (AUTH-20, 28, 32, 33), the quick-ack token (TR-50), and the version 1.0
forms that binding needs (MSG-22).

Who sent a message chooses x: ``AuthKey.parts(sender)`` are the pieces of the key for it.
"""

from __future__ import annotations

from hashlib import sha1, sha256
from struct import Struct

from mtproto.crypto.auth_key import AuthKey, KeyParts
from mtproto.roles import Role

_split = Struct("8s16s8s").unpack  # one call for three slices: 0.1 µs less for each half
_token = Struct("<I").unpack_from


def aes_key_iv(parts: KeyParts, msg_key: bytes) -> tuple[bytes, bytes]:
    """The AES-IGE key and iv, 32 bytes each, of a message with this 16-byte msg_key (MSG-05)."""
    state = parts.b_start.copy()
    state.update(msg_key)
    a0, a1, a2 = _split(sha256(msg_key + parts.a_suffix).digest())
    b0, b1, b2 = _split(state.digest())
    return a0 + b1 + a2, b0 + a1 + b2


def quick_ack_token(msg_key_large: bytes) -> int:
    """The unsigned 32-bit token that acknowledges a payload: little-endian first 4 bytes, bit 31 set (TR-50)."""
    token: int = _token(msg_key_large)[0]
    return token | 0x80000000


def msg_key_v1(plaintext: bytes) -> bytes:
    """SHA1(plaintext without its padding)[4:20] (MSG-22); used by auth.bindTempAuthKey alone (MSG-20)."""
    return sha1(plaintext).digest()[4:20]


def aes_key_iv_v1(key: AuthKey, msg_key: bytes, sender: Role) -> tuple[bytes, bytes]:
    """The AES-IGE key and iv, 32 bytes each, of a version 1.0 message (MSG-22); for auth.bindTempAuthKey alone."""
    x = sender.key_offset
    k = key.data
    a = sha1(msg_key + k[x : x + 32]).digest()
    b = sha1(k[32 + x : 48 + x] + msg_key + k[48 + x : 64 + x]).digest()
    c = sha1(k[64 + x : 96 + x] + msg_key).digest()
    d = sha1(msg_key + k[96 + x : 128 + x]).digest()
    return a[:8] + b[8:20] + c[4:16], a[8:20] + b[:8] + c[16:20] + d[:8]


def tmp_aes_key_iv(new_nonce: bytes, server_nonce: bytes) -> tuple[bytes, bytes]:
    """tmp_aes_key and tmp_aes_iv, 32 bytes each, from the nonces of 32 and 16 bytes (AUTH-20)."""
    ns = sha1(new_nonce + server_nonce).digest()
    sn = sha1(server_nonce + new_nonce).digest()
    nn = sha1(new_nonce + new_nonce).digest()
    return ns + sn[:12], sn[12:] + nn + new_nonce[:4]


def new_nonce_hash(new_nonce: bytes, number: int, key: AuthKey) -> bytes:
    """new_nonce_hash1, 2 or 3, 16 bytes: SHA1(new_nonce + byte(number) + auth_key_aux_hash)[4:20] (AUTH-28)."""
    aux_hash = key.aux_hash.to_bytes(8, "little", signed=True)
    return sha1(new_nonce + bytes((number,)) + aux_hash).digest()[4:]


def new_nonce_hash_fail(new_nonce: bytes) -> bytes:
    """The hash in server_DH_params_fail, 16 bytes: SHA1(new_nonce)[4:20] (AUTH-32)."""
    return sha1(new_nonce).digest()[4:]


def initial_salt(new_nonce: bytes, server_nonce: bytes) -> int:
    """The first server_salt, signed: new_nonce[0:8] XOR server_nonce[0:8], little-endian (AUTH-33)."""
    salt = int.from_bytes(new_nonce[:8], "little") ^ int.from_bytes(server_nonce[:8], "little")
    return salt - (1 << 64) if salt >> 63 else salt
