"""What a client did about a fault, as a table of sentences, and what each is worth."""

from __future__ import annotations

from typing import Any

import pytest

from mtproto.conform.evidence import Evidence, Habits
from mtproto.conform.judge import Verdict, expected, judge
from mtproto.testdc.faults import Fault, Reaction
from tests.conform.evidence import BOTH, CANARY, HABITS, MIB, NEITHER, evidence, fault, line

R1, R2, R3, ERROR, CARRY_ON = Reaction
PASS, NON_STRICT, FAIL, NOT_IMPLEMENTED = Verdict
ACTED = (0.5, "injected")
LOGGED_IN = ((0.1, "opened"), (0.2, "req_pq"), (0.3, "key_created"), (0.4, "session"))
AGAIN = ((0.6, "closed"), (0.7, "opened"))


def after_login(*seen: Any, **options: Any) -> Evidence:
    return evidence(*LOGGED_IN, ACTED, *seen, **options)


def in_exchange(*seen: Any, **options: Any) -> Evidence:
    return evidence((0.1, "opened"), (0.2, "req_pq"), ACTED, *seen, **options)


# ---- the table: a sentence, what is expected, what happened, the verdict, the word for what was observed

SENTENCES = [
    ("a client that closes and recovers passes where R1 is right", (R1,), after_login(*AGAIN), PASS, "closed"),
    ("one that closes and ends in an error passes too",
     (R1,), after_login((0.6, "closed"), lines=(line(0.7, ok=False),), at=0.8, status=1), PASS, "closed"),
    ("one that closes and tells of two errors passes too", (R1,), after_login(*AGAIN, lines=NEITHER), PASS, "closed"),
    ("one that fails both calls and then ends has closed nothing",
     (R1,), after_login((2.9, "call"), (2.95, "closed"), lines=NEITHER), FAIL, "failed"),
    ("one that closes after the deadline has not reacted to the fault", (R1,), after_login((16.0, "closed"),
     (16.1, "opened"), lines=(line(11.0, ok=False), line(23.0))), FAIL, "failed that call"),
    ("one that goes on where R1 is right fails", (R1,), after_login(), FAIL, "ignored"),
    ("the end of the program is not a closed connection, also where its last line came late",
     (R1,), after_login((2.9, "call"), (2.95, "closed")), FAIL, "ignored"),
    ("one that closes at the answer to its second call and fetches that by another connection has closed",
     (R1,), after_login((2.9, "call"), (2.91, "closed"), (2.92, "opened"), (3.05, "closed")), PASS, "closed"),
    ("one that closes, but makes another auth key, has not repeated what was pending",
     (R1,), after_login(*AGAIN, (0.8, "req_pq"), (0.9, "key_created")), FAIL, "restarted"),
    ("a renewed temporary key is no other auth key",
     (R1,), after_login(*AGAIN, (0.8, "req_pq"), (0.9, "key_created", "temporary")), PASS, "closed"),
    ("a new req_pq is a restart", (R2,), in_exchange((0.6, "req_pq"), (0.7, "key_created")), PASS, "restarted"),
    ("a closed connection will do for R2 as well",
     (R2,), in_exchange((0.6, "closed"), lines=(line(0.7, ok=False),), at=0.8, status=1), PASS, "closed"),
    ("a program that ends in the key exchange has given it up, also where the end was not seen",
     (R2,), in_exchange(lines=(), at=0.8, status=1), PASS, "closed"),
    ("one that goes on with a bent key exchange has accepted it",
     (R2,), in_exchange((0.6, "accepted", "req_DH_params of the bent run"), (0.7, "closed")), FAIL, "accepted"),
    ("one whose second call is answered has ignored the rest", (R3,), after_login(), PASS, "ignored"),
    ("one that closes has not ignored it", (R3,), after_login(*AGAIN), FAIL, "closed"),
    ("one that gives up its first call only has failed that call",
     (ERROR,), after_login(lines=(line(1.0, ok=False), line(3.0))), PASS, "failed that call"),
    ("one that answers both calls has not failed that call", (ERROR,), after_login(), FAIL, "ignored"),
    ("one that fails both calls has not recovered", (ERROR,), after_login(lines=NEITHER), FAIL, "failed"),
    ("one that answers both calls has carried on", (CARRY_ON,), after_login(), PASS, "carried on"),
    ("one that came back to answer both calls has carried on", (CARRY_ON,), after_login(*AGAIN), PASS, "carried on"),
    ("a canary as an answer was accepted",
     (R3,), after_login(lines=(line(1.0, date=CANARY), line(3.0))), FAIL, "accepted"),
    ("a canary as the second answer was accepted",
     (R1,), after_login(*AGAIN, lines=(line(1.0), line(3.0, date=CANARY))), FAIL, "accepted"),
    ("a planted message that is acknowledged was accepted",
     (R1,), after_login((0.55, "acked"), *AGAIN), FAIL, "accepted"),
    ("no line in time is hung", (R1,), after_login(lines=(), at=15.0, status=None, reason="time"), FAIL, "hung"),
    ("one that connects again and never says how it went has hung its caller",
     (R1,), after_login(*AGAIN, lines=(line(1.0),), at=16.0, status=None, reason="time"), FAIL, "hung"),
    ("one that does not end after its second line has said all", (R1,), after_login(*AGAIN, at=18.0, status=None,
     reason="time"), PASS, "closed"),
    ("one that was killed for its memory grew", (R3,), after_login(peak=400 * MIB, status=None, reason="memory"), FAIL,
     "grew without bound"),
    ("one that took as much and gave it back grew as well",
     (R3,), after_login(peak=307 * MIB), FAIL, "grew without bound"),
    ("one that took 256 MiB more is within bounds", (R3,), after_login(peak=306 * MIB), PASS, "ignored"),
    ("one that a signal ended has crashed", (R1,), after_login(lines=(), status=-11), FAIL, "crashed"),
    ("a fault that never came about says nothing of a client that worked", (R1,), evidence(*LOGGED_IN),
     NOT_IMPLEMENTED, "not reached"),
    ("but a client that failed without it failed", (R1,), evidence(*LOGGED_IN, lines=NEITHER), FAIL, "failed"),
]  # fmt: skip


@pytest.mark.parametrize(("reactions", "happened", "verdict", "word"), [row[1:] for row in SENTENCES],
                         ids=[row[0] for row in SENTENCES])  # fmt: skip
@pytest.mark.requirement("SEC-91")
def test_the_verdict_follows_from_what_was_observed(
    reactions: tuple[Reaction, ...], happened: Evidence, verdict: Verdict, word: str
) -> None:
    judgement = judge(fault(*reactions), happened, HABITS)
    assert (judgement.verdict, judgement.observed.partition(":")[0]) == (verdict, word)
    assert judgement.observed.partition(": ")[2], "it says what it was read from"


def test_a_reaction_that_is_advisable_only_is_non_strict() -> None:
    ignoring = after_login()
    assert judge(fault(R1, non_strict=(R3,)), ignoring, HABITS).verdict is NON_STRICT
    assert judge(fault(R1), ignoring, HABITS).verdict is FAIL
    assert judge(fault(R1, R3, non_strict=(CARRY_ON,)), ignoring, HABITS).verdict is PASS


def test_what_the_client_does_anyway_is_no_reaction() -> None:
    """One that uses a connection of its own for the key exchange, and one with a temporary key besides."""
    habits = Habits(exchanges=2, keys=1, closings=1)
    went_on = evidence((0.1, "req_pq"), ACTED, (0.6, "closed"), (0.7, "opened"), (0.8, "req_pq"), (2.9, "call"))
    assert judge(fault(R2), went_on, habits).verdict is FAIL
    assert judge(fault(R2), went_on, Habits(exchanges=1, keys=1, closings=1)).observed.startswith("restarted")
    assert judge(fault(R2), went_on, Habits(exchanges=2, keys=1, closings=0)).observed.startswith("closed")


def test_what_came_before_the_fault_is_no_reaction_to_it() -> None:
    before = evidence((0.1, "opened"), (0.2, "closed"), (0.3, "opened"), (0.35, "req_pq"), (0.4, "acked"), ACTED)
    assert judge(fault(R3), before, HABITS).verdict is PASS


def test_a_client_that_cannot_meet_a_fault_is_told_what_it_takes() -> None:
    judgement = judge(fault(R1, needs="a client with a password"), evidence(*LOGGED_IN), HABITS)
    assert judgement.observed == "not reached: it takes a client with a password"


def test_memory_that_is_not_known_is_not_judged() -> None:
    assert judge(fault(R3), after_login(peak=None), HABITS).verdict is PASS
    assert judge(fault(R3), after_login(peak=900 * MIB), Habits(1, 1, 0)).verdict is PASS


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (fault(R1), "closed"),
        (fault(R2), "restarted or closed"),
        (fault(CARRY_ON, R3), "carried on or ignored"),
        (fault(R1, R2, ERROR), "closed or restarted or failed that call"),
        (fault(R1, non_strict=(R3,)), "closed (non-strict: ignored)"),
    ],
)
def test_the_expectation_is_told_in_the_words_of_the_observation(asked: Fault, words: str) -> None:
    assert expected(asked) == words


@pytest.mark.parametrize("reactions", [(R1,), (R2,), (R3,), (ERROR,), (CARRY_ON,), (R1, R2, R3, ERROR, CARRY_ON)])
@pytest.mark.parametrize("happened", [after_login(lines=(line(1.0, date=CANARY), line(3.0))),
                                      after_login(lines=(), at=15.0, status=None, reason="time"),
                                      after_login(lines=BOTH, peak=999 * MIB)])  # fmt: skip
def test_nothing_makes_accepting_hanging_or_growing_right(reactions: tuple[Reaction, ...], happened: Evidence) -> None:
    assert judge(fault(*reactions, non_strict=tuple(Reaction)), happened, HABITS).verdict is FAIL
