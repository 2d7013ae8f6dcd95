"""RSA of the key exchange: keys and fingerprints (AUTH-45), RSA_PAD (AUTH-40) and the server's inverse (AUTH-41, 42).

The server makes one RSA operation, ``PrivateKey.decrypt``, and looks at its result with ``open_rsa_pad`` and,
where it was told to, ``open_legacy``. Nothing here produces the legacy padding (AUTH-42).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha1, sha256
from hmac import compare_digest
from math import gcd
from typing import TYPE_CHECKING, Final, NoReturn

from mtproto.crypto.aes import ige_decrypt, ige_encrypt
from mtproto.environment import Environment
from mtproto.errors import SecurityError, UsageError
from mtproto.record import Record
from mtproto.tl.wire import pack_bytes

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

MODULUS_BITS: Final = 2048
BLOCK_LENGTH: Final = 256
"""Bytes of every RSA input and output."""

MAX_DATA_LENGTH: Final = 144
"""Longest data that RSA_PAD takes, in bytes (AUTH-40)."""

PADDED_LENGTH: Final = 192
"""Bytes of data_with_padding (AUTH-40)."""

MIN_FINGERPRINT: Final = 1 << 60
"""A generated key has a fingerprint, taken unsigned, of at least this (SEC-84)."""

_ZERO_IV: Final = bytes(32)


def fingerprint(n: int, e: int) -> int:
    """SHA1 over the TL strings n and e, bytes 12..20, as a signed little-endian number (AUTH-45)."""
    digest = sha1(_tl_string(n) + _tl_string(e)).digest()
    return int.from_bytes(digest[12:20], "little", signed=True)


class PublicKey(Record):
    """A server's public key: ``n`` of exactly 2048 bits and odd, ``e`` odd and at least 3; else ``UsageError``."""

    __slots__ = ("e", "fingerprint", "n")
    __match_args__ = ("n", "e")

    def __init__(self, n: int, e: int) -> None:
        if n.bit_length() != MODULUS_BITS:
            raise UsageError(f"the RSA key has {n.bit_length()} bits, not {MODULUS_BITS}")
        if n % 2 == 0 or e % 2 == 0 or not 3 <= e < n:
            raise UsageError("the RSA key has an impossible modulus or exponent")
        self.n = n
        self.e = e
        self.fingerprint = fingerprint(n, e)

    def __repr__(self) -> str:
        return f"<PublicKey {self.fingerprint & 2**64 - 1:016x}>"

    @classmethod
    def from_pem(cls, pem: bytes | str) -> PublicKey:
        """A key in PEM, "BEGIN RSA PUBLIC KEY" (PKCS#1) or "BEGIN PUBLIC KEY" (SPKI); ``UsageError`` names a fault."""
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        key = _load(load_pem_public_key, pem, "public")
        if not isinstance(key, RSAPublicKey):
            raise UsageError("the public key is not an RSA key")
        numbers = key.public_numbers()
        return cls(numbers.n, numbers.e)

    def to_pem(self) -> str:
        """The key in PEM, PKCS#1 form."""
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        key = RSAPublicNumbers(self.e, self.n).public_key()
        return key.public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode("ascii")

    def encrypt(self, block: bytes) -> bytes:
        """block^e mod n: 256 bytes to 256 bytes, big-endian. A block not below n is a ``UsageError``."""
        number = int.from_bytes(block, "big")
        if len(block) != BLOCK_LENGTH or number >= self.n:
            raise UsageError("an RSA block has 256 bytes and is below the modulus")
        return pow(number, self.e, self.n).to_bytes(BLOCK_LENGTH, "big")


class PublicKeys:
    """The keys trusted in one environment, by fingerprint (AUTH-12, AUTH-64)."""

    __slots__ = ("_by_fingerprint",)

    def __init__(self, keys: Iterable[PublicKey]) -> None:
        self._by_fingerprint = {key.fingerprint: key for key in keys}

    def choose(self, fingerprints: Iterable[int]) -> PublicKey | None:
        """The key of the first listed fingerprint (signed) that is trusted, or None (AUTH-12)."""
        for fingerprint in fingerprints:
            key = self._by_fingerprint.get(fingerprint)
            if key is not None:
                return key
        return None

    def __iter__(self) -> Iterator[PublicKey]:
        return iter(self._by_fingerprint.values())

    def __len__(self) -> int:
        return len(self._by_fingerprint)


def rsa_pad(data: bytes, key: PublicKey, env: Environment) -> bytes:
    """encrypted_data of req_DH_params, 256 bytes, for ``data`` of at most 144 (AUTH-40); longer: ``UsageError``."""
    return key.encrypt(rsa_pad_block(data, key, env))


def rsa_pad_block(data: bytes, key: PublicKey, env: Environment) -> bytes:
    """key_aes_encrypted, 256 bytes and below the modulus: what RSA_PAD encrypts (AUTH-40, steps 1 to 8).

    Takes from ``env`` the padding up to 192 bytes, then a temp_key of 32 bytes for each attempt.
    """
    if len(data) > MAX_DATA_LENGTH:
        raise UsageError(f"RSA_PAD takes at most {MAX_DATA_LENGTH} bytes, not {len(data)}")
    data_with_padding = data + env.random_bytes(PADDED_LENGTH - len(data))
    while True:
        temp_key = env.random_bytes(32)
        data_with_hash = data_with_padding[::-1] + sha256(temp_key + data_with_padding).digest()
        aes_encrypted = ige_encrypt(data_with_hash, temp_key, _ZERO_IV)
        key_aes_encrypted = _xor_32(temp_key, sha256(aes_encrypted).digest()) + aes_encrypted
        # AUTH-40 step 8; n has 2048 bits, so that at least half of the attempts succeed.
        if int.from_bytes(key_aes_encrypted, "big") < key.n:
            return key_aes_encrypted


class PrivateKey:
    """A server's private key: the primes ``p`` and ``q`` of a 2048-bit modulus, and the public exponent ``e``.

    Never printed, pickled or copied. ``public`` is its ``PublicKey``.
    """

    __slots__ = ("_d_p", "_d_q", "_p", "_q", "_q_inverse", "public")

    def __init__(self, p: int, q: int, e: int = 65537) -> None:
        self.public = PublicKey(p * q, e)
        try:
            self._d_p = pow(e, -1, p - 1)
            self._d_q = pow(e, -1, q - 1)
            self._q_inverse = pow(q, -1, p)
        except ValueError:
            raise UsageError("the RSA key has primes that do not fit its exponent") from None
        self._p = p
        self._q = q

    def __repr__(self) -> str:
        return f"<PrivateKey of {self.public!r}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a PrivateKey is not pickled or copied; use to_pem where it is safe")

    @classmethod
    def generate(cls) -> PrivateKey:
        """A new 2048-bit key with exponent 65537 from the system's generator.

        SEC-84: drawn again while its fingerprint is below 2^60, since one published client prints fingerprints
        without leading zeros and then does not find the key.
        """
        from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

        while True:
            key = cls._from_library(generate_private_key(65537, MODULUS_BITS))
            if key.public.fingerprint % (1 << 64) >= MIN_FINGERPRINT:
                return key

    @classmethod
    def from_pem(cls, pem: bytes | str) -> PrivateKey:
        """An unencrypted key in PEM, PKCS#1 or PKCS#8; ``UsageError`` names a fault."""
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        key = _load(lambda data: load_pem_private_key(data, None), pem, "private")
        if not isinstance(key, RSAPrivateKey):
            raise UsageError("the private key is not an RSA key")
        if key.key_size != MODULUS_BITS:
            raise UsageError(f"the RSA key has {key.key_size} bits, not {MODULUS_BITS}")
        return cls._from_library(key)

    @classmethod
    def from_exponents(cls, n: int, e: int, d: int) -> PrivateKey:
        """The key of these numbers, its primes recovered from them; ``UsageError`` where they are no key."""
        from cryptography.hazmat.primitives.asymmetric.rsa import rsa_recover_prime_factors

        try:
            p, q = rsa_recover_prime_factors(n, e, d)
        except ValueError:
            raise UsageError("n, e and d are not an RSA key") from None
        return cls(p, q, e)

    def to_pem(self) -> str:
        """The key in PEM, PKCS#1 form, unencrypted: for a file that only its owner can read."""
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers, RSAPublicNumbers
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        n, e, p, q = self.public.n, self.public.e, self._p, self._q
        d = pow(e, -1, (p - 1) * (q - 1))
        numbers = RSAPrivateNumbers(p, q, d, self._d_p, self._d_q, self._q_inverse, RSAPublicNumbers(e, n))
        pem = numbers.private_key().private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        return pem.decode("ascii")

    def decrypt(self, ciphertext: bytes, env: Environment) -> bytes:
        """m = ciphertext^d mod n, 256 bytes each; ``SecurityError("rsa_pad")`` for a wrong length or a number >= n.

        AUTH-94: blinded with a fresh r from ``env``, computed by CRT, the result verified; a fault in the
        computation takes the path of a wrong ciphertext (SEC-71).
        """
        n, e = self.public.n, self.public.e
        number = int.from_bytes(ciphertext, "big")
        if len(ciphertext) != BLOCK_LENGTH or number >= n:
            raise SecurityError("rsa_pad")
        r = _draw_unit(n, env)
        blinded = number * pow(r, e, n) % n
        power = self._power(blinded)
        if pow(power, e, n) != blinded:
            raise SecurityError("rsa_pad")
        return (power * pow(r, -1, n) % n).to_bytes(BLOCK_LENGTH, "big")

    def _power(self, number: int) -> int:
        """number^d mod n by the Chinese remainder theorem."""
        modulo_p = pow(number, self._d_p, self._p)
        modulo_q = pow(number, self._d_q, self._q)
        return modulo_q + self._q * ((modulo_p - modulo_q) * self._q_inverse % self._p)

    @classmethod
    def _from_library(cls, key: RSAPrivateKey) -> PrivateKey:
        numbers = key.private_numbers()
        return cls(numbers.p, numbers.q, numbers.public_numbers.e)


def open_rsa_pad(block: bytes) -> bytes | None:
    """data_with_padding, 192 bytes, of a decrypted block of 256, or None where the hash is wrong (AUTH-41)."""
    temp_key = _xor_32(block[:32], sha256(block[32:]).digest())
    opened = ige_decrypt(block[32:], temp_key, _ZERO_IV)
    data_with_padding = opened[PADDED_LENGTH - 1 :: -1]
    digest = sha256(temp_key + data_with_padding).digest()
    return data_with_padding if compare_digest(digest, opened[PADDED_LENGTH:]) else None


def open_legacy(block: bytes) -> tuple[bytes, bytes] | None:
    """The SHA-1 (20 bytes) and data with padding (235 bytes) of a decrypted block of 256, or None (AUTH-42).

    The caller parses one object of n bytes at the start of the data and requires the hash to be its SHA-1.
    """
    return (block[1:21], block[21:]) if block[0] == 0 else None


def rsa_unpad(ciphertext: bytes, key: PrivateKey, env: Environment) -> bytes:
    """data_with_padding, 192 bytes, from RSA_PAD's 256; ``SecurityError("rsa_pad")`` for anything else (AUTH-41)."""
    data_with_padding = open_rsa_pad(key.decrypt(ciphertext, env))
    if data_with_padding is None:
        raise SecurityError("rsa_pad")
    return data_with_padding


def _tl_string(number: int) -> bytes:
    return pack_bytes(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _draw_unit(n: int, env: Environment) -> int:
    while True:
        r = int.from_bytes(env.random_bytes(BLOCK_LENGTH), "big") % n
        if gcd(r, n) == 1:
            return r


def _xor_32(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(32, "big")


def _load(load: Callable[[bytes], object], pem: bytes | str, kind: str) -> object:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return load(pem.encode("ascii") if isinstance(pem, str) else pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The library's own text runs over several lines and speaks of its internals.
        raise UsageError(f"this is not an unencrypted {kind} key in PEM form") from None
