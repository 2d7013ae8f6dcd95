"""Unencrypted messages (AUTH-01, AUTH-04)."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtproto.errors import PeerError, SecurityError, UsageError
from mtproto.message.plain import open_plain, pack_plain, read_header
from mtproto.roles import Role

BODY = bytes(range(20))
_DATA = json.loads((files("mtproto") / "vectors/data/msg_id_seqno.json").read_text())
VECTORS = [test for group in _DATA["groups"] if group["type"] == "PlainMessage" for test in group["tests"]]


def refused(payload: bytes, sender: Role = Role.SERVER) -> None:
    with pytest.raises(SecurityError) as caught:
        open_plain(payload, sender)
    assert caught.value.check == "plain_header"


@pytest.mark.requirement("AUTH-01")
def test_the_layout_is_zero_msg_id_length_body() -> None:
    assert pack_plain(5, BODY) == bytes(8) + b"\5" + bytes(7) + b"\x14\0\0\0" + BODY


@pytest.mark.parametrize(("sender", "low_bits"), [(Role.CLIENT, 0), (Role.SERVER, 1)])
@pytest.mark.requirement("AUTH-02", "AUTH-04")
def test_each_side_accepts_the_parity_of_the_other_and_no_other(sender: Role, low_bits: int) -> None:
    for low in range(4):
        payload = pack_plain(-(1 << 62) + low, BODY)
        if low == low_bits:
            assert open_plain(payload, sender) == (-(1 << 62) + low, BODY)
        else:
            refused(payload, sender)


@pytest.mark.requirement("TR-05")
def test_bytes_after_the_announced_length_are_transport_padding() -> None:
    assert open_plain(pack_plain(1, BODY) + b"\xff" * 15, Role.SERVER) == (1, BODY)


@pytest.mark.requirement("AUTH-08")
def test_trailing_bytes_inside_the_length_stay_with_the_body() -> None:
    assert open_plain(pack_plain(1, BODY + bytes(64)), Role.SERVER) == (1, BODY + bytes(64))


@pytest.mark.parametrize("length", [-4, 0, 1, 3, 19, 24, 2**31 - 4, -(2**31)])
@pytest.mark.requirement("AUTH-04")
def test_a_length_that_is_negative_too_small_too_large_or_uneven_is_refused(length: int) -> None:
    refused(bytes(8) + b"\1" + bytes(7) + length.to_bytes(4, "little", signed=True) + BODY)


@pytest.mark.requirement("AUTH-04")
def test_every_payload_shorter_than_the_smallest_message_is_refused() -> None:
    whole = pack_plain(1, BODY[:4])
    for end in range(len(whole)):
        refused(whole[:end])


@pytest.mark.requirement("AUTH-04")
def test_another_auth_key_id_is_refused_and_not_repeated_in_the_error() -> None:
    for index in range(8):
        payload = bytearray(pack_plain(1, BODY))
        payload[index] = 0x5A
        with pytest.raises(SecurityError) as caught:
            read_header(bytes(payload))
        assert (caught.value.check, caught.value.got, caught.value.expected) == ("plain_header", None, None)


@pytest.mark.parametrize("body", [b"", b"abc", bytes(21)])
def test_our_own_body_must_be_a_multiple_of_four_bytes(body: bytes) -> None:
    with pytest.raises(UsageError):
        pack_plain(0, body)


@pytest.mark.parametrize("test", VECTORS, ids=[test["id"] for test in VECTORS])
@pytest.mark.requirement("AUTH-01", "AUTH-04")
def test_the_published_vectors(test: dict[str, dict[str, str]]) -> None:
    if test["result"] == "invalid":
        refused(bytes.fromhex(test["input"]["bytes"]))
        return
    both = test["input"] | test["output"]
    msg_id, body, payload = int(both["msgId"]), bytes.fromhex(both["body"]), bytes.fromhex(both["bytes"])
    assert open_plain(payload, Role.CLIENT if msg_id % 4 == 0 else Role.SERVER) == (msg_id, body)
    assert payload.startswith(pack_plain(msg_id, body))


@given(st.binary(max_size=64) | st.binary(max_size=64).map(lambda rest: bytes(8) + rest), st.sampled_from(Role))
def test_any_bytes_give_a_message_or_a_peer_error(payload: bytes, sender: Role) -> None:
    try:
        _, body = open_plain(payload, sender)
    except PeerError:
        return
    assert 4 <= len(body) <= len(payload) - 20


@given(st.integers(-(1 << 61), (1 << 61) - 1), st.binary(max_size=100), st.sampled_from(Role))
def test_what_is_packed_is_opened(number: int, filling: bytes, sender: Role) -> None:
    msg_id = number * 4 + (1 if sender is Role.SERVER else 0)
    body = (filling + bytes(4))[: len(filling) // 4 * 4 + 4]
    assert open_plain(pack_plain(msg_id, body), sender) == (msg_id, body)
