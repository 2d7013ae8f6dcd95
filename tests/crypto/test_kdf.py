"""Key derivation: the known answers of the specification; the vectors of kdf.json are run in tests/vectors."""

from __future__ import annotations

import pytest

from mtproto.crypto import kdf
from mtproto.crypto.aes import ige_encrypt
from mtproto.crypto.auth_key import AuthKey
from mtproto.message.envelope import seal_plaintext
from mtproto.roles import Role

KEY = AuthKey(bytes(range(256)))
PLAINTEXT = (
    bytes.fromhex("0807060504030201181716151413121164f70d00fcc0ab65000000000c000000ec77be7a8877665544332211")
    + b"\xaa" * 20
)

# MSG-19: msg_key, aes_key, aes_iv, beginning of the ciphertext
KNOWN = {
    Role.CLIENT: (
        "8e7f73a6cd7ce34766133d429cd0ac11",
        "12d3ff56765d2e52942e1d741fe929e9eb2a091416a96b13fe24e78abce9a4f6",
        "1fb15c581cb45993c3a16dccff82bce14a113491bab0ae6286315e378b3b9653",
        "8c6f92b0d0928effe459c4432b75015d2d981b452a1ef26535214be0d80cf675",
    ),
    Role.SERVER: (
        "3ae80844b9b83bc1420a028ceba745f6",
        "163f3451803d93d9bcab587863278928c34fb5f1d574ea2ec264bb01404bbc15",
        "639f6d7ed8f3583c38cd9a30463ea20ce316bb8dfac2a39c42220e776801a01a",
        "8506e694bb7019bb2dabbc38930409b9c5f4b415692b56a8eb36ea71265613e4",
    ),
}


def msg_key_large(key: AuthKey, sender: Role) -> bytes:
    return seal_plaintext(key, PLAINTEXT, sender)[1]


@pytest.mark.parametrize("role", Role)
@pytest.mark.requirement("MSG-04", "MSG-05", "MSG-19")
def test_the_known_message_of_msg_19_in_both_directions(role: Role) -> None:
    msg_key, aes_key, aes_iv, ciphertext = KNOWN[role]
    large = msg_key_large(KEY, role)
    assert large[8:24].hex() == msg_key
    derived = kdf.aes_key_iv(KEY.parts(role), large[8:24])
    assert [part.hex() for part in derived] == [aes_key, aes_iv]
    assert ige_encrypt(PLAINTEXT, *derived).hex().startswith(ciphertext)


@pytest.mark.requirement("TR-50", "MSG-19")
def test_the_quick_ack_token_of_msg_19() -> None:
    token = kdf.quick_ack_token(msg_key_large(KEY, Role.CLIENT))
    assert token.to_bytes(4, "little").hex() == "0b97bbe5"


@pytest.mark.requirement("TR-50")
def test_bit_31_of_a_quick_ack_token_is_always_set() -> None:
    assert kdf.quick_ack_token(bytes(32)) == 0x80000000
    assert kdf.quick_ack_token(b"\xff" * 32) == 0xFFFFFFFF


def test_a_derivation_leaves_no_trace_in_the_key() -> None:
    key = AuthKey(bytes(range(256)))
    first = [(msg_key_large(key, role), kdf.aes_key_iv(key.parts(role), bytes(16))) for role in Role]
    seal_plaintext(key, b"something else--", Role.CLIENT)
    kdf.aes_key_iv(key.parts(Role.SERVER), b"m" * 16)
    assert [(msg_key_large(key, role), kdf.aes_key_iv(key.parts(role), bytes(16))) for role in Role] == first


@pytest.mark.requirement("AUTH-20", "AUTH-33", "AUTH-71", "AUTH-73")
def test_the_temporary_key_of_auth_71() -> None:
    new_nonce = bytes.fromhex("845FAD32D10A4C7967DA49A89FBE508AD24AA3150992B499B3B2C72CDC0F364C")
    server_nonce = bytes.fromhex("D6701FCD212CEB87C966E5318F5564A8")
    assert [part.hex().upper() for part in kdf.tmp_aes_key_iv(new_nonce, server_nonce)] == [
        "D32E4A7F18252AE2B0406B84633E1117833ED75BDA40011D1E1700E3E08A8AE7",
        "4FFC40D969D49934ED3740FF66D9179947A5E1D85C4C7F15555920C1845FAD32",
    ]
    assert kdf.initial_salt(new_nonce, server_nonce).to_bytes(8, "little", signed=True).hex() == "522fb2fff026a7fe"


@pytest.mark.requirement("AUTH-33")
def test_a_salt_is_a_signed_number() -> None:
    assert kdf.initial_salt(b"\xff" * 32, bytes(16)) == -1
    assert kdf.initial_salt(b"\x7f" * 32, b"\x7f" * 16) == 0
