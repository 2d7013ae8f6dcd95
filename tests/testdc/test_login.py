"""Logging in and out, and what a client asks around it."""

from __future__ import annotations

import pytest

from mtproto.errors import RpcError
from mtproto.schema.api import types
from mtproto.testdc.accounts import BOT_ID, OWNER_ID
from tests.testdc.rig import World

SELF = types.InputUserSelf()


def error_of(call: object, *args: object, **fields: object) -> RpcError:
    with pytest.raises(RpcError) as caught:
        call(*args, **fields)  # type: ignore[operator]
    return caught.value


@pytest.mark.requirement("API-40")
def test_a_bot_logs_in_with_its_token_over_a_key_it_has_just_made() -> None:
    world = World()
    client = world.client(exchange=True)
    authorization = client.log_in()
    assert authorization.user.id == BOT_ID
    assert authorization.user.self_
    assert world.dc.log.exchanges == 1
    assert world.dc.log.logins == 1


@pytest.mark.requirement("API-41")
def test_a_wrong_token_is_refused() -> None:
    client = World().client()
    assert str(error_of(client.log_in, token="2000:no-such-token")) == "400 ACCESS_TOKEN_INVALID"
    assert str(error_of(client.log_in, token="\udcff")) == "400 ACCESS_TOKEN_INVALID"


@pytest.mark.requirement("API-41")
def test_a_wrong_api_id_or_api_hash_is_refused() -> None:
    client = World().client()
    assert str(error_of(client.log_in, api_id=1)) == "400 API_ID_INVALID"
    assert str(error_of(client.log_in, api_hash="0" * 32)) == "400 API_ID_INVALID"


@pytest.mark.requirement("API-104")
def test_before_the_login_only_open_methods_are_served() -> None:
    world = World()
    client = world.client()
    assert client.call("help.getConfig").this_dc == 2
    assert client.call("help.getNearestDc").nearest_dc == 2
    assert str(error_of(client.call, "users.getUsers", id=[SELF])) == "401 AUTH_KEY_UNREGISTERED"
    assert str(error_of(client.ask, "demo")) == "401 AUTH_KEY_UNREGISTERED"
    assert world.dc.log.errors["AUTH_KEY_UNREGISTERED"] == 2


@pytest.mark.requirement("API-43")
def test_after_logging_out_the_key_is_nobody_s_in_all_its_sessions() -> None:
    client = World().bot()
    assert client.call("auth.logOut") == types.auth.LoggedOut()
    client.renew()
    assert str(error_of(client.call, "updates.getState")) == "401 AUTH_KEY_UNREGISTERED"


@pytest.mark.requirement("API-40")
def test_a_login_holds_in_another_session_of_the_same_key_and_not_under_another_key() -> None:
    world = World()
    client = world.bot()
    client.renew()
    assert client.call("updates.getState").pts == 1
    assert error_of(world.client().call, "updates.getState").code == 401


def test_a_bot_sees_itself_and_its_owner() -> None:
    world = World()
    client = world.bot()
    owner = world.dc.accounts.users[OWNER_ID]
    known = types.InputUser(user_id=OWNER_ID, access_hash=owner.access_hash)
    guessed = types.InputUser(user_id=OWNER_ID, access_hash=0)
    myself, other, stranger = client.call("users.getUsers", id=[SELF, known, guessed])
    assert (myself.id, myself.self_, myself.bot) == (BOT_ID, True, True)
    assert (other.id, other.self_, other.bot) == (OWNER_ID, False, False)
    assert stranger == types.UserEmpty(id=OWNER_ID)
    assert error_of(client.call, "users.getUsers", id=[types.InputUserEmpty()]).name == "USER_ID_INVALID"


def test_the_full_user_of_oneself_comes_with_the_user() -> None:
    client = World().bot()
    answer = client.call("users.getFullUser", id=SELF)
    assert answer.full_user.id == BOT_ID
    assert [user.id for user in answer.users] == [BOT_ID]
    stranger = types.InputUser(user_id=1, access_hash=1)
    assert error_of(client.call, "users.getFullUser", id=stranger).name == "USER_ID_INVALID"


@pytest.mark.requirement("API-100")
def test_the_configuration_names_the_addresses_of_the_datacenter() -> None:
    world = World(dc_id=4)
    world.dc.addresses += [("127.0.0.1", 443), ("::1", 444)]
    config = world.client(dc_number=4).call("help.getConfig")
    assert config.this_dc == 4
    assert [(option.id, option.ip_address, option.port, option.ipv6) for option in config.dc_options] == [
        (4, "127.0.0.1", 443, False),
        (4, "::1", 444, True),
    ]


def test_the_app_configuration_is_sent_once() -> None:
    client = World().client()
    first = client.call("help.getAppConfig", hash=0)
    assert first.config == types.JsonObject(value=[])
    assert client.call("help.getAppConfig", hash=first.hash) == types.help.AppConfigNotModified()


def test_language_packs_are_empty_but_answered() -> None:
    client = World().client()
    for name, fields in (("getLangPack", {}), ("getDifference", {"from_version": 3})):
        pack = client.call(f"langpack.{name}", lang_pack="", lang_code="de", **fields)
        assert (pack.lang_code, pack.strings) == ("de", [])
    (language,) = client.call("langpack.getLanguages", lang_pack="")
    assert client.call("langpack.getLanguage", lang_pack="", lang_code="en") == language
    assert error_of(client.call, "langpack.getLanguage", lang_pack="", lang_code="xx").code == 400
    deleted = client.call("langpack.getStrings", lang_pack="", lang_code="en", keys=["a", "b"])
    assert [string.key for string in deleted] == ["a", "b"]
