"""Our own client against the faults that need more than two calls, or more time; and what a bent server notes."""

from __future__ import annotations

import pytest

from mtproto.client.password import check_password
from mtproto.errors import DecodeError, SecurityError
from mtproto.testdc.accounts import CAREFUL_PASSWORD, CAREFUL_PHONE, CONNECTED_AT
from mtproto.testdc.faults import FAULTS, Reaction
from tests.testdc.faults.rig import KEY_DATA, Stage
from tests.testdc.faults.test_calls import dates, judge, shown

BINDINGS = [name for name, fault in FAULTS.items() if fault.needs == "temporary keys"]
CONFIGS = [name for name, fault in FAULTS.items() if fault.needs == "help.getConfig"]
PASSWORDS = [name for name, fault in FAULTS.items() if fault.needs == "account.getPassword"]


def test_every_fault_that_needs_something_is_met_here() -> None:
    others = {"replay_after_restart", "quick_ack_missing"}
    assert {name for name, fault in FAULTS.items() if fault.needs} == {*BINDINGS, *CONFIGS, *PASSWORDS, *others}


@pytest.mark.requirement("SEC-50", "SEC-52")
@pytest.mark.parametrize("name", BINDINGS)
def test_a_client_with_temporary_keys_calls_nothing_under_the_permanent_one(name: str) -> None:
    stage = Stage(name, pfs=True)
    assert stage.until_ready()
    assert stage.log_in().error is None
    first = stage.ask()
    stage.wait(2.0)
    judge(FAULTS[name], stage, first, stage.ask())


@pytest.mark.requirement("SEC-53")
@pytest.mark.parametrize("name", CONFIGS)
def test_a_configuration_changes_nothing(name: str) -> None:
    stage = Stage(name)
    stage.log_in()
    config = stage.call("help.getConfig")
    assert stage.dc.injected == 1
    assert config.error is None or isinstance(config.error, DecodeError)
    assert dates(stage.ask()) == [CONNECTED_AT]
    assert stage.sockets == 1


@pytest.mark.requirement("SEC-57")
@pytest.mark.parametrize("name", PASSWORDS)
def test_a_password_is_not_used_with_bad_parameters(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(name)
    key = stage.dc.key(KEY_DATA.auth_key_id)
    assert key is not None
    key.account = stage.dc.accounts.persons[CAREFUL_PHONE]
    state = stage.call("account.getPassword").value
    assert stage.dc.injected == 1
    used: list[object] = []
    monkeypatch.setattr("mtproto.crypto.srp.password_hash", lambda *args: used.append(args))
    with pytest.raises(SecurityError):
        check_password(CAREFUL_PASSWORD, state, stage.env)
    assert used == []


@pytest.mark.requirement("SEC-28")
def test_a_payload_of_the_session_before_a_restart_is_ignored() -> None:
    stage = Stage("replay_after_restart")
    stage.log_in()
    stage.ask()
    later = stage.again(keep_key=True)
    first = later.ask()
    later.wait(2.0)
    judge(FAULTS["replay_after_restart"], later, first, later.ask())


@pytest.mark.requirement("SEC-49")
def test_a_quick_acknowledgement_that_never_comes_is_not_needed() -> None:
    stage = Stage("quick_ack_missing", quick_ack=True)
    stage.log_in()
    judge(FAULTS["quick_ack_missing"], stage, stage.ask(), stage.ask())


@pytest.mark.requirement("SEC-39")
def test_what_is_lost_is_sent_again() -> None:
    stage = Stage("drop_every_nth", patience=200)
    stage.log_in()
    judge(FAULTS["drop_every_nth"], stage, stage.ask(), stage.ask())


@pytest.mark.requirement("SEC-45")
@pytest.mark.parametrize("name", ["pong_never", "pong_wrong_id"])
def test_a_connection_without_a_right_pong_is_closed(name: str) -> None:
    stage = Stage(name)
    stage.log_in()
    first = stage.ask()
    stage.wait(150)
    assert stage.dc.injected >= 1
    assert shown(stage, first) == {Reaction.R1}
    assert dates(first) == dates(stage.ask()) == [CONNECTED_AT]


@pytest.mark.requirement("SEC-68")
def test_a_silent_connection_is_replaced() -> None:
    stage = Stage("silence", patience=200)
    stage.log_in()
    first = stage.ask()
    assert shown(stage, first) & set(stage.fault.reactions)
    assert dates(stage.ask()) == [CONNECTED_AT]


@pytest.mark.requirement("SEC-91")
def test_observations_say_what_the_client_did() -> None:
    stage = Stage("msgkey_flip")
    stage.log_in()
    stage.ask()
    kinds = [(seen.kind, seen.connection) for seen in stage.dc.observations]
    assert kinds == [
        ("opened", 1),
        ("session", 1),
        ("call", 1),
        ("call", 1),
        ("injected", 1),
        ("closed", 1),
        ("opened", 2),
    ]
    assert [seen.at for seen in stage.dc.observations] == sorted(seen.at for seen in stage.dc.observations)
