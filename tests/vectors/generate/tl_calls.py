"""The last part of tl_objects.json: values that no encoder may write, and results, whose type only the query tells."""

from __future__ import annotations

from tests.vectors.generate.form import VectorFile
from tests.vectors.generate.tl_hostile import NEAREST, head
from tests.vectors.generate.tl_pack import API, pack
from tests.vectors.generate.tl_values import value


def add_to(file: VectorFile) -> None:
    """All groups of this part."""
    file.group("TlObjectEncodeReject", layer=229, operation="encode must refuse")
    _encoders(file)
    file.group("TlResult", layer=229, operation="decode the result of the query")
    _results(file)


def _encoders(file: VectorFile) -> None:
    option = {"_": "dcOption", "id": 2, "ip_address": "::1", "port": 443}
    answer = {"_": "pollAnswer", "text": {"_": "textWithEntities", "text": "", "entities": []}, "option": {"hex": ""}}
    nonce = {"hex": "00" * 16}
    for comment, plain, flag in (
        ("dcOption without a port", {k: v for k, v in option.items() if k != "port"}, "MissingField"),
        ("peerUser without anything", {"_": "peerUser"}, "MissingField"),
        ("replyKeyboardMarkup without rows", {"_": "replyKeyboardMarkup"}, "MissingField"),
        ("invokeWithLayer without a query", {"_": "invokeWithLayer", "layer": 229}, "MissingField"),
        (
            "future_salts of a salt without its end",
            {
                "_": "mtproto:future_salts",
                "req_msg_id": "1",
                "now": 1,
                "salts": [{"_": "mtproto:future_salt", "valid_since": 1, "salt": "1"}],
            },
            "MissingField",
        ),
        ("an int of 2^31", {"_": "accountDaysTTL", "days": 2**31}, "Range"),
        ("an int of -2^31-1", {"_": "accountDaysTTL", "days": -(2**31) - 1}, "Range"),
        ("a long of 2^63", {"_": "peerUser", "user_id": str(2**63)}, "Range"),
        ("a long of -2^63-1", {"_": "peerUser", "user_id": str(-(2**63) - 1)}, "Range"),
        ("a long of 2^64-1", {"_": "mtproto:msgs_ack", "msg_ids": [str(2**64 - 1)]}, "Range"),
        ("an int128 of 15 bytes", {"_": "mtproto:req_pq_multi", "nonce": {"hex": "00" * 15}}, "Range"),
        ("an int128 of 32 bytes", {"_": "mtproto:req_pq_multi", "nonce": {"hex": "00" * 32}}, "Range"),
        (
            "an int256 of 16 bytes",
            {
                "_": "mtproto:p_q_inner_data",
                "pq": nonce,
                "p": nonce,
                "q": nonce,
                "nonce": nonce,
                "server_nonce": nonce,
                "new_nonce": nonce,
            },
            "Range",
        ),
        ("extra flags of 2^32", {**option, "extra_flags": 2**32}, "Range"),
        ("text for an int", {"_": "accountDaysTTL", "days": "7"}, "WrongValue"),
        ("a fraction for an int", {"_": "accountDaysTTL", "days": 7.5}, "WrongValue"),
        ("true for an int", {"_": "accountDaysTTL", "days": True}, "WrongValue"),
        ("a number for a string", {"_": "jsonString", "value": 7}, "WrongValue"),
        ("text for bytes", {"_": "photoStrippedSize", "type": "i", "bytes": "abc"}, "WrongValue"),
        ("1 for a Bool", {"_": "jsonBool", "value": 1}, "WrongValue"),
        ("null for a Bool", {"_": "jsonBool", "value": None}, "WrongValue"),
        ("text for a double", {"_": "jsonNumber", "value": "1.0"}, "WrongValue"),
        ("text for a vector", {"_": "jsonArray", "value": "ab"}, "WrongValue"),
        ("an object for a vector", {"_": "jsonArray", "value": {"_": "jsonNull"}}, "WrongValue"),
        (
            "a Peer for an InputPeer",
            {"_": "messages.sendVote", "peer": {"_": "peerUser", "user_id": "1"}, "msg_id": 1, "options": []},
            "WrongValue",
        ),
        (
            "a Peer for a query",
            {"_": "invokeWithLayer", "layer": 229, "query": {"_": "peerUser", "user_id": "1"}},
            "WrongValue",
        ),
        ("one of two fields that share a bit", {**answer, "date": 1}, "SharedBit"),
        ("the other of them", {**answer, "added_by": {"_": "peerUser", "user_id": "1"}}, "SharedBit"),
        ("a string without the Bool that shares its bit", {"_": "codeSettings", "token": "t"}, "SharedBit"),
        ("a Bool without the string that shares its bit", {"_": "codeSettings", "app_sandbox": False}, "SharedBit"),
        ("the bit of an absent field", {**option, "extra_flags": 1 << 10}, "ReservedBits"),
        ("the bit of a flag that is false", {**option, "extra_flags": 1}, "ReservedBits"),
        ("a field of another constructor", {**option, "user_id": "1"}, "UnknownName"),
        ("a constructor of no schema", {"_": "peerNobody"}, "UnknownName"),
        ("a constructor in the wrong case", {"_": "PeerUser", "user_id": "1"}, "UnknownName"),
        ("a namespace that is missing", {"_": "getConfig"}, "UnknownName"),
    ):
        file.invalid(comment, {"value": plain}, "not encodable", flag)


def _results(file: VectorFile) -> None:
    ids, users = {"_": "contacts.getContactIDs", "hash": "0"}, {"_": "users.getUsers", "id": []}
    name, queue = {"_": "account.checkUsername", "username": "n"}, {"_": "messages.receivedQueue", "max_qts": 0}
    wrapped = {"_": "invokeWithLayer", "layer": 229, "query": {"_": "invokeWithoutUpdates", "query": ids}}
    peers = {
        "_": "chatlists.getLeaveChatlistSuggestions",
        "chatlist": {"_": "inputChatlistDialogFilter", "filter_id": 2},
    }
    for query, kind, plain in (
        (ids, "Vector<int>", [1, -1]),
        (ids, "Vector<int>", []),
        (queue, "Vector<long>", ["1", str(-(2**63))]),
        (users, "Vector<User>", [{"_": "userEmpty", "id": "7"}]),
        (peers, "Vector<Peer>", [{"_": "peerUser", "user_id": "1"}, {"_": "peerChat", "chat_id": "2"}]),
        (name, "Bool", True),
        (name, "Bool", False),
        ({"_": "help.getNearestDc"}, "NearestDc", NEAREST),
        (wrapped, "Vector<int>", [3]),
        ({"_": "mtproto:ping", "ping_id": "5"}, "Pong", {"_": "mtproto:pong", "msg_id": "4", "ping_id": "5"}),
    ):
        given = {"query": query, "resultType": kind, "bytes": pack(plain, kind).hex()}
        file.valid(f"{query['_']}: {kind}", given, {"value": plain}, "ResultType")
    boolean = pack(True, "Bool")
    for query, kind, data, what, flag in (
        (name, "Bool", pack([1], "Vector<int>"), "a vector", "BadBool"),
        (name, "Bool", head("nearestDc"), "an object", "BadBool"),
        (ids, "Vector<int>", boolean, "a Bool", "BadVector"),
        (ids, "Vector<int>", pack([1], "vector<int>"), "a bare vector", "BadVector"),
        (queue, "Vector<long>", pack([1, 2, 3], "Vector<int>"), "a vector of int", "BadCount"),
        (
            users,
            "Vector<User>",
            pack([{"_": "peerUser", "user_id": "1"}], "Vector<Peer>"),
            "a vector of Peer",
            "WrongType",
        ),
        (
            {"_": "help.getNearestDc"},
            "NearestDc",
            pack(value(API["dcOption"], "r", 1, []), "DcOption"),
            "another type",
            "WrongType",
        ),
        ({"_": "help.getNearestDc"}, "NearestDc", boolean, "a Bool", "WrongType"),
        (wrapped, "Vector<int>", boolean, "a Bool for a wrapped query", "BadVector"),
        (name, "Bool", boolean + bytes(4), "a Bool and a word", "Trailing"),
    ):
        given = {"query": query, "resultType": kind, "bytes": data.hex()}
        file.invalid(f"{query['_']}: {what}", given, "not the result of this query", flag, "ResultType")
