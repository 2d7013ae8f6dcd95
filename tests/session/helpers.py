"""What the tests of sessions share: a query, its answer, and the events one looks for."""

from __future__ import annotations

from typing import TypeVar

from mtproto.session.events import Event, Request
from tests.pair import NOW, Pair

QUERY = b"\x01\x02\x03\x04hell"
RESULT = b"\x09\x08\x07\x06worl"
E = TypeVar("E", bound=Event)


def ask(pair: Pair, body: bytes = QUERY, *, repeatable: bool = False) -> tuple[int, Request]:
    """A request that has reached the server."""
    request_id = pair.session.request(body, repeatable=repeatable)
    pair.send()
    return request_id, only(pair.take_server(), Request)


def settled(*, preamble: bytes = b"", client_clock: float = NOW, upkeep: bool = False) -> Pair:
    """A pair behind its first exchange: the session is announced, the clock confirmed, everything acknowledged."""
    pair = Pair(preamble=preamble, client_clock=client_clock, upkeep=upkeep)
    _, request = ask(pair)
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.run()
    pair.advance(31)
    pair.run()
    pair.take(), pair.take_server(), pair.client_ear.take(), pair.server_ear.take()
    return pair


def of(events: list[Event], kind: type[E]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]


def only(events: list[Event], kind: type[E]) -> E:
    found = of(events, kind)
    assert len(found) == 1, events
    return found[0]
