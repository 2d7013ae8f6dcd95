"""Updates of a bot: what is pushed when a connection changes, its state, the difference (API-63, API-70, API-80)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtproto.schema.api import types
from mtproto.testdc import objects
from mtproto.testdc.accounts import Account, BusinessConnection

if TYPE_CHECKING:
    from mtproto.testdc.datacenter import DataCenter


def connect_update(dc: DataCenter, account: Account, connection: BusinessConnection, qts: int) -> types.Updates:
    """updates with one updateBotBusinessConnect. seq is 0: business updates are ordered by their qts alone (API-65)."""
    update = types.UpdateBotBusinessConnect(connection=objects.connection(connection, dc.dc_id), qts=qts)
    return envelope(dc, account, [update], [connection.user_id])


def envelope(dc: DataCenter, account: Account, updates: list[Any], user_ids: list[int]) -> types.Updates:
    """updates#74ae4240 around ``updates``, with those of the users that exist."""
    return types.Updates(updates=updates, users=users(dc, account, user_ids), chats=[], date=int(dc.time.now()), seq=0)


def users(dc: DataCenter, account: Account, user_ids: list[int]) -> list[Any]:
    """The users that exist among ``user_ids``, each once, as the account sees them."""
    known, me = dc.accounts.users, account.user.user_id
    return [objects.user(known[user_id], me) for user_id in dict.fromkeys(user_ids) if user_id in known]


def state(dc: DataCenter, account: Account) -> types.updates.State:
    """updates.state: only qts ever moves here."""
    return types.updates.State(pts=1, qts=account.qts, date=int(dc.time.now()), seq=0, unread_count=0)


def difference(dc: DataCenter, account: Account, qts: int) -> types.updates.Difference | types.updates.DifferenceEmpty:
    """What happened after ``qts``, as far as it is remembered (API-70)."""
    missed = [(number, connection) for number, connection in account.changes if number > qts]
    if not missed:
        return types.updates.DifferenceEmpty(date=int(dc.time.now()), seq=0)
    return types.updates.Difference(
        new_messages=[],
        new_encrypted_messages=[],
        other_updates=[
            types.UpdateBotBusinessConnect(connection=objects.connection(connection, dc.dc_id), qts=number)
            for number, connection in missed
        ],
        chats=[],
        users=users(dc, account, [connection.user_id for _, connection in missed]),
        state=state(dc, account),
    )
