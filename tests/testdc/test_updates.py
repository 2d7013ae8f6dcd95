"""updateBotBusinessConnect: who is told when a connection changes, and what a bot can learn afterwards."""

from __future__ import annotations

import pytest

from mtproto.schema.api import functions, read_object, types
from mtproto.testdc import BusinessConnection, User
from mtproto.testdc.accounts import OWNER_ID
from mtproto.tl.registry import decode
from tests.testdc.rig import Client, World

NEWS = BusinessConnection("news", rights=("reply", "manage_stories"))


def pushed(client: Client) -> list[types.Updates]:
    return [decode(update.body, read_object) for update in client.updates()]


@pytest.mark.requirement("API-60", "API-80", "API-81")
def test_a_change_is_pushed_to_a_bot_that_is_logged_in() -> None:
    world = World()
    client = world.bot()
    client.call("updates.getState")
    world.dc.set_connection(NEWS)
    world.run()
    (updates,) = pushed(client)
    (update,) = updates.updates
    assert update.connection.connection_id == "news"
    assert update.connection.rights == types.BusinessBotRights(reply=True, manage_stories=True)
    assert update.qts == 1
    assert [user.id for user in updates.users] == [OWNER_ID]
    assert client.ask("news").updates[0].connection == update.connection


@pytest.mark.requirement("API-42")
def test_all_sessions_that_want_updates_get_them() -> None:
    world = World()
    clients = [world.bot() for _ in range(3)]
    for client in clients:
        client.call("updates.getState")
    world.dc.set_connection(NEWS)
    world.run()
    assert [len(pushed(client)) for client in clients] == [1, 1, 1]


@pytest.mark.requirement("API-06")
def test_no_update_goes_to_a_session_that_never_called_without_the_wrapper() -> None:
    world = World()
    client = world.bot()
    client.renew()
    client.request(functions.InvokeWithoutUpdates(query=functions.updates.GetState()))
    world.run()
    quiet = client.session.session_id
    world.dc.set_connection(NEWS)
    world.run()
    key = world.dc.key_state(client.link.keys.auth_key.auth_key_id)  # type: ignore[union-attr]
    assert key is not None
    assert pushed(client) == []
    assert not key.sessions[quiet].subscribed  # type: ignore[attr-defined]


@pytest.mark.requirement("API-61")
def test_no_update_goes_to_a_key_that_is_not_logged_in() -> None:
    world = World()
    stranger, leaver = world.client(), world.bot()
    stranger.call("help.getConfig")
    leaver.call("auth.logOut")
    world.dc.set_connection(NEWS)
    world.run()
    assert pushed(stranger) == pushed(leaver) == []


def test_an_update_waits_for_the_next_connection_of_its_session() -> None:
    world = World()
    client = world.bot()
    client.call("updates.getState")
    client.near.close()
    client.far.close()
    world.dc.set_connection(NEWS)
    world.run()
    assert pushed(client) == []
    client.reconnect()
    client.call("updates.getState")
    assert len(pushed(client)) == 1


@pytest.mark.requirement("API-83")
def test_each_change_has_the_next_qts_and_the_state_the_last_one() -> None:
    world = World()
    client = world.bot()
    assert client.call("updates.getState").qts == 0
    for disabled in (False, True):
        world.dc.set_connection(BusinessConnection("news", disabled=disabled))
    world.run()
    assert [updates.updates[0].qts for updates in pushed(client)] == [1, 2]
    assert client.call("updates.getState").qts == 2
    assert client.ask("demo").updates[0].qts == 2


@pytest.mark.requirement("API-100")
def test_the_difference_has_what_was_missed_and_nothing_else() -> None:
    world = World()
    client = world.bot()
    for name in ("a", "b", "c"):
        world.dc.set_connection(BusinessConnection(name))
    difference = client.call("updates.getDifference", pts=1, date=1, qts=1)
    assert [(u.qts, u.connection.connection_id) for u in difference.other_updates] == [(2, "b"), (3, "c")]
    assert difference.state.qts == 3
    empty = client.call("updates.getDifference", pts=1, date=1, qts=3)
    assert isinstance(empty, types.updates.DifferenceEmpty)


def test_a_connection_may_belong_to_a_user_nobody_knows() -> None:
    world = World()
    client = world.bot()
    world.dc.set_connection(BusinessConnection("orphan", user_id=77))
    assert client.ask("orphan").users == []
    world.dc.accounts.add_user(User(77, 1, "Late"))
    assert [user.first_name for user in client.ask("orphan").users] == ["Late"]
