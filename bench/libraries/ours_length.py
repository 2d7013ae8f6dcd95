"""One session that grows old, in memory: the client's processor time for each call, without a socket."""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import Any

import mtproto
from mtproto.client.opening import Opening
from mtproto.client.way import Way
from mtproto.connection import Connection
from mtproto.environment import SystemEnvironment
from mtproto.schema.api import functions
from mtproto.testdc import DataCenter


class _Line:
    """A client and a datacenter joined in memory; ``spent``: the seconds of the client's side."""

    def __init__(self) -> None:
        self.dc = DataCenter(SystemEnvironment())
        dc = mtproto.DC("127.0.0.1", 1, self.dc.dc_id, [self.dc.public_key])
        app = mtproto.App(self.dc.accounts.api_id, self.dc.accounts.api_hash)
        self.opening = Opening(
            dc,
            app,
            Way(dc, transport=None, proxy=None, tunnel=None, ssl=None, quick_ack=False),
            key_store=None,
            new_key=True,
            env=None,
            watch=None,
            reconnect=False,
            pfs=False,
        )
        self.far = self.dc.accept()
        self.spent = 0.0
        self.opening.opened()
        self.opening.begin()
        while not self.opening.done:
            self.turn()

    @property
    def near(self) -> Connection:
        return self.opening.calls.connection

    def turn(self) -> list[Any]:
        """What the client writes goes over, what the datacenter answers comes back; the calls that ended."""
        start = perf_counter()
        data = self.near.data_to_send()
        self.spent += perf_counter() - start
        self.far.receive_data(data)
        self.dc.process(self.far)
        data = self.far.data_to_send()
        start = perf_counter()
        self.near.receive_data(data)
        outcomes = list(self.opening.calls.outcomes())
        self.spent += perf_counter() - start
        return outcomes

    def call(self, function: Any) -> float:
        """Make one call; the seconds it took the client."""
        start = perf_counter()
        self.opening.calls.begin(function)
        self.spent = perf_counter() - start
        while not (outcomes := self.turn()):
            pass
        if outcomes[0].error is not None:
            raise outcomes[0].error
        return self.spent


_FUNCTION = functions.account.GetBotBusinessConnection(connection_id="demo")


def _prepared() -> _Line:
    line = _Line()
    line.call(functions.auth.ImportBotAuthorization(**line.dc.accounts.login()))
    return line


def length(of: dict[str, Any]) -> list[list[float]]:
    """[messages in the session, µs of the client for each of the last tenth of them], for each count in ``counts``.

    A median over calls, so that what else the machine does meanwhile hardly counts.
    """
    _prepared().call(_FUNCTION)  # what is loaded and compiled at first use is not of the session
    line = _prepared()
    sent, points = 0, []
    for count in of["counts"]:
        window = max(count // 10, 5)
        for _ in range(count - window - sent):
            line.call(_FUNCTION)
        costs = [line.call(_FUNCTION) for _ in range(window)]
        points.append([count, median(costs) * 1e6])
        sent = count
    return points
