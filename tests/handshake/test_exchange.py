"""Whole exchanges: Exchange against Runs, with every outcome that is legal."""

from __future__ import annotations

from hashlib import sha1

import pytest

from mtproto.crypto import kdf
from mtproto.crypto.auth_key import AuthKey
from mtproto.crypto.rsa import PublicKeys
from mtproto.errors import HandshakeRefused, PeerError, SecurityError, TransportFault, UsageError
from mtproto.handshake import server
from mtproto.handshake.exchange import Exchange
from mtproto.handshake.protect import open_answer, open_client_data, open_pq_inner_data
from mtproto.handshake.runs import Runs
from mtproto.handshake.states import Created, State
from mtproto.schema.mtproto import DhGenRetry, ReqPq, ServerDHParamsFail
from mtproto.testing import ScriptedEnvironment

from .rig import KEY, KEYS, NOW, OTHER_KEY, Talk, client_env, converse, new_exchange, new_runs, read, server_env, walk


@pytest.mark.requirement("AUTH-07", "AUTH-18", "AUTH-26", "AUTH-33")
def test_both_sides_end_with_the_same_permanent_key_and_salt() -> None:
    talk = converse(new_exchange(), new_runs())
    assert talk.client.auth_key == talk.server.auth_key
    assert talk.client.server_salt == talk.server.server_salt
    assert (talk.client.dc, talk.server.dc) == (2, 2)
    assert talk.client.fingerprint == talk.server.fingerprint == KEY.public.fingerprint
    assert talk.client.expires_at is None and talk.server.expires_at is None
    assert not talk.client.temporary and not talk.server.temporary


@pytest.mark.requirement("AUTH-23")
def test_the_client_learns_the_server_time_and_its_own_offset() -> None:
    talk = converse(new_exchange(), new_runs())
    assert talk.client.server_time == NOW
    assert talk.client.time_offset == 1000.5
    assert talk.server.time_offset == 0.0


@pytest.mark.requirement("AUTH-16", "AUTH-98")
def test_a_temporary_key_expires_at_the_same_time_on_both_sides() -> None:
    talk = converse(new_exchange(expires_in=86400), new_runs())
    assert talk.client.expires_at == talk.server.expires_at == NOW + 86400
    assert talk.client.temporary and talk.server.temporary


@pytest.mark.parametrize("dc", [10002, -4, -10003])
@pytest.mark.requirement("AUTH-15", "API-37")
def test_test_and_media_datacenters_are_named_as_the_client_numbers_them(dc: int) -> None:
    assert converse(new_exchange(dc=dc), new_runs(dcs={dc})).server.dc == dc


@pytest.mark.requirement("AUTH-93")
def test_a_dc_that_is_not_served_is_answered_with_444() -> None:
    exchange, runs = new_exchange(dc=10002), new_runs(dcs={2, -2})
    query = exchange.receive(runs.plain(exchange.start())[0])
    assert isinstance(query, bytes)
    with pytest.raises(TransportFault) as caught:
        runs.plain(query)
    assert caught.value.code == -444
    assert len(runs) == 0


def test_the_same_script_gives_the_same_bytes() -> None:
    first, second = (converse(new_exchange(), new_runs(trailing=True)) for _ in range(2))
    assert first.bodies == second.bodies
    other = converse(new_exchange(env=client_env(b"other")), new_runs(trailing=True))
    assert other.client.auth_key != first.client.auth_key


@pytest.mark.requirement("TL-87", "AUTH-08")
def test_bytes_after_the_objects_are_ignored_by_both_sides() -> None:
    exchange, runs = new_exchange(), new_runs(trailing=True)
    query: bytes | Created = exchange.start()
    answers = []
    while isinstance(query, bytes):
        answers.append(runs.plain(query + b"\xff" * 240)[0])
        query = exchange.receive(answers[-1])
    assert query.dc == 2
    bare = converse(new_exchange(), new_runs()).bodies[1::2]
    appended = [len(answer) - len(other) for answer, other in zip(answers, bare, strict=True)]
    assert any(appended)
    assert all(0 <= count <= 88 and count % 4 == 0 for count in appended)


@pytest.mark.requirement("AUTH-12")
def test_the_client_takes_the_first_listed_key_that_it_trusts() -> None:
    talk = converse(new_exchange(), new_runs(private_keys=[OTHER_KEY, KEY]))
    assert talk.client.fingerprint == KEY.public.fingerprint
    both = PublicKeys([KEY.public, OTHER_KEY.public])
    talk = converse(new_exchange(keys=both), new_runs(private_keys=[OTHER_KEY, KEY]))
    assert talk.server.fingerprint == OTHER_KEY.public.fingerprint


@pytest.mark.requirement("AUTH-12", "SEC-05")
def test_a_server_with_unknown_keys_only_is_not_spoken_to() -> None:
    exchange, runs = new_exchange(), new_runs(private_keys=[OTHER_KEY])
    answer, _ = runs.plain(exchange.start())
    with pytest.raises(SecurityError) as caught:
        exchange.receive(answer)
    assert caught.value.check == "unknown_public_key"
    assert caught.value.got == f"{OTHER_KEY.public.fingerprint & 2**64 - 1:016x}"
    assert caught.value.expected == f"{KEY.public.fingerprint & 2**64 - 1:016x}"


class Taken:
    """A table of keys that calls the first ``count`` new keys taken."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.seen: list[AuthKey] = []

    def __call__(self, key: AuthKey) -> bool:
        self.seen.append(key)
        self.left -= 1
        return self.left >= 0


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.requirement("AUTH-30", "AUTH-97", "SEC-75")
def test_a_taken_auth_key_id_is_answered_with_retry_and_another_b(count: int) -> None:
    taken = Taken(count)
    talk = converse(new_exchange(), new_runs(key_exists=taken))
    assert len({key.auth_key_id for key in taken.seen}) == len(taken.seen) == count + 1
    assert talk.client.auth_key == talk.server.auth_key == taken.seen[-1]
    assert len(talk.bodies) == 6 + 2 * count


@pytest.mark.requirement("AUTH-97")
def test_the_sixth_taken_id_is_refused_and_the_client_begins_a_new_run() -> None:
    taken = Taken(6)
    talk = converse(new_exchange(), new_runs(key_exists=taken))
    assert len(taken.seen) == 7
    assert talk.client.auth_key == talk.server.auth_key == taken.seen[-1]


@pytest.mark.requirement("AUTH-31", "SEC-14")
def test_after_three_refused_runs_the_client_reports() -> None:
    taken = Taken(1000)
    with pytest.raises(HandshakeRefused) as caught:
        converse(new_exchange(), new_runs(key_exists=taken))
    assert caught.value.answer == "dh_gen_fail"
    assert len(taken.seen) == 3 * 6


@pytest.mark.requirement("AUTH-30", "SEC-14")
def test_a_server_that_retries_for_ever_gets_five_retries_in_each_of_three_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "MAX_RETRIES", 10**6)
    taken = Taken(10**6)
    with pytest.raises(HandshakeRefused) as caught:
        converse(new_exchange(), new_runs(key_exists=taken))
    assert caught.value.answer == "dh_gen_retry"
    assert len(taken.seen) == 3 * 6


@pytest.mark.requirement("AUTH-10", "AUTH-32")
def test_an_authentic_server_dh_params_fail_starts_a_new_run_with_fresh_nonces() -> None:
    exchange, runs = new_exchange(), new_runs()
    nonces = set()
    query = exchange.start()
    for left in (2, 1, 0):
        answer = runs.plain(query)[0]
        nonces.add(query[4:20])
        sent = exchange.receive(answer)
        assert isinstance(sent, bytes)
        fail = _fail_of(sent)
        if left:
            again = exchange.receive(fail)
            assert isinstance(again, bytes)
            query = again
        else:
            with pytest.raises(HandshakeRefused):
                exchange.receive(fail)
    assert len(nonces) == 3


def _fail_of(req_dh_params: bytes) -> bytes:
    """server_DH_params_fail for this query, with the hash that only the owner of the RSA key can compute."""
    query = read(req_dh_params)
    inner = open_pq_inner_data(query.encrypted_data, KEY, server_env(), accept_legacy=False)
    return ServerDHParamsFail(
        nonce=inner.nonce, server_nonce=inner.server_nonce, new_nonce_hash=sha1(inner.new_nonce).digest()[4:]
    ).to_bytes()


@pytest.mark.requirement("AUTH-97", "SEC-75")
def test_an_auth_key_id_of_zero_is_never_issued(monkeypatch: pytest.MonkeyPatch) -> None:
    class ZeroOnce(AuthKey):
        __slots__ = ()
        made = 0

        def __init__(self, key: bytes) -> None:
            super().__init__(key)
            if ZeroOnce.made == 0:
                self.auth_key_id = 0
            ZeroOnce.made += 1

    monkeypatch.setattr(server, "AuthKey", ZeroOnce)
    talk = converse(new_exchange(), new_runs())
    assert ZeroOnce.made == 2
    assert talk.server.auth_key.auth_key_id != 0
    assert DhGenRetry.ID.to_bytes(4, "little") == talk.bodies[5][:4]


@pytest.mark.requirement("AUTH-07")
def test_the_old_req_pq_is_answered_too() -> None:
    query = ReqPq(nonce=b"n" * 16)
    answer = read(new_runs().plain(query.to_bytes())[0])
    assert answer.nonce == b"n" * 16
    assert answer.server_public_key_fingerprints == [KEY.public.fingerprint]


@pytest.mark.requirement("AUTH-34", "AUTH-39")
def test_an_exchange_accepts_nothing_before_its_start_after_its_end_or_after_an_error() -> None:
    exchange, runs = new_exchange(), new_runs()
    first_answer = runs.plain(exchange.start())[0]
    with pytest.raises(SecurityError, match="step"):
        new_exchange().receive(first_answer)
    query = exchange.receive(first_answer)
    assert isinstance(query, bytes)
    genuine = runs.plain(query)[0]
    with pytest.raises(PeerError):
        exchange.receive(first_answer)
    with pytest.raises(SecurityError, match="step"):  # AUTH-34: not even the right answer saves a failed run
        exchange.receive(genuine)
    finished, other = new_exchange(), new_runs()
    talk = converse(finished, other)
    with pytest.raises(SecurityError, match="step"):
        finished.receive(talk.bodies[-1])


@pytest.mark.requirement("AUTH-36", "SEC-17")
def test_an_answer_replayed_from_an_earlier_run_is_refused() -> None:
    old = converse(new_exchange(env=client_env(b"old")), new_runs()).bodies
    for step in (1, 3, 5):
        exchange, runs = new_exchange(), new_runs(env=server_env(b"new"))
        query: bytes | Created = exchange.start()
        for _ in range(step // 2):
            assert isinstance(query, bytes)
            query = exchange.receive(runs.plain(query)[0])
        with pytest.raises(SecurityError, match="nonce_mismatch"):
            exchange.receive(old[step])


@pytest.mark.requirement("SEC-58")
def test_neither_states_nor_results_print_secrets() -> None:
    run = walk(86400)
    secrets = [
        run.client_2.new_nonce,
        run.client_2.nonce,
        run.client_2.server_nonce,
        run.client_3.auth_key.data,
        run.server_2.offer.a.to_bytes(256, "big"),
        run.created.server_salt.to_bytes(8, "little", signed=True),
        run.client_3.auth_key.aux_hash.to_bytes(8, "little", signed=True),
    ]
    states: list[State | Created | Exchange | Runs] = [
        run.client_1, run.client_2, run.client_3, run.client_3.agreed, run.server_1, run.server_2, run.server_2.offer,
        run.created, new_exchange(), new_runs(),
    ]  # fmt: skip
    for state in states:
        for text in (repr(state), str(state), f"{[state]}"):
            for secret in secrets:
                as_number = int.from_bytes(secret, "big"), int.from_bytes(secret, "little", signed=True)
                for form in (secret.hex(), repr(secret)[2:-1], *(str(number) for number in as_number)):
                    assert form not in text


@pytest.mark.requirement("AUTH-95")
def test_a_server_refuses_at_start_up_what_every_client_would_refuse() -> None:
    with pytest.raises(UsageError, match="dh_generator"):
        new_runs(g=2)
    with pytest.raises(UsageError, match="dh_prime"):
        new_runs(dh_prime=b"\xff" * 255)
    with pytest.raises(UsageError, match="RSA"):
        new_runs(private_keys=[])


@pytest.mark.requirement("SEC-76")
def test_prepared_exponents_are_used_once_and_change_nothing_else() -> None:
    runs = new_runs()
    assert [runs.prepare() for _ in range(6)] == [True, True, True, True, False, False]
    keys = [converse(new_exchange(env=client_env(bytes((n,)))), runs).server.auth_key for n in range(5)]
    assert len(set(keys)) == 5
    assert runs.prepare()


EXPONENT = 1 << 2047


def numbers_on_the_wire(talk: Talk) -> dict[str, bytes]:
    """g_a and g_b as they were sent, and the key of the client."""
    query, answer, sent = (read(body) for body in talk.bodies[2:5])
    inner = open_pq_inner_data(query.encrypted_data, KEY, server_env(), accept_legacy=False)
    tmp_aes = kdf.tmp_aes_key_iv(inner.new_nonce, inner.server_nonce)
    g_a = open_answer(answer.encrypted_answer, tmp_aes).g_a
    g_b = open_client_data(sent.encrypted_data, tmp_aes).g_b
    return {"g_a": g_a, "g_b": g_b, "auth_key": talk.client.auth_key.data}


class _Exponent:
    """An environment whose draws of 256 bytes, the blinding of RSA included, are one given number."""

    def __init__(self, exponent: int, env: ScriptedEnvironment) -> None:
        self.exponent = exponent
        self.unix_time = env.unix_time
        self.monotonic = env.monotonic
        self.derived = env.random_bytes

    def random_bytes(self, count: int) -> bytes:
        return self.exponent.to_bytes(256, "big") if count == 256 else self.derived(count)


@pytest.mark.parametrize(
    ("a", "b", "short"),
    [(EXPONENT + 100, EXPONENT, "g_a"), (EXPONENT, EXPONENT + 100, "g_b"), (EXPONENT, EXPONENT + 74, "auth_key")],
    ids=["g_a", "g_b", "auth_key"],
)
@pytest.mark.requirement("AUTH-24", "AUTH-26")
def test_numbers_with_a_leading_zero_byte_are_padded_to_256_bytes(a: int, b: int, short: str) -> None:
    talk = converse(
        Exchange(KEYS, _Exponent(b, client_env()), dc=2),
        Runs([KEY], _Exponent(a, server_env()), dcs={2}, key_exists=lambda key: False),
    )
    assert talk.client.auth_key == talk.server.auth_key
    numbers = numbers_on_the_wire(talk)
    assert [len(value) for value in numbers.values()] == [256, 256, 256]
    assert [name for name, value in numbers.items() if value[0] == 0] == [short]
