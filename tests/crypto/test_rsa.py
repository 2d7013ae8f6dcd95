"""RSA keys, RSA_PAD and the server's opening (AUTH-12, 40 to 45, 60 to 62, 94; SEC-05, 58, 71, 84)."""

from __future__ import annotations

import copy
import pickle
from hashlib import sha1, sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import rsa as library
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from mtproto.crypto import rsa
from mtproto.crypto.rsa import PrivateKey, PublicKey, PublicKeys
from mtproto.environment import SystemEnvironment
from mtproto.errors import SecurityError, UsageError
from mtproto.testing import ScriptedEnvironment

KEY = PrivateKey.generate()
ENV = SystemEnvironment()

PRODUCTION = """-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEA6LszBcC1LGzyr992NzE0ieY+BSaOW622Aa9Bd4ZHLl+TuFQ4lo4g
5nKaMBwK/BIb9xUfg0Q29/2mgIR6Zr9krM7HjuIcCzFvDtr+L0GQjae9H0pRB2OO
62cECs5HKhT5DZ98K33vmWiLowc621dQuwKWSQKjWf50XYFw42h21P2KXUGyp2y/
+aEyZ+uVgLLQbRA1dEjSDZ2iGRy12Mk5gpYc397aYp438fsJoHIgJ2lgMv5h7WY9
t6N/byY9Nw9p21Og3AoXSL2q/2IJ1WRUhebgAdGVMlV1fkuOQoEzR7EdpqtQD9Cs
5+bfo3Nhmcyvk5ftB0WkJ9z6bNZ7yxrP8wIDAQAB
-----END RSA PUBLIC KEY-----
"""


# keys


@pytest.mark.requirement("AUTH-45", "AUTH-60")
def test_the_production_key_has_its_published_fingerprint() -> None:
    key = PublicKey.from_pem(PRODUCTION)
    assert key.fingerprint == -3414540481677951611
    assert key.fingerprint.to_bytes(8, "little", signed=True).hex() == "85fd64de851d9dd0"
    assert key.to_pem() == PRODUCTION


def test_both_pem_forms_of_a_public_key_are_read() -> None:
    key = library.RSAPublicNumbers(KEY.public.e, KEY.public.n).public_key()
    for form in (PublicFormat.PKCS1, PublicFormat.SubjectPublicKeyInfo):
        pem = key.public_bytes(Encoding.PEM, form)
        assert PublicKey.from_pem(pem) == PublicKey.from_pem(pem.decode()) == KEY.public


def test_both_pem_forms_of_a_private_key_are_read() -> None:
    pkcs8 = library_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for pem in (KEY.to_pem(), KEY.to_pem().encode(), pkcs8):
        assert PrivateKey.from_pem(pem).public == KEY.public
    assert KEY.to_pem().startswith("-----BEGIN RSA PRIVATE KEY-----")


def library_key() -> library.RSAPrivateKey:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(KEY.to_pem().encode(), None)
    assert isinstance(key, library.RSAPrivateKey)
    return key


def test_a_private_key_is_recovered_from_its_exponents() -> None:
    numbers = library_key().private_numbers()
    assert PrivateKey.from_exponents(KEY.public.n, KEY.public.e, numbers.d).to_pem() in (
        KEY.to_pem(),
        PrivateKey(numbers.q, numbers.p).to_pem(),
    )
    with pytest.raises(UsageError):
        PrivateKey.from_exponents(KEY.public.n, KEY.public.e, numbers.d + 2)


def unusable_public_keys() -> dict[str, str | bytes]:
    elliptic = ec.generate_private_key(ec.SECP256R1()).public_key()
    short = library.generate_private_key(65537, 1024).public_key()
    return {
        "nothing": "",
        "text": "hello",
        "not ASCII": "schlüssel",
        "binary": bytes(range(256)),
        "empty PEM": "-----BEGIN RSA PUBLIC KEY-----\n-----END RSA PUBLIC KEY-----\n",
        "cut": PRODUCTION[:200],
        "elliptic": elliptic.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "1024 bits": short.public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        "private": KEY.to_pem(),
    }


def unusable_private_keys() -> dict[str, str | bytes]:
    elliptic = ec.generate_private_key(ec.SECP256R1())
    short = library.generate_private_key(65537, 1024)
    form, encrypted = PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"password")
    return {
        "nothing": "",
        "not ASCII": "schlüssel",
        "elliptic": elliptic.private_bytes(Encoding.PEM, form, NoEncryption()),
        "1024 bits": short.private_bytes(Encoding.PEM, form, NoEncryption()),
        "encrypted": library_key().private_bytes(Encoding.PEM, form, encrypted),
        "public": PRODUCTION,
    }


@pytest.mark.parametrize("name", unusable_public_keys())
def test_an_unusable_public_key_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(UsageError) as refusal:
        PublicKey.from_pem(unusable_public_keys()[name])
    assert "\n" not in str(refusal.value) and str(refusal.value)


@pytest.mark.parametrize("name", unusable_private_keys())
def test_an_unusable_private_key_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(UsageError) as refusal:
        PrivateKey.from_pem(unusable_private_keys()[name])
    assert "\n" not in str(refusal.value) and str(refusal.value)


def test_the_refusal_says_what_is_wrong() -> None:
    keys = unusable_public_keys()
    for name, words in {"elliptic": "not an RSA key", "1024 bits": "1024 bits", "text": "PEM"}.items():
        with pytest.raises(UsageError, match=words):
            PublicKey.from_pem(keys[name])


@pytest.mark.requirement("SEC-84")
def test_sec_84_a_generated_key_has_a_fingerprint_without_leading_zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    fingerprints = iter([5, -(2**63), 2**60 - 1, 2**60])
    monkeypatch.setattr(rsa, "fingerprint", lambda n, e: next(fingerprints))
    monkeypatch.setattr(library, "generate_private_key", lambda e, bits: library_key())
    assert PrivateKey.generate().public.fingerprint == -(2**63)
    assert PrivateKey.generate().public.fingerprint == 2**60


@pytest.mark.requirement("AUTH-12")
def test_auth_12_the_first_listed_key_that_is_trusted_is_chosen() -> None:
    other = PublicKey.from_pem(PRODUCTION)
    keys = PublicKeys([KEY.public, other])
    assert keys.choose([1, other.fingerprint, KEY.public.fingerprint]) is other
    assert keys.choose([1, 2, -3]) is None
    assert keys.choose([]) is None
    swapped = int.from_bytes(other.fingerprint.to_bytes(8, "little", signed=True), "big", signed=True)
    assert keys.choose([swapped]) is None
    assert list(keys) == [KEY.public, other]
    assert len(keys) == 2


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
@pytest.mark.requirement("SEC-58")
def test_a_private_key_is_neither_printed_nor_copied(duplicate: object) -> None:
    assert callable(duplicate)
    with pytest.raises(TypeError):
        duplicate(KEY)
    numbers = library_key().private_numbers()
    for secret in (numbers.p, numbers.q, numbers.d):
        assert str(secret) not in repr(KEY) and f"{secret:x}" not in repr(KEY)


# RSA_PAD


@pytest.mark.requirement("AUTH-40", "AUTH-44")
def test_the_known_answer_of_auth_44() -> None:
    inner_data = bytes.fromhex(
        "955FF5A9081460E7D3FA727791000000043C2357CF0000000456BFB29F000000"
        "15A084B3B9CA2A17F03925F44B78FE68D6701FCD212CEB87C966E5318F5564A8"
        "845FAD32D10A4C7967DA49A89FBE508AD24AA3150992B499B3B2C72CDC0F364C02000000"
    )
    padding = bytes.fromhex(
        "5C3E7244F0896A34C58F66FC548B7A2D0A4153B5E703A8FF11FBF623B7E2F9BA25E3539490DA77CEB9AB45A44F9D7D3C"
        "B5DE7C0F69F0D5819112F5CACF06C964AE5D8BC3C727AC39A058681B8E80AAB76BF06CD90FCBC2B7CFBF8135"
    )
    key = PublicKey.from_pem(PRODUCTION)
    block = rsa.rsa_pad_block(inner_data, key, ScriptedEnvironment(entropy=[padding, bytes(range(32))]))
    assert sha256(block).hexdigest() == "dccffb8b9291390b00782b38cb533600c0d9c74daa2ec94976a489d1f7a46ee6"
    encrypted = rsa.rsa_pad(inner_data, key, ScriptedEnvironment(entropy=[padding, bytes(range(32))]))
    assert encrypted.hex().startswith("c2d08707e8a710fbd2aa6bd42322a032")
    assert sha256(encrypted).hexdigest() == "66b47d05c8bf52db38ef2bf09a344398dfe35bc5a3215c140c10d403b3167f64"


@settings(max_examples=30)
@given(st.binary(max_size=144))
@pytest.mark.requirement("AUTH-40", "AUTH-41")
def test_what_is_padded_for_a_key_its_owner_opens(data: bytes) -> None:
    opened = rsa.rsa_unpad(rsa.rsa_pad(data, KEY.public, ENV), KEY, ENV)
    assert len(opened) == 192
    assert opened.startswith(data)


@pytest.mark.requirement("AUTH-40")
def test_the_same_data_never_gives_the_same_ciphertext() -> None:
    assert len({rsa.rsa_pad(b"data", KEY.public, ENV) for _ in range(20)}) == 20


@pytest.mark.requirement("AUTH-40")
def test_more_than_144_bytes_are_refused() -> None:
    with pytest.raises(UsageError, match="144"):
        rsa.rsa_pad(bytes(145), KEY.public, ENV)


@pytest.mark.parametrize("block", [bytes(255), bytes(257), b"\xff" * 256])
def test_a_block_that_no_key_of_this_size_can_encrypt_is_refused(block: bytes) -> None:
    with pytest.raises(UsageError):
        KEY.public.encrypt(block)


def refused(ciphertext: bytes) -> None:
    with pytest.raises(SecurityError) as refusal:
        rsa.rsa_unpad(ciphertext, KEY, ENV)
    assert refusal.value.check == "rsa_pad"
    assert refusal.value.got is None


@settings(max_examples=30)
@given(st.integers(0, 2047))
@pytest.mark.requirement("AUTH-41")
def test_one_changed_bit_is_refused(bit: int) -> None:
    number = int.from_bytes(rsa.rsa_pad(b"data", KEY.public, ENV), "big") ^ 1 << bit
    refused(number.to_bytes(256, "big"))


@settings(max_examples=20)
@given(st.binary(min_size=250, max_size=260))
@pytest.mark.requirement("AUTH-41")
def test_random_bytes_are_refused(ciphertext: bytes) -> None:
    refused(ciphertext)


@pytest.mark.parametrize("length", [0, 255, 257])
@pytest.mark.requirement("AUTH-41")
def test_another_length_is_refused(length: int) -> None:
    refused(bytes(length))


@pytest.mark.requirement("AUTH-41")
def test_a_number_not_below_the_modulus_is_refused_although_it_has_a_power() -> None:
    one, n = (1).to_bytes(256, "big"), KEY.public.n
    assert KEY.decrypt(one, ENV) == one
    for number in (n, n + 1):
        refused(number.to_bytes(256, "big"))
        with pytest.raises(SecurityError):
            KEY.decrypt(number.to_bytes(256, "big"), ENV)


# the private operation


@pytest.mark.requirement("AUTH-94", "SEC-71")
def test_sec_71_each_private_operation_is_blinded_with_fresh_entropy() -> None:
    ciphertext = KEY.public.encrypt(b"\0" + b"m" * 255)
    r_1, r_2 = b"\1" * 256, b"\2" * 256
    powers = []

    class Watched(PrivateKey):
        def _power(self, number: int) -> int:
            powers.append(number)
            return super()._power(number)

    numbers = library_key().private_numbers()
    env = ScriptedEnvironment(entropy=[r_1, r_2])
    key = Watched(numbers.p, numbers.q)
    assert key.decrypt(ciphertext, env) == key.decrypt(ciphertext, env) == b"\0" + b"m" * 255
    assert len(set(powers)) == 2
    assert int.from_bytes(ciphertext, "big") not in powers


@pytest.mark.requirement("AUTH-94")
def test_a_factor_without_an_inverse_is_drawn_again() -> None:
    ciphertext = KEY.public.encrypt(b"\0" + b"m" * 255)
    numbers = library_key().private_numbers()
    env = ScriptedEnvironment(entropy=[bytes(256), numbers.p.to_bytes(256, "big"), b"\3" * 256])
    assert KEY.decrypt(ciphertext, env) == b"\0" + b"m" * 255


@pytest.mark.parametrize("slot", ["_d_p", "_d_q", "_q_inverse"])
@pytest.mark.requirement("AUTH-94", "SEC-71")
def test_auth_94_a_fault_in_the_computation_is_refused_like_a_wrong_ciphertext(slot: str) -> None:
    numbers = library_key().private_numbers()
    faulty = PrivateKey(numbers.p, numbers.q)
    setattr(faulty, slot, getattr(faulty, slot) + 2)
    with pytest.raises(SecurityError) as refusal:
        faulty.decrypt(KEY.public.encrypt(b"\0" + b"m" * 255), ENV)
    assert refusal.value.check == "rsa_pad"


@pytest.mark.requirement("AUTH-42")
def test_auth_42_the_legacy_block_is_opened_in_its_parts() -> None:
    data = b"data" * 20
    block = b"\0" + sha1(data).digest() + data + bytes(255 - 20 - len(data))
    opened = rsa.open_legacy(KEY.decrypt(KEY.public.encrypt(block), ENV))
    assert opened is not None
    digest, rest = opened
    assert digest == sha1(data).digest()
    assert rest.startswith(data) and len(rest) == 235
    assert rsa.open_legacy(b"\1" + block[1:]) is None
    assert rsa.open_rsa_pad(block) is None
