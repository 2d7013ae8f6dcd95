"""Passwords: what is kept of them, the attempts that are open, and the methods that ask for one (API-50 … API-55)."""

from __future__ import annotations

from functools import lru_cache
from hashlib import shake_128
from typing import TYPE_CHECKING, Any

from mtproto.crypto import srp
from mtproto.crypto.dh import DH_PRIME, to_256
from mtproto.environment import Environment
from mtproto.errors import RpcError

if TYPE_CHECKING:
    from mtproto.testdc.accounts import Person
    from mtproto.testdc.call import Call, Reply

G = 3
SALT1, SALT2 = shake_128(b"salt1").digest(40), shake_128(b"salt2").digest(16)
NEW_SALT1, NEW_SALT2, SECURE_SALT = SALT1[:8], SALT2, SALT2[:8]
ATTEMPT_LIFE = 300.0
"""Seconds until an srp_id is worth nothing."""

MAX_ATTEMPTS = 10
"""Open attempts of one person; the oldest is forgotten for another."""

WAITING = "password"
"""Under this name a key remembers the person whose password it waits for (401 SESSION_PASSWORD_NEEDED)."""


class Password:
    """A person's password: of the text only the verifier is used, and computed when it is first needed: 80 ms."""

    __slots__ = ("_text", "hint", "kdf")

    def __init__(self, text: str, hint: str | None = None, salt1: bytes = SALT1, salt2: bytes = SALT2) -> None:
        self._text = text
        self.hint = hint
        self.kdf = srp.Kdf(salt1, salt2, G, DH_PRIME)

    def __repr__(self) -> str:
        return "<Password>"

    @property
    def verifier(self) -> int:
        """v (API-52)."""
        return _verifier(self._text, self.kdf.salt1, self.kdf.salt2)


@lru_cache(maxsize=16)
def _verifier(text: str, salt1: bytes, salt2: bytes) -> int:
    kdf = srp.Kdf(salt1, salt2, G, DH_PRIME)
    return srp.verifier(srp.password_hash(text.encode(), kdf), kdf)


class Attempts:
    """The challenges that a person was given and has not answered: each is good once, for five minutes (API-55)."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: dict[int, tuple[Password, srp.Challenge, float]] = {}

    def issue(self, password: Password, now: float, env: Environment) -> tuple[int, bytes]:
        """srp_id and srp_B of a new attempt."""
        challenge = srp.challenge(password.kdf, password.verifier, env)
        srp_id = int.from_bytes(env.random_bytes(8), "little", signed=True)
        self._open[srp_id] = password, challenge, now + ATTEMPT_LIFE
        if len(self._open) > MAX_ATTEMPTS:
            del self._open[next(iter(self._open))]
        return srp_id, to_256(challenge.B)

    def judge(self, password: Password, answer: Any, now: float) -> None:
        """Raises RpcError where an inputCheckPasswordSRP does not prove the password."""
        attempt = self._open.pop(answer.srp_id, None)
        if attempt is None or now >= attempt[2]:
            raise RpcError(400, "SRP_ID_INVALID")
        if attempt[0] is not password:
            raise RpcError(400, "SRP_PASSWORD_CHANGED")
        if not srp.accepts(password.kdf, password.verifier, attempt[1], srp.Proof(answer.A, answer.M1)):
            raise RpcError(400, "PASSWORD_HASH_INVALID")


def _who(call: Call) -> Person:
    """Whose password is asked for: of one who is logged in, or signed in but for the password."""
    waiting: Person | None = call.key.memory.get(WAITING)
    return call.person if waiting is None else waiting


# account.getPassword#548a30f5 = account.Password
def get_password(call: Call) -> Reply:
    from mtproto.schema.api import types

    algorithm = types.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow
    person, env = _who(call), call.dc.env
    answer = types.account.Password(
        new_algo=algorithm(salt1=NEW_SALT1, salt2=NEW_SALT2, g=G, p=DH_PRIME),
        new_secure_algo=types.SecurePasswordKdfAlgoPBKDF2HMACSHA512iter100000(salt=SECURE_SALT),
        secure_random=env.random_bytes(256),
    )
    password = person.password
    if password is not None:
        answer.has_password = True
        answer.current_algo = algorithm(salt1=password.kdf.salt1, salt2=password.kdf.salt2, g=G, p=DH_PRIME)
        answer.srp_id, answer.srp_B = person.attempts.issue(password, call.dc.time.now(), env)
        answer.hint = password.hint
    return answer


# auth.checkPassword#d18b4d16 password:InputCheckPasswordSRP = auth.Authorization
def check_password(call: Call) -> Reply:
    """The second half of a sign-in, or a proof of one who is logged in."""
    from mtproto.schema.api import types
    from mtproto.testdc.logins import log_in  # logins.py needs this module

    person, answer = _who(call), call.query.password
    if person.password is None or answer.ID != types.InputCheckPasswordSRP.ID:
        raise RpcError(400, "PASSWORD_EMPTY")
    person.attempts.judge(person.password, answer, call.dc.time.now())
    return log_in(call, person)
