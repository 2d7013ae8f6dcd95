"""Standard error: steps, the running one on a terminal, messages with -v, fields with -vv, and no secrets."""

from __future__ import annotations

import gc
import io
import re
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mtproto.cli import call
from mtproto.crypto.rsa import PrivateKey
from mtproto.environment import SystemEnvironment
from mtproto.errors import MTProtoError, RpcError
from mtproto.session.events import Traced
from mtproto.testdc import Accounts, BackgroundDataCenter, DataCenter, User, start_in_thread
from mtproto.tl.registry import any_object, decode
from tests.cli.conftest import Command, at

METHOD = "account.getBotBusinessConnection"
MESSAGE = re.compile(
    r" *\d+\.\d{3} s  (out|in )  ?(\S+)  msg_id (\d+) seqno (-|\d+) (\d+) bytes(?: in container (\d+))?(?:  (.*))?"
)
CANARIES = {
    "api_hash": "canaryapihash00000000000000000000",
    "bot_auth_token": "2002:canary-bot-token",
    "phone": "4917012345670",
    "phone_code": "90817263",
    "phone_code_hash": "canary-code-hash",
    "password": "63616e6172792d70617373776f7264",
    "token": "63616e6172792d746f6b656e",
}


# ---- -v: one line for each message


def messages(err: str) -> list[tuple[str, ...]]:
    """Direction, name, msg_id, seqno, bytes, container, fields of every message line."""
    return [match.groups(default="") for line in err.splitlines() if (match := MESSAGE.fullmatch(line))]


@pytest.mark.parametrize("front_end", ["asyncio", "blocking"])
def test_verbose_shows_each_message_of_both_directions_once(mtproto: Command, front_end: str) -> None:
    ended = mtproto("call", METHOD, "connection_id=demo", "-v", "--front-end", front_end)
    seen = messages(ended.err)
    assert [(direction.strip(), name) for direction, name, *_ in seen[:6]] == [
        ("out", "req_pq_multi"),
        ("in", "resPQ"),
        ("out", "req_DH_params"),
        ("in", "server_DH_params_ok"),
        ("out", "set_client_DH_params"),
        ("in", "dh_gen_ok"),
    ]
    names = [name for _, name, *_ in seen]
    assert "invokeWithLayer(initConnection(auth.importBotAuthorization))" in names
    assert "rpc_result(auth.authorization)" in names
    assert names.count(METHOD) == 1
    assert names[-1] == "rpc_result(updates)"


def test_verbose_shows_membership_of_containers(mtproto: Command) -> None:
    seen = messages(mtproto("call", METHOD, "connection_id=container", "-v").err)
    containers = {msg_id for _, name, msg_id, *_ in seen if name == "msg_container"}
    members = {container for *_, container, _ in seen if container}
    assert containers and members == containers


def test_verbose_shows_numbers_and_never_a_field(mtproto: Command) -> None:
    seen = messages(mtproto("call", METHOD, "connection_id=gzip", "-v").err)
    assert all(fields == "" for *_, fields in seen)
    assert all(seqno == "-" for _, _, _, seqno, *_ in seen[:12])
    assert all(seqno.isdigit() for _, _, _, seqno, *_ in seen[12:])
    assert all(int(size) % 4 == 0 for _, _, _, _, size, *_ in seen)
    assert seen[-1][1] == "rpc_result(gzip_packed(updates))"


def test_the_lines_stand_in_the_order_of_their_times(mtproto: Command) -> None:
    err = mtproto("call", METHOD, "connection_id=demo", "-v").err
    times = [float(line.split()[0]) for line in err.splitlines() if MESSAGE.fullmatch(line)]
    assert len(times) > 10 and times == sorted(times)


def test_twice_verbose_adds_the_fields_without_secrets(mtproto: Command) -> None:
    ended = mtproto("call", METHOD, "connection_id=demo", "-vv")
    fields = {name: fields for _, name, *_, fields in messages(ended.err)}
    assert fields[METHOD] == f"{METHOD}(connection_id='demo')"
    assert "api_hash=<redacted>, bot_auth_token=<redacted>" in ended.err
    assert "nonce=<redacted>, server_nonce=<redacted>, pq=hex:" in fields["resPQ"]
    assert "server_salt=<redacted>" in fields["new_session_created"]
    assert "encrypted_answer=<redacted>" in fields["server_DH_params_ok"]


def test_twice_verbose_reads_results_that_only_their_query_explains(mtproto: Command) -> None:
    ended = mtproto("call", "users.getUsers", 'id=[{"_": "inputUserSelf"}]', "-vv")
    (fields,) = [fields for _, name, *_, fields in messages(ended.err) if name == "rpc_result(vector)"]
    assert "result=[user(self=True" in fields


def test_a_message_that_cannot_be_decoded_is_named_by_its_id(mtproto: Command) -> None:
    seen = messages(mtproto("call", METHOD, "connection_id=unknown", "-vv").err)
    assert seen[-1][1] == "rpc_result(#74ae4240)"
    assert "<not decoded: unknown_constructor>" in seen[-1][-1]


def test_a_long_message_is_cut(mtproto: Command) -> None:
    ended = mtproto("call", METHOD, "connection_id=big", "-vv", "--format", "hex")
    assert max(len(line) for line in ended.err.splitlines()) < 11_000


# ---- the terminal


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_running_step_stands_in_the_last_line(
    mtproto: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    assert mtproto("call", METHOD, "connection_id=nope").status == 3
    written = terminal.getvalue()
    steps = ("starting the embedded datacenter", "connecting to 127.0.0.1", "making an auth key", "logging in", METHOD)
    places = [written.index(f"\x1b[K{step}") for step in steps]
    assert places == sorted(places)
    assert written.count("starting the embedded datacenter ...") == 1
    left = [line.rsplit("\x1b[K", 1)[-1] for line in written.split("\n")]
    assert left[-2:] == ["400 CONNECTION_ID_INVALID", ""]
    assert left[0].endswith(tuple("0123456789")) and " ms  embedded datacenter" in left[0]


def test_off_a_terminal_there_are_no_control_characters(mtproto: Command) -> None:
    ended = mtproto("call", METHOD, "connection_id=nope", "-vv")
    assert ended.err.replace("\n", "").isprintable()


# ---- secrets (SEC-58)


class Observed:
    """A datacenter with canaries for secrets, which notes the messages it sees and the reprs of what is in memory."""

    def __init__(self, private_key: PrivateKey) -> None:
        accounts = Accounts.fixture()
        accounts.api_hash = CANARIES["api_hash"]
        accounts.add_bot(User(2002, 1, "Canary Bot", bot=True), CANARIES["bot_auth_token"])
        self.traced: list[Traced] = []
        self.reprs: list[str] = []
        self.dc = DataCenter(SystemEnvironment(), private_key=private_key, accounts=accounts, trace=self.traced.append)
        for name in ("auth.sendCode", "auth.signIn", "auth.checkPassword", "auth.importLoginToken"):
            self.dc.handle(name, self.look_around)

    def look_around(self, call: object) -> None:
        for value in gc.get_objects():
            if type(value).__module__.startswith("mtproto"):
                with suppress(AttributeError):  # one that is not made yet
                    self.reprs.append(repr(value))
        raise RpcError(400, "SEEN")

    def secrets(self) -> Iterator[str]:
        """Every form of every secret of the connections so far."""
        yield from CANARIES.values()
        yield from (bytes.fromhex(CANARIES[name]).decode() for name in ("password", "token"))
        for key in self.dc._keys.values():
            yield from forms(key.auth_key.data)
            yield from forms(key.salts.current(self.dc.time.now()).to_bytes(8, "little", signed=True))
            for session_id in key.sessions:
                yield from forms(session_id.to_bytes(8, "little", signed=True))
        for event in self.traced:
            if event.seqno is None:
                value = decode(event.body, any_object.read)
                for name in ("nonce", "server_nonce", "new_nonce_hash1", "encrypted_data", "encrypted_answer"):
                    if hasattr(value, name):
                        yield from forms(getattr(value, name))


def forms(data: bytes) -> set[str]:
    texts = {data.hex(), data[::-1].hex(), ascii(data)[2:-1]}
    for signed in (True, False):
        texts.add(str(int.from_bytes(data, "little", signed=signed)))
    return texts


@pytest.fixture
def observed(private_key: PrivateKey) -> Iterator[tuple[Observed, BackgroundDataCenter]]:
    watcher = Observed(private_key)
    with start_in_thread(watcher.dc) as running:
        yield watcher, running


SETTINGS = '{"_": "codeSettings"}'
SRP = '{"_": "inputCheckPasswordSRP", "srp_id": "1", "A": {"hex": "%s"}, "M1": {"hex": "%s"}}'
SECRET_CALLS = [
    ("auth.sendCode", f"phone_number={CANARIES['phone']}", "api_id=2000", f"api_hash={CANARIES['api_hash']}",
     f"settings={SETTINGS}"),
    ("auth.signIn", f"phone_number={CANARIES['phone']}", f"phone_code_hash={CANARIES['phone_code_hash']}",
     f"phone_code={CANARIES['phone_code']}"),
    ("auth.checkPassword", f"password={SRP % (CANARIES['password'], CANARIES['password'])}"),
    ("auth.importLoginToken", f"token={CANARIES['token']}"),
]  # fmt: skip


@pytest.mark.parametrize("words", SECRET_CALLS, ids=[words[0] for words in SECRET_CALLS])
@pytest.mark.requirement("SEC-58", "SEC-83")
def test_no_secret_is_in_any_output_repr_or_traceback(
    mtproto: Command,
    observed: tuple[Observed, BackgroundDataCenter],
    public_key: Path,
    tmp_path: Path,
    words: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    watcher, running = observed
    credentials = ("--api-id", "2000", "--api-hash", CANARIES["api_hash"], "--bot-token", CANARIES["bot_auth_token"])
    options = (*at(running.port, public_key), *credentials, "-vv", "--key-file", str(tmp_path / "key"))
    ended = mtproto("call", *words, *options)
    assert (ended.status, ended.line) == (3, "400 SEEN")
    assert running.dc.log.logins == 1
    with pytest.raises(MTProtoError) as error:
        call.run(call.parser().parse([*words, *options]))
    _, again = capsys.readouterr()
    trace = "".join(traceback.format_exception(error.value))
    seen = "\n".join((ended.out, ended.err, again, trace, repr(error.value), *watcher.reprs))
    assert len(watcher.reprs) > 100 and words[0] in seen and "RpcError: 400 SEEN" in trace
    secrets = list(watcher.secrets())
    assert len(secrets) > 40
    assert [secret for secret in secrets if secret in seen] == []


def test_field_values_are_no_part_of_verbose_output(
    mtproto: Command, observed: tuple[Observed, BackgroundDataCenter], public_key: Path
) -> None:
    options = (*at(observed[1].port, public_key), "--api-id", "2000", "-v")
    ended = mtproto("call", "auth.sendCode", "phone_number=1", "api_id=2000", "api_hash=value-of-a-field",
                    f"settings={SETTINGS}", *options)  # fmt: skip
    assert ended.status == 3
    assert "value-of-a-field" not in ended.err and "codeSettings" not in ended.err
