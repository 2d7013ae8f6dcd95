"""Objects as JSON, lines, trees, and from command-line words."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings

from mtproto.errors import UsageError
from mtproto.schema import api, mtproto
from mtproto.schema.api import functions, types
from mtproto.tl import text
from mtproto.tl.dynamic import OBJECT, codec
from mtproto.tl.objects import TLObject
from mtproto.tl.registry import decode
from mtproto.tl.render import show_all
from tests.strategies import objects

CONNECTION = types.BotBusinessConnection(
    connection_id="demo", user_id=1 << 40, dc_id=2, date=3, rights=types.BusinessBotRights(reply=True)
)


def plain(value: object, type_text: str | None = None) -> Any:
    return json.loads(text.to_json(value, type_text))


def test_an_object_is_json_as_documented() -> None:
    assert text.to_json(CONNECTION) == (
        '{"_": "botBusinessConnection", "connection_id": "demo", "user_id": "1099511627776", "dc_id": 2, "date": 3, '
        '"rights": {"_": "businessBotRights", "reply": true}}'
    )


def test_names_of_the_mtproto_schema_carry_its_prefix() -> None:
    assert plain(mtproto.Ping(ping_id=-5)) == {"_": "mtproto:ping", "ping_id": "-5"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (types.InputGeoPoint(lat=1.5, long=-0.0), {"lat": 1.5, "long": -0.0}),
        (types.InputGeoPoint(lat=math.inf, long=math.nan), {"lat": {"double": "7ff0000000000000"}}),
        (types.InputMediaDice(emoticon="\udcff"), {"emoticon": {"hex": "ff"}}),
        (types.InputMediaDice(emoticon="\u0416"), {"emoticon": "\u0416"}),
        (types.FileHash(offset=1, limit=2, hash=b"\0\xff"), {"hash": {"hex": "00ff"}}),
        (mtproto.ReqPqMulti(nonce=bytes(16)), {"nonce": {"hex": "00" * 16}}),
        (types.User(id=1, usernames=[]), {"id": "1", "usernames": []}),
        (types.User(id=1, self_=True, extra_flags2=1 << 30), {"self": True, "extra_flags2": 1 << 30}),
        (types.MessageActionTopicEdit(closed=False), {"closed": False}),
    ],
)
def test_each_kind_of_value_has_its_form(value: TLObject, expected: dict[str, Any]) -> None:
    found = plain(value)
    assert {key: found[key] for key in expected} == expected
    assert text.from_json(text.to_json(value)).to_bytes() == value.to_bytes()


def test_what_is_absent_is_left_out() -> None:
    assert plain(types.User(id=1)) == {"_": "user", "id": "1"}
    assert "hidden" not in plain(types.MessageActionTopicEdit(closed=False))


def test_the_text_is_ascii() -> None:
    assert text.to_json(types.InputMediaDice(emoticon="\U0001f3b2\u0416")).isascii()
    assert text.to_line(types.InputMediaDice(emoticon="\U0001f3b2\u0416")).isascii()


def test_values_that_are_no_objects_need_their_type() -> None:
    assert plain([1, -2], "Vector<long>") == ["1", "-2"]
    assert plain([1, -2], "Vector<int>") == [1, -2]
    assert plain(True) is True
    with pytest.raises(UsageError):
        text.to_json([1])
    assert text.from_json('["5"]', "Vector<long>") == [5]


@settings(deadline=None)
@given(objects("api"))
@pytest.mark.requirement("TL-88")
def test_json_loses_nothing(value: dict[str, Any]) -> None:
    data = codec("api").encode(value, OBJECT)
    function = codec("api").by_name[value["_"]].kind == "function"
    found = decode(data, api.read_function if function else api.read_object)
    assert text.from_json(text.to_json(found)).to_bytes() == data


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ('{"_": "inputUser", "user_id": "1"}', "access_hash is missing; it expects a 64-bit integer"),
        ('{"_": "inputUser", "user_id": "1", "access_hash": "x"}', "access_hash: expects a 64-bit integer"),
        ('{"_": "inputUser", "user_id": "1", "access_hash": "9223372036854775808"}', "out of range"),
        ('{"_": "inputUser", "user_id": true, "access_hash": "1"}', "user_id: expects a 64-bit integer"),
        (
            '{"_": "inputUser", "user_id": 1, "access_hash": 1, "name": 2}',
            "no field 'name'; it has user_id, access_hash",
        ),
        ('{"_": "inputUzer"}', "did you mean inputUser"),
        ('{"_": "tl:inputUser"}', "schema 'tl' is not loaded"),
        ('{"name": "inputUser"}', "expects an object"),
        ("[1]", "got a list"),
        ('{"_": "updates", "updates": 5, "users": [], "chats": [], "date": 1, "seq": 1}', "updates: expects a list"),
        (
            '{"_": "updates", "updates": [{"_": "userEmpty", "id": 1}], "users": [], "chats": [], "date": 1, "seq": 1}',
            'updates[0]: expects an object {"_": name, ...} of type Update, got userEmpty',
        ),
        ('{"_": "inputMediaDice", "emoticon": {"hex": "0"}}', "emoticon: expects a string"),
        ('{"_": "inputMediaDice", "emoticon": {"hex": 5}}', "emoticon: expects a string"),
        ('{"_": "inputMediaDice", "emoticon": null}', "got null"),
        ('{"_": "invokeWithLayer", "layer": 1, "query": {"_": "userEmpty", "id": "1"}}', "query: expects a function"),
        ('{"_": "inputMediaDice", "_": "x"}', "bad JSON: a key is given twice"),
        ('{"_": NaN}', "bad JSON: NaN"),
        ("{", "bad JSON"),
        ("[" * 100_000, "bad JSON"),
    ],
)
def test_json_that_is_no_object_is_refused_with_field_and_expectation(document: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        text.from_json(document)
    assert message in str(caught.value)


def test_a_line_and_a_tree_show_what_is_present() -> None:
    assert text.to_line(CONNECTION) == (
        "botBusinessConnection(connection_id='demo', user_id=1099511627776, dc_id=2, date=3, "
        "rights=businessBotRights(reply=True))"
    )
    updates = types.Updates(updates=[types.UpdateConfig()], users=[], chats=[], date=1, seq=0)
    assert text.to_tree(updates).splitlines() == [
        "updates",
        "  updates: 1 items",
        "    - updateConfig",
        "  users: []",
        "  chats: []",
        "  date: 1",
        "  seq: 0",
    ]


SECRETS: list[TLObject] = [
    functions.auth.ImportBotAuthorization(flags=0, api_id=1, api_hash="canary", bot_auth_token="canary"),
    functions.auth.SendCode(phone_number="canary", api_id=1, api_hash="canary", settings=types.CodeSettings()),
    functions.auth.SignIn(phone_number="canary", phone_code_hash="canary", phone_code="canary"),
    functions.auth.ImportAuthorization(id=1, bytes=b"canary"),
    mtproto.GzipPacked(packed_data=b"canary"),
    mtproto.ReqPqMulti(nonce=b"canarycanarycana"),
    mtproto.ServerDHParamsOk(nonce=b"canarycanarycana", server_nonce=b"canarycanarycana", encrypted_answer=b"canary"),
    mtproto.DhGenOk(nonce=b"canarycanarycana", server_nonce=b"canarycanarycana", new_nonce_hash1=b"canarycanarycana"),
    types.Config(
        **{  # type: ignore[arg-type]
            param.name: [] if param.type.is_vector else "" if param.type.name == "string" else 1
            for param in codec("api").by_name["config"].params
            if not param.condition and not param.is_word
        },
        autologin_token="canary",
    ),
]


@pytest.mark.parametrize("value", SECRETS, ids=lambda value: value.NAME)
@pytest.mark.requirement("SEC-58")
def test_reprs_do_not_show_secrets(value: TLObject) -> None:
    for shown in (repr(value), text.to_line(value), f"{[value]}"):
        assert "canary" not in shown
        assert b"canary".hex() not in shown
        assert "<redacted>" in shown
    assert "canary" in text.to_line(value, show_all) or b"canary".hex() in text.to_line(value, show_all)


@pytest.mark.parametrize("name", ["server_salt", "new_server_salt", "salt", "session_id", "new_nonce", "g_b"])
@pytest.mark.requirement("SEC-58")
def test_these_fields_are_secret(name: str) -> None:
    assert text.is_secret("x", name)


@pytest.mark.parametrize("name", ["connection_id", "msg_id", "date", "first_msg_id", "access_hash", "title"])
def test_these_fields_are_not(name: str) -> None:
    assert not text.is_secret("x", name)


def test_words_become_fields_by_their_types() -> None:
    fields = text.from_words(
        functions.messages.UploadMedia,
        {"peer": '{"_": "inputPeerSelf"}', "media": '{"_": "inputMediaEmpty"}', "business_connection_id": "demo"},
    )
    assert functions.messages.UploadMedia(**fields).peer == types.InputPeerSelf()
    assert text.from_words(functions.users.GetUsers, {"id": '[{"_": "inputUserSelf"}]'}) == {
        "id": [types.InputUserSelf()]
    }
    bot = text.from_words(
        functions.auth.ImportBotAuthorization, {"flags": "0", "api_id": "-1", "api_hash": "1", "bot_auth_token": "t"}
    )
    assert bot == {"flags": 0, "api_id": -1, "api_hash": "1", "bot_auth_token": "t"}
    assert text.from_words(functions.auth.ImportAuthorization, {"id": "5", "bytes": "00ff"})["bytes"] == b"\0\xff"
    assert text.from_words(functions.account.UpdateStatus, {"offline": "true"}) == {"offline": True}


@pytest.mark.parametrize(
    ("cls", "words", "message"),
    [
        (functions.account.GetBotBusinessConnection, {}, "connection_id is missing; it expects a string"),
        (functions.account.GetBotBusinessConnection, {"id": "1"}, "no field 'id'; it has connection_id"),
        (functions.account.UpdateStatus, {"offline": "yes"}, "offline: expects true or false, got 'yes'"),
        (functions.messages.DeleteMessages, {"id": "5"}, "id: expects a list"),
        (functions.messages.DeleteMessages, {"id": '["5"]'}, "id: [0]: expects a 32-bit integer, got a string"),
        (functions.messages.DeleteMessages, {"id": "[5"}, "id: bad JSON"),
        (functions.auth.ImportAuthorization, {"id": "5", "bytes": "xyz"}, "bytes: expects hexadecimal digits"),
        (functions.auth.ImportAuthorization, {"id": "5.5", "bytes": ""}, "id: expects a 64-bit integer, got '5.5'"),
        (functions.auth.ImportAuthorization, {"id": str(1 << 63), "bytes": ""}, "id: expects a 64-bit integer"),
        (mtproto.ReqPqMulti, {"nonce": "00"}, "nonce: expects 32 hexadecimal digits"),
    ],
)
def test_words_that_do_not_fit_are_refused_with_field_and_expectation(
    cls: type[TLObject], words: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        text.from_words(cls, words)
    assert message in str(caught.value)
    assert str(caught.value).startswith(cls.NAME)


def test_make_builds_an_object_by_either_name_of_a_field() -> None:
    assert text.make(types.User, {"id": 1, "self": True}) == text.make(types.User, {"id": 1, "self_": True})
    for fields in ({}, {"id": 1, "self": True, "self_": True}, {"id": 1, "nothing": 2}):
        with pytest.raises(UsageError):
            text.make(types.User, fields)


def test_objects_are_found_by_their_tl_name() -> None:
    assert api.find("account.getBotBusinessConnection") is functions.account.GetBotBusinessConnection
    assert api.find("updates.difference") is types.updates.Difference
    assert api.find("botBusinessConnection") is types.BotBusinessConnection
    assert api.find("invokeWithLayer") is functions.InvokeWithLayer
    with pytest.raises(UsageError, match=r"did you mean account\.getBotBusinessConnection"):
        api.find("account.getbotbusinessconection")
    with pytest.raises(UsageError, match="has no ''"):
        api.find("")
