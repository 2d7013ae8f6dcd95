"""Who may call what: users and bots, logged in or not (API-104), and how a user logs in (API-37)."""

from __future__ import annotations

from typing import Any

import pytest

from mtproto.schema.api import types
from mtproto.testdc import Account, Bot, Person
from mtproto.testdc.accounts import API_HASH, API_ID, OWNER_ID, OWNER_PHONE
from tests.testdc.rig import Client, World
from tests.testdc.test_files import refused
from tests.testdc.test_two_datacenters import sign_in

STATUS = {"name": "account.updateStatus", "offline": True}


def test_a_user_logs_in_by_phone_and_code_and_out_again() -> None:
    world = World()
    client = world.client()
    authorization = sign_in(client)
    assert (authorization.user.id, authorization.user.self_, authorization.user.bot) == (OWNER_ID, True, False)
    assert world.dc.log.logins == 1
    assert client.call("users.getUsers", id=[types.InputUserSelf()])[0].id == OWNER_ID
    assert client.call("updates.getState").qts == 0
    client.call("auth.logOut")
    assert refused(client.call, "updates.getState") == "401 AUTH_KEY_UNREGISTERED"


def code_for(client: Client, phone: str = OWNER_PHONE, **changes: Any) -> str:
    fields = {"phone_number": phone, "api_id": API_ID, "api_hash": API_HASH, "settings": types.CodeSettings()}
    return str(client.call("auth.sendCode", **{**fields, **changes}).phone_code_hash)


def test_a_code_is_sent_only_to_a_phone_that_exists() -> None:
    client = World().client()
    assert code_for(client, "+" + OWNER_PHONE)
    assert refused(code_for, client, "9996629999") == "400 PHONE_NUMBER_UNOCCUPIED"
    assert refused(code_for, client, "nobody") == "400 PHONE_NUMBER_INVALID"
    assert refused(code_for, client, api_id=1) == "400 API_ID_INVALID"


def test_a_sign_in_needs_the_code_and_what_came_with_it_once() -> None:
    client = World().client()

    def attempt(code: str | None, code_hash: str, phone: str = OWNER_PHONE) -> Any:
        return client.call("auth.signIn", phone_number=phone, phone_code_hash=code_hash, phone_code=code)

    assert refused(attempt, "22222", "") == "400 PHONE_CODE_EXPIRED", "nothing was sent"
    good = code_for(client)
    assert refused(attempt, "22221", good) == "400 PHONE_CODE_INVALID"
    assert refused(attempt, None, good) == "400 PHONE_CODE_EMPTY"
    assert refused(attempt, "22222", good[::-1]) == "400 PHONE_CODE_EXPIRED"
    assert refused(attempt, "22222", good, "9996629999") == "400 PHONE_NUMBER_UNOCCUPIED"
    assert attempt("22222", good).user.id == OWNER_ID
    assert refused(attempt, "22222", good) == "400 PHONE_CODE_EXPIRED"


@pytest.mark.parametrize(
    ("only", "bot", "user"),
    [
        (Account, None, None),
        (Bot, None, "400 USER_BOT_REQUIRED"),
        (Person, "400 BOT_METHOD_INVALID", None),
    ],
)
def test_a_method_is_for_bots_or_for_users_or_for_both(only: type[Account], bot: str | None, user: str | None) -> None:
    world = World()
    world.dc.handle("account.updateStatus", lambda call: True, only=only)
    callers = world.bot(), world.client(), world.client()
    sign_in(callers[1])
    for caller, error in zip(callers, (bot, user, "401 AUTH_KEY_UNREGISTERED"), strict=True):
        if error is None:
            assert caller.call(**STATUS) is True
        else:
            assert refused(caller.call, **STATUS) == error


def test_the_business_connection_is_told_to_bots_alone() -> None:
    client = World().client()
    sign_in(client)
    assert refused(client.ask, "demo") == "400 USER_BOT_REQUIRED"


def test_a_key_with_a_user_is_not_destroyed() -> None:
    from mtproto.schema import mtproto as schema
    from tests.testdc.rig import service

    world = World()
    client = world.client()
    sign_in(client)
    client.request(schema.DestroyAuthKey().to_bytes(), api=False)
    world.run()
    assert [service(event) for event in client.received(schema.DestroyAuthKeyFail)] == [schema.DestroyAuthKeyFail()]


def test_no_account_prints_its_phone_or_token() -> None:
    accounts = World().dc.accounts
    shown = repr(accounts) + repr(accounts.persons[OWNER_PHONE]) + repr(list(accounts.bots.values()))
    assert OWNER_PHONE not in shown
    assert accounts.bot_token not in shown
