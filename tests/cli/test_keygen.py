"""``mtproto keygen`` and ``mtproto vectors``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mtproto.testdc import BackgroundDataCenter
from mtproto.vectors.case import SHIPPED
from tests.cli.conftest import Command, as_bot, at
from tests.cli.servers import Loopback, silent


@pytest.mark.parametrize("front_end", ["asyncio", "blocking"])
def test_keygen_makes_a_key_and_says_what_it_did_but_not_the_key(
    mtproto: Command, dc: BackgroundDataCenter, public_key: Path, tmp_path: Path, front_end: str
) -> None:
    path = tmp_path / "key"
    ended = mtproto("keygen", *at(dc.port, public_key), "--key-file", str(path), "--front-end", front_end)
    assert ended.status == 0
    made, stored = json.loads(ended.out), json.loads(path.read_text())
    assert made["auth_key_id"] == stored["auth_key_id"]
    assert made["fingerprint"] == stored["fingerprint"]
    assert (made["dc_id"], made["environment"], made["key_file"]) == (2, "custom", str(path))
    assert stored["auth_key"] not in ended.out + ended.err
    for name in ("req_pq_multi", "resPQ", "req_DH_params", "server_DH_params_ok", "set_client_DH_params", "dh_gen_ok"):
        assert f" {name}  msg_id " in ended.err
    assert f"auth key made, auth_key_id {made['auth_key_id']}" in ended.err
    assert dc.dc.log.exchanges == 1


def test_a_made_key_serves_calls(mtproto: Command, dc: BackgroundDataCenter, public_key: Path, tmp_path: Path) -> None:
    options = (*at(dc.port, public_key), "--key-file", str(tmp_path / "key"))
    assert mtproto("keygen", *options).status == 0
    ended = mtproto("call", "account.getBotBusinessConnection", "connection_id=demo", *options, *as_bot())
    assert ended.status == 0
    assert (dc.dc.log.exchanges, dc.dc.log.logins) == (2, 1), "the second one made the temporary key"


def test_without_a_server_keygen_uses_the_embedded_one_and_keeps_nothing(
    mtproto: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = mtproto("keygen")
    assert ended.status == 0
    assert json.loads(ended.out)["key_file"] is None
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_is_there_is_replaced_only_on_request(
    mtproto: Command, dc: BackgroundDataCenter, public_key: Path, tmp_path: Path
) -> None:
    path = tmp_path / "key"
    options = (*at(dc.port, public_key), "--key-file", str(path))
    assert mtproto("keygen", *options).status == 0
    before = path.read_bytes()
    ended = mtproto("keygen", *options)
    assert (ended.status, ended.line) == (2, f"{path} holds an auth key already; use --new-key to replace it")
    assert path.read_bytes() == before
    assert mtproto("keygen", *options, "--new-key").status == 0
    assert path.read_bytes() != before


def test_a_key_exchange_that_fails_leaves_no_file(mtproto: Command, public_key: Path, tmp_path: Path) -> None:
    path = tmp_path / "key"
    with Loopback(silent) as server:
        ended = mtproto("keygen", *at(server.port, public_key), "--key-file", str(path), "--timeout", "0.3")
    assert (ended.status, ended.out, path.exists()) == (4, "", False)


def test_vectors_runs_the_file_that_it_is_given(mtproto: Command) -> None:
    ended = mtproto("vectors", str(SHIPPED / "kdf.json"))
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.splitlines()[-1] == "92 passed, 0 failed, 0 skipped"


def test_vectors_ends_with_1_where_one_fails(mtproto: Command, tmp_path: Path) -> None:
    text = (SHIPPED / "kdf.json").read_text()
    document = json.loads(text)
    test = next(test for group in document["groups"] for test in group["tests"] if test["result"] == "valid")
    name = next(iter(test["output"]))
    test["output"][name] = "00" * (len(test["output"][name]) // 2)
    (tmp_path / "wrong.json").write_text(json.dumps(document))
    ended = mtproto("vectors", str(tmp_path))
    assert ended.status == 1
    assert ended.out.splitlines()[-1] == "91 passed, 1 failed, 0 skipped"
