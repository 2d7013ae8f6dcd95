"""``--mtproxy`` and ``mtproto dc --mtproxy``: the three kinds of links, and what does not go together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mtproto.cli.arguments import FRONT_ENDS
from mtproto.transport.mtproxy import FAKE_TLS, PADDED, PLAIN, Proxy, Secret
from tests.cli.conftest import Command

METHOD = ("call", "account.getBotBusinessConnection", "connection_id=demo")
KINDS = {"plain": PLAIN, "dd": PADDED, "ee": FAKE_TLS}
LINK = Proxy("127.0.0.1", 9, Secret(bytes(range(16)))).link


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """``mtproto dc --mtproxy`` as a program of its own; its first line, and the options that it gives a client."""
    command = [sys.executable, "-m", "mtproto", "dc", "--mtproxy"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        line: dict[str, Any] = json.loads(process.stdout.readline())
        pem = tmp_path_factory.mktemp("dc") / "pem"
        pem.write_text(line["public_key_pem"])
        line["options"] = ("--public-key", str(pem), "--api-id", str(line["api_id"]), "--api-hash", line["api_hash"],
                           "--bot-token", line["bot_token"])  # fmt: skip
        yield line
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_the_first_line_has_a_link_of_each_kind(running: dict[str, Any]) -> None:
    proxies = {name: Proxy.parse(link) for name, link in running["mtproxy_links"].items()}
    assert {name: proxy.secret.kind for name, proxy in proxies.items()} == KINDS
    assert {(proxy.host, proxy.port) for proxy in proxies.values()} == {(running["host"], running["port"])}
    assert len({proxy.secret.key for proxy in proxies.values()}) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_a_call_goes_through_each_link(mtproto: Command, running: dict[str, Any], kind: str, front_end: str) -> None:
    link = running["mtproxy_links"][kind]
    ended = mtproto(
        *METHOD, "--dc", "127.0.0.1:1", *running["options"], "--mtproxy", link, "--front-end", front_end, "-v"
    )
    assert ended.status == 0, ended.err
    assert json.loads(ended.out)["updates"][0]["connection"]["connection_id"] == "demo"
    assert f"port {running['port']}, {KINDS[kind]} MTProxy transport" in ended.err
    secret = Proxy.parse(link).secret
    assert secret.to_text() not in ended.err and secret.key.hex() not in ended.err


def test_direct_connections_are_served_at_the_same_port(mtproto: Command, running: dict[str, Any]) -> None:
    address = f"{running['host']}:{running['port']}"
    assert mtproto(*METHOD, "--dc", address, *running["options"]).status == 0


def test_a_wrong_secret_is_one_line_and_status_4(mtproto: Command, running: dict[str, Any]) -> None:
    for kind in KINDS.values():
        secret = Secret(b"\x77" * 16, kind, "example.org" if kind == FAKE_TLS else "")
        link = Proxy(running["host"], running["port"], secret).link
        ended = mtproto(*METHOD, "--dc", "127.0.0.1:1", *running["options"], "--mtproxy", link)
        assert (ended.status, ended.out) == (4, "")
        assert ended.line == "the proxy closed the connection, as it does for a wrong secret"


def test_another_datacenter_is_one_line_and_status_4(mtproto: Command, running: dict[str, Any]) -> None:
    link = running["mtproxy_links"]["ee"]
    ended = mtproto(*METHOD, "--dc", "127.0.0.1:1", "--dc-id", "4", *running["options"], "--mtproxy", link)
    assert (ended.status, ended.line) == (4, "transport error -444 (invalid datacenter)")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--mtproxy", LINK), "--mtproxy goes with --dc or --test-dc"),
        (("--dc", "2", "--mtproxy", "tg://socks?server=h"), "no proxy link"),
        (("--dc", "2", "--mtproxy", LINK.replace("000102", "zz")), "a proxy secret"),
        (("--dc", "2", "--mtproxy", LINK, "--transport", "full"), "goes with the transport"),
        (("--dc", "2", "--mtproxy", LINK, "--transport", "websocket"), "goes with the transport"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_sent(
    mtproto: Command, arguments: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    ended = mtproto(*METHOD, *arguments, "--api-id", "1", "--api-hash", "x")
    assert (ended.status, ended.out) == (2, "")
    assert reason in ended.line
    assert "0405060708" not in ended.err
