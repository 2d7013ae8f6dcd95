"""The schema language: TL-01 … TL-24."""

from __future__ import annotations

import re
from binascii import crc32
from collections.abc import Callable
from pathlib import Path

import pytest

from mtproto.tl.ids import PUBLISHED_EXCEPTIONS
from mtproto.tl.schema import (
    Combinator,
    Schema,
    SchemaError,
    TypeRef,
    check_union,
    class_name,
    computed_id,
    declared_id,
    field_name,
    minimum_sizes,
    normalize,
    parse,
    parse_type,
)

SCHEMAS = Path(__file__).parents[2] / "tl_schema"
API = (SCHEMAS / "api.tl").read_text()
LINES = [line for line in API.splitlines() if "=" in line]
PEER = "peerUser#59511722 user_id:long = Peer;\n"


def one(text: str) -> Combinator:
    return parse(text).combinators[-1]


def named(text: str, name: str = "x") -> TypeRef:
    return next(param.type for param in one(text).params if param.name == name)


def declared(line: str) -> str:
    """``line`` with the id that it should have."""
    name, _, rest = line.partition(" ")
    return f"{name}#{computed_id(line):08x} {rest}"


@pytest.mark.requirement("TL-02", "TL-03")
def test_the_api_schema_is_layer_229_with_1652_constructors_and_813_functions() -> None:
    schema = parse(API)
    kinds = [combinator.kind for combinator in schema.combinators]
    assert (schema.layer, kinds.count("type"), kinds.count("function")) == (229, 1652, 813)


@pytest.mark.requirement("TL-04", "TL-05", "TL-08")
def test_every_api_declaration_is_printed_as_it_was_written() -> None:
    assert [f"{combinator};" for combinator in parse(API).combinators] == LINES


@pytest.mark.requirement("TL-12")
def test_the_mtproto_schema_shares_ids_with_the_api_only_where_it_repeats_a_declaration() -> None:
    mtproto = parse((SCHEMAS / "mtproto.tl").read_text())
    check_union([parse(API), mtproto])
    assert len(mtproto.combinators) == 53


@pytest.mark.requirement("TL-20", "TL-21", "TL-24")
def test_every_id_of_the_api_schema_is_the_crc_of_its_line() -> None:
    assert [line for line in LINES if computed_id(line) != declared_id(line)] == []


WRONG_RULES: dict[str, tuple[int, Callable[[str], str]]] = {
    "keeping ?true fields": (457, lambda line: normalize(line.replace("?true", "?tru"))),
    "not mapping bytes": (125, lambda line: normalize(re.sub(r"([:?])bytes\b", r"\1byte@", line)).replace("@", "s")),
    "mapping bytes inside <>": (7, lambda line: normalize(line.replace("<bytes>", "<string>"))),
    "leaving angle brackets": (509, lambda line: normalize(line.replace("<", "\1").replace(">", "\2"))),
    "leaving braces": (11, lambda line: normalize(line.replace("{", "\3").replace("}", "\4"))),
}


@pytest.mark.parametrize("rule", WRONG_RULES)
@pytest.mark.requirement("TL-20", "TL-21")
def test_a_wrong_id_rule_gives_the_known_number_of_mismatches(rule: str) -> None:
    mismatches, variant = WRONG_RULES[rule]
    marks = str.maketrans("\1\2\3\4", "<>{}")
    texts = [variant(line).replace("?tru ", "?true ").translate(marks) for line in LINES]
    ids = [crc32(text.encode()) for text in texts]
    assert sum(got != declared_id(line) for got, line in zip(ids, LINES, strict=True)) == mismatches


@pytest.mark.parametrize(
    ("line", "normalized", "identifier"),
    [
        (
            "invokeWithLayer {X:Type} layer:int query:!X = X;",
            "invokeWithLayer X:Type layer:int query:!X = X",
            0xDA9B0D0D,
        ),
        (
            "codeSettings#ad253d78 flags:# allow_flashcall:flags.0?true logout_tokens:flags.6?Vector<bytes> "
            "token:flags.8?string app_sandbox:flags.8?Bool = CodeSettings;",
            "codeSettings flags:# logout_tokens:flags.6?Vector bytes token:flags.8?string app_sandbox:flags.8?Bool "
            "= CodeSettings",
            0xAD253D78,
        ),
        (
            "upload.file type:storage.FileType mtime:int bytes:bytes = upload.File;",
            "upload.file type:storage.FileType mtime:int bytes:string = upload.File",
            0x096A18D5,
        ),
        ("vector {t:Type} # [ t ] = Vector t;", "vector t:Type # [ t ] = Vector t", 0x1CB5C415),
        ("boolFalse = Bool;", "boolFalse = Bool", 0xBC799737),
        ("int ? = Int;", "int ? = Int", 0xA8509BDA),
        ("null = Null;", "null = Null", 0x56730BCC),
        (
            "msg_container messages:vector<message> = MessageContainer;",
            "msg_container messages:vector message = MessageContainer",
            0x73F1F8DC,
        ),
        (
            "rsa_public_key n:bytes e:bytes = RSAPublicKey",
            "rsa_public_key n:string e:string = RSAPublicKey",
            0x7A19CB76,
        ),
    ],
)
@pytest.mark.requirement("TL-20", "TL-22")
def test_a_line_is_normalised_as_documented(line: str, normalized: str, identifier: int) -> None:
    assert (normalize(line), computed_id(line)) == (normalized, identifier)


@pytest.mark.requirement("TL-06")
def test_an_id_may_leave_out_leading_zeros() -> None:
    line = "updates.difference#f49ca0 new_messages:int = updates.Difference;"
    assert declared_id(line) == 0xF49CA0


@pytest.mark.requirement("TL-07")
def test_a_declaration_without_an_id_takes_its_crc() -> None:
    assert one("ipPort ipv4:int port:int = IpPort;").id == 0xD433AD73


@pytest.mark.parametrize("name", PUBLISHED_EXCEPTIONS)
@pytest.mark.requirement("TL-23", "TL-24")
def test_the_published_exceptions_keep_their_declared_id(name: str) -> None:
    lines = {
        "ipPortSecret": "ipPortSecret#37982646 ipv4:int port:int secret:bytes = IpPort;",
        "accessPointRule": "accessPointRule#4679b65f phone_prefix_rules:string dc_id:int ips:vector<IpPort> = "
        "AccessPointRule; ipPort ipv4:int port:int = IpPort;",
        "help.configSimple": "help.configSimple#5a592a6c date:int expires:int rules:vector<AccessPointRule> = "
        "help.ConfigSimple; accessPointRule = AccessPointRule;",
        "msg_container": "message msg_id:long = Message; msg_container#73f1f8dc messages:vector<%Message> = "
        "MessageContainer;",
        "gzip_packed": "gzip_packed#3072cfa1 packed_data:string = GzipPacked;",
    }
    found = next(combinator for combinator in parse(lines[name]).combinators if combinator.name == name)
    assert found.id == PUBLISHED_EXCEPTIONS[name][0]


@pytest.mark.requirement("TL-23", "TL-24")
def test_an_exception_holds_only_for_its_own_line() -> None:
    with pytest.raises(SchemaError, match="TL-24"):
        parse("ipPortSecret#37982646 ipv4:int port:long secret:bytes = IpPort;")


@pytest.mark.requirement("TL-01", "TL-02", "TL-03", "TL-04")
def test_sections_comments_and_the_layer_are_understood() -> None:
    text = """/* a comment
    // LAYER 7 */ // LAYER 12
    a = A; ---functions--- f /* in between */ x:int
       = A; // a = A;
    ---types---
    b = B; ---functions---
    """
    schema = parse(text)
    assert schema.layer == 12
    assert [(c.name, c.kind) for c in schema.combinators] == [("a", "type"), ("f", "function"), ("b", "type")]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("x:int", TypeRef("int", True)),
        ("x:Peer", TypeRef("Peer", False)),
        ("x:Vector<Peer>", TypeRef("Vector", False, (TypeRef("Peer", False),))),
        ("x:vector<int>", TypeRef("vector", True, (TypeRef("int", True),))),
        ("x:Vector Peer y:int", TypeRef("Vector", False, (TypeRef("Peer", False),))),
        ("x:vector int y:int", TypeRef("vector", True, (TypeRef("int", True),))),
        (
            "x:Vector<vector<Vector<int>>>",
            TypeRef("Vector", False, (TypeRef("vector", True, (parse_type("Vector<int>"),)),)),
        ),
        ("x:#", TypeRef("#", True)),
        ("x:%Peer", TypeRef("Peer", True)),
        ("x:vector<%Peer>", TypeRef("vector", True, (TypeRef("Peer", True),))),
        ("x:peerUser", TypeRef("peerUser", True)),
        ("x:Object", TypeRef("Object", False)),
        ("x:true", TypeRef("true", True)),
        ("x:True", TypeRef("True", False)),
        ("{X:Type} x:!X", TypeRef("!X", False)),
    ],
)
@pytest.mark.requirement("TL-05", "TL-08")
def test_every_form_of_a_field_is_understood(form: str, expected: TypeRef) -> None:
    assert named(PEER + f"a {form} = A;") == expected


@pytest.mark.requirement("TL-08", "TL-48")
def test_flag_words_have_any_name_and_place_and_number() -> None:
    params = one("a id:long w:# x:w.31?int y:int v:# z:v.0?true u:w.0?Vector<long> = A;").params
    assert [param.condition for param in params] == [None, None, ("w", 31), None, None, ("v", 0), ("w", 0)]
    assert [param.name for param in params if param.is_word] == ["w", "v"]
    assert [param.name for param in params if param.is_flag] == ["z"]


@pytest.mark.requirement("TL-15")
def test_a_field_that_is_only_named_flags_is_no_flag_word() -> None:
    assert not one("a flags:int = A;").params[0].is_word


@pytest.mark.requirement("TL-09")
def test_builtins_are_recognised_and_left_out() -> None:
    text = """int ? = Int; long ? = Long; double ? = Double; string ? = String; bytes = Bytes;
    int128 4*[ int ] = Int128; int256 8*[ int ] = Int256; true#3fedd339 = True;
    vector#1cb5c415 {t:Type} # [ t ] = Vector t; boolTrue#997275b5 = Bool; boolFalse#bc799737 = Bool; a = A;"""
    assert [combinator.name for combinator in parse(text).combinators] == ["a"]


@pytest.mark.requirement("TL-12")
def test_a_repeated_declaration_counts_once() -> None:
    assert len(parse("a x:int = A; a x:int = A;").combinators) == 1


REFUSED = [
    ("a x:int = A", "does not end"),
    ("a x:int A;", "expected"),
    ("a x:int = a;", "boxed"),
    ("A x:int = A;", "capital"),
    ("a#123456789 x:int = A;", "hexadecimal"),
    ("a#xyz x:int = A;", "hexadecimal"),
    ("a#11111111 x:int = A;", "TL-24"),
    ("a x:flags.0?int flags:# = A;", "TL-11"),
    ("a x:flags.0?int = A;", "TL-11"),
    ("a flags:int x:flags.0?int = A;", "TL-11"),
    ("a flags:# x:flags.32?int = A;", "32-bit"),
    ("a flags:# f2:flags.1?# = A;", "conditional"),
    ("a x:int x:long = A;", "twice"),
    ("a x:!X = A;", "type parameter"),
    ("a x:Nothing = A;", "no constructor"),
    ("a x:nothing = A;", "not a constructor"),
    ("b = B; c = B; a x:%B = A;", "TL-10"),
    ("a x:%Nothing = A;", "TL-10"),
    ("a x:Vector<#> = A;", "vector of"),
    ("a x:int y = A;", "expected"),
    ("a x:int = Bool;", "TL-09"),
    ("int x:int = Int;", "TL-09"),
    ("true#12345678 = True;", "TL-09"),
    ("a x:$int = A;", "unexpected character"),
    ("a.b.c x:int = A;", "TL-14"),
    ("---something--- a = A;", "TL-02"),
    ("/* a = A;", "does not end"),
    ("a = A; a x:int = A;", "TL-12"),
    ("a#b8b3d5ff = A; b#b8b3d5ff = B;", "TL-24"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
@pytest.mark.requirement("TL-05", "TL-06", "TL-09", "TL-10", "TL-11", "TL-12", "TL-14", "TL-24")
def test_a_bad_line_is_refused_with_file_line_and_reason(text: str, reason: str) -> None:
    with pytest.raises(SchemaError) as caught:
        parse(f"\n// first\n{text}", "bad.tl")
    error = caught.value
    assert re.search(reason, error.reason)
    assert (error.file, error.line) == ("bad.tl", 3)
    assert str(error).startswith("bad.tl:3: ")


@pytest.mark.requirement("TL-14")
def test_the_line_of_an_error_is_where_the_declaration_starts() -> None:
    with pytest.raises(SchemaError) as caught:
        parse("a = A;\nb\n  x:int\n = B;\n\n  c\n x:Nothing = C;", "f.tl")
    assert caught.value.line == 6


@pytest.mark.requirement("TL-12")
def test_two_declarations_with_one_id_are_refused_across_schemas() -> None:
    one_id = 0x12345678
    first = Schema(None, (Combinator("a", one_id, (), TypeRef("A", False), "type"),))
    second = Schema(None, (Combinator("b", one_id, (), TypeRef("B", False), "type"),))
    with pytest.raises(SchemaError, match="TL-12"):
        check_union([first, second])


def test_a_declaration_can_be_replaced_by_that_of_another_layer() -> None:
    schema = parse("a x:int = A; b x:A = B;").replace("a y:long = A;")
    assert [str(c).partition(" ")[2] for c in schema.combinators] == ["x:A = B", "y:long = A"]


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("req_pq_multi", "ReqPqMulti"),
        ("resPQ", "ResPQ"),
        ("p_q_inner_data_dc", "PQInnerDataDc"),
        ("server_DH_params_ok", "ServerDHParamsOk"),
        ("botBusinessConnection", "BotBusinessConnection"),
    ],
)
def test_classes_are_named_by_the_words_of_the_tl_name(name: str, cls: str) -> None:
    assert class_name(name) == cls


@pytest.mark.requirement("TL-13")
def test_reserved_field_names_take_an_underscore() -> None:
    assert [field_name(name) for name in ("from", "self", "id", "type")] == ["from_", "self_", "id", "type"]


def test_minimum_sizes_follow_mandatory_fields_through_types() -> None:
    sizes = minimum_sizes(
        parse("a flags:# x:flags.0?long y:B = A; b s:string = B; c n:int128 m:int128 = B; r x:R = R;")
    )
    assert (sizes["a"], sizes["A"], sizes["B"]) == (12, 16, 8)
