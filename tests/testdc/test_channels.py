"""updates.getChannelDifference, and what is pushed of posts (API-63, API-72)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtproto.schema.api import read_object, types
from mtproto.testdc.accounts import CHANNEL_ID
from mtproto.testdc.channels import LATEST, MAX_POSTS, Channel
from mtproto.tl.registry import decode
from tests.testdc.rig import Client, World
from tests.testdc.test_files import refused
from tests.testdc.test_two_datacenters import sign_in

ALL = types.ChannelMessagesFilterEmpty()


def place(channel: Channel) -> types.InputChannel:
    return types.InputChannel(channel_id=channel.channel_id, access_hash=channel.access_hash)


def with_posts(count: int) -> tuple[World, Channel]:
    world = World()
    channel = world.dc.accounts.channels[CHANNEL_ID]
    for number in range(count):
        channel.add(f"post {number + 1}", 1)
    return world, channel


def difference(client: Client, channel: Any, pts: int, limit: int = 100, only: Any = ALL, force: bool = False) -> Any:
    wanted = place(channel) if isinstance(channel, Channel) else channel
    call = {"channel": wanted, "filter": only, "pts": pts, "limit": limit, "force": force}
    return client.call("updates.getChannelDifference", **call)


def test_nothing_happened() -> None:
    world, channel = with_posts(2)
    answer = difference(world.bot(), channel, 3, force=True)
    assert answer == types.updates.ChannelDifferenceEmpty(final=True, pts=3, timeout=30)


def test_what_happened_comes_in_slices_until_the_final_one() -> None:
    world, channel = with_posts(5)
    client = world.bot()
    texts, pts, slices = [], 1, 0
    while True:
        answer = difference(client, channel, pts, limit=2)
        texts += [message.message for message in answer.new_messages]
        pts, slices = answer.pts, slices + 1
        assert [chat.id for chat in answer.chats] == [CHANNEL_ID]
        assert (answer.timeout is not None) is answer.final
        if answer.final:
            break
    assert texts == [f"post {number}" for number in (1, 2, 3, 4, 5)]
    assert (pts, slices) == (6, 3)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 30), st.integers(1, 31), st.integers(-3, 40))
def test_whoever_follows_the_differences_ends_at_the_channel_s_pts_with_each_post_once(
    posts: int, start: int, limit: int
) -> None:
    world, channel = with_posts(posts)
    client, pts, ids = world.bot(), min(start, channel.pts), []
    first = pts
    for _ in range(posts + 1):
        answer = difference(client, channel, pts, limit)
        ids += [message.id for message in getattr(answer, "new_messages", [])]
        pts = answer.pts
        if answer.final:
            break
    assert pts == channel.pts
    assert ids == list(range(first, posts + 1))


def test_a_user_gets_at_most_100_at_once_and_a_bot_what_it_asks_for() -> None:
    world, channel = with_posts(150)
    user = world.client()
    sign_in(user)
    assert len(difference(user, channel, 1, 100_000).new_messages) == 100
    assert len(difference(world.bot(), channel, 1, 100_000).new_messages) == 150


def test_too_much_happened() -> None:
    world, channel = with_posts(MAX_POSTS + 1)
    answer = difference(world.bot(), channel, 1)
    assert isinstance(answer, types.updates.ChannelDifferenceTooLong)
    assert (answer.final, answer.dialog.pts, answer.dialog.top_message) == (True, MAX_POSTS + 2, MAX_POSTS + 1)
    assert [message.id for message in answer.messages] == list(range(MAX_POSTS + 1, MAX_POSTS + 1 - LATEST, -1))
    assert difference(world.bot(), channel, 2, 100_000).final, "the oldest that is remembered"


def test_a_filter_leaves_messages_out_but_not_their_pts() -> None:
    world, channel = with_posts(5)
    client = world.bot()
    some = types.ChannelMessagesFilter(ranges=[types.MessageRange(min_id=2, max_id=3)])
    none = types.ChannelMessagesFilter(exclude_new_messages=True, ranges=[])
    assert [message.id for message in difference(client, channel, 1, only=some).new_messages] == [2, 3]
    answer = difference(client, channel, 1, only=none)
    assert (answer.new_messages, answer.pts, answer.final) == ([], 6, True)


def test_a_channel_or_a_state_that_is_none_is_refused() -> None:
    world, channel = with_posts(1)
    client = world.bot()
    stranger = Channel(CHANNEL_ID, "", access_hash=0)
    assert refused(difference, client, stranger, 1) == "400 CHANNEL_INVALID"
    assert refused(difference, client, Channel(1, ""), 1) == "400 CHANNEL_INVALID"
    assert refused(difference, client, types.InputChannelEmpty(), 1) == "400 CHANNEL_INVALID"
    assert refused(difference, client, channel, 0) == "400 PERSISTENT_TIMESTAMP_EMPTY"
    assert refused(difference, client, channel, -1) == "400 PERSISTENT_TIMESTAMP_INVALID"
    assert refused(difference, client, channel, 3) == "400 PERSISTENT_TIMESTAMP_INVALID"
    assert refused(difference, world.client(), channel, 1) == "401 AUTH_KEY_UNREGISTERED"


def test_a_post_is_pushed_to_everyone_and_one_that_is_not_is_a_gap() -> None:
    world, channel = with_posts(0)
    bot, user, stranger = world.bot(), world.client(), world.client()
    sign_in(user)
    stranger.call("help.getConfig")
    world.dc.post(CHANNEL_ID, "first")
    channel.add("second", 1)
    world.dc.post(CHANNEL_ID, "third")
    world.run()
    for client in (bot, user):
        pushed = [decode(update.body, read_object) for update in client.updates()]
        assert [update.updates[0].pts for update in pushed] == [2, 4]
        assert [update.updates[0].message.message for update in pushed] == ["first", "third"]
        assert [chat.id for chat in pushed[0].chats] == [CHANNEL_ID]
        assert [message.message for message in difference(client, channel, 2).new_messages] == ["second", "third"]
    assert stranger.updates() == []


@pytest.mark.parametrize("pts", [5, 1000])
def test_a_state_that_jumps_without_posts_is_too_long(pts: int) -> None:
    world, channel = with_posts(0)
    channel.pts = pts
    answer = difference(world.bot(), channel, 1)
    assert (answer.dialog.pts, answer.dialog.top_message, answer.messages) == (pts, 0, [])
