"""Swallowed: what the payloads held that a relay did not pass on, read with the key of the server.

What a client sent in them waits for its answer, and what they answer waits for it too, as long as the connection lives:
bytes are not lost on the way between honest ends, so that nobody says them again.
"""

from __future__ import annotations

from mtproto.endpoint import Endpoint
from mtproto.errors import SecurityError
from mtproto.message.container import is_container, split
from mtproto.message.envelope import open
from mtproto.roles import Role
from mtproto.session.client import ClientSession


class Swallowed:
    """The msg_ids of the messages that were lost, and of those that they answered or refused."""

    __slots__ = ("_msg_ids",)

    def __init__(self) -> None:
        self._msg_ids: set[int] = set()

    def add(self, server: Endpoint, payload: bytes, sender: Role) -> None:
        """A payload is lost; one under a key that the server does not know holds nothing that is answered."""
        keys = server.key_state(int.from_bytes(payload[:8], "little", signed=True))
        if keys is None:
            return
        try:
            inner, _ = open(keys.auth_key, payload, sender)
        except SecurityError:
            return  # an attacker's, or damaged already
        self._msg_ids.add(inner.msg_id)
        bodies = [inner.body]
        if is_container(inner.body):
            messages = split(inner.body, inner.msg_id, sender)
            self._msg_ids.update(message.msg_id for message in messages)
            bodies = [message.body for message in messages]
        if sender is Role.SERVER:  # whatever answers or refuses a message names it first
            self._msg_ids.update(int.from_bytes(body[4:12], "little", signed=True) for body in bodies)

    def queries(self, session: ClientSession) -> int:
        """How many queries of a session wait for what was lost."""
        lost = self._msg_ids
        return sum(query.container in lost or not lost.isdisjoint(query.msg_ids) for query in session._queries)
