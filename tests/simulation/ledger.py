"""Ledger: what was called, executed and answered in one run, and the invariants that hold for it.

Each invariant has a name, which ``Violation`` carries. Some are judged at once, the others at the end.
"""

from __future__ import annotations

from collections import Counter

from mtproto.errors import BadMessage, ConnectionLost, MTProtoError, OutcomeUnknown, RequestTimeout, RpcError
from mtproto.schema import mtproto as schema
from mtproto.schema.api import types
from tests.simulation.world import Clock, World

ANSWERED_ONCE = "every call ends exactly once, with its own answer or a typed error"
AT_MOST_ONCE = "nothing runs twice in silence"
NOT_SENT = "what is said not to have run has not run"
IN_TIME = "no wait outlives its deadline"
BOUNDED = "memory stays bounded"
IN_ORDER = "a call runs behind the one that it was put behind"
RECOVERED = "the session recovers when faults stop"
SOUND = "received bytes raise nothing, and nothing repeats itself without end"

INVARIANTS = (ANSWERED_ONCE, AT_MOST_ONCE, NOT_SENT, IN_TIME, IN_ORDER, BOUNDED, RECOVERED, SOUND)

PLAIN, REPEATABLE, PING = "plain", "repeatable", "ping"
_SLACK = 0.001


class Violation(Exception):
    """An invariant does not hold. ``invariant`` is one of ``INVARIANTS``."""

    def __init__(self, invariant: str, detail: str) -> None:
        super().__init__(f"{invariant}: {detail}")
        self.invariant = invariant


class Entry:
    """One call. ``deadline`` on its client's monotonic clock; ``executions``: how often the server ran it;
    ``outcome``: a value, an error, or None while it waits; ``behaviour``: what the server does with it; ``after``: the
    call that it was put behind."""

    __slots__ = ("abandoned", "after", "behaviour", "clock", "deadline", "executions", "kind", "number", "outcome")

    def __init__(
        self, number: int, kind: str, behaviour: str, clock: Clock, deadline: float, after: Entry | None
    ) -> None:
        self.number = number
        self.kind = kind
        self.behaviour = behaviour
        self.clock = clock
        self.deadline = deadline
        self.after = after
        self.executions = 0
        self.outcome: object = None
        self.abandoned = False

    @property
    def over(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.abandoned or self.outcome is not None


class Ledger:
    """All calls of a run by their numbers; ``outcomes`` counts how they ended."""

    __slots__ = ("entries", "outcomes", "world")

    def __init__(self, world: World) -> None:
        self.world = world
        self.entries: dict[int, Entry] = {}
        self.outcomes: Counter[str] = Counter()

    def begin(self, kind: str, behaviour: str, clock: Clock, timeout: float, *, after: Entry | None = None) -> Entry:
        """A new call."""
        number = len(self.entries) + 1
        entry = self.entries[number] = Entry(number, kind, behaviour, clock, clock.monotonic() + timeout, after)
        self.world.note("call", number, kind, behaviour)
        return entry

    def executed(self, number: int) -> Entry:
        """The server runs a call."""
        entry = self.entries[number]
        entry.executions += 1
        self.world.note("executed", number)
        before = entry.after
        if before is not None and not before.executions and not before.over:
            raise Violation(IN_ORDER, f"call {number} ran before call {before.number}")
        return entry

    def abandoned(self, entry: Entry) -> None:
        """Nobody waits for this call any more: it was cancelled, or its program ended."""
        self.world.note("abandoned", entry.number)
        entry.abandoned = True

    def unexpected(self, request_id: int) -> None:
        """Something ended that nobody waits for."""
        raise Violation(ANSWERED_ONCE, f"request {request_id} ended again")

    def ended(self, entry: Entry, outcome: object) -> None:
        """A caller hears how its call ended."""
        kind = type(outcome).__name__ if isinstance(outcome, MTProtoError) else "answer"
        self.world.note("ended", entry.number, kind)
        if entry.over:
            raise Violation(ANSWERED_ONCE, f"call {entry.number} ended again with {outcome!r}")
        entry.outcome = outcome
        self.outcomes[kind] += 1
        if entry.clock.monotonic() > entry.deadline + _SLACK:
            late = entry.clock.monotonic() - entry.deadline
            raise Violation(IN_TIME, f"call {entry.number} ended {late:.3f} s after its deadline")
        if isinstance(outcome, RequestTimeout) and entry.clock.monotonic() < entry.deadline:
            raise Violation(ANSWERED_ONCE, f"call {entry.number} timed out early")
        if not _own(entry, outcome):
            raise Violation(ANSWERED_ONCE, f"call {entry.number} ended with {outcome!r}")

    def close(self) -> None:
        """The run is over: judge every call once more, for what happened after its end."""
        for entry in self.entries.values():
            if not entry.over:
                raise Violation(IN_TIME, f"call {entry.number} never ended")
            if entry.kind == PLAIN:
                _judge(entry)


def _judge(entry: Entry) -> None:
    """A call that is not to run twice."""
    outcome, times = entry.outcome, entry.executions
    if times > 1:  # not even where the caller was told that the outcome is unknown, which would be allowed
        raise Violation(AT_MOST_ONCE, f"call {entry.number} ran {times} times and ended with {outcome!r}")
    if times and (isinstance(outcome, ConnectionLost | BadMessage) or _waited_in_vain(outcome)):
        raise Violation(NOT_SENT, f"call {entry.number} ran and ended with {outcome!r}")


def _own(entry: Entry, outcome: object) -> bool:
    """Whether a call may end like this."""
    if isinstance(outcome, RpcError):
        return (outcome.message == f"OWN_{entry.number}") or (entry.after is not None and _waited_in_vain(outcome))
    if isinstance(outcome, MTProtoError):
        return isinstance(outcome, OutcomeUnknown | ConnectionLost | RequestTimeout | BadMessage)
    if entry.kind == PING:
        return isinstance(outcome, schema.Pong) and outcome.ping_id == entry.number
    if not entry.executions or entry.behaviour in ("error", "never"):
        return False
    if entry.kind == REPEATABLE:
        return isinstance(outcome, types.UpdateShort) and getattr(outcome.update, "random_id", 0) == entry.number
    return isinstance(outcome, list) and bool(outcome) and outcome[0].key == str(entry.number)


def _waited_in_vain(outcome: object) -> bool:
    """API-08: the call was not executed, for one before it was not or failed."""
    return isinstance(outcome, RpcError) and outcome.message in ("MSG_WAIT_FAILED", "MSG_WAIT_TIMEOUT")
