"""The scorecard of a run: as a JSON value, as lines, as a table where ``rich`` is there to draw one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mtproto.conform.case import Result
from mtproto.conform.judge import Verdict, expected
from mtproto.record import Record


class Scorecard(Record):
    """``client`` and ``version``: as the client said them, else its command and nothing. ``results``: one per case."""

    __slots__ = ("client", "version", "results")

    def __init__(self, client: str, version: str, results: Sequence[Result]) -> None:
        self.client = client
        self.version = version
        self.results = tuple(results)

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many cases have each verdict."""
        found = Counter(result.judgement.verdict for result in self.results)
        return {verdict: found[verdict] for verdict in Verdict}

    @property
    def failed(self) -> bool:
        """Whether a case failed."""
        return self.counts[Verdict.FAIL] > 0

    @property
    def summary(self) -> str:
        """One line."""
        counts = ", ".join(f"{count} {verdict.value}" for verdict, count in self.counts.items())
        return f"{' '.join(filter(None, (self.client, self.version)))}: {len(self.results)} cases, {counts}"


def to_json(card: Scorecard) -> dict[str, object]:
    """What ``--json`` prints."""
    return {
        "client": card.client,
        "version": card.version,
        "cases": [
            {
                "name": result.case.name,
                "rule": ", ".join(result.case.fault.rule),
                "verdict": result.judgement.verdict.value,
                "observed": result.judgement.observed,
                "expected": expected(result.case.fault),
                "seconds": round(result.seconds, 2),
            }
            for result in card.results
        ],
    }


def line(result: Result) -> str:
    """One case in one line."""
    rules = ", ".join(result.case.fault.rule)
    judgement = result.judgement
    return f"{judgement.verdict.value:<15} {result.case.name:<32} {rules:<16} {judgement.observed}"


def lines(card: Scorecard) -> str:
    """The scorecard as text: a line for each case, what was expected where it failed, and the summary."""
    out = []
    for result in card.results:
        out.append(line(result))
        if result.judgement.verdict is Verdict.FAIL:
            out.append(f"{'':<16}expected: {expected(result.case.fault)}; {result.case.fault.expects}")
    return "\n".join([*out, card.summary])
