"""The simulation: reproducible, and able to find what is wrong; a few dozen runs of it (CI makes many more)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from mtproto.client.calls import Calls
from mtproto.client.pfs import TemporaryLink
from mtproto.errors import ConnectionLost
from mtproto.message.msg_id import ReplayWindow
from mtproto.session import states
from mtproto.session.client import ClientSession
from mtproto.session.events import Event
from mtproto.session.kept import Kept
from mtproto.session.outbox import Outbox
from mtproto.session.requests import ClientRequest
from mtproto.session.server import ServerSession
from mtproto.testdc import order
from mtproto.testdc.datacenter import DataCenter
from tests.simulation import __main__ as runner
from tests.simulation import ledger, run
from tests.simulation.client import Front
from tests.simulation.run import MAKES_KEYS, Report, simulate

SEED = 7
RUNS = 25
SEARCHED = 60
"""Runs within which a broken core is found out."""


def test_a_seed_gives_the_same_run_again() -> None:
    first, second = simulate(SEED), simulate(SEED)
    assert first.digest == second.digest
    assert first.steps == second.steps > 100
    assert simulate(SEED + 1).digest != first.digest


@pytest.mark.parametrize("seed", [SEED, MAKES_KEYS])
def test_a_seed_gives_the_same_run_in_a_process_of_its_own(seed: int) -> None:
    code = f"from tests.simulation.run import simulate; print(simulate({seed}).digest)"
    digests = set()
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
        digests.add(out.stdout.strip())
    assert digests == {simulate(seed).digest}


@pytest.mark.parametrize("seed", [*range(1, RUNS), MAKES_KEYS, 2 * MAKES_KEYS])
def test_every_invariant_holds(seed: int) -> None:
    report = simulate(seed)
    assert report.violation is None, "\n".join([report.violation or "", *report.tail[-60:]])


def test_every_fault_happens() -> None:
    happened: set[str] = set()
    for seed in [*range(1, 40), *range(MAKES_KEYS, 12 * MAKES_KEYS, MAKES_KEYS)]:
        happened |= set(simulate(seed).faults)
    assert happened == set(run.EVERY_FAULT)


def test_temporary_keys_are_bound_renewed_and_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    happened = Counter[str]()

    def counted(name: str) -> None:
        method = getattr(TemporaryLink, name)

        def count(link: TemporaryLink, *args: object) -> object:
            happened[name] += 1
            happened["renewed"] += name == "_switch" and link.keys is not None
            return method(link, *args)

        monkeypatch.setattr(TemporaryLink, name, count)

    for name in ("_switch", "_drop_current"):
        counted(name)
    for seed in range(1, RUNS):
        simulate(seed)
    assert happened["_switch"] > happened["renewed"] > 0 < happened["_drop_current"]


# ---- each invariant can fail


def found(invariant: str) -> bool:
    """Whether some run says that ``invariant`` does not hold."""
    return any(simulate(seed).invariant == invariant for seed in range(1, SEARCHED))


def test_a_server_that_executes_repetitions_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ReplayWindow, "__contains__", lambda self, msg_id: False)
    assert found(ledger.AT_MOST_ONCE)


def test_a_server_that_executes_what_it_said_not_to_have_received_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ServerSession, "_disown", lambda self, msg_id, salt=None: None)
    assert found(ledger.AT_MOST_ONCE)


def test_a_client_that_sends_again_without_asking_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(session: ClientSession, requests: Iterable[ClientRequest]) -> list[ClientRequest]:
        session.send_again(list(requests), 0)
        return []

    monkeypatch.setattr(states, "ask", ask)
    assert found(ledger.AT_MOST_ONCE)


def test_a_client_that_calls_what_was_sent_unsent_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(self: Outbox, requests: Iterable[ClientRequest], code: int) -> list[Event]:
        events: list[Event] = []
        for request in list(requests):
            events += self.fail(request, ConnectionLost("it was not sent"))
        return events

    monkeypatch.setattr(Outbox, "repeat_or_fail", give_up)
    assert found(ledger.NOT_SENT)


def test_a_client_that_answers_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = Calls.outcomes

    def outcomes(self: Calls) -> Any:
        for outcome in answered(self):
            yield outcome
            yield outcome

    monkeypatch.setattr(Calls, "outcomes", outcomes)
    assert found(ledger.ANSWERED_ONCE)


def test_answers_that_are_mixed_up_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Outbox, "awaiting", lambda self, msg_id: next(iter(self._by_msg_id.values()), None))
    assert found(ledger.ANSWERED_ONCE)


def test_a_wait_without_end_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Front.call
    monkeypatch.setattr(Front, "call", lambda self, f, entry, timeout, after=(): call(self, f, entry, 1e6, after))
    assert found(ledger.IN_TIME)


def test_a_server_that_does_not_wait_for_the_call_before_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "_done", lambda session, msg_id: True)
    assert found(ledger.IN_ORDER)


@pytest.mark.parametrize(
    ("owner", "name", "broken"),
    [
        (Outbox, "_forget_ids", lambda self, request: None),
        (Kept, "drop", lambda self, msg_id: None),
        (ClientSession, "detach", lambda self, via: []),
        (TemporaryLink, "settled", lambda self: False),
    ],
)
def test_tables_that_only_grow_are_found(
    owner: type, name: str, broken: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, name, broken)
    assert found(ledger.BOUNDED)


def test_a_session_that_does_not_recover_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Outbox, "send_again", lambda self, requests, code: [])
    assert found(ledger.RECOVERED)


def test_what_raises_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def session(self: DataCenter, keys: object, session_id: int) -> object:
        raise KeyError(session_id)

    monkeypatch.setattr(DataCenter, "session", session)
    assert found(ledger.SOUND)


def test_what_never_comes_to_rest_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClientSession, "next_deadline", lambda self, via=None: self.env.monotonic())
    assert ledger.SOUND in {simulate(SEED).invariant}


# ---- the runner


def test_the_runner_tells_faults_and_outcomes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["simulation", "--runs", "3", "--seed", "1"])
    assert runner.main() == 0
    out = capsys.readouterr().out
    assert all(name in out for name in run.EVERY_FAULT)
    assert "0 violations" in out


def test_the_runner_shows_the_seed_and_the_log_of_a_violation(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(seed: int) -> Report:
        report = simulate(seed)
        report.violation, report.tail = "memory stays bounded: no", ["the last event"]
        return report

    monkeypatch.setattr(runner, "simulate", broken)
    monkeypatch.setattr(sys, "argv", ["simulation", "--runs", "1", "--seed", "5"])
    assert runner.main() == 1
    out = capsys.readouterr().out
    assert "seed 5: memory stays bounded: no" in out and "the last event" in out
