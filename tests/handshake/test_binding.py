"""The encrypted_message of auth.bindTempAuthKey (MSG-107, MSG-108, MSG-113, SEC-82)."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from mtproto.crypto.auth_key import AuthKey
from mtproto.errors import RpcError, UsageError
from mtproto.handshake.binding import check_binding, protect_binding
from mtproto.schema.mtproto import BindAuthKeyInner

GROUPS: dict[str, Any] = {
    group["type"]: group
    for group in json.loads(files("mtproto.vectors").joinpath("data/bind_temp_auth_key.json").read_text())["groups"]
}
MADE = GROUPS["BindTempAuthKey"]
RECEIVED = GROUPS["BindTempAuthKeyServerReceive"]


def inner(fields: dict[str, Any]) -> BindAuthKeyInner:
    return BindAuthKeyInner(
        nonce=int(fields["nonce"]),
        temp_auth_key_id=int(fields["tempAuthKeyId"]),
        perm_auth_key_id=int(fields["permAuthKeyId"]),
        temp_session_id=int(fields["tempSessionId"]),
        expires_at=int(fields["expiresAt"]),
    )


@pytest.mark.parametrize("test", MADE["tests"], ids=lambda test: test["id"])
@pytest.mark.requirement("MSG-22", "MSG-107")
def test_the_message_is_the_one_of_the_vectors(test: dict[str, Any]) -> None:
    key = AuthKey(bytes.fromhex(MADE["params"]["permAuthKey"]))
    fields = test["input"]
    random, padding = bytes.fromhex(fields["random"]), bytes.fromhex(fields["padding"])
    made = protect_binding(key, inner(fields), int(fields["msgId"]), random, padding)
    assert made.hex() == test["output"]["encryptedMessage"]


@pytest.mark.requirement("MSG-22", "MSG-107", "MSG-108")
def test_the_known_answer_of_the_specification() -> None:
    """MSG-108."""
    fields = {"nonce": 0x1111111111111111, "tempAuthKeyId": 0x2222222222222222, "permAuthKeyId": 0x3333333333333333}
    fields |= {"tempSessionId": 0x4444444444444444, "expiresAt": 1700086400}
    made = protect_binding(AuthKey(bytes(range(256))), inner(fields), 0x65ABC0FC000DF764, bytes(range(16)), b"\xbb" * 8)
    assert made.hex() == (
        "32d1586ea457dfc847a338094d32556af20c6acd9cf08a6661df9421b1f25d0bc16584329cc3e783248be567372188253fb755931355c538"
        "b04a0cda86e1a79b454ab3ba3d2d2c634fc836dddadb7710977e26c62552b21e8a381b0b83971a69adf023ffc938e128"
    )


PARAMS = RECEIVED["params"]
EXPIRES_AT = int(PARAMS["request"]["expiresAt"])


def judge(
    message: bytes, *, msg_id: int = int(PARAMS["messageId"]), now: int = int(PARAMS["now"]), until: int = EXPIRES_AT
) -> float:
    """What the server of the vectors makes of a message."""
    expected = BindAuthKeyInner(
        nonce=int(PARAMS["request"]["nonce"]),
        temp_auth_key_id=AuthKey(bytes.fromhex(PARAMS["tempAuthKey"])).auth_key_id,
        perm_auth_key_id=int(PARAMS["request"]["permAuthKeyId"]),
        temp_session_id=int(PARAMS["connectionSessionId"]),
        expires_at=EXPIRES_AT,
    )
    key = AuthKey(bytes.fromhex(PARAMS["permAuthKey"]))
    return check_binding(key, message, expected, msg_id, now=now, key_expires_at=until)


GENUINE = bytes.fromhex(RECEIVED["tests"][0]["input"]["encryptedMessage"])


@pytest.mark.parametrize("test", RECEIVED["tests"], ids=lambda test: test["id"])
@pytest.mark.requirement("MSG-113", "SEC-82")
def test_the_server_accepts_and_refuses_as_the_vectors_say(test: dict[str, Any]) -> None:
    message = bytes.fromhex(test["input"]["encryptedMessage"])
    if test["result"] == "valid":
        assert judge(message) == EXPIRES_AT
    else:
        with pytest.raises(RpcError, match="400 ENCRYPTED_MESSAGE_INVALID"):
            judge(message)


@pytest.mark.parametrize("at", range(104))
@pytest.mark.requirement("MSG-113", "SEC-82")
def test_a_flipped_bit_anywhere_is_refused_in_the_same_words(at: int) -> None:
    """SEC-82: also in the last block, half of which is padding that 1.0 does not protect."""
    changed = bytearray(GENUINE)
    changed[at] ^= 1
    with pytest.raises(RpcError, match="400 ENCRYPTED_MESSAGE_INVALID"):
        judge(bytes(changed))


@pytest.mark.parametrize("length", [0, 24, 88, 103, 105, 120])
@pytest.mark.requirement("MSG-113")
def test_another_length_is_refused(length: int) -> None:
    with pytest.raises(RpcError, match="400 ENCRYPTED_MESSAGE_INVALID"):
        judge((GENUINE * 2)[:length])


@pytest.mark.requirement("MSG-113")
def test_the_server_keeps_the_earlier_end_and_takes_300_seconds_more_at_most() -> None:
    """MSG-113."""
    assert judge(GENUINE, until=EXPIRES_AT + 1000) == EXPIRES_AT
    assert judge(GENUINE, until=EXPIRES_AT - 300) == EXPIRES_AT - 300
    bad: list[dict[str, int]] = [{"until": EXPIRES_AT - 301}, {"now": EXPIRES_AT}, {"now": EXPIRES_AT + 1}]
    for times in bad:
        with pytest.raises(RpcError, match="400 ENCRYPTED_MESSAGE_INVALID"):
            judge(GENUINE, **times)


@pytest.mark.requirement("MSG-109", "MSG-113")
def test_another_msg_id_needs_another_message() -> None:
    """MSG-109."""
    with pytest.raises(RpcError, match="400 ENCRYPTED_MESSAGE_INVALID"):
        judge(GENUINE, msg_id=int(PARAMS["messageId"]) + 4)


@pytest.mark.parametrize(("random", "padding"), [(15, 8), (16, 7), (0, 0), (16, 16)])
def test_the_random_parts_have_their_lengths(random: int, padding: int) -> None:
    key = AuthKey(bytes(range(256)))
    with pytest.raises(UsageError):
        protect_binding(key, inner(MADE["tests"][0]["input"]), 4, bytes(random), bytes(padding))
