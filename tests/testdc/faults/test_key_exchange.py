"""Our own client against every fault of the key exchange: it gives up the run, and the next one makes a key (R2)."""

from __future__ import annotations

import pytest

from mtproto.errors import FramingError, HandshakeRefused, SecurityError, TransportFault
from mtproto.testdc.accounts import CONNECTED_AT
from mtproto.testdc.faults import FAULTS, Reaction
from mtproto.testdc.faults.primes import COMPOSITE, PSEUDOPRIME, SAFE_2047, SAFE_2049, UNSAFE
from tests.testdc.faults.marking import marked, unmarked, unused
from tests.testdc.faults.rig import Stage

EXCHANGES = [name for name, fault in FAULTS.items() if fault.layer == "key exchange"]
GIVES_UP = [name for name in EXCHANGES if Reaction.R2 in FAULTS[name].reactions]
GOES_ON = [name for name in EXCHANGES if Reaction.CARRY_ON in FAULTS[name].reactions]
FOR_EVER = {"retry_forever", "fail_forever"}
IN_THE_END = {"force_fail_answer", *GOES_ON}
"""Faults after which the same client makes a key."""

GIVEN_UP = [(name,) for name in sorted(set(GIVES_UP) - IN_THE_END - FOR_EVER)]
MARKS = [
    pytest.mark.requirement("SEC-01"),
    pytest.mark.requirement("SEC-02"),
    pytest.mark.requirement("SEC-03"),
    pytest.mark.requirement("SEC-04"),
    pytest.mark.requirement("SEC-05"),
    pytest.mark.requirement("SEC-06"),
    pytest.mark.requirement("SEC-07"),
    pytest.mark.requirement("SEC-08"),
    pytest.mark.requirement("SEC-09"),
    pytest.mark.requirement("SEC-10"),
    pytest.mark.requirement("SEC-11"),
    pytest.mark.requirement("SEC-12"),
    pytest.mark.requirement("SEC-13"),
    pytest.mark.requirement("SEC-17"),
    pytest.mark.requirement("SEC-18"),
]


def date(stage: Stage) -> int:
    """The date of the connection that the client is told; raises the error where the call failed."""
    outcome = stage.ask()
    if outcome.error is not None:
        raise outcome.error
    return int(outcome.value.updates[0].connection.date)


@pytest.mark.parametrize("name", marked(GIVEN_UP, MARKS))
def test_a_bent_key_exchange_is_given_up_and_the_next_one_makes_a_key(name: str) -> None:
    stage = Stage(name, exchange=True)
    assert not stage.until_ready()
    assert stage.dc.injected >= 1
    (error,) = stage.closings()
    assert isinstance(error, SecurityError | HandshakeRefused | FramingError | TransportFault)
    assert stage.link.keys is stage.link.permanent is None
    assert stage.seen("accepted") == []
    later = stage.again()
    if not later.until_ready():  # legacy_only refuses two
        later = later.again()
        assert later.until_ready()
    later.log_in()
    assert date(later) == CONNECTED_AT


def test_every_rule_is_marked() -> None:
    assert unused(GIVEN_UP, MARKS) == unmarked(GIVEN_UP, MARKS) == set()


@pytest.mark.requirement("SEC-10", "SEC-15", "SEC-18")
@pytest.mark.parametrize("name", sorted(IN_THE_END))
def test_a_client_goes_on_where_that_is_right_or_begins_again(name: str) -> None:
    stage = Stage(name, exchange=True)
    assert stage.until_ready()
    assert stage.dc.injected == 1
    assert stage.log_in().error is None
    assert date(stage) == date(stage)
    assert stage.seen("accepted") == []
    assert len(stage.seen("req_pq")) == (2 if name == "force_fail_answer" else 1)


@pytest.mark.requirement("SEC-14")
@pytest.mark.parametrize(("name", "answers"), [("retry_forever", 3 * 6), ("fail_forever", 3)])
def test_after_five_retries_a_new_run_begins_and_after_three_runs_there_is_an_error(name: str, answers: int) -> None:
    stage = Stage(name, exchange=True)
    assert not stage.until_ready()
    assert stage.dc.injected == answers
    assert len(stage.seen("req_pq")) == 3
    assert stage.seen("accepted") == []
    assert [type(error) for error in stage.closings()] == [HandshakeRefused]


@pytest.mark.requirement("SEC-08", "SEC-15")
def test_the_clock_is_untouched_by_an_answer_that_is_not_authentic() -> None:
    stage = Stage("answer_bitflip", exchange=True)
    before = stage.link.time.offset
    stage.until_ready()
    assert abs(stage.link.time.offset - before) < 1e-3


@pytest.mark.requirement("SEC-01", "SEC-02", "SEC-03", "SEC-04")
@pytest.mark.parametrize("byte", [0, 7, 15])
@pytest.mark.parametrize("name", [name for name in EXCHANGES if name.endswith("nonce_flip")])
def test_each_byte_of_a_nonce_counts(name: str, byte: int) -> None:
    stage = Stage(f"{name}={byte}", exchange=True)
    assert not stage.until_ready()
    (error,) = stage.closings()
    assert error.check == ("server_nonce_mismatch" if "server" in name else "nonce_mismatch")


def test_a_client_that_accepts_a_bent_answer_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtproto.handshake.client.dh.check_public_value", lambda value, p: int.from_bytes(value, "big"))
    stage = Stage("ga_257_bytes", exchange=True)
    stage.until_ready()
    assert stage.seen("accepted") == ["set_client_DH_params in the bent key exchange"]


def test_a_client_that_uses_a_key_of_a_bent_answer_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtproto.handshake.client.check_new_nonce_hash", lambda state, answer: None)
    stage = Stage("hash1_flip", exchange=True)
    assert stage.until_ready()
    stage.log_in()
    assert stage.seen("accepted") == ["a message under the key of the bent key exchange"]


def test_the_numbers_that_look_like_a_dh_prime_are_what_they_say() -> None:
    numbers = [int.from_bytes(value, "big") for value in (SAFE_2047, SAFE_2049, COMPOSITE, PSEUDOPRIME, UNSAFE)]
    short, long, composite, pseudo, unsafe = numbers
    assert [number.bit_length() for number in numbers] == [2047, 2049, 2048, 2048, 2048]
    for prime in (short, short >> 1, long, long >> 1, unsafe):
        assert not any(witnesses(prime, base) for base in (2, 5))
    assert witnesses(unsafe >> 1, 2) and witnesses(composite, 2)
    assert not any(witnesses(pseudo, base) for base in (2, 3, 7, 11))
    assert witnesses(pseudo, 5)


def witnesses(number: int, base: int) -> bool:
    """Whether one round of Miller-Rabin shows that an odd number is composite."""
    twos = (number - 1 & 1 - number).bit_length() - 1
    powers = [pow(base, number - 1 >> twos - step, number) for step in range(twos)]
    return powers[0] != 1 and number - 1 not in powers
