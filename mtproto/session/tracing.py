"""Tracing: the messages of a payload as events, for whoever watches."""

from __future__ import annotations

from collections.abc import Iterator

from mtproto.errors import SecurityError
from mtproto.message.container import is_container, split
from mtproto.message.envelope import Inner
from mtproto.roles import Role
from mtproto.session.events import Traced


def traced(direction: str, inner: Inner, sender: Role, time: float) -> Iterator[Traced]:
    """A payload as ``Traced``, and behind a container each message in it.

    ``direction``: "in" or "out"; ``time``: now, on the environment's monotonic clock in seconds.
    """
    yield Traced(direction, inner.msg_id, inner.seqno, inner.body, None, time)
    if is_container(inner.body):
        try:
            messages = split(inner.body, inner.msg_id, sender)
        except SecurityError:
            return  # the session refuses it with a reason
        for message in messages:
            yield Traced(direction, message.msg_id, message.seqno, message.body, inner.msg_id, time)
