"""The encrypted envelope (MSG-01..09, MSG-19, SEC-20..24)."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtproto.crypto.auth_key import AuthKey
from mtproto.crypto.kdf import quick_ack_token
from mtproto.errors import SecurityError, UsageError
from mtproto.message import envelope
from mtproto.message.envelope import Inner, open, pack_plaintext, padding_length, seal, seal_plaintext
from mtproto.roles import Role
from mtproto.testing import ScriptedEnvironment

KEY = AuthKey(bytes(range(256)))
ROLES = [Role.CLIENT, Role.SERVER]
PING = bytes.fromhex("ec77be7a8877665544332211")
INNER = Inner(0x0102030405060708, 0x1112131415161718, 0x65ABC0FC000DF764, 0, PING)
WIRE = {
    Role.CLIENT: (
        "8e7f73a6cd7ce34766133d429cd0ac11",
        "8c6f92b0d0928effe459c4432b75015d2d981b452a1ef26535214be0d80cf675"
        "338473e223ac81135d9e2e3eeabae20b55faa1898bfddf5806fb17dbf6caad2b",
    ),
    Role.SERVER: (
        "3ae80844b9b83bc1420a028ceba745f6",
        "8506e694bb7019bb2dabbc38930409b9c5f4b415692b56a8eb36ea71265613e4"
        "4e21fc569c3c463cd92b31041cf4a1a99281a630719ea7078e25ed0bc96ef63d",
    ),
}


def refused(payload: bytes, sender: Role = Role.SERVER, key: AuthKey = KEY) -> str:
    with pytest.raises(SecurityError) as caught:
        open(key, payload, sender)
    return caught.value.check


def sealed(body: bytes = PING, *, length: int | None = None, padding: int = 20, sender: Role = Role.SERVER) -> bytes:
    """A payload with a right msg_key, whatever its length field and padding."""
    plaintext = bytearray(pack_plaintext(Inner(1, 2, 5, 0, body), bytes(padding)))
    if length is not None:
        plaintext[28:32] = length.to_bytes(4, "little", signed=True)
    return seal_plaintext(KEY, bytes(plaintext), sender)[0]


@pytest.mark.parametrize("sender", ROLES)
@pytest.mark.requirement("MSG-01", "MSG-02", "MSG-04", "MSG-05", "MSG-19")
def test_the_known_answer_of_msg_19_in_both_directions(sender: Role) -> None:
    payload, large = seal_plaintext(KEY, pack_plaintext(INNER, b"\xaa" * 20), sender)
    msg_key, ciphertext = WIRE[sender]
    assert payload.hex() == "32d1586ea457dfc8" + msg_key + ciphertext
    assert open(KEY, payload, sender) == (INNER, large)


@pytest.mark.requirement("TR-50", "MSG-19")
def test_the_quick_ack_token_of_msg_19() -> None:
    _, large = seal_plaintext(KEY, pack_plaintext(INNER, b"\xaa" * 20), Role.CLIENT)
    assert quick_ack_token(large).to_bytes(4, "little").hex() == "0b97bbe5"


@given(st.binary(max_size=3000), st.sampled_from(ROLES), st.binary(min_size=256, max_size=256))
def test_what_is_sealed_is_opened(filling: bytes, sender: Role, key: bytes) -> None:
    inner = Inner(-1, -(2**63), 2**63 - 1, 7, filling[: len(filling) // 4 * 4] + b"four")
    payload, large = seal(AuthKey(key), inner, sender, ScriptedEnvironment())
    assert len(payload) % 16 == 24 % 16
    assert open(AuthKey(key), payload, sender) == (inner, large)


@pytest.mark.parametrize("unpadded", [*range(36, 2000, 4), *range(65_000, 66_000, 4)])
@pytest.mark.requirement("MSG-03")
def test_padding_has_12_to_1024_bytes_and_makes_whole_blocks(unpadded: int) -> None:
    length = padding_length(unpadded)
    assert 12 <= length <= 1024
    assert (unpadded + length) % 16 == 0


@pytest.mark.requirement("MSG-06")
def test_a_plaintext_is_padded_to_the_buckets_of_msg_06() -> None:
    sizes = {unpadded + padding_length(unpadded) for unpadded in range(36, 3000, 4)}
    assert sizes <= {64, 128, 192, 256, 384, 512, 768, 1024, 1280} | set(range(1728, 4000, 448))


@pytest.mark.parametrize("body", [b"", b"abc", bytes(5)])
@pytest.mark.requirement("MSG-03")
def test_a_body_of_our_own_is_a_positive_multiple_of_four_bytes(body: bytes) -> None:
    with pytest.raises(UsageError):
        seal(KEY, Inner(0, 1, 0, 0, body), Role.CLIENT, ScriptedEnvironment())


@pytest.mark.requirement("MSG-08", "SEC-21", "SEC-74")
def test_every_changed_bit_is_refused() -> None:
    """SEC-21: whatever it changes, the reaction is the same from the msg_key on."""
    payload = sealed()
    for index in range(8, len(payload)):
        for bit in range(8):
            changed = bytearray(payload)
            changed[index] ^= 1 << bit
            assert refused(bytes(changed)) == "msg_key"


@pytest.mark.requirement("MSG-08", "SEC-35")
def test_another_auth_key_id_is_refused() -> None:
    payload = sealed()
    assert refused(b"\0" + payload[1:]) == "auth_key_id"


@pytest.mark.requirement("SEC-26")
def test_a_message_of_the_other_direction_is_refused() -> None:
    assert refused(sealed(sender=Role.CLIENT), Role.SERVER) == "msg_key"  # SEC-26: reflection
    assert refused(sealed(sender=Role.SERVER), Role.CLIENT) == "msg_key"


@pytest.mark.parametrize("length", [0, 4, 8, 23, 24, 40, 71, 73, 87, 88 + 1, 88 + 15, 16])
@pytest.mark.requirement("MSG-08")
def test_a_payload_that_is_too_short_or_no_whole_number_of_blocks_is_refused_before_decryption(length: int) -> None:
    assert refused((sealed() + bytes(16))[:length]) == "payload_length"


@pytest.mark.parametrize("length", [-(2**31), -4, -1, 0, 1, 2, 3, 5, 13, 36, 1000, 2**31 - 4])
@pytest.mark.requirement("MSG-09", "SEC-22")
def test_a_length_field_outside_the_plaintext_is_refused(length: int) -> None:
    assert refused(sealed(length=length)) == "body_length"  # SEC-22


@pytest.mark.parametrize("padding", [0, 4, 8, 1028, 1040, 4096])
@pytest.mark.requirement("MSG-09", "SEC-23")
def test_padding_below_12_or_above_1024_bytes_is_refused(padding: int) -> None:
    body = bytes(-(32 + padding) % 16 + 64)
    assert refused(sealed(body, padding=padding)) == "padding_length"  # SEC-23


@pytest.mark.parametrize("padding", [12, 16, 1008, 1024])
@pytest.mark.requirement("MSG-09")
def test_padding_of_12_and_of_1024_bytes_is_accepted(padding: int) -> None:
    body = bytes(-(32 + padding) % 16 + 64)
    assert open(KEY, sealed(body, padding=padding), Role.SERVER)[0].body == body


@pytest.mark.requirement("MSG-04", "SEC-24", "SEC-74")
def test_blocks_appended_replaced_or_cut_off_are_refused() -> None:
    payload = sealed(bytes(64), padding=32)
    for changed in (payload + bytes(16), payload + payload[-16:], payload[:-16] + bytes(16), payload[:-16]):
        assert refused(changed) == "msg_key"  # SEC-24: msg_key covers the padding


@pytest.mark.requirement("SEC-58")
def test_no_secret_is_in_the_repr_or_in_an_error() -> None:
    inner = Inner(0x1234567890, 0x0987654321, 5, 0, b"tokn")
    assert "tokn" not in repr(inner)
    assert str(0x1234567890) not in repr(inner) and str(0x0987654321) not in repr(inner)
    for broken in (b"\0" + sealed()[1:], sealed()[:8] + bytes(16) + sealed()[24:]):
        with pytest.raises(SecurityError) as caught:
            open(KEY, broken, Role.SERVER)
        assert (caught.value.got, caught.value.expected) == (None, None)


DATA = json.loads((files("mtproto") / "vectors/data/message_v2.json").read_text())
VECTORS = [test for group in DATA["groups"] if group["type"] == "MessageV2" for test in group["tests"]]


@pytest.mark.parametrize("test", VECTORS, ids=[test["id"] for test in VECTORS])
@pytest.mark.requirement("MSG-01", "MSG-02", "MSG-04", "MSG-05")
def test_the_published_vectors(test: dict[str, dict[str, str]]) -> None:
    given_, output = test["input"], test["output"]
    sender = Role.CLIENT if given_["direction"] == "client_to_server" else Role.SERVER
    long = {name: int.from_bytes(bytes.fromhex(given_[name]), "little", signed=True) for name in ("salt", "sessionId")}
    body = bytes.fromhex(given_["body"])
    inner = Inner(long["salt"], long["sessionId"], int(given_["msgId"]), int(given_["seqNo"]), body)
    key = AuthKey(bytes.fromhex(given_["authKey"]))
    payload, _ = seal_plaintext(key, pack_plaintext(inner, bytes.fromhex(given_["padding"])), sender)
    assert payload.hex() == output["packet"]
    assert open(key, payload, sender)[0] == inner


@settings(max_examples=200)
@given(st.binary(max_size=400).map(lambda rest: bytes.fromhex("32d1586ea457dfc8") + rest), st.sampled_from(ROLES))
def test_random_payloads_are_refused(payload: bytes, sender: Role) -> None:
    assert refused(payload, sender) in {"payload_length", "msg_key"}


@pytest.mark.parametrize("length", [-(2**31), -1, 0, 3, 13, 1000, 2**31 - 4, 12])
@pytest.mark.parametrize("padding", [0, 4, 12, 20, 1040])
@pytest.mark.requirement("MSG-08", "SEC-20", "SEC-36")
def test_behind_a_wrong_msg_key_no_length_and_no_padding_is_looked_at(length: int, padding: int) -> None:
    """One check path: the same refusal, without a value, whatever a forger guessed of the plaintext."""
    payload = bytearray(sealed(bytes(-(32 + padding) % 16 + 64), length=length, padding=padding))
    payload[8] ^= 1
    with pytest.raises(SecurityError) as caught:
        open(KEY, bytes(payload), Role.SERVER)
    assert (caught.value.check, caught.value.got, caught.value.expected) == ("msg_key", None, None)


@pytest.mark.requirement("MSG-08", "SEC-20", "SEC-36", "SEC-74")
def test_the_msg_key_is_compared_in_constant_time_before_anything_is_made_of_the_plaintext(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order: list[object] = []
    compare, new = envelope.compare_digest, envelope._new

    def noted_compare(left: bytes, right: bytes) -> bool:
        order.append((len(left), len(right)))
        return compare(left, right)

    def noted_new(kind: type[Inner]) -> Inner:
        order.append("read")
        return new(kind)

    monkeypatch.setattr(envelope, "compare_digest", noted_compare)
    monkeypatch.setattr(envelope, "_new", noted_new)
    payload = sealed()
    order.clear()
    envelope.open(KEY, payload, Role.SERVER)
    assert order == [(16, 16), "read"]
    for forged in (payload[:8] + bytes(16) + payload[24:], payload[:-16] + bytes(16)):
        order.clear()
        with pytest.raises(SecurityError):
            envelope.open(KEY, forged, Role.SERVER)
        assert order == [(16, 16)]
