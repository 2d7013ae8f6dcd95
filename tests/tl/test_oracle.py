"""Generated readers and writers against the schema-driven codec, over every combinator of both schemas."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtproto.errors import DecodeError
from mtproto.schema import api, mtproto
from mtproto.tl import text
from mtproto.tl.dynamic import COMBINATOR, CONSTRUCTOR, FUNCTION, OBJECT, Codec, codec
from mtproto.tl.registry import decode
from tests.strategies import Maker, Seeded, damaged, objects

RELAXED = settings(deadline=None, max_examples=200, suppress_health_check=list(HealthCheck))


def reader_of(found: Codec, name: str) -> Any:
    if found.prefix:
        return mtproto.read_object
    return api.read_function if found.by_name[name].kind == "function" else api.read_object


def check_agreement(found: Codec, value: dict[str, Any]) -> None:
    """Both codecs turn ``value`` into the same bytes and back, and so does JSON."""
    name = value["_"].rpartition(":")[2]
    data = found.encode(value, OBJECT)
    generated = decode(data, reader_of(found, name))
    assert generated.to_bytes() == data
    assert name == generated.NAME
    assert found.encode(generated, OBJECT) == data
    assert found.encode(found.decode(data), OBJECT) == data
    assert text.from_json(text.to_json(generated)).to_bytes() == data


@pytest.mark.parametrize("schema", ["api", "mtproto"])
@pytest.mark.parametrize("fill", [False, True, None])
@pytest.mark.requirement("TL-42", "TL-44", "TL-46", "TL-88")
def test_every_combinator_is_the_same_in_both_codecs(schema: str, fill: bool | None) -> None:
    found = codec(schema)
    for index, combinator in enumerate(found.by_name.values()):
        check_agreement(found, Maker(found, Seeded(index), fill).combinator(combinator))


def test_the_api_schema_has_all_its_combinators() -> None:
    kinds = [combinator.kind for combinator in codec("api").by_name.values()]
    assert (len(kinds), kinds.count("type"), kinds.count("function")) == (2465, 1652, 813)


@RELAXED
@given(value=objects("api"))
@pytest.mark.requirement("TL-88")
def test_any_api_object_is_the_same_in_both_codecs(value: dict[str, Any]) -> None:
    check_agreement(codec("api"), value)


@RELAXED
@given(value=objects("mtproto"))
@pytest.mark.requirement("TL-88")
def test_any_service_object_is_the_same_in_both_codecs(value: dict[str, Any]) -> None:
    check_agreement(codec("mtproto"), value)


@RELAXED
@given(data=st.data(), schema=st.sampled_from(["api", "mtproto"]))
@pytest.mark.requirement("TL-85")
def test_damaged_bytes_are_read_alike_by_both_codecs(data: st.DataObject, schema: str) -> None:
    found = codec(schema)
    value = data.draw(objects(schema))
    read = reader_of(found, value["_"].rpartition(":")[2])
    root = {api.read_function: FUNCTION, api.read_object: CONSTRUCTOR, mtproto.read_object: COMBINATOR}[read]
    received = data.draw(damaged(found.encode(value, OBJECT)))
    try:
        generated = decode(received, read)
    except DecodeError as error:
        with pytest.raises(DecodeError) as other:
            found.decode(received, root)
        assert (error.kind, error.offset, error.path) == (other.value.kind, other.value.offset, other.value.path)
    else:
        again = found.decode(received, root)
        assert found.encode(again, OBJECT) == generated.to_bytes()
