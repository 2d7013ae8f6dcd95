"""tl_objects.json: objects of layer 229 and of the MTProto schema, in both directions, and what has to be refused.

Values come from ``tl_values`` and from here, bytes from ``tl_pack``. The rest is in ``tl_hostile`` and
``tl_calls``.
"""

from __future__ import annotations

from typing import Any

from tests.vectors.generate import tl_calls, tl_hostile
from tests.vectors.generate.form import HARDENING, VectorFile
from tests.vectors.generate.tl_check import check
from tests.vectors.generate.tl_pack import ALL, API, pack
from tests.vectors.generate.tl_values import representatives, value

SOURCE = [
    "Facts: core.telegram.org/mtproto/serialize, /mtproto/TL-tl and the schema of layer 229.",
    "Values: SHA-256 over labels; bytes by a packer of its own (regular expressions and Python's struct).",
    "Check: every accepted encoding was encoded and decoded by the codec of the library that is driven by a schema, "
    "and shares no code with its generated classes; every refused one it refuses as well.",
    "Check: Telethon 1.45.0, of the same layer, decodes and encodes all accepted ones to the same bytes but those with "
    "unknown flag bits or text that is not UTF-8, which it does not keep, and four that have classes of its own.",
]

FLAGS = {
    "Family": "one object of each family of the schema; catches fields that are swapped, missing or of another width",
    "AllFlags": "every optional field is present; catches bits that are written to the wrong word or place",
    "NoFlags": "no optional field is present; catches flag words that are left out when they are zero",
    "SharedBit": "several fields depend on one bit; catches codecs that read only the first, or write the bit for one",
    "OptionalBool": "flags.N?Bool has three states; catches false taken for absent",
    "FlagsPosition": "a flag word behind other fields, or two of them; catches words assumed to be first and only",
    "NotAFlagWord": "a field of type int that is called flags; catches code that goes by the name",
    "Double": "special floating-point values; catches lost signs of zero, NaN payloads and byte order",
    "String": "lengths around 253 and 254, and text beyond ASCII; catches the length in characters and wrong padding",
    "NotUtf8": "a string that is not UTF-8; catches codecs that fail or replace bytes",
    "Integer": "least and greatest numbers; catches missing signs and widths",
    "Opaque": "int128 and int256; catches numbers that are swapped to little-endian",
    "Vector": "boxed and bare vectors; catches a vector id that is written or expected in the wrong place",
    "EmptyVector": "an optional vector that is present and empty; catches present taken for absent",
    "Generic": "invoke wrappers; catches a query that is written with a length, or a result type that is lost",
    "Mtproto": "constructors of the MTProto schema; catches separate tables that do not know each other",
    "UnknownBits": "bits that layer 229 gives no field; catches codecs that fail or drop them",
    "LongForm": "0xFE length of a short string; catches decoders that demand the short form",
    "Padding": "padding bytes that are not zero; catches decoders that compare them",
    "Depth": "deeply nested; catches crashes of recursive decoders",
    "WrongType": "a known constructor where another type is expected; catches look-ups in one global table",
    "UnknownConstructor": "an id of no schema; catches codecs that skip it or crash",
    "Truncated": "the bytes end too early; catches reads past the buffer and partial objects",
    "Trailing": "bytes behind the object; catches objects accepted from their beginning alone",
    "BadBool": "a Bool that is neither boolTrue nor boolFalse; catches truth by comparison with one of them",
    "BadCount": "a count that the rest cannot hold; catches allocations by announced counts",
    "BadVector": "a boxed vector without its id, or another one; catches decoders that skip the word unread",
    "BadString": "a length prefix of 0xFF; catches decoders that read it as a length",
    "MissingField": "a mandatory field is missing; catches encoders that leave it out or fill in zero",
    "Range": "a number that does not fit; catches encoders that wrap or truncate",
    "WrongValue": "a value of another kind; catches encoders that write what they are given",
    "UnknownName": "a name that the schema does not have; catches encoders that skip what they do not know",
    "ReservedBits": "given flag bits that a known field uses; catches fields announced that do not follow",
    "ResultType": "a result whose type only the query tells; catches vectors and Bool taken for objects",
    "Hardening": HARDENING,
}


class Builder:
    """The file, and how its tests are added: the bytes of an object follow from it."""

    def __init__(self) -> None:
        self.file = VectorFile("tl_objects", "TL objects of layer 229 and of the MTProto schema", SOURCE, FLAGS)

    def add(self, comment: str, plain: dict[str, Any], *flags: str) -> None:
        """An object both ways."""
        line = ALL[plain["_"]]
        prefix = "mtproto:" if plain["_"].startswith("mtproto:") else ""
        kind = prefix + ("Function" if line.function else line.result)
        data = pack(plain, kind)
        check(plain, data, kind)
        self.file.valid(comment, {"type": kind, "value": plain}, {"bytes": data.hex()}, *flags)


def build() -> VectorFile:
    """The whole file."""
    builder = Builder()
    builder.file.group("TlObject", layer=229, operation="encode the object; decode the bytes to the same object")
    for line in representatives():
        builder.add(f"{line.name}, a {'function' if line.function else line.result}", value(line, line.name), "Family")
    _flags(builder)
    _primitives(builder)
    _vectors(builder)
    _generics(builder)
    tl_hostile.add_to(builder.file)
    tl_calls.add_to(builder.file)
    return builder.file


def _flags(builder: Builder) -> None:
    for name in ("user", "message", "dcOption", "poll", "wallPaper", "chatBannedRights", "messageService", "chatFull"):
        line = API[name]
        position = ["FlagsPosition"] if name in ("user", "message", "poll", "wallPaper") else []
        for present, flag in ([field.name for field in line.fields], "AllFlags"), ([], "NoFlags"):
            filled = value(line, f"{name} {flag}", 1, present)
            builder.add(f"{name}, {'every' if present else 'no'} optional field", filled, flag, *position)
    for present in ([], ["suggested_lang_code", "lang_pack_version", "base_lang_pack_version"]):
        comment = f"config, three fields of flags.2 {'present' if present else 'absent'}"
        builder.add(comment, value(API["config"], "config shared", 1, present), "SharedBit")
    for answer in ({}, {"added_by": {"_": "peerUser", "user_id": "7"}, "date": 1700000000}):
        text = {"_": "textWithEntities", "text": "yes", "entities": []}
        plain = {"_": "pollAnswer", "text": text, "option": {"hex": "00"}, **answer}
        builder.add(f"pollAnswer, two fields of flags.1 {'present' if answer else 'absent'}", plain, "SharedBit")
    for sandbox in (True, False):
        plain = {"_": "codeSettings", "token": "t", "app_sandbox": sandbox}
        builder.add(f"codeSettings, a string and Bool {sandbox} share flags.8", plain, "SharedBit", "OptionalBool")
    for states in ({}, {"silent": False}, {"silent": True}, {"show_previews": False, "stories_muted": True}):
        plain = {"_": "inputPeerNotifySettings", **states}
        builder.add(f"inputPeerNotifySettings with {states or 'nothing'}", plain, "OptionalBool")
    for number in (0, 1, -1):
        plain = {
            "_": "auth.importBotAuthorization",
            "flags": number,
            "api_id": 4,
            "api_hash": "h",
            "bot_auth_token": "b",
        }
        builder.add(f"auth.importBotAuthorization, flags:int is {number}", plain, "NotAFlagWord")
    keys = {"public_key": {"hex": bytes(range(32)).hex()}, "block": {"hex": "0102030405"}}
    call = {"call": {"_": "inputGroupCall", "id": "1", "access_hash": "2"}, "join_as": {"_": "inputPeerSelf"}}
    plain = {"_": "phone.joinGroupCall", **call, **keys, "params": {"_": "dataJSON", "data": "{}"}}
    builder.add("phone.joinGroupCall, int256 and bytes share flags.3", plain, "SharedBit", "Opaque")


def _primitives(builder: Builder) -> None:
    doubles: list[Any] = [0.0, -0.0, 1.0, -1.5, 0.1, 5e-324, 1.7976931348623157e308]
    doubles += [{"double": bits} for bits in ("7ff0000000000000", "fff0000000000000", "7ff8000000000000")]
    doubles += [{"double": bits} for bits in ("7ff0000000000001", "fff8123456789abc")]
    for number in doubles:
        shown = number["double"] if isinstance(number, dict) else number
        builder.add(f"jsonNumber {shown}", {"_": "jsonNumber", "value": number}, "Double")
    texts = ["", "a", "abc", "abcd", "x" * 253, "x" * 254, "x" * 255, "x" * 256, "a\x00b"]
    texts += ["\u00e9\u00e9", "\u0434" * 127, "\U0001f600\U0001f3fd", "\ufeffbom"]
    for text in texts:
        size = len(text.encode())
        builder.add(f"jsonString of {size} bytes, {len(text)} characters", {"_": "jsonString", "value": text}, "String")
    for data in ("ff", "c3", "616263ff", "eda080", "f4908080"):
        builder.add(f"jsonString {data}", {"_": "jsonString", "value": {"hex": data}}, "String", "NotUtf8")
    for number in (0, 2**31 - 1, -(2**31), -1):
        plain = {"_": "accountDaysTTL", "days": number}
        builder.add(f"accountDaysTTL {number}", plain, "Integer")
    for number in (0, 2**63 - 1, -(2**63), -1, 2**53 + 1, 0x0102030405060708):
        builder.add(f"peerUser {number}", {"_": "peerUser", "user_id": str(number)}, "Integer")
    nonce, other = ({"hex": bytes(range(start, start + 16)).hex()} for start in (0, 16))
    builder.add("req_pq_multi", {"_": "mtproto:req_pq_multi", "nonce": nonce}, "Opaque", "Mtproto")
    hashes = {"_": "mtproto:dh_gen_ok", "nonce": nonce, "server_nonce": other, "new_nonce_hash1": nonce}
    builder.add("dh_gen_ok", hashes, "Opaque", "Mtproto")


def _vectors(builder: Builder) -> None:
    for ids in ([], ["1"], ["1", "-1", str(2**63 - 1)]):
        builder.add(f"msgs_ack of {len(ids)}", {"_": "mtproto:msgs_ack", "msg_ids": ids}, "Vector", "Mtproto")
    salts = [{"_": "mtproto:future_salt", "valid_since": i, "valid_until": i + 1, "salt": str(-i)} for i in (1, 2)]
    for count in (0, 1, 2):
        plain = {"_": "mtproto:future_salts", "req_msg_id": "4", "now": 5, "salts": salts[:count]}
        builder.add(f"future_salts of {count}: a bare vector of bare objects", plain, "Vector", "Mtproto")
    button = {"_": "keyboardButtonRow", "buttons": []}
    for rows in ([], [button], [button, button]):
        plain = {"_": "replyKeyboardMarkup", "rows": rows}
        builder.add(f"replyKeyboardMarkup of {len(rows)} empty rows", plain, "Vector")
    votes = {"_": "messages.sendVote", "peer": {"_": "inputPeerSelf"}, "msg_id": 1}
    for options in ([], [{"hex": ""}, {"hex": "00"}, {"hex": "ff" * 254}]):
        builder.add(f"messages.sendVote of {len(options)} options", {**votes, "options": options}, "Vector")
    empty = {"_": "updateShortSentMessage", "id": 1, "pts": 2, "pts_count": 3, "date": 4}
    builder.add("updateShortSentMessage, entities absent", empty, "EmptyVector")
    builder.add("updateShortSentMessage, entities present and empty", {**empty, "entities": []}, "EmptyVector")
    builder.add(
        "codeSettings, logout_tokens present and empty", {"_": "codeSettings", "logout_tokens": []}, "EmptyVector"
    )
    nested: dict[str, Any] = {"_": "jsonNull"}
    for _ in range(50):
        nested = {"_": "jsonArray", "value": [nested]}
    builder.add("50 arrays inside each other: 100 objects and vectors", nested, "Depth")


def _generics(builder: Builder) -> None:
    config, nearest = {"_": "help.getConfig"}, {"_": "help.getNearestDc"}
    device = {"api_id": 4, "device_model": "d", "system_version": "s", "app_version": "1", "system_lang_code": "en"}
    init = {"_": "initConnection", **device, "lang_pack": "", "lang_code": "en", "query": config}
    params = {
        "_": "jsonObject",
        "value": [{"_": "jsonObjectValue", "key": "tz", "value": {"_": "jsonBool", "value": True}}],
    }
    proxy = {"_": "inputClientProxy", "address": "127.0.0.1", "port": 443}
    ping = {"_": "mtproto:ping", "ping_id": "77"}
    packed = {"_": "mtproto:gzip_packed", "packed_data": {"hex": "1f8b08"}}
    queries = [
        ({"_": "invokeWithLayer", "layer": 229, "query": config}, "Generic"),
        ({"_": "invokeWithLayer", "layer": 229, "query": init}, "Generic"),
        ({"_": "invokeWithLayer", "layer": 229, "query": {**init, "proxy": proxy, "params": params}}, "Generic"),
        ({"_": "invokeAfterMsg", "msg_id": "-4", "query": nearest}, "Generic"),
        ({"_": "invokeAfterMsgs", "msg_ids": ["4", "8"], "query": nearest}, "Generic"),
        (
            {"_": "invokeWithoutUpdates", "query": {"_": "invokeWithTakeout", "takeout_id": "9", "query": nearest}},
            "Generic",
        ),
        ({"_": "invokeWithBusinessConnection", "connection_id": "c", "query": nearest}, "Generic"),
        ({"_": "invokeWithLayer", "layer": 229, "query": ping}, "Generic", "Mtproto"),
        ({"_": "invokeWithLayer", "layer": 229, "query": packed}, "Generic", "Mtproto"),
        ({"_": "mtproto:rpc_result", "req_msg_id": "4", "result": {"_": "peerUser", "user_id": "1"}}, "Mtproto"),
        (
            {
                "_": "mtproto:rpc_result",
                "req_msg_id": "4",
                "result": {"_": "mtproto:pong", "msg_id": "4", "ping_id": "5"},
            },
            "Mtproto",
        ),
        ({"_": "mtproto:rpc_error", "error_code": -503, "error_message": "Timeout"}, "Mtproto"),
    ]
    for plain, *flags in queries:
        inner = plain.get("query", plain.get("result", {}))
        builder.add(" around ".join(filter(None, (plain["_"], inner.get("_")))), plain, *flags)
