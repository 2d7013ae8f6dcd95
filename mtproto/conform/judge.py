"""The verdict: which reactions the evidence shows, and whether the fault allows one of them.

No clock, no process, no socket: from values to a value. What counts as which reaction is the table ``SHOWN``, what is
wrong whatever the fault expects is ``WRONG``; both are read from the top.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum

from mtproto.conform.evidence import Evidence, Habits
from mtproto.conform.program import ANSWERS
from mtproto.record import Record
from mtproto.testdc.faults import Fault, Reaction

GROWTH = 256 << 20
"""Bytes above the peak of an honest run at which memory counts as growing without bound."""


class Verdict(Enum):
    """What a case is worth."""

    PASS = "pass"
    NON_STRICT = "non-strict"
    FAIL = "fail"
    NOT_IMPLEMENTED = "not implemented"


class Judgement(Record):
    """``observed``: a word or two, a colon, and what it was read from."""

    __slots__ = ("verdict", "observed")

    def __init__(self, verdict: Verdict, observed: str) -> None:
        self.verdict = verdict
        self.observed = observed


EXPECTED = {
    Reaction.R1: ("closed",),
    Reaction.R2: ("restarted", "closed"),
    Reaction.R3: ("ignored",),
    Reaction.ERROR: ("failed that call",),
    Reaction.CARRY_ON: ("carried on",),
}
"""The words for a reaction that is asked for."""


def wanted(reactions: Iterable[Reaction]) -> list[str]:
    """The words for ``reactions``, each once."""
    return list(dict.fromkeys(word for reaction in reactions for word in EXPECTED[reaction]))


def expected(fault: Fault) -> str:
    """What the fault asks for, in the words of ``observed``."""
    strict, also = " or ".join(wanted(fault.reactions)), " or ".join(wanted(fault.non_strict))
    return f"{strict} (non-strict: {also})" if also else strict


def judge(fault: Fault, evidence: Evidence, habits: Habits) -> Judgement:
    """The verdict on one run. ``habits``: those of the same client without a fault."""
    if not evidence.injected:
        return _never_came_about(fault, evidence)
    for word, holds in WRONG:
        if why := holds(evidence, habits):
            return Judgement(Verdict.FAIL, f"{word}: {why}")
    shown = {reaction: why for reaction, holds in SHOWN if (why := holds(evidence, habits))}
    for verdict, allowed in ((Verdict.PASS, fault.reactions), (Verdict.NON_STRICT, fault.non_strict)):
        for reaction in allowed:
            if reaction in shown:
                return Judgement(verdict, shown[reaction])
    return Judgement(Verdict.FAIL, next(iter(shown.values()), f"failed: {_calls(evidence)}"))


def _never_came_about(fault: Fault, evidence: Evidence) -> Judgement:
    if evidence.honest:
        why = f"it takes {fault.needs}" if fault.needs else "the client never did what this fault bends"
        return Judgement(Verdict.NOT_IMPLEMENTED, f"not reached: {why}")
    return Judgement(Verdict.FAIL, f"failed: {_calls(evidence)}, although the fault never came about")


# ---- wrong in any case


def _accepted(evidence: Evidence, habits: Habits) -> str:
    if evidence.printed_canary:
        return "the canary was printed as an answer"
    seen = evidence.after("accepted", "acked")
    if seen is None:
        return ""
    return "the planted message was acknowledged" if seen.kind == "acked" else seen.detail


def _grew(evidence: Evidence, habits: Habits) -> str:
    peak = evidence.ended.peak
    if peak is None or habits.peak is None or peak <= habits.peak + GROWTH:
        return ""
    return f"{(peak - habits.peak) >> 20} MiB more than in an honest run"


def _crashed(evidence: Evidence, habits: Habits) -> str:
    status = evidence.ended.status
    return f"the client was ended by signal {-status}" if status is not None and status < 0 else ""


def _hung(evidence: Evidence, habits: Habits) -> str:
    ended = evidence.ended
    if ended.reason != "time" or len(evidence.answered) >= ANSWERS:
        return ""
    since = ended.answers[-1].at if ended.answers else ended.began
    trying = ", though it closed a connection" if _closed_one(evidence, habits) else ""
    return f"no line for {ended.at - since:.0f} s{trying}"


# ---- what may be right


def _closed_one(evidence: Evidence, habits: Habits) -> bool:
    if evidence.left_early:
        return True
    return evidence.closed is not None and len(evidence.closings) > habits.closings


def _closed(evidence: Evidence, habits: Habits) -> str:
    """R1; a client that makes another permanent key has not gone on with what it had."""
    if not _closed_one(evidence, habits) or evidence.count("key_created", without="temporary") > habits.keys:
        return ""
    return _closing(evidence)


def _closing(evidence: Evidence) -> str:
    at = evidence.ended.at if evidence.closed is None else evidence.closed.at
    return f"closed: {_after(evidence, at)}; {_calls(evidence)}"


def _restarted(evidence: Evidence, habits: Habits) -> str:
    """R2: a new key exchange, or none at all any more."""
    seen = evidence.after("req_pq")
    if seen is not None and evidence.count("req_pq") > habits.exchanges:
        return f"restarted: {seen.detail} {_after(evidence, seen.at)}; {_calls(evidence)}"
    return _closing(evidence) if _closed_one(evidence, habits) else ""


def _ignored(evidence: Evidence, habits: Habits) -> str:
    if _restarted(evidence, habits) or evidence.answered[1:] != [True]:
        return ""
    return f"ignored: {_calls(evidence)}"


def _failed_one(evidence: Evidence, habits: Habits) -> str:
    return f"failed that call: {_calls(evidence)}" if evidence.answered == [False, True] else ""


def _carried_on(evidence: Evidence, habits: Habits) -> str:
    return f"carried on: {_calls(evidence)}" if evidence.honest else ""


Reading = Callable[[Evidence, Habits], str]

WRONG: tuple[tuple[str, Reading], ...] = (
    ("accepted", _accepted),
    ("grew without bound", _grew),
    ("crashed", _crashed),
    ("hung", _hung),
)
"""A word, and what tells whether it holds: a reason, or nothing."""

SHOWN: tuple[tuple[Reaction, Reading], ...] = (
    (Reaction.R1, _closed),
    (Reaction.R2, _restarted),
    (Reaction.ERROR, _failed_one),
    (Reaction.R3, _ignored),
    (Reaction.CARRY_ON, _carried_on),
)
"""Reactions, and what tells whether the client showed them."""


def _after(evidence: Evidence, at: float) -> str:
    return f"{1000 * evidence.since_fault(at):.0f} ms after the fault"


def _calls(evidence: Evidence) -> str:
    """How the calls ended, in words."""
    words = ["first call", "second call"]
    told = [f"{word} {'answered' if ok else 'failed'}" for word, ok in zip(words, evidence.answered, strict=False)]
    return ", ".join(told) or "no call was printed"
