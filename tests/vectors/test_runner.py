"""The runner itself: what passes, what fails and how a file has to look."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mtproto.errors import DecodeError, SecurityError, UsageError
from mtproto.vectors import main, run, runner
from mtproto.vectors.case import Case, load
from mtproto.vectors.outcome import Mismatch, Output, Refused


def document(**changes: Any) -> dict[str, Any]:
    """A vector file of one group with a valid and an invalid test, as JSON gives it."""
    tests = [
        {"id": "t-1", "comment": "", "input": {"a": "00"}, "output": {"b": "01"}, "result": "valid", "flags": []},
        {"id": "t-2", "input": {"a": "ff"}, "output": {"error": "x"}, "result": "invalid", "flags": ["Prime"]},
    ]
    groups = [{"type": "PqFactor", "params": {}, "tests": tests}]
    return {"schema": "mtproto-vectors/1", "numberOfTests": 2, "flags": {}, "groups": groups, **changes}


@pytest.fixture
def file(tmp_path: Path) -> Callable[[object], Path]:
    def write(content: object) -> Path:
        path = tmp_path / "some.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def outcome(path: Path, function: Callable[[Case], Output | Refused]) -> dict[str, str]:
    return dict(run([path], {"PqFactor": function}).failures)


def right(case: Case) -> Output:
    """What the document expects: an output, and a refusal of PqFactor."""
    if case.bytes("a") == b"\xff":
        raise SecurityError("pq")
    return {"b": "01"}


def test_the_expected_output_and_the_expected_refusal_pass(file: Callable[[object], Path]) -> None:
    report = run([file(document())], {"PqFactor": right})
    assert (report.passed, report.failures, report.skipped, report.exit_code) == (2, [], 0, 0)
    assert report.lines() == ["some.json: 2 passed", "2 passed, 0 failed, 0 skipped"]


def raising(error: BaseException) -> Callable[[Case], Output]:
    def function(case: Case) -> Output:
        raise error

    return function


@pytest.mark.parametrize(
    ("function", "valid", "invalid"),
    [
        (lambda case: {"b": "02"}, "wrong output: b", "accepted what has to be refused ()"),
        (lambda case: {}, "wrong output: b", "accepted what has to be refused ()"),
        (lambda case: {"b": "01", "c": 1}, "wrong output: c", "accepted what has to be refused ()"),
        (raising(Mismatch("x")), "wrong result: x", "wrong result: x"),
        (raising(ValueError("x")), "a crash: ValueError: x", "a crash: ValueError: x"),
        (raising(SystemExit(0)), "a crash: SystemExit: 0", "a crash: SystemExit: 0"),
        (raising(AssertionError()), "a crash: AssertionError: ", "a crash: AssertionError: "),
        (
            raising(DecodeError("eof")),
            "refused what has to be accepted: decode.eof",
            "refused as decode.eof, which is not the reason: pq",
        ),
        (
            raising(UsageError("x")),
            "refused what has to be accepted: usage",
            "refused as usage, which is not the reason: pq",
        ),
        (
            lambda case: Refused("ignored"),
            "refused what has to be accepted: ignored",
            "refused as ignored, which is not the reason: pq",
        ),
    ],
)
def test_everything_else_fails(
    function: Callable[[Case], Output], valid: str, invalid: str, file: Callable[[object], Path]
) -> None:
    assert outcome(file(document()), function) == {"t-1": valid, "t-2": invalid}


def test_a_hardening_test_that_is_accepted_fails_too(file: Callable[[object], Path]) -> None:
    content = document()
    content["groups"][0]["tests"][1]["flags"].append("Hardening")
    assert "t-2" in outcome(file(content), lambda case: {"b": "01"})


def test_an_endless_loop_is_given_up(file: Callable[[object], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "TIME_LIMIT", 0.05)
    running = True

    def loop(case: Case) -> Output:
        while running:
            pass
        return {}

    try:
        failures = outcome(file(document()), loop)
    finally:
        running = False
    assert failures == dict.fromkeys(("t-1", "t-2"), "took more than 0.05 s")


def test_a_right_output_that_comes_too_late_fails(
    file: Callable[[object], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "TIME_LIMIT", 0.02)

    def late(case: Case) -> Output:
        end = time.thread_time() + 0.03
        while time.thread_time() < end:
            pass
        return right(case)

    assert outcome(file(document()), late) == dict.fromkeys(("t-1", "t-2"), "took more than 0.02 s")


def test_a_wait_without_computing_is_given_up(file: Callable[[object], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from threading import Event

    monkeypatch.setattr(runner, "TIME_LIMIT", 0.01)
    never = Event()
    try:
        failures = outcome(file(document()), lambda case: {"b": never.wait()})
    finally:
        never.set()
    assert failures.keys() == {"t-1", "t-2"}


def test_a_type_without_a_function_is_skipped_and_named(file: Callable[[object], Path]) -> None:
    report = run([file(document())], {})
    assert (report.passed, report.failures, report.skipped, report.exit_code) == (0, [], 2, 0)
    assert "PqFactor (2)" in report.lines()[0]
    assert report.lines()[-1] == "0 passed, 0 failed, 2 skipped"


def test_the_front_prints_the_totals_last_and_tells_a_failure(
    file: Callable[[object], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    content = document()
    content["groups"][0]["tests"][0].update(input={"pq": "23"}, output={"p": "05", "q": "07"})
    content["groups"][0]["tests"][1].update(input={"pq": "07"})
    assert main([file(content)]) == 0
    assert capsys.readouterr().out == "some.json: 2 passed\n2 passed, 0 failed, 0 skipped\n"
    content["groups"][0]["tests"][1].update(input={"pq": "23"}, comment="a prime")
    assert main([file(content)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "some.json: 1 passed, 1 failed",
        "FAILED t-2: accepted what has to be refused (a prime)",
        "1 passed, 1 failed, 0 skipped",
    ]


def changed(path: str, value: object) -> dict[str, Any]:
    """The document with the value at a path such as ``groups.0.type`` replaced, or removed where it is ``...``."""
    content = document()
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = content
    for step in way:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return content


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[" * 100_000,
        "null",
        "[]",
        "{}",
        '"mtproto-vectors/1"',
        changed("schema", "mtproto-vectors/2"),
        changed("schema", ...),
        changed("groups", ...),
        changed("groups", {}),
        changed("groups.0", []),
        changed("groups.0.type", 7),
        changed("groups.0.params", ...),
        changed("groups.0.tests", {"id": "t-1"}),
        changed("groups.0.tests.0", "t-1"),
        changed("groups.0.tests.0.id", ...),
        changed("groups.0.tests.0.id", "t-2"),
        changed("groups.0.tests.0.input", "00"),
        changed("groups.0.tests.0.output", ...),
        changed("groups.0.tests.0.result", "acceptable"),
        changed("groups.0.tests.0.flags", "Prime"),
        changed("groups.0.tests.0.flags", [1]),
        changed("numberOfTests", 3),
        changed("numberOfTests", ...),
    ],
    ids=lambda content: str(content)[:40] if isinstance(content, str) else "",
)
def test_a_malformed_file_is_refused_in_one_line(content: object, file: Callable[[object], Path]) -> None:
    path = file(content)
    with pytest.raises(UsageError) as refusal:
        run([path], {})
    assert str(refusal.value).startswith(f"{path}: ")
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < len(str(path)) + 120


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "some.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"some\.json"):
        run([tmp_path / "some.json"])


def test_a_path_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"missing\.json: no such file"):
        run([tmp_path / "missing.json"])


def test_a_folder_stands_for_its_json_files_in_order(tmp_path: Path) -> None:
    for name in ("b", "a"):
        content = document()
        for test in content["groups"][0]["tests"]:
            test["id"] = name + test["id"]
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    (tmp_path / "README.md").write_text("not a vector file")
    report = run([tmp_path], {})
    assert [file.name for file in report.files] == ["a.json", "b.json"]


def test_a_folder_without_vectors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no vector files"):
        run([tmp_path])


def test_nothing_runs_when_one_of_several_files_is_malformed(file: Callable[[object], Path], tmp_path: Path) -> None:
    good = file(document())
    bad = tmp_path / "bad.json"
    bad.write_text("{}")
    ran: list[Case] = []

    def note(case: Case) -> Output:
        ran.append(case)
        return {}

    with pytest.raises(UsageError):
        run([good, bad], {"PqFactor": note})
    assert ran == []


def test_an_input_may_be_a_run_of_one_byte(file: Callable[[object], Path]) -> None:
    content = document()
    content["groups"][0]["tests"][0]["input"] = {"aRepeat": {"byte": "61", "count": 5}}
    assert load(file(content))[0].bytes("a") == b"aaaaa"


def test_a_test_knows_the_others_of_its_file(file: Callable[[object], Path]) -> None:
    cases = load(file(document()))
    assert cases[0].others == cases
    assert repr(cases[0]) == "<Case t-1>"
