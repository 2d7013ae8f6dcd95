"""Two datacenters of one environment: migration, transfer of a login, the rule for business connections (API-101)."""

from __future__ import annotations

from typing import Any

import pytest

from mtproto import blocking
from mtproto.client.datacenters import DC
from mtproto.client.link import App
from mtproto.environment import SystemEnvironment
from mtproto.errors import RpcError, UsageError
from mtproto.schema.api import find, functions, types
from mtproto.testdc import Accounts, BusinessConnection, DataCenter, User, start_in_thread
from mtproto.testdc.accounts import API_HASH, API_ID, BOT_ID, BOT_TOKEN, FILE_ELSEWHERE, OWNER_PHONE
from mtproto.testdc.exports import LIFE, MAX_OPEN
from tests.handshake.rig import KEY, OTHER_KEY
from tests.testdc.rig import Client, World
from tests.testdc.test_files import location, part, refused

TYPING = {"peer": types.InputPeerSelf(), "action": types.SendMessageTypingAction()}


def two_and_four() -> tuple[World, World]:
    accounts = Accounts.fixture()
    return World(accounts=accounts), World(accounts=accounts, dc_id=4, private_key=OTHER_KEY)


def export(client: Client, dc_id: int = 4) -> dict[str, Any]:
    exported = client.call("auth.exportAuthorization", dc_id=dc_id)
    return {"id": exported.id, "bytes": exported.bytes}


def wrapped(
    connection_id: str, name: str = "messages.setTyping", **fields: Any
) -> functions.InvokeWithBusinessConnection:
    query: Any = find(name)(**(fields or TYPING))
    return functions.InvokeWithBusinessConnection(connection_id=connection_id, query=query)


def wrapped_call(client: Client, *args: Any, **fields: Any) -> bytes:
    request_id = client.request(wrapped(*args, **fields))
    client.world.run()
    return client.result(request_id)


def test_each_names_both_with_all_their_addresses() -> None:
    two, four = two_and_four()
    four.dc.addresses.append(("127.0.0.1", 4444))
    two.dc.addresses.append(("127.0.0.1", 2222))
    for world, number in ((two, 2), (four, 4)):
        config = world.client(dc_number=number).call("help.getConfig")
        assert config.this_dc == number
        assert [(option.id, option.port) for option in config.dc_options] == [(2, 2222), (4, 4444)]


def test_a_login_is_transferred_to_the_other_datacenter() -> None:
    two, four = two_and_four()
    bot = two.client(exchange=True)
    bot.log_in()
    other = four.client(exchange=True, dc_number=4)
    assert refused(other.call, "updates.getState") == "401 AUTH_KEY_UNREGISTERED"
    authorization = other.call("auth.importAuthorization", **export(bot))
    assert authorization.user.id == BOT_ID
    assert other.call("updates.getState").pts == 1
    assert bot.call("updates.getState").pts == 1, "and still holds where it was"


def test_exported_bytes_are_good_once_for_one_datacenter_one_user_and_one_minute() -> None:
    two, four = two_and_four()
    bot, other = two.bot(), four.client(dc_number=4)
    fields = export(bot)
    invalid = "400 AUTH_BYTES_INVALID"
    assert refused(two.client().call, "auth.importAuthorization", **fields) == invalid, "not for this one"
    assert refused(other.call, "auth.importAuthorization", **{**fields, "id": 1}) == invalid
    assert refused(other.call, "auth.importAuthorization", **{**fields, "bytes": b""}) == invalid
    other.call("auth.importAuthorization", **fields)
    assert refused(four.client(dc_number=4).call, "auth.importAuthorization", **fields) == invalid, "not twice"
    late = export(bot)
    four.advance(LIFE + 1)
    assert refused(other.call, "auth.importAuthorization", **late) == invalid


def test_authorisations_that_nobody_imports_are_bounded_in_number() -> None:
    accounts = Accounts.fixture()
    World(accounts=accounts, dc_id=4)
    bot = World(accounts=accounts).bot()
    first = export(bot)
    for _ in range(MAX_OPEN):
        accounts.exports.issue(accounts.bots[BOT_TOKEN], 4, 0.0, bot.env)
    assert repr(accounts.exports) == f"<Exports: {MAX_OPEN}>"
    assert accounts.exports.redeem(BOT_ID, first["bytes"], 4, 0.0) is None


@pytest.mark.parametrize("dc_id", [2, 5, 0, -4])
def test_a_login_is_exported_only_for_another_datacenter_that_exists(dc_id: int) -> None:
    bot = two_and_four()[0].bot()
    assert refused(export, bot, dc_id) == "400 DC_ID_INVALID"


def test_exporting_needs_a_login() -> None:
    two, _ = two_and_four()
    assert refused(export, two.client()) == "401 AUTH_KEY_UNREGISTERED"


def test_a_bot_and_a_phone_log_in_where_they_live() -> None:
    accounts = Accounts.fixture()
    two, three = World(accounts=accounts), World(accounts=accounts, dc_id=3, private_key=OTHER_KEY)
    accounts.add_bot(User(2001, 1, "Far", bot=True), "2001:token", dc_id=3)
    assert refused(two.client().log_in, token="2001:token") == "303 USER_MIGRATE_3"
    assert three.client(dc_number=3).log_in(token="2001:token").user.id == 2001
    fields = {"phone_number": OWNER_PHONE, "api_id": API_ID, "api_hash": API_HASH, "settings": types.CodeSettings()}
    assert refused(three.client(dc_number=3).call, "auth.sendCode", **fields) == "303 PHONE_MIGRATE_2"


def test_a_document_is_fetched_from_the_datacenter_that_keeps_it() -> None:
    two, four = two_and_four()
    bot, other = two.bot(), four.client(dc_number=4)
    place = location(FILE_ELSEWHERE)
    with pytest.raises(RpcError) as caught:
        part(bot, place, 0, 65536)
    assert (caught.value.name, caught.value.dc_id) == ("FILE_MIGRATE_X", 4)
    other.call("auth.importAuthorization", **export(bot))
    assert len(part(other, place, 0, 65536)) == 65536


def test_a_call_for_a_user_is_served_by_the_datacenter_of_the_connection() -> None:
    """API-85: the client goes where the connection says, with its login, and calls there."""
    two, four = two_and_four()
    seen: list[BusinessConnection | None] = []
    for world in (two, four):
        world.dc.handle("messages.setTyping", lambda call: seen.append(call.business) or True)
    bot = two.bot()
    (update,) = bot.ask("migrate").updates
    assert update.connection.dc_id == 4
    assert refused(wrapped_call, bot, "migrate") == "303 USER_MIGRATE_4"
    other = four.client(dc_number=4)
    assert refused(wrapped_call, other, "migrate") == "401 AUTH_KEY_UNREGISTERED"
    other.call("auth.importAuthorization", **export(bot))
    assert wrapped_call(other, "migrate") == bytes.fromhex("b5757299")
    assert wrapped_call(bot, "demo") == bytes.fromhex("b5757299")
    assert bot.call("messages.setTyping", **TYPING) is True
    assert seen == [two.dc.accounts.connections["migrate"], two.dc.accounts.connections["demo"], None]


def test_only_bots_act_for_users_and_only_by_methods_that_are_meant_for_it() -> None:
    world = World()
    world.dc.handle("messages.setTyping", lambda call: True, login=False)
    world.dc.handle("messages.getWebPage", lambda call: True)
    bot, owner = world.bot(), world.client()
    sign_in(owner)
    refusal = "400 BUSINESS_CONNECTION_NOT_ALLOWED"
    assert refused(wrapped_call, owner, "demo") == refusal
    assert refused(wrapped_call, world.client(), "demo") == "401 AUTH_KEY_UNREGISTERED"
    page = {"name": "messages.getWebPage", "url": "", "hash": 0}
    assert refused(wrapped_call, bot, "demo", **page) == refusal
    world.dc.business_methods.add("messages.getWebPage")
    wrapped_call(bot, "demo", **page)
    assert "messages.getWebPage" not in World().dc.business_methods, "only there"
    assert refused(wrapped_call, bot, "disabled") == "400 BUSINESS_CONNECTION_INVALID"


def sign_in(client: Client, phone: str = OWNER_PHONE, code: str = "22222") -> Any:
    fields = {"phone_number": phone, "api_id": API_ID, "api_hash": API_HASH, "settings": types.CodeSettings()}
    sent = client.call("auth.sendCode", **fields)
    return client.call("auth.signIn", phone_number=phone, phone_code_hash=sent.phone_code_hash, phone_code=code)


def test_both_are_served_in_one_process_over_loopback() -> None:
    accounts = Accounts.fixture()
    app = App(API_ID, API_HASH)
    env = SystemEnvironment()
    with (
        start_in_thread(DataCenter(env, private_key=KEY, accounts=accounts)) as near,
        start_in_thread(DataCenter(env, dc_id=4, private_key=OTHER_KEY, accounts=accounts)) as far,
        blocking.connect(DC(near.host, near.port, 2, [near.dc.public_key]), app) as bot,
    ):
        bot.call("auth.importBotAuthorization", **accounts.login())
        options = {option.id: option.port for option in bot.call("help.getConfig").dc_options}
        assert options == {2: near.port, 4: far.port}
        exported = bot.call("auth.exportAuthorization", dc_id=4)
        with blocking.connect(DC("127.0.0.1", options[4], 4, [far.dc.public_key]), app) as other:
            other.call("auth.importAuthorization", id=exported.id, bytes=exported.bytes)
            assert other.call("users.getUsers", id=[types.InputUserSelf()])[0].id == BOT_ID


@pytest.mark.parametrize("phone", ["", "1234567890", "9996600001", "9996640001", "99966200011", "999662000x"])
def test_persons_have_phones_of_the_test_environment(phone: str) -> None:
    with pytest.raises(UsageError):
        Accounts().add_person(User(1, 1, "A"), phone)


def test_a_bot_has_no_phone() -> None:
    with pytest.raises(UsageError):
        Accounts().add_person(User(1, 1, "A", bot=True), OWNER_PHONE)
