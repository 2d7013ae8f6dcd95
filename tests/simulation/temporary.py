"""Temporary keys in runs that make no key exchange: both sides are handed one, all the rest is done in earnest (PFS).

Binding, switching, renewal before the end, −404 and refusals are those of ``TemporaryLink`` and the datacenter.
"""

from __future__ import annotations

from collections.abc import Callable

from mtproto.client.pfs import TemporaryLink
from mtproto.environment import Environment
from mtproto.handshake.exchange import Exchange
from mtproto.handshake.states import Created
from tests.simulation.client import DATACENTER, PREAMBLE

LIVES = (60, 150, 86_400)
"""Seconds that a temporary key may live: two of them are renewed in the course of a run."""


class SuppliedLink(TemporaryLink):
    """A link that is given its temporary keys. ``supply`` makes one that the server knows too.

    A permanent key that was lost is replaced by a key exchange.
    """

    __slots__ = ("_supply",)

    def __init__(self, env: Environment, supply: Callable[[Environment], Created]) -> None:
        super().__init__(DATACENTER, env, preamble=PREAMBLE)
        self._supply = supply

    def wanted(self) -> Exchange | None:
        if self.permanent is None:
            return super().wanted()
        if self.renewal.begin():
            self.adopt(self._supply(self.env))
        return None
