"""Temporary keys: how one is bound, when the next one is due, and what is left to do when the server refuses.

The pieces without memory of their own datacenter; ``pfs.py`` puts them together. Spec: AUTH-16, MSG-107..114, SEC-52.
"""

from __future__ import annotations

from math import inf

from mtproto.crypto.auth_key import AuthKey
from mtproto.environment import Environment
from mtproto.errors import MTProtoError, PeerError, RpcError, UsageError
from mtproto.handshake.binding import PADDING_LENGTH, RANDOM_LENGTH, protect_binding
from mtproto.schema.mtproto import AuthBindTempAuthKey, BindAuthKeyInner
from mtproto.session.events import Answered, RequestFailed
from mtproto.session.session import Session
from mtproto.tl.wire import pack_bool

LIFE = 86_400
"""Seconds that a temporary key is asked for (AUTH-16, MSG-150)."""
MARGIN, LEAST_MARGIN = 0.1, 60.0
"""The next one is made when a tenth of the life is left, and not less than 60 s (MSG-112)."""
PATIENCE = 30.0
"""Seconds that a key exchange and the binding after it may take (TR-125)."""
FRESH = 60.0
"""Seconds during which a new permanent key may not be known everywhere yet (MSG-114)."""
MAX_REFUSALS = 3
"""Refused bindings in a row after which a client without any usable key stops (SEC-52)."""
FIRST_DELAY, MAX_DELAY = 1.0, 64.0
_TRUE = pack_bool(True)


class Binding:
    """The body of auth.bindTempAuthKey: made anew for each msg_id and session it travels under (MSG-85, MSG-109)."""

    __slots__ = ("_env", "_permanent")

    def __init__(self, permanent: AuthKey, env: Environment) -> None:
        self._permanent = permanent
        self._env = env

    def __call__(self, msg_id: int, session: Session) -> bytes:
        """MSG-107, steps 2 to 7."""
        expires_at = session.keys.expires_at
        if expires_at is None:
            raise UsageError("only a temporary key is bound")
        inner = BindAuthKeyInner(
            nonce=int.from_bytes(self._env.random_bytes(8), "little", signed=True),
            temp_auth_key_id=session.keys.auth_key.auth_key_id,
            perm_auth_key_id=self._permanent.auth_key_id,
            temp_session_id=session.session_id,
            expires_at=int(expires_at),
        )
        random, padding = self._env.random_bytes(RANDOM_LENGTH), self._env.random_bytes(PADDING_LENGTH)
        return AuthBindTempAuthKey(
            perm_auth_key_id=inner.perm_auth_key_id,
            nonce=inner.nonce,
            expires_at=inner.expires_at,
            encrypted_message=protect_binding(self._permanent, inner, msg_id, random, padding),
        ).to_bytes()


def refusal(event: Answered | RequestFailed) -> MTProtoError | None:
    """Why the key is not bound; None where it is: the answer was boolTrue and nothing else (SEC-52)."""
    if isinstance(event, RequestFailed):
        return event.error
    return None if event.body == _TRUE else PeerError("auth.bindTempAuthKey was not answered with boolTrue")


def doubts_permanent(error: MTProtoError, age: float) -> bool:
    """MSG-114: whether ``error`` may mean that the server has lost the permanent key, which is ``age`` seconds old."""
    return isinstance(error, RpcError) and error.message == "ENCRYPTED_MESSAGE_INVALID" and age > FRESH


class Renewal:
    """When another key is to be made: ``due``, on the monotonic clock. While one is being made (``under_way``), when
    that has taken too long.

    ``error``: what refused the last binding, None once one succeeded.
    """

    __slots__ = ("due", "error", "under_way", "_env", "_failures", "_refusals")

    def __init__(self, env: Environment) -> None:
        self.due = -inf
        self.under_way = False
        self.error: MTProtoError | None = None
        self._env = env
        self._failures = self._refusals = 0

    @property
    def overdue(self) -> bool:
        """Whether what is under way has taken too long."""
        return self.under_way and self._env.monotonic() >= self.due

    @property
    def hopeless(self) -> bool:
        """Whether the server refuses every binding."""
        return self._refusals >= MAX_REFUSALS

    def begin(self) -> bool:
        """Whether another key is due; then it is under way, until ``bound``, ``failed`` or ``refused``."""
        if self.under_way or self._env.monotonic() < self.due:
            return False
        self.wait()
        return True

    def wait(self) -> None:
        """The next step is under way."""
        self.under_way, self.due = True, self._env.monotonic() + PATIENCE

    def at_once(self) -> None:
        """Another key is wanted now."""
        self.under_way, self.due = False, self._env.monotonic()

    def never(self) -> None:
        """No other key is wanted."""
        self.under_way, self.due = False, inf

    def bound(self, life: float) -> None:
        """The key serves, for ``life`` more seconds: the next one is due a while before its end (MSG-112)."""
        margin = min(max(life * MARGIN, LEAST_MARGIN), life / 2)
        self.under_way, self.due = False, self._env.monotonic() + life - margin
        self.error, self._failures, self._refusals = None, 0, 0

    def failed(self, least: float = 0.0) -> None:
        """It came to nothing; another attempt follows after 1, 2, 4, … 64 seconds, at ``least`` so many."""
        delay = min(FIRST_DELAY * 2 ** min(self._failures, 6), MAX_DELAY)
        self._failures += 1
        self.under_way, self.due = False, self._env.monotonic() + max(delay, least)

    def refused(self, error: MTProtoError) -> None:
        """The server refused the binding; what it only could not do now (420, 500) is no refusal for good."""
        self.error = error
        passing = isinstance(error, RpcError) and (error.code == 420 or not 0 <= error.code < 500)
        self._refusals += not passing
        number = error.number if isinstance(error, RpcError) and error.code == 420 else None
        self.failed(float(number or 0))
