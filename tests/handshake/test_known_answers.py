"""The published run of AUTH-70..73, recomputed by the steps themselves."""

from __future__ import annotations

from hashlib import sha1, sha256

import pytest

from mtproto.crypto import dh, kdf
from mtproto.crypto.factor import factorize
from mtproto.handshake import client, protect, server
from mtproto.handshake.states import AwaitDHGen, AwaitDHParams, AwaitResPQ, Created, Offer
from mtproto.schema import mtproto as tl
from mtproto.testing import ScriptedEnvironment

NONCE = bytes.fromhex("15A084B3B9CA2A17F03925F44B78FE68")
SERVER_NONCE = bytes.fromhex("D6701FCD212CEB87C966E5318F5564A8")
NEW_NONCE = bytes.fromhex("845FAD32D10A4C7967DA49A89FBE508AD24AA3150992B499B3B2C72CDC0F364C")
PQ = (1468428376148703121).to_bytes(8, "big")
P, Q = (1008949199).to_bytes(4, "big"), (1455403679).to_bytes(4, "big")
SERVER_TIME = 1705754877
G_A = bytes.fromhex(
    "9828B2E4CAEC188BB94216F5E2DB632A17630A21FD00C67465E741D26137C8E2B757F349D8DD1B62B601642ACB9E3B39"
    "0ABF153D3A11615A128ED1D79379D763C14D2DF5CEF99C96945C51290C1FD82C4B482078863B2BC7022C7886C21C0F1D"
    "24814C768321C05934303E50AE22CBC83F2A3994BBC3C72E77BF10CDB695CBD86655D1BC0A083551E59D0FBFCFA13825"
    "A182105A78DA35AF5A15C064275B6E6729049C84209B898675C9110ADCD1CBB2AAB333C05D3E9F70D05FEE7C54EFCE92"
    "7E1B40A719D04D15C7E950EB885E60AAAE990231719DBDDD84C65B2F3A606FE1F78DEA7C8FAD25C1CD7876EB6F5A4627"
    "0B82D549E31EDD3C2DC2F82970A4999C"
)
B = bytes.fromhex(
    "A521C97B9D210812C56055C62FE8C3CE7FC97A75E51D4428F78F7D5F7325FCE03FF70D99039502FB75059DC40E36CF4F"
    "4D7A073937CC6DBC86AB864E7B3F26EFE833F766856033931BC41F031507DD571FCFEBB28F1B3DF1577A90C25B95C568"
    "94AAB64C681961AC68AFA9AADF03752D0E26EADD645A02D7895B64846EB83B3DDD458D856870CD8C0765B985C1ED50D5"
    "D802DDE67B159C899898A9B738D17802F3D50B83A868738D8502BBE33B8D7FBC3348E3E444352816FD84D300A2A8E211"
    "7CAC0EAEC654235183187D85548791BF25ABFD1AC97EAB7FA685F67A57E7BBE47B96A99B8F34B8EB523C18AEE074EABA"
    "CB6FA9A28A41F4F961F41D86B19F4EC1"
)
TMP_AES = kdf.tmp_aes_key_iv(NEW_NONCE, SERVER_NONCE)
AWAIT_DH_PARAMS = AwaitDHParams(
    nonce=NONCE, server_nonce=SERVER_NONCE, new_nonce=NEW_NONCE, dc=2, expires_in=None, fingerprint=0
)


def answer() -> tl.ServerDHParamsOk:
    inner = tl.ServerDHInnerData(
        nonce=NONCE, server_nonce=SERVER_NONCE, g=3, dh_prime=dh.DH_PRIME, g_a=G_A, server_time=SERVER_TIME
    )
    assert sha1(inner.to_bytes()).hexdigest().upper() == "ADDDF2FEB5E14F93EE8D3A5181F9D89A39E4439C"
    env = ScriptedEnvironment(entropy=[bytes.fromhex("7607B7374780E1C0")])
    encrypted = protect.protect_answer(inner, TMP_AES, env)
    return tl.ServerDHParamsOk(nonce=NONCE, server_nonce=SERVER_NONCE, encrypted_answer=encrypted)


def set_client_dh_params() -> tuple[tl.SetClientDHParams, AwaitDHGen]:
    env = ScriptedEnvironment(unix_time=SERVER_TIME - 7, entropy=[B, bytes.fromhex("C320374A97C7BB863CFF9F97")])
    return client.on_server_dh_params(AWAIT_DH_PARAMS, answer(), env)


@pytest.mark.requirement("AUTH-15", "AUTH-70")
def test_auth_70_the_inner_data() -> None:
    opened = tl.ResPQ(nonce=NONCE, server_nonce=SERVER_NONCE, pq=PQ, server_public_key_fingerprints=[])
    assert factorize(PQ) == (P, Q)
    data = client.pq_inner_data(AwaitResPQ(NONCE, 2, None), opened, P, Q, NEW_NONCE).to_bytes()
    head = bytes.fromhex("955FF5A9081460E7D3FA727791000000043C2357CF0000000456BFB29F000000")
    assert data == head + NONCE + SERVER_NONCE + NEW_NONCE + bytes.fromhex("02000000")
    assert len(data) == 100


@pytest.mark.requirement("AUTH-20", "AUTH-71")
def test_auth_71_the_temporary_key() -> None:
    assert (
        bytes.fromhex("D32E4A7F18252AE2B0406B84633E1117833ED75BDA40011D1E1700E3E08A8AE7"),
        bytes.fromhex("4FFC40D969D49934ED3740FF66D9179947A5E1D85C4C7F15555920C1845FAD32"),
    ) == TMP_AES


@pytest.mark.requirement("AUTH-21", "AUTH-23", "AUTH-25", "AUTH-26", "AUTH-27", "AUTH-72")
def test_auth_72_the_answer_the_client_data_and_the_key() -> None:
    encrypted = answer().encrypted_answer
    assert len(encrypted) == 592
    assert encrypted.startswith(bytes.fromhex("FEF627AC3A88027BC6583F95D82E6100"))
    assert encrypted.endswith(bytes.fromhex("A039F21BCA129FCB"))
    assert sha256(encrypted).hexdigest() == "65bcf017b3ac1fb94433812dc74402e481d8cf2311ac06967a65157703ae2bdc"

    query, state = set_client_dh_params()
    assert state.agreed.time_offset == 7.0
    g_b = protect.open_client_data(query.encrypted_data, TMP_AES).g_b
    assert sha256(g_b).hexdigest() == "7a31580516b65a718967f33b348e0b8c0c5e09c6f8419c4e7421ee5eb691b743"
    assert len(query.encrypted_data) == 336
    assert query.encrypted_data.startswith(bytes.fromhex("79CA5B557095AD847C53D6308A38B62F"))
    digest = sha256(query.encrypted_data).hexdigest()
    assert digest == "adfd9fdd162efeefc52bd6f00e81cd262b1c42485cfd68ee65b1472a5a664077"

    key = state.auth_key
    assert key.data.startswith(bytes.fromhex("77379866D71627E6C3635361F9681B03"))
    assert sha256(key.data).hexdigest() == "deb2631ccf3612ce6aec7e164aa1f06c69f4475891fc409e37de66bc489fd077"
    assert key.auth_key_id.to_bytes(8, "little", signed=True).hex() == "8ae7a271969a9b1f"
    assert key.aux_hash.to_bytes(8, "little", signed=True).hex() == "26d6ceeff1381295"


@pytest.mark.requirement("AUTH-28", "AUTH-33", "AUTH-73")
def test_auth_73_the_hashes_in_the_last_answer_and_the_first_salt() -> None:
    _, state = set_client_dh_params()
    offer = Offer(
        nonce=NONCE, server_nonce=SERVER_NONCE, new_nonce=NEW_NONCE, dc=2, expires_in=None, fingerprint=0,
        dh_prime=0, a=0, server_time=SERVER_TIME,
    )  # fmt: skip
    ok = server.dh_gen_ok(offer, state.auth_key)
    assert ok.new_nonce_hash1 == bytes.fromhex("677F483BB89FD206B244A2D1AC38CB31")
    retry = server.dh_gen_retry(offer, state.auth_key)
    assert retry.new_nonce_hash2 == bytes.fromhex("5F76F126317168F0B0AA0F8A7CDE8D52")
    fail = server.dh_gen_fail(offer, state.auth_key)
    assert fail.new_nonce_hash3 == bytes.fromhex("F0D720C06E826B5920C6020C882ACBE6")

    created = client.on_dh_gen(state, ok, ScriptedEnvironment())
    assert isinstance(created, Created)
    assert created.server_salt.to_bytes(8, "little", signed=True).hex() == "522fb2fff026a7fe"
    assert created.server_time == SERVER_TIME
