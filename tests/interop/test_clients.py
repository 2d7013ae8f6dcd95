"""Clients that nobody here wrote log in to the test datacenter and make the raw call.

Each runs as a program of its own (``peers/``), by the interpreter that ``MTPROTO_INTEROP_PYTHON`` names, else by this
one. Where that interpreter has not exactly the version named here the test is skipped; where the variable is set it
fails instead, so that a continuous build cannot skip by accident.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mtproto.crypto.rsa import PublicKey
from mtproto.environment import SystemEnvironment
from mtproto.testdc import BackgroundDataCenter, BusinessConnection, Call, DataCenter, Reply, start_in_thread
from mtproto.testdc.accounts import API_HASH, API_ID, BOT_ID, BOT_TOKEN, OWNER_ID
from tests.handshake.rig import KEY, OTHER_KEY

VARIABLE = "MTPROTO_INTEROP_PYTHON"
PYTHON = os.environ.get(VARIABLE) or sys.executable
PEERS = Path(__file__).parent / "peers"
VERSIONS = {"telethon": "1.45.0", "kurigram": "2.2.26"}
TIMEOUT = 90

ON_THE_WIRE = [
    ("telethon", "full"),
    ("telethon", "abridged"),
    ("telethon", "intermediate"),
    ("kurigram", "abridged"),
    ("kurigram", "full"),
    ("kurigram", "intermediate"),
    ("telethon", "obfuscated-abridged"),
    ("kurigram", "padded"),
    ("kurigram", "obfuscated-abridged"),
    ("kurigram", "obfuscated-intermediate"),
]
THROUGH_A_PROXY = ["obfuscated-abridged", "obfuscated-intermediate", "obfuscated-padded"]
PROXY_KEY = bytes(range(16))


@cache
def installed(package: str) -> str:
    """The version of a package that the peers' interpreter has, or an empty string."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    found = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, timeout=TIMEOUT, check=False)
    return found.stdout.strip()


def need(package: str) -> None:
    """Skip, or fail where the interpreter was given on purpose."""
    wanted, found = VERSIONS[package], installed(package)
    if found != wanted:
        reason = f"needs {package}=={wanted}, has {found or 'none'}; name an interpreter that has it in {VARIABLE}"
        pytest.fail(reason) if VARIABLE in os.environ else pytest.skip(reason)


def run_peer(background: BackgroundDataCenter, package: str, transport: str, **options: Any) -> Any:
    """What the peer program reports, having done what ``options`` say."""
    need(package)
    task = {
        "host": background.host,
        "port": background.port,
        "dc_id": background.dc.dc_id,
        **trusted(background.dc.public_key),
        "transport": transport,
        "api_id": API_ID,
        "api_hash": API_HASH,
        "bot_token": BOT_TOKEN,
        "receive_updates": True,
        "connection_ids": ["demo"],
        "log_out": False,
        "proxy_secret": None,
        "wait_for_update": False,
        **options,
    }
    program = str(PEERS / f"{package}_peer.py")
    done = subprocess.run(
        [PYTHON, "-W", "ignore", program],
        input=json.dumps(task),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


def trusted(key: PublicKey) -> dict[str, Any]:
    """The key that the peer trusts, in the forms that peers take."""
    return {"public_key_pem": key.to_pem(), "n": hex(key.n), "e": key.e, "fingerprint": key.fingerprint}


def serve() -> BackgroundDataCenter:
    return start_in_thread(DataCenter(SystemEnvironment(), private_key=KEY, proxy_keys=[PROXY_KEY]))


def connections(answer: Any) -> list[Any]:
    return [update["connection"] for update in answer["updates"]]


def dropped_zeros(dc: DataCenter) -> int:
    """Keys that begin with a zero byte, one in 256: Telethon hashes them without it, refuses them and begins again."""
    return sum(key.auth_key.data[0] == 0 for key in dc._keys.values())


@pytest.mark.parametrize(("package", "transport"), ON_THE_WIRE)
def test_a_published_client_logs_in_and_makes_the_raw_call(package: str, transport: str) -> None:
    with serve() as background:
        report = run_peer(background, package, transport)
    log = background.dc.log
    assert log.exchanges == 1 + (dropped_zeros(background.dc) if package == "telethon" else 0)
    assert log.logins == 1
    assert log.calls["account.getBotBusinessConnection"] == 1
    assert set(log.transports) == {transport}
    assert not log.faults
    assert report["user_id"] == BOT_ID
    (connection,) = connections(report["answers"]["demo"])
    assert (connection["connection_id"], connection["user_id"], connection["dc_id"]) == ("demo", OWNER_ID, 2)
    assert connection["rights"]["reply"] is True


@pytest.mark.parametrize("transport", THROUGH_A_PROXY)
def test_a_published_client_goes_through_our_proxy(transport: str) -> None:
    with serve() as background:
        report = run_peer(background, "telethon", transport, proxy_secret=PROXY_KEY.hex())
    assert report["user_id"] == BOT_ID
    assert connections(report["answers"]["demo"])[0]["connection_id"] == "demo"
    assert set(background.dc.log.transports) == {transport}
    assert not background.dc.log.faults


@pytest.mark.parametrize("package", VERSIONS)
def test_a_published_client_understands_every_shape_of_the_answer(package: str) -> None:
    """Packed, in a container, after bad_server_salt, after three seconds, over 200 kB, and errors."""
    ids = [
        "disabled",
        "norights",
        "empty",
        "toolong",
        "two",
        "other",
        "gzip",
        "container",
        "salt",
        "slow",
        "big",
        "nope",
    ]
    with serve() as background:
        answers = run_peer(background, package, "abridged", connection_ids=ids)["answers"]
    assert background.dc.log.calls["account.getBotBusinessConnection"] == len(ids) + 1, "salt was asked twice"
    assert not background.dc.log.faults
    assert connections(answers["disabled"])[0]["disabled"] is True
    assert connections(answers["norights"])[0].get("rights") is None
    assert answers["empty"]["updates"] == []
    assert answers["toolong"]["_"].endswith("UpdatesTooLong")
    assert [connection["connection_id"] for connection in connections(answers["two"])] == ["two", "demo"]
    for connection_id in ("gzip", "container", "salt", "slow", "big"):
        assert connections(answers[connection_id])[0]["connection_id"] == connection_id
    assert len(answers["big"]["users"]) == 1001
    assert answers["nope"]["code"] == 400


@pytest.mark.parametrize("package", VERSIONS)
def test_a_published_client_receives_an_update(package: str) -> None:
    with serve() as background:

        def push(call: Call) -> Reply:
            background.dc.set_connection(BusinessConnection("news"))
            return True

        background.run(lambda: background.dc.handle("account.updateStatus", push))
        report = run_peer(background, package, "abridged", wait_for_update=True, connection_ids=[])
    assert report["update"]["connection"]["connection_id"] == "news"


def test_a_published_client_without_updates_wraps_every_call_and_is_served() -> None:
    with serve() as background:
        report = run_peer(background, "telethon", "full", receive_updates=False, log_out=True)
    assert connections(report["answers"]["demo"])[0]["connection_id"] == "demo"
    assert report["logged_out"] is True
    assert background.dc.log.calls["auth.logOut"] == 1
    assert not background.dc.log.faults


@pytest.mark.parametrize("package", VERSIONS)
def test_a_published_client_is_told_that_its_token_is_wrong(package: str) -> None:
    with serve() as background:
        report = run_peer(background, package, "abridged", bot_token="2000:wrong")
    assert report["login"] == "AccessTokenInvalid"
    assert background.dc.log.errors["ACCESS_TOKEN_INVALID"] == 1
    assert background.dc.log.logins == 0


@pytest.mark.parametrize("package", VERSIONS)
def test_a_published_client_that_trusts_another_key_makes_no_key(package: str) -> None:
    with serve() as background:
        report = run_peer(background, package, "abridged", **trusted(OTHER_KEY.public))
    assert report["login"] == "no key"
    assert background.dc.log.exchanges == 0
