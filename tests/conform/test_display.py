"""How a run looks: lines where nobody watches, a bar and a table where ``rich`` is there and a terminal."""

from __future__ import annotations

import io

import pytest

from mtproto.conform import display
from mtproto.conform.case import Case, Result
from mtproto.conform.judge import Judgement, Verdict
from mtproto.conform.report import Scorecard, lines, to_json
from mtproto.testdc.faults import Reaction
from tests.conform.evidence import evidence, fault

KNOB = fault(Reaction.R1, non_strict=(Reaction.R3,))
RIGHT = Result(Case(KNOB, "full", "right"), Judgement(Verdict.PASS, "closed: at once"), evidence())
WRONG = Result(Case(KNOB, "full", "[b]wrong[/b]"), Judgement(Verdict.FAIL, "accepted: the canary"), evidence())
CARD = Scorecard("Peer", "1.0", [RIGHT, WRONG])


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_each_result_is_a_line_with_its_number() -> None:
    out = io.StringIO()
    with display.progress(2, out) as progress:
        progress.tell(RIGHT)
        progress.tell(WRONG)
    first, second = out.getvalue().splitlines()
    assert first.split() == ["1/2", "3.1", "s", "pass", "right", "SEC-21", "closed:", "at", "once"]
    assert second.startswith("   2/2")


def test_the_scorecard_says_what_was_expected_where_a_case_failed() -> None:
    out = io.StringIO()
    display.show(CARD, out)
    assert out.getvalue() == lines(CARD) + "\n"
    _, wrong, why, summary = out.getvalue().splitlines()
    assert wrong.startswith("fail") and why.strip() == "expected: closed (non-strict: ignored); y"
    assert summary == "Peer 1.0: 2 cases, 1 pass, 0 non-strict, 1 fail, 0 not implemented"


def test_a_terminal_gets_a_table_and_a_bar_with_the_failures_above_it() -> None:
    pytest.importorskip("rich")
    out = Terminal()
    with display.progress(2, out) as progress:
        progress.tell(RIGHT)
        progress.tell(WRONG)
    assert "[b]wrong[/b]" in out.getvalue() and "closed" not in out.getvalue()
    out = Terminal()
    display.show(CARD, out)
    assert "[b]wrong" in out.getvalue() and "┃" in out.getvalue()


def test_a_terminal_without_rich_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "rich", None)
    out = Terminal()
    display.show(CARD, out)
    assert out.getvalue() == lines(CARD) + "\n"


def test_seconds_and_rules_are_in_the_json() -> None:
    report = to_json(CARD)
    assert report["client"] == "Peer" and report["version"] == "1.0"
    assert isinstance(report["cases"], list)
    assert report["cases"][1] == {
        "name": "[b]wrong[/b]",
        "rule": "SEC-21",
        "verdict": "fail",
        "observed": "accepted: the canary",
        "expected": "closed (non-strict: ignored)",
        "seconds": 3.1,
    }


def test_a_scorecard_fails_where_a_case_did() -> None:
    assert CARD.failed
    assert not Scorecard("Peer", "", [RIGHT]).failed
