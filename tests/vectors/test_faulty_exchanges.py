"""A client and a server that lack one check: faulty_exchanges notices, by the tests that are there for it."""

from __future__ import annotations

import pytest

from mtproto.crypto import dh, rsa
from mtproto.errors import PeerError
from mtproto.handshake import client, exchange, runs, server
from mtproto.handshake.exchange import Exchange
from tests.vectors.broken import accepted, commented, failures, flagged

FILE = "faulty_exchanges"
CLIENT = "KeyExchangeClient"
GOES_ON = "wrong result: what follows a refusal is accepted"


def test_a_client_that_compares_no_nonces_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "check_nonces", lambda run, message: None)
    inner = flagged(FILE, "InnerNonce", kind=CLIENT)
    assert len(inner) == 4 and accepted(FILE, inner) == inner


def test_a_client_that_takes_any_hash_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "check_equal", lambda check, expected, got: None)
    ids = commented(FILE, "dh_gen_ok with hash") | commented(FILE, "resPQ, byte")
    assert accepted(FILE, ids) == ids


def test_a_client_that_takes_any_prime_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dh, "check_dh_params", lambda prime, g, env: int.from_bytes(dh.DH_PRIME, "big"))
    monkeypatch.setattr(client, "draw_exponent", lambda g, prime, env: (5, 1 << 2000))
    ids = commented(FILE, "g = ") & flagged(FILE, "BadDhParams", kind=CLIENT)
    assert ids <= failures(FILE, ids).keys()


@pytest.mark.parametrize("kind", [CLIENT, "KeyExchangeServer"])
def test_a_public_value_that_is_not_checked_is_noticed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dh, "check_public_value", lambda value, p: int.from_bytes(value, "big"))
    ids = flagged(FILE, "BadPublicValue", kind=kind)
    assert len(ids) > 5 and ids == failures(FILE, ids).keys()


def test_a_client_that_goes_on_after_a_fault_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Exchange.receive

    def receive(self: Exchange, body: bytes) -> object:
        state = self._state
        try:
            return right(self, body)
        except PeerError:
            self._state = state
            raise

    monkeypatch.setattr(Exchange, "receive", receive)
    ids = commented(FILE, "the run is over")
    assert failures(FILE, ids) == dict.fromkeys(ids, GOES_ON)


def test_a_client_that_retries_for_ever_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_RETRIES", 1000)
    monkeypatch.setattr(exchange, "MAX_RUNS", 1000)
    ids = commented(FILE, "sixth") | commented(FILE, "three times")
    assert failures(FILE, ids).keys() == ids


def test_a_server_that_does_not_look_inside_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "check_all", lambda *verdicts: None)
    ids = commented(FILE, "inside the RSA block")
    assert len(ids) == 5 and failures(FILE, ids).keys() == ids


def test_a_server_that_parses_any_block_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rsa, "compare_digest", lambda left, right: True)
    ids = commented(FILE, "encrypted_data: one bit changed")
    assert failures(FILE, ids).keys() == ids


def test_a_server_that_keeps_a_run_after_a_fault_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Undying(runs.OrderedDict):  # type: ignore[misc, type-arg]
        def __delitem__(self, key: object) -> None:
            pass

    monkeypatch.setattr(runs, "OrderedDict", Undying)
    ids = commented(FILE, "p and q exchanged") | commented(FILE, "encrypted_data of set_client_DH_params")
    assert failures(FILE, ids) == dict.fromkeys(ids, GOES_ON)


def test_temporary_keys_of_any_age_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MIN_EXPIRES_IN", -(2**31))
    monkeypatch.setattr(server, "MAX_EXPIRES_IN", 2**31)
    ids = flagged(FILE, "Lifetime")
    assert accepted(FILE, ids) | failures(FILE, ids).keys() == ids
