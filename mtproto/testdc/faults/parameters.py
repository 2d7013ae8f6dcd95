"""Faults of the Diffie-Hellman parameters in the key exchange: SEC-10 to SEC-12."""

from __future__ import annotations

from collections.abc import Callable

from mtproto.crypto.dh import DH_PRIME
from mtproto.testdc.faults import primes
from mtproto.testdc.faults.act import Act
from mtproto.testdc.faults.exchange import Answer
from mtproto.testdc.faults.fault import Reaction, acting
from mtproto.testdc.faults.handshake import fault
from mtproto.testdc.faults.tools import flipped

PRIME = int.from_bytes(DH_PRIME, "big")
BEFORE_USE = "gives up the run before it uses g_a"

# ---- dh_prime: SEC-10

PRIMES: dict[str, tuple[str, bytes, int]] = {
    "prime_2047": ("a safe prime of 2047 bits", primes.SAFE_2047, 3),
    "prime_2049": ("a safe prime of 2049 bits", primes.SAFE_2049, 3),
    "prime_even": ("even", (PRIME - 1).to_bytes(256, "big"), 3),
    "prime_composite": ("a composite without small factors", primes.COMPOSITE, 3),
    "prime_pseudoprime": ("composite, but a strong pseudoprime to the bases 2 and 3", primes.PSEUDOPRIME, 4),
    "prime_unsafe": ("a prime of which (p - 1) / 2 is composite", primes.UNSAFE, 3),
    "prime_4096_bytes": ("a number of 4096 bytes", DH_PRIME * 16, 3),
}
"""Name → what dh_prime is, its bytes, and the g that goes with it."""


def _prime(name: str, what: str, value: bytes, g: int) -> None:
    @acting("answer", fault(name, "SEC-10", f"dh_prime is {what}", BEFORE_USE))
    def answer(act: Act, answer: Answer) -> None:
        use(answer, value, g)


def use(answer: Answer, value: bytes, g: int) -> None:
    """Go on with another dh_prime, and with the g_a that belongs to it."""
    answer.g, answer.dh_prime, answer.prime_bytes = g, int.from_bytes(value, "big"), value
    answer.a >>= 1800 if len(value) > 1000 else 0  # the power would take a minute
    answer.g_a = pow(g, answer.a, answer.dh_prime)


for _name, (_what, _value, _g) in PRIMES.items():
    _prime(_name, _what, _value, _g)


@acting(
    "answer",
    fault("prime_bitflip", "SEC-10", "a bit of the published dh_prime is changed; ARG: which, from 0", BEFORE_USE),
    highest=2047,
    default=1000,
)
def prime_bitflip(act: Act, answer: Answer) -> None:
    use(answer, flipped(DH_PRIME, act.number // 8, act.number % 8), 3)


@acting(
    "answer",
    fault(
        "prime_leading_zero",
        "SEC-10",
        "dh_prime is written with a zero byte before it",
        "accepts it: the number is right",
        (Reaction.CARRY_ON,),
        (Reaction.R2,),
    ),
)
def prime_leading_zero(act: Act, answer: Answer) -> None:
    answer.prime_bytes = b"\0" + DH_PRIME


# ---- g: SEC-11

GENERATORS = {
    "g_0": 0,
    "g_1": 1,
    "g_2": 2,
    "g_5": 5,
    "g_6": 6,
    "g_8": 8,
    "g_minus_1": -1,
    "g_max": 2**31 - 1,
}


def _generator(name: str, g: int) -> None:
    why = " which is no quadratic residue of the published dh_prime" if g in (2, 5, 6) else ""
    expects = "gives up the run, also where dh_prime is known to be good"

    @acting("answer", fault(name, "SEC-11", f"g is {g},{why}".rstrip(","), expects))
    def answer(act: Act, answer: Answer) -> None:
        answer.g = g
        if g > 1:  # else g_a would be wrong as well
            answer.g_a = pow(g, answer.a, answer.dh_prime)


for _name, _g in GENERATORS.items():
    _generator(_name, _g)

# ---- g_a: SEC-12

PUBLIC: dict[str, tuple[str, Callable[[Answer], bytes]]] = {
    "ga_0": ("0", lambda answer: bytes(256)),
    "ga_1": ("1", lambda answer: _bytes(1)),
    "ga_2": ("2", lambda answer: _bytes(2)),
    "ga_p_minus_1": ("dh_prime - 1", lambda answer: _bytes(PRIME - 1)),
    "ga_p": ("dh_prime", lambda answer: _bytes(PRIME)),
    "ga_p_plus_1": ("dh_prime + 1", lambda answer: _bytes(PRIME + 1)),
    "ga_low": ("2^1984 - 1", lambda answer: _bytes((1 << 1984) - 1)),
    "ga_high": ("dh_prime - 2^1984 + 1", lambda answer: _bytes(PRIME - (1 << 1984) + 1)),
    "ga_257_bytes": ("257 bytes long: the right one and dh_prime 256 times", lambda answer: _long(answer)),
    "ga_empty": ("empty", lambda answer: b""),
}
"""Name → what g_a is, and its bytes."""


def _bytes(number: int) -> bytes:
    return number.to_bytes(256, "big")


def _long(answer: Answer) -> bytes:
    return (answer.g_a + 256 * PRIME).to_bytes(257, "big")


def _public(name: str, what: str, value: Callable[[Answer], bytes]) -> None:
    expects = "gives up the run: 2^1984 <= g_a <= dh_prime - 2^1984"

    @acting("answer", fault(name, "SEC-12", f"g_a is {what}", expects))
    def answer(act: Act, answer: Answer) -> None:
        answer.public_bytes = value(answer)


for _name, (_what, _bytes_of) in PUBLIC.items():
    _public(_name, _what, _bytes_of)
