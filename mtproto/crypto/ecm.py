"""Lenstra's elliptic curve method, sized for what AUTH-13 asks: a factor of at most 32 bits.

It replaces Pollard's rho because it takes 5 ms for a 63-bit semiprime where Brent's variant with batches of 256
takes 20: an average of five curves is enough.

A point of a Montgomery curve is (X, Z); its x-coordinate X/Z is never computed. When a multiple of the point is
the neutral element modulo one prime factor only, that factor divides Z. Stage 1 multiplies by all prime powers up
to 225; stage 2 also finds group orders with one further prime up to 8000. Curves are Suyama's, for sigma = 6, 7, …:
their group orders are divisible by 12. Nothing is random.
"""

from __future__ import annotations

from functools import cache
from math import gcd

_Point = tuple[int, int]

_STAGE_1 = 225
_STAGE_2 = 8000
_GIANT = 150
"""Stage 2 writes its primes as i * 150 ± j with i >= 2 and j <= 75. Bounds from 150/6000 to 300/14000 differ little."""

_CURVES = 256
"""One curve in five succeeds; all of 256 fail with probability 10^-25."""


def find_factor(number: int) -> int:
    """A proper factor of an odd composite number of 33 to 64 bits that is no square; 1 in the unheard-of failure."""
    for sigma in range(6, 6 + _CURVES):
        factor = _try_curve(number, sigma)
        if 1 < factor < number:
            return factor
    return 1


def _try_curve(n: int, sigma: int) -> int:
    """The gcd of n with whatever this curve collects: 1, a factor, or n itself."""
    u = (sigma * sigma - 5) % n
    v = 4 * sigma % n
    denominator = 16 * u**3 * v % n
    common = gcd(denominator, n)
    if common != 1:
        return common
    a24 = pow(v - u, 3, n) * (3 * u + v) * pow(denominator, -1, n) % n
    point = _multiply((u**3 % n, v**3 % n), n, a24)
    common = gcd(point[1], n)
    return common if common != 1 else gcd(_second_stage(point, n, a24), n)


def _double(point: _Point, n: int, a24: int) -> _Point:
    x, z = point
    plus = (x + z) ** 2 % n
    minus = (x - z) ** 2 % n
    cross = plus - minus
    return plus * minus % n, cross * (minus + a24 * cross) % n


def _add(left: _Point, right: _Point, difference: _Point, n: int) -> _Point:
    """left + right, where ``difference`` is left - right."""
    x1, z1 = left
    x2, z2 = right
    f = (x1 - z1) * (x2 + z2) % n
    g = (x1 + z1) * (x2 - z2) % n
    return (f + g) ** 2 % n * difference[1] % n, (f - g) ** 2 % n * difference[0] % n


def _multiply(point: _Point, n: int, a24: int) -> _Point:
    """The point times the product of all prime powers up to the first bound (Montgomery's ladder)."""
    low, high = point, _double(point, n, a24)
    for bit in _plan()[0]:
        if bit == "1":
            low, high = _add(high, low, point, n), _double(high, n, a24)
        else:
            low, high = _double(low, n, a24), _add(high, low, point, n)
    return low


def _second_stage(point: _Point, n: int, a24: int) -> int:
    """A product that p divides when some prime of stage 2 times the point is neutral modulo p.

    (i * 150 ± j) * point is neutral exactly when i * 150 * point and j * point have the same x-coordinate.
    """
    two = _double(point, n, a24)
    baby = {1: point, 3: _add(two, point, point, n)}
    for j in range(5, _GIANT // 2 + 1, 2):
        baby[j] = _add(baby[j - 2], two, baby[j - 4], n)
    step = _double(baby[_GIANT // 2], n, a24)
    giant, previous = _double(step, n, a24), step
    product = 1
    for offsets in _plan()[1]:
        x, z = giant
        for j in offsets:
            x_j, z_j = baby[j]
            product = product * (x * z_j - x_j * z) % n
        giant, previous = _add(giant, step, previous, n), giant
    return product


@cache
def _plan() -> tuple[str, list[list[int]]]:
    """The bits of stage 1's multiplier below the first; for stage 2 the offsets j at i = 2, 3, …"""
    primes = [number for number in range(2, _STAGE_2) if all(number % p for p in range(2, int(number**0.5) + 1))]
    multiplier = 1
    for p in primes:
        power = p
        while power <= _STAGE_1:
            multiplier *= p
            power *= p
    offsets: list[list[int]] = [[] for _ in range(2, _STAGE_2 // _GIANT + 2)]
    for p in primes:
        i = (p + _GIANT // 2) // _GIANT
        j = abs(p - i * _GIANT)
        if p > _STAGE_1 and j not in offsets[i - 2]:
            offsets[i - 2].append(j)
    return f"{multiplier:b}"[1:], offsets
