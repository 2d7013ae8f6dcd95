"""What ``decode`` accepts and refuses: TL-35 … TL-48, TL-80 … TL-88."""

from __future__ import annotations

import struct
import sys
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtproto.errors import DecodeError, UnknownConstructor
from mtproto.schema import api, mtproto
from mtproto.schema.api import functions, types
from mtproto.schema.api._registry import registry
from mtproto.tl.dynamic import codec
from mtproto.tl.objects import TLObject
from mtproto.tl.registry import MAX_REPEAT, decode, decode_prefix
from mtproto.tl.wire import read_objects
from tests.strategies import Maker, Seeded

RIGHTS = types.BusinessBotRights(reply=True)
CONNECTION = types.BotBusinessConnection(connection_id="abc", user_id=1, dc_id=2, date=3, rights=RIGHTS)
UPDATES = types.Updates(
    updates=[types.UpdateBotBusinessConnect(connection=CONNECTION, qts=4)],
    users=[types.UserEmpty(id=5)],
    chats=[],
    date=6,
    seq=7,
)
QUERY = functions.account.GetBotBusinessConnection(connection_id="abc")
VECTOR = (0x1CB5C415).to_bytes(4, "little")


def word(value: int) -> bytes:
    return value.to_bytes(4, "little")


def failure(data: bytes) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        decode(data, api.read_object)
    return caught.value


@pytest.mark.requirement("TL-44")
def test_the_wire_anchors_of_the_lead_method() -> None:
    assert QUERY.to_bytes().hex() == "7062a87603616263"
    assert CONNECTION.to_bytes().hex() == (
        "f5b2348f04000000036162630100000000000000" + "0200000003000000" + "f74c62a001000000"
    )


@pytest.mark.requirement("TL-45", "TL-88")
def test_an_object_is_read_back_equal_and_by_its_result_reader() -> None:
    assert decode(UPDATES.to_bytes(), api.read_object) == UPDATES
    assert decode(UPDATES.to_bytes(), QUERY.read_result) == UPDATES
    assert decode(QUERY.to_bytes(), api.read_function) == QUERY


def test_a_prefix_leaves_what_follows_alone() -> None:
    data = RIGHTS.to_bytes()
    assert decode_prefix(b"1234" + data + b"5678", api.read_object, 4) == (RIGHTS, 4 + len(data))


@pytest.mark.requirement("TL-85", "TL-86")
def test_every_truncation_is_an_error_of_kind_eof_or_bad_count() -> None:
    data = UPDATES.to_bytes()
    kinds = {failure(data[:size]).kind for size in range(len(data))}
    assert kinds == {"eof", "bad_count"}


@pytest.mark.requirement("TL-85", "TL-87")
def test_bytes_that_are_left_are_an_error_that_says_where() -> None:
    data = UPDATES.to_bytes()
    error = failure(data + b"\0\0\0\0")
    assert (error.kind, error.offset) == ("trailing", len(data))


@pytest.mark.requirement("TL-84", "TL-85")
def test_an_unknown_constructor_is_named_with_offset_and_path() -> None:
    data = UPDATES.to_bytes().replace(word(CONNECTION.ID), word(0x12345678))
    error = failure(data)
    assert isinstance(error, UnknownConstructor)
    assert (error.kind, error.constructor_id) == ("unknown_constructor", 0x12345678)
    assert (error.offset, error.path) == (data.index(word(0x12345678)), "updates[0].connection")


@pytest.mark.requirement("TL-44", "TL-85")
def test_a_constructor_of_another_type_is_unexpected() -> None:
    data = UPDATES.to_bytes().replace(word(RIGHTS.ID), word(types.UserEmpty.ID))
    error = failure(data)
    assert (error.kind, error.path) == ("unexpected_constructor", "updates[0].connection.rights")


@pytest.mark.parametrize("identifier", [0x1CB5C415, 0x997275B5, 0x3FEDD339, mtproto.Ping.ID])
@pytest.mark.requirement("TL-44")
def test_an_id_that_another_schema_or_a_builtin_has_is_unexpected(identifier: int) -> None:
    assert failure(word(identifier) + bytes(8)).kind == "unexpected_constructor"


@pytest.mark.requirement("TL-42", "TL-85")
def test_a_word_that_is_no_vector_is_refused() -> None:
    data = UPDATES.to_bytes().replace(VECTOR, word(0x11111111), 1)
    error = failure(data)
    assert (error.kind, error.offset, error.path) == ("bad_vector", 4, "updates")


@pytest.mark.parametrize("count", [-1, -(2**31), 2**31 - 1, 1000])
@pytest.mark.requirement("TL-43", "TL-86", "SEC-34")
def test_a_count_that_cannot_follow_is_refused_before_anything_is_allocated(count: int) -> None:
    data = word(types.Updates.ID) + VECTOR + struct.pack("<i", count) + bytes(100)
    tracemalloc.start()
    error = failure(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (error.kind, error.offset, error.path) == ("bad_count", 8, "updates")
    assert peak < 1 << 23  # the schema's description, when this is the first error; nothing in proportion to count


@pytest.mark.requirement("TL-35", "SEC-34")
def test_a_bool_that_is_neither_is_refused() -> None:
    data = types.MessageActionNoForwardsRequest(prev_value=True, new_value=False).to_bytes()
    error = failure(data.replace(word(0xBC799737), word(types.UserEmpty.ID)))
    assert (error.kind, error.path, error.offset) == ("bad_bool", "new_value", 12)


@pytest.mark.requirement("TL-45")
def test_an_error_inside_a_result_is_located_by_the_type_of_the_result() -> None:
    query = functions.InvokeWithLayer(layer=229, query=QUERY)
    data = UPDATES.to_bytes()[:-2]
    with pytest.raises(DecodeError) as caught:
        decode(data, query.read_result)
    assert (caught.value.kind, caught.value.path) == ("eof", "seq")


@pytest.mark.requirement("TL-86")
def test_large_inputs_fail_with_a_kind_but_are_not_read_twice() -> None:
    blob = types.UpdateShort(update=types.UpdateConfig(), date=1).to_bytes() + bytes(MAX_REPEAT)
    data = word(types.InputFile.ID) + blob
    error = failure(data)
    assert error.kind in ("trailing", "eof")


def nested(depth: int) -> bytes:
    """An InputPeer in which ``depth`` objects are nested."""
    head = word(types.InputPeerUserFromMessage.ID)
    tail = struct.pack("<iq", 1, 2)
    return head * (depth - 1) + word(types.InputPeerSelf.ID) + tail * (depth - 1)


@pytest.mark.requirement("TL-81")
def test_a_hundred_levels_are_accepted() -> None:
    data = nested(150)
    assert decode(data, api.read_object).to_bytes() == data


@pytest.mark.parametrize("depth", [5_000, 200_000])
@pytest.mark.requirement("TL-81", "SEC-34")
def test_deeper_input_is_refused_as_depth(depth: int) -> None:
    error = failure(nested(depth))
    assert error.kind == "depth"


@pytest.mark.requirement("TL-81")
def test_a_hundred_levels_are_accepted_far_down_the_stack() -> None:
    def down(levels: int) -> TLObject:
        if levels:
            return down(levels - 1)
        found: TLObject = decode(nested(100), api.read_object)
        return found

    assert down(sys.getrecursionlimit() // 3).NAME == "inputPeerUserFromMessage"


@given(st.binary(max_size=300))
@pytest.mark.requirement("TL-85", "SEC-34")
def test_no_bytes_raise_anything_but_a_decode_error(data: bytes) -> None:
    for read in (api.read_object, api.read_function, mtproto.read_object, QUERY.read_result):
        for head in (b"", word(types.Updates.ID), word(types.User.ID), word(functions.InvokeWithLayer.ID)):
            try:
                decode(head + data, read)
            except DecodeError as error:
                assert 0 <= error.offset <= len(head + data)


CROWDED = ["peerSettings", "chatAdminRights", "channelAdminLogEventsFilter", "inputPeerSelf", "userEmpty", "user"]


@pytest.mark.parametrize("name", CROWDED)
@pytest.mark.parametrize("damaged", [False, True])
@pytest.mark.requirement("TL-86", "SEC-34")
def test_memory_is_bounded_by_the_input(name: str, damaged: bool) -> None:
    """Objects with many fields and few bytes, also when the last one is unknown and all are read again."""
    combinator = codec("api").by_name[name]
    data = codec("api").encode(Maker(codec("api"), Seeded(1), False).combinator(combinator))
    table = registry.table(combinator.result.name)
    count = 60_000 // len(data)

    def read(buf: bytes, pos: int) -> tuple[list[TLObject], int]:
        return read_objects(buf, pos, table, 4)

    decode(VECTOR + word(1) + data, read)  # loads the shard
    failure(UPDATES.to_bytes()[:-1])  # loads the description
    crowd = VECTOR + word(count) + data * (count - 1) + (bytes(len(data)) if damaged else data)
    tracemalloc.start()
    try:
        decode(crowd, read)
    except DecodeError:
        assert damaged
    with suppress(DecodeError):
        codec("api").check(crowd, f"Vector<{combinator.result.name}>")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 32 * len(crowd) + (1 << 20)


# Lossless decoding (TL-88)


def same_bytes(data: bytes) -> TLObject:
    found: TLObject = decode(data, api.read_object)
    assert found.to_bytes() == data
    return found


@pytest.mark.requirement("TL-25", "TL-31", "TL-47")
def test_unknown_flag_bits_survive() -> None:
    data = word(types.BusinessBotRights.ID) + word(0x80000001)
    found = same_bytes(data)
    assert found == types.BusinessBotRights(reply=True, extra_flags=0x80000000)


@pytest.mark.requirement("TL-47", "TL-48")
def test_unknown_bits_of_a_second_flag_word_survive() -> None:
    user = types.User(id=1, extra_flags=1 << 31, extra_flags2=1 << 30)
    assert same_bytes(user.to_bytes()) == user


@pytest.mark.requirement("TL-46", "TL-88")
def test_a_present_empty_vector_is_not_an_absent_one() -> None:
    present = types.User(id=1, usernames=[])
    absent = types.User(id=1)
    assert same_bytes(present.to_bytes()) == present != absent
    assert len(present.to_bytes()) == len(absent.to_bytes()) + 8


@pytest.mark.requirement("TL-46", "TL-88")
def test_optional_fields_with_the_value_zero_are_present() -> None:
    user = types.User(id=1, access_hash=0, first_name="", bot=True, bot_info_version=0)
    found = same_bytes(user.to_bytes())
    assert found == user
    assert isinstance(found, types.User)
    assert (found.access_hash, found.first_name, found.last_name) == (0, "", None)


@pytest.mark.requirement("TL-40", "TL-88")
def test_text_that_is_not_utf8_survives() -> None:
    data = word(types.InputMediaDice.ID) + b"\x04\xff\xfea\x80\0\0\0"
    found = same_bytes(data)
    assert found == types.InputMediaDice(emoticon="\udcff\udcfea\udc80")


@pytest.mark.requirement("TL-38")
def test_input_that_is_not_canonical_is_read_as_the_same_value() -> None:
    canonical = types.InputMediaDice(emoticon="ab").to_bytes()
    long_form = canonical[:4] + b"\xfe\x02\0\0ab\0\0"
    padded = canonical[:4] + b"\x02ab\x77"
    for data in (long_form, padded):
        found = decode(data, api.read_object)
        assert found == types.InputMediaDice(emoticon="ab")
        assert found.to_bytes() == canonical


# The argument of a wrapper (TL-44, TL-61)


def wrapped(query: bytes) -> bytes:
    return word(functions.InvokeWithLayer.ID) + word(229) + query


@pytest.mark.requirement("TL-44", "TL-45")
def test_the_argument_of_a_wrapper_is_any_function() -> None:
    found = decode(wrapped(QUERY.to_bytes()), api.read_function)
    assert found == functions.InvokeWithLayer(layer=229, query=QUERY)


@pytest.mark.requirement("TL-44", "TL-61")
def test_the_argument_of_a_wrapper_may_be_a_service_query_or_packed() -> None:
    for query in (mtproto.Ping(ping_id=5), mtproto.GzipPacked(packed_data=b"\x1f\x8b")):
        data = wrapped(query.to_bytes())
        found = decode(data, api.read_function)
        assert isinstance(found, functions.InvokeWithLayer)
        assert found.query == query
        assert found.to_bytes() == data


@pytest.mark.requirement("TL-44")
def test_the_argument_of_a_wrapper_is_no_constructor() -> None:
    for identifier, kind in ((types.UserEmpty.ID, "unexpected_constructor"), (0x12345678, "unknown_constructor")):
        with pytest.raises(DecodeError) as caught:
            decode(wrapped(word(identifier) + bytes(8)), api.read_function)
        assert (caught.value.kind, caught.value.path) == (kind, "query")


def test_packed_data_alone_is_no_function_of_the_api() -> None:
    with pytest.raises(DecodeError) as caught:
        decode(mtproto.GzipPacked(packed_data=b"").to_bytes(), api.read_function)
    assert caught.value.kind == "unexpected_constructor"


@pytest.mark.requirement("TL-44")
def test_an_object_of_any_schema_stands_where_any_is_allowed() -> None:
    for inner in (UPDATES, mtproto.RpcError(error_code=400, error_message="X"), QUERY):
        result = mtproto.RpcResult(req_msg_id=1, result=inner)
        assert decode(result.to_bytes(), mtproto.read_object) == result


@pytest.mark.requirement("TL-65")
def test_bare_messages_stand_in_a_container() -> None:
    inner = mtproto.Message(msg_id=1, seqno=2, bytes=12, body=mtproto.Ping(ping_id=3))
    container = mtproto.MsgContainer(messages=[inner, inner])
    data = container.to_bytes()
    assert data[:8] == word(0x73F1F8DC) + word(2)
    assert len(data) == 8 + 2 * (16 + 12)
    assert decode(data, mtproto.read_object) == container
