"""Our own client against every fault that acts on a call: it reacts rightly, believes no canary, and goes on."""

from __future__ import annotations

import pytest

from mtproto.client.calls import Outcome
from mtproto.crypto.auth_key import AuthKey
from mtproto.errors import SecurityError
from mtproto.message import envelope
from mtproto.message.envelope import Inner
from mtproto.roles import Role
from mtproto.testdc.accounts import CONNECTED_AT
from mtproto.testdc.faults import FAULTS, Fault, Reaction
from tests.testdc.faults.marking import marked, unmarked, unused
from tests.testdc.faults.rig import Stage
from tests.transports import INSTALLED

STAYS_AWAY = "inject_-444"
"""After it the client connects no more of its own accord (AUTH-80); the next one does."""


HEAVY = {"detailed_info_flood", "future_salts_flood", "gzip_bomb"}
"""Those that take seconds are met on one transport only."""


MARKS = [
    pytest.mark.requirement("SEC-19"),
    pytest.mark.requirement("SEC-20"),
    pytest.mark.requirement("SEC-21"),
    pytest.mark.requirement("SEC-22"),
    pytest.mark.requirement("SEC-23"),
    pytest.mark.requirement("SEC-24"),
    pytest.mark.requirement("SEC-25"),
    pytest.mark.requirement("SEC-26"),
    pytest.mark.requirement("SEC-27"),
    pytest.mark.requirement("SEC-28"),
    pytest.mark.requirement("SEC-29"),
    pytest.mark.requirement("SEC-30"),
    pytest.mark.requirement("SEC-31"),
    pytest.mark.requirement("SEC-32"),
    pytest.mark.requirement("SEC-33"),
    pytest.mark.requirement("SEC-34"),
    pytest.mark.requirement("SEC-35"),
    pytest.mark.requirement("SEC-37"),
    pytest.mark.requirement("SEC-38"),
    pytest.mark.requirement("SEC-40"),
    pytest.mark.requirement("SEC-41"),
    pytest.mark.requirement("SEC-42"),
    pytest.mark.requirement("SEC-43"),
    pytest.mark.requirement("SEC-44"),
    pytest.mark.requirement("SEC-45"),
    pytest.mark.requirement("SEC-46"),
    pytest.mark.requirement("SEC-47"),
    pytest.mark.requirement("SEC-48"),
    pytest.mark.requirement("SEC-49"),
    pytest.mark.requirement("SEC-50"),
    pytest.mark.requirement("SEC-54"),
    pytest.mark.requirement("SEC-55"),
    pytest.mark.requirement("SEC-56"),
    pytest.mark.requirement("SEC-59"),
    pytest.mark.requirement("SEC-60"),
    pytest.mark.requirement("SEC-61"),
    pytest.mark.requirement("SEC-62"),
    pytest.mark.requirement("SEC-63"),
    pytest.mark.requirement("SEC-64"),
    pytest.mark.requirement("SEC-66"),
    pytest.mark.requirement("SEC-67"),
    pytest.mark.requirement("SEC-68"),
    pytest.mark.requirement("SEC-69"),
]


def acting_on_calls() -> list[str]:
    return [
        name
        for name, fault in FAULTS.items()
        if fault.layer != "key exchange" and not fault.needs and not fault.slow and name != STAYS_AWAY
    ]


def cases() -> list[tuple[str, str]]:
    """Each fault on each transport that it concerns, on a stream and over HTTP where it concerns all."""
    return [
        (name, transport)
        for name in acting_on_calls()
        for transport in FAULTS[name].transports or ("intermediate", *["http"] * (name not in HEAVY))
        if transport in INSTALLED or transport == "faketls"
    ]


def dates(outcome: Outcome) -> list[int]:
    """What the client is told, in the order of the answer."""
    return [update.connection.date for update in getattr(outcome.value, "updates", [])]


def shown(stage: Stage, first: Outcome) -> set[Reaction]:
    """The reaction of the client; whether it noticed something that it ignored cannot be told apart."""
    if any(stage.closings()):
        return {Reaction.R1}
    return {Reaction.ERROR} if first.error is not None else {Reaction.R3, Reaction.CARRY_ON}


def judge(fault: Fault, stage: Stage, first: Outcome, second: Outcome) -> None:
    """What has to hold for every fault."""
    assert stage.dc.injected >= 1
    assert shown(stage, first) & set(fault.reactions)
    assert stage.seen("acked") == stage.seen("accepted") == []
    assert stage.dc.canary_date not in dates(first) + dates(second)
    assert first.error is not None or dates(first) == [CONNECTED_AT]
    assert dates(second) == [CONNECTED_AT], second.error


@pytest.mark.parametrize(("name", "transport"), marked(cases(), MARKS))
def test_the_client_shows_a_right_reaction_and_its_next_call_is_answered(name: str, transport: str) -> None:
    stage = Stage(name, transport=transport)
    login = stage.log_in()
    assert login.error is None and login.value is not None
    first = stage.ask()
    stage.wait(2.0)
    judge(FAULTS[name], stage, first, stage.ask())


def test_every_rule_is_marked() -> None:
    assert unused(cases(), MARKS) == unmarked(cases(), MARKS) == set()


@pytest.mark.requirement("SEC-41")
@pytest.mark.parametrize("name", ["inject_-404", "inject_-429", "inject_+5"])
def test_a_forged_transport_error_costs_neither_the_key_nor_the_login(name: str) -> None:
    stage = Stage(name)
    stage.log_in()
    key = stage.link.permanent
    assert dates(stage.ask()) == [CONNECTED_AT]
    assert stage.link.permanent is key
    assert stage.seen("req_pq") == []
    assert stage.seen("call").count("auth.importBotAuthorization") == 1


@pytest.mark.requirement("SEC-41")
def test_a_forged_444_ends_the_client_but_costs_no_key() -> None:
    stage = Stage(STAYS_AWAY)
    stage.log_in()
    assert stage.ask().error is not None
    assert stage.link.permanent is not None
    later = stage.again(keep_key=True)
    assert dates(later.ask()) == [CONNECTED_AT]


@pytest.mark.requirement("SEC-21")
@pytest.mark.parametrize("bit", [0, 1, 127, 128, 333, 600])
def test_each_bit_of_the_ciphertext_counts(bit: int) -> None:
    stage = Stage(f"cipher_bitflip={bit}")
    stage.log_in()
    judge(stage.fault, stage, stage.ask(), stage.ask())
    assert [error.check for error in stage.closings()] == ["msg_key"]


@pytest.mark.requirement("SEC-20")
@pytest.mark.parametrize("name", [name for name in FAULTS if name.startswith("msgkey_flip_")])
def test_a_wrong_msg_key_is_all_that_is_said_of_a_payload_whose_length_is_wrong_too(name: str) -> None:
    stage = Stage(name)
    stage.log_in()
    stage.ask()
    assert [str(error) for error in stage.closings()] == ["security check msg_key failed"]


@pytest.mark.requirement("SEC-69")
@pytest.mark.parametrize("count", [0, 1, 4, 50, 100, 150, 200, 300, 500])
def test_a_connection_may_end_behind_any_byte(count: int) -> None:
    stage = Stage(f"close_at={count}")
    login = stage.log_in()
    if login.error is not None:
        assert stage.log_in().error is None
    first = stage.ask()
    assert first.error is not None or dates(first) == [CONNECTED_AT]
    assert dates(stage.ask()) == [CONNECTED_AT]
    assert stage.seen("call").count("auth.importBotAuthorization") <= 2


@pytest.mark.requirement("SEC-54")
@pytest.mark.parametrize("argument", [0, 1, 2])
def test_a_datacenter_that_cannot_exist_is_an_error(argument: int) -> None:
    stage = Stage(f"migrate_bad={argument}")
    stage.log_in()
    judge(stage.fault, stage, stage.ask(), stage.ask())


def test_a_client_that_takes_both_directions_for_one_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage("wrong_direction")
    stage.log_in()
    monkeypatch.setattr("mtproto.connection.open", either_direction)
    assert dates(stage.ask()) == [stage.dc.canary_date]


def test_a_client_that_processes_a_replay_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtproto.message.msg_id.ReplayWindow.check", lambda window, msg_id: None)
    stage = Stage("replay_same_conn")
    stage.log_in()
    stage.ask()
    stage.wait(2.0)
    assert stage.seen("accepted") == ["a replayed ping is answered again"]


def test_a_client_that_believes_another_session_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage("session_flip")
    monkeypatch.setattr(type(stage.link), "session", lambda link, keys, session_id: link.current)
    stage.log_in()
    assert dates(stage.ask()) == [stage.dc.canary_date]


def test_a_client_that_uses_a_salt_it_was_not_to_learn_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from mtproto.session.keys import Salts

    stage = Stage("bad_salt_unknown")
    stage.log_in()
    monkeypatch.setattr("mtproto.session.outbox.Outbox.concerned", lambda session, msg_id: [])
    stage.ask()
    assert isinstance(stage.link.keys and stage.link.keys.salts, Salts)
    stage.ask()
    assert stage.seen("accepted") == ["a planted salt is used"]


def either_direction(key: AuthKey, payload: bytes, sender: Role) -> tuple[Inner, bytes]:
    """A client that takes whatever its key opens."""
    try:
        return envelope.open(key, payload, sender)
    except SecurityError:
        return envelope.open(key, payload, sender.opposite)
