"""The embedded test datacenter: this library's core in the server's role, with fixture accounts.

``DataCenter`` is sans-IO; ``serve`` puts it behind a TCP port on asyncio, ``start_in_thread`` in a thread of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtproto.testdc.accounts import Account, Accounts, Bot, BusinessConnection, Person, User
from mtproto.testdc.call import Call, Handler, Reply
from mtproto.testdc.datacenter import DataCenter

if TYPE_CHECKING:
    from mtproto.testdc.background import BackgroundDataCenter, start_in_thread
    from mtproto.testdc.listener import Listener, serve

__all__ = [
    "Account",
    "Accounts",
    "BackgroundDataCenter",
    "Bot",
    "BusinessConnection",
    "Call",
    "DataCenter",
    "Handler",
    "Listener",
    "Person",
    "Reply",
    "User",
    "serve",
    "start_in_thread",
]


def __getattr__(name: str) -> Any:
    if name in ("Listener", "serve"):  # only these need asyncio
        from mtproto.testdc import listener

        return getattr(listener, name)
    if name in ("BackgroundDataCenter", "start_in_thread"):
        from mtproto.testdc import background

        return getattr(background, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
