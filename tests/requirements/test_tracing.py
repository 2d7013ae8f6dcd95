"""The tracing itself: what it reads, what it refuses, and that its table and patches are fresh."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.requirements.__main__ import main
from tests.requirements.marks import Module, marked_tests
from tests.requirements.proof import prove, some
from tests.requirements.spec import FAMILIES, ROOT, Problem, requirements
from tests.requirements.status import TABLE, Status
from tests.requirements.tables import HERE, Patch, patches, reasons


@pytest.fixture(scope="module")
def status() -> Status:
    return Status()


# The project's own tables


def test_every_marker_reason_and_patch_names_a_requirement_and_every_patch_applies(status: Status) -> None:
    assert len(status.requirements) == 480
    assert {id.partition("-")[0] for id in status.requirements} == set(FAMILIES)


@pytest.mark.requirement("SEC-90")
def test_every_row_of_the_security_requirements_is_tested_or_not_ours(status: Status) -> None:
    rows = [id for id in status.requirements if id.startswith("SEC-")]
    assert [id for id in rows if id not in status.tests and id not in status.reasons] == [
        id for id in status.missing if id.startswith("SEC-")
    ]
    assert len([id for id in rows if id in status.tests]) > 80


def test_the_table_in_the_documentation_is_fresh(status: Status) -> None:
    text = (ROOT / TABLE).read_text(encoding="utf-8")
    assert text == status.table(), "python -m tests.requirements --table writes it anew"


def test_one_proof_from_end_to_end_and_a_patch_that_breaks_nothing() -> None:
    status = Status()
    path = ROOT / "mtproto" / "tl" / "wire.py"
    before = path.read_bytes()
    first = path.read_text(encoding="utf-8").splitlines()[0]
    status.patches["TL-36"] = Patch("TL-36", "mtproto/tl/wire.py", first, first + " ")
    proofs = prove(["TL-39", "TL-36"], status)
    assert proofs["TL-39"][0], proofs
    assert proofs["TL-36"] == (False, "every test passes with the breaking patch")
    assert path.read_bytes() == before


def test_a_seed_chooses_the_same_ids_again_and_another_one_others(status: Status) -> None:
    chosen = some(40, "a", status)
    assert chosen == some(40, "a", status) != some(40, "b", status)
    assert len(set(chosen)) == 40 <= len(status.patches)
    assert len(some(10**6, "a", status)) == len(status.patches)


def test_an_id_without_a_patch_cannot_be_proved(status: Status) -> None:
    with pytest.raises(Problem, match="no patch is stored for TR-32"):
        prove(["TR-32"], status)


# Markers


def marked(source: str) -> dict[str, list[str]]:
    return Module(source, "tests/test_x.py").tests


def test_markers_are_read_wherever_pytest_takes_them() -> None:
    source = """
pytestmark = pytest.mark.requirement("TL-01")
CASES = [pytest.param(1, marks=pytest.mark.requirement("TL-02", "TL-03")), 2]
def test_plain(): ...
@pytest.mark.requirement("TL-04")
@pytest.mark.parametrize("x", CASES)
def test_table(x): ...
@pytest.mark.requirement("TL-05")
class TestAll:
    @pytest.mark.requirement("TL-06", "TL-05")
    async def test_method(self): ...
    def helper(self): ...
"""
    assert marked(source) == {
        "tests/test_x.py::test_plain": ["TL-01"],
        "tests/test_x.py::test_table": ["TL-01", "TL-04", "TL-02", "TL-03"],
        "tests/test_x.py::TestAll::test_method": ["TL-01", "TL-05", "TL-06"],
    }


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ('@pytest.mark.requirement("TL-01")\ndef helper(): ...', "belongs to no test"),
        ('CASES = [pytest.mark.requirement("TL-01")]\ndef test_x(): ...', "belongs to no test"),
        ("@pytest.mark.requirement()\ndef test_x(): ...", "takes ids, written as strings"),
        ("@pytest.mark.requirement(ID)\ndef test_x(): ...", "takes ids, written as strings"),
        ("@pytest.mark.requirement(5)\ndef test_x(): ...", "takes ids, written as strings"),
        ('@pytest.mark.requirement("TL-01", why="x")\ndef test_x(): ...', "takes ids, written as strings"),
    ],
)
def test_a_marker_that_cannot_be_read_or_marks_nothing_is_an_error(source: str, reason: str) -> None:
    with pytest.raises(Problem, match=reason):
        marked(source)


# A tree of its own

SPEC = "- **TL-01** text\n\n| id |\n|---|\n| **TL-02** | row |\n- **TL-03** more, see **TL-01**\n"
TEST = '@pytest.mark.requirement("TL-01")\ndef test_x():\n    assert 1\n'


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Three requirements: one with a test and a patch, one with a reason, one with neither."""
    for name in ("docs/spec", HERE / "patches"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "docs" / "spec" / "tl.md").write_text(SPEC)
    (tmp_path / "tests" / "test_x.py").write_text(TEST)
    (tmp_path / HERE / "reasons.toml").write_text('[definition]\nTL-02 = "words"\n')
    write_patch(tmp_path, "TL-01", "assert 1")
    return tmp_path


def write_patch(tree: Path, id: str, old: str, file: str = "tests/test_x.py") -> None:
    text = f'[{id}]\nfile = "{file}"\nold = "{old}"\nnew = "assert 0"\n'
    (tree / HERE / "patches" / "tl.toml").write_text(text)


def test_bullets_and_rows_define_requirements_and_mentions_do_not(tree: Path) -> None:
    assert list(requirements(tree)) == ["TL-01", "TL-02", "TL-03"]
    assert marked_tests(tree) == {"TL-01": ["tests/test_x.py::test_x"]}
    assert reasons(tree) == {"TL-02": "definition: words"}
    assert list(patches(tree)) == ["TL-01"]


def test_what_has_neither_a_test_nor_a_reason_is_named_and_fails(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Status(tree)
    assert found.missing == ["TL-03"]
    assert found.lines() == [
        "TL-01  tests/test_x.py::test_x",
        "TL-02  definition: words",
        "TL-03  NEITHER A TEST NOR A REASON",
        "3 requirements: 1 with a test, 1 with a reason, 1 with neither; 1 with a breaking patch",
    ]
    monkeypatch.setattr("tests.requirements.__main__.Status", lambda: found)
    assert main([]) == 1
    found.reasons["TL-03"] = "definition: more words"
    assert main([]) == 0
    assert capsys.readouterr().out.endswith("0 with neither; 1 with a breaking patch\n")


def test_an_unknown_id_is_an_error_in_a_marker_a_reason_and_a_patch(tree: Path) -> None:
    unknown = "TL-" + "99"
    (tree / "tests" / "test_y.py").write_text(TEST.replace("TL-01", unknown))
    with pytest.raises(Problem, match=rf"a marker names {unknown}.*test_y\.py::test_x"):
        Status(tree)
    (tree / "tests" / "test_y.py").unlink()
    write_patch(tree, unknown, "assert 1")
    with pytest.raises(Problem, match=f"a patch names {unknown}"):
        Status(tree)
    (tree / HERE / "reasons.toml").write_text(f'["other role"]\n{unknown} = "words"\n')
    with pytest.raises(Problem, match=f"a reason names {unknown}"):
        Status(tree)


def test_a_reason_for_what_has_a_test_and_a_reason_of_ones_own_are_errors(tree: Path) -> None:
    (tree / HERE / "reasons.toml").write_text('[definition]\nTL-01 = "words"\n')
    with pytest.raises(Problem, match="TL-01 has a reason to have no test, and a test"):
        Status(tree)
    (tree / HERE / "reasons.toml").write_text('["no time"]\nTL-03 = "words"\n')
    with pytest.raises(Problem, match="no admissible reason"):
        Status(tree)


@pytest.mark.parametrize(
    ("id", "old", "file", "reason"),
    [
        ("TL-01", "assert 2", "tests/test_x.py", "no longer applies: its text occurs 0 times"),
        ("TL-01", "test", "tests/test_x.py", "no longer applies: its text occurs 2 times"),
        ("TL-01", "assert 1", "tests/gone.py", "does not exist"),
        ("TL-03", "assert 1", "tests/test_x.py", "has a patch, but no test"),
    ],
)
def test_a_patch_that_no_longer_applies_is_an_error(tree: Path, id: str, old: str, file: str, reason: str) -> None:
    write_patch(tree, id, old, file)
    with pytest.raises(Problem, match=reason):
        Status(tree)


def test_a_requirement_that_is_defined_twice_is_an_error(tree: Path) -> None:
    shutil.copy(tree / "docs" / "spec" / "tl.md", tree / "docs" / "spec" / "zz.md")
    with pytest.raises(Problem, match="TL-01"):
        requirements(tree)
