"""pq: AUTH-11, AUTH-13, AUTH-91, SEC-06."""

from __future__ import annotations

import time
from math import isqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtproto.crypto import ecm
from mtproto.crypto.factor import factorize, is_prime, make_pq
from mtproto.errors import SecurityError
from mtproto.testing import ScriptedEnvironment


def minimal(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def next_prime(number: int) -> int:
    """The first prime from ``number`` on, found by trial division: an oracle of its own."""
    number |= 1
    while any(number % divisor == 0 for divisor in range(3, isqrt(number) + 1, 2)):
        number += 2
    return number


SMALL_PRIMES = st.integers(3, 1 << 16).map(next_prime)
WIDE_PRIMES = st.integers(1 << 30, (1 << 32) - 1000).map(
    lambda start: next(filter(is_prime, range(start | 1, 1 << 33, 2)))
)


def refused(pq: bytes) -> bool:
    with pytest.raises(SecurityError) as refusal:
        factorize(pq)
    return refusal.value.check == "pq"


@given(WIDE_PRIMES, WIDE_PRIMES)
@pytest.mark.requirement("AUTH-13")
def test_products_of_two_wide_primes_are_factored(p: int, q: int) -> None:
    if p == q:
        assert refused(minimal(p * q))
    else:
        assert factorize(minimal(p * q)) == (minimal(min(p, q)), minimal(max(p, q)))


@settings(max_examples=60)
@given(SMALL_PRIMES, WIDE_PRIMES)
@pytest.mark.requirement("AUTH-13")
def test_products_with_a_small_prime_are_factored(p: int, q: int) -> None:
    assert factorize(minimal(p * q)) == (minimal(p), minimal(q))


@settings(max_examples=60)
@given(SMALL_PRIMES, SMALL_PRIMES)
def test_products_of_two_small_primes_are_factored(p: int, q: int) -> None:
    if p != q:
        assert factorize(minimal(p * q)) == (minimal(min(p, q)), minimal(max(p, q)))


@pytest.mark.requirement("TL-41", "AUTH-11")
def test_leading_zero_bytes_do_not_count() -> None:
    assert factorize(bytes(20) + b"\x23") == (b"\5", b"\7")


@pytest.mark.parametrize(
    "number",
    [0, 1, 2, 3, 4, 15 * 2, 2**63, 0x7FFFFFFF, 2**61 - 1, 25, 0x7FFFFFFF**2, 0xFFFFFFFB**2, 3 * 5 * 7, 27,
     0xFFFFB * 0xFFFF1 * 0xFFFEF, 2 * 0x7FFFFFFF, 3**40, 2**64 - 1],
)  # fmt: skip
@pytest.mark.requirement("AUTH-13", "SEC-06")
def test_sec_06_what_is_no_product_of_two_different_odd_primes_is_refused(number: int) -> None:
    assert refused(minimal(number))


@pytest.mark.requirement("AUTH-11", "AUTH-13", "SEC-06")
def test_sec_06_an_empty_or_wide_pq_is_refused_unfactored() -> None:
    hard = (2**61 - 1) * (2**31 - 1)
    started = time.process_time()
    assert refused(b"")
    assert refused(minimal(hard))
    assert refused(b"\xff" * 256)
    assert refused(b"\1" + bytes(1 << 20))
    assert time.process_time() - started < 0.1


@given(st.binary(max_size=12))
@pytest.mark.requirement("AUTH-13", "SEC-06")
def test_sec_06_any_bytes_end_in_factors_or_in_a_refusal(pq: bytes) -> None:
    started = time.process_time()
    try:
        p, q = (int.from_bytes(part, "big") for part in factorize(pq))
    except SecurityError as refusal:
        assert refusal.check == "pq"
    else:
        assert p * q == int.from_bytes(pq, "big")
        assert 1 < p < q
        assert is_prime(p) and is_prime(q)
    assert time.process_time() - started < 1


@pytest.mark.requirement("SEC-06")
def test_without_a_factor_in_time_the_pq_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ecm, "_CURVES", 0)
    assert refused(minimal(0x7FFFFFFF * 0x7FFFFFED))


def test_primality_agrees_with_trial_division() -> None:
    assert [n for n in range(1, 3000, 2) if is_prime(n)] == [n for n in range(3, 3000, 2) if next_prime(n) == n]
    assert is_prime(2) and not is_prime(0) and not is_prime(4)


@pytest.mark.parametrize("number", [561, 1373653, 3215031751, 3825123056546413051])
def test_pseudoprimes_to_the_smallest_bases_are_composite(number: int) -> None:
    assert not is_prime(number)


@pytest.mark.parametrize("seed", [b"a", b"b", b"c", b"d"])
@pytest.mark.requirement("AUTH-91")
def test_the_server_draws_two_primes_of_31_bits(seed: bytes) -> None:
    pq, p, q = make_pq(ScriptedEnvironment(seed=seed))
    assert factorize(pq) == (p, q)
    assert len(p) == len(q) == 4
    assert len(pq) == 8 and pq[0] < 0x80


@pytest.mark.requirement("AUTH-91")
def test_the_server_never_draws_a_square() -> None:
    drawn = (0x7FFFFFFF << 1).to_bytes(4, "big")
    other = (0x7FFFFFED << 1).to_bytes(4, "big")
    pq, p, q = make_pq(ScriptedEnvironment(entropy=[drawn, drawn, other]))
    assert (int.from_bytes(p, "big"), int.from_bytes(q, "big")) == (0x7FFFFFED, 0x7FFFFFFF)
    assert factorize(pq) == (p, q)
