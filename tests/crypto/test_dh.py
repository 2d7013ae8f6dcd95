"""Diffie-Hellman checks (AUTH-50 to 54, SEC-10 to 12); the vectors of dh_params.json are run in tests/vectors."""

from __future__ import annotations

from hashlib import sha256

import pytest

from mtproto.crypto import dh
from mtproto.errors import SecurityError, UsageError
from mtproto.testing import ScriptedEnvironment

P = int.from_bytes(dh.DH_PRIME, "big")


class NoEntropy(ScriptedEnvironment):
    """Asked for randomness, it fails: for checks that have to do without a proof."""

    def random_bytes(self, count: int) -> bytes:
        raise AssertionError("entropy was drawn")


def refused_as(check: str, prime: bytes, g: int) -> None:
    with pytest.raises(SecurityError) as refusal:
        dh.check_dh_params(prime, g, NoEntropy())
    assert refusal.value.check == check
    assert refusal.value.got is None


@pytest.mark.requirement("AUTH-53", "SEC-84")
def test_the_published_prime_is_the_one_of_the_specification() -> None:
    assert sha256(dh.DH_PRIME).hexdigest() == "02f85e7687fc6f33ba678226a963b3c8a191b47c890cf30debe17c1d623b5af1"


@pytest.mark.parametrize("g", [3, 4, 7])
@pytest.mark.requirement("AUTH-50", "AUTH-51", "AUTH-53", "SEC-10")
def test_the_published_prime_is_known_and_needs_no_proof(g: int) -> None:
    assert dh.check_dh_params(dh.DH_PRIME, g, NoEntropy()) == P
    assert dh.check_dh_params(b"\0\0" + dh.DH_PRIME, g, NoEntropy()) == P  # SEC-10


@pytest.mark.parametrize("g", [2, 5, 6, 0, 1, 8, -1, -3, 2**31 - 1])
@pytest.mark.requirement("AUTH-51", "AUTH-53", "SEC-11")
def test_sec_11_a_wrong_generator_is_refused_for_the_known_prime_too(g: int) -> None:
    refused_as("dh_generator", dh.DH_PRIME, g)


@pytest.mark.parametrize(("g", "modulus"), [(2, 8), (3, 3), (5, 5), (6, 24), (7, 7)])
@pytest.mark.requirement("AUTH-51")
def test_the_generator_rule_is_that_of_quadratic_residues(g: int, modulus: int) -> None:
    """Euler's criterion over small safe primes, of every remainder that they have."""
    primes = [p for p in range(11, 6000) if is_prime(p) and is_prime(p // 2)]
    rule = {p: p % dh._QUADRATIC_RESIDUES[g][0] in dh._QUADRATIC_RESIDUES[g][1] for p in primes}
    assert rule == {p: pow(g, (p - 1) // 2, p) == 1 for p in primes}
    assert dh._QUADRATIC_RESIDUES[g][0] == modulus


def is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))


@pytest.mark.parametrize(
    "prime",
    [b"", b"\0", b"\1", dh.DH_PRIME[:-1], b"\x7f" + dh.DH_PRIME[1:], b"\1" + dh.DH_PRIME, b"\xff" * 4096, bytes(256)],
)
@pytest.mark.requirement("AUTH-50", "AUTH-54", "SEC-10")
def test_sec_10_a_prime_of_another_size_is_refused_before_any_work(
    prime: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(dh, "is_safe_prime")
    refused_as("dh_prime", prime, 3)


@pytest.mark.parametrize("bit", [0, 1, 2, 3, 700, 2046])
@pytest.mark.requirement("AUTH-50", "SEC-10")
def test_sec_10_the_known_prime_with_one_bit_changed_is_refused(bit: int) -> None:
    changed = (P ^ 1 << bit).to_bytes(256, "big")
    with pytest.raises(SecurityError) as refusal:
        dh.check_dh_params(changed, 4, ScriptedEnvironment())
    assert refusal.value.check == "dh_prime"


@pytest.mark.requirement("AUTH-50")
def test_a_small_safe_prime_and_its_neighbours_are_told_apart() -> None:
    env = ScriptedEnvironment()
    for number in range(201, 20000, 2):
        expected = is_prime(number) and is_prime(number // 2)
        assert dh.is_safe_prime(number, env) is expected, number


@pytest.mark.requirement("AUTH-50")
def test_64_random_bases_are_spent_on_a_proof() -> None:
    env = ScriptedEnvironment()
    drawn: list[int] = []
    draw = env.random_bytes

    class Counting(ScriptedEnvironment):
        def random_bytes(self, count: int) -> bytes:
            drawn.append(count)
            return draw(count)

    assert dh.is_safe_prime(2879, Counting())
    assert sum(drawn) == 64 * (2 + 8)


@pytest.mark.requirement("AUTH-50")
def test_both_verdicts_are_kept_and_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    proofs: list[int] = []

    def prove(p: int, env: object) -> bool:
        proofs.append(p)
        return p % 8 == 7

    monkeypatch.setattr(dh, "is_safe_prime", prove)
    monkeypatch.setattr(dh, "_verdicts", {dh.DH_PRIME: True})
    good = ((1 << 2047) + 7).to_bytes(256, "big")
    bad = ((1 << 2047) + 5).to_bytes(256, "big")
    for _ in range(3):
        dh.check_dh_params(good, 2, NoEntropy())
        refused_as("dh_prime", bad, 4)
    assert len(proofs) == 2
    for offset in range(200):
        dh.check_dh_params(((1 << 2047) + 7 + 8 * offset).to_bytes(256, "big"), 2, NoEntropy())
    assert len(dh._verdicts) <= 64
    assert dh.DH_PRIME in dh._verdicts


@pytest.mark.parametrize("value", [1 << 1984, (1 << 1984) + 1, P - (1 << 1984), P // 2])
@pytest.mark.requirement("AUTH-52")
def test_values_at_the_bounds_are_accepted(value: int) -> None:
    assert dh.check_public_value(value, P) == value
    assert dh.check_public_value(value.to_bytes(256, "big"), P) == value


@pytest.mark.parametrize(
    "value",
    [
        0,
        1,
        2,
        (1 << 1984) - 1,
        P - (1 << 1984) + 1,
        P - 1,
        P,
        P + 1,
        b"",
        bytes(256),
        bytes(257),
        b"\xff" * 257,
        -1,
        b"\0" + (P // 2).to_bytes(256, "big"),
    ],
)
@pytest.mark.requirement("AUTH-52", "AUTH-54", "SEC-12")
def test_sec_12_values_outside_the_bounds_are_refused(value: int | bytes) -> None:
    with pytest.raises(SecurityError) as refusal:
        dh.check_public_value(value, P)
    assert refusal.value.check == "dh_public_value"
    assert refusal.value.got is None


@pytest.mark.requirement("AUTH-26")
def test_the_one_key_in_256_that_begins_with_a_zero_byte_is_padded() -> None:
    assert dh.to_256(1) == bytes(255) + b"\1"
    assert dh.to_256((1 << 2040) - 1) == b"\0" + b"\xff" * 255
    assert dh.to_256((1 << 2048) - 1) == b"\xff" * 256


@pytest.mark.parametrize("number", [-1, 1 << 2048])
def test_what_does_not_fit_256_bytes_is_refused(number: int) -> None:
    with pytest.raises(UsageError):
        dh.to_256(number)
