"""pq: factorisation on the client (AUTH-11, AUTH-13, SEC-06), generation on the server (AUTH-91).

Pollard's rho as Brent changed it: differences are multiplied up in batches of 256, one gcd for each batch. A batch
that meets both factors at once is walked again step by step.
"""

from __future__ import annotations

from math import gcd, isqrt
from typing import Final

from mtproto.environment import Environment
from mtproto.errors import SecurityError

BATCH: Final = 256
"""Steps for each gcd. 256 against 128 and 1024 on twenty 63-bit semiprimes: see bench."""

MAX_STEPS: Final = 1 << 20
"""Steps for each polynomial: 2^16 are expected for a factor of 32 bits, 2^20 were never needed."""

_POLYNOMIALS: Final = (1, 3, 5, 7)

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
    """A proper factor of an odd composite; ``SecurityError("pq")`` when the steps run out."""
    for small in _WITNESSES:
        if number % small == 0:
            return small
    for constant in _POLYNOMIALS:
        factor = _brent(number, constant)
        if 1 < factor < number:
            return factor
    raise SecurityError("pq")


def _brent(number: int, constant: int) -> int:
    """A divisor of ``number``, perhaps 1 or the number itself, from the sequence y -> y^2 + constant."""
    y = 2
    span = 1
    steps = 0
    while steps < MAX_STEPS:
        anchor = y
        # Brent: differences are taken only in the second half of each span.
        for _ in range(span):
            y = (y * y + constant) % number
        walked = 0
        while walked < span:
            batch_start = y
            batch = min(BATCH, span - walked)
            product = 1
            for _ in range(batch):
                y = (y * y + constant) % number
                product = product * (anchor - y) % number
            divisor = gcd(product, number)
            if divisor != 1:
                return divisor if divisor != number else _walk_again(number, constant, anchor, batch_start)
            walked += batch
        steps += 2 * span
        span *= 2
    return 1


def _walk_again(number: int, constant: int, anchor: int, y: int) -> int:
    """The batch that hid its factor (its product is 0 modulo the number), one gcd for each step."""
    for _ in range(BATCH):
        y = (y * y + constant) % number
        divisor = gcd(anchor - y, number)
        if divisor != 1:
            return divisor
    return 1


def _draw_prime(env: Environment) -> int:
    while True:
        drawn = int.from_bytes(env.random_bytes(4), "big")
        candidate = drawn >> 1 | 0x40000001  # 31 bits: the product of two stays below 2^62
        if is_prime(candidate):
            return candidate


def _minimal(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
