"""The code generator: what is checked in is fresh, and every form of TL-08 comes out right."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from codegen.__main__ import ROOT, generate, main, read_sources, stale
from codegen.facade import flat_tail, ir_text
from codegen.objects import module_text
from codegen.scope import Model
from mtproto.errors import DecodeError, UsageError
from mtproto.tl import ir, registry
from mtproto.tl.dynamic import OBJECT, Codec
from mtproto.tl.registry import decode
from mtproto.tl.schema import Schema, SchemaError, parse
from tests.strategies import Maker, Seeded

ODD = """
leaf x:int = Leaf;
pair s:string = Pair;
couple t:true u:True o:Object = Pair;
numbers a:Vector<int> b:Vector<long> c:Vector<double> d:vector<int> e:vector<double> = Numbers;
tree a:%Leaf b:leaf c:vector<%Leaf> d:Vector<vector<Vector<int>>> e:vector Pair f:Vector<leaf> = Tree;
late id:long w:# a:w.31?int s:string v:# b:v.0?true c:w.0?Vector<Vector<Pair>> d:v.0?vector<bytes> e:int128
  f:v.4?int256 g:v.4?Bool h:v.4?double i:v.4?%Leaf j:w.5?True k:w.6?Object l:v.9?int m:w.9?int n:v.9?int = Late;
words pos:int buf:string word:# self:word.0?true from:word.1?Leaf class:long bytes:bytes int:int new:int = Words;
many f:# a:f.0?true b:f.1?true c:f.2?true d:f.3?true e:f.3?int g:# = Many;
bools a:Bool b:Bool c:Vector<Bool> d:Vector<string> e:Vector<bytes> f:Vector<int128> = Bools;
---functions---
run {X:Type} query:!X n:int = X;
get n:int = Vector<Leaf>;
count = Vector<int>;
check = Bool;
fetch = Tree;
"""


def sources() -> dict[str, str]:
    return read_sources(ROOT)


def test_what_is_checked_in_is_fresh() -> None:
    assert stale(generate(sources()), ROOT / "mtproto" / "schema") == []


def test_generation_is_deterministic() -> None:
    assert list(generate(sources()).items()) == list(generate(dict(reversed(sources().items()))).items())


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "tl_schema", tmp_path / "tl_schema")
    shutil.copytree(
        ROOT / "mtproto" / "schema", tmp_path / "mtproto" / "schema", ignore=shutil.ignore_patterns("__pycache__")
    )
    return tmp_path


def test_check_passes_on_a_fresh_checkout(checkout: Path) -> None:
    assert main(["--check", "--root", str(checkout)]) == 0


def test_check_names_changed_missing_and_left_over_files_and_writing_mends_them(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schema = checkout / "mtproto" / "schema"
    with (schema / "mtproto.py").open("a") as file:
        file.write("# edited\n")
    (schema / "api" / "boxed.pyi").unlink()
    (schema / "api" / "types" / "gone.py").write_text("")
    assert main(["--check", "--root", str(checkout)]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "stale: mtproto/schema/api/boxed.pyi",
        "stale: mtproto/schema/api/types/gone.py",
        "stale: mtproto/schema/mtproto.py",
    ]
    assert main(["--root", str(checkout)]) == 0
    assert main(["--check", "--root", str(checkout)]) == 0


@pytest.mark.requirement("TL-14")
def test_a_bad_schema_is_reported_in_one_line(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schema = checkout / "tl_schema" / "api.tl"
    lines = schema.read_text().splitlines()
    schema.write_text("\n".join([*lines, "broken x:Nothing = Broken;"]))
    assert main(["--check", "--root", str(checkout)]) == 2
    where = f"tl_schema/api.tl:{len(lines) + 1}: "
    assert capsys.readouterr().err.startswith(f"{where}the type Nothing has no constructor: broken#")


@pytest.mark.parametrize(
    "text",
    [
        "a_b x:int = A; aB y:int = A;",
        "a self:int self_:int = A;",
        "a flags:# extra_flags:flags.0?int = A;",
        "a.b x:int = a.B; c = AB; d = a.B;",
    ],
)
@pytest.mark.requirement("TL-13")
def test_names_that_would_be_lost_are_refused(text: str) -> None:
    with pytest.raises(SchemaError, match=r"called|lost"):
        generate({"mtproto.tl": text})


@pytest.fixture(scope="module")
def odd() -> Iterator[ModuleType]:
    """A generated schema with every form of field, imported from its text."""
    schema = parse(ODD)
    model = Model("odd", schema, flat=True)
    text = module_text(model, list(schema.combinators), "Odd.", flat_tail(model))
    module = ModuleType("mtproto.schema.odd")
    sys.modules[module.__name__] = module
    exec(compile(text, "odd.py", "exec"), module.__dict__)
    ir._schemas["odd", None] = ir.load(ir_text(model))
    ir._by_name["odd"] = {combinator.name: combinator for combinator in schema.combinators}
    yield module
    del sys.modules[module.__name__], registry.schemas["odd"], ir._schemas["odd", None], ir._by_name["odd"]


def odd_codec() -> Codec:
    return Codec(parse(ODD), "odd:")


class OddMaker(Maker):
    """Objects of any type are pairs here."""

    def value(self, type_ref: Any, depth: int = 0) -> Any:
        if type_ref.name == "Object" or type_ref.name.startswith("!"):
            name = "leaf" if type_ref.name == "Object" else "get"
            return self.combinator(self.codec.by_name[name], depth)
        return super().value(type_ref, depth)


@pytest.mark.parametrize("name", [combinator.name for combinator in parse(ODD).combinators])
@pytest.mark.parametrize("fill", [True, False, None])
@pytest.mark.requirement("TL-08", "TL-42", "TL-88")
def test_every_form_of_field_is_the_same_in_both_codecs(odd: ModuleType, name: str, fill: bool | None) -> None:
    found = odd_codec()
    for seed in range(30):
        data = found.encode(OddMaker(found, Seeded(seed), fill).combinator(found.by_name[name]), OBJECT)
        value = decode(data, odd.read_object)
        assert value.to_bytes() == data
        assert found.encode(value, OBJECT) == data
        for size in range(0, len(data), 4):
            with pytest.raises(DecodeError):
                decode(data[:size], odd.read_object)


@pytest.mark.requirement("TL-45", "TL-50")
def test_results_are_read_by_their_type(odd: ModuleType) -> None:
    vector = bytes.fromhex("15c4b51c")
    leaves = odd_codec().encode([{"_": "odd:leaf", "x": 3}], "Vector<Leaf>")
    assert decode(leaves, odd.Get(n=1).read_result) == [odd.Leaf(x=3)]
    assert decode(leaves, odd.Run(query=odd.Get(n=1), n=2).read_result) == [odd.Leaf(x=3)]
    assert decode(vector + bytes(4), odd.Count().read_result) == []
    assert decode(bytes.fromhex("b5757299"), odd.Check().read_result) is True


@pytest.mark.requirement("TL-51")
def test_a_bare_object_must_be_of_its_constructor(odd: ModuleType) -> None:
    tree = odd.Tree(a=odd.Pair(s=""), b=odd.Leaf(x=1), c=[], d=[], e=[], f=[])
    with pytest.raises(UsageError, match="a: expects Leaf"):
        tree.to_bytes()


@pytest.mark.requirement("TL-46")
def test_fields_that_share_a_bit_from_afar_are_checked(odd: ModuleType) -> None:
    fields: dict[str, Any] = {"id": 1, "s": "", "e": bytes(16)}
    halves: list[dict[str, Any]] = [{"b": True}, {"d": []}, {"f": bytes(32)}, {"l": 1}, {"l": 1, "m": 5}, {"n": 1}]
    for uneven in halves:
        with pytest.raises(UsageError):
            odd.Late(**fields, **uneven).to_bytes()
    assert odd.Late(**fields, b=True, d=[b"x"], l=1, n=2, m=3).to_bytes()


@pytest.mark.requirement("TL-36", "TL-47")
def test_a_mandatory_true_and_unknown_words_are_kept(odd: ModuleType) -> None:
    value = odd.Many(a=True, d=True, e=0, extra_g=5, extra_f=1 << 20)
    assert decode(value.to_bytes(), odd.read_object) == value
    with pytest.raises(UsageError):
        odd.Couple(t=False, u=True, o=odd.Leaf(x=1)).to_bytes()


def test_an_empty_schema_can_be_generated() -> None:
    assert ir_text(Model("none", Schema(None, ()), flat=True)) == '{"layer":null,"combinators":[\n\n]}\n'
