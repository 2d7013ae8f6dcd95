"""What only a process of its own shows: signals, closed pipes, the datacenter's two terminals, what --help imports."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mtproto.crypto.rsa import PrivateKey, PublicKey
from mtproto.errors import UsageError
from mtproto.vectors.case import SHIPPED
from tests.cli.conftest import Command
from tests.transports import INSTALLED

METHOD = "account.getBotBusinessConnection"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": "1"}


def start(*argv: str, **keywords: Any) -> subprocess.Popen[str]:
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | keywords
    return subprocess.Popen([sys.executable, "-m", "mtproto", *argv], text=True, env=ENVIRONMENT, **streams)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


@contextmanager
def datacenter(*argv: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    with start("dc", *argv) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def reach(first_line: dict[str, Any], folder: Path) -> list[str]:
    """The options of ``call`` that its first line gives."""
    pem = folder / "public.pem"
    pem.write_text(first_line["public_key_pem"])
    return ["--dc", f"{first_line['host']}:{first_line['port']}", "--public-key", str(pem),
            "--api-id", str(first_line["api_id"]), "--api-hash", first_line["api_hash"],
            "--bot-token", first_line["bot_token"]]  # fmt: skip


# ---- mtproto dc


def test_the_first_line_of_dc_says_all_that_a_client_needs(mtproto: Command, tmp_path: Path) -> None:
    with datacenter() as (process, first):
        assert list(first) == [
            "host", "port", "dc_id", "layer", "public_key_pem", "fingerprint", "api_id", "api_hash", "bot_token",
            "connection_id", "big_connection_id", "transports", "legacy_key_exchange",
        ]  # fmt: skip
        assert (first["host"], first["dc_id"], first["layer"]) == ("127.0.0.1", 2, 229)
        assert (first["connection_id"], first["big_connection_id"]) == ("demo", "big")
        assert first["transports"] == list(INSTALLED)
        assert first["legacy_key_exchange"] is True
        fingerprint = PublicKey.from_pem(first["public_key_pem"]).fingerprint
        assert first["fingerprint"] == f"{fingerprint & 2**64 - 1:016x}"
        for connection_id in (first["connection_id"], first["big_connection_id"]):
            ended = mtproto("call", METHOD, f"connection_id={connection_id}", *reach(first, tmp_path))
            assert ended.status == 0
        process.terminate()
        assert finish(process) == (0, "", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_dc_within_a_second_though_clients_are_connected(number: signal.Signals) -> None:
    with datacenter() as (process, first), socket.create_connection(("127.0.0.1", first["port"])) as client:
        client.sendall(b"\xee\xee\xee\xee\x14\x00\x00\x00")
        sent = time.monotonic()
        process.send_signal(number)
        assert finish(process) == (0, "", "")
        assert time.monotonic() - sent < 1


def test_dc_takes_its_number_port_and_key_from_its_options(tmp_path: Path, private_key: PrivateKey) -> None:
    key = tmp_path / "private.pem"
    key.write_text(private_key.to_pem())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with datacenter("--port", str(port), "--dc-id", "7", "--private-key", str(key), "--strict") as (_, first):
        assert (first["port"], first["dc_id"], first["legacy_key_exchange"]) == (port, 7, False)
        assert first["fingerprint"] == f"{private_key.public.fingerprint & 2**64 - 1:016x}"


def test_a_port_in_use_is_a_wrong_argument(mtproto: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = mtproto("dc", "--port", str(port))
    assert (ended.status, ended.out) == (2, "")
    assert ended.err == f"cannot listen at 127.0.0.1 port {port}: Address already in use\n"


def test_an_address_of_another_machine_is_a_wrong_argument(mtproto: Command) -> None:
    ended = mtproto("dc", "--host", "192.0.2.1")
    assert (ended.status, ended.out) == (2, "")
    assert ended.line.startswith("cannot listen at 192.0.2.1 port 0: ")


def test_a_name_that_can_be_none_is_one_line_and_status_2(mtproto: Command) -> None:
    ended = mtproto("dc", "--host", "a..b")
    assert (ended.status, ended.line) == (2, "cannot listen at a..b port 0: no such host")


def test_a_host_that_others_reach_is_warned_of_once() -> None:
    with datacenter("--host", "0.0.0.0") as (process, _):
        process.terminate()
        status, _, err = finish(process)
    assert status == 0
    assert err.splitlines() == [
        "warning: 0.0.0.0 is reachable by others; the datacenter has a public fixture token and accepts the older "
        "forms of the key exchange"
    ]


@pytest.mark.requirement("SEC-84")
def test_a_key_whose_fingerprint_begins_with_zero_is_used_with_a_warning(
    tmp_path: Path, private_key: PrivateKey
) -> None:
    key = tmp_path / "private.pem"
    key.write_text(low_fingerprint(private_key).to_pem())
    with datacenter("--private-key", str(key)) as (process, first):
        assert first["fingerprint"][0] == "0"
        process.terminate()
        _, _, err = finish(process)
    assert err.startswith("warning: the key's fingerprint begins with a zero") and len(err.splitlines()) == 1


def low_fingerprint(key: PrivateKey) -> PrivateKey:
    """A key of the same primes with an exponent that gives a fingerprint below 2^60: one exponent in 16 does."""
    for e in range(3, 100_000, 2):
        try:
            other = PrivateKey(key._p, key._q, e)
        except UsageError:
            continue
        if other.public.fingerprint % (1 << 64) < 1 << 60:
            return other
    raise AssertionError("no exponent found")


# ---- signals and pipes


@pytest.mark.parametrize("front_end", ["asyncio", "blocking"])
def test_an_interrupt_ends_a_waiting_call_with_130_and_one_line(front_end: str) -> None:
    with start("call", METHOD, "connection_id=silent", "--front-end", front_end) as process:
        assert process.stderr is not None
        while "logged in" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        assert finish(process) == (130, "", "interrupted\n")


def test_a_reader_that_has_gone_ends_it_with_141_and_silence() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with start("call", METHOD, "connection_id=demo", stdout=writing) as process:
        os.close(writing)
        status, _, err = finish(process)
    assert status == 141
    assert "answered" in err.splitlines()[-1]


def test_a_reader_that_has_gone_does_not_disturb_help_either() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with start("--help", stdout=writing) as process:
        os.close(writing)
        assert finish(process)[2] == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_an_error_in_one_line() -> None:
    with open("/dev/full", "w") as full, start("vectors", str(SHIPPED / "kdf.json"), stdout=full) as process:
        status, _, err = finish(process)
    assert (status, err) == (1, "the output cannot be written: No space left on device\n")


def test_a_closed_standard_error_changes_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    for words, status in ((["connection_id=demo"], 0), (["connection_id=nope"], 3), ([], 2)):
        with start("call", METHOD, *words, stderr=writing) as process:
            ended, out, _ = finish(process)
        assert ended == status
        assert bool(out) is (status == 0)
    os.close(writing)


def test_a_closed_standard_output_is_an_error_of_its_own() -> None:
    command = [sys.executable, "-m", "mtproto", "schema", "layers"]
    ended = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *command], stderr=subprocess.PIPE, text=True)
    assert (ended.returncode, ended.stderr) == (1, "the output cannot be written: there is no standard output\n")


# ---- start-up


def test_help_needs_neither_cryptography_nor_the_schema() -> None:
    code = "import sys; from mtproto.cli import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT, timeout=30)
    loaded = set(result.stderr.split())
    assert "mtproto.cli" in loaded
    assert not loaded & {"cryptography", "asyncio", "ssl", "mtproto.schema.api", "mtproto.crypto.rsa"}
