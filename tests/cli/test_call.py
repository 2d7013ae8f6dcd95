"""``mtproto call``: the main job, formats, credentials, key files, both front ends over every transport."""

from __future__ import annotations

import io
import json
import re
import stat
from pathlib import Path

import pytest

from mtproto.crypto.rsa import PrivateKey
from mtproto.environment import SystemEnvironment
from mtproto.schema.api import read_object
from mtproto.testdc import BackgroundDataCenter, DataCenter, start_in_thread
from mtproto.testdc.accounts import API_HASH, BOT_ID, BOT_TOKEN
from mtproto.tl.registry import decode
from mtproto.tl.text import from_json, to_line
from tests.cli.conftest import Command, as_bot, at
from tests.transports import EACH

METHOD = "account.getBotBusinessConnection"
DEMO = ("call", METHOD, "connection_id=demo")


def test_without_a_server_the_embedded_one_answers_and_the_result_is_json(mtproto: Command) -> None:
    ended = mtproto(*DEMO)
    assert ended.status == 0
    result = json.loads(ended.out)
    assert result["_"] == "updates"
    assert result["updates"][0]["connection"]["connection_id"] == "demo"
    assert result["updates"][0]["connection"]["user_id"] == "1000"


def test_standard_error_says_what_happened_and_how_long_each_step_took(mtproto: Command) -> None:
    steps = mtproto(*DEMO).err.splitlines()
    assert [re.sub(r"^ +\d+\.\d ms  |port \d+|[0-9a-f]{16}| \d+ bytes", "", step) for step in steps] == [
        "embedded datacenter 2 on 127.0.0.1 ",
        "connected to 127.0.0.1 , intermediate transport",
        "auth key made, auth_key_id ",
        "temporary key made and bound, auth_key_id ",
        f"logged in as bot {BOT_ID}",
        f"{METHOD} answered with",
    ]


@pytest.mark.parametrize("front_end", ["asyncio", "blocking"])
@pytest.mark.parametrize("transport", EACH)
def test_every_transport_and_front_end_and_the_second_call_makes_a_temporary_key_alone(
    mtproto: Command,
    dc: BackgroundDataCenter,
    reach: tuple[str, ...],
    tmp_path: Path,
    transport: str,
    front_end: str,
) -> None:
    options = (*reach, "--transport", transport, "--front-end", front_end, "--key-file", str(tmp_path / "key"))
    first, second = mtproto(*DEMO, *options), mtproto(*DEMO, *options)
    assert (first.status, second.status) == (0, 0)
    assert json.loads(second.out)["updates"][0]["connection"]["connection_id"] == "demo"
    assert "auth key made" in first.err and "logged in" in first.err
    assert " auth key made" not in second.err and "logged in" not in second.err
    assert "temporary key made and bound" in first.err and "temporary key made and bound" in second.err
    assert (dc.dc.log.exchanges, dc.dc.log.logins) == (3, 1)
    assert set(dc.dc.log.transports) <= {transport}


@pytest.mark.parametrize("transport", EACH)
def test_every_transport_calls_under_the_auth_key_itself_where_that_is_asked_for(
    mtproto: Command, dc: BackgroundDataCenter, reach: tuple[str, ...], transport: str
) -> None:
    ended = mtproto(*DEMO, *reach, "--transport", transport, "--no-pfs")
    assert ended.status == 0 and "temporary" not in ended.err
    assert dc.dc.log.exchanges == 1 and dc.dc.log.calls["auth.bindTempAuthKey"] == 0


def test_the_key_file_belongs_to_its_owner_and_remembers_the_bot(
    mtproto: Command, reach: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "key"
    assert mtproto(*DEMO, *reach, "--key-file", str(path)).status == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["user_id"] == str(BOT_ID)


def test_without_a_key_file_nothing_is_written(
    mtproto: Command, reach: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert mtproto(*DEMO, *reach).status == 0
    assert list(tmp_path.iterdir()) == []


def test_the_formats_say_the_same(mtproto: Command) -> None:
    shown = {form: mtproto(*DEMO, "--format", form).out for form in ("json", "tree", "line", "hex")}
    objects = [from_json(shown["json"]), decode(bytes.fromhex(shown["hex"]), read_object)]
    for value in objects:
        value.date = 0
    assert objects[0] == objects[1]
    assert re.sub(r"date=\d+, seq", "date=0, seq", shown["line"]).rstrip("\n") == to_line(
        objects[0], hidden=lambda combinator, field: False
    )
    assert shown["tree"].startswith("updates\n  updates: 1 items\n    - updateBotBusinessConnect\n")


def test_a_result_that_is_a_vector_is_shown_in_every_format(mtproto: Command) -> None:
    users = ("call", "users.getUsers", 'id=[{"_": "inputUserSelf"}]')
    assert json.loads(mtproto(*users).out)[0]["id"] == str(BOT_ID)
    assert mtproto(*users, "--format", "tree").out.startswith("1 items\n  - user")
    assert mtproto(*users, "--format", "line").out.startswith("[user(")
    assert mtproto(*users, "--format", "hex").out.startswith("15c4b51c01000000")


def test_a_big_packed_answer_arrives_whole(mtproto: Command) -> None:
    ended = mtproto("call", METHOD, "connection_id=big", "--format", "hex")
    assert ended.status == 0
    assert len(ended.out) > 2 * 200_000


@pytest.mark.parametrize("connection_id", ["disabled", "norights", "empty", "toolong", "two", "other"])
def test_odd_answers_are_results_too(mtproto: Command, connection_id: str) -> None:
    ended = mtproto("call", METHOD, f"connection_id={connection_id}")
    assert ended.status == 0
    assert json.loads(ended.out)["_"] in ("updates", "updatesTooLong")


@pytest.mark.parametrize("connection_id", ["gzip", "container", "salt"])
def test_odd_ways_of_answering_make_no_difference(mtproto: Command, connection_id: str) -> None:
    ended = mtproto("call", METHOD, f"connection_id={connection_id}")
    assert ended.status == 0
    assert json.loads(ended.out)["updates"][0]["connection"]["connection_id"] == connection_id


def test_options_may_stand_between_the_fields(mtproto: Command) -> None:
    assert mtproto("call", "--format", "line", METHOD, "--timeout", "20", "connection_id=demo").status == 0


def test_credentials_come_from_the_environment(
    mtproto: Command, dc: BackgroundDataCenter, public_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MTPROTO_API_ID", "2000")
    monkeypatch.setenv("MTPROTO_API_HASH", API_HASH)
    monkeypatch.setenv("MTPROTO_BOT_TOKEN", BOT_TOKEN)
    assert mtproto(*DEMO, *at(dc.port, public_key)).status == 0


def test_the_environment_s_credentials_are_not_shown_to_the_embedded_datacenter(
    mtproto: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MTPROTO_API_ID", "17")
    monkeypatch.setenv("MTPROTO_BOT_TOKEN", "17:mine")
    assert mtproto(*DEMO).status == 0


def test_a_bot_token_can_come_by_standard_input(
    mtproto: Command, dc: BackgroundDataCenter, public_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(BOT_TOKEN + "\n"))
    assert mtproto(*DEMO, *at(dc.port, public_key), *as_bot("-")).status == 0


def test_a_wrong_token_is_refused_by_the_server(mtproto: Command, dc: BackgroundDataCenter, public_key: Path) -> None:
    ended = mtproto(*DEMO, *at(dc.port, public_key), *as_bot("2000:wrong"))
    assert (ended.status, ended.line) == (3, "400 ACCESS_TOKEN_INVALID")


def test_without_a_token_the_call_is_made_without_a_login(
    mtproto: Command, dc: BackgroundDataCenter, public_key: Path
) -> None:
    options = (*at(dc.port, public_key), "--api-id", "2000")
    assert json.loads(mtproto("call", "help.getConfig", *options).out)["_"] == "config"
    ended = mtproto(*DEMO, *options)
    assert (ended.status, ended.line) == (3, "401 AUTH_KEY_UNREGISTERED")
    assert dc.dc.log.logins == 0


def test_a_key_file_of_one_bot_is_not_used_for_another(
    mtproto: Command, dc: BackgroundDataCenter, public_key: Path, reach: tuple[str, ...], tmp_path: Path
) -> None:
    key_file = ("--key-file", str(tmp_path / "key"))
    assert mtproto(*DEMO, *reach, *key_file).status == 0
    ended = mtproto(*DEMO, *at(dc.port, public_key), *as_bot("2001:other"), *key_file)
    assert (ended.status, dc.dc.log.calls[METHOD]) == (2, 1)
    assert "belongs to bot 2000, the token to bot 2001" in ended.line


def test_after_log_out_the_next_call_logs_in_again(
    mtproto: Command, dc: BackgroundDataCenter, reach: tuple[str, ...], tmp_path: Path
) -> None:
    options = (*reach, "--key-file", str(tmp_path / "key"))
    assert mtproto("call", "auth.logOut", *options).status == 0
    assert mtproto(*DEMO, *options).status == 0
    assert (dc.dc.log.exchanges, dc.dc.log.logins) == (3, 2)


@pytest.mark.requirement("MSG-114", "TR-57")
@pytest.mark.parametrize("age", [0, 61])
@pytest.mark.parametrize("pfs", ["--pfs", "--no-pfs"])
@pytest.mark.parametrize("front_end", ["asyncio", "blocking"])
def test_a_key_that_the_server_does_not_know_stays_in_its_file_until_a_new_one_is_asked_for(
    mtproto: Command, private_key: PrivateKey, public_key: Path, tmp_path: Path, front_end: str, pfs: str, age: int
) -> None:
    """MSG-114: a young key is tried again, an old one itself is asked about; TR-57: the file stays."""
    path = tmp_path / "key"
    options = (*as_bot(), "--key-file", str(path), "--front-end", front_end, pfs)
    with start_in_thread(DataCenter(SystemEnvironment(), private_key=private_key)) as first:
        assert mtproto(*DEMO, *at(first.port, public_key), *options).status == 0
    stored = json.loads(path.read_text())
    path.write_text(json.dumps({**stored, "created": stored["created"] - age}))
    before = path.read_bytes()
    with start_in_thread(DataCenter(SystemEnvironment(), private_key=private_key)) as second:
        ended = mtproto(*DEMO, *at(second.port, public_key), *options)
        assert ended.status == 4
        assert ended.line == f"the server does not know the key in {path}; use --new-key to replace it"
        assert path.read_bytes() == before
        assert mtproto(*DEMO, *at(second.port, public_key), *options, "--new-key").status == 0
    assert path.read_bytes() != before


def test_an_ipv6_address_stands_in_brackets(mtproto: Command, private_key: PrivateKey, public_key: Path) -> None:
    try:
        running = start_in_thread(DataCenter(SystemEnvironment(), private_key=private_key), "::1")
    except OSError:
        pytest.skip("no IPv6 here")
    with running:
        options = ("--dc", f"[::1]:{running.port}", "--public-key", str(public_key), *as_bot())
        assert mtproto(*DEMO, *options).status == 0


def test_a_dc_id_other_than_the_server_s_is_noticed(
    mtproto: Command, dc: BackgroundDataCenter, reach: tuple[str, ...]
) -> None:
    assert mtproto(*DEMO, *reach, "--dc-id", "3").status != 0
