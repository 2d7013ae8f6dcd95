"""``mtproto conform`` end to end: clients that are right, wrong in one way, or no clients at all."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from shlex import quote

import pytest

from mtproto.cli import main
from mtproto.conform.case import Case, Result, pace
from mtproto.conform.judge import Verdict
from mtproto.conform.suite import OWN_CLIENT, NoBaseline, Suite, plan, setting
from mtproto.errors import UsageError
from mtproto.testdc.faults import FAULTS, Reaction
from tests.conform.evidence import fault

PLANTED, BENT = "cipher_bitflip", "respq_nonce_flip"
"""A fault that plants a canary in the session, and one in the key exchange."""

BELIEVES = """\
from mtproto.conform import client
client.report = lambda answer: client.say({"ok": True, "connection_id": "demo", "date": 1234567890})
client.main()
"""
HANGS = """\
import time
from mtproto.conform import client
client.fail = lambda error: time.sleep(600)
client.main()
"""
NEVER_CONNECTS = """\
for _ in range(2):
    print('{"ok": true, "connection_id": "demo", "date": 1}')
"""
ONE_TRANSPORT = """\
import sys
from mtproto.conform import client
client.main() if sys.argv[4] == "intermediate" else sys.exit("no such transport")
"""
SLOW_FROM_THE_THIRD_TIME = """\
import time
print('{"ok": true}', '{"ok": true}', sep="\\n", flush=True)
with open(__file__ + ".log", "a+") as log:
    log.write(".")
    time.sleep(600 if log.tell() > 2 else 0)
"""
Write = Callable[[str], str]


@pytest.fixture
def client(tmp_path: Path) -> Write:
    """Writes a client's program and returns its command."""

    def write(code: str) -> str:
        path = tmp_path / "client.py"
        path.write_text(f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n{code}")
        return f"{quote(sys.executable)} {quote(str(path))} {{host}} {{port}} {{public_key_file}} {{transport}}"

    return write


@pytest.fixture
def conform(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """``conform(…)`` runs the command; returns exit status, standard output, standard error."""

    def run(*argv: str) -> tuple[int, str, str]:
        status = main(["conform", *argv])
        return status, *capsys.readouterr()

    yield run


Conform = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("front_end", ["asyncio", "blocking"])
def test_the_own_client_passes(conform: Conform, front_end: str) -> None:
    status, out, _ = conform("--only", "[cr]*_[bn]*_*flip", "--front-end", front_end)
    assert status == 0, out
    assert f"mtproto ({front_end})" in out.splitlines()[-1]


@pytest.mark.parametrize("front_end", ["asyncio", "blocking"])
def test_the_own_client_does_what_a_scenario_asks(front_end: str) -> None:
    faults = [FAULTS["srp_b_zero"], FAULTS["replay_after_restart"], FAULTS["config_ids"], FAULTS["ftls_hmac"]]
    assert [case.scenario for case in plan(faults)] == ["password", "restart", "", ""]
    with setting(f"{OWN_CLIENT} --front-end {front_end}", 30.0) as common:
        suite = Suite(common, plan(faults), 4)
        suite.measure()
        results = suite.run(lambda result: None)
    assert [result.judgement.verdict for result in results] == [Verdict.PASS] * 4, results


def test_the_result_as_json_has_a_case_for_each_fault(conform: Conform) -> None:
    status, out, err = conform("--only", PLANTED, "--json")
    report = json.loads(out)
    assert status == 0 and list(report) == ["client", "version", "cases"]
    assert report["client"] == "mtproto (asyncio)"
    (case,) = report["cases"]
    assert list(case) == ["name", "rule", "verdict", "observed", "expected", "seconds"]
    assert (case["name"], case["rule"], case["verdict"]) == (PLANTED, "SEC-21", "pass")
    assert case["observed"].startswith("closed: ") and case["expected"] == "closed"
    assert case["seconds"] > 2
    assert "1 cases, 1 pass" in err


def test_a_client_that_prints_the_canary_fails(conform: Conform, client: Write) -> None:
    status, out, _ = conform("--client", client(BELIEVES), "--only", PLANTED)
    assert status == 1
    assert "accepted: the canary was printed" in out and "expected: closed" in out


def test_a_client_that_says_nothing_any_more_is_hung(client: Write) -> None:
    with setting(client(HANGS), 30.0) as common:
        suite = Suite(common, plan([FAULTS[BENT]]), 1)
        suite.measure()
        common.deadline = 8.0
        (result,) = suite.run(lambda result: None)
    assert result.judgement.verdict is Verdict.FAIL
    assert result.judgement.observed.startswith("hung: no line for 8 s")


def test_a_client_that_never_gets_to_the_fault_does_not_implement_it(conform: Conform, client: Write) -> None:
    status, out, _ = conform("--client", client(NEVER_CONNECTS), "--only", PLANTED, "--json")
    (case,) = json.loads(out)["cases"]
    assert (status, case["verdict"]) == (0, "not implemented")
    assert case["observed"].startswith("not reached: ")


def test_a_client_without_a_transport_does_not_implement_its_faults(client: Write) -> None:
    cases = [Case(FAULTS[PLANTED], "intermediate"), Case(FAULTS[PLANTED], "full", "over full")]
    with setting(client(ONE_TRANSPORT), 30.0) as common:
        suite = Suite(common, cases, 2)
        suite.measure()
        here, there = suite.run(lambda result: None)
    assert here.judgement.verdict is Verdict.PASS
    assert there.judgement.verdict is Verdict.NOT_IMPLEMENTED
    assert "no such transport" in there.judgement.observed and "full" in there.judgement.observed


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import sys; sys.exit('no credentials')", "exit status 1: no credentials"),
        ("""print('{"ok": false, "error": "wrong \\\\u001b key"}')""", "wrong \\x1b key"),
        ("pass", "exit status 0: it said nothing"),
    ],
)
def test_a_client_that_fails_where_nothing_is_wrong_is_told_so_in_a_line(
    conform: Conform, client: Write, code: str, why: str
) -> None:
    status, out, err = conform("--client", client(code))
    assert (status, out) == (2, "")
    assert err.splitlines() == [f"the client fails where nothing is wrong: {why}"]


def test_cases_run_side_by_side_and_come_in_their_order(client: Write) -> None:
    cases = [Case(FAULTS[BENT], "intermediate", f"number {number}") for number in range(4)]
    told: list[Result] = []
    with setting(OWN_CLIENT, 30.0) as common:
        suite = Suite(common, cases, 2)
        suite.measure()
        results = suite.run(told.append)
    assert [result.case for result in results] == cases
    assert len(told) == 4
    spans = [(r.evidence.ended.began, r.evidence.ended.at) for r in results if r.evidence is not None]
    assert any(one[0] < other[0] < one[1] for one in spans for other in spans), "two at a time"


def test_whoever_interrupts_a_run_waits_for_no_client(client: Write) -> None:
    def interrupt(result: Result) -> None:
        raise KeyboardInterrupt

    with setting(client(SLOW_FROM_THE_THIRD_TIME), 1000.0) as common:
        suite = Suite(common, [Case(FAULTS[PLANTED], "full")] * 2, 2)
        suite.measure("full")
        with pytest.raises(KeyboardInterrupt):
            suite.run(interrupt)


# ---- which cases there are


def test_a_fault_of_several_transports_is_a_case_for_each() -> None:
    framing = fault(Reaction.R1, transports=("full", "abridged"))
    assert [(case.name, case.transport) for case in plan([framing])] == [
        ("knob/full", "full"),
        ("knob/abridged", "abridged"),
    ]
    assert [case.name for case in plan([framing], "*/full")] == ["knob/full"]
    assert len(plan([framing], "knob")) == 2


def test_a_fault_of_any_transport_is_one_case() -> None:
    assert [(case.name, case.transport) for case in plan([fault(Reaction.R1)], transport="full")] == [("knob", "full")]


def test_slow_faults_are_left_out_unless_they_are_asked_for() -> None:
    slow = fault(Reaction.R1, slow=True)
    assert len(plan([slow], slow=True)) == 1
    with pytest.raises(UsageError, match="--slow"):
        plan([slow])


def test_a_client_is_told_to_give_up_before_it_counts_as_hung() -> None:
    assert pace(15.0, 2.0) == {"pause": "2", "patience": "10.4"}
    assert pace(270.0, 140.0) == {"pause": "140", "patience": "104"}
    assert pace(1.0, 2.0)["patience"] == "1"


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (("--only", "nothing_*"), "no fault fits"),
        (("--client", "/no/such/client"), "cannot be started"),
        (("--client", " "), "--client expects a command"),
        (("--jobs", "0"), "--jobs"),
        (("--timeout", "soon"), "--timeout"),
        (("--client", "x", "--front-end", "blocking"), "not allowed with"),
        (("--transport", "pigeon"), "--transport"),
        (("--only", BENT, "--html", "/no/such/folder/report.html"), "cannot be written"),
    ],
)
def test_a_wrong_option_is_a_line_and_status_2(conform: Conform, argv: tuple[str, ...], why: str) -> None:
    status, out, err = conform(*argv)
    assert (status, out) == (2, "")
    assert why in err.splitlines()[-1]


def test_no_baseline_is_an_error_of_its_own() -> None:
    with setting(f"{quote(sys.executable)} -c pass", 5.0) as common, pytest.raises(NoBaseline):
        Suite(common, plan([FAULTS[BENT]]), 1).measure()
