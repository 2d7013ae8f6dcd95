"""Case: one fault, over one transport, against one run of the client; the datacenter is its own, on a loopback port."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from math import inf
from pathlib import Path
from threading import Event

from mtproto.conform.evidence import Evidence, Habits
from mtproto.conform.judge import GROWTH, Judgement
from mtproto.conform.program import run, words
from mtproto.crypto.rsa import PrivateKey
from mtproto.environment import SystemEnvironment
from mtproto.record import Record
from mtproto.testdc import start_in_thread
from mtproto.testdc.accounts import API_HASH, API_ID, BOT_TOKEN, CAREFUL_PASSWORD, CAREFUL_PHONE
from mtproto.testdc.faults import Fault, FaultyDataCenter
from mtproto.testdc.faults.act import Act
from mtproto.transport.mtproxy import FAKE_TLS, Proxy, Secret

FAKE_TLS_TRANSPORT = "faketls"
PROXY_DOMAIN = "www.example.org"
PASSWORD, RESTART = "password", "restart"
SCENARIOS = {"srp_*": PASSWORD, "replay_after_restart": RESTART}
"""Faults that a client meets only if it does more, which MTPROTO_SCENARIO asks for. "password": it first signs in as
MTPROTO_PHONE with MTPROTO_CODE and MTPROTO_PASSWORD, and goes on as the bot; where that fails it is printed in place
of the first call. "restart": it ends its session between the calls and begins another one with the same auth key."""

OWN_VARIABLES = ("api_id", "api_hash", "bot_token", "proxy_link", "scenario", "phone", "code", "password", "pause",
                 "patience")  # fmt: skip
"""What stands in a client's environment, in capitals behind MTPROTO_."""

PAUSE, SLOW_PAUSE = 2.0, 140.0
"""Seconds between the calls; the longer one is for slow faults: a client pings after 60 s, and gives up 60 s later."""

SLOW_FACTOR = 18
"""How many times longer a client is given for each line where the fault is a slow one."""


class Case(Record):
    """``fault``, with ``argument``, over ``transport``. ``name``: that of the fault, with the transport behind a slash
    where it concerns several."""

    __slots__ = ("fault", "transport", "name", "argument")

    def __init__(self, fault: Fault, transport: str, name: str = "", argument: str | None = None) -> None:
        self.fault = fault
        self.transport = transport
        self.name = name or fault.name
        self.argument = argument

    @property
    def scenario(self) -> str:
        """What the client is asked to do besides, empty for nothing."""
        return next((asked for names, asked in SCENARIOS.items() if fnmatchcase(self.fault.name, names)), "")

    @property
    def way(self) -> tuple[str, str]:
        """Transport and scenario: cases that have them in common have one honest run."""
        return self.transport, self.scenario


class Result(Record):
    """What became of a case. ``evidence``: None where it was not run."""

    __slots__ = ("case", "judgement", "evidence")

    def __init__(self, case: Case, judgement: Judgement, evidence: Evidence | None = None) -> None:
        self.case = case
        self.judgement = judgement
        self.evidence = evidence

    @property
    def seconds(self) -> float:
        """How long the client ran."""
        return self.evidence.ended.at - self.evidence.ended.began if self.evidence is not None else 0.0


class Setting(Record):
    """What all cases of a run have in common: the client's ``command``, the server's ``key``, the ``key_file`` with its
    public half, the ``deadline`` of each line in seconds. ``stop``, once it is set, ends them all."""

    __slots__ = ("command", "key", "key_file", "deadline", "stop")

    def __init__(self, command: str, key: PrivateKey, key_file: Path, deadline: float) -> None:
        self.command = command
        self.key = key
        self.key_file = key_file
        self.deadline = deadline
        self.stop = Event()


def observe(setting: Setting, case: Case, habits: Habits | None = None) -> Evidence:
    """Run the client against the fault, or without ``habits`` against the honest datacenter.

    Raises UsageError where the client cannot be started, OSError where no port is left.
    """
    dc = FaultyDataCenter(
        SystemEnvironment(),
        case.fault,
        case.argument,
        private_key=setting.key,
        proxy_keys=[os.urandom(16)] if case.transport == FAKE_TLS_TRANSPORT else [],
    )
    if habits is None:
        dc.act = Act(dc, None)
    peak = inf if habits is None or habits.peak is None else habits.peak + GROWTH
    with start_in_thread(dc) as background:
        slow = case.fault.slow and habits is not None
        deadline = setting.deadline * (SLOW_FACTOR if slow else 1)
        values = placeholders(setting, dc, background.host, background.port, case)
        values |= pace(deadline, SLOW_PAUSE if slow else PAUSE)
        ended = run(words(setting.command, values), environment(values), deadline, peak, setting.stop)
        seen = background.run(lambda: list(dc.observations))
    return Evidence([item for item in seen if item.at <= ended.at], dc.injected, dc.canary_date, ended, deadline)


def placeholders(setting: Setting, dc: FaultyDataCenter, host: str, port: int, case: Case) -> dict[str, str]:
    """What a client's command can name in braces."""
    return {
        "host": host,
        "port": str(port),
        "public_key_file": str(setting.key_file),
        "transport": case.transport,
        "scenario": case.scenario,
        "dc_id": str(dc.dc_id),
        "fingerprint": str(dc.public_key.fingerprint),
        "modulus": f"{dc.public_key.n:x}",
        "exponent": str(dc.public_key.e),
        "api_id": str(API_ID),
        "api_hash": API_HASH,
        "bot_token": BOT_TOKEN,
        "phone": CAREFUL_PHONE,
        "code": CAREFUL_PHONE[5] * 5,
        "password": CAREFUL_PASSWORD,
        "proxy_link": proxy_link(host, port, dc.proxy.keys if dc.proxy is not None else ()),
    }


def pace(deadline: float, pause: float) -> dict[str, str]:
    """Seconds between the calls, and after which a client should give up waiting for an answer and print that."""
    return {"pause": f"{pause:g}", "patience": f"{max(0.8 * (deadline - pause), 1.0):g}"}


def proxy_link(host: str, port: int, keys: Sequence[bytes]) -> str:
    """The link of the MTProxy with fake TLS that the datacenter is, where it is one."""
    return Proxy(host, port, Secret(keys[0], FAKE_TLS, PROXY_DOMAIN)).link if keys else ""


def environment(values: Mapping[str, str]) -> dict[str, str]:
    """The environment of a client: this one, and who it is to be."""
    own = {f"MTPROTO_{name.upper()}": values[name] for name in OWN_VARIABLES}
    return {**os.environ, **own, "PYTHONUNBUFFERED": "1"}
