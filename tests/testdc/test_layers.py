"""A client of any layer is served in that layer's declarations (API-04, docs/spec/clients.md)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtproto.errors import RpcError, UsageError
from mtproto.schema.api import LAYER, LAYERS, types
from mtproto.testdc import BusinessConnection, Call, Reply
from mtproto.testdc.accounts import API_HASH, API_ID, BOT_ID, BOT_TOKEN, OWNER_ID
from mtproto.testdc.connections import UNKNOWN_CONSTRUCTOR
from mtproto.testdc.layers import nearest, write
from mtproto.tl.dynamic import Codec, codec
from mtproto.tl.objects import TLObject
from tests.testdc.rig import Client, World

OLDER = LAYERS[:-1]
BUSINESS = [layer for layer in LAYERS if layer > 177]
CLIENT = {
    "_": "initConnection",
    "api_id": API_ID,
    "device_model": "device",
    "system_version": "1",
    "app_version": "2",
    "system_lang_code": "en",
    "lang_pack": "",
    "lang_code": "de",
}
LOGIN = {"flags": 0, "api_id": API_ID, "api_hash": API_HASH, "bot_auth_token": BOT_TOKEN}
LOG = {
    "_": "help.saveAppLog",
    "events": [{"_": "inputAppEvent", "time": 0.5, "type": "a", "peer": 1, "data": {"_": "jsonNull"}}],
}
USER_IDS = {158: 0x8F97C628, 198: 0x4B46C37E, 201: 0x020B1422, 216: 0x020B1422, 227: 0x31774388, 229: 0xB1B8CC83}
"""The constructor of a user that published clients of these layers were seen to read."""


class Peer:
    """A client that knows one layer and nothing else: what it sends and reads goes through that layer's codec."""

    def __init__(self, world: World, layer: int, announced: int | None = None) -> None:
        self.codec: Codec = codec("api", layer)
        self.client: Client = world.client(bare=True)
        query = {**CLIENT, "query": {"_": "help.getConfig"}}
        wrapped = {"_": "invokeWithLayer", "layer": layer if announced is None else announced, "query": query}
        self.config = self.codec.decode(self.client.raw(self.codec.encode(wrapped)), "Config")

    def log_in(self) -> Any:
        return self.call("auth.importBotAuthorization", "auth.Authorization", **LOGIN)

    def raw(self, name: str, **fields: Any) -> bytes:
        return self.client.raw(self.codec.encode({"_": name, **fields}))

    def call(self, name: str, result: str, **fields: Any) -> Any:
        return self.codec.decode(self.raw(name, **fields), result)

    def ask(self, connection_id: str) -> Any:
        return self.call("account.getBotBusinessConnection", "Updates", connection_id=connection_id)

    def pushed(self) -> list[bytes]:
        return [update.body for update in self.client.updates()]


def bot(layer: int, **options: Any) -> Peer:
    peer = Peer(World(**options), layer)
    peer.log_in()
    return peer


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.requirement("API-04")
def test_each_built_in_method_answers_in_the_layer_of_the_client(layer: int) -> None:
    peer = Peer(World(), layer)
    assert peer.config["this_dc"] == 2
    me = peer.log_in()["user"]
    assert (me["id"], me["bot"], me["self"]) == (BOT_ID, True, True)
    assert me.get("bot_business", False) is (layer >= 181)
    myself = {"_": "inputUserSelf"}
    assert peer.call("users.getUsers", "Vector<User>", id=[myself])[0]["username"] == "fixture_bot"
    assert peer.call("users.getFullUser", "users.UserFull", id=myself)["users"][0]["id"] == BOT_ID
    assert peer.call("updates.getState", "updates.State")["qts"] == 0
    nothing = peer.call("updates.getDifference", "updates.Difference", pts=1, date=1, qts=0)
    assert nothing["_"] == "updates.differenceEmpty"
    assert peer.call("help.getNearestDc", "NearestDc")["nearest_dc"] == 2
    assert peer.call("help.getAppConfig", "help.AppConfig", hash=0)["_"] == "help.appConfig"
    pack = peer.call("langpack.getLangPack", "LangPackDifference", lang_pack="", lang_code="en")
    assert pack["lang_code"] == "en"
    deleted = peer.call("langpack.getStrings", "Vector<LangPackString>", lang_pack="", lang_code="en", keys=["a"])
    assert deleted[0]["key"] == "a"
    assert peer.call("langpack.getLanguages", "Vector<LangPackLanguage>", lang_pack="")[0]["lang_code"] == "en"
    assert peer.call("auth.logOut", "auth.LoggedOut") == {"_": "auth.loggedOut"}


@pytest.mark.parametrize(("layer", "constructor"), USER_IDS.items())
def test_the_user_has_the_constructor_that_clients_of_the_layer_read(layer: int, constructor: int) -> None:
    body = bot(layer).raw("users.getUsers", id=[{"_": "inputUserSelf"}])
    assert body[8:12] == constructor.to_bytes(4, "little")


@pytest.mark.parametrize("layer", BUSINESS)
def test_a_connection_can_reply_up_to_layer_200_and_has_rights_after_that(layer: int) -> None:
    (update,) = bot(layer).ask("demo")["updates"]
    connection = update["connection"]
    assert (connection["connection_id"], connection["user_id"], connection["dc_id"]) == ("demo", OWNER_ID, 2)
    if layer <= 200:
        assert connection["can_reply"] is True
        assert "rights" not in connection
    else:
        assert connection["rights"]["reply"] is True
        assert "can_reply" not in connection


@pytest.mark.parametrize(
    ("rights", "can_reply"), [(("reply",), True), (("read_messages",), False), ((), False), (None, False)]
)
def test_to_reply_is_a_right(rights: tuple[str, ...] | None, can_reply: bool) -> None:
    peer = bot(198)
    peer.client.dc.set_connection(BusinessConnection("mine", rights=rights))
    (update,) = peer.ask("mine")["updates"]
    assert update["connection"].get("can_reply", False) is can_reply


@pytest.mark.parametrize("layer", [181, 198, 201, 223, 228])
def test_every_shape_of_an_answer_is_there_in_older_layers(layer: int) -> None:
    peer = bot(layer)
    assert peer.ask("empty")["updates"] == []
    assert peer.ask("toolong") == {"_": "updatesTooLong"}
    assert [update["connection"]["connection_id"] for update in peer.ask("two")["updates"]] == ["two", "demo"]
    assert peer.ask("disabled")["updates"][0]["connection"]["disabled"] is True
    assert peer.ask("gzip")["updates"][0]["connection"]["connection_id"] == "gzip"
    assert len(peer.ask("big")["users"]) == 1001
    with pytest.raises(RpcError, match="FLOOD_WAIT_17"):
        peer.ask("flood")
    unknown = peer.raw("account.getBotBusinessConnection", connection_id="unknown")
    assert UNKNOWN_CONSTRUCTOR.to_bytes(4, "little") in unknown
    old = peer.raw("account.getBotBusinessConnection", connection_id="layer200")
    assert bytes.fromhex("b4336489") in old


def test_an_update_is_pushed_to_each_session_in_its_own_layer() -> None:
    world = World()
    peers = {layer: Peer(world, layer) for layer in (158, 198, 201, 229)}
    for peer in peers.values():
        peer.log_in()
        peer.call("updates.getState", "updates.State")
    world.dc.set_connection(BusinessConnection("fresh"))
    world.run()
    assert peers[158].pushed() == [], "it has no business connections"
    for layer in (198, 201, 229):
        (body,) = peers[layer].pushed()
        (update,) = peers[layer].codec.decode(body, "Updates")["updates"]
        assert update["connection"]["connection_id"] == "fresh"
        assert ("can_reply" in update["connection"]) is (layer == 198)


def test_the_difference_leaves_out_what_the_layer_has_no_constructor_for() -> None:
    world = World()
    old, new = Peer(world, 158), Peer(world, 198)
    for peer in (old, new):
        peer.log_in()
    world.dc.set_connection(BusinessConnection("fresh"))
    missed = {"pts": 1, "date": 1, "qts": 0}
    assert len(new.call("updates.getDifference", "updates.Difference", **missed)["other_updates"]) == 1
    difference = old.call("updates.getDifference", "updates.Difference", **missed)
    assert difference["other_updates"] == []
    assert difference["state"]["qts"] == 1


@pytest.mark.parametrize(
    ("announced", "served"),
    [(158, 158), (159, 158), (180, 158), (199, 198), (200, 198), (201, 201), (226, 224), (229, 229)],
)
def test_a_layer_in_between_is_served_as_the_nearest_below(announced: int, served: int) -> None:
    assert nearest(announced) == served
    peer = Peer(World(), served, announced)
    peer.log_in()
    assert peer.client.dc.log.logins == 1


@pytest.mark.parametrize("announced", [-1, 0, 1, 157, LAYER + 1, 2**31 - 1])
def test_a_layer_below_the_oldest_or_above_the_newest_is_refused(announced: int) -> None:
    assert nearest(announced) is None
    with pytest.raises(RpcError, match=r"^400 CONNECTION_LAYER_INVALID$"):
        Peer(World(), LAYER, announced)


def test_a_method_that_came_later_is_unknown_in_an_older_layer() -> None:
    peer = bot(158)
    query = codec("api").encode({"_": "account.getBotBusinessConnection", "connection_id": "demo"})
    with pytest.raises(RpcError, match=rf"^400 INPUT_METHOD_INVALID_{0x76A86270}_0$"):
        peer.client.raw(query)


def test_a_constructor_that_came_later_is_unknown_in_an_older_layer() -> None:
    peer = bot(198)
    newest = codec("api")
    query = {"_": "users.getFullUser", "id": {"_": "inputUserSelf"}}
    body = newest.encode(query)[:4] + bytes.fromhex("78563412")
    with pytest.raises(RpcError, match=rf"^400 INPUT_CONSTRUCTOR_INVALID_{0x12345678}$"):
        peer.client.raw(body)
    with pytest.raises(RpcError, match=r"^400 INPUT_FETCH_ERROR$"):
        peer.client.raw(newest.encode(query) + bytes(4))


def test_a_handler_gets_an_older_query_as_an_object_of_todays_class() -> None:
    world = World()
    seen: list[Any] = []

    def send(call: Call) -> Reply:
        seen.append(call.query)
        return types.UpdatesTooLong()

    world.dc.handle("messages.sendMessage", send)
    peer = Peer(world, 158)
    peer.log_in()
    fields = {"peer": {"_": "inputPeerUser", "user_id": 5, "access_hash": 6}, "message": "hello", "random_id": 7}
    assert peer.call("messages.sendMessage", "Updates", **fields, silent=True) == {"_": "updatesTooLong"}
    (query,) = seen
    assert query.peer == types.InputPeerUser(user_id=5, access_hash=6)
    assert (query.message, query.random_id, query.silent, query.reply_to) == ("hello", 7, True, None)


def test_a_query_with_a_field_that_today_has_no_place_for_is_refused() -> None:
    world = World()
    world.dc.handle("messages.sendMessage", lambda call: types.UpdatesTooLong())
    peer = Peer(world, 158)
    peer.log_in()
    fields = {"peer": {"_": "inputPeerSelf"}, "message": "hello", "random_id": 7}
    with pytest.raises(RpcError, match=r"^400 CONNECTION_LAYER_INVALID$"):
        peer.raw("messages.sendMessage", **fields, reply_to_msg_id=3)


def test_an_answer_that_the_layer_cannot_express_is_refused() -> None:
    world = World()
    world.dc.handle("account.updateStatus", lambda call: types.BusinessBotRights(reply=True))
    peer = Peer(world, 198)
    peer.log_in()
    with pytest.raises(RpcError, match=r"^400 CONNECTION_LAYER_INVALID$"):
        peer.raw("account.updateStatus", offline=False)
    assert world.dc.log.errors["CONNECTION_LAYER_INVALID"] == 1


def test_a_wrong_object_is_told_in_older_layers_too() -> None:
    with pytest.raises(UsageError, match=r"layer 198: nearestDc: this_dc: expects an integer"):
        write(types.NearestDc(country="", this_dc="2", nearest_dc=2), 198)  # type: ignore[arg-type]


def test_fields_that_the_layer_does_not_have_are_left_out() -> None:
    user: TLObject = types.User(id=5, bot_business=True, stories_max_id=types.RecentStory(max_id=4), first_name="A")
    assert codec("api", 198).decode(write(user, 198)) == {
        "_": "user",
        "id": 5,
        "first_name": "A",
        "bot_business": True,
    }
    assert codec("api", 158).decode(write(user, 158)) == {"_": "user", "id": 5, "first_name": "A"}
    assert write(user, LAYER) == write(user, None) == user.to_bytes()


@pytest.mark.requirement("API-04")
def test_the_layer_is_that_of_the_key_and_may_change() -> None:
    """API-04."""
    world = World()
    peer = Peer(world, 198)
    peer.log_in()
    assert peer.ask("demo")["updates"][0]["connection"]["can_reply"] is True
    newest = codec("api")
    query = {"_": "account.getBotBusinessConnection", "connection_id": "demo"}
    wrapped = {"_": "invokeWithLayer", "layer": LAYER, "query": {**CLIENT, "query": query}}
    answer = newest.decode(peer.client.raw(newest.encode(wrapped)), "Updates")
    assert answer["updates"][0]["connection"]["rights"]["reply"] is True
    peer.client.renew()
    again = newest.decode(peer.client.raw(newest.encode(query)), "Updates")
    assert "rights" in again["updates"][0]["connection"]


@pytest.mark.requirement("TL-81")
def test_no_depth_of_nesting_breaks_the_datacenter() -> None:
    """TL-81: some hundred levels are read, more are refused."""
    world = World()
    world.dc.handle("help.saveAppLog", lambda call: True)
    peer = Peer(world, 198)
    peer.log_in()
    start, end = peer.codec.encode(LOG).split(peer.codec.encode({"_": "jsonNull"}))
    array = peer.codec.encode({"_": "jsonArray", "value": [{"_": "jsonNull"}]})[:-4]
    outcomes = set()
    for depth in [*range(20, 600, 1), 5000]:
        body = start + array * depth + peer.codec.encode({"_": "jsonNull"}) + end
        try:
            outcomes.add(peer.client.raw(body))
        except RpcError as error:
            outcomes.add(error.message)
    assert outcomes == {codec("api").encode(True, "Bool"), "INPUT_FETCH_ERROR"}


@given(st.sampled_from(OLDER), st.data())
@settings(max_examples=100, deadline=None)
def test_damaged_queries_of_any_layer_are_answered(layer: int, data: st.DataObject) -> None:
    peer = bot(layer)
    body = bytearray(peer.codec.encode(LOG))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(4, len(body) - 1))] = data.draw(st.integers(0, 255))
    with pytest.raises(RpcError, match=r"INPUT_|METHOD_INVALID"):
        peer.client.raw(bytes(body[: data.draw(st.integers(8, len(body))) // 4 * 4]))
