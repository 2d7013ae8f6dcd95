"""msg_container: one good form, many bad ones (TL-65..70, MSG-38, MSG-66, MSG-68, SEC-31, SEC-32)."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtproto.errors import SecurityError
from mtproto.message.container import MAX_MESSAGES, Message, is_container, join, split
from mtproto.message.gzip import pack
from mtproto.roles import Role
from mtproto.schema import mtproto as schema

OUTER = 1 << 40 | 1
BODY = b"body"


def refused(body: bytes, sender: Role = Role.SERVER) -> None:
    with pytest.raises(SecurityError) as caught:
        split(body, OUTER, sender)
    assert caught.value.check == "container"


def raw(count: int, *messages: tuple[int, int, int, bytes], tail: bytes = b"") -> bytes:
    parts = [struct.pack("<Ii", 0x73F1F8DC, count)]
    parts += [struct.pack("<qii", msg_id, seqno, length) + body for msg_id, seqno, length, body in messages]
    return b"".join(parts) + tail


@given(st.lists(st.binary(max_size=40), max_size=30), st.sampled_from(Role))
def test_what_is_joined_is_split(fillings: list[bytes], sender: Role) -> None:
    low = 0 if sender is Role.CLIENT else 3
    messages = [Message(4 * i + low, i, f[: len(f) // 4 * 4] + BODY) for i, f in enumerate(fillings)]
    assert split(join(messages), OUTER, sender) == messages


@pytest.mark.requirement("TL-65")
def test_the_layout_is_id_count_and_bare_messages() -> None:
    assert join([Message(5, 7, BODY)]) == raw(1, (5, 7, 4, BODY))
    assert is_container(join([]))


@pytest.mark.requirement("MSG-71")
def test_an_empty_container_is_legal() -> None:
    assert split(raw(0), OUTER, Role.SERVER) == []  # MSG-71


@pytest.mark.requirement("TL-68")
def test_1020_messages_are_accepted_and_1021_are_not() -> None:
    messages = [Message(4 * i + 1, 0, BODY) for i in range(MAX_MESSAGES + 1)]
    assert len(split(join(messages[:MAX_MESSAGES]), OUTER, Role.SERVER)) == 1020
    refused(join(messages))  # TL-68


@pytest.mark.parametrize("count", [-(2**31), -1, 0, 2, 3, 1020, 2**31 - 1])
@pytest.mark.requirement("TL-66", "SEC-32")
def test_a_count_that_is_not_the_number_of_messages_is_refused(count: int) -> None:
    refused(raw(count, (5, 1, 4, BODY)))


@pytest.mark.parametrize("length", [-(2**31), -4, 0, 1, 2, 3, 5, 6, 8, 2**31 - 4])
@pytest.mark.requirement("TL-66", "SEC-32")
def test_an_inner_length_that_is_odd_empty_or_outside_is_refused(length: int) -> None:
    refused(raw(1, (5, 1, length, BODY)))


@pytest.mark.requirement("TL-66", "SEC-32")
def test_bytes_after_the_last_message_are_refused() -> None:
    refused(raw(1, (5, 1, 4, BODY), tail=bytes(4)))
    refused(raw(0, tail=bytes(4)))


@pytest.mark.requirement("TL-66", "SEC-32")
def test_every_truncation_is_refused() -> None:
    whole = raw(2, (5, 1, 4, BODY), (9, 3, 4, BODY))
    for end in range(4, len(whole)):
        refused(whole[:end])


@pytest.mark.parametrize("low", [0, 2])
@pytest.mark.requirement("MSG-68", "SEC-31")
def test_an_inner_id_with_the_parity_of_the_other_side_is_refused(low: int) -> None:
    refused(raw(1, (8 + low, 1, 4, BODY)))
    for odd in (1, 2, 3):
        refused(raw(1, (8 + odd, 1, 4, BODY)), Role.CLIENT)


@pytest.mark.parametrize("msg_id", [OUTER, OUTER + 2, OUTER + 4])
@pytest.mark.requirement("MSG-38", "MSG-68", "SEC-31")
def test_an_inner_id_that_is_not_below_the_containers_is_refused(msg_id: int) -> None:
    refused(raw(1, (msg_id, 1, 4, BODY)))


@pytest.mark.requirement("MSG-68", "SEC-31")
def test_the_same_id_twice_is_refused() -> None:
    refused(raw(2, (5, 1, 4, BODY), (5, 3, 4, BODY)))


def nested() -> list[bytes]:
    inner = join([Message(1, 1, BODY)])
    large = join([Message(4 * i + 1, 0, bytes(400)) for i in range(5)])
    copy = struct.pack("<IIqii", schema.MsgCopy.ID, 0x5BB8E511, 1, 0, len(inner)) + inner
    return [inner, pack(large), copy]


@pytest.mark.parametrize("body", nested(), ids=["directly", "through gzip_packed", "through msg_copy"])
@pytest.mark.requirement("TL-67", "SEC-32")
def test_containers_do_not_nest(body: bytes) -> None:
    assert body[:4] != BODY
    refused(raw(1, (5, 1, len(body), body)))  # TL-67


@given(st.binary(max_size=200).map(lambda rest: b"\xdc\xf8\xf1\x73" + rest), st.sampled_from(Role))
@pytest.mark.requirement("SEC-32")
def test_random_containers_are_split_or_refused(body: bytes, sender: Role) -> None:
    try:
        messages = split(body, OUTER, sender)
    except SecurityError as error:
        assert error.check == "container"
    else:
        assert join(messages) == body
