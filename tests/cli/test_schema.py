"""``mtproto schema``: what changed between two layers, and what a declaration is in one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mtproto.schema.api import LAYERS
from tests.cli.conftest import Command

OLD = """// LAYER 1
kept x:int = A;
gone = A;
shared flags:# a:flags.0?int = A;
moved x:int y:int = A;
---functions---
get = A;
"""
NEW = """// LAYER 2
kept x:int = A;
shared flags:# a:flags.0?int b:flags.1?true = A;
moved y:int x:int = A;
come s:string = A;
---functions---
get = B;
"""
B = "b = B;\n"


def test_the_difference_of_two_layers_names_what_was_added_removed_and_changed(mtproto: Command) -> None:
    lines = mtproto("schema", "diff", "198", "229").out.splitlines()
    connection = next(line for line in lines if "botBusinessConnection#" in line)
    assert connection == (
        "~ botBusinessConnection#896433b4 → #8f34b2f5 -can_reply:flags.0?true +rights:flags.2?BusinessBotRights"
    )
    rights = [line for line in lines if line.startswith("+ businessBotRights#a0624cf7 flags:# reply:flags.0?true")]
    assert len(rights) == 1
    assert any(line.startswith("- users.getIsPremiumRequiredToContact#a622aa10 ") for line in lines)
    marks = [line[0] for line in lines[:-1]]
    counts = f"{marks.count('+')} added, {marks.count('-')} removed, {marks.count('~')} changed"
    assert lines[-1] == counts == "422 added, 42 removed, 158 changed"


def test_the_difference_backwards_is_the_reverse(mtproto: Command) -> None:
    there = json.loads(mtproto("schema", "diff", "224", "227", "--json").out)
    back = json.loads(mtproto("schema", "diff", "227", "224", "--json").out)
    assert there["added"] == back["removed"] != []
    assert there["removed"] == back["added"]
    assert [(pair["old"], pair["new"]) for pair in there["changed"]] == [
        (pair["new"], pair["old"]) for pair in back["changed"]
    ]


def test_a_layer_does_not_differ_from_itself(mtproto: Command) -> None:
    assert mtproto("schema", "diff", "198", "198").out == "0 added, 0 removed, 0 changed\n"


def test_files_are_compared_line_by_line(mtproto: Command, tmp_path: Path) -> None:
    (tmp_path / "old.tl").write_text(OLD)
    (tmp_path / "new.tl").write_text(NEW + "---types---\n" + B)
    lines = mtproto("schema", "diff", str(tmp_path / "old.tl"), str(tmp_path / "new.tl")).out.splitlines()
    assert [line.partition("#")[0] for line in lines] == [
        "+ b",
        "+ come",
        "~ get",
        "- gone",
        "~ moved",
        "~ shared",
        "2 added, 1 removed, 3 changed",
    ]
    assert next(line for line in lines if line.startswith("~ get")).endswith("function A → function B")
    assert next(line for line in lines if line.startswith("~ shared")).endswith(" +b:flags.1?true")


def test_a_declaration_is_shown_in_the_layer_asked_for(mtproto: Command) -> None:
    assert "rights:flags.2?BusinessBotRights" in mtproto("schema", "show", "botBusinessConnection").out
    old = mtproto("schema", "show", "botBusinessConnection", "--layer", "198").out
    assert old.startswith("botBusinessConnection#896433b4 flags:# can_reply:flags.0?true ")
    shown = mtproto("schema", "show", "account.getBotBusinessConnection").out
    assert shown == "account.getBotBusinessConnection#76a86270 connection_id:string = Updates\n"


def test_the_known_layers_are_listed(mtproto: Command) -> None:
    assert mtproto("schema", "layers").out.split() == [str(layer) for layer in LAYERS]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ((), "diff|show|layers"),
        (("compare",), "invalid choice: 'compare'"),
        (("diff", "198"), "diff expects two layers or files"),
        (("diff", "198", "227", "229"), "diff expects two layers or files"),
        (("diff", "198", "199"), "has no layer 199; known are 158, "),
        (("diff", "198", "no-such-file.tl"), "no-such-file.tl cannot be read: No such file"),
        (("diff", "198", "."), ". cannot be read: Is a directory"),
        (("diff", "198", "229", "--layer", "1"), "--layer goes with show"),
        (("show",), "show expects the name of a combinator"),
        (("show", "botBusinesConnection"), "layer 229 has no botBusinesConnection; did you mean botBusinessConnection"),
        (("show", "businessBotRights", "--layer", "198"), "layer 198 has no businessBotRights"),
        (("show", "x\n\x1b[2J"), "has no x\\n\\x1b[2J"),
        (("show", "user", "--layer", "1"), "has no layer 1;"),
        (("show", "user", "--layer", "x"), "--layer: expects a positive number"),
        (("layers", "1"), "layers expects no names"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(mtproto: Command, argv: tuple[str, ...], said: str) -> None:
    ended = mtproto("schema", *argv)
    assert ended.status == 2
    assert said in ended.line
    assert len(ended.err.splitlines()) == 1
    assert ended.out == ""


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"broken", "old.tl:1: "), (b"\xff\xfe", "old.tl is not text"), (b"{}", "old.tl:1: this JSON is no schema")],
)
def test_a_file_that_is_no_schema_is_refused(mtproto: Command, tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "old.tl"
    path.write_bytes(content)
    ended = mtproto("schema", "diff", str(path), "229")
    assert (ended.status, len(ended.err.splitlines())) == (2, 1)
    assert said in ended.line
