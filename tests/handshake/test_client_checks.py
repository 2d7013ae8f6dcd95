"""What the client refuses, step by step: every field of every answer, by the name of its check."""

from __future__ import annotations

from typing import Any

import pytest

from mtproto.crypto import aes, kdf
from mtproto.crypto.dh import DH_PRIME, PUBLIC_VALUE_MARGIN
from mtproto.crypto.rsa import PublicKeys
from mtproto.errors import DecodeError, HandshakeRefused, SecurityError, UnknownConstructor
from mtproto.handshake import client, protect, server
from mtproto.handshake.exchange import advance
from mtproto.handshake.states import AwaitDHGen, AwaitDHParams, AwaitResPQ, Created
from mtproto.schema import mtproto as tl
from mtproto.tl.objects import TLObject

from .rig import KEY, KEYS, NOW, OTHER_KEY, changed, client_env, flipped, refused, server_env, walk

RUN = walk()
TMP_AES = kdf.tmp_aes_key_iv(RUN.client_2.new_nonce, RUN.client_2.server_nonce)
P = int.from_bytes(DH_PRIME, "big")
ANSWER = protect.open_answer(RUN.dh_ok.encrypted_answer, TMP_AES)


def on_res_pq(answer: tl.ResPQ) -> object:
    return client.on_res_pq(RUN.client_1, answer, KEYS, client_env())


def on_dh_params(answer: tl.ServerDHParamsOk | tl.ServerDHParamsFail) -> Any:
    return client.on_server_dh_params(RUN.client_2, answer, client_env())


def on_inner(**fields: object) -> Any:
    """An authentic answer whose inner data has other values in these fields."""
    return on_data(changed(ANSWER, **fields).to_bytes())


def on_data(data: bytes) -> Any:
    encrypted = protect.protect_hashed(data, TMP_AES, server_env())
    return on_dh_params(changed(RUN.dh_ok, encrypted_answer=encrypted))


def on_dh_gen(answer: tl.DhGenOk | tl.DhGenRetry | tl.DhGenFail) -> Any:
    return client.on_dh_gen(RUN.client_3, answer, client_env())


class TestResPQ:
    @pytest.mark.parametrize("index", range(16))
    @pytest.mark.requirement("AUTH-11", "SEC-01")
    def test_each_byte_of_the_nonce_counts(self, index: int) -> None:
        refused("nonce_mismatch", on_res_pq, changed(RUN.res_pq, nonce=flipped(RUN.res_pq.nonce, index)))

    @pytest.mark.parametrize(
        "fingerprints",
        [[], [1], [OTHER_KEY.public.fingerprint], [KEY.public.fingerprint] * 65, list(range(100_000))],
        ids=["none", "unknown", "another key", "65", "100000"],
    )
    @pytest.mark.requirement("AUTH-11", "AUTH-12", "SEC-05")
    def test_only_a_short_list_with_a_trusted_key_will_do(self, fingerprints: list[int]) -> None:
        answer = changed(RUN.res_pq, server_public_key_fingerprints=fingerprints)
        refused("unknown_public_key", on_res_pq, answer)

    @pytest.mark.requirement("AUTH-11")
    def test_64_fingerprints_are_read_to_the_last(self) -> None:
        on_res_pq(changed(RUN.res_pq, server_public_key_fingerprints=[*range(63), KEY.public.fingerprint]))

    @pytest.mark.parametrize(
        "pq",
        [
            b"",
            b"\0",
            b"\1",
            b"\4",
            (2 * 0x4262AE9F).to_bytes(8, "big"),
            (0x7FFFFFFF).to_bytes(4, "big"),
            (0x7FFFFFFF**2).to_bytes(8, "big"),
            (3 * 5 * 0x4262AE9F).to_bytes(8, "big"),
            (2**64 - 59).to_bytes(8, "big"),
            (2**64 + 13).to_bytes(9, "big"),
            bytes.fromhex("f1" * 16),
            bytes(100) + RUN.res_pq.pq,
        ],
        ids=["empty", "0", "1", "4", "even", "prime", "p*p", "three primes", "prime of 64 bits", "65 bits", "128 bits",
             "100 zeros before it"],
    )  # fmt: skip
    @pytest.mark.requirement("AUTH-11", "AUTH-13", "SEC-06")
    def test_pq_must_be_two_odd_primes_in_at_most_8_bytes(self, pq: bytes) -> None:
        refused("pq", on_res_pq, changed(RUN.res_pq, pq=pq))

    @pytest.mark.requirement("TL-41", "AUTH-17")
    def test_leading_zeros_of_pq_are_copied_byte_for_byte(self) -> None:
        answer = changed(RUN.res_pq, pq=bytes(24) + RUN.res_pq.pq)
        query, _ = client.on_res_pq(RUN.client_1, answer, KEYS, client_env())
        inner = protect.open_pq_inner_data(query.encrypted_data, KEY, server_env(), accept_legacy=False)
        assert inner.pq == bytes(24) + RUN.res_pq.pq
        assert (query.p, query.q) == (RUN.server_1.p, RUN.server_1.q)

    @pytest.mark.parametrize("index", [0, 15])
    @pytest.mark.requirement("AUTH-93")
    def test_another_server_nonce_is_noticed_by_the_server(self, index: int) -> None:
        answer = changed(RUN.res_pq, server_nonce=flipped(RUN.res_pq.server_nonce, index))
        query, _ = client.on_res_pq(RUN.client_1, answer, KEYS, client_env())
        refused("server_nonce_mismatch", server.open_req_dh_params, RUN.server_1, query, RUN.terms, server_env())

    @pytest.mark.requirement("AUTH-15", "AUTH-18", "AUTH-42", "SEC-18")
    def test_the_inner_data_names_the_dc_and_never_uses_the_old_padding(self) -> None:
        permanent = protect.open_pq_inner_data(RUN.req_dh.encrypted_data, KEY, server_env(), accept_legacy=False)
        assert isinstance(permanent, tl.PQInnerDataDc)
        assert permanent.dc == 2
        temporary = walk(3600).pq_inner
        assert isinstance(temporary, tl.PQInnerDataTempDc)
        assert (temporary.dc, temporary.expires_in) == (2, 3600)


class TestServerDHParams:
    @pytest.mark.parametrize("index", range(16))
    @pytest.mark.requirement("AUTH-19", "SEC-02")
    def test_each_byte_of_the_outer_nonces_counts(self, index: int) -> None:
        refused("nonce_mismatch", on_dh_params, changed(RUN.dh_ok, nonce=flipped(RUN.dh_ok.nonce, index)))
        answer = changed(RUN.dh_ok, server_nonce=flipped(RUN.dh_ok.server_nonce, index))
        refused("server_nonce_mismatch", on_dh_params, answer)

    @pytest.mark.parametrize("index", [0, 15])
    @pytest.mark.requirement("AUTH-22", "SEC-03")
    def test_the_nonces_inside_the_answer_count_too(self, index: int) -> None:
        with pytest.raises(SecurityError, match="security check nonce_mismatch"):
            on_inner(nonce=flipped(ANSWER.nonce, index))
        with pytest.raises(SecurityError, match="security check server_nonce_mismatch"):
            on_inner(server_nonce=flipped(ANSWER.server_nonce, index))

    @pytest.mark.parametrize("length", [0, 16, 48, 63, 65, 591, 593, 1040, 16 * 2**20])
    @pytest.mark.requirement("AUTH-19", "SEC-07")
    def test_the_encrypted_answer_has_a_multiple_of_16_from_64_to_1024_bytes(self, length: int) -> None:
        error = refused("answer_length", on_dh_params, changed(RUN.dh_ok, encrypted_answer=bytes(length)))
        assert error.got == length

    @pytest.mark.requirement("AUTH-21", "SEC-08")
    def test_a_flip_in_any_block_of_the_answer_is_noticed(self) -> None:
        encrypted = RUN.dh_ok.encrypted_answer
        for index in range(0, len(encrypted), 16):
            answer = changed(RUN.dh_ok, encrypted_answer=flipped(encrypted, index + 3, 0x40))
            refused("answer_hash", on_dh_params, answer)

    @pytest.mark.requirement("AUTH-21", "SEC-08")
    def test_a_wrong_hash_is_noticed_with_the_rest_unchanged(self) -> None:
        plain = aes.ige_decrypt(RUN.dh_ok.encrypted_answer, *TMP_AES)
        for index in range(20):
            encrypted = aes.ige_encrypt(flipped(plain, index), *TMP_AES)
            refused("answer_hash", on_dh_params, changed(RUN.dh_ok, encrypted_answer=encrypted))

    @pytest.mark.parametrize("more", [16, 32, 240])
    @pytest.mark.requirement("AUTH-21", "SEC-09")
    def test_more_than_15_bytes_of_padding_are_refused(self, more: int) -> None:
        plain = aes.ige_decrypt(RUN.dh_ok.encrypted_answer, *TMP_AES)
        encrypted = aes.ige_encrypt(plain + bytes(more), *TMP_AES)
        error = refused("answer_padding", on_dh_params, changed(RUN.dh_ok, encrypted_answer=encrypted))
        assert error.got == len(plain) - 20 - len(ANSWER.to_bytes()) + more

    @pytest.mark.requirement("AUTH-21", "SEC-09")
    def test_a_hash_over_more_than_the_object_is_refused(self) -> None:
        with pytest.raises(SecurityError, match="answer_hash"):
            on_data(ANSWER.to_bytes() + bytes(4))

    @pytest.mark.requirement("AUTH-36")
    def test_authentic_bytes_that_are_no_answer_are_refused(self) -> None:
        with pytest.raises(SecurityError, match="step"):
            on_data(RUN.req_dh.to_bytes())
        with pytest.raises(UnknownConstructor):
            on_data(b"\xff" * 64)
        with pytest.raises(DecodeError):
            on_data(ANSWER.to_bytes()[:-4])

    @pytest.mark.parametrize("g", [0, 1, 8, -1, -3, 2**31 - 1, 2, 5, 6])
    @pytest.mark.requirement("AUTH-51", "SEC-11")
    def test_g_must_be_a_quadratic_residue_from_2_to_7(self, g: int) -> None:
        with pytest.raises(SecurityError, match="dh_generator"):
            on_inner(g=g)

    @pytest.mark.parametrize("g", [3, 4, 7])
    @pytest.mark.requirement("AUTH-51")
    def test_the_good_generators_of_the_known_prime_are_taken(self, g: int) -> None:
        on_inner(g=g)

    @pytest.mark.parametrize(
        "prime",
        [b"", DH_PRIME[1:], b"\1" + DH_PRIME, bytes((0x47,)) + DH_PRIME[1:], DH_PRIME[:-1] + b"\x5a", b"\xff" * 256,
         flipped(DH_PRIME, 100), (P - 12).to_bytes(256, "big"), b"\x80" * 300],
        ids=["empty", "2040 bits", "2049 bits", "2047 bits", "even", "2^2048-1", "a bit flipped", "a smaller number",
             "300 bytes"],
    )  # fmt: skip
    @pytest.mark.requirement("AUTH-50", "SEC-10")
    def test_any_other_prime_is_refused(self, prime: bytes) -> None:
        with pytest.raises(SecurityError, match=r"dh_prime|dh_generator"):
            on_inner(g=4, dh_prime=prime)

    @pytest.mark.requirement("SEC-10")
    def test_leading_zeros_of_the_right_prime_are_accepted(self) -> None:
        on_inner(dh_prime=bytes(8) + DH_PRIME)

    @pytest.mark.parametrize(
        "g_a",
        [b"", b"\0", b"\1", b"\2", *((P + d).to_bytes(256, "big") for d in (-1, 0, 1)),
         (PUBLIC_VALUE_MARGIN - 1).to_bytes(248, "big"), (P - PUBLIC_VALUE_MARGIN + 1).to_bytes(256, "big"),
         bytes(1) + ANSWER.g_a],
        ids=["empty", "0", "1", "2", "p-1", "p", "p+1", "2^1984-1", "p-2^1984+1", "257 bytes"],
    )  # fmt: skip
    @pytest.mark.requirement("AUTH-52", "SEC-12")
    def test_g_a_out_of_range_is_refused(self, g_a: bytes) -> None:
        with pytest.raises(SecurityError, match="dh_public_value"):
            on_inner(g_a=g_a)

    @pytest.mark.parametrize("g_a", [PUBLIC_VALUE_MARGIN, P - PUBLIC_VALUE_MARGIN])
    @pytest.mark.requirement("AUTH-52")
    def test_the_boundary_values_of_g_a_are_accepted(self, g_a: int) -> None:
        on_inner(g_a=g_a.to_bytes(256, "big"))

    @pytest.mark.parametrize("server_time", [0, -1, -(2**31), 2**31 - 1, int(NOW) - 365 * 86400])
    @pytest.mark.requirement("AUTH-23", "SEC-15")
    def test_an_authentic_server_time_is_taken_whatever_it_says(self, server_time: int) -> None:
        _, state = on_inner(server_time=server_time)
        assert state.agreed.server_time == server_time
        assert state.agreed.time_offset == server_time - (NOW - 1000.5)

    @pytest.mark.requirement("AUTH-24")
    def test_a_public_value_of_our_own_out_of_range_is_drawn_again(self) -> None:
        env = client_env(entropy=[bytes(256), bytes(255) + b"\1"])  # g_b would be 1, then g
        query, _ = client.on_server_dh_params(RUN.client_2, RUN.dh_ok, env)
        g_b = int.from_bytes(protect.open_client_data(query.encrypted_data, TMP_AES).g_b, "big")
        assert PUBLIC_VALUE_MARGIN <= g_b <= P - PUBLIC_VALUE_MARGIN

    @pytest.mark.requirement("AUTH-32")
    def test_server_dh_params_fail_ends_the_run_only_when_it_is_authentic(self) -> None:
        fail = tl.ServerDHParamsFail(
            nonce=RUN.client_2.nonce,
            server_nonce=RUN.client_2.server_nonce,
            new_nonce_hash=kdf.new_nonce_hash_fail(RUN.client_2.new_nonce),
        )
        with pytest.raises(HandshakeRefused) as caught:
            on_dh_params(fail)
        assert caught.value.answer == "server_DH_params_fail"
        refused("nonce_mismatch", on_dh_params, changed(fail, nonce=bytes(16)))
        refused("server_nonce_mismatch", on_dh_params, changed(fail, server_nonce=bytes(16)))
        for index in range(16):
            wrong = changed(fail, new_nonce_hash=flipped(fail.new_nonce_hash, index))
            refused("new_nonce_hash", on_dh_params, wrong)


NUMBERED: dict[int, Any] = {1: tl.DhGenOk, 2: tl.DhGenRetry, 3: tl.DhGenFail}


def dh_gen(constructor: int, *, hash_number: int) -> Any:
    value = kdf.new_nonce_hash(RUN.client_2.new_nonce, hash_number, RUN.client_3.auth_key)
    name = f"new_nonce_hash{constructor}"
    return NUMBERED[constructor](nonce=RUN.client_2.nonce, server_nonce=RUN.client_2.server_nonce, **{name: value})


class TestDhGen:
    @pytest.mark.parametrize("constructor", [1, 2, 3])
    @pytest.mark.requirement("AUTH-29", "AUTH-30", "AUTH-31", "SEC-04", "SEC-13")
    def test_each_field_counts_in_each_answer(self, constructor: int) -> None:
        answer = dh_gen(constructor, hash_number=constructor)
        name = f"new_nonce_hash{constructor}"
        for index in range(16):
            wrong = changed(answer, nonce=flipped(answer.nonce, index))
            refused("nonce_mismatch", on_dh_gen, wrong)
            wrong = changed(answer, server_nonce=flipped(answer.server_nonce, index))
            refused("server_nonce_mismatch", on_dh_gen, wrong)
            refused("new_nonce_hash", on_dh_gen, changed(answer, **{name: flipped(getattr(answer, name), index)}))

    @pytest.mark.parametrize(("constructor", "number"), [(a, b) for a in (1, 2, 3) for b in (1, 2, 3) if a != b])
    @pytest.mark.requirement("AUTH-28", "SEC-13")
    def test_the_hash_of_another_answer_is_refused(self, constructor: int, number: int) -> None:
        refused("new_nonce_hash", on_dh_gen, dh_gen(constructor, hash_number=number))

    @pytest.mark.requirement("AUTH-29", "AUTH-30", "AUTH-31")
    def test_ok_gives_the_key_retry_another_attempt_and_fail_a_refusal(self) -> None:
        created = on_dh_gen(dh_gen(1, hash_number=1))
        assert isinstance(created, Created)
        assert created.auth_key == RUN.created.auth_key
        query, state = on_dh_gen(dh_gen(2, hash_number=2))
        inner = protect.open_client_data(query.encrypted_data, TMP_AES)
        assert inner.retry_id == RUN.client_3.auth_key.aux_hash
        assert (state.retries, state.auth_key == RUN.client_3.auth_key) == (1, False)
        with pytest.raises(HandshakeRefused):
            on_dh_gen(dh_gen(3, hash_number=3))


@pytest.mark.requirement("AUTH-36", "AUTH-39")
def test_only_the_answer_of_the_step_is_legal() -> None:
    states: list[AwaitResPQ | AwaitDHParams | AwaitDHGen] = [RUN.client_1, RUN.client_2, RUN.client_3]
    answers: list[list[TLObject]] = [
        [RUN.res_pq],
        [RUN.dh_ok, tl.ServerDHParamsFail(nonce=bytes(16), server_nonce=bytes(16), new_nonce_hash=bytes(16))],
        [dh_gen(number, hash_number=number) for number in (1, 2, 3)],
    ]
    foreign: list[TLObject] = [RUN.req_pq, RUN.req_dh, RUN.set_dh, ANSWER, tl.Pong(msg_id=0, ping_id=0)]
    for state in states:
        for other, group in zip(states, answers, strict=True):
            for answer in group if other is not state else []:
                refused("step", advance, state, answer, KEYS, client_env())
        for answer in foreign:
            refused("step", advance, state, answer, KEYS, client_env())


@pytest.mark.requirement("AUTH-12", "SEC-05")
def test_without_trusted_keys_nothing_is_sent() -> None:
    refused("unknown_public_key", client.on_res_pq, RUN.client_1, RUN.res_pq, PublicKeys([]), client_env())
