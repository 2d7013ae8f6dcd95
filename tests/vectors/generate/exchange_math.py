"""The key exchange computed anew: hashlib, ``pow``, struct, and IGE over the AES block of ``cryptography``.

Nothing here comes from ``mtproto.crypto`` or ``mtproto.handshake``, whose results the vectors are compared with.
"""

from __future__ import annotations

import struct
from hashlib import sha1, sha256

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.vectors.generate.tl_pack import ALL, VECTOR, packed_string, word

PRIME = int(
    "C71CAEB9C6B1C9048E6C522F70F13F73980D40238E3E21C14934D037563D930F48198A0AA7C14058229493D22530F4DB"
    "FA336F6E0AC925139543AED44CCE7C3720FD51F69458705AC68CD4FE6B6B13ABDC9746512969328454F18FAF8C595F64"
    "2477FE96BB2A941D5BCD1D4AC8CC49880708FA9B378E3C4F3A9060BEE67CF9A4A4A695811051907E162753B56B0F6B41"
    "0DBA74D8A84B2A14B3144E0EF1284754FD17ED950D5965B4B9DD46582DB1178D169C6BC465B0D6FF9CA3928FEF5B9AE4"
    "E418FC15E83EBEA0F87FA9FF5EED70050DED2849F47BF959D956850CE929851F0D8115F635B105EE2E4E15D04B2454BF"
    "6F4FADF034B10403119CD8E3B92FCC5B",
    16,
)
"""The published prime (AUTH-53)."""


def long(number: int) -> bytes:
    return struct.pack("<q", number)


def integer(number: int) -> bytes:
    return struct.pack("<i", number)


def big(number: int, size: int = 0) -> bytes:
    """Big-endian, without leading zeros or of this size."""
    return number.to_bytes(size or (number.bit_length() + 7) // 8, "big")


def head(name: str) -> bytes:
    return word(ALL["mtproto:" + name].id)


def xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def ige(data: bytes, key: bytes, iv: bytes, *, decrypt: bool = False) -> bytes:
    """AES-256-IGE, block by block (AUTH-43)."""
    cipher = Cipher(algorithms.AES(key), modes.ECB())
    block = (cipher.decryptor() if decrypt else cipher.encryptor()).update
    before, after = (iv[16:], iv[:16]) if decrypt else (iv[:16], iv[16:])
    out = b""
    for start in range(0, len(data), 16):
        given = data[start : start + 16]
        made = xor(block(xor(given, before)), after)
        before, after = made, given
        out += made
    return out


def plain(msg_id: int, body: bytes) -> bytes:
    """An unencrypted message (AUTH-01)."""
    return bytes(8) + long(msg_id) + integer(len(body)) + body


def res_pq(nonce: bytes, server_nonce: bytes, pq: bytes, fingerprints: list[bytes]) -> bytes:
    listed = word(VECTOR) + integer(len(fingerprints)) + b"".join(fingerprints)
    return head("resPQ") + nonce + server_nonce + packed_string(pq) + listed


def fingerprint(n: int, e: int) -> bytes:
    return sha1(packed_string(big(n)) + packed_string(big(e))).digest()[12:20]


def rsa_pad(data: bytes, n: int, e: int, padding: bytes, temp_keys: list[bytes]) -> bytes:
    """RSA_PAD (AUTH-40), with as many temp_keys as are needed; ValueError where they are not all used."""
    padded = data + padding
    for number, temp_key in enumerate(temp_keys, 1):
        hashed = padded[::-1] + sha256(temp_key + padded).digest()
        encrypted = ige(hashed, temp_key, bytes(32))
        block = xor(temp_key, sha256(encrypted).digest()) + encrypted
        if int.from_bytes(block, "big") < n:
            if number < len(temp_keys):
                raise ValueError("too many temp_keys")
            return big(pow(int.from_bytes(block, "big"), e, n), 256)
    raise ValueError("too few temp_keys")


def legacy_pad(data: bytes, n: int, e: int, padding: bytes) -> bytes:
    """The scheme before RSA_PAD (AUTH-42)."""
    block = (sha1(data).digest() + data + padding)[:255]
    return big(pow(int.from_bytes(block, "big"), e, n), 256)


def tmp_aes(new_nonce: bytes, server_nonce: bytes) -> tuple[bytes, bytes]:
    """Key and IV of AUTH-20."""
    one, two = sha1(new_nonce + server_nonce).digest(), sha1(server_nonce + new_nonce).digest()
    return one + two[:12], two[12:20] + sha1(new_nonce + new_nonce).digest() + new_nonce[:4]


def hashed(data: bytes, padding: bytes) -> bytes:
    """SHA1 + data + padding, what is encrypted under tmp_aes."""
    return sha1(data).digest() + data + padding


def new_nonce_hash(new_nonce: bytes, number: int, auth_key: bytes) -> bytes:
    """AUTH-28."""
    return sha1(new_nonce + bytes([number]) + sha1(auth_key).digest()[:8]).digest()[4:20]


def flipped(data: bytes, at: int, mask: int = 1) -> bytes:
    """``data`` with one byte changed."""
    at %= len(data)
    return data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]
