"""The vectors that ship with the library, put to the library: everything implemented passes, the rest is named."""

from __future__ import annotations

import pytest

from mtproto.crypto import dh, rsa
from mtproto.crypto.auth_key import AuthKey
from mtproto.environment import Environment
from mtproto.errors import SecurityError, UsageError
from mtproto.message import gzip
from mtproto.message.msg_id import ReplayWindow
from mtproto.transport import Full
from mtproto.vectors import run
from mtproto.vectors.case import SHIPPED, load
from mtproto.vectors.checks import allowed_checks
from mtproto.vectors.report import Report
from mtproto.vectors.runner import FUNCTIONS

PASSING = {
    "aes_ige": 42,
    "auth_key_exchange": 158,
    "dh_params": 105,
    "kdf": 92,
    "message_v2": 91,
    "msg_id_seqno": 58,
    "pq": 44,
    "rsa": 38,
    "service_messages": 76,
    "tl_constructor_ids": 163,
    "tl_primitives": 136,
    "transports": 117,
}
LATER = {
    "bind_temp_auth_key": {"BindTempAuthKey", "BindTempAuthKeyServerReceive"},
    "fake_tls": {
        "FakeTlsClientHello",
        "FakeTlsServerHello",
        "FakeTlsServerReceive",
        "FakeTlsClientReceive",
        "FakeTlsRecords",
    },
    "obfuscated2": {"Obfuscated2", "AesCtrStream", "Obfuscated2Init", "Obfuscated2Accept", "ProxySecret"},
    "srp": {"SrpClient", "SrpClientReject"},
}


def run_file(name: str) -> Report:
    return run([SHIPPED / f"{name}.json"])


@pytest.mark.parametrize("name", PASSING)
def test_every_test_of_the_file_passes(name: str) -> None:
    report = run_file(name)
    assert report.failures == []
    assert (report.passed, report.skipped) == (PASSING[name], 0)


@pytest.mark.parametrize("name", LATER)
def test_a_file_whose_subject_comes_later_is_skipped_type_by_type(name: str) -> None:
    report = run_file(name)
    (file,) = report.files
    assert file.skipped.keys() == LATER[name]
    assert (report.passed, report.failures) == (0, [])


def test_these_are_all_files() -> None:
    assert {path.stem for path in SHIPPED.glob("*.json")} == PASSING.keys() | LATER.keys()
    counts = [len(load(SHIPPED / f"{name}.json")) for name in LATER]
    assert (sum(PASSING.values()), sum(counts)) == (1120, 120)


def test_every_refusal_has_at_least_one_reason_that_counts() -> None:
    cases = [case for path in SHIPPED.glob("*.json") for case in load(path) if case.type in FUNCTIONS]
    assert [case.id for case in cases if not case.valid and not allowed_checks(case)] == []


def failing(name: str) -> set[str]:
    return {reason.split(":")[0] for _, reason in run_file(name).failures}


# A core that is broken on purpose fails, so that a pass means something.


def test_keys_of_the_wrong_direction_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = AuthKey.parts
    monkeypatch.setattr(AuthKey, "parts", lambda key, sender: right(key, sender.opposite))
    assert failing("kdf") == {"wrong output"}


def test_a_public_value_that_is_not_checked_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dh, "check_public_value", lambda value, p: int.from_bytes(value, "big"))
    monkeypatch.setattr(dh, "is_safe_prime", lambda p, env: False)  # saves the proofs, which are not the subject
    failures = dict(run_file("dh_params").failures)
    cases = [case for case in load(SHIPPED / "dh_params.json") if case.type == "DhPublicValue"]
    assert {case.id for case in cases if not case.valid} == {case.id for case in cases} & failures.keys()


def test_a_hash_of_rsa_pad_that_is_not_compared_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rsa, "compare_digest", lambda left, right: True)
    assert any(test == "rsa-027" for test, _ in run_file("rsa").failures)


def test_a_replay_window_that_forgets_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ReplayWindow, "add", lambda self, msg_id: None)
    assert failing("msg_id_seqno") == {"wrong output"}


def test_a_sequence_number_that_does_not_count_up_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    packing = Full.pack

    def pack(self: Full, payload: bytes, *, quick_ack: bool = False) -> bytes:
        self.sent += 1
        return packing(self, payload, quick_ack=quick_ack)

    monkeypatch.setattr(Full, "pack", pack)
    assert run_file("transports").failures


def test_a_core_that_refuses_everything_fails_every_valid_test(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(prime: bytes, g: int, env: Environment) -> int:
        raise SecurityError("dh_prime")

    monkeypatch.setattr(dh, "check_dh_params", refuse)
    failures = dict(run_file("dh_params").failures)
    valid = {case.id for case in load(SHIPPED / "dh_params.json") if case.type == "DhPrimeAndGenerator" and case.valid}
    assert valid and valid <= failures.keys()
    assert failures["dh_params-002"] == "refused what has to be accepted: dh_prime"
    assert failures["dh_params-001"] == "refused as dh_prime, which is not the reason: dh_generator"


def test_an_error_of_another_kind_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(body: bytes, limit: int = 0) -> bytes:
        raise UsageError("not received bytes")

    monkeypatch.setattr(gzip, "unpack", crash)
    failures = dict(run_file("service_messages").failures)
    assert failures["service_messages-008"] == "refused as usage, which is not the reason: decode.gzip"
