"""Exit status 2: what is wrong with the arguments is said in one line, before anything is started or sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.cli.conftest import Command, as_bot
from tests.cli.servers import Loopback, silent

METHOD = "account.getBotBusinessConnection"
CALL = ("call", METHOD, "connection_id=demo")


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, form: str) -> bytes:
    if form == "public":
        return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ((), "expected a command"),
        (("calll",), "'calll'"),
        (("call",), "METHOD"),
        (("call", "account.getBotBusinesConnection"), "did you mean account.getBotBusinessConnection"),
        (("call", "botBusinessConnection"), "constructor, not a function"),
        (("call", METHOD), "connection_id is missing; it expects a string"),
        (("call", METHOD, "conection_id=demo"), "no field 'conection_id'; it has connection_id"),
        (("call", METHOD, "connection_id=a", "connection_id=b"), "connection_id is given twice"),
        (("call", METHOD, "demo"), "argument 1 after account.getBotBusinessConnection is no name=value"),
        (("call", "users.getUsers", "id=1"), "users.getUsers: id: expects a list"),
        (("call", "users.getUsers", "id=[{]"), "users.getUsers: id: bad JSON"),
        (("call", "users.getUsers", 'id=[{"_": "inputUserSelf"'), "bad JSON"),
        (("call", "users.getUsers", 'id=[{"_": "inputPeerSelf"}]'), "id"),
        (("call", "messages.getDialogFilters", "x=1"), "it has none"),
        (("call", "updates.getDifference", "pts=many", "date=0", "qts=0"), "pts: expects a 32-bit integer"),
        (("call", "updates.getDifference", "pts=2147483648", "date=0", "qts=0"), "32-bit integer; the number is out"),
        (("call", "messages.getDhConfig", "version=0", "random_length="), "random_length: expects a 32-bit integer"),
        (("call", "account.updateStatus", "offline=yes"), "offline: expects true or false"),
        (("call", "upload.saveFilePart", "file_id=1", "file_part=0", "bytes=zz"), "bytes: expects hexadecimal digits"),
        ((*CALL, "--format", "xml"), "--format"),
        ((*CALL, "--transport", "smoke"), "--transport"),
        ((*CALL, "--timeout", "0"), "--timeout: expects a positive number of seconds"),
        ((*CALL, "--timeout", "nan"), "--timeout"),
        ((*CALL, "--unknown"), "unknown argument --unknown"),
        ((*CALL, "--new-key"), "--new-key goes with --key-file"),
        ((*CALL, "--api-id", "x"), "--api-id: expects a positive number"),
        ((*CALL, "--dc", "2", "--test-dc", "2"), "not allowed with"),
        ((*CALL, "--dc", "6", *as_bot()), "no production datacenter 6: expected one of 1, 2, 3, 4, 5"),
        ((*CALL, "--test-dc", "4", *as_bot()), "no test datacenter 4: expected one of 1, 2, 3"),
        ((*CALL, "--dc", "2"), "missing api id: give --api-id or set MTPROTO_API_ID"),
        ((*CALL, "--dc", "2", "--api-id", "1", "--bot-token", "1:a"), "missing api hash"),
        ((*CALL, "--dc", "2", "--public-key", "x"), "--public-key goes with --dc HOST:PORT"),
        ((*CALL, "--public-key", "x"), "--public-key goes with --dc HOST:PORT"),
        ((*CALL, "--dc-id", "2"), "--dc-id goes with --dc HOST:PORT"),
        ((*CALL, "--dc", "127.0.0.1:1"), "--public-key FILE"),
        (("dc", "--port", "65536"), "--port: expects a port"),
        (("dc", "--port", "http"), "--port: expects a port"),
        ((*CALL, "--dc", "0"), "no production datacenter 0: expected one of 1, 2, 3, 4, 5"),
        ((*CALL, "--dc", "9" * 30), "no production datacenter"),
        (("dc", "--dc-id", "0"), "--dc-id: expects a positive number"),
        (("dc", "--dc-id", "100000"), "dc_id"),
        (("dc", "extra"), "unknown argument extra"),
        (("vectors", "no/such/file.json"), "no/such/file.json"),
    ],
)
def test_wrong_arguments_end_in_one_line_that_says_what_is_wrong(
    mtproto: Command, argv: tuple[str, ...], said: str
) -> None:
    ended = mtproto(*argv)
    assert (ended.status, ended.out) == (2, "")
    assert len(ended.err.splitlines()) == 1
    assert said in ended.line


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.0.0.1:", ":443", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:http", "::1:443", "[::1]",
     "[::1]443", "[127.0.0.1]:443", "[]:443", "host name:443", "a..b:443", "127.0.0.1:٤٤٣", "127.0.0.1:-1", "",
     "1.2.3.4:443\n"],
)  # fmt: skip
def test_what_is_no_address_is_refused(mtproto: Command, public_key: Path, address: str) -> None:
    ended = mtproto(*CALL, "--dc", address, "--public-key", str(public_key), *as_bot())
    assert (ended.status, ended.out, len(ended.err.splitlines())) == (2, "", 1)
    assert "expected HOST:PORT or [IPV6]:PORT" in ended.line


@pytest.mark.parametrize("command", [CALL, ("keygen",)])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        (b"", "not an unencrypted public key in PEM form"),
        (b"-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----\n", "PEM form"),
        (pem(ec.generate_private_key(ec.SECP256R1()), "public"), "not an RSA key"),
        (pem(rsa.generate_private_key(65537, 1024), "public"), "1024 bits, not 2048"),
    ],
)
def test_a_public_key_that_is_none_is_refused_before_anything_is_sent(
    mtproto: Command, tmp_path: Path, command: tuple[str, ...], content: bytes | None, said: str
) -> None:
    path = tmp_path / "key.pem"
    if content is not None:
        path.write_bytes(content)
    with Loopback(silent) as server:
        credentials = as_bot() if command == CALL else ()
        ended = mtproto(*command, "--dc", server.address, "--public-key", str(path), *credentials)
    assert (ended.status, server.accepted, len(ended.err.splitlines())) == (2, 0, 1)
    assert str(path) in ended.line and said in ended.line


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "PEM form"),
        (pem(ec.generate_private_key(ec.SECP256R1()), "private"), "not an RSA key"),
        (pem(rsa.generate_private_key(65537, 1024), "private"), "1024 bits, not 2048"),
    ],
)
def test_a_private_key_that_is_none_is_refused(mtproto: Command, tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    ended = mtproto("dc", "--private-key", str(path))
    assert (ended.status, ended.out, len(ended.err.splitlines())) == (2, "", 1)
    assert str(path) in ended.line and said in ended.line


@pytest.mark.parametrize(("content", "mode", "said"), [
    (b"{}", 0o600, "is damaged"),
    (b'{"version": 2}', 0o600, "is newer than version 1"),
    (b"{}", 0o644, "can be read or written by others"),
])  # fmt: skip
def test_an_unusable_key_file_is_refused_before_anything_is_sent_and_left_alone(
    mtproto: Command, public_key: Path, tmp_path: Path, content: bytes, mode: int, said: str
) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(mode)
    with Loopback(silent) as server:
        options = ("--dc", server.address, "--public-key", str(public_key), *as_bot(), "--key-file", str(path))
        ended = mtproto(*CALL, *options)
    assert (ended.status, server.accepted, path.read_bytes()) == (2, 0, content)
    assert len(ended.err.splitlines()) == 1
    assert said in ended.line


def test_an_empty_standard_input_is_no_token(mtproto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    ended = mtproto(*CALL, "--bot-token", "-")
    assert (ended.status, ended.line) == (2, "--bot-token - expects a token on standard input")


def test_a_bad_api_id_in_the_environment_is_named(
    mtproto: Command, public_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MTPROTO_API_ID", "abc")
    ended = mtproto(*CALL, "--dc", "127.0.0.1:1", "--public-key", str(public_key))
    assert (ended.status, ended.line) == (2, "MTPROTO_API_ID expects a positive number below 2^31")


def test_what_follows_an_unknown_option_is_not_repeated(mtproto: Command) -> None:
    for argv in (("--bot-tokn=canary",), ("--bot-tokn", "canary"), ("canary",), ("--api-id", "canary")):
        ended = mtproto(*CALL, *argv)
        assert ended.status == 2
        assert "canary" not in ended.err


def test_help_says_something_and_ends_well(mtproto: Command) -> None:
    for command in ("call", "conform", "dc", "keygen", "vectors", None):
        argv = ("--help",) if command is None else (command, "--help")
        ended = mtproto(*argv)
        assert (ended.status, ended.err) == (0, "")
        assert "usage: mtproto" in ended.out
    assert mtproto("--version").out.startswith("mtproto ")
