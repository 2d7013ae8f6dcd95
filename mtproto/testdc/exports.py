"""Exports: authorisations on their way from one datacenter to another, single-use and short-lived (API-34)."""

from __future__ import annotations

import hmac
from collections import deque
from typing import TYPE_CHECKING

from mtproto.environment import Environment
from mtproto.record import Record

if TYPE_CHECKING:
    from mtproto.testdc.accounts import Account

LIFE = 60.0
"""Seconds until an exported authorisation is worth nothing."""

LENGTH = 128
MAX_OPEN = 1000


class Export(Record):
    """What was exported: for whom, for which datacenter, until when in Unix seconds."""

    __slots__ = ("account", "dc_id", "expires_at", "secret")

    def __init__(self, account: Account, dc_id: int, secret: bytes, expires_at: float) -> None:
        self.account = account
        self.dc_id = dc_id
        self.secret = secret
        self.expires_at = expires_at

    def __repr__(self) -> str:
        return f"<Export for datacenter {self.dc_id}>"


class Exports:
    """The latest 1000 that were not imported."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: deque[Export] = deque(maxlen=MAX_OPEN)

    def __repr__(self) -> str:
        return f"<Exports: {len(self._open)}>"

    def issue(self, account: Account, dc_id: int, now: float, env: Environment) -> bytes:
        """The bytes with which ``account`` may log in to the datacenter ``dc_id``; 128 of them."""
        secret = env.random_bytes(LENGTH)
        self._open.append(Export(account, dc_id, secret, now + LIFE))
        return secret

    def redeem(self, user_id: int, secret: bytes, dc_id: int, now: float) -> Account | None:
        """Whose bytes these are, once. None for any that this datacenter is not to take, or not any more."""
        for export in self._open:
            if hmac.compare_digest(export.secret, secret):
                break
        else:
            return None
        if export.dc_id != dc_id or export.account.user.user_id != user_id:
            return None
        self._open.remove(export)
        return export.account if now < export.expires_at else None
