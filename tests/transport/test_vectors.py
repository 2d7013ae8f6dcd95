"""Every published transport vector, answered by the codecs themselves."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import mtproto.transport
from mtproto.errors import FramingError, TransportFault, UsageError
from mtproto.roles import Role
from mtproto.testing import ScriptedEnvironment
from mtproto.transport import Abridged, Codec, Full, Intermediate, Packet, Padded, QuickAck

DATA = Path(mtproto.transport.__file__).parents[1] / "vectors" / "data" / "transports.json"
GROUPS = json.loads(DATA.read_text())["groups"]
CASES = [
    pytest.param(group["type"], {**group["params"], **test["input"]}, test["output"], id=test["id"])
    for group in GROUPS
    for test in group["tests"]
]
CODECS: dict[str, type[Codec]] = {
    "abridged": Abridged,
    "intermediate": Intermediate,
    "padded_intermediate": Padded,
    "full": Full,
}


def make(given: dict[str, Any], role: Role) -> Codec:
    padding = bytes.fromhex(given.get("padding", ""))
    env = ScriptedEnvironment(entropy=[bytes([len(padding)]) + padding.ljust(15, b"\0")] * 2)
    codec = CODECS[given["transport"]](role, env)
    if isinstance(codec, Full):
        codec.sent = codec.received = given.get("seqNo", 0)
    return codec


def payload_of(given: dict[str, Any]) -> bytes:
    if "payloadRepeat" in given:
        return bytes.fromhex(given["payloadRepeat"]["byte"]) * int(given["payloadRepeat"]["count"])
    return bytes.fromhex(given["payload"])


def check_init(given: dict[str, Any], expected: dict[str, Any]) -> None:
    for role, start in ((Role.CLIENT, bytes.fromhex(expected["clientInit"])), (Role.SERVER, b"")):
        first = make(given, role).pack(bytes(40))
        assert first[: len(start)] == start
        codec = make(given, role)
        codec.pack(bytes(40))
        if isinstance(codec, Full):
            codec.sent = 0
        assert first[len(start) :] == codec.pack(bytes(40))


def check_packet(given: dict[str, Any], expected: dict[str, Any]) -> None:
    payload, quick = payload_of(given), given.get("quickAck", False)
    codec = make(given, Role.CLIENT)
    wire = codec.pack(payload, quick_ack=quick).removeprefix(codec.start)
    if "wire" in expected:
        assert wire.hex() == expected["wire"]
    else:
        assert wire.startswith(bytes.fromhex(expected["header"]))
        assert (len(wire), sha256(wire).hexdigest()) == (expected["wireLength"], expected["wireSha256"])
    (item,) = make(given, Role.SERVER).feed(wire)
    assert isinstance(item, Packet)
    assert item.wants_ack is quick
    rest = item.payload.removeprefix(payload)
    if (len(payload) - 24) % 16 == 0:
        assert rest == b""
    else:  # no encrypted message: TR-05 takes off what it can, some padding may stay
        assert bytes.fromhex(given.get("padding", "")).startswith(rest)
    assert item.payload == payload + rest


def check_stream(given: dict[str, Any], expected: dict[str, Any]) -> None:
    codec = make(given, Role.SERVER)
    items = [item for chunk in given["chunks"] for item in codec.feed(bytes.fromhex(chunk))]
    assert items == [Packet(bytes.fromhex(payload), False) for payload in expected["payloads"]]


def check_server_message(given: dict[str, Any], expected: dict[str, Any]) -> None:
    wanted = expected.get("items", [expected])
    items = make(given, Role.CLIENT).feed(bytes.fromhex(given["wire"]))
    got = []
    for item in items:
        match item:
            case Packet(payload, False):
                got.append({"payload": payload.hex()})
            case QuickAck(token):
                got.append({"quickAckToken": f"{token:08x}"})
            case TransportFault():
                got.append({"error": -item.code})
    assert got == wanted


def check_reject(given: dict[str, Any], expected: dict[str, Any]) -> None:
    for role in Role:
        with pytest.raises(UsageError):
            make(given, role).pack(payload_of(given))


def check_reject_receive(given: dict[str, Any], expected: dict[str, Any]) -> None:
    kind = {"seqno": "sequence"}.get(expected["error"], expected["error"])
    for role in Role:
        *before, error = make(given, role).feed(bytes.fromhex(given["wire"]))
        assert isinstance(error, FramingError)
        assert error.kind == kind
        assert before == [Packet(bytes.fromhex(payload)) for payload in expected.get("deliveredBefore", [])]


def check_incomplete(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert expected["payloads"] == []
    for role in Role:
        codec = make(given, role)
        assert [codec.feed(bytes.fromhex(chunk)) for chunk in given["chunks"]] == [[]] * len(given["chunks"])


CHECKS = {
    "TransportInit": check_init,
    "TransportPacket": check_packet,
    "TransportStream": check_stream,
    "TransportServerMessage": check_server_message,
    "TransportReject": check_reject,
    "TransportRejectReceive": check_reject_receive,
    "TransportIncomplete": check_incomplete,
}


@pytest.mark.parametrize(("kind", "given", "expected"), CASES)
@pytest.mark.requirement(
    "TR-01", "TR-02", "TR-03", "TR-04", "TR-05", "TR-06", "TR-07", "TR-08", "TR-10", "TR-51", "TR-52", "TR-55"
)
def test_a_published_vector(kind: str, given: dict[str, Any], expected: dict[str, Any]) -> None:
    CHECKS[kind](given, expected)


def test_all_117_vectors_are_there() -> None:
    assert len(CASES) == 117
