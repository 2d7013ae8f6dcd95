"""Diffie-Hellman: the checks of dh_prime, g, g_a and g_b (AUTH-50..54, SEC-10..12) and the padding of numbers.

Proving a safe prime takes about a second and a half, so the published prime is known (AUTH-53) and results are kept.
"""

from __future__ import annotations

from typing import Final

from mtproto.environment import Environment
from mtproto.errors import SecurityError, UsageError

DH_PRIME: Final = bytes.fromhex(
    "C71CAEB9C6B1C9048E6C522F70F13F73980D40238E3E21C14934D037563D930F48198A0AA7C14058229493D22530F4DB"
    "FA336F6E0AC925139543AED44CCE7C3720FD51F69458705AC68CD4FE6B6B13ABDC9746512969328454F18FAF8C595F64"
    "2477FE96BB2A941D5BCD1D4AC8CC49880708FA9B378E3C4F3A9060BEE67CF9A4A4A695811051907E162753B56B0F6B41"
    "0DBA74D8A84B2A14B3144E0EF1284754FD17ED950D5965B4B9DD46582DB1178D169C6BC465B0D6FF9CA3928FEF5B9AE4"
    "E418FC15E83EBEA0F87FA9FF5EED70050DED2849F47BF959D956850CE929851F0D8115F635B105EE2E4E15D04B2454BF"
    "6F4FADF034B10403119CD8E3B92FCC5B"
)
"""The published dh_prime, 256 bytes, good for g = 3, 4 and 7 only (AUTH-53)."""

NUMBER_LENGTH: Final = 256
"""Bytes of auth_key, and of every number modulo dh_prime that is sent or hashed."""

PUBLIC_VALUE_MARGIN: Final = 1 << 2048 - 64
"""g_a and g_b stay this far from 0 and from dh_prime (AUTH-52)."""

MILLER_RABIN_ROUNDS: Final = 64  # AUTH-50

_SMALL_PRIMES: Final = (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97)

_VERDICTS_KEPT: Final = 64
_verdicts: Final[dict[bytes, bool]] = {DH_PRIME: True}
"""Prime bytes -> is a safe prime; the oldest but DH_PRIME is dropped when full (AUTH-50)."""

_QUADRATIC_RESIDUES: Final = {
    2: (8, (7,)),
    3: (3, (2,)),
    4: (1, (0,)),
    5: (5, (1, 4)),
    6: (24, (19, 23)),
    7: (7, (3, 5, 6)),
}
"""g -> (m, remainders of dh_prime modulo m for which g is a quadratic residue) (AUTH-51)."""


def check_dh_params(dh_prime: bytes, g: int, env: Environment) -> int:
    """The number dh_prime, once it is proved a safe prime of 2048 bits with g in order (AUTH-50, 51, 54).

    ``dh_prime`` is big-endian. ``env`` gives the random bases of the proof. ``SecurityError`` with check
    ``dh_prime`` or ``dh_generator``.
    """
    stripped = dh_prime.lstrip(b"\0")
    # AUTH-54: a wrong size is refused before any work on big numbers.
    if len(stripped) != NUMBER_LENGTH or stripped[0] < 0x80:
        raise SecurityError("dh_prime")
    p = int.from_bytes(stripped, "big")
    if not _is_known_safe_prime(stripped, p, env):
        raise SecurityError("dh_prime")
    _check_generator(p, g)
    return p


def check_public_value(value: bytes | int, p: int) -> int:
    """g_a or g_b as a number, once it is in 2^1984 .. p - 2^1984, both included (AUTH-52, AUTH-54).

    Bytes are big-endian, at most 256. ``SecurityError`` with check ``dh_public_value``.
    """
    if isinstance(value, bytes):
        if len(value) > NUMBER_LENGTH:
            raise SecurityError("dh_public_value")
        value = int.from_bytes(value, "big")
    if not PUBLIC_VALUE_MARGIN <= value <= p - PUBLIC_VALUE_MARGIN:
        raise SecurityError("dh_public_value")
    return value


def to_256(number: int) -> bytes:
    """``number`` as exactly 256 big-endian bytes, left-padded with zeros (AUTH-26); ``UsageError`` if it is larger."""
    if number < 0 or number.bit_length() > 8 * NUMBER_LENGTH:
        raise UsageError(f"the number does not fit {NUMBER_LENGTH} bytes")
    return number.to_bytes(NUMBER_LENGTH, "big")


def _check_generator(p: int, g: int) -> None:
    # AUTH-53: also evaluated for the known prime, for which g = 2, 5 and 6 are wrong.
    modulus, remainders = _QUADRATIC_RESIDUES.get(g, (1, ()))
    if p % modulus not in remainders:
        raise SecurityError("dh_generator")


def _is_known_safe_prime(prime_bytes: bytes, p: int, env: Environment) -> bool:
    verdict = _verdicts.get(prime_bytes)
    if verdict is None:
        verdict = is_safe_prime(p, env)
        if len(_verdicts) >= _VERDICTS_KEPT:
            del _verdicts[next(known for known in _verdicts if known != DH_PRIME)]
        _verdicts[prime_bytes] = verdict
    return verdict


def is_safe_prime(p: int, env: Environment) -> bool:
    """Whether p and q = (p-1)/2 are prime, for p > 200 (AUTH-50).

    64 Miller-Rabin rounds with random bases are spent on q. Given that q is prime, one base proves p (Pocklington:
    q > sqrt(p), a^(p-1) = 1 and gcd(a^2 - 1, p) = 1 modulo p); a = 2 does, so that the proof takes half the time.
    """
    q = p >> 1
    if p % 4 != 3 or any(p % small == 0 or q % small == 0 for small in _SMALL_PRIMES):
        return False
    # gcd(2^2 - 1, p) = 1: 3 was just ruled out as a divisor. The cheap refusal comes before the 64 rounds.
    if pow(2, p - 1, p) != 1:
        return False
    return all(_passes_miller_rabin(q, base) for base in _random_bases(q, env))


def _random_bases(n: int, env: Environment) -> list[int]:
    width = (n.bit_length() + 7) // 8 + 8  # 64 bits more than n: no noticeable bias from the reduction
    drawn = env.random_bytes(width * MILLER_RABIN_ROUNDS)
    pieces = (drawn[start : start + width] for start in range(0, len(drawn), width))
    return [2 + int.from_bytes(piece, "big") % (n - 3) for piece in pieces]


def _passes_miller_rabin(n: int, base: int) -> bool:
    """One round for odd n > 4 and 2 <= base <= n-2."""
    twos = (n - 1 & 1 - n).bit_length() - 1
    x = pow(base, n - 1 >> twos, n)
    if x in (1, n - 1):
        return True
    for _ in range(twos - 1):
        x = x * x % n
        if x == n - 1:
            return True
    return False
