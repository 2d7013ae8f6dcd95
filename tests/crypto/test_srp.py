"""SRP (API-50 … API-57): the known answer, both roles against each other, and everything a client refuses (SEC-57)."""

from __future__ import annotations

from hashlib import sha256, sha512
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtproto.crypto import srp
from mtproto.crypto.dh import DH_PRIME, PUBLIC_VALUE_MARGIN, to_256
from mtproto.environment import SystemEnvironment
from mtproto.errors import SecurityError
from mtproto.testing import ScriptedEnvironment

ENV = SystemEnvironment()
KDF = srp.Kdf(bytes(range(0x28)), bytes(range(0x64, 0x74)), 3, DH_PRIME)
PASSWORD = b"correct horse"
P = KDF.prime
X = srp.password_hash(PASSWORD, KDF)
V = srp.verifier(X, KDF)
K = srp.multiplier(KDF)


def number(text: bytes) -> bytes:
    return sha512(text).digest() * 4


def hashed(value: int) -> str:
    return sha256(to_256(value)).hexdigest()


@pytest.mark.requirement("API-52", "API-53", "API-54", "API-57")
def test_the_known_answer() -> None:
    """API-57."""
    assert f"{X:064x}" == "8ca03febfef456d2c083862fb2a05133cdd6d61456376614d6248f7806f402d8"
    assert hashed(V) == "3f338531fcc7196cabf421f8b042eca7f7ac1727885a01c815816de8c6df97c3"
    assert f"{srp.multiplier(KDF):064x}" == "b9a87477bf585b87c1af9ea7d4850ff0edaa72f82e7afec3218091a79a5068b9"
    issued = srp.challenge(KDF, V, ScriptedEnvironment(entropy=[number(b"b")]))
    assert hashed(issued.B) == "0015e53b6e411ad88ef3230e228b18ee5dc502782e4ace8be34a8f91c9d8a8c4"
    proof = srp.prove(PASSWORD, KDF, to_256(issued.B), ScriptedEnvironment(entropy=[number(b"a")]))
    assert sha256(proof.A).hexdigest() == "fb1a2b8ca181ddad2ad15d422f330917decb84c03c8f00b51db561de420cc923"
    u = srp.scrambler(int.from_bytes(proof.A, "big"), issued.B)
    assert f"{u:064x}" == "9acb519915ed43cd4e3a813fc61c11cefb3f6b683f8f49e03799a64ed68abe79"
    secret = srp.server_secret(KDF, V, issued.b, u, int.from_bytes(proof.A, "big"))
    assert srp.session_key(secret).hex() == "1db891a67b5bbbb2f350e85990636e0636f3e235542620e01ef2b91e55e95f48"
    assert proof.M1.hex() == "a4b874dfb559101f199a244c1016caddc337d6a4837ad2d710a42458a9a68eac"
    assert srp.accepts(KDF, V, issued, proof)


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=256, max_size=256), st.binary(min_size=256, max_size=256))
def test_both_sides_come_to_the_same_secret(a: bytes, b: bytes) -> None:
    issued = srp.challenge(KDF, V, ScriptedEnvironment(entropy=[b], seed=b"b"))
    proof = srp.answer(KDF, X, issued.B, ScriptedEnvironment(entropy=[a], seed=b"a"))
    assert srp.accepts(KDF, V, issued, proof)
    wrong = srp.answer(KDF, X + 1, issued.B, ScriptedEnvironment(entropy=[a], seed=b"a"))
    assert not srp.accepts(KDF, V, issued, wrong)


@pytest.mark.requirement("API-53")
def test_values_out_of_range_are_drawn_again() -> None:
    """g^0 = 1 is no A (API-53)."""
    B = srp.challenge(KDF, V, ENV).B
    proof = srp.answer(KDF, X, B, ScriptedEnvironment(entropy=[bytes(256), number(b"a")]))
    assert int.from_bytes(proof.A, "big") == pow(3, int.from_bytes(number(b"a"), "big"), P)


@pytest.mark.parametrize("v", [V, 0, (1 - pow(3, int.from_bytes(number(b"c"), "big"), P)) * pow(K, -1, P) % P])
def test_a_challenge_that_clients_refuse_is_drawn_again(v: int) -> None:
    """b = 0 makes g^b = 1, and B too where v is 0; with the last v it is B alone that is 1, for b = c."""
    script = [bytes(256), number(b"c"), number(b"b")] if v not in (V, 0) else [bytes(256), number(b"b")]
    issued = srp.challenge(KDF, v, ScriptedEnvironment(entropy=script))
    assert issued.b == int.from_bytes(number(b"b"), "big")


@pytest.fixture
def no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be derived from the password."""

    def derived(*args: Any) -> bytes:
        raise RuntimeError("derived")

    monkeypatch.setattr(srp, "pbkdf2_hmac", derived)
    monkeypatch.setattr(srp, "_salted", derived)


@pytest.mark.requirement("API-51", "SEC-57")
@pytest.mark.usefixtures("no_password")
@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"p": DH_PRIME[:-1]}, "dh_prime"),
        ({"p": DH_PRIME[:-1] + b"\x5d"}, "dh_prime"),
        ({"p": b""}, "dh_prime"),
        ({"g": 2}, "dh_generator"),
        ({"g": 8}, "dh_generator"),
        ({"srp_B": b""}, "dh_public_value"),
        ({"srp_B": bytes(256)}, "dh_public_value"),
        ({"srp_B": to_256(P)}, "dh_public_value"),
        ({"srp_B": to_256(P - 1)}, "dh_public_value"),
        ({"srp_B": to_256(PUBLIC_VALUE_MARGIN - 1)}, "dh_public_value"),
        ({"srp_B": b"\0" + to_256(P // 2)}, "dh_public_value"),
    ],
)
def test_a_bad_group_or_challenge_is_refused_before_the_password_is_used(changes: dict[str, Any], check: str) -> None:
    fields: dict[str, Any] = {"g": 3, "p": DH_PRIME, "srp_B": to_256(P // 2), **changes}
    kdf = srp.Kdf(KDF.salt1, KDF.salt2, fields["g"], fields["p"])
    with pytest.raises(SecurityError) as caught:
        srp.prove(PASSWORD, kdf, fields["srp_B"], ENV)
    assert caught.value.check == check


@pytest.mark.requirement("API-53")
def test_a_challenge_that_leaves_no_base_is_refused() -> None:
    """B = k·v: the secret would not depend on b (API-53)."""
    with pytest.raises(SecurityError) as caught:
        srp.answer(KDF, X, srp.multiplier(KDF) * V % P, ENV)
    assert caught.value.check == "dh_public_value"


@pytest.mark.requirement("API-55")
@pytest.mark.parametrize("A", [b"", bytes(256), to_256(P), to_256(P + 1), b"\0" + to_256(5), b"\x01" + to_256(0)])
def test_a_proof_with_a_public_value_that_is_none_is_not_accepted(A: bytes) -> None:
    """API-55: for A = 0 modulo p the secret is 0, whatever the password: that proof is right but for its A."""
    issued = srp.challenge(KDF, V, ENV)
    value = int.from_bytes(A, "big")
    known = value if value < 1 << 2048 else 0
    M1 = srp.evidence(KDF, known, issued.B, srp.session_key(0))
    assert not srp.accepts(KDF, V, issued, srp.Proof(A, M1))


@pytest.mark.requirement("API-55")
def test_a_proof_of_another_attempt_is_not_accepted() -> None:
    first, second = srp.challenge(KDF, V, ENV), srp.challenge(KDF, V, ENV)
    proof = srp.answer(KDF, X, first.B, ENV)
    assert srp.accepts(KDF, V, first, proof)
    assert not srp.accepts(KDF, V, second, proof)
    assert not srp.accepts(KDF, V, first, srp.Proof(proof.A, proof.M1[:-1]))


@pytest.mark.requirement("API-56")
def test_a_new_password_has_salt_of_its_own() -> None:
    """API-56."""
    new = srp.Kdf(b"8 bytes.", b"16 bytes of salt", 3, DH_PRIME)
    kdf, v = srp.new_password(b"new", new, ScriptedEnvironment(entropy=[bytes(range(32))]))
    assert (kdf.salt1, kdf.salt2) == (b"8 bytes." + bytes(range(32)), b"16 bytes of salt")
    assert v == to_256(pow(3, srp.password_hash(b"new", kdf), P))
    with pytest.raises(SecurityError):
        srp.new_password(b"new", srp.Kdf(b"", b"", 2, DH_PRIME), ENV)


def test_nothing_secret_is_printed() -> None:
    issued = srp.challenge(KDF, V, ENV)
    proof = srp.answer(KDF, X, issued.B, ENV)
    assert (repr(issued), repr(proof)) == ("<Challenge>", "<Proof>")
