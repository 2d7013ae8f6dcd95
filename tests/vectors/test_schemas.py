"""The JSON Schemas of the vectors: every shipped file fits them, and a broken one does not."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from mtproto.vectors import case
from mtproto.vectors.case import SHIPPED
from mtproto.vectors.runner import FUNCTIONS

SCHEMAS = Path(case.__file__).with_name("schemas")
URN = "urn:mtproto-vectors:1:"
FILES = sorted(path.stem for path in SHIPPED.glob("*.json"))


@cache
def schemas() -> dict[str, Any]:
    """$id -> schema."""
    paths = [*SCHEMAS.glob("*.json"), *SCHEMAS.glob("types/*.json")]
    loaded = [json.loads(path.read_text("utf-8")) for path in paths]
    return {schema["$id"]: schema for schema in loaded}


@cache
def validator(name: str) -> Draft202012Validator:
    registry = Registry().with_resources([(name, Resource.from_contents(s)) for name, s in schemas().items()])
    return Draft202012Validator(schemas()[URN + name], registry=registry)


def faults(document: Any) -> Iterator[str]:
    """What the schemas say against a vector file: the layout first, then every group by its type."""
    yield from (error.message for error in validator("file").iter_errors(document))
    for group in document["groups"]:
        if URN + group["type"] not in schemas():
            yield f"type {group['type']} has no schema: write mtproto/vectors/schemas/types/{group['type']}.json"
        else:
            yield from (f"{group['type']}: {error.message}" for error in validator(group["type"]).iter_errors(group))


@cache
def shipped(name: str) -> Any:
    return json.loads((SHIPPED / f"{name}.json").read_text("utf-8"))


def groups() -> list[Any]:
    return [group for name in FILES for group in shipped(name)["groups"]]


def first_of_type() -> dict[str, Any]:
    """Type -> its first group."""
    found: dict[str, Any] = {}
    for group in groups():
        found.setdefault(group["type"], group)
    return found


@pytest.mark.parametrize("name", FILES)
def test_a_shipped_file_fits_its_schemas(name: str) -> None:
    assert list(faults(shipped(name)))[:5] == []


def test_every_type_that_is_run_or_shipped_has_a_schema_and_no_other() -> None:
    types = FUNCTIONS.keys() | {group["type"] for group in groups()}
    named = {path.stem for path in (SCHEMAS / "types").glob("*.json")}
    assert sorted(types - named) == [], "these types have no schema in mtproto/vectors/schemas/types"
    assert sorted(named - types) == [], "these schemas belong to no type"


@pytest.mark.parametrize("path", sorted(SCHEMAS.rglob("*.json")), ids=lambda path: path.stem)
def test_a_schema_is_one_of_draft_2020_12_under_its_own_name(path: Path) -> None:
    schema = json.loads(path.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == URN + path.stem
    assert schema["description"].endswith(".")


def test_a_type_without_a_schema_is_named() -> None:
    document = copy.deepcopy(shipped("pq"))
    document["groups"][0]["type"] = "NotYet"
    assert "type NotYet has no schema: write mtproto/vectors/schemas/types/NotYet.json" in list(faults(document))


@pytest.mark.parametrize(
    ("way", "value"),
    [
        ("schema", "mtproto-vectors/2"),
        ("title", ""),
        ("source", []),
        ("source", "one text"),
        ("numberOfTests", "44"),
        ("flags", []),
        ("flags.Prime", ""),
        ("flags.no_flag", "a text"),
        ("groups", []),
        ("more", 1),
        ("groups.0.more", 1),
        ("groups.0.params.more", "text"),
        ("groups.0.tests", []),
        ("groups.0.tests.0.id", "pq-1"),
        ("groups.0.tests.0.more", 1),
        ("groups.0.tests.0.result", "acceptable"),
        ("groups.0.tests.0.result", "invalid"),
        ("groups.0.tests.0.flags", ["Prime", "Prime"]),
        ("groups.0.tests.0.flags", ["no flag"]),
        ("groups.0.tests.0.input.pq", "0"),
        ("groups.0.tests.0.input.pq", "0A"),
        ("groups.0.tests.0.input.pq", 10),
        ("groups.0.tests.0.input.more", "00"),
        ("groups.0.tests.0.output.p", None),
        ("groups.0.tests.0.output.more", "00"),
        ("groups.1.tests.0.output", {"p": "05", "q": "07"}),
    ],
)
def test_a_broken_file_is_refused(way: str, value: object) -> None:
    document = copy.deepcopy(shipped("pq"))
    *steps, last = [int(step) if step.isdigit() else step for step in way.split(".")]
    place: Any = document
    for step in steps:
        place = place[step]
    place[last] = value
    assert list(faults(document))


@pytest.mark.parametrize("member", ["schema", "title", "source", "numberOfTests", "flags", "groups"])
def test_a_file_without_one_of_its_members_is_refused(member: str) -> None:
    document = {name: value for name, value in shipped("pq").items() if name != member}
    assert list(validator("file").iter_errors(document))


def broken(group: Any) -> Iterator[tuple[str, Any]]:
    """What was done, and the group with its first test so changed."""
    test = group["tests"][0]
    for part in ("input", "output"):
        for name in [*test[part], "more"]:
            changed = {key: value for key, value in test[part].items() if key != name}
            if name == "more":
                changed[name] = "00"
            yield f"{part}.{name}", {**group, "tests": [{**test, part: changed}]}
    yield "type", {**group, "type": "Another"}
    yield "params", {**group, "params": {**group["params"], "more": "x"}}


@pytest.mark.parametrize("kind", first_of_type())
def test_every_type_knows_the_names_of_its_inputs_and_outputs(kind: str) -> None:
    group = first_of_type()[kind]
    assert validator(kind).is_valid(group)
    assert [what for what, changed in broken(group) if validator(kind).is_valid(changed)] == []


@pytest.mark.parametrize("name", FILES)
def test_every_byte_string_is_lower_case(name: str) -> None:
    """A pattern that would let capitals through is found by the capitals."""
    hexadecimal = re.compile(r"(?:[0-9a-f]{2})*[a-f][0-9a-f]*")
    for group in shipped(name)["groups"]:
        for test in group["tests"][:3]:
            for member, value in test["input"].items():
                if isinstance(value, str) and hexadecimal.fullmatch(value) and len(value) > 8:
                    changed = {**test, "input": {**test["input"], member: value.upper()}}
                    refused = not validator(group["type"]).is_valid({**group, "tests": [changed]})
                    assert refused or (group["type"], member) == ("ProxySecret", "secret")
