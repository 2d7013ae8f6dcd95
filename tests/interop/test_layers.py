"""Published clients of older layers log in to the test datacenter, each in its own layer.

Each runs as a program of its own (``peers/``), where an environment variable says where it is installed: otherwise
the test is skipped. Where the variable is set and the exact version named here is missing, the test fails.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mtproto.testdc import BackgroundDataCenter
from mtproto.testdc.accounts import API_HASH, API_ID, BOT_ID, BOT_TOKEN, OWNER_ID, Accounts
from mtproto.transport import client_transport
from tests.interop.test_clients import PEERS, TIMEOUT, connections, serve, trusted

PYTHON = "MTPROTO_INTEROP_PYROGRAM"
"""An interpreter that has Pyrogram; another than Kurigram's, which has a package of the same name."""

NODE = "MTPROTO_INTEROP_NODE"
"""A folder whose node_modules has GramJS and mtcute; ``node`` is taken from the PATH."""

PYROGRAM = "2.0.106"
PACKAGES = {"telegram": "2.26.22", "@mtcute/node": "0.30.3"}
PEER_OF = {"telegram": "gramjs_peer.js", "@mtcute/node": "mtcute_peer.mjs"}
LAYER_OF = {"telegram": 198, "@mtcute/node": 227}
SHAPES = ["demo", "disabled", "empty", "toolong", "two", "gzip", "container", "salt", "slow", "big", "nope"]


def task(background: BackgroundDataCenter, transport: str, **options: Any) -> str:
    owner = Accounts.fixture().users[OWNER_ID]
    return json.dumps(
        {
            "host": background.host,
            "port": background.port,
            "dc_id": background.dc.dc_id,
            **trusted(background.dc.public_key),
            "fingerprint_text": str(background.dc.public_key.fingerprint),
            "transport": transport,
            "api_id": API_ID,
            "api_hash": API_HASH,
            "bot_token": BOT_TOKEN,
            "owner_id": OWNER_ID,
            "owner_hash": owner.access_hash,
            "receive_updates": True,
            "pfs": False,
            "connection_ids": ["demo"],
            **options,
        }
    )


def run(command: list[str], given: str) -> Any:
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0 and done.stdout, done.stderr[-4000:]
    return json.loads(done.stdout)


def pyrogram() -> list[str]:
    """The command that runs the Pyrogram peer."""
    python = os.environ.get(PYTHON)
    if python is None:
        pytest.skip(f"needs an interpreter with pyrogram=={PYROGRAM}, named in {PYTHON}")
    code = "from importlib.metadata import version; print(version('pyrogram'))"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert found.stdout.strip() == PYROGRAM, f"{PYTHON} has pyrogram {found.stdout.strip() or 'not'}"
    return [python, "-W", "ignore", str(PEERS / "pyrogram_peer.py")]


def node(package: str) -> list[str]:
    """The command that runs the peer of an npm package."""
    folder = os.environ.get(NODE)
    if folder is None:
        pytest.skip(f"needs {package}@{PACKAGES[package]} below the folder named in {NODE}")
    program = shutil.which("node")
    assert program is not None, f"{NODE} is set, and there is no node"
    manifest = Path(folder, "node_modules", package, "package.json")
    assert manifest.exists(), f"{NODE} has no {package}"
    assert json.loads(manifest.read_text("utf-8"))["version"] == PACKAGES[package]
    return [program, str(PEERS / PEER_OF[package]), str(Path(folder).resolve())]


def announced(background: BackgroundDataCenter) -> set[int | None]:
    return background.run(lambda: {key.layer for key in background.dc._keys.values()})


@pytest.mark.parametrize("transport", ["abridged", "full", "intermediate"])
def test_a_client_of_layer_158_logs_in_and_reads_its_own_constructors(transport: str) -> None:
    command = pyrogram()
    with serve() as background:
        report = run(command, task(background, transport))
        assert announced(background) == {158}
    assert not background.dc.log.faults
    assert background.dc.log.logins == 1
    assert set(background.dc.log.transports) == {transport}
    assert (report["layer"], report["user_id"]) == (158, BOT_ID)
    assert report["config"]["this_dc"] == 2
    assert report["owner"]["users"][0]["first_name"] == "Olga"
    assert report["owner"]["full_user"]["id"] == OWNER_ID
    assert report["state"]["_"] == "types.updates.State"
    assert report["difference"]["_"] == "types.updates.DifferenceEmpty"


def test_a_client_of_layer_158_is_told_that_its_token_is_wrong() -> None:
    command = pyrogram()
    with serve() as background:
        report = run(command, task(background, "abridged", bot_token="2000:wrong"))
    assert report == {"login": "AccessTokenInvalid"}


@pytest.mark.parametrize(
    ("package", "transport"),
    [
        ("telegram", "full"),
        ("telegram", "abridged"),
        ("telegram", "obfuscated"),
        ("@mtcute/node", "intermediate"),
        ("@mtcute/node", "padded"),
        ("@mtcute/node", "obfuscated-intermediate"),
    ],
)
def test_a_client_of_layer_198_or_227_logs_in_and_makes_the_raw_call(package: str, transport: str) -> None:
    command = node(package)
    if transport.startswith("obfuscated"):
        need_obfuscation()
    with serve() as background:
        # GramJS reads an abridged packet by one read of the socket, so that a long one comes short.
        shapes = [shape for shape in SHAPES if (shape, package, transport) != ("big", "telegram", "abridged")]
        report = run(command, task(background, transport, connection_ids=shapes))
        assert announced(background) == {LAYER_OF[package]}
    assert not background.dc.log.faults
    assert background.dc.log.logins == 1
    assert report["user_id"] == BOT_ID
    answers = report["answers"]
    (connection,) = connections(answers["demo"])
    assert (connection["connectionId"], int(connection["userId"]), connection["dcId"]) == ("demo", OWNER_ID, 2)
    if package == "telegram":
        assert connection["canReply"] is True
        assert "rights" not in connection
    else:
        assert connection["rights"]["reply"] is True
    assert connections(answers["disabled"])[0]["disabled"] is True
    assert answers["empty"]["updates"] == []
    assert [connection["connectionId"] for connection in connections(answers["two"])] == ["two", "demo"]
    for connection_id in ("gzip", "container", "salt", "slow"):
        assert connections(answers[connection_id])[0]["connectionId"] == connection_id
    if "big" in shapes:
        assert len(answers["big"]["users"]) == 1001
    assert answers["nope"] == {"error": "CONNECTION_ID_INVALID", "code": 400}


@pytest.mark.parametrize("transport", ["intermediate", "obfuscated-intermediate"])
def test_a_client_that_nobody_here_wrote_binds_a_temporary_key_and_calls_under_it(transport: str) -> None:
    """MSG-107, MSG-113: mtcute's binding, judged by ours."""
    command = node("@mtcute/node")
    with serve() as background:
        report = run(command, task(background, transport, pfs=True, connection_ids=["demo", "big", "salt"]))
        keys = background.run(lambda: list(background.dc._keys.values()))
    log = background.dc.log
    assert not log.faults and log.calls["auth.bindTempAuthKey"] >= 1 and log.logins == 1
    assert not {"ENCRYPTED_MESSAGE_INVALID", "AUTH_KEY_PERM_EMPTY"} & log.errors.keys()
    assert any(key.permanent is not None and key.client is not None for key in keys), "calls came under a bound key"
    assert all(key.client is None for key in keys if key.expires_at is None), "and none under the permanent one"
    assert report["user_id"] == BOT_ID
    assert connections(report["answers"]["demo"])[0]["connectionId"] == "demo"
    assert len(report["answers"]["big"]["users"]) == 1001


def need_obfuscation() -> None:
    """Skip where the library has no obfuscated transport."""
    from mtproto.environment import SystemEnvironment
    from mtproto.errors import UsageError

    try:
        client_transport("obfuscated-intermediate", SystemEnvironment())
    except UsageError:
        pytest.skip("the datacenter has no obfuscated transport")
