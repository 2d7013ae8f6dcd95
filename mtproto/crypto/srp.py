"""SRP: how a password is proved without being sent (API-50 … API-57).

All numbers are integers here and 256 big-endian bytes wherever they are hashed or sent. Python's integers take time
that depends on their values: what is constant-time is the comparison of the proofs.
"""

from __future__ import annotations

import hmac
from hashlib import pbkdf2_hmac, sha256
from typing import Final

from mtproto.crypto.dh import NUMBER_LENGTH, check_dh_params, check_public_value, to_256
from mtproto.environment import Environment
from mtproto.errors import SecurityError
from mtproto.record import Record

ITERATIONS: Final = 100_000
NEW_SALT: Final = 32
"""Random bytes that a client appends to salt1 for a new password (API-56)."""


class Kdf(Record):
    """passwordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow: salts, g, and p as big-endian bytes."""

    __slots__ = ("salt1", "salt2", "g", "p")

    def __init__(self, salt1: bytes, salt2: bytes, g: int, p: bytes) -> None:
        self.salt1 = salt1
        self.salt2 = salt2
        self.g = g
        self.p = p

    @property
    def prime(self) -> int:
        """p as a number."""
        return int.from_bytes(self.p, "big")


class Proof(Record):
    """What inputCheckPasswordSRP carries: A and M1, 256 and 32 bytes."""

    __slots__ = ("A", "M1")

    def __init__(self, A: bytes, M1: bytes) -> None:
        self.A = A
        self.M1 = M1

    def __repr__(self) -> str:
        return "<Proof>"


class Challenge(Record):
    """A server's b and B for one attempt."""

    __slots__ = ("b", "B")

    def __init__(self, b: int, B: int) -> None:
        self.b = b
        self.B = B

    def __repr__(self) -> str:
        return "<Challenge>"


# ---- the steps


def password_hash(password: bytes, kdf: Kdf) -> int:
    """x = PH2(password, salt1, salt2), 256 bits (API-52); about 0.1 s."""
    first = _salted(_salted(password, kdf.salt1), kdf.salt2)
    slow = pbkdf2_hmac("sha512", first, kdf.salt1, ITERATIONS, 64)
    return int.from_bytes(_salted(slow, kdf.salt2), "big")


def _salted(data: bytes, salt: bytes) -> bytes:
    return sha256(salt + data + salt).digest()


def verifier(x: int, kdf: Kdf) -> int:
    """v = g^x mod p: what a server keeps of a password (API-52)."""
    return pow(kdf.g, x, kdf.prime)


def multiplier(kdf: Kdf) -> int:
    """k = H(p + g) (API-52)."""
    return _hashed(kdf.prime, kdf.g)


def scrambler(A: int, B: int) -> int:
    """u = H(A + B) (API-53)."""
    return _hashed(A, B)


def _hashed(*numbers: int) -> int:
    return int.from_bytes(sha256(b"".join(map(to_256, numbers))).digest(), "big")


def client_secret(kdf: Kdf, x: int, a: int, u: int, B: int) -> int:
    """S = (B − k·v)^(a + u·x) mod p. ``SecurityError`` where the base is out of range (API-53)."""
    p = kdf.prime
    base = check_public_value((B - multiplier(kdf) * verifier(x, kdf)) % p, p)
    return pow(base, a + u * x, p)


def server_secret(kdf: Kdf, v: int, b: int, u: int, A: int) -> int:
    """S = (A · v^u)^b mod p (API-55)."""
    p = kdf.prime
    return pow(A * pow(v, u, p), b, p)


def session_key(S: int) -> bytes:
    """K = H(S), 32 bytes (API-53)."""
    return sha256(to_256(S)).digest()


def evidence(kdf: Kdf, A: int, B: int, K: bytes) -> bytes:
    """M1 = H((H(p) xor H(g)) + H(salt1) + H(salt2) + A + B + K), 32 bytes (API-54)."""
    both = _hashed(kdf.prime) ^ _hashed(kdf.g)
    salts = sha256(kdf.salt1).digest() + sha256(kdf.salt2).digest()
    return sha256(both.to_bytes(32, "big") + salts + to_256(A) + to_256(B) + K).digest()


# ---- the client


def prove(password: bytes, kdf: Kdf, srp_B: bytes, env: Environment) -> Proof:
    """The proof that answers ``srp_B``.

    ``SecurityError`` dh_prime, dh_generator, dh_public_value before anything is derived from the password (SEC-57).
    """
    B = check_challenge(kdf, srp_B, env)
    return answer(kdf, password_hash(password, kdf), B, env)


def check_challenge(kdf: Kdf, srp_B: bytes, env: Environment) -> int:
    """B, once p, g and B are in order (API-51). ``SecurityError`` dh_prime, dh_generator, dh_public_value."""
    return check_public_value(srp_B, check_dh_params(kdf.p, kdf.g, env))


def answer(kdf: Kdf, x: int, B: int, env: Environment) -> Proof:
    """The proof for a password hash and a challenge that was checked."""
    a, A, u = _draw(kdf, B, env)
    K = session_key(client_secret(kdf, x, a, u, B))
    return Proof(to_256(A), evidence(kdf, A, B, K))


def _draw(kdf: Kdf, B: int, env: Environment) -> tuple[int, int, int]:
    """a, A and u of one attempt; drawn again while A or u may not be used (API-53)."""
    while True:
        a = int.from_bytes(env.random_bytes(NUMBER_LENGTH), "big")
        A = pow(kdf.g, a, kdf.prime)
        u = scrambler(A, B)
        if _in_range(A, kdf) and u:
            return a, A, u


def _in_range(value: int, kdf: Kdf) -> bool:
    try:
        check_public_value(value, kdf.prime)
    except SecurityError:
        return False
    return True


def new_password(password: bytes, kdf: Kdf, env: Environment) -> tuple[Kdf, bytes]:
    """The algorithm and the new_password_hash, 256 bytes, of a new password (API-56).

    ``kdf`` is the server's new_algo. ``SecurityError`` dh_prime, dh_generator.
    """
    check_dh_params(kdf.p, kdf.g, env)
    fresh = Kdf(kdf.salt1 + env.random_bytes(NEW_SALT), kdf.salt2, kdf.g, kdf.p)
    return fresh, to_256(verifier(password_hash(password, fresh), fresh))


# ---- the server


def challenge(kdf: Kdf, v: int, env: Environment) -> Challenge:
    """b, and B = k·v + g^b mod p (API-55); drawn again while a client would refuse B or, inside it, g^b (API-53)."""
    while True:
        b = int.from_bytes(env.random_bytes(NUMBER_LENGTH), "big")
        g_b = pow(kdf.g, b, kdf.prime)
        B = (multiplier(kdf) * v + g_b) % kdf.prime
        if _in_range(B, kdf) and _in_range(g_b, kdf):
            return Challenge(b, B)


def accepts(kdf: Kdf, v: int, issued: Challenge, proof: Proof) -> bool:
    """Whether the proof is that of the password behind ``v`` (API-55)."""
    A = int.from_bytes(proof.A, "big") if len(proof.A) <= NUMBER_LENGTH else 0
    if not 0 < A < kdf.prime:
        return False
    K = session_key(server_secret(kdf, v, issued.b, scrambler(A, issued.B), A))
    return hmac.compare_digest(evidence(kdf, A, issued.B, K), proof.M1)
