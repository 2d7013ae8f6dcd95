"""Sessions that lack one rule: the transcripts notice, by the tests that are there for it."""

from __future__ import annotations

import pytest

from mtproto.message import container
from mtproto.message.msg_id import ReplayWindow, SeqnoOrder
from mtproto.session import client, outbox, server
from mtproto.session.client import ClientSession
from mtproto.session.keys import SaltSchedule
from tests.vectors.broken import accepted, commented, failures, flagged

FILE = "sessions"
CLIENT, SERVER = "ClientSession", "ServerSession"


def test_a_receiver_that_forgets_what_it_received_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ReplayWindow, "add", lambda self, msg_id: None)
    assert accepted(FILE, commented(FILE, "an update again")) == commented(FILE, "an update again")
    ids = commented(FILE, "a call again") - commented(FILE, "for a call again")
    assert failures(FILE, ids).keys() == ids


@pytest.mark.parametrize("kind", [CLIENT, SERVER])
def test_messages_of_a_bad_container_are_noticed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "_check_inner", lambda message, msg_id, sender: None)
    ids = commented(FILE, "an inner msg_id above that of the container") & flagged(FILE, "BadContainer", kind=kind)
    assert len(ids) == 1 and failures(FILE, ids).keys() == ids


def test_messages_of_any_time_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "check_time", lambda msg_id, now: None)
    ids = flagged(FILE, "Time", kind=CLIENT)
    assert len(ids) == 4 and accepted(FILE, ids) == ids


def test_messages_of_a_client_that_come_back_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "check_parity", lambda msg_id, sender: None)
    ids = flagged(FILE, "Parity")
    assert len(ids) == 2 and accepted(FILE, ids) == ids


def test_notifications_about_nothing_that_count_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClientSession, "concerned", lambda self, msg_id: list(self.requests()))
    ids = commented(FILE, "for a msg_id never sent")
    assert len(ids) == 7 and failures(FILE, ids).keys() == ids


def test_a_client_that_repeats_without_end_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MAX_RESENDS", 1000)
    ids = flagged(FILE, "Loop")
    assert len(ids) == 2 and failures(FILE, ids).keys() == ids


def test_a_client_that_acknowledges_nothing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClientSession, "acknowledge", lambda self, msg_id: None)
    assert set(failures(FILE, flagged(FILE, "Rpc", kind=CLIENT)).values()) == {"wrong output: acknowledged"}


def test_seqnos_that_nobody_judges_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "judge_parity", lambda body, seqno: 0)
    monkeypatch.setattr(SeqnoOrder, "judge", lambda self, msg_id, seqno: 0)
    ids = commented(FILE, "seqno") & flagged(FILE, "BadMsg", kind=SERVER)
    ids -= commented(FILE, "acknowledgement with an odd") | commented(FILE, "http_wait with an odd")
    assert len(ids) == 5 and accepted(FILE, ids) == ids


def test_any_salt_that_a_server_accepts_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SaltSchedule, "accepts", lambda self, salt, now: True)
    ids = commented(FILE, "a wrong salt")
    assert len(ids) == 4 and failures(FILE, ids).keys() == ids
