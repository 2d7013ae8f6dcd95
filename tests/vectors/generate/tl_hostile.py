"""The hostile part of tl_objects.json: bytes that are accepted though no encoder writes them, and bytes refused."""

from __future__ import annotations

from typing import Any

from tests.vectors.generate.form import VectorFile
from tests.vectors.generate.tl_check import check, check_refused
from tests.vectors.generate.tl_pack import ALL, API, VECTOR, pack, packed_string, word
from tests.vectors.generate.tl_values import value

LONG = bytes(8)
SELF = word(API["inputPeerSelf"].id)
NEAREST = {"_": "nearestDc", "country": "NL", "this_dc": 2, "nearest_dc": 4}
KINDS = {
    "WrongType": {"unexpected_constructor"},
    "UnknownConstructor": {"unknown_constructor"},
    "Truncated": {"eof", "bad_count"},
    "Trailing": {"trailing"},
    "BadBool": {"bad_bool"},
    "BadCount": {"bad_count"},
    "BadVector": {"bad_vector"},
    "BadString": {"bad_string"},
    "Depth": {"depth"},
}
"""Flag -> kinds of the error with which the second codec has to refuse."""


def add_to(file: VectorFile) -> None:
    """All groups of this part."""
    file.group("TlObjectDecode", layer=229, operation="decode; encoding the object again gives canonical")
    _strings(file)
    _unknown_bits(file)
    file.group("TlObjectDecode", layer=229, operation="decode; all of the bytes belong to the object")
    _wrong_types(file)
    _truncated(file)
    _counts(file)
    _words(file)


def head(name: str) -> bytes:
    """The constructor id."""
    return word(ALL[name].id)


def accepted(file: VectorFile, comment: str, data: bytes, plain: dict[str, Any], *flags: str) -> None:
    kind = ALL[plain["_"]].result
    canonical = pack(plain, kind)
    check(plain, data, kind, canonical)
    output = {"value": plain, "canonical": canonical.hex()}
    file.valid(comment, {"type": kind, "bytes": data.hex()}, output, *flags)


def refused(file: VectorFile, comment: str, kind: str, data: bytes, flag: str) -> None:
    error = check_refused(data, kind)
    if error not in KINDS[flag]:
        raise ValueError(f"{comment}: refused as {error}")
    file.invalid(comment, {"type": kind, "bytes": data.hex()}, error.replace("_", " "), flag)


def _strings(file: VectorFile) -> None:
    json, photo = head("jsonString"), head("photoStrippedSize")
    for text in ("", "a", "abc", "abcd", "y" * 253):
        data = json + packed_string(text.encode(), long_form=True)
        accepted(file, f"0xFE length of {len(text)} bytes", data, {"_": "jsonString", "value": text}, "LongForm")
    data = json + packed_string(b"\xc3\x28", long_form=True)
    plain = {"_": "jsonString", "value": {"hex": "c328"}}
    accepted(file, "0xFE length of a string that is not UTF-8", data, plain, "LongForm", "NotUtf8")
    for text, byte in (("", 255), ("a", 1), ("ab", 255), ("abcd", 32), ("z" * 254, 255)):
        data = json + packed_string(text.encode(), padding=byte)
        plain = {"_": "jsonString", "value": text}
        accepted(file, f"string of {len(text)} bytes, padded with {byte}", data, plain, "Padding")
    for size in (0, 2, 5):
        inner = bytes(range(1, size + 1))
        data = photo + packed_string(b"i", padding=7) + packed_string(inner, long_form=True, padding=9)
        plain = {"_": "photoStrippedSize", "type": "i", "bytes": {"hex": inner.hex()}}
        accepted(file, f"a padded string, then {size} bytes in the long form", data, plain, "Padding", "LongForm")


def _unknown_bits(file: VectorFile) -> None:
    for bit in (31, 30, 6):
        data = head("dcOption") + word(1 << bit) + word(2) + packed_string(b"::1") + word(443)
        plain = {"_": "dcOption", "id": 2, "ip_address": "::1", "port": 443, "extra_flags": 1 << bit}
        accepted(file, f"dcOption, bit {bit} that no field has", data, plain, "UnknownBits")
    plain = {"_": "dcOption", "ipv6": True, "id": 2, "ip_address": "::1", "port": 443, "secret": {"hex": "00"}}
    data = head("dcOption") + word(0xFFFFFFFF) + word(2) + packed_string(b"::1") + word(443) + packed_string(b"\0")
    flags = ("media_only", "tcpo_only", "cdn", "static", "this_port_only")
    plain = {**plain, **dict.fromkeys(flags, True), "extra_flags": 0xFFFFFBC0}
    accepted(file, "dcOption, all 32 bits", data, plain, "UnknownBits", "AllFlags")
    data = head("chatAdminRights") + word(0x80000040)
    accepted(
        file,
        "chatAdminRights, two unknown bits alone",
        data,
        {"_": "chatAdminRights", "extra_flags": 0x80000040},
        "UnknownBits",
    )
    data = head("user") + word(0) + word(1 << 31) + LONG
    plain = {"_": "user", "id": "0", "extra_flags2": 1 << 31}
    accepted(file, "user, bit 31 of the second word", data, plain, "UnknownBits", "FlagsPosition")
    data = head("inputPeerNotifySettings") + word(1 << 1 | 1 << 4) + pack(False, "Bool")
    plain = {"_": "inputPeerNotifySettings", "silent": False, "extra_flags": 16}
    accepted(
        file, "inputPeerNotifySettings, an unknown bit between known ones", data, plain, "UnknownBits", "OptionalBool"
    )
    data = (
        head("updateShort") + head("updateUserTyping") + word(1 << 9) + LONG + head("sendMessageTypingAction") + word(7)
    )
    typing = {"_": "updateUserTyping", "user_id": "0", "action": {"_": "sendMessageTypingAction"}, "extra_flags": 512}
    accepted(
        file,
        "updateShort, an unknown bit inside",
        data,
        {"_": "updateShort", "update": typing, "date": 7},
        "UnknownBits",
    )


def _wrong_types(file: VectorFile) -> None:
    user, boolean, vector = pack({"_": "peerUser", "user_id": "1"}, "Peer"), word(0x997275B5), word(VECTOR)
    authorization = pack(value(API["authorization"], "a", 1, []), "Authorization")
    for kind, data, what in (
        ("Peer", head("inputPeerUser") + LONG + LONG, "an InputPeer"),
        ("InputPeer", user, "a Peer"),
        ("Updates", head("updateConfig"), "an Update"),
        ("Update", head("updatesTooLong"), "an Updates"),
        ("Config", pack(NEAREST, "NearestDc"), "a NearestDc"),
        (
            "auth.Authorization",
            authorization,
            "an Authorization without the namespace",
        ),
        ("Peer", boolean, "boolTrue"),
        ("Peer", vector + word(0), "a vector"),
        ("Peer", word(0x3FEDD339), "true"),
        ("Config", head("help.getConfig"), "a function"),
        ("Function", user, "a constructor"),
        ("Function", head("mtproto:msgs_ack") + vector + word(0), "a service message that is no query"),
        ("Peer", head("mtproto:pong") + LONG + LONG, "a constructor of the MTProto schema"),
        ("mtproto:FutureSalts", head("mtproto:pong") + LONG + LONG, "a pong"),
        ("mtproto:Pong", user, "a constructor of the API"),
    ):
        refused(file, f"{what} where {kind} is expected", kind, data, "WrongType")
    inside = [
        (
            "Update",
            head("updateUserTyping") + word(0) + LONG + head("inputMessagesFilterEmpty"),
            "a filter as an action",
        ),
        ("Updates", head("updateShort") + head("updatesTooLong") + word(0), "Updates as an Update"),
        ("JSONValue", head("jsonArray") + vector + word(1) + user, "a Peer in a vector of JSONValue"),
        ("InputPeer", head("inputPeerUserFromMessage") + user + word(1) + LONG, "a Peer as an InputPeer"),
        ("Function", head("invokeWithLayer") + word(229) + user, "a constructor as a query"),
        ("Function", head("invokeWithLayer") + word(229) + boolean, "boolTrue as a query"),
        ("Function", head("messages.getDialogUnreadMarks") + word(1) + user, "a Peer in an optional field"),
        (
            "JSONValue",
            head("jsonObject") + vector + word(1) + head("jsonString") + packed_string(b"a" * 9),
            "a JSONValue as a JSONObjectValue",
        ),
    ]
    for kind, data, what in inside:
        refused(file, what, kind, data, "WrongType")
    for number in (0, 0xFFFFFFFF, 0x59511721, 0x22175159, 0x12345678):
        refused(file, f"#{number:08x} where Peer is expected", "Peer", word(number) + LONG, "UnknownConstructor")
    for kind, data, what in (
        ("Updates", head("updateShort") + word(0xDEADBEEF), "an unknown Update"),
        ("KeyboardButtonRow", head("keyboardButtonRow") + vector + word(1) + word(0), "0 in a vector of objects"),
        ("Function", head("invokeWithLayer") + word(229) + word(0xDEADBEEF), "an unknown query"),
        ("Function", word(0xC4F9186A), "an id that is one less than that of help.getConfig"),
        ("mtproto:Pong", word(0xDEADBEEF), "in place of a pong"),
    ):
        refused(file, f"#{data[-4:][::-1].hex()}: {what}", kind, data + bytes(16), "UnknownConstructor")


def _truncated(file: VectorFile) -> None:
    samples = [
        ("Peer", pack({"_": "peerUser", "user_id": "1"}, "Peer"), (0, 3, 4, 8, 11)),
        ("MaskCoords", pack({"_": "maskCoords", "n": 1, "x": 0.5, "y": 0.5, "zoom": 1.0}, "MaskCoords"), (8, 31)),
        ("JSONValue", pack({"_": "jsonString", "value": "abcdefgh"}, "JSONValue"), (4, 5, 8, 12, 15)),
        ("JSONValue", pack({"_": "jsonString", "value": "x" * 300}, "JSONValue"), (5, 7, 8, 300)),
        ("Config", pack(value(API["config"], "cut", 1, []), "Config"), (4, 8, 20, 40, 100)),
        ("DcOption", pack(value(API["dcOption"], "cut", 1, ["secret"]), "DcOption"), (4, 7, 8, 20)),
        ("CodeSettings", head("codeSettings") + word(1 << 8) + packed_string(b"t"), (12, 8)),
        ("PollAnswer", pack(value(API["pollAnswer"], "cut", 1, ["added_by", "date"]), "PollAnswer"), (-4,)),
    ]
    for kind, data, places in samples:
        for place in places:
            cut = data[:place]
            refused(file, f"{kind}, {len(cut)} of its bytes", kind, cut, "Truncated")
    for kind, data, what in (
        ("Peer", pack({"_": "peerUser", "user_id": "1"}, "Peer"), "peerUser"),
        ("JSONValue", pack({"_": "jsonString", "value": "abc"}, "JSONValue"), "a string"),
        ("mtproto:Pong", head("mtproto:pong") + LONG + LONG, "a pong"),
        ("Function", head("help.getConfig"), "a function without fields"),
    ):
        for tail, shown in ((bytes(4), "a zero word"), (b"\0", "one byte"), (data, "itself")):
            refused(file, f"{what}, followed by {shown}", kind, data + tail, "Trailing")


def _counts(file: VectorFile) -> None:
    vector = word(VECTOR)
    for name, fields, element in (
        ("mtproto:msgs_ack", b"", 8),
        ("updateDialogFilterOrder", b"", 4),
        ("keyboardButtonRow", b"", 4),
        ("jsonArray", b"", 4),
        ("invokeAfterMsgs", b"", 8),
        ("contacts.importContacts", b"", 4),
        ("messages.sendVote", SELF + word(1), 4),
        ("mtproto:future_salts", LONG + word(0), 16),
    ):
        line = ALL[name]
        kind = (
            ("mtproto:" + line.result)
            if name.startswith("mtproto:")
            else ("Function" if line.function else line.result)
        )
        begin = head(name) + fields + (b"" if "future" in name else vector)
        for count, rest in ((0x7FFFFFFF, 64), (0xFFFFFFFF, 64), (64 // element + 1, 64)):
            refused(
                file, f"{name}, count {count:#x} before 64 bytes", kind, begin + word(count) + bytes(rest), "BadCount"
            )
    unit = (head("jsonArray") + vector + word(1)).hex()
    spec = {"unit": unit, "count": 100_000, "end": head("jsonNull").hex()}
    file.invalid(
        "100,000 arrays inside each other", {"type": "JSONValue", "bytesSpec": spec}, "depth", "Depth", "Hardening"
    )
    unit = (head("invokeWithoutUpdates")).hex()
    spec = {"unit": unit, "count": 100_000, "end": head("help.getConfig").hex()}
    file.invalid(
        "100,000 wrappers around each other", {"type": "Function", "bytesSpec": spec}, "depth", "Depth", "Hardening"
    )
    for name, first, what in (
        ("keyboardButtonRow", b"", "a bare vector"),
        ("mtproto:msgs_ack", b"", "a bare vector"),
        ("keyboardButtonRow", word(0x15C4B51C), "the vector id in the other byte order"),
        ("mtproto:msgs_ack", head("keyboardButtonRow"), "another constructor"),
        ("contacts.importContacts", word(0), "zero"),
    ):
        kind = (
            ("mtproto:MsgsAck")
            if name.startswith("mtproto:")
            else ("Function" if ALL[name].function else ALL[name].result)
        )
        refused(
            file,
            f"{name}, {what} in place of the vector id",
            kind,
            head(name) + first + word(1) + bytes(16),
            "BadVector",
        )
    data = head("mtproto:future_salts") + LONG + word(0) + vector + word(0)
    refused(file, "future_salts, a boxed vector where a bare one is expected", "mtproto:FutureSalts", data, "BadCount")


def _words(file: VectorFile) -> None:
    for number in (0, 1, 0x997275B4, 0xB5757299, VECTOR, 0x3FEDD339):
        data = head("jsonBool") + word(number)
        refused(file, f"jsonBool #{number:08x}", "JSONValue", data, "BadBool")
    data = head("inputPeerNotifySettings") + word(2) + word(1)
    refused(file, "a Bool of 1 in an optional field", "InputPeerNotifySettings", data, "BadBool")
    data = head("account.toggleUsername") + packed_string(b"name") + word(0)
    refused(file, "a Bool of 0 behind a string", "Function", data, "BadBool")
    for kind, data, what in (
        ("JSONValue", head("jsonString"), "a string"),
        ("PhotoSize", head("photoStrippedSize") + packed_string(b"i"), "bytes"),
        ("DcOption", head("dcOption") + word(0) + word(1), "a string behind flags"),
        ("Function", head("messages.sendVote") + SELF + word(1) + word(VECTOR) + word(1), "bytes in a vector"),
    ):
        refused(file, f"{what} with the length prefix 0xFF", kind, data + b"\xff" + bytes(31), "BadString")
    for kind, data, what in (
        ("JSONValue", head("jsonString") + b"\xfd" + bytes(251), "253 bytes announced, 251 there"),
        ("JSONValue", head("jsonString") + b"\xfe\xff\xff\xff" + bytes(64), "16 MiB announced, 64 bytes there"),
        ("JSONValue", head("jsonString") + b"\x01a", "no padding"),
        ("JSONValue", head("jsonString") + b"\x02abc"[:3], "one byte of padding missing"),
        ("JSONValue", head("jsonString") + b"\xfe\x01\0", "a long form without all of its length"),
    ):
        refused(file, f"a string, {what}", kind, data, "Truncated")
