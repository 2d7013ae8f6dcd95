"""Evidence: one run of a client against the hostile datacenter, and what can be read from it (SEC-91).

Everything here is a plain value or follows from plain values; ``judge`` says what it is worth.
"""

from __future__ import annotations

from collections.abc import Sequence

from mtproto.conform.program import ANSWERS, Ended
from mtproto.record import Record
from mtproto.testdc.faults import Observation

TIE = 0.1
"""Seconds: the server's clock tells of a closed connection, that of a reading thread of a line."""


class Evidence(Record):
    """``observations``: what the server saw until the client ended; ``injected``: how often the fault acted;
    ``canary``: the date, in Unix seconds, that nobody may believe; ``ended``: the client's lines and end; ``deadline``:
    seconds from the fault within which a client has to react."""

    __slots__ = ("observations", "injected", "canary", "ended", "deadline")

    def __init__(
        self, observations: Sequence[Observation], injected: int, canary: int, ended: Ended, deadline: float = 15.0
    ) -> None:
        self.observations = tuple(observations)
        self.injected = injected
        self.canary = canary
        self.ended = ended
        self.deadline = deadline

    def count(self, kind: str, without: str = "\0") -> int:
        """How many observations are of ``kind``, those not counted whose detail has ``without``."""
        return sum(seen.kind == kind and without not in seen.detail for seen in self.observations)

    def after(self, *kinds: str) -> Observation | None:
        """The first observation of one of ``kinds`` behind the fault's first act."""
        acted = False
        for seen in self.observations:
            if acted and seen.kind in kinds:
                return seen
            acted = acted or seen.kind == "injected"
        return None

    def since_fault(self, at: float) -> float:
        """Seconds from the fault's first act to ``at``."""
        return at - next((seen.at for seen in self.observations if seen.kind == "injected"), at)

    @property
    def answered(self) -> list[bool]:
        """For each call that was printed, whether it was answered."""
        return [bool(line.answer and line.answer["ok"]) for line in self.ended.answers]

    @property
    def honest(self) -> bool:
        """Whether both calls were answered: without a fault they have to be."""
        return self.answered == [True] * ANSWERS

    @property
    def closings(self) -> list[Observation]:
        """The connections that the client closed on its way, within the deadline where a fault has acted. One that is
        closed at the last line, when nothing follows, is the end of the program."""
        last = max((seen.at for seen in self.observations if seen.kind in ("opened", "call")), default=0.0)
        if len(self.answered) < ANSWERS:
            last = self.ended.at
        elif not self.answered[-1]:  # an answer came by a connection that was open; this did not
            last = max(last, self.ended.answers[-1].at - TIE)
        return [seen for seen in self.observations if seen.kind == "closed" and seen.at <= last and self._timely(seen)]

    def _timely(self, seen: Observation) -> bool:
        return self.since_fault(seen.at) <= self.deadline

    @property
    def closed(self) -> Observation | None:
        """The first of them behind the fault."""
        return next((seen for seen in self.closings if self.since_fault(seen.at) > 0), None)

    @property
    def left_early(self) -> bool:
        """Whether the program ended by itself before it had printed how both calls ended."""
        return not self.ended.reason and len(self.answered) < ANSWERS

    @property
    def printed_canary(self) -> bool:
        """Whether the client told its caller what only the fault said."""
        return any(line.answer is not None and line.answer.get("date") == self.canary for line in self.ended.lines)


class Habits(Record):
    """What a client does where nothing is wrong: key exchanges, permanent keys, connections that it closes on its way,
    and its peak memory in bytes, None where that is unknown."""

    __slots__ = ("exchanges", "keys", "closings", "peak")

    def __init__(self, exchanges: int, keys: int, closings: int, peak: int | None = None) -> None:
        self.exchanges = exchanges
        self.keys = keys
        self.closings = closings
        self.peak = peak

    @classmethod
    def of(cls, evidence: Evidence) -> Habits:
        """The habits that an honest run shows."""
        return cls(
            evidence.count("req_pq"),
            evidence.count("key_created", without="temporary"),
            len(evidence.closings),
            evidence.ended.peak,
        )
