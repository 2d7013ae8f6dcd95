"""pq: factorisation on the client (AUTH-11, AUTH-13, SEC-06), generation on the server (AUTH-91).

What the server sends is checked before and after: whatever the search for a factor gives, only a product of two
different odd primes is accepted.
"""

from __future__ import annotations

from math import isqrt
from typing import Final

from mtproto.crypto import ecm
from mtproto.environment import Environment
from mtproto.errors import SecurityError

_WITNESSES: Final = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
"""Miller-Rabin with these bases is a proof below 3.3 * 10^24, hence for 64 bits (Sorenson, Webster 2015)."""


def factorize(pq: bytes) -> tuple[bytes, bytes]:
    """p and q, big-endian without leading zeros, p < q, of ``pq`` as the server sent it, big-endian.

    ``SecurityError("pq")`` unless pq, leading zeros stripped, has 1..8 bytes and is the product of two different
    odd primes (AUTH-11, AUTH-13). Every input ends in bounded time.
    """
    stripped = pq.lstrip(b"\0")
    # AUTH-13: wider values are refused unfactored.
    if not 1 <= len(stripped) <= 8:
        raise SecurityError("pq", len(stripped), "1..8 bytes")
    number = int.from_bytes(stripped, "big")
    if number & 1 == 0 or isqrt(number) ** 2 == number or is_prime(number):
        raise SecurityError("pq")
    factor = _find_factor(number)
    p, q = sorted((factor, number // factor))
    if p * q != number or p == q or not (is_prime(p) and is_prime(q)):
        raise SecurityError("pq")
    return _minimal(p), _minimal(q)


def make_pq(env: Environment) -> tuple[bytes, bytes, bytes]:
    """pq, p and q, big-endian without leading zeros: p < q are primes of 31 bits drawn from ``env`` (AUTH-91)."""
    p = _draw_prime(env)
    q = _draw_prime(env)
    while p == q:
        q = _draw_prime(env)
    return _minimal(p * q), _minimal(min(p, q)), _minimal(max(p, q))


def is_prime(number: int) -> bool:
    """Whether ``number``, below 2^64, is prime. Deterministic."""
    if number < 2:
        return False
    for small in _WITNESSES:
        if number % small == 0:
            return number == small
    odd = number - 1
    twos = (odd & -odd).bit_length() - 1
    return not any(_is_witness(base, number, odd >> twos, twos) for base in _WITNESSES)


def _is_witness(base: int, number: int, odd: int, twos: int) -> bool:
    x = pow(base, odd, number)
    if x in (1, number - 1):
        return False
    for _ in range(twos - 1):
        x = x * x % number
        if x == number - 1:
            return False
    return True


def _find_factor(number: int) -> int:
    """A proper factor of an odd composite number below 2^64 that is no square; 1 for none."""
    # Below 2^32 both primes can be so small that every curve meets them together; 32768 divisions take 2 ms.
    if number < 1 << 32:
        return next(divisor for divisor in range(3, 1 << 16, 2) if number % divisor == 0)
    return ecm.find_factor(number)


def _draw_prime(env: Environment) -> int:
    while True:
        drawn = int.from_bytes(env.random_bytes(4), "big")
        candidate = drawn >> 1 | 0x40000001  # 31 bits: the product of two stays below 2^62
        if is_prime(candidate):
            return candidate


def _minimal(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
