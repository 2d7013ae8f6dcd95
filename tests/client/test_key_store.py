"""The key file: format, refusals, permissions, lock, and what a crash leaves (SEC-85, SEC-58)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtproto.client import datacenters
from mtproto.client.datacenters import DC, production
from mtproto.client.key_store import KeyStore, StoredKey, decode, encode
from mtproto.crypto.auth_key import AuthKey
from mtproto.errors import UsageError

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions and links")
needs_permissions = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="the superuser may write everywhere"
)
DC2 = production(2)
FINGERPRINT = next(iter(DC2.public_keys)).fingerprint
KEY_BYTES = bytes(range(256))
SALT = -81985529216486896


def stored(**changes: Any) -> StoredKey:
    fields: dict[str, Any] = {
        "environment": "production",
        "dc_id": 2,
        "fingerprint": FINGERPRINT,
        "auth_key": AuthKey(KEY_BYTES),
        "server_salt": SALT,
        "time_offset": -1.5,
        "created": 1_700_000_000,
        "user_id": 7_000_000_000,
    }
    return StoredKey(**{**fields, **changes})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A key file that exists."""
    path = tmp_path / "bot.key"
    with KeyStore(path, DC2) as store:
        store.save(stored())
    return path


def refusal(path: Path, dc: DC = DC2) -> str:
    """The line with which ``path`` is refused; it, and what lies beside it, is as before."""
    before = {file.name: file.lstat().st_mode for file in path.parent.iterdir()}
    content = path.read_bytes() if path.is_file() else None
    with pytest.raises(UsageError) as caught:
        KeyStore(path, dc)
    assert {file.name: file.lstat().st_mode for file in path.parent.iterdir()} == before
    assert content is None or path.read_bytes() == content
    line = str(caught.value)
    assert "\n" not in line
    return line.removeprefix(f"key file {path} ")


# Writing and reading


def test_opening_a_store_creates_no_file(tmp_path: Path) -> None:
    with KeyStore(tmp_path / "bot.key", DC2) as store:
        assert store.load() is None
        assert not (tmp_path / "bot.key").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_saved_key_is_there_again(path: Path) -> None:
    with KeyStore(path, DC2) as store:
        assert store.load() == stored()
    assert [file.name for file in path.parent.iterdir()] == ["bot.key"]


@pytest.mark.parametrize("user_id", [None, 1])
def test_a_key_without_a_login_is_kept_too(tmp_path: Path, user_id: int | None) -> None:
    with KeyStore(tmp_path / "k", DC2) as store:
        store.save(stored(user_id=user_id))
        assert store.load() == stored(user_id=user_id)
    with KeyStore(str(tmp_path / "k"), DC2) as store:
        assert store.load() == stored(user_id=user_id)


def test_a_saved_key_replaces_the_one_before(path: Path) -> None:
    with KeyStore(path, DC2) as store:
        store.save(stored(server_salt=5, auth_key=AuthKey(bytes(256))))
    with KeyStore(path, DC2) as store:
        assert store.load() == stored(server_salt=5, auth_key=AuthKey(bytes(256)))


def test_the_file_is_json_version_1_with_64_bit_numbers_as_text(path: Path) -> None:
    assert json.loads(path.read_text()) == {
        "version": 1,
        "environment": "production",
        "dc_id": 2,
        "fingerprint": "d09d1d85de64fd85",
        "auth_key_id": AuthKey(KEY_BYTES).auth_key_id.to_bytes(8, "big", signed=True).hex(),
        "auth_key": KEY_BYTES.hex(),
        "server_salt": "-81985529216486896",
        "time_offset": -1.5,
        "created": 1_700_000_000,
        "user_id": "7000000000",
    }


@given(
    salt=st.integers(-(2**63), 2**63 - 1),
    offset=st.floats(-(2.0**40), 2.0**40) | st.integers(-(10**9), 10**9),
    created=st.integers(0, 2**40),
    user_id=st.none() | st.integers(1, 2**63 - 1),
    data=st.binary(min_size=256, max_size=256),
)
def test_every_value_survives_the_file(
    salt: int, offset: float, created: int, user_id: int | None, data: bytes
) -> None:
    key = stored(server_salt=salt, time_offset=offset, created=created, user_id=user_id, auth_key=AuthKey(data))
    assert decode(encode(key)) == key


@pytest.mark.requirement("SEC-58")
def test_neither_key_nor_salt_is_ever_printed(path: Path) -> None:
    with KeyStore(path, DC2) as store:
        texts = [repr(store), str(store), repr(store.load()), f"{store.load()!s}"]
    path.write_text(path.read_text().replace('"created": 1700000000', '"created": "x"'))
    texts.append(refusal(path))
    for text in texts:
        assert KEY_BYTES.hex()[:16] not in text
        assert str(SALT) not in text


# What is refused, and left as it is


def edited(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    fields = json.loads(path.read_text())
    change(fields)
    path.write_text(json.dumps(fields))
    return path


def test_a_file_of_a_newer_version_is_refused(path: Path) -> None:
    edited(path, lambda fields: fields.update(version=2, unheard_of=True))
    assert refusal(path) == "is newer than version 1, the one known here"


@pytest.mark.requirement("API-33")
def test_a_file_of_another_environment_datacenter_or_public_key_is_refused(path: Path) -> None:
    keys = DC2.public_keys
    assert refusal(path, datacenters.test(2)) == "is for the environment production, not test"
    assert refusal(path, DC("127.0.0.1", 1, 2, keys)) == "is for the environment production, not custom"
    assert refusal(path, production(4)) == "is for datacenter 2, not 4"
    other = DC("127.0.0.1", 1, 2, datacenters.test(2).public_keys, environment="production")
    assert refusal(path, other) == "was made with another public key, d09d1d85de64fd85"


BROKEN: dict[str, Callable[[dict[str, Any]], object]] = {
    **{f"no {name}": lambda f, name=name: f.pop(name) for name in json.loads(encode(stored()))},  # type: ignore[misc]
    "a field too many": lambda f: f.update(extra=1),
    "version 0": lambda f: f.update(version=0),
    "version true": lambda f: f.update(version=True),
    "version 1.0": lambda f: f.update(version=1.0),
    "version text": lambda f: f.update(version="2"),
    "environment null": lambda f: f.update(environment=None),
    "dc_id text": lambda f: f.update(dc_id="2"),
    "dc_id true": lambda f: f.update(dc_id=True),
    "fingerprint short": lambda f: f.update(fingerprint="9d1d85de64fd85"),
    "fingerprint number": lambda f: f.update(fingerprint=1),
    "key short": lambda f: f.update(auth_key=f["auth_key"][2:]),
    "key not hexadecimal": lambda f: f.update(auth_key="zz" + f["auth_key"][2:]),
    "key with a changed bit": lambda f: f.update(auth_key="01" + f["auth_key"][2:]),
    "key id changed": lambda f: f.update(auth_key_id="0" * 16),
    "salt number": lambda f: f.update(server_salt=5),
    "salt not decimal": lambda f: f.update(server_salt="1_0"),
    "salt too large": lambda f: f.update(server_salt=str(2**63)),
    "salt of 5000 digits": lambda f: f.update(server_salt="9" * 5000),
    "offset not a number": lambda f: f.update(time_offset=float("nan")),
    "offset infinite": lambda f: f.update(time_offset=float("inf")),
    "offset huge": lambda f: f.update(time_offset=10**30),
    "created a fraction": lambda f: f.update(created=1.5),
    "user number": lambda f: f.update(user_id=7),
    "user not decimal": lambda f: f.update(user_id=""),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_damaged_file_is_refused(path: Path, what: str) -> None:
    assert refusal(edited(path, BROKEN[what])) == "is damaged"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"null",
        b"[1]",
        b"\xff\xfe",
        b"\x80" * 100,
        b"[" * 10000,
        b"1" * 6000,
        b" " * 20000,
        b'{"version": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_not_a_key_file_at_all_is_refused(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    assert refusal(path) == "is damaged"


def test_a_truncated_file_is_refused_wherever_it_ends(path: Path) -> None:
    data = path.read_bytes()
    for length in range(len(data) - 2):
        with pytest.raises(UsageError, match=r"^is damaged$"):
            decode(data[:length])


@given(
    st.binary(max_size=300)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps).map(str.encode)
)
def test_any_bytes_are_a_key_or_a_usage_error(data: bytes) -> None:
    with pytest.raises(UsageError):
        decode(data)


@posix_only
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o644, 0o777])
@pytest.mark.requirement("SEC-85")
def test_a_file_open_to_others_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    assert refusal(path) == "can be read or written by others; chmod 600 makes it usable"


@posix_only
def test_a_directory_and_a_pipe_are_refused_without_waiting(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    os.mkfifo(tmp_path / "p", 0o600)
    assert refusal(tmp_path / "d") == "is not a file"
    assert refusal(tmp_path / "p") == "is not a file"


def test_a_place_that_does_not_exist_is_refused_before_there_is_a_key(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be opened: No such file or directory$"):
        KeyStore(tmp_path / "nowhere" / "bot.key", DC2)


@needs_permissions
def test_a_directory_that_cannot_be_written_is_refused_before_there_is_a_key(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UsageError, match=r"cannot be opened: Permission denied$"):
            KeyStore(tmp_path / "bot.key", DC2)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_an_impossible_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"has no usable name$"):
        KeyStore(name, DC2)


def test_a_name_with_control_characters_still_makes_one_line(tmp_path: Path) -> None:
    file = tmp_path / "a\nb\x1b"
    file.write_text("{}")
    file.chmod(0o600)
    with pytest.raises(UsageError) as caught:
        KeyStore(file, DC2)
    assert str(caught.value).isprintable()
    assert r"a\nb\x1b is damaged" in str(caught.value)


@pytest.mark.requirement("API-33")
def test_a_key_of_another_datacenter_is_not_saved(path: Path) -> None:
    before = path.read_bytes()
    with KeyStore(path, DC2) as store:
        for changes in ({"dc_id": 4}, {"environment": "test"}, {"fingerprint": 1}):
            with pytest.raises(UsageError):
                store.save(stored(**changes))
    assert path.read_bytes() == before


# Permissions and links


@posix_only
@pytest.mark.parametrize("umask", [0, 0o022, 0o077, 0o277, 0o777])
@pytest.mark.requirement("SEC-85")
def test_the_file_is_readable_by_its_owner_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "bot.key"
    before = os.umask(umask)
    try:
        with KeyStore(path, DC2) as store:
            store.save(stored())
            assert path.stat().st_mode & 0o777 == 0o600
            store.save(stored(server_salt=1))
            assert path.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


@posix_only
def test_a_symbolic_link_is_followed_and_kept(path: Path, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    link = tmp_path / "sub" / "link.key"
    link.symlink_to(path)
    with KeyStore(link, DC2) as store:
        assert store.load() == stored()
        store.save(stored(server_salt=9))
        with pytest.raises(UsageError, match="in use"):
            KeyStore(path, DC2)
    assert link.is_symlink()
    assert [file.name for file in (tmp_path / "sub").iterdir()] == ["link.key"]
    with KeyStore(path, DC2) as store:
        assert store.load() == stored(server_salt=9)


@posix_only
def test_planted_links_beside_the_key_file_are_not_written_through(path: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (tmp_path / "bot.key.new").symlink_to(victim)
    with KeyStore(path, DC2) as store:
        store.save(stored(server_salt=9))
    assert victim.read_text() == "untouched"
    assert not path.is_symlink()
    (tmp_path / "bot.key.lock").symlink_to(victim)
    with pytest.raises(UsageError, match="cannot be opened"):
        KeyStore(path, DC2)
    assert victim.read_text() == "untouched"


# The lock


@pytest.mark.requirement("API-22")
def test_a_second_store_in_this_process_is_refused_until_the_first_is_closed(path: Path) -> None:
    first = KeyStore(path, DC2)
    with pytest.raises(UsageError, match=r"is in use by another client$"):
        KeyStore(path, DC2)
    first.save(stored(server_salt=1))
    with pytest.raises(UsageError, match=r"is in use by another client$"):
        KeyStore(path, DC2)
    first.close()
    first.close()
    with KeyStore(path, DC2) as second:
        assert second.load() == stored(server_salt=1)
    with pytest.raises(UsageError, match=r"is closed$"):
        first.save(stored())


def test_the_lock_is_given_back_when_the_file_is_refused(path: Path) -> None:
    good = path.read_bytes()
    path.write_bytes(b"{}")
    assert refusal(path) == "is damaged"
    path.write_bytes(good)
    with KeyStore(path, DC2) as store:
        assert store.load() == stored()


def run(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Another Python, which has opened a store on its first argument as ``store``."""
    start = (
        "import os, sys\n"
        "from mtproto.client.datacenters import production\n"
        "from mtproto.client.key_store import KeyStore\n"
        "store = KeyStore(sys.argv[1], production(2))\n"
    )
    root = str(Path(datacenters.__file__).parents[2])
    return subprocess.Popen(
        [sys.executable, "-c", start + code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    )


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.requirement("API-22")
def test_a_second_process_is_refused_even_while_there_is_no_file_yet(path: Path, exists: bool) -> None:
    if not exists:
        path.unlink()
    with run("print('open', flush=True); sys.stdin.read()", path) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(UsageError, match=r"is in use by another client$"):
            KeyStore(path, DC2)
        other.communicate()
    with KeyStore(path, DC2) as store:
        assert (store.load() is not None) is exists


def test_the_lock_of_a_process_that_died_does_not_last(path: Path) -> None:
    with run("os._exit(9)", path) as other:
        other.communicate()
    assert other.returncode == 9
    with KeyStore(path, DC2) as store:
        assert store.load() == stored()
    assert [file.name for file in path.parent.iterdir()] == ["bot.key"]


# Crashes


def test_a_crash_before_the_rename_leaves_the_old_file(path: Path) -> None:
    code = "os.replace = lambda *_: os._exit(9)\nkey = store.load()\nkey.server_salt = 1\nstore.save(key)\n"
    before = path.read_bytes()
    with run(code, path) as other:
        other.communicate()
    assert other.returncode == 9
    assert path.read_bytes() == before
    assert (path.parent / "bot.key.new").stat().st_mode & 0o777 == 0o600
    with KeyStore(path, DC2) as store:
        assert store.load() == stored()
        store.save(stored(server_salt=2))
    assert [file.name for file in path.parent.iterdir()] == ["bot.key"]


@pytest.mark.parametrize("step", ["replace", "fsync", "open"])
def test_a_failed_write_is_one_line_and_leaves_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    before = path.read_bytes()
    with KeyStore(path, DC2) as store:
        with monkeypatch.context() as patch:
            patch.setattr(os, step, fail)
            with pytest.raises(UsageError, match=r"cannot be written: No space left on device$"):
                store.save(stored(server_salt=1))
        assert store.load() == stored()
        assert path.read_bytes() == before
        assert not (path.parent / "bot.key.new").exists()
        store.save(stored(server_salt=2))
    with KeyStore(path, DC2) as store:
        assert store.load() == stored(server_salt=2)


@posix_only
def test_file_and_directory_reach_the_disk_in_order(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def note_fsync(descriptor: int) -> None:
        steps.append("directory" if os.path.isdir(f"/dev/fd/{descriptor}") else "file")
        fsync(descriptor)

    def note_replace(source: str, target: str) -> None:
        steps.append("rename")
        replace(source, target)

    with KeyStore(path, DC2) as store:
        monkeypatch.setattr(os, "fsync", note_fsync)
        monkeypatch.setattr(os, "replace", note_replace)
        store.save(stored(server_salt=1))
    assert steps == ["file", "rename", "directory"]


def test_a_deleted_key_is_gone_and_another_can_be_saved(path: Path) -> None:
    with KeyStore(path, DC2) as store:
        store.save(stored())
        store.delete()
        store.delete()  # there is none any more
        assert store.load() is None and not path.exists()
        store.save(stored())
    assert path.exists()
    with pytest.raises(UsageError, match="closed"):
        store.delete()
