"""Accounts: the fixture data of the test datacenter. Nothing in it exists anywhere else (SEC-84).

Plain values, free of any layer; ``objects.py`` turns them into TL objects.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections import deque
from hashlib import sha256

from mtproto.errors import UsageError
from mtproto.record import Record
from mtproto.testdc.channels import Channel
from mtproto.testdc.exports import Exports
from mtproto.testdc.files import MIB, File
from mtproto.testdc.passwords import Attempts, Password

API_ID = 2000
API_HASH = "f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1"
BOT_TOKEN = "2000:fixture-token-of-the-embedded-datacenter"
BOT_ID = 2000
OWNER_ID = 1000
OWNER_PHONE = "9996620001"
CAREFUL_ID = 1001
CAREFUL_PHONE = "9996620002"
CAREFUL_PASSWORD = "correct horse"
CONNECTED_AT = 1_700_000_000
CROWD = 1000
MAX_CHANGES = 1000
OTHER_DC = 4
"""Where the user of the connection ``migrate`` lives: calls wrapped for it get USER_MIGRATE_4 (API-88)."""

CHANNEL_ID = 4001
FILE_1_MIB = 3001
FILE_4_MIB = 3002
FILE_ELSEWHERE = 3003
"""The documents: of 1 MiB, of 4 MiB and 1234 bytes, and of 64 KiB in the datacenter 4 alone."""

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


class Account:
    """Who can log in, and the sequence of updates: ``qts`` and the latest 1000 changes (API-63).

    ``dc_id``: the datacenter where the account lives and logs in (API-32), None for any.
    """

    __slots__ = ("changes", "dc_id", "qts", "user")

    def __init__(self, user: User, dc_id: int | None = None) -> None:
        self.user = user
        self.dc_id = dc_id
        self.qts = 0
        self.changes: deque[tuple[int, BusinessConnection]] = deque(maxlen=MAX_CHANGES)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.user.user_id}>"

    def note(self, connection: BusinessConnection) -> int:
        """Record a change of a connection; returns its qts."""
        self.qts += 1
        self.changes.append((self.qts, connection))
        return self.qts


class Bot(Account):
    """A bot, which logs in with a token."""

    __slots__ = ("token",)

    def __init__(self, user: User, token: str, dc_id: int | None = None) -> None:
        super().__init__(user, dc_id)
        self.token = token


class Person(Account):
    """A user, who logs in by phone. The sixth digit of a phone says in which datacenter, and the code (API-37)."""

    __slots__ = ("attempts", "password", "phone")

    def __init__(self, user: User, phone: str, password: Password | None = None) -> None:
        super().__init__(user, int(phone[5]))
        self.phone = phone
        self.password = password
        self.attempts = Attempts()

    @property
    def code(self) -> str:
        """The login code."""
        return self.phone[5] * 5


class Accounts:
    """Who exists: one application, users, bots by token, persons by phone; connections, channels and documents by id.

    Datacenters that share it are those of one environment: ``addresses`` has the (host, port) of each by dc_id, and
    ``exports`` the authorisations on their way from one to another (API-34).
    """

    __slots__ = ("_crowd", "addresses", "api_hash", "api_id", "bots", "channels", "connections", "exports", "files",
                 "persons", "users")  # fmt: skip

    def __init__(self, *, api_id: int = API_ID, api_hash: str = API_HASH) -> None:
        self.api_id = api_id
        self.api_hash = api_hash
        self.users: dict[int, User] = {}
        self.bots: dict[str, Bot] = {}
        self.persons: dict[str, Person] = {}
        self.addresses: dict[int, list[tuple[str, int]]] = {}
        self.exports = Exports()
        self.channels: dict[int, Channel] = {}
        self.connections: dict[str, BusinessConnection] = {}
        self.files: dict[int, File] = {}
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
        """One bot, two users, documents, and the connections that are data; ``connections.py`` has the others."""
        accounts = cls()
        accounts.add_person(User(OWNER_ID, 0x1000_0000_0000_0001, "Olga", "Owner", "fixture_owner"), OWNER_PHONE)
        accounts.add_person(
            User(CAREFUL_ID, 0x1000_0000_0000_0003, "Carla", "Careful"), CAREFUL_PHONE, CAREFUL_PASSWORD
        )
        accounts.add_bot(User(BOT_ID, 0x2000_0000_0000_0002, "Fixture Bot", "", "fixture_bot", True), BOT_TOKEN)
        for connection in (
            BusinessConnection("demo"),
            BusinessConnection("disabled", disabled=True),
            BusinessConnection("norights", rights=None),
            BusinessConnection("migrate", dc_id=OTHER_DC),
        ):
            accounts.connections[connection.connection_id] = connection
        accounts.add_channel(Channel(CHANNEL_ID, "Fixture Channel"))
        accounts.add_file(File(FILE_1_MIB, MIB))
        accounts.add_file(File(FILE_4_MIB, 4 * MIB + 1234))
        accounts.add_file(File(FILE_ELSEWHERE, 65536, dc_id=OTHER_DC))
        return accounts

    def add_user(self, user: User) -> None:
        """Let ``user`` exist."""
        self.users[user.user_id] = user

    def add_person(self, user: User, phone: str, password: str | None = None) -> Person:
        """Let a user exist who logs in by ``phone``: 99966, 1 to 3 for the datacenter, four digits (API-37)."""
        if user.bot or len(phone) != 10 or not phone.isdecimal() or phone[:5] != "99966" or phone[5] not in "123":
            raise UsageError("a person has a phone of the form 99966XYYYY, X from 1 to 3, and is no bot")
        self.add_user(user)
        person = self.persons[phone] = Person(user, phone, None if password is None else Password(password))
        return person

    def add_channel(self, channel: Channel) -> None:
        """Let a channel exist; ``DataCenter.post`` posts to it."""
        self.channels[channel.channel_id] = channel

    def add_file(self, file: File) -> None:
        """Let a document exist."""
        self.files[file.document_id] = file

    def add_bot(self, user: User, token: str, dc_id: int | None = None) -> Bot:
        """Let a bot exist that logs in with ``token``, in the datacenter ``dc_id`` if it is given."""
        if not user.bot:
            raise UsageError("a user that is no bot has no token")
        self.add_user(user)
        bot = self.bots[token] = Bot(user, token, dc_id)
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
