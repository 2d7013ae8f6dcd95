"""IGE by every backend, and CTR (AUTH-43)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtproto.crypto import aes, ige_fallback
from mtproto.crypto.aes import CtrStream, ige_decrypt, ige_encrypt
from mtproto.errors import UsageError
from mtproto.vectors.case import SHIPPED

Ige = Callable[[bytes, bytes, bytes], bytes]


def backends() -> dict[str, tuple[Ige, Ige]]:
    """Every way to compute IGE that this environment has: encryption and decryption."""
    found: dict[str, tuple[Ige, Ige]] = {"cryptography": (ige_fallback.encrypt, ige_fallback.decrypt)}
    try:
        import tgcrypto

        found["tgcrypto"] = (tgcrypto.ige256_encrypt, tgcrypto.ige256_decrypt)
    except ImportError:
        pass
    try:
        import cryptg

        found["cryptg"] = (cryptg.encrypt_ige, cryptg.decrypt_ige)
    except ImportError:
        pass
    return found


BACKENDS = backends()
KEYS = st.binary(min_size=32, max_size=32)
BLOCKS = st.integers(1, 40).flatmap(lambda blocks: st.binary(min_size=16 * blocks, max_size=16 * blocks))


def textbook_ige_encrypt(data: bytes, key: bytes, iv: bytes) -> bytes:
    """AUTH-43 word for word, one block at a time."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    block_cipher = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    c, p, out = iv[:16], iv[16:], b""
    for start in range(0, len(data), 16):
        block = data[start : start + 16]
        mixed = bytes(a ^ b for a, b in zip(block, c, strict=True))
        c = bytes(a ^ b for a, b in zip(block_cipher.update(mixed), p, strict=True))
        p, out = block, out + c
    return out


@given(BLOCKS, KEYS, KEYS)
@pytest.mark.requirement("AUTH-43")
def test_every_backend_encrypts_as_the_definition_says(data: bytes, key: bytes, iv: bytes) -> None:
    expected = textbook_ige_encrypt(data, key, iv)
    assert {name: encrypt(data, key, iv) for name, (encrypt, _) in BACKENDS.items()} == dict.fromkeys(
        BACKENDS, expected
    )
    assert ige_encrypt(data, key, iv) == expected


@given(BLOCKS, KEYS, KEYS)
@pytest.mark.requirement("AUTH-43")
def test_every_backend_decrypts_what_any_of_them_encrypted(data: bytes, key: bytes, iv: bytes) -> None:
    for encrypt, _ in BACKENDS.values():
        ciphertext = encrypt(data, key, iv)
        assert ige_decrypt(ciphertext, key, iv) == data
        for _, decrypt in BACKENDS.values():
            assert decrypt(ciphertext, key, iv) == data


@given(BLOCKS, BLOCKS, KEYS, KEYS)
@pytest.mark.requirement("AUTH-43")
def test_a_message_cut_in_two_continues_with_the_last_blocks_as_iv(
    first: bytes, second: bytes, key: bytes, iv: bytes
) -> None:
    whole = ige_encrypt(first + second, key, iv)
    next_iv = whole[len(first) - 16 : len(first)] + first[-16:]
    assert whole[len(first) :] == ige_encrypt(second, key, next_iv)


def test_a_mebibyte_comes_back_from_the_fallback() -> None:
    data, key, iv = bytes(range(256)) * 4096, b"k" * 32, b"i" * 32
    assert ige_fallback.decrypt(ige_fallback.encrypt(data, key, iv), key, iv) == data


@pytest.mark.parametrize("operation", [ige_encrypt, ige_decrypt])
@pytest.mark.parametrize(
    ("data", "key", "iv"), [(b"", 32, 32), (bytes(15), 32, 32), (bytes(17), 32, 32), (bytes(16), 31, 32),
                            (bytes(16), 16, 32), (bytes(16), 33, 32), (bytes(16), 32, 16), (bytes(16), 32, 33)]
)  # fmt: skip
def test_wrong_lengths_are_refused(operation: Callable[..., bytes], data: bytes, key: int, iv: int) -> None:
    with pytest.raises(UsageError):
        operation(data, bytes(key), bytes(iv))


@pytest.mark.requirement("SEC-58")
def test_a_refusal_does_not_repeat_key_or_data() -> None:
    with pytest.raises(UsageError) as refusal:
        ige_encrypt(b"canary data", b"canary key", b"canary iv")
    assert "canary" not in str(refusal.value)


@pytest.mark.parametrize(
    ("missing", "chosen"), [(["cryptg"], {"tgcrypto", "cryptography"}), (["cryptg", "tgcrypto"], {"cryptography"})]
)
def test_without_a_faster_package_the_next_one_is_chosen(
    missing: list[str], chosen: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    name, encrypt, decrypt = aes._choose()
    assert name in chosen
    assert decrypt(encrypt(bytes(32), bytes(32), bytes(32)), bytes(32), bytes(32)) == bytes(32)


def test_the_backend_in_use_is_named() -> None:
    assert aes.BACKEND in BACKENDS
    assert aes.raw_encrypt is BACKENDS[aes.BACKEND][0]


@pytest.mark.skipif(aes.BACKEND == "cryptography", reason="the fallback is cryptography")
def test_importing_the_crypto_modules_does_not_import_cryptography() -> None:
    names = "aes, auth_key, dh, ecm, factor, kdf, rsa"
    code = f"import sys; from mtproto.crypto import {names}; print('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


# CTR


@pytest.mark.requirement("TR-37")
def test_ctr_gives_the_published_key_stream() -> None:
    key = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
    counter = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
    plaintext = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
    ciphertext = bytes.fromhex("601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5")
    assert CtrStream(key, counter).process(plaintext) == ciphertext  # NIST SP 800-38A, F.5.5


@given(st.lists(st.binary(max_size=50), max_size=12))
@pytest.mark.requirement("TR-37")
def test_ctr_continues_across_calls(chunks: list[bytes]) -> None:
    stream, whole = CtrStream(bytes(32), bytes(16)), CtrStream(bytes(32), bytes(16))
    assert b"".join(map(stream.process, chunks)) == whole.process(b"".join(chunks))


@pytest.mark.requirement("TR-37")
def test_ctr_gives_the_streams_of_the_vectors() -> None:
    groups = json.loads((SHIPPED / "obfuscated2.json").read_text())["groups"]
    (tests,) = (group["tests"] for group in groups if group["type"] == "AesCtrStream")
    for test in tests:
        stream = CtrStream(bytes.fromhex(test["input"]["key"]), bytes.fromhex(test["input"]["iv"]))
        chunks = [stream.process(bytes.fromhex(chunk)).hex() for chunk in test["input"]["chunks"]]
        assert chunks == test["output"]["chunks"]


@pytest.mark.parametrize(("key", "iv"), [(16, 16), (32, 15), (32, 32)])
def test_ctr_refuses_other_lengths(key: int, iv: int) -> None:
    with pytest.raises(UsageError):
        CtrStream(bytes(key), bytes(iv))
