"""What the encoder refuses: TL-38, TL-46, TL-51."""

from __future__ import annotations

import random
from typing import Any

import pytest

from mtproto.errors import UsageError
from mtproto.schema import api, mtproto
from mtproto.schema.api import functions, types
from mtproto.tl.dynamic import OBJECT, codec
from mtproto.tl.objects import TLObject
from mtproto.tl.registry import decode, encode
from mtproto.tl.schema import field_name
from tests.strategies import Maker, Seeded

GOOD: dict[str, Any] = {"connection_id": "abc", "user_id": 1, "dc_id": 2, "date": 3}


def connection(**fields: Any) -> TLObject:
    return types.BotBusinessConnection(**{**GOOD, **fields})


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("connection_id", None, "missing; expects a value of type string"),
        ("connection_id", 5, "expects a string, got int"),
        ("connection_id", b"abc", "expects a string, got bytes"),
        ("connection_id", "\ud800", "surrogate"),
        ("connection_id", "x" * (1 << 24), "too long"),
        ("user_id", 1 << 63, "signed integer of 64 bits"),
        ("user_id", -(1 << 63) - 1, "signed integer of 64 bits"),
        ("user_id", "1", "expects an integer"),
        ("user_id", 1.0, "expects an integer"),
        ("date", 1 << 31, "signed integer of 32 bits"),
        ("disabled", 1, "True or False"),
        ("disabled", "no", "True or False"),
        ("rights", 5, "expects a value of type BusinessBotRights, got int"),
        ("rights", True, "expects a value of type BusinessBotRights, got bool"),
        ("rights", types.UserEmpty(id=1), "expects BusinessBotRights, got userEmpty"),
        ("rights", types.BusinessBotRights(reply=None), "rights.reply: expects True or False"),  # type: ignore[arg-type]
        ("extra_flags", 4, "no known field uses"),
        ("extra_flags", 1 << 32, "no known field uses"),
        ("extra_flags", -1, "no known field uses"),
    ],
)
@pytest.mark.requirement("TL-38", "TL-46", "TL-51", "TL-82")
def test_a_field_that_does_not_fit_is_named_with_what_it_expects(field: str, value: Any, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        connection(**{field: value}).to_bytes()
    message = str(caught.value)
    assert message.startswith("botBusinessConnection: ")
    assert expected in message
    assert field in message or field == "rights"


@pytest.mark.requirement("TL-51")
def test_the_path_leads_to_the_field() -> None:
    updates = types.Updates(
        updates=[types.UpdateConfig(), types.UpdateBotBusinessConnect(connection=connection(dc_id="2"), qts=1)],  # type: ignore[arg-type]
        users=[],
        chats=[],
        date=0,
        seq=0,
    )
    with pytest.raises(UsageError, match=r"updates: updates\[1\]\.connection\.dc_id: expects an integer"):
        updates.to_bytes()


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (types.Message(id=1, peer_id=types.PeerUser(user_id=1), date=1, message="", views=1), "forwards"),
        (types.Message(id=1, peer_id=types.PeerUser(user_id=1), date=1, message="", forwards=1), "views"),
        (types.User(id=1, bot=True), "bot_info_version"),
        (types.User(id=1, bot_info_version=1), "bot"),
    ],
)
@pytest.mark.requirement("TL-46")
def test_fields_that_share_a_bit_are_given_together_or_not_at_all(value: TLObject, names: str) -> None:
    with pytest.raises(UsageError, match=names):
        value.to_bytes()


@pytest.mark.parametrize("value", ["abc", ("a",), {"a": 1}, 5, None, iter("a")])
@pytest.mark.requirement("TL-51")
def test_only_a_list_is_a_vector(value: Any) -> None:
    with pytest.raises(UsageError, match=r"keys: .*(list|missing)"):
        functions.langpack.GetStrings(lang_pack="", lang_code="", keys=value).to_bytes()
    with pytest.raises(UsageError):
        functions.messages.GetMessages(id=value).to_bytes()
    with pytest.raises(UsageError):
        functions.messages.DeleteMessages(id=value).to_bytes()


@pytest.mark.requirement("TL-33", "TL-51")
def test_opaque_numbers_have_their_exact_length() -> None:
    for nonce in (bytes(15), bytes(17), "x" * 16, None):
        with pytest.raises(UsageError, match=r"16 bytes|missing"):
            mtproto.ReqPqMulti(nonce=nonce).to_bytes()  # type: ignore[arg-type]


@pytest.mark.requirement("TL-51")
def test_a_query_is_needed_where_a_query_is_expected() -> None:
    for query in (None, 5, "account.getBotBusinessConnection", functions.account.GetBotBusinessConnection):
        with pytest.raises(UsageError, match="query"):
            functions.InvokeWithLayer(layer=229, query=query).to_bytes()  # type: ignore[arg-type]


@pytest.mark.requirement("TL-51")
def test_encode_wants_an_object() -> None:
    for value in (None, 5, b"", {"_": "userEmpty"}):
        with pytest.raises(UsageError):
            encode(value)  # type: ignore[arg-type]
    assert encode(connection()) == connection().to_bytes()


def test_a_value_that_is_nested_without_end_is_refused() -> None:
    peer: Any = types.InputPeerSelf()
    for _ in range(5000):
        peer = types.InputPeerUserFromMessage(peer=peer, msg_id=1, user_id=2)
    with pytest.raises(UsageError, match="deep"):
        peer.to_bytes()


@pytest.mark.requirement("SEC-58")
def test_no_message_shows_a_value() -> None:
    secret = "canary-4711"
    query = functions.auth.ImportBotAuthorization(flags=0, api_id=0, api_hash=secret, bot_auth_token=5)  # type: ignore[arg-type]
    with pytest.raises(UsageError) as caught:
        query.to_bytes()
    assert secret not in str(caught.value)
    assert secret not in repr(query)


WRONG = [None, 5, -1, 1 << 70, 1.5, "text", b"bytes", [], ["x"], [5], True, {}, (), object(), types.UserEmpty(id=1)]


@pytest.mark.requirement("TL-51")
def test_both_codecs_refuse_the_same_values() -> None:
    """A wrong value put into any field of any combinator is refused by both, or means the same to both."""
    found = codec("api")
    chosen = random.Random(7)
    for index, combinator in enumerate(found.by_name.values()):
        fields = [param for param in combinator.params if not param.is_word]
        if not fields:
            continue
        data = found.encode(Maker(found, Seeded(index), True).combinator(combinator), OBJECT)
        value = decode(data, api.read_function if combinator.kind == "function" else api.read_object)
        setattr(value, field_name(chosen.choice(fields).name), chosen.choice(WRONG))
        try:
            fast = value._write()
        except Exception as error:
            fast = type(error)
        try:
            expected = found.encode(value, OBJECT)
        except UsageError:
            assert isinstance(fast, type), f"{combinator.name}: only the oracle refuses {value}"
        else:
            assert fast == expected, combinator.name
