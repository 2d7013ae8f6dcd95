"""Accounts: the fixture data of the test datacenter. Nothing in it exists anywhere else (SEC-84).

Plain values, free of any layer; ``objects.py`` turns them into TL objects.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections import deque
from hashlib import sha256

from mtproto.errors import UsageError
from mtproto.record import Record

API_ID = 2000
API_HASH = "f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1"
BOT_TOKEN = "2000:fixture-token-of-the-embedded-datacenter"
BOT_ID = 2000
OWNER_ID = 1000
CONNECTED_AT = 1_700_000_000
CROWD = 1000
MAX_CHANGES = 1000
OTHER_DC = 4
"""Where the user of the connection ``migrate`` lives: calls wrapped for it get USER_MIGRATE_4 (API-88)."""

RIGHTS = ("reply", "read_messages", "delete_sent_messages")
"""The rights of the fixture connections: names of flags of businessBotRights (API-81)."""


class User(Record):
    """A user or, with ``bot``, a bot."""

    __slots__ = ("user_id", "access_hash", "first_name", "last_name", "username", "bot")

    def __init__(
        self,
        user_id: int,
        access_hash: int,
        first_name: str,
        last_name: str = "",
        username: str = "",
        bot: bool = False,
    ) -> None:
        self.user_id = user_id
        self.access_hash = access_hash
        self.first_name = first_name
        self.last_name = last_name
        self.username = username
        self.bot = bot


class BusinessConnection(Record):
    """What a botBusinessConnection says (API-80).

    ``rights``: flag names of businessBotRights, None for absent. ``dc_id``: None means the datacenter's own.
    ``date`` in Unix seconds.
    """

    __slots__ = ("connection_id", "user_id", "rights", "disabled", "dc_id", "date")

    def __init__(
        self,
        connection_id: str,
        *,
        user_id: int = OWNER_ID,
        rights: tuple[str, ...] | None = RIGHTS,
        disabled: bool = False,
        dc_id: int | None = None,
        date: int = CONNECTED_AT,
    ) -> None:
        self.connection_id = connection_id
        self.user_id = user_id
        self.rights = rights
        self.disabled = disabled
        self.dc_id = dc_id
        self.date = date


class Bot:
    """A bot that can log in, and its sequence of business updates: ``qts`` and the latest 1000 changes (API-63)."""

    __slots__ = ("changes", "qts", "token", "user")

    def __init__(self, user: User, token: str) -> None:
        self.user = user
        self.token = token
        self.qts = 0
        self.changes: deque[tuple[int, BusinessConnection]] = deque(maxlen=MAX_CHANGES)

    def __repr__(self) -> str:
        return f"<Bot {self.user.user_id}>"

    def note(self, connection: BusinessConnection) -> int:
        """Record a change of a connection; returns its qts."""
        self.qts += 1
        self.changes.append((self.qts, connection))
        return self.qts


class Accounts:
    """Who exists: one application, users, bots by token, business connections by id."""

    __slots__ = ("_crowd", "api_hash", "api_id", "bots", "connections", "users")

    def __init__(self, *, api_id: int = API_ID, api_hash: str = API_HASH) -> None:
        self.api_id = api_id
        self.api_hash = api_hash
        self.users: dict[int, User] = {}
        self.bots: dict[str, Bot] = {}
        self.connections: dict[str, BusinessConnection] = {}
        self._crowd: list[User] = []

    @property
    def bot_token(self) -> str:
        """The token of the first bot."""
        return next(iter(self.bots))

    def login(self) -> dict[str, int | str]:
        """The fields of auth.importBotAuthorization for the first bot."""
        return {"flags": 0, "api_id": self.api_id, "api_hash": self.api_hash, "bot_auth_token": self.bot_token}

    def __repr__(self) -> str:
        return f"<Accounts: {len(self.users)} users, {len(self.bots)} bots, {len(self.connections)} connections>"

    @classmethod
    def fixture(cls) -> Accounts:
        """One bot, one owner, and the connections that are plain data; ``connections.py`` answers for the others."""
        accounts = cls()
        accounts.add_user(User(OWNER_ID, 0x1000_0000_0000_0001, "Olga", "Owner", "fixture_owner"))
        accounts.add_bot(User(BOT_ID, 0x2000_0000_0000_0002, "Fixture Bot", "", "fixture_bot", True), BOT_TOKEN)
        for connection in (
            BusinessConnection("demo"),
            BusinessConnection("disabled", disabled=True),
            BusinessConnection("norights", rights=None),
            BusinessConnection("migrate", dc_id=OTHER_DC),
        ):
            accounts.connections[connection.connection_id] = connection
        return accounts

    def add_user(self, user: User) -> None:
        """Let ``user`` exist."""
        self.users[user.user_id] = user

    def add_bot(self, user: User, token: str) -> Bot:
        """Let a bot exist that logs in with ``token``."""
        if not user.bot:
            raise UsageError("a user that is no bot has no token")
        self.add_user(user)
        bot = self.bots[token] = Bot(user, token)
        return bot

    def crowd(self) -> list[User]:
        """1,000 users with pseudo-random names, always the same: over 200 kB, of which gzip leaves over 100."""
        if not self._crowd:
            self._crowd = [_stranger(index) for index in range(CROWD)]
        return self._crowd


def _stranger(index: int) -> User:
    noise = b"".join(sha256(b"stranger %d %d" % (index, part)).digest() for part in range(5))
    letters = urlsafe_b64encode(noise[8:]).decode()
    access_hash = int.from_bytes(noise[:8], "little", signed=True)
    return User(5000 + index, access_hash, letters[:64], letters[64:152], letters[152:184])
