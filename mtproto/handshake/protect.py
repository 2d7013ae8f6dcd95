"""The encrypted parts of the key exchange, each with the function that makes it and the one that opens it.

``protect_*`` take TL objects as they are and check nothing: a step calls them with right values, a test server with
whatever it wants to inject. ``open_*`` check the protection, hash before content, and return the object.
"""

from __future__ import annotations

from hashlib import sha1
from hmac import compare_digest
from typing import TYPE_CHECKING, TypeVar

from mtproto.crypto import aes, dh, rsa
from mtproto.errors import SecurityError
from mtproto.handshake.checks import check_encrypted_length
from mtproto.schema.mtproto import (
    ClientDHInnerData,
    PQInnerData,
    PQInnerDataDc,
    PQInnerDataTemp,
    PQInnerDataTempDc,
    ServerDHInnerData,
    read_object,
)
from mtproto.tl import registry

if TYPE_CHECKING:
    from mtproto.environment import Environment
    from mtproto.tl.objects import TLObject

PQInner = PQInnerDataDc | PQInnerDataTempDc | PQInnerData | PQInnerDataTemp
"""The four forms of P_Q_inner_data; the last two, without dc, are legacy (AUTH-07)."""

_Object = TypeVar("_Object", bound="TLObject")

HASH_LENGTH = 20


def draw_exponent(g: int, dh_prime: int, env: Environment) -> tuple[int, int]:
    """An exponent of 256 random bytes and its power of g: (b, g_b) on the client, (a, g_a) on the server.

    A power outside the range of AUTH-52 is drawn again (AUTH-24, AUTH-95); the chance is 2^-63. About 22 ms.
    """
    while True:
        exponent = int.from_bytes(env.random_bytes(dh.NUMBER_LENGTH), "big")
        power = pow(g, exponent, dh_prime)
        if dh.PUBLIC_VALUE_MARGIN <= power <= dh_prime - dh.PUBLIC_VALUE_MARGIN:
            return exponent, power


def protect_hashed(data: bytes, tmp_aes: tuple[bytes, bytes], env: Environment) -> bytes:
    """IGE of SHA1(data) + data + random padding to a multiple of 16, under (tmp_aes_key, tmp_aes_iv) (AUTH-25)."""
    hashed = sha1(data).digest() + data
    return aes.ige_encrypt(hashed + env.random_bytes(-len(hashed) % 16), *tmp_aes)


def protect_answer(inner: ServerDHInnerData, tmp_aes: tuple[bytes, bytes], env: Environment) -> bytes:
    """encrypted_answer of server_DH_params_ok (AUTH-21, AUTH-95)."""
    return protect_hashed(inner.to_bytes(), tmp_aes, env)


def protect_client_data(inner: ClientDHInnerData, tmp_aes: tuple[bytes, bytes], env: Environment) -> bytes:
    """encrypted_data of set_client_DH_params (AUTH-25)."""
    return protect_hashed(inner.to_bytes(), tmp_aes, env)


def open_answer(encrypted: bytes, tmp_aes: tuple[bytes, bytes]) -> ServerDHInnerData:
    """server_DH_inner_data from an encrypted_answer (AUTH-19, AUTH-21).

    ``SecurityError`` with check answer_length, answer_hash, answer_padding or step; ``DecodeError`` for authentic
    bytes that are no TL object.
    """
    check_encrypted_length("answer_length", encrypted)
    plain = aes.ige_decrypt(encrypted, *tmp_aes)
    return _read_hashed(plain, ServerDHInnerData, "answer_hash", "answer_padding")


def open_client_data(encrypted: bytes, tmp_aes: tuple[bytes, bytes]) -> ClientDHInnerData:
    """client_DH_inner_data from the encrypted_data of set_client_DH_params (AUTH-96).

    Wrong lengths, hashes and paddings are one check, client_hash (SEC-70).
    """
    check_encrypted_length("client_hash", encrypted)
    plain = aes.ige_decrypt(encrypted, *tmp_aes)
    return _read_hashed(plain, ClientDHInnerData, "client_hash", "client_hash")


def protect_pq_inner_data(inner: PQInner, key: rsa.PublicKey, env: Environment) -> bytes:
    """encrypted_data of req_DH_params: RSA_PAD, the only padding that this library produces (AUTH-18, AUTH-40, 42)."""
    return rsa.rsa_pad(inner.to_bytes(), key, env)


def open_pq_inner_data(encrypted: bytes, key: rsa.PrivateKey, env: Environment, *, accept_legacy: bool) -> PQInner:
    """P_Q_inner_data from the encrypted_data of req_DH_params (AUTH-41, AUTH-42).

    ``SecurityError`` with check rsa_pad, or step for a form that is not allowed; ``DecodeError`` for authentic
    bytes that are no TL object. One RSA operation and one path, whatever fails (SEC-71).
    """
    block = key.decrypt(encrypted, env)
    data = rsa.open_rsa_pad(block)
    if data is None:
        data = open_legacy(block) if accept_legacy else None
    if data is None:
        raise SecurityError("rsa_pad")
    inner, _ = registry.decode_prefix(data, read_object)
    if isinstance(inner, PQInnerDataDc | PQInnerDataTempDc):
        return inner
    if accept_legacy and isinstance(inner, PQInnerData | PQInnerDataTemp):  # AUTH-42
        return inner
    raise SecurityError("step", inner.NAME, "p_q_inner_data with dc")


def open_legacy(block: bytes) -> bytes | None:
    """The data of 0 + SHA1(data) + data + padding, or None (AUTH-42)."""
    opened = rsa.open_legacy(block)
    if opened is None:
        return None
    length = _hashed_length(*opened)
    return None if length is None else opened[1][:length]


def _read_hashed(plain: bytes, cls: type[_Object], hash_check: str, padding_check: str) -> _Object:
    """The object of SHA1(object) + object + at most 15 bytes (AUTH-21).

    The length is the one that the hash fits, so that nothing unauthenticated is parsed and no error speaks of it.
    """
    data = plain[HASH_LENGTH:]
    length = _hashed_length(plain[:HASH_LENGTH], data)
    if length is None:
        raise SecurityError(hash_check)
    if len(data) - length > 15:  # SEC-09
        raise SecurityError(padding_check, len(data) - length, "0..15 bytes")
    inner, end = registry.decode_prefix(data[:length], read_object)
    if not isinstance(inner, cls):
        raise SecurityError("step", inner.NAME, cls.NAME)
    if end != length:  # AUTH-21: the hash covers the object and nothing else
        raise SecurityError(hash_check)
    return inner


def _hashed_length(digest: bytes, data: bytes) -> int | None:
    """The n for which SHA1(data[:n]) = digest, if any; objects are multiples of 4 bytes long.

    At most 251 hashes of 1 KiB (0.2 ms); every one is computed, whatever fits.
    """
    state = sha1()
    found = None
    for end in range(0, len(data) + 1, 4):
        if compare_digest(state.digest(), digest):
            found = end
        state.update(data[end : end + 4])
    return found
