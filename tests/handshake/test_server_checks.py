"""What the server refuses, step by step: every field of every query, by the name of its check."""

from __future__ import annotations

from hashlib import sha1

import pytest

from mtproto.crypto import aes, kdf, rsa
from mtproto.crypto.dh import DH_PRIME, PUBLIC_VALUE_MARGIN
from mtproto.errors import DecodeError, SecurityError, TransportFault
from mtproto.handshake import client, protect, server
from mtproto.handshake.states import Created
from mtproto.schema import mtproto as tl

from .rig import KEY, OTHER_KEY, changed, client_env, flipped, refused, server_env, walk

RUN = walk()
TEMP = walk(3600)
TMP_AES = kdf.tmp_aes_key_iv(RUN.client_2.new_nonce, RUN.client_2.server_nonce)
CLIENT_DATA = protect.open_client_data(RUN.set_dh.encrypted_data, TMP_AES)
P = int.from_bytes(DH_PRIME, "big")
LEGACY_TERMS = server.Terms([KEY], dcs={2}, accept_legacy=True)


def on_req_dh(query: tl.ReqDHParams, terms: server.Terms = RUN.terms) -> protect.PQInner:
    return server.open_req_dh_params(RUN.server_1, query, terms, server_env())


def on_inner(inner: protect.PQInner, terms: server.Terms = RUN.terms) -> protect.PQInner:
    encrypted = protect.protect_pq_inner_data(inner, KEY.public, client_env())
    return on_req_dh(changed(RUN.req_dh, encrypted_data=encrypted), terms)


def on_set_dh(query: tl.SetClientDHParams) -> object:
    return server.on_set_client_dh_params(RUN.server_2, query, lambda key: False)


def on_client_data(**fields: object) -> object:
    encrypted = protect.protect_client_data(changed(CLIENT_DATA, **fields), TMP_AES, client_env())
    return on_set_dh(changed(RUN.set_dh, encrypted_data=encrypted))


def without_dc(inner: protect.PQInner) -> tl.PQInnerData:
    names = ("pq", "p", "q", "nonce", "server_nonce", "new_nonce")
    return tl.PQInnerData(**{name: getattr(inner, name) for name in names})


def legacy(data: bytes) -> tl.ReqDHParams:
    """req_DH_params with the padding that published clients still use: 0, SHA1(data), data, anything."""
    block = b"\0" + sha1(data).digest() + data
    encrypted = KEY.public.encrypt(block + b"\x77" * (256 - len(block)))
    return changed(RUN.req_dh, encrypted_data=encrypted)


class TestReqDHParams:
    @pytest.mark.parametrize("index", range(16))
    @pytest.mark.requirement("AUTH-93")
    def test_each_byte_of_the_outer_nonces_counts(self, index: int) -> None:
        refused("nonce_mismatch", on_req_dh, changed(RUN.req_dh, nonce=flipped(RUN.req_dh.nonce, index)))
        query = changed(RUN.req_dh, server_nonce=flipped(RUN.req_dh.server_nonce, index))
        refused("server_nonce_mismatch", on_req_dh, query)

    @pytest.mark.parametrize("field", ["p", "q"])
    @pytest.mark.requirement("AUTH-93")
    def test_p_and_q_must_be_those_of_the_run(self, field: str) -> None:
        value = getattr(RUN.req_dh, field)
        for other in (b"", b"\0" + value, flipped(value, 0), flipped(value, len(value) - 1)):
            refused("pq", on_req_dh, changed(RUN.req_dh, **{field: other}))
        refused("pq", on_req_dh, changed(RUN.req_dh, p=RUN.req_dh.q, q=RUN.req_dh.p))
        refused("pq", on_req_dh, changed(RUN.req_dh, p=b"\1", q=RUN.res_pq.pq))

    @pytest.mark.requirement("AUTH-93")
    def test_the_fingerprint_must_be_one_that_was_offered(self) -> None:
        query = changed(RUN.req_dh, public_key_fingerprint=OTHER_KEY.public.fingerprint)
        refused("unknown_public_key", on_req_dh, query)

    @pytest.mark.parametrize("index", [0, 1, 31, 32, 100, 200, 254, 255])
    @pytest.mark.requirement("AUTH-41", "AUTH-93")
    def test_a_flip_in_the_encrypted_data_is_noticed(self, index: int) -> None:
        encrypted = flipped(RUN.req_dh.encrypted_data, index)
        refused("rsa_pad", on_req_dh, changed(RUN.req_dh, encrypted_data=encrypted))

    @pytest.mark.parametrize("encrypted", [b"", bytes(255), bytes(257), b"\xff" * 256, bytes(256), bytes(4096)])
    @pytest.mark.requirement("AUTH-41", "SEC-71")
    def test_a_wrong_length_or_a_number_not_below_n_is_refused(self, encrypted: bytes) -> None:
        refused("rsa_pad", on_req_dh, changed(RUN.req_dh, encrypted_data=encrypted))

    @pytest.mark.requirement("AUTH-41")
    def test_data_under_another_key_is_refused(self) -> None:
        encrypted = protect.protect_pq_inner_data(RUN.pq_inner, OTHER_KEY.public, client_env())
        refused("rsa_pad", on_req_dh, changed(RUN.req_dh, encrypted_data=encrypted))

    @pytest.mark.parametrize(
        ("field", "check"),
        [
            ("nonce", "nonce_mismatch"),
            ("server_nonce", "server_nonce_mismatch"),
            ("pq", "pq"),
            ("p", "pq"),
            ("q", "pq"),
        ],
    )
    @pytest.mark.requirement("AUTH-93")
    def test_each_inner_field_must_be_that_of_the_run(self, field: str, check: str) -> None:
        value = getattr(RUN.pq_inner, field)
        for index in range(len(value)):
            refused(check, on_inner, changed(RUN.pq_inner, **{field: flipped(value, index)}))
        if check == "pq":
            refused(check, on_inner, changed(RUN.pq_inner, **{field: b"\0" + value}))

    @pytest.mark.parametrize("dc", [0, 1, -2, 10002, 2**31 - 1, -(2**31)])
    @pytest.mark.requirement("AUTH-93")
    def test_a_dc_that_is_not_served_is_a_444(self, dc: int) -> None:
        with pytest.raises(TransportFault) as caught:
            on_inner(changed(RUN.pq_inner, dc=dc))
        assert caught.value.code == -444

    @pytest.mark.parametrize("expires_in", [-(2**31), -1, 0, 59, 172_801, 2**31 - 1])
    @pytest.mark.requirement("AUTH-93")
    def test_a_temporary_key_lives_a_minute_to_two_days(self, expires_in: int) -> None:
        error = refused(
            "step",
            lambda inner: server.open_req_dh_params(
                TEMP.server_1,
                changed(TEMP.req_dh, encrypted_data=protect.protect_pq_inner_data(inner, KEY.public, client_env())),
                TEMP.terms,
                server_env(),
            ),
            changed(TEMP.pq_inner, expires_in=expires_in),
        )
        assert error.got == expires_in

    @pytest.mark.requirement("AUTH-93")
    def test_the_two_ends_of_that_range_are_accepted(self) -> None:
        for expires_in in (60, 172_800):
            inner = changed(TEMP.pq_inner, expires_in=expires_in)
            encrypted = protect.protect_pq_inner_data(inner, KEY.public, client_env())
            query = changed(TEMP.req_dh, encrypted_data=encrypted)
            opened = server.open_req_dh_params(TEMP.server_1, query, TEMP.terms, server_env())
            assert server.asked(opened) == (2, expires_in)

    def test_another_new_nonce_is_noticed_by_the_client(self) -> None:
        inner = changed(RUN.pq_inner, new_nonce=flipped(RUN.pq_inner.new_nonce, 31))
        secret = protect.draw_exponent(3, P, server_env())
        answer, _ = server.server_dh_params(inner, 0, secret, RUN.terms, server_env())
        refused("answer_hash", client.on_server_dh_params, RUN.client_2, answer, client_env())

    def test_authentic_data_that_is_no_inner_data_is_refused(self) -> None:
        for data, error in ((RUN.req_pq.to_bytes(), SecurityError), (b"\xff" * 100, DecodeError)):
            encrypted = rsa.rsa_pad(data, KEY.public, client_env())
            with pytest.raises(error):
                on_req_dh(changed(RUN.req_dh, encrypted_data=encrypted), LEGACY_TERMS)


class TestLegacyForms:
    @pytest.mark.requirement("AUTH-42", "SEC-71", "SEC-77")
    def test_the_old_padding_and_forms_without_dc_are_refused_by_default(self) -> None:
        inner = without_dc(RUN.pq_inner)
        refused("rsa_pad", on_req_dh, legacy(inner.to_bytes()))
        refused("rsa_pad", on_req_dh, legacy(RUN.pq_inner.to_bytes()))
        refused("step", on_inner, inner)

    @pytest.mark.requirement("AUTH-42")
    def test_they_are_accepted_where_that_was_chosen(self) -> None:
        inner = without_dc(RUN.pq_inner)
        assert on_req_dh(legacy(inner.to_bytes()), LEGACY_TERMS) == inner
        assert on_req_dh(legacy(RUN.pq_inner.to_bytes()), LEGACY_TERMS) == RUN.pq_inner
        assert on_inner(inner, LEGACY_TERMS) == inner
        assert server.asked(inner) == (None, None)
        names = ("pq", "p", "q", "nonce", "server_nonce", "new_nonce")
        temporary = tl.PQInnerDataTemp(**{name: getattr(inner, name) for name in names}, expires_in=600)
        assert server.asked(on_req_dh(legacy(temporary.to_bytes()), LEGACY_TERMS)) == (None, 600)

    @pytest.mark.requirement("AUTH-42")
    def test_every_other_check_stays(self) -> None:
        inner = without_dc(RUN.pq_inner)
        for field, check in (("nonce", "nonce_mismatch"), ("server_nonce", "server_nonce_mismatch"), ("pq", "pq")):
            wrong = changed(inner, **{field: flipped(getattr(inner, field), 0)})
            refused(check, on_req_dh, legacy(wrong.to_bytes()), LEGACY_TERMS)
        with pytest.raises(TransportFault):
            on_req_dh(legacy(changed(RUN.pq_inner, dc=3).to_bytes()), LEGACY_TERMS)

    @pytest.mark.requirement("AUTH-42")
    def test_the_hash_and_the_first_byte_of_the_old_padding_count(self) -> None:
        data = without_dc(RUN.pq_inner).to_bytes()
        block = b"\0" + sha1(data).digest() + data
        for wrong in (b"\1" + block[1:], flipped(block, 1), flipped(block, 20), flipped(block, 21), block[:-4]):
            encrypted = KEY.public.encrypt(wrong + bytes(256 - len(wrong)))
            refused("rsa_pad", on_req_dh, changed(RUN.req_dh, encrypted_data=encrypted), LEGACY_TERMS)


class TestSetClientDHParams:
    @pytest.mark.parametrize("index", range(16))
    @pytest.mark.requirement("AUTH-96")
    def test_each_byte_of_the_nonces_counts_outside_and_inside(self, index: int) -> None:
        refused("nonce_mismatch", on_set_dh, changed(RUN.set_dh, nonce=flipped(RUN.set_dh.nonce, index)))
        query = changed(RUN.set_dh, server_nonce=flipped(RUN.set_dh.server_nonce, index))
        refused("server_nonce_mismatch", on_set_dh, query)
        with pytest.raises(SecurityError, match="security check nonce_mismatch"):
            on_client_data(nonce=flipped(CLIENT_DATA.nonce, index))
        with pytest.raises(SecurityError, match="security check server_nonce_mismatch"):
            on_client_data(server_nonce=flipped(CLIENT_DATA.server_nonce, index))

    @pytest.mark.parametrize("length", [0, 16, 335, 337, 1040, 2**20])
    @pytest.mark.requirement("AUTH-96")
    def test_a_wrong_length_is_refused(self, length: int) -> None:
        refused("client_hash", on_set_dh, changed(RUN.set_dh, encrypted_data=bytes(length)))

    @pytest.mark.requirement("AUTH-96")
    def test_a_flip_in_any_block_is_noticed(self) -> None:
        encrypted = RUN.set_dh.encrypted_data
        for index in range(0, len(encrypted), 16):
            query = changed(RUN.set_dh, encrypted_data=flipped(encrypted, index + 7, 0x80))
            refused("client_hash", on_set_dh, query)

    @pytest.mark.requirement("AUTH-96")
    def test_wrong_hash_and_long_padding_are_one_check(self) -> None:
        plain = aes.ige_decrypt(RUN.set_dh.encrypted_data, *TMP_AES)
        for wrong in (flipped(plain, 0), flipped(plain, 19), plain + bytes(16)):
            query = changed(RUN.set_dh, encrypted_data=aes.ige_encrypt(wrong, *TMP_AES))
            refused("client_hash", on_set_dh, query)

    @pytest.mark.parametrize("retry_id", [1, -1, 2**63 - 1])
    @pytest.mark.requirement("AUTH-96")
    def test_the_first_attempt_has_retry_id_0(self, retry_id: int) -> None:
        with pytest.raises(SecurityError, match="step") as caught:
            on_client_data(retry_id=retry_id)
        assert (caught.value.got, caught.value.expected) == (None, None)

    @pytest.mark.requirement("AUTH-96")
    def test_the_next_attempt_has_the_aux_hash_of_the_refused_key(self) -> None:
        _, state = server.on_set_client_dh_params(RUN.server_2, RUN.set_dh, lambda key: True)
        with pytest.raises(SecurityError, match="step"):
            server.on_set_client_dh_params(state, RUN.set_dh, lambda key: False)  # type: ignore[arg-type]
        inner = changed(CLIENT_DATA, retry_id=RUN.created.auth_key.aux_hash)
        query = changed(RUN.set_dh, encrypted_data=protect.protect_client_data(inner, TMP_AES, client_env()))
        _, created = server.on_set_client_dh_params(state, query, lambda key: False)  # type: ignore[arg-type]
        assert isinstance(created, Created)

    @pytest.mark.parametrize(
        "g_b",
        [b"", b"\1", b"\3", *((P + d).to_bytes(256, "big") for d in (-1, 0, 1)),
         (PUBLIC_VALUE_MARGIN - 1).to_bytes(248, "big"), (P - PUBLIC_VALUE_MARGIN + 1).to_bytes(256, "big"),
         bytes(1) + CLIENT_DATA.g_b],
        ids=["empty", "1", "3", "p-1", "p", "p+1", "2^1984-1", "p-2^1984+1", "257 bytes"],
    )  # fmt: skip
    @pytest.mark.requirement("AUTH-52", "AUTH-96")
    def test_g_b_out_of_range_is_refused(self, g_b: bytes) -> None:
        with pytest.raises(SecurityError, match="dh_public_value"):
            on_client_data(g_b=g_b)
