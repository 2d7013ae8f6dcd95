"""``mtproto vectors --exec``: another implementation, well-behaved or not, line by line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mtproto.errors import UsageError
from mtproto.vectors import command, foreign
from mtproto.vectors.case import SHIPPED, Case, load
from mtproto.vectors.command import Broken, Command
from mtproto.vectors.lines import SKIPPED, Garbage, Malformed, answer, request
from mtproto.vectors.outcome import Refused
from mtproto.vectors.report import FileReport, Report

PQ = load(SHIPPED / "pq.json")
PLENTY = 60.0
"""Seconds for an answer that is meant to come."""

Runs = Callable[..., FileReport]

HEAD = """
import json, os, sys, time
count = 0
for line in sys.stdin:
    test = json.loads(line)
    count += 1
    def say(**what): print(json.dumps({"id": test["id"], **what}), flush=True)
"""


def case(valid: bool = True, flags: tuple[str, ...] = (), name: str = "t-1") -> Case:
    test = {"id": name, "input": {"a": "00"}, "output": {"b": "01"}, "flags": list(flags), "comment": "why"}
    return Case("PqFactor", {"p": 1}, {**test, "result": "valid" if valid else "invalid"}, [])


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    """Put tests to a program with this body, run for each line, which may ``say`` something."""

    def run(body: str, cases: list[Case], seconds: float = PLENTY, restarts: int = 50, head: str = HEAD) -> FileReport:
        program = tmp_path / "program.py"
        program.write_text(head + "".join(f"    {line}\n" for line in body.splitlines()))
        with Command(f"{sys.executable} {program}", seconds, restarts) as implementation:
            return foreign.run_file("some.json", cases, implementation)

    return run


def three() -> list[Case]:
    return [case(name=f"t-{number}") for number in (1, 2, 3)]


def test_a_line_has_id_type_params_and_input_and_nothing_of_the_answer() -> None:
    assert json.loads(request(PQ[0])).keys() == {"id", "type", "params", "input"}
    assert request(PQ[0]).count(b"\n") == 1 and request(PQ[0]).endswith(b"\n")


def test_the_line_of_a_step_brings_its_run_up_to_there() -> None:
    cases = {case.id: case for case in load(SHIPPED / "auth_key_exchange.json")}
    steps = [case for case in cases.values() if case.type == "AuthKeyExchangeTranscript"]
    run = json.loads(request(steps[3]))["run"]
    assert run["params"] == steps[3].params
    assert [test["id"] for test in run["tests"]] == [step.id for step in steps[:3]]
    assert run["tests"][2]["output"] == steps[2].output


def test_the_line_of_a_receiving_test_brings_the_transcript_that_it_names() -> None:
    receiving = next(c for c in load(SHIPPED / "auth_key_exchange.json") if c.type == "AuthKeyExchangeClientReceive")
    run = json.loads(request(receiving))["run"]
    assert run["params"]["name"] == receiving.params["transcript"]
    assert {test["input"]["step"] for test in run["tests"]} > {"resPQ", "server_DH_params_ok"}


def test_a_right_output_and_a_refusal_for_any_reason_pass(runs: Runs) -> None:
    body = 'say(output={"b": "01"}) if test["id"] == "t-1" else say(refused="no, " + test["type"])'
    report = runs(body, [case(), case(valid=False, name="t-2")])
    assert (report.passed, report.failures, report.non_strict, report.skipped) == (2, [], [], {})


@pytest.mark.parametrize(
    ("body", "valid", "reason"),
    [
        ('say(output={"b": "02"})', True, "wrong output: b"),
        ('say(output={"b": "01", "c": None})', True, "wrong output: c"),
        ("say(output={})", True, "wrong output: b"),
        ('say(refused="not mine")', True, "refused what has to be accepted: not mine"),
        ('say(output={"b": "01"})', False, "accepted what has to be refused (why)"),
    ],
)
def test_a_wrong_answer_fails_with_its_reason(runs: Runs, body: str, valid: bool, reason: str) -> None:
    assert runs(body, [case(valid)]).failures == [("t-1", reason)]


def test_what_is_skipped_is_counted_by_type_and_neither_passes_nor_fails(runs: Runs) -> None:
    report = runs("say(skipped=True)", [case(), case(False, name="t-2")])
    assert (report.passed, report.failures, report.skipped) == (0, [], {"PqFactor": 2})


def test_accepting_what_hardening_refuses_is_not_strict_and_no_failure(runs: Runs) -> None:
    report = runs('say(output={"b": "01"})', [case(False, ("Prime", "Hardening"))])
    assert (report.passed, report.failures) == (0, [])
    assert report.non_strict == [("t-1", "accepted what has to be refused (why)")]


def test_a_command_that_dies_fails_one_test_and_is_started_again(runs: Runs) -> None:
    body = 'os._exit(7) if test["id"] == "t-2" else say(output={"b": "01"})'
    report = runs(body, three())
    assert (report.passed, report.failures) == (2, [("t-2", "the command ended with status 7")])


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_command_that_is_killed_is_told_by_its_signal(runs: Runs) -> None:
    assert runs("os.kill(os.getpid(), 9)", [case()]).failures == [("t-1", "the command was ended by signal 9")]


def test_a_command_that_dies_before_it_reads_fails_every_test_and_ends_no_run(runs: Runs) -> None:
    report = runs("", three(), head="import sys\nsys.exit(3)\nif True:\n    pass\n")
    assert report.failures == [(f"t-{n}", "the command ended with status 3") for n in (1, 2, 3)]


def test_a_silent_command_fails_the_test_in_time(runs: Runs) -> None:
    report = runs("time.sleep(600)", [case()], seconds=0.5)
    assert report.failures == [("t-1", "no answer within 0.5 s")]


def test_a_late_answer_is_not_taken_for_the_next_one(tmp_path: Path) -> None:
    """The process that owes it is gone: the next test goes to a new one."""
    program = tmp_path / "program.py"
    program.write_text(HEAD + '    test["id"] == "t-1" and time.sleep(600)\n    say(output={"b": "01"})\n')
    with Command(f"{sys.executable} {program}", 0.5) as implementation:
        with pytest.raises(Broken, match=r"no answer within 0\.5 s"):
            implementation.ask(request(case()))
        implementation._seconds = PLENTY
        assert json.loads(implementation.ask(request(case(name="t-2")))) == {"id": "t-2", "output": {"b": "01"}}


def test_a_command_that_never_reads_does_not_block_a_long_line(runs: Runs) -> None:
    long = case()
    long.input = {"a": "00" * 1_000_000}
    report = runs("", [long], seconds=0.5, head="import time\ntime.sleep(600)\nif True:\n    pass\n")
    assert report.failures == [("t-1", "no answer within 0.5 s")]


def test_garbage_fails_one_test_and_nothing_of_it_reaches_the_next(runs: Runs) -> None:
    body = 'print("debug" if count == 1 else "", flush=True) if test["id"] == "t-1" else None\nsay(output={"b": "01"})'
    report = runs(body, three())
    assert (report.passed, report.failures) == (2, [("t-1", "the answer is not JSON: debug")])


def test_an_answer_to_another_test_fails(runs: Runs) -> None:
    body = 'print(json.dumps({"id": "t-9", "skipped": True}), flush=True)'
    assert runs(body, [case()]).failures == [("t-1", "the answer is to t-9, not to this test")]


def test_an_endless_line_is_cut(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "MAX_LINE", 1000)
    body = 'while True: sys.stdout.write("x" * 999)'
    assert runs(body, [case()]).failures == [("t-1", "a line of more than 1000 bytes")]


def test_restarts_are_bounded_and_what_is_not_run_fails(runs: Runs) -> None:
    report = runs("os._exit(1)", three(), restarts=1)
    assert [reason for _, reason in report.failures] == [
        "the command ended with status 1",
        "the command ended with status 1",
        "not run: the command had to be restarted too often",
    ]


def test_another_file_renews_the_restarts_of_a_command_that_has_answered(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(HEAD + '    os._exit(1) if test["id"] > "t-1" else say(skipped=True)\n')
    with Command(f"{sys.executable} {program}", PLENTY, restarts=1) as implementation:
        first, second = (foreign.run_file(name, three(), implementation) for name in ("a.json", "b.json"))
    assert [reason for _, reason in first.failures] == ["the command ended with status 1"] * 2
    assert second.failures == first.failures and second.skipped == {"PqFactor": 1}


def test_a_command_that_never_answers_is_started_once_more_for_another_file(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("import sys\nsys.exit(1)\n")
    with Command(f"{sys.executable} {program}", PLENTY, restarts=1) as implementation:
        runs = [foreign.run_file(name, three(), implementation) for name in ("a.json", "b.json")]
    ends = [[reason for _, reason in run.failures].count("the command ended with status 1") for run in runs]
    assert ends == [2, 1]


def test_what_was_not_run_is_one_line_of_text(runs: Runs) -> None:
    report = Report([runs("os._exit(1)", three(), restarts=0)])
    assert report.summary() == [
        "FAILED t-1: the command ended with status 1",
        "FAILED t-2 to t-3, 2 tests: not run: the command had to be restarted too often",
        "0 passed, 3 failed, 0 skipped",
    ]


def test_what_the_command_started_ends_with_it(runs: Runs, tmp_path: Path) -> None:
    """A grandchild that would hold the pipe for ever."""
    child = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
    report = runs(f'exec("{child}"); os._exit(2)', [case()], seconds=3)
    ((name, reason),) = report.failures
    assert name == "t-1" and reason in ("no answer within 3 s", "the command ended with status 2")


@pytest.mark.parametrize("text", ["", "  ", "no-such-program-at-all --x", "python3 'x"])
def test_a_command_that_is_none_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="--exec"):
        Command(text)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"{",
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
        b"7\n",
        b"[]\n",
        b"{}\n",
        b'{"output": {}}\n',
        b'{"id": "t-2", "output": {}}\n',
        b'{"id": ["t-1"], "output": {}}\n',
        b'{"id": null}\n',
        b"9" * 5000 + b"\n",
    ],
)
def test_a_line_that_is_no_answer_to_the_test_is_garbage(line: bytes) -> None:
    with pytest.raises(Garbage) as error:
        answer("t-1", line)
    assert "\n" not in str(error.value) and len(str(error.value)) < 200


@pytest.mark.parametrize(
    "what",
    [
        {},
        {"output": "01"},
        {"output": None},
        {"refused": True},
        {"refused": None},
        {"skipped": False},
        {"skipped": "yes"},
        {"output": {}, "skipped": True},
        {"output": {}, "refused": "x"},
    ],
)
def test_an_answer_says_exactly_one_thing(what: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        answer("t-1", json.dumps({"id": "t-1", **what}).encode())


def test_further_members_of_an_answer_are_ignored() -> None:
    assert answer("t-1", b'{"id": "t-1", "skipped": true, "why": "x"}') is SKIPPED
    assert answer("t-1", b'{"id": "t-1", "refused": "x\\n\\u0000", "ms": 1}') == Refused("x\\n\\x00")
