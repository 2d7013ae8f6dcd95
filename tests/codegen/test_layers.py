"""``python -m codegen import``: a full schema becomes what differs from the newest layer, and comes back whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.__main__ import ROOT, generate, main, read_sources
from codegen.layers import imported, layer_text, read_layer
from mtproto.tl.formats import read_schema
from mtproto.tl.schema import Schema, SchemaError

NEWEST = """
// LAYER 9
same x:int = A;
flagged flags:# a:flags.0?true b:flags.1?true = A;
changed x:int y:int = B;
new s:string = New;
---functions---
get = A;
put b:B = Bool;
"""
OLDER = """
// LAYER 5
same x:int = A;
flagged flags:# a:flags.0?true = A;
changed x:int = B;
old s:string = Old;
---functions---
get = A;
drop b:B = Bool;
"""
DIFFERENCE = """\
// LAYER 5
// differs from layer 9

---types---

flagged#d4ba7c42 flags:# a:flags.0?true = A;
changed#2a9de6d4 x:int = B;
old#90d1fdb6 s:string = Old;

---functions---

drop#acd2d4b3 b:B = Bool;

---absent---

new
put
"""


def by_name(schema: Schema) -> set[str]:
    return {f"{item.kind} {item}" for item in schema.combinators}


def test_a_difference_has_what_changed_what_is_only_there_and_the_names_it_lacks() -> None:
    newest, older = read_schema(NEWEST), read_schema(OLDER)
    text = layer_text(newest, older)
    without_ids = [
        line.partition("#")[0] + line[line.find(" ") :] if "#" in line else line for line in text.splitlines()
    ]
    expected = [
        line.partition("#")[0] + line[line.find(" ") :] if "#" in line else line for line in DIFFERENCE.splitlines()
    ]
    assert without_ids == expected


@pytest.mark.requirement("TL-25")
def test_a_flag_without_bytes_is_a_difference_although_the_id_is_the_same() -> None:
    """TL-25."""
    newest, older = read_schema(NEWEST), read_schema(OLDER)
    assert "flagged#" in layer_text(newest, older)
    assert {item.id for item in older.combinators if item.name == "flagged"} <= {item.id for item in newest.combinators}


def test_the_whole_layer_comes_back_from_the_difference() -> None:
    newest, older = read_schema(NEWEST), read_schema(OLDER)
    again = read_layer(newest, layer_text(newest, older), "5.tl")
    assert again.layer == 5
    assert by_name(again) == by_name(older)


def test_a_newer_layer_becomes_the_newest_and_every_difference_is_made_anew() -> None:
    newest, older = read_schema(NEWEST), read_schema(OLDER)
    text = NEWEST.replace("LAYER 9", "LAYER 10").replace("new s:string", "new s:string t:string")
    newer = read_schema(text)
    files = imported({"api.tl": NEWEST, "layers/5.tl": layer_text(newest, older)}, newer)
    assert set(files) == {"api.tl", "layers/5.tl", "layers/9.tl"}
    assert by_name(read_schema(files["api.tl"])) == by_name(newer)
    assert by_name(read_layer(newer, files["layers/5.tl"], "5.tl")) == by_name(older)
    assert by_name(read_layer(newer, files["layers/9.tl"], "9.tl")) == by_name(newest)


def test_what_is_imported_a_second_time_changes_nothing() -> None:
    files = imported({"api.tl": NEWEST}, read_schema(OLDER))
    assert set(files) == {"layers/5.tl"}
    assert imported({"api.tl": NEWEST, **files}, read_schema(OLDER)) == {}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("layer 9", "layer 8", "not layer 9"),
        ("// LAYER 5\n", "", "TL-03"),
        ("\nput\n", "\nput\nnothing\n", "nothing is to be absent"),
        ("\ndrop", "\ndrop2 c:New = Bool;\ndrop", "the type New has no constructor"),
        ("x:int = B", "x:long = B", "TL-24"),
    ],
)
@pytest.mark.requirement("TL-03", "TL-24")
def test_a_difference_that_is_wrong_is_refused(old: str, new: str, reason: str) -> None:
    newest = read_schema(NEWEST)
    text = layer_text(newest, read_schema(OLDER))
    assert old in text
    with pytest.raises(SchemaError, match=reason):
        read_layer(newest, text.replace(old, new), "5.tl")


def test_every_checked_in_layer_is_generated() -> None:
    sources = read_sources(ROOT)
    layers = [path for path in sources if path.startswith("layers/")]
    assert len(layers) >= 13
    assert {path.replace(".tl", ".json") for path in layers} <= generate(sources).keys()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "tl_schema"
    folder.mkdir()
    (folder / "api.tl").write_text(NEWEST)
    (folder / "mtproto.tl").write_text((ROOT / "tl_schema" / "mtproto.tl").read_text())
    assert main(["--root", str(tmp_path)]) == 0
    return tmp_path


def older_file(checkout: Path, text: str = OLDER) -> str:
    path = checkout / "older.tl"
    path.write_text(text)
    return str(path)


def test_the_command_writes_the_difference_and_the_description(checkout: Path) -> None:
    assert main(["--root", str(checkout), "import", older_file(checkout)]) == 0
    assert (checkout / "tl_schema" / "layers" / "5.tl").read_text().startswith("// LAYER 5\n")
    assert '"absent":["new","put"]' in (checkout / "mtproto" / "schema" / "layers" / "5.json").read_text()
    assert "LAYERS = (5, 9,)" in (checkout / "mtproto" / "schema" / "api" / "_registry.py").read_text()
    assert main(["--root", str(checkout), "--check"]) == 0


def test_check_names_a_difference_that_was_edited(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--root", str(checkout), "import", older_file(checkout)])
    path = checkout / "tl_schema" / "layers" / "5.tl"
    path.write_text(path.read_text().replace("\nput\n", "\n"))
    capsys.readouterr()
    assert main(["--root", str(checkout), "--check"]) == 1
    assert capsys.readouterr().err == "stale: mtproto/schema/layers/5.json\n"


def test_a_difference_belongs_into_the_file_of_its_number(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--root", str(checkout), "import", older_file(checkout)])
    folder = checkout / "tl_schema" / "layers"
    (folder / "5.tl").rename(folder / "6.tl")
    assert main(["--root", str(checkout), "--check"]) == 2
    assert capsys.readouterr().err == "tl_schema/layers/6.tl:1: this is layer 5\n"


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        (OLDER.replace("// LAYER 5", ""), [], "does not say its layer"),
        (OLDER, ["--layer", "6"], "says layer 5, not 6"),
        (OLDER.replace("same x", "same#00000001 x"), [], "TL-24"),
        ("{}", [], "no schema that is known"),
    ],
)
def test_a_file_that_is_refused_changes_nothing(
    checkout: Path, capsys: pytest.CaptureFixture[str], text: str, options: list[str], reason: str
) -> None:
    assert main(["--root", str(checkout), "import", older_file(checkout, text), *options]) == 2
    assert reason in capsys.readouterr().err
    assert not (checkout / "tl_schema" / "layers").exists()


def test_the_layer_can_be_given_and_names_can_be_left_out(checkout: Path) -> None:
    file = older_file(checkout, OLDER.replace("// LAYER 5", ""))
    assert main(["--root", str(checkout), "import", file, "--layer", "4", "--without", "drop", "old"]) == 0
    text = (checkout / "tl_schema" / "layers" / "4.tl").read_text()
    assert "drop" not in text
    assert "old#" not in text
