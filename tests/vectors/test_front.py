"""``mtproto vectors``: selection, list, scorecard, and the whole way through a command, end to end."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from mtproto.cli import main
from mtproto.vectors.case import SHIPPED, load
from mtproto.vectors.compare import differences
from tests.vectors.test_shipped import PASSING

OWN = f"{sys.executable} -m mtproto.vectors.adaptor"
LONG = {"auth_key_exchange", "dh_params", "faulty_exchanges", "srp"}
"""Files of many 2048-bit powers: .ci/run puts them to the adaptor once, not on each Python."""
SLOW = ["--timeout", "100"]
"""For machines that are busy with other things."""


@pytest.mark.parametrize("name", [name for name in PASSING if name not in LONG])
def test_our_own_adaptor_passes_every_test_of_the_file(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is not told what is expected."""
    status = main(["vectors", "--suite", name, "--exec", OWN, *SLOW])
    assert capsys.readouterr().out.splitlines() == [
        f"{name}.json: {PASSING[name]} passed",
        f"{PASSING[name]} passed, 0 failed, 0 skipped",
    ]
    assert status == 0


def test_the_list_has_a_line_per_file_and_the_totals(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vectors", "--list"]) == 0
    *files, total = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in files] == sorted(PASSING)
    assert [int(line.split()[1]) for line in files] == [PASSING[name] for name in sorted(PASSING)]
    pq = next(line for line in files if line.startswith("pq "))
    assert pq.split() == ["pq", "44", "tests", "27", "valid", "17", "invalid", "PqFactor"]
    valid = sum(case.valid for name in PASSING for case in load(SHIPPED / f"{name}.json"))
    tests = sum(PASSING.values())
    numbers = [len(PASSING), tests, valid, tests - valid]
    assert [int(word) for word in total.split() if word.isdecimal()] == numbers


def test_suites_are_chosen_by_name_and_run_in_the_order_of_the_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vectors", "--list", "--suite", "pq", "--suite", "aes_ige.json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["aes_ige", "pq", "2"]


def test_suites_choose_among_the_files_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.json").write_bytes((SHIPPED / "pq.json").read_bytes())
    assert main(["vectors", str(tmp_path), "--suite", "mine"]) == 0
    assert capsys.readouterr().out.startswith("mine.json: 44 passed\n")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--suite", "nonsense"], "no suite nonsense among aes_ige, auth_key_exchange"),
        (["--exec", "no-such-program-at-all"], "--exec: no such program: no-such-program-at-all"),
        (["--timeout", "3"], "--timeout goes with --exec"),
        (["--list", "--exec", "true"], "--list runs nothing"),
        (["--list", "--json", "-"], "--list runs nothing"),
        (["--suite", "pq", "--json", "/no/such/folder/x.json"], "--json /no/such/folder/x.json: No such file"),
    ],
)
def test_a_wrong_use_is_one_line_and_status_2(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["vectors", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith(reason) and captured.err.count("\n") == 1


def program(tmp_path: Path, body: str) -> str:
    path = tmp_path / "program.py"
    path.write_text(f"import json, sys\nfor line in sys.stdin:\n    test = json.loads(line)\n    {body}\n")
    return f"{sys.executable} {path}"


def test_the_scorecard_names_what_is_not_strict_and_what_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An implementation that accepts everything, with an empty output."""
    command = program(tmp_path, 'print(json.dumps({"id": test["id"], "output": {}}), flush=True)')
    assert main(["vectors", "--suite", "pq", "--exec", command, *SLOW]) == 1
    head, *lines, total = capsys.readouterr().out.splitlines()
    assert head == "pq.json: 0 passed, 5 non-strict, 39 failed"
    assert [line.split()[0] for line in lines] == ["NON-STRICT"] * 5 + ["FAILED"] * 39
    assert "FAILED pq-001: wrong output: p, q" in lines
    assert total == "0 passed, 39 failed, 0 skipped"


def test_a_command_that_skips_everything_passes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = program(tmp_path, 'print(json.dumps({"id": test["id"], "skipped": True}), flush=True)')
    assert main(["vectors", "--suite", "pq", "--exec", command, *SLOW]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "pq.json: 0 passed, 44 skipped, not implemented: PqFactor (44)",
        "0 passed, 0 failed, 44 skipped",
    ]


@pytest.mark.parametrize("to_file", [True, False], ids=["file", "standard output"])
def test_the_scorecard_as_json(to_file: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "card.json"
    command = program(tmp_path, 'print(json.dumps({"id": test["id"], "output": {}}), flush=True)')
    arguments = ["--suite", "pq", "--exec", command, *SLOW, "--json", str(path) if to_file else "-"]
    assert main(["vectors", *arguments]) == 1
    out = capsys.readouterr().out
    assert out.endswith("0 passed, 39 failed, 0 skipped\n") is to_file
    card = json.loads(path.read_text() if to_file else out)
    assert card["command"] == command
    assert (card["passed"], card["nonStrict"], card["failed"], card["skipped"]) == (0, 5, 39, 0)
    (file,) = card["files"]
    assert file["name"] == "pq.json" and file["passed"] == 0 and file["skipped"] == {}
    assert file["failures"][0] == {"id": "pq-001", "reason": "wrong output: p, q"}
    assert len(file["nonStrict"]) == 5


def test_the_scorecard_of_this_library_names_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vectors", "--suite", "pq", "--json", "-"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert (card["command"], card["passed"], card["failed"]) == (None, 44, 0)


# --- what counts as the expected output


@pytest.mark.parametrize(
    ("name", "test_id", "member", "value", "wrong"),
    [
        ("tl_primitives", "tl_primitives-074", "bytes", "fe000001" + "61" * 65536, ["length", "prefix", "sha256"]),
        ("service_messages", "service_messages-005", "data", None, ["length", "sha256"]),
        ("fake_tls", "fake_tls-028", "wire", "1703034000" + "33" * 16384, ["header", "wireSha256"]),
        ("transports", "transports-014", "wire", "7f004000" + "5a" * 65536, ["header", "wireLength", "wireSha256"]),
    ],
)
def test_a_long_value_may_come_whole(name: str, test_id: str, member: str, value: str | None, wrong: list[str]) -> None:
    case = next(case for case in load(SHIPPED / f"{name}.json") if case.id == test_id)
    if value is None:
        from mtproto.message import gzip

        value = gzip.unpack(case.bytes("bytes")).hex()
    assert differences(case, {member: value}) == []
    assert differences(case, case.output) == []
    assert set(differences(case, {member: value[:-2] + "00"})) <= {*wrong} and differences(case, {member: "00"})
    assert differences(case, {member: "no hex"}) == sorted([*wrong, member])
    assert differences(case, {member: 7}) == sorted([*wrong, member])


def test_a_generated_msg_id_is_any_that_the_rule_allows() -> None:
    case = next(case for case in load(SHIPPED / "msg_id_seqno.json") if case.type == "MsgIdGenerate")
    least = int(case.output["minimum"])
    for allowed in (least, least + 4, least + (1 << 32) - 4):
        assert differences(case, {"msgId": str(allowed)}) == []
    assert differences(case, case.output) == []
    for refused in (str(least - 4), str(least + 1), str(least + (1 << 32)), least, "x", "", "9" * 5000):
        assert differences(case, {"msgId": refused}) == ["divisibleBy", "minimum", "msgId"]


def test_a_member_too_much_or_missing_is_a_difference() -> None:
    case = load(SHIPPED / "pq.json")[0]
    assert differences(case, case.output) == []
    assert differences(case, {**case.output, "note": None}) == ["note"]
    assert differences(case, {"p": case.output["p"]}) == ["q"]
