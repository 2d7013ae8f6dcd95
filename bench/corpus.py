"""The objects that are decoded and encoded: what an ordinary bot receives, the same in every run.

``updates`` is the answer to account.getBotBusinessConnection; ``messagesSlice`` a page of a chat's history.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Final

from mtproto.schema.api import types
from mtproto.tl.objects import TLObject

if TYPE_CHECKING:
    from mtproto.schema.api import boxed

_TEXT: Final = (
    "the order will arrive on Tuesday morning please confirm your address thank you доброе утро "
    "nous vous remercions de votre commande 👍 see you at the station around noon https://example.org/a/b"
)
_WORDS: Final = _TEXT.split()


def updates() -> types.Updates:
    """An Updates with updateBotBusinessConnect and the one user it names."""
    connection = types.BotBusinessConnection(
        connection_id="AQAAAJmLpQB7Zm9vYmFyYmF6cXV4", user_id=7_100_200_300, dc_id=2, date=1_760_000_000,
        rights=types.BusinessBotRights(reply=True, read_messages=True),
    )  # fmt: skip
    user = types.User(
        id=7_100_200_300, access_hash=-5_404_319_552_844_595_212, first_name="Ada", last_name="Example",
        username="ada_example", lang_code="en",
    )  # fmt: skip
    update = types.UpdateBotBusinessConnect(connection=connection, qts=17)
    return types.Updates(updates=[update], users=[user], chats=[], date=1_760_000_001, seq=0)


def messages_slice() -> types.messages.MessagesSlice:
    """100 messages with replies, entities, photos, forwards and reactions; 50 users, 10 channels."""
    rng = Random(229)
    users: list[boxed.User] = [_user(rng, index) for index in range(50)]
    channels: list[boxed.Chat] = [_channel(rng, index) for index in range(10)]
    return types.messages.MessagesSlice(
        count=12_345,
        messages=[_message(rng, 90_000 - index) for index in range(100)],
        topics=[],
        chats=channels,
        users=users,
    )


OBJECTS: Final[dict[str, Callable[[], TLObject]]] = {"updates": updates, "messagesSlice": messages_slice}


def _long(rng: Random) -> int:
    return rng.getrandbits(64) - (1 << 63)


def _text(rng: Random, least: int, most: int) -> str:
    return " ".join(rng.choices(_WORDS, k=rng.randint(least, most)))


def _user_id(index: int) -> int:
    return 7_000_000_000 + index * 7919


def _channel_id(index: int) -> int:
    return 1_500_000_000 + index * 104_729


def _user(rng: Random, index: int) -> types.User:
    has_photo, named = rng.random() < 0.6, rng.random() < 0.5
    return types.User(
        id=_user_id(index),
        access_hash=_long(rng),
        first_name=rng.choice(_WORDS).title(),
        last_name=rng.choice(_WORDS).title() if rng.random() < 0.6 else None,
        username=f"user_{rng.getrandbits(32):x}" if named else None,
        premium=rng.random() < 0.2,
        photo=types.UserProfilePhoto(photo_id=_long(rng), dc_id=2, stripped_thumb=rng.randbytes(40))
        if has_photo
        else None,
        status=types.UserStatusOffline(was_online=1_759_000_000 + index)
        if rng.random() < 0.5
        else types.UserStatusRecently(),
    )


def _channel(rng: Random, index: int) -> types.Channel:
    return types.Channel(
        id=_channel_id(index),
        access_hash=_long(rng),
        title=_text(rng, 2, 4),
        broadcast=index % 2 == 0,
        megagroup=index % 2 == 1,
        username=f"channel_{index}",
        photo=types.ChatPhoto(photo_id=_long(rng), dc_id=4) if index % 3 else types.ChatPhotoEmpty(),
        date=1_600_000_000 + index,
        participants_count=rng.randint(10, 100_000),
        default_banned_rights=types.ChatBannedRights(send_polls=True, until_date=0x7FFFFFFF) if index % 2 else None,
    )


def _message(rng: Random, number: int) -> types.Message:
    post = rng.random() < 0.2
    return types.Message(
        id=number,
        out=rng.random() < 0.3,
        post=post,
        from_id=None if post else types.PeerUser(user_id=_user_id(rng.randrange(50))),
        peer_id=types.PeerChannel(channel_id=_channel_id(rng.randrange(10))),
        date=1_760_000_000 - number,
        message=_text(rng, 4, 24),
        reply_to=types.MessageReplyHeader(reply_to_msg_id=number - 3) if rng.random() < 0.4 else None,
        fwd_from=_forward(rng) if rng.random() < 0.1 else None,
        entities=_entities(rng) if rng.random() < 0.4 else None,
        media=_photo(rng) if rng.random() < 0.1 else None,
        reactions=_reactions(rng) if rng.random() < 0.15 else None,
        views=rng.randint(1, 100_000) if post else None,
        forwards=rng.randint(0, 100) if post else None,
        edit_date=1_760_000_500 if rng.random() < 0.1 else None,
    )


def _forward(rng: Random) -> types.MessageFwdHeader:
    peer = types.PeerUser(user_id=_user_id(rng.randrange(50)))
    return types.MessageFwdHeader(from_id=peer, date=1_750_000_000)


def _entities(rng: Random) -> list[boxed.MessageEntity]:
    entities: list[boxed.MessageEntity] = [
        types.MessageEntityBold(offset=0, length=3),
        types.MessageEntityUrl(offset=9, length=12),
        types.MessageEntityTextUrl(offset=5, length=4, url="https://example.org/page"),
    ]
    return entities[: rng.randint(1, 3)]


def _photo(rng: Random) -> types.MessageMediaPhoto:
    sizes: list[boxed.PhotoSize] = [
        types.PhotoSize(type="m", w=320, h=240, size=21_000),
        types.PhotoSizeProgressive(type="x", w=800, h=600, sizes=[8_000, 20_000, 61_000]),
    ]
    photo = types.Photo(
        id=_long(rng), access_hash=_long(rng), file_reference=rng.randbytes(25), date=1_759_000_000, sizes=sizes,
        dc_id=2,
    )  # fmt: skip
    return types.MessageMediaPhoto(photo=photo)


def _reactions(rng: Random) -> types.MessageReactions:
    counts = [
        types.ReactionCount(reaction=types.ReactionEmoji(emoticon=emoticon), count=rng.randint(1, 30))
        for emoticon in ("👍", "🔥")
    ]
    return types.MessageReactions(can_see_list=True, results=counts)
