"""AuthKey (AUTH-26, AUTH-27) and that it does not leak (SEC-58)."""

from __future__ import annotations

import copy
import pickle
import traceback
from hashlib import sha1

import pytest

from mtproto.crypto.auth_key import AuthKey
from mtproto.errors import UsageError

SECRET = b"canary-secret-of-32-bytes-length" * 8


@pytest.mark.requirement("AUTH-27")
def test_the_id_and_the_aux_hash_are_different_ends_of_the_same_hash() -> None:
    key = AuthKey(bytes(range(256)))
    digest = sha1(bytes(range(256))).digest()
    assert key.auth_key_id.to_bytes(8, "little", signed=True) == digest[12:20] == bytes.fromhex("32d1586ea457dfc8")
    assert key.aux_hash.to_bytes(8, "little", signed=True) == digest[:8]


@pytest.mark.parametrize("length", [0, 255, 257])
@pytest.mark.requirement("AUTH-26")
def test_another_length_is_refused(length: int) -> None:
    with pytest.raises(UsageError, match="256"):
        AuthKey(bytes(length))


@pytest.mark.requirement("AUTH-26")
def test_a_key_may_begin_with_zero_bytes() -> None:
    assert AuthKey(bytes(200) + b"\1" * 56).data == bytes(200) + b"\1" * 56


def test_keys_are_equal_when_their_bytes_are() -> None:
    assert AuthKey(SECRET) == AuthKey(SECRET)
    assert AuthKey(SECRET) != AuthKey(SECRET[::-1])
    assert AuthKey(SECRET) != SECRET
    assert len({AuthKey(SECRET), AuthKey(SECRET)}) == 1


@pytest.mark.requirement("SEC-58")
def test_a_key_is_never_printed() -> None:
    key = AuthKey(SECRET)
    for text in (repr(key), str(key), f"{key}", repr([key]), repr({"key": key})):
        assert "canary" not in text
        assert SECRET.hex()[:16] not in text
    assert repr(AuthKey(bytes(range(256)))) == "<AuthKey c8df57a46e58d132>"


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps, lambda key: pickle.dumps(key, 0)])
@pytest.mark.requirement("SEC-58")
def test_a_key_is_neither_copied_nor_pickled(duplicate: object) -> None:
    assert callable(duplicate)
    with pytest.raises(TypeError) as refusal:
        duplicate(AuthKey(SECRET))
    assert "canary" not in "".join(traceback.format_exception(refusal.value))
