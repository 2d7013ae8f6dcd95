"""KeyStore: one auth key in one file, so that a second run skips the key exchange (SEC-85).

The file is JSON version 1 and readable by its owner alone. It is replaced whole (temporary file, fsync, rename,
fsync of the directory), so that a crash leaves the old or the new one, and it is locked against a second client
through a file ``NAME.lock`` beside it. What is not exactly such a file for this datacenter is refused and left
untouched. Nothing here reacts to a transport error: a -404 never changes the file (TR-57, SEC-41).
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from typing import Any, BinaryIO

from mtproto.client.datacenters import DC
from mtproto.crypto.auth_key import AuthKey
from mtproto.errors import UsageError, printable
from mtproto.record import Record

VERSION = 1
MAX_SIZE = 16384
"""The longest file, in bytes, that is read; a key file has about 900."""

_SHAPE: dict[str, tuple[type, ...]] = {
    "version": (int,),
    "environment": (str,),
    "dc_id": (int,),
    "fingerprint": (str,),
    "auth_key_id": (str,),
    "auth_key": (str,),
    "server_salt": (str,),
    "time_offset": (int, float),
    "created": (int,),
    "user_id": (str, type(None)),
}
"""The fields of version 1 and the JSON types they have."""


class StoredKey(Record):
    """What a key file holds.

    ``environment`` and ``dc_id`` as in ``DC``; ``fingerprint`` (signed) of the RSA key that the exchange was made
    with; ``server_salt`` (signed); ``time_offset`` in seconds, server less local; ``created`` in Unix seconds;
    ``user_id`` of the bot that logged in with the key, or None.
    """

    __slots__ = (
        "auth_key",
        "created",
        "dc_id",
        "environment",
        "fingerprint",
        "server_salt",
        "time_offset",
        "user_id",
    )
    __match_args__ = ()

    def __init__(
        self,
        *,
        environment: str,
        dc_id: int,
        fingerprint: int,
        auth_key: AuthKey,
        server_salt: int,
        time_offset: float,
        created: int,
        user_id: int | None = None,
    ) -> None:
        self.environment = environment
        self.dc_id = dc_id
        self.fingerprint = fingerprint
        self.auth_key = auth_key
        self.server_salt = server_salt
        self.time_offset = time_offset
        self.created = created
        self.user_id = user_id

    def __repr__(self) -> str:  # without key and salt (SEC-58)
        return f"<StoredKey of {self.environment} dc {self.dc_id}, created {self.created}>"


class KeyStore:
    """The key file of one datacenter, locked from here to ``close``; a context manager.

    ``path`` need not exist: it is written by ``save`` only. A symbolic link is followed once, and its target is what
    is locked and replaced. Raises ``UsageError``, in one line, for a file in use by another ``KeyStore`` of this or
    another process, readable by others, newer, damaged, or made for another environment, dc_id or public key.
    """

    __slots__ = ("_dc", "_lock", "_name", "_path", "_stored")

    def __init__(self, path: str | os.PathLike[str], dc: DC) -> None:
        self._name = shown(os.fspath(path))
        if not self._name or "\0" in os.fspath(path):
            raise self._unusable("has no usable name")
        self._path = os.path.realpath(path)
        self._dc = dc
        self._lock: BinaryIO | None = None
        self._stored: StoredKey | None = None
        try:
            self._lock = _acquire(self._path + ".lock")
            self._stored = self._read()
        except OSError as error:
            self.close()
            if isinstance(error, BlockingIOError):
                raise self._unusable("is in use by another client") from None
            raise self._unusable(f"cannot be opened: {error.strerror}") from None
        except UsageError:
            self.close()
            raise

    def __enter__(self) -> KeyStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<KeyStore {self._name}>"

    def load(self) -> StoredKey | None:
        """The key in the file, or None where there is no file yet."""
        return self._stored

    def save(self, key: StoredKey) -> None:
        """Write ``key``, replacing the file. Raises ``UsageError`` where that fails; the old file is then intact.

        Whatever happens, even a loss of power, the file is the old or the new one, whole.
        """
        if self._lock is None:
            raise self._unusable("is closed")
        self._check(key)
        try:
            self._write(encode(key))
        except OSError as error:
            raise self._unusable(f"cannot be written: {error.strerror}") from None
        self._stored = key

    def delete(self) -> None:
        """Remove the file: its key exists no more (MSG-106). Raises ``UsageError`` where that fails."""
        if self._lock is None:
            raise self._unusable("is closed")
        try:
            _remove(self._path)
            _sync_directory(os.path.dirname(self._path))
        except OSError as error:
            raise self._unusable(f"cannot be removed: {error.strerror}") from None
        self._stored = None

    def close(self) -> None:
        """Give the lock back; once is enough, more does no harm."""
        if self._lock is not None:
            lock, self._lock = self._lock, None
            _release(lock, self._path + ".lock")

    def _read(self) -> StoredKey | None:
        try:
            # O_NONBLOCK: opening a pipe would wait for its other end.
            descriptor = os.open(self._path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        except FileNotFoundError:
            return None
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise self._unusable("is not a file")
            if sys.platform != "win32" and mode & 0o077:
                raise self._unusable("can be read or written by others; chmod 600 makes it usable")
            data = os.read(descriptor, MAX_SIZE + 1)
        finally:
            os.close(descriptor)
        try:
            key = decode(data)
        except UsageError as error:
            raise self._unusable(str(error)) from None
        self._check(key)
        return key

    def _check(self, key: StoredKey) -> None:
        """Refuse a key of another datacenter."""
        dc = self._dc
        if key.environment != dc.environment:
            raise self._unusable(f"is for the environment {printable(key.environment)}, not {dc.environment}")
        if key.dc_id != dc.dc_id:
            raise self._unusable(f"is for datacenter {key.dc_id}, not {dc.dc_id}")
        if key.fingerprint not in {public_key.fingerprint for public_key in dc.public_keys}:
            raise self._unusable(f"was made with another public key, {key.fingerprint & 2**64 - 1:016x}")

    def _write(self, data: bytes) -> None:
        # The lock is ours, so that a file of this name is what a crash left behind. O_EXCL follows no link.
        temporary = self._path + ".new"
        _remove(temporary)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        try:
            with open(descriptor, "wb") as file:
                if sys.platform != "win32":
                    os.fchmod(descriptor, 0o600)  # whatever the umask took away
                file.write(data)
                file.flush()
                os.fsync(descriptor)
            os.replace(temporary, self._path)
        except OSError:
            _remove(temporary)
            raise
        _sync_directory(os.path.dirname(self._path))

    def _unusable(self, why: str) -> UsageError:
        return UsageError(f"key file {self._name} {why}")


def encode(key: StoredKey) -> bytes:
    """The text of a key file, version 1: 64-bit numbers as decimal strings, bytes and ids in hexadecimal."""
    import json

    fields = {
        "version": VERSION,
        "environment": key.environment,
        "dc_id": key.dc_id,
        "fingerprint": f"{key.fingerprint & 2**64 - 1:016x}",
        "auth_key_id": f"{key.auth_key.auth_key_id & 2**64 - 1:016x}",
        "auth_key": key.auth_key.data.hex(),
        "server_salt": str(key.server_salt),
        "time_offset": key.time_offset,
        "created": key.created,
        "user_id": None if key.user_id is None else str(key.user_id),
    }
    return (json.dumps(fields, indent=1) + "\n").encode("ascii")


def decode(data: bytes) -> StoredKey:
    """What ``encode`` wrote. Raises ``UsageError`` that says "is damaged" or "is newer …", never what is in it."""
    import json

    try:
        fields = json.loads(data) if len(data) <= MAX_SIZE else None
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise UsageError("is damaged")
    version = fields.get("version")
    if type(version) is int and version > VERSION:
        raise UsageError(f"is newer than version {VERSION}, the one known here")
    key = _from_fields(fields) if _has_shape(fields) else None
    # Written again, the values give the fields that were read: so the hexadecimal, the numbers and auth_key_id fit.
    if key is None or json.loads(encode(key)) != fields:
        raise UsageError("is damaged")
    return key


def _has_shape(fields: dict[str, Any]) -> bool:
    return fields.keys() == _SHAPE.keys() and all(type(fields[name]) in _SHAPE[name] for name in _SHAPE)


def _from_fields(fields: dict[str, Any]) -> StoredKey | None:
    """The key that ``fields``, of the right shape, spell; None where one is no number, no hexadecimal or too large."""
    user_id = fields["user_id"]
    try:
        key = StoredKey(
            environment=fields["environment"],
            dc_id=fields["dc_id"],
            fingerprint=int.from_bytes(bytes.fromhex(fields["fingerprint"]), "big", signed=True),
            auth_key=AuthKey(bytes.fromhex(fields["auth_key"])),
            server_salt=int(fields["server_salt"]),
            time_offset=fields["time_offset"],
            created=fields["created"],
            user_id=None if user_id is None else int(user_id),
        )
    except (ValueError, UsageError):
        return None
    numbers = (key.server_salt, key.time_offset, key.created, key.user_id or 0)
    return key if all(-(2**63) <= number < 2**63 for number in numbers) else None


def _acquire(path: str) -> BinaryIO:
    """The lock file, created where there is none, and locked; ``BlockingIOError`` where somebody else has it."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    while True:
        file = open(os.open(path, flags, 0o600), "r+b")  # noqa: SIM115 (the lock lasts as long as it is open)
        try:
            _lock(file.fileno())
            # Whoever had the lock removes the file when done: then this is a lock on nothing, and a new one is due.
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                return file
        except FileNotFoundError:
            pass
        except OSError:
            file.close()
            raise
        file.close()


def _release(lock: BinaryIO, path: str) -> None:
    if sys.platform == "win32":
        lock.close()  # there a file in use cannot be removed; an unlocked one does no harm
    else:
        _remove(path)
        lock.close()


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            raise BlockingIOError from None
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _sync_directory(path: str) -> None:
    """Make a rename in the directory last."""
    if sys.platform != "win32":
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def shown(text: str) -> str:
    """``text`` for one line of output: escaped where it holds anything that cannot be printed."""
    return text if text.isprintable() else ascii(text)[1:-1]
