"""TemporaryLink: a Link whose messages travel under temporary keys, bound to the permanent one (PFS).

The permanent key makes bindings and nothing else (MSG-110, SEC-52). A temporary key is made, bound in a session of its
own, and only then used; before it expires the next one goes the same way while it serves on, and what was sent under
it is answered under it (MSG-112). Where it is lost, whatever waits goes on under the next one. Spec: messages.md,
section 11; AUTH-80.
"""

from __future__ import annotations

from collections import deque
from math import inf

from mtproto.client.datacenters import DC
from mtproto.client.key_store import StoredKey
from mtproto.client.link import Link
from mtproto.client.temporary import LIFE, PATIENCE, Binding, Renewal, doubts_permanent, refusal
from mtproto.environment import Environment
from mtproto.errors import MTProtoError, TransportFault, UsageError
from mtproto.handshake.exchange import Exchange
from mtproto.handshake.states import Created
from mtproto.session.client import ClientSession
from mtproto.session.events import Answered, Event, KeyBound, KeyLost, RequestFailed, SessionOver
from mtproto.session.keys import KeyState
from mtproto.session.session import Body, Session

NOT_FOUND = -404
MAX_RETIRED = 8


class TemporaryLink(Link):
    """One datacenter and the temporary keys shared with it.

    ``keys`` is the bound temporary key in use, None while there is none; ``current`` then holds requests back.
    ``pending``: the session in which the next key is being bound; ``ending``: the one of the last key, until its
    requests are answered; ``proving``: one under the permanent key, to see whether the server still knows it (MSG-114).
    """

    __slots__ = ("pending", "ending", "proving", "renewal", "_binding", "_proof", "_retired",
                 "_until", "_ending_until")  # fmt: skip

    def __init__(self, dc: DC, env: Environment, *, preamble: bytes = b"", upkeep: bool = True) -> None:
        super().__init__(dc, env, preamble=preamble, upkeep=upkeep)
        self.pending: ClientSession | None = None
        self.ending: ClientSession | None = None
        self.proving: ClientSession | None = None
        self.renewal = Renewal(env)
        self._binding = self._proof = 0  # their request_ids
        self._until = self._ending_until = inf  # when the keys of ``current`` and ``ending`` expire, monotonic
        self._retired: deque[KeyState] = deque(maxlen=MAX_RETIRED)

    # ---- keys

    def exchange(self) -> Exchange:
        """A key exchange for what is missing: the permanent key, else a temporary one (AUTH-15, AUTH-16)."""
        if self.permanent is None:
            return super().exchange()
        return Exchange(self.dc.public_keys, self.env, dc=self.dc.number, expires_in=LIFE)

    def wanted(self) -> Exchange | None:
        return self.exchange() if self.renewal.begin() else None

    def adopt(self, created: Created) -> None:
        """A permanent key is kept, and a temporary one wanted; a temporary key is bound, in a session of its own."""
        keys = self._learn(created)
        if not created.temporary:
            self.renewal.at_once()
        elif self.permanent is None:
            raise UsageError("there is no permanent key to bind a temporary one to")
        else:
            self.pending = self._new_session(keys)
            self.pending.deaf = True
            binding = Binding(self.permanent.auth_key, self.env)
            self._binding = self.pending.request(binding, api=False, repeatable=True)

    def restore(self, stored: StoredKey) -> None:
        """A permanent key from a file: it makes bindings, nothing else."""
        self._recall(stored)

    def forget(self) -> list[Event]:
        events = super().forget()
        self.pending = self.ending = self.proving = None
        self._until = self._ending_until = inf
        self.renewal.never()
        return events

    # ---- sessions

    def request(
        self,
        body: Body,
        *,
        content: bool = True,
        api: bool = True,
        repeatable: bool = False,
        after: tuple[int, ...] = (),
    ) -> int:
        """As of any link. What comes after a request under the last key goes there too: a msg_id names nothing
        elsewhere (API-07)."""
        ending = self.ending
        if ending is not None and not set(after).isdisjoint(ending.unfinished()):
            return ending.request(body, content=content, api=api, repeatable=repeatable, after=after)
        return super().request(body, content=content, api=api, repeatable=repeatable, after=after)

    def sessions(self) -> list[ClientSession]:
        return [s for s in (self.pending, self.current, self.ending, self.proving) if s is not None]

    def live(self) -> list[ClientSession]:
        """Never one whose key is lost: what waits in it is not sent before there is another."""
        return [s for s in self.sessions() if s is not self.current or self.keys is not None]

    def key_state(self, auth_key_id: int) -> KeyState | None:
        """Also a key that has just been given up: what is still said under it is ignored, not fatal (SEC-25)."""
        if self.keys is not None and self.keys.auth_key.auth_key_id == auth_key_id:
            return self.keys
        known = (*(session.keys for session in self.live()), *self._retired)
        return next((keys for keys in known if keys.auth_key.auth_key_id == auth_key_id), None)

    def session(self, keys: KeyState, session_id: int) -> ClientSession | None:
        current = self.current
        if current is not None and current.session_id == session_id and current.keys is keys is self.keys:
            return current  # nearly always; no list is made for it
        return next((s for s in self.live() if s.keys is keys and s.session_id == session_id), None)

    def replace(self, over: SessionOver) -> tuple[Session, list[Event]]:
        """MSG-60, MSG-85: whichever session cannot go on; a binding is made anew for the next one."""
        if over.session is self.pending and self.pending is not None:
            self.pending, events = self._succeed(self.pending, over.code)
            return self.pending, events
        if over.session is self.ending and self.ending is not None:
            self.ending, events = self._succeed(self.ending, over.code)
            return self.ending, events
        if over.session is self.proving and self.proving is not None:
            self.proving, events = self._succeed(self.proving, over.code)
            return self.proving, events
        return super().replace(over)

    # ---- binding

    def note(self, event: Answered | RequestFailed) -> list[Event]:
        """What became of a binding, or of the question about the permanent key."""
        if self.pending is not None and event.request_id == self._binding:
            return self._judge(self.pending, refusal(event))
        if self.proving is not None and event.request_id == self._proof:  # the permanent key is known
            self._drop_proof()
            self.renewal.failed()
        return []

    def _judge(self, bound: ClientSession, error: MTProtoError | None) -> list[Event]:
        self.pending = None
        if error is None:
            return self._switch(bound)
        self._retired.append(bound.keys)
        self.renewal.refused(error)
        if doubts_permanent(error, self.time.now() - self.created_at):
            self._prove()
        return []

    def _switch(self, bound: ClientSession) -> list[Event]:
        """MSG-112: the new key serves from now on. The last one finishes what it has begun, where it still can."""
        expires_at = bound.keys.expires_at or inf
        events = [KeyBound(bound.keys.auth_key.auth_key_id, expires_at), *self._end_last(bound)]
        old, usable, until = self.current, self.keys is not None, self._until
        self.current, self.keys, bound.deaf = bound, bound.keys, False
        life = expires_at - self.time.now()
        self._until = self.env.monotonic() + life
        self.renewal.bound(life)
        if old is None:
            return events
        if not usable:
            return events + bound.take_over(old, 0)
        self.ending, self._ending_until = old, until
        return events

    def _end_last(self, successor: ClientSession | None) -> list[Event]:
        """The last key's session is over: what it left goes on under ``successor`` as far as it may."""
        ending, self.ending, self._ending_until = self.ending, None, inf
        if ending is None:
            return []
        self._retired.append(ending.keys)
        return ending.give_up("the temporary key expired") if successor is None else successor.take_over(ending, 0)

    def settled(self) -> bool:
        """The last key has finished: the server is asked to drop it (MSG-115), by which the new session begins."""
        ending = self.ending
        if ending is None or ending.unfinished():
            return False
        self._end_last(self.current)
        if ending.initialized and self.current is not None:
            self.current.request(self._drop_others, repeatable=True)
        return True

    def _drop_others(self, msg_id: int, session: Session) -> bytes:
        """MSG-115, made when it leaves: by then the next key may have been bound, which is not to be dropped."""
        from mtproto.schema.api import functions

        kept = {s.keys.auth_key.auth_key_id: None for s in (session, self.current, self.pending) if s is not None}
        return functions.auth.DropTempAuthKeys(except_auth_keys=list(kept)).to_bytes()

    # ---- losing keys

    def unbound(self, auth_key_id: int) -> None:
        """MSG-111: drop the key, make another."""
        if self.keys is not None and self.keys.auth_key.auth_key_id == auth_key_id:
            self._drop_current()

    def _drop_current(self) -> None:
        if self.keys is not None:
            self._retired.append(self.keys)
        self.keys, self._until = None, inf
        if self.pending is None and not self.renewal.under_way:
            self.renewal.at_once()

    def lost(self, error: MTProtoError | None) -> tuple[bool, list[Event]]:
        """AUTH-80: after −404 a temporary key is dropped, the one that is least tried first; never the permanent one,
        unless the server has also said under a key of its own that it does not know it (SEC-41, MSG-114).

        Where there is another key, the next connection shows whether that one is lost: none is made meanwhile."""
        unknown = isinstance(error, TransportFault) and error.code == NOT_FOUND
        if self.proving is not None:
            return self._lost_proof(unknown)
        if self.renewal.under_way:  # the key exchange, or the binding, ended with the connection
            self.pending = None
            self.renewal.failed(PATIENCE if unknown and self.keys is not None else 0.0)
        elif unknown and self.ending is not None:
            return False, self._end_last(self.current)
        elif unknown and self.keys is not None:
            self._drop_current()
            return True, []
        return False, []

    def _prove(self) -> None:
        """Ask something under the permanent key itself: an answer shows that it is known, −404 that it is not."""
        from mtproto.schema.api import functions

        if self.permanent is not None:
            self.proving = self._new_session(self.permanent)
            self.proving.deaf = True
            self._proof = self.proving.request(functions.help.GetNearestDc().to_bytes(), repeatable=True)
            self.renewal.wait()

    def _drop_proof(self) -> None:
        if self.proving is not None:
            self._retired.append(self.proving.keys)
        self.proving = None

    def _lost_proof(self, unknown: bool) -> tuple[bool, list[Event]]:
        self._drop_proof()
        if not unknown or self.permanent is None:
            self.renewal.failed()
            return False, []
        events = [KeyLost(self.permanent.auth_key.auth_key_id), *self._end_last(self.current)]
        self.permanent, self.user_id = None, None
        self._drop_current()
        self.renewal.at_once()
        return True, events

    @property
    def failure(self) -> MTProtoError | None:
        """The last refusal, where the server refuses every binding and no key is left."""
        return self.renewal.error if self.renewal.hopeless and self.keys is None and self.proving is None else None

    # ---- time

    @property
    def overdue(self) -> bool:
        return self.renewal.overdue

    def next_deadline(self) -> float:
        return min(self.renewal.due, self._until, self._ending_until)

    def expire(self) -> list[Event]:
        now = self.env.monotonic()
        events = self._end_last(self.current) if now >= self._ending_until else []
        if now >= self._until:
            self._drop_current()
        return events
