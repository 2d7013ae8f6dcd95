"""Channels: posts with a pts of their own, what is pushed of them, and the difference (API-63, API-72)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from mtproto.errors import RpcError
from mtproto.record import Record

if TYPE_CHECKING:
    from mtproto.schema.api import types
    from mtproto.testdc.call import Call, Reply

MAX_POSTS = 1000
TIMEOUT = 30
"""Seconds after which a client that shows the channel is to ask again."""

USER_LIMIT, BOT_LIMIT = 100, 100_000
LATEST = 20
"""Posts that come with channelDifferenceTooLong."""


class Post(Record):
    """A post; ``pts`` is that of the channel once it was there, ``date`` in Unix seconds."""

    __slots__ = ("message_id", "text", "date", "pts")

    def __init__(self, message_id: int, text: str, date: int, pts: int) -> None:
        self.message_id = message_id
        self.text = text
        self.date = date
        self.pts = pts


class Channel:
    """A channel that everyone reads: its sequence ``pts`` and the latest 1000 posts."""

    __slots__ = ("access_hash", "channel_id", "posts", "pts", "title")

    def __init__(self, channel_id: int, title: str, access_hash: int | None = None) -> None:
        self.channel_id = channel_id
        self.title = title
        self.access_hash = 0x4000_0000_0000_0000 + channel_id if access_hash is None else access_hash
        self.pts = 1
        self.posts: deque[Post] = deque(maxlen=MAX_POSTS)

    def __repr__(self) -> str:
        return f"<Channel {self.channel_id}: pts {self.pts}>"

    def add(self, text: str, date: int) -> Post:
        """A new post, of which nobody is told: ``DataCenter.post`` also pushes it."""
        self.pts += 1
        post = Post(self.pts - 1, text, date, self.pts)
        self.posts.append(post)
        return post


# ---- as TL objects


def _channel(channel: Channel) -> types.Channel:
    from mtproto.schema.api import types

    return types.Channel(
        id=channel.channel_id,
        access_hash=channel.access_hash,
        title=channel.title,
        photo=types.ChatPhotoEmpty(),
        date=0,
        broadcast=True,
    )


def _message(channel: Channel, post: Post) -> types.Message:
    from mtproto.schema.api import types

    peer = types.PeerChannel(channel_id=channel.channel_id)
    return types.Message(id=post.message_id, peer_id=peer, date=post.date, message=post.text, post=True)


def new_message(channel: Channel, post: Post) -> types.Updates:
    """What is pushed of a post. seq is 0: it is ordered by the channel's pts alone (API-65)."""
    from mtproto.schema.api import types

    update = types.UpdateNewChannelMessage(message=_message(channel, post), pts=post.pts, pts_count=1)
    return types.Updates(updates=[update], users=[], chats=[_channel(channel)], date=post.date, seq=0)


# ---- the difference


# updates.getChannelDifference#03173d78 flags:# force:flags.0?true channel:InputChannel filter:ChannelMessagesFilter
#   pts:int limit:int = updates.ChannelDifference
def get_channel_difference(call: Call) -> Reply:
    """API-72: nothing, what happened after ``pts`` in slices of ``limit``, or too much of it."""
    from mtproto.schema.api import types
    from mtproto.testdc.accounts import Bot  # accounts.py needs this module

    query, channel = call.query, _find(call)
    if query.pts <= 0 or query.pts > channel.pts:
        raise RpcError(400, "PERSISTENT_TIMESTAMP_INVALID" if query.pts else "PERSISTENT_TIMESTAMP_EMPTY")
    missed = [post for post in channel.posts if post.pts > query.pts]
    if len(missed) < channel.pts - query.pts:
        return _too_long(channel)
    if not missed:
        return types.updates.ChannelDifferenceEmpty(final=True, pts=channel.pts, timeout=TIMEOUT)
    limit = min(max(query.limit, 1), BOT_LIMIT if isinstance(call.account, Bot) else USER_LIMIT)
    slice_ = missed[:limit]
    final = len(slice_) == len(missed)
    return types.updates.ChannelDifference(
        final=final,
        pts=slice_[-1].pts,
        timeout=TIMEOUT if final else None,
        new_messages=[_message(channel, post) for post in slice_ if _wanted(query.filter, post)],
        other_updates=[],
        chats=[_channel(channel)],
        users=[],
    )


def _find(call: Call) -> Channel:
    from mtproto.schema.api import types

    wanted = call.query.channel
    known = call.dc.accounts.channels.get(wanted.channel_id) if wanted.ID == types.InputChannel.ID else None
    if known is None or known.access_hash != wanted.access_hash:
        raise RpcError(400, "CHANNEL_INVALID")
    return known


def _wanted(only: Any, post: Post) -> bool:
    """Whether a ChannelMessagesFilter lets a post through."""
    from mtproto.schema.api import types

    if only.ID == types.ChannelMessagesFilterEmpty.ID:
        return True
    return not only.exclude_new_messages and any(span.min_id <= post.message_id <= span.max_id for span in only.ranges)


def _too_long(channel: Channel) -> types.updates.ChannelDifferenceTooLong:
    """More was missed than is remembered: the state of now and the latest posts."""
    from mtproto.schema.api import types

    latest = list(channel.posts)[-LATEST:]
    dialog = types.Dialog(
        peer=types.PeerChannel(channel_id=channel.channel_id),
        top_message=latest[-1].message_id if latest else 0,
        read_inbox_max_id=0,
        read_outbox_max_id=0,
        unread_count=len(channel.posts),
        unread_mentions_count=0,
        unread_reactions_count=0,
        unread_poll_votes_count=0,
        notify_settings=types.PeerNotifySettings(),
        pts=channel.pts,
    )
    return types.updates.ChannelDifferenceTooLong(
        final=True,
        timeout=TIMEOUT,
        dialog=dialog,
        messages=[_message(channel, post) for post in reversed(latest)],
        chats=[_channel(channel)],
        users=[],
    )
