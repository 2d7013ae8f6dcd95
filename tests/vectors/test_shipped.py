"""The vectors that ship with the library, put to the library: all of them pass."""

from __future__ import annotations

import pytest

from mtproto.crypto import dh, rsa, srp
from mtproto.crypto.auth_key import AuthKey
from mtproto.environment import Environment
from mtproto.errors import SecurityError, UsageError
from mtproto.handshake import binding
from mtproto.message import gzip
from mtproto.message.msg_id import ReplayWindow
from mtproto.transport import Full, faketls, obfuscated
from mtproto.vectors import run
from mtproto.vectors.case import SHIPPED, load
from mtproto.vectors.checks import allowed_checks
from mtproto.vectors.report import Report
from mtproto.vectors.runner import FUNCTIONS
from tests.vectors.test_generate import MADE

COPIED = {
    "aes_ige": 42,
    "auth_key_exchange": 158,
    "bind_temp_auth_key": 17,
    "dh_params": 105,
    "fake_tls": 31,
    "kdf": 92,
    "message_v2": 91,
    "msg_id_seqno": 58,
    "obfuscated2": 46,
    "pq": 44,
    "rsa": 38,
    "service_messages": 76,
    "srp": 26,
    "tl_constructor_ids": 163,
    "tl_primitives": 136,
    "transports": 117,
}


PASSING = COPIED | MADE

NAMED = {
    "aes_ige": pytest.mark.requirement("AUTH-43"),
    "auth_key_exchange": pytest.mark.requirement(
        "AUTH-04",
        "AUTH-07",
        "AUTH-08",
        "AUTH-11",
        "AUTH-12",
        "AUTH-13",
        "AUTH-15",
        "AUTH-16",
        "AUTH-19",
        "AUTH-21",
        "AUTH-22",
        "AUTH-29",
        "AUTH-30",
        "AUTH-36",
        "AUTH-50",
        "AUTH-52",
        "AUTH-93",
        "AUTH-96",
        "SEC-01",
        "SEC-02",
        "SEC-03",
        "SEC-04",
        "SEC-05",
        "SEC-06",
        "SEC-07",
        "SEC-08",
        "SEC-09",
        "SEC-13",
    ),
    "bind_temp_auth_key": pytest.mark.requirement("MSG-22", "MSG-107", "MSG-113"),
    "dh_params": pytest.mark.requirement("AUTH-50", "AUTH-51", "AUTH-52", "AUTH-53", "SEC-10", "SEC-11", "SEC-12"),
    "fake_tls": pytest.mark.requirement(
        "TR-72", "TR-73", "TR-74", "TR-75", "TR-78", "TR-79", "TR-80", "TR-81", "SEC-64", "SEC-65"
    ),
    "kdf": pytest.mark.requirement(
        "TR-50", "AUTH-20", "AUTH-27", "AUTH-28", "AUTH-32", "AUTH-33", "MSG-04", "MSG-05", "MSG-22"
    ),
    "message_v2": pytest.mark.requirement(
        "MSG-01",
        "MSG-02",
        "MSG-03",
        "MSG-04",
        "MSG-05",
        "MSG-08",
        "MSG-09",
        "MSG-10",
        "MSG-11",
        "MSG-20",
        "SEC-21",
        "SEC-22",
        "SEC-23",
        "SEC-24",
        "SEC-25",
        "SEC-26",
        "SEC-35",
    ),
    "msg_id_seqno": pytest.mark.requirement(
        "AUTH-01", "AUTH-04", "MSG-10", "MSG-30", "MSG-35", "MSG-40", "MSG-81", "MSG-131"
    ),
    "obfuscated2": pytest.mark.requirement("TR-30", "TR-34", "TR-36", "TR-37", "TR-38", "TR-39", "TR-60", "TR-63"),
    "pq": pytest.mark.requirement("TL-41", "AUTH-11", "AUTH-13", "SEC-06"),
    "rsa": pytest.mark.requirement("AUTH-40", "AUTH-41", "AUTH-42", "AUTH-45"),
    "service_messages": pytest.mark.requirement(
        "TL-60",
        "TL-62",
        "TL-63",
        "TL-65",
        "TL-66",
        "TL-67",
        "TL-68",
        "MSG-72",
        "MSG-80",
        "SEC-32",
        "SEC-33",
        "SEC-40",
        "SEC-43",
        "SEC-44",
    ),
    "tl_constructor_ids": pytest.mark.requirement("TL-20", "TL-22", "TL-23", "TL-24"),
    "tl_primitives": pytest.mark.requirement(
        "TL-30",
        "TL-31",
        "TL-32",
        "TL-33",
        "TL-34",
        "TL-35",
        "TL-36",
        "TL-37",
        "TL-38",
        "TL-39",
        "TL-42",
        "TL-43",
        "TL-46",
    ),
    "transports": pytest.mark.requirement(
        "TR-01",
        "TR-02",
        "TR-03",
        "TR-04",
        "TR-05",
        "TR-06",
        "TR-07",
        "TR-08",
        "TR-09",
        "TR-10",
        "TR-51",
        "TR-52",
        "TR-55",
    ),
}
"""What the tests of each file prove."""


def run_file(name: str) -> Report:
    return run([SHIPPED / f"{name}.json"])


@pytest.mark.parametrize("name", [pytest.param(name, marks=NAMED.get(name, ())) for name in COPIED])
def test_every_test_of_the_file_passes(name: str) -> None:
    report = run_file(name)
    assert report.failures == []
    assert (report.passed, report.skipped) == (COPIED[name], 0)


def test_these_are_all_files() -> None:
    assert {path.stem for path in SHIPPED.glob("*.json")} == COPIED.keys() | MADE.keys()
    cases = [case for path in SHIPPED.glob("*.json") for case in load(path)]
    assert (sum(COPIED.values()), sum(MADE.values()), len(cases)) == (1240, 1193, 2433)
    assert sum(not case.valid for case in cases) == 1032
    assert len({case.id for case in cases}) == len(cases)


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
    monkeypatch.setattr(dh, "_verdicts", dict(dh._verdicts))
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


def test_a_hello_that_is_not_compared_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faketls, "compare_digest", lambda left, right: True)
    failures = dict(run_file("fake_tls").failures)
    assert failures["fake_tls-021"].startswith("accepted what has to be refused")
    assert {"fake_tls-014", "fake_tls-016", "fake_tls-018"} <= failures.keys()


def test_random_bytes_that_are_never_drawn_again_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(obfuscated, "is_usable", lambda init: True)
    assert len(run_file("obfuscated2").failures) == 10


def test_a_binding_of_any_message_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the one that is expired."""
    monkeypatch.setattr(binding, "compare_digest", lambda left, right: True)
    failures = run_file("bind_temp_auth_key").failures
    assert len(failures) >= 10
    assert all(reason.startswith("accepted what has to be refused") for _, reason in failures)


def test_a_challenge_that_is_not_checked_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = srp.check_public_value

    def unchecked(value: int | bytes, p: int) -> int:
        return int.from_bytes(value, "big") if isinstance(value, bytes) else right(value, p)

    monkeypatch.setattr(srp, "check_public_value", unchecked)
    failures = dict(run_file("srp").failures)
    cases = [case for case in load(SHIPPED / "srp.json") if case.type == "SrpClientReject"]
    assert {case.id for case in cases if "BadPublicValue" in case.flags} == failures.keys()


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
