"""Fixture data as TL objects of today's classes; ``layers.py`` turns them into those of older layers."""

from __future__ import annotations

from typing import Any

from mtproto.schema.api import types
from mtproto.testdc.accounts import BusinessConnection, User
from mtproto.tl.objects import TLObject


class Opaque(TLObject):
    """A serialised object of another layer, or of none, where a User or a BotBusinessConnection is expected."""

    __slots__ = ("body",)
    NAME = "opaque"

    def __init__(self, body: bytes) -> None:
        self.body = body

    def __repr__(self) -> str:
        return f"<Opaque {len(self.body)} bytes>"

    def _write(self) -> bytes:
        return self.body

    _as_User = _as_BotBusinessConnection = _write


def opaque(body: bytes) -> Any:
    """``body`` as an object; for the type checker it is whatever it stands for."""
    return Opaque(body)


def user(person: User, viewer: int = 0) -> types.User:
    """The person as the user with the id ``viewer`` sees it."""
    return types.User(
        id=person.user_id,
        self_=person.user_id == viewer,
        access_hash=person.access_hash,
        first_name=person.first_name,
        last_name=person.last_name or None,
        username=person.username or None,
        bot=person.bot,
        bot_info_version=1 if person.bot else None,
        bot_business=person.bot,
    )


def connection(fixture: BusinessConnection, dc_id: int) -> types.BotBusinessConnection:
    """The connection as the datacenter ``dc_id`` describes it."""
    flags: dict[str, Any] = dict.fromkeys(fixture.rights or (), True)
    return types.BotBusinessConnection(
        connection_id=fixture.connection_id,
        user_id=fixture.user_id,
        dc_id=dc_id if fixture.dc_id is None else fixture.dc_id,
        date=fixture.date,
        disabled=fixture.disabled,
        rights=None if fixture.rights is None else types.BusinessBotRights(**flags),
    )
