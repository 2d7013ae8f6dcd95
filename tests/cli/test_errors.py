"""Exit statuses 3 to 6: a server that refuses, is absent, silent, slow, hostile, or goes away in the middle."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from mtproto.crypto.rsa import PrivateKey
from mtproto.testdc import BackgroundDataCenter
from tests.cli.conftest import Command, Ended, as_bot, at
from tests.cli.servers import (
    Handler,
    Loopback,
    cut_after_question,
    dripping,
    frame,
    saying,
    silent,
    with_answer,
)

METHOD = "account.getBotBusinessConnection"
DEMO = ("call", METHOD, "connection_id=demo")
CALL = 8
"""The number of the client's frame with the first call: after two key exchanges of three frames and the binding."""
SOON = ("--timeout", "0.3")
both_front_ends = pytest.mark.parametrize("front_end", ["asyncio", "blocking"])


def call(mtproto: Command, public_key: Path, handler: Handler, front_end: str, *options: str) -> Ended:
    with Loopback(handler) as server:
        return mtproto(*DEMO, *at(server.port, public_key), *as_bot(), "--front-end", front_end, *options)


# ---- 3: the server answered with an error


@pytest.mark.parametrize(
    ("connection_id", "said"), [("nope", "400 CONNECTION_ID_INVALID"), ("flood", "420 FLOOD_WAIT_17")]
)
@both_front_ends
def test_an_rpc_error_is_printed_with_code_and_name(
    mtproto: Command, connection_id: str, said: str, front_end: str
) -> None:
    ended = mtproto("call", METHOD, f"connection_id={connection_id}", "--front-end", front_end)
    assert (ended.status, ended.out, ended.line) == (3, "", said)


def test_an_unknown_function_is_refused_by_the_server(mtproto: Command) -> None:
    ended = mtproto("call", "help.getPremiumPromo")
    assert (ended.status, ended.line[:4]) == (3, "400 ")


# ---- 4: no connection, time-out, connection lost, transport error


@both_front_ends
def test_nobody_listens(mtproto: Command, public_key: Path, front_end: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    ended = mtproto(*DEMO, *at(port, public_key), *as_bot(), "--front-end", front_end)
    assert (ended.status, ended.line) == (4, f"cannot connect to 127.0.0.1 port {port}: Connection refused")


@both_front_ends
def test_a_connection_that_is_not_accepted_in_time(mtproto: Command, public_key: Path, front_end: str) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(full.getsockname())
        ended = mtproto(*DEMO, *at(full.getsockname()[1], public_key), *as_bot(), *SOON, "--front-end", front_end)
        for sock in waiting:
            sock.close()
    assert ended.status == 4
    assert ended.line.endswith("no answer within 0.3 s")


@both_front_ends
def test_a_silent_server(mtproto: Command, public_key: Path, front_end: str) -> None:
    ended = call(mtproto, public_key, silent, front_end, *SOON)
    assert (ended.status, ended.line) == (4, "the key exchange did not end within 0.3 s")


@both_front_ends
def test_a_server_that_sends_byte_by_byte_cannot_stretch_the_time(
    mtproto: Command, public_key: Path, front_end: str
) -> None:
    started = time.monotonic()
    ended = call(mtproto, public_key, dripping(0.05), front_end, *SOON)
    assert (ended.status, ended.line) == (4, "the key exchange did not end within 0.3 s")
    assert time.monotonic() - started < 3


@both_front_ends
def test_no_answer_to_the_call(mtproto: Command, front_end: str) -> None:
    ended = mtproto("call", METHOD, "connection_id=silent", "--timeout", "3", "--front-end", front_end)
    assert (ended.status, ended.line) == (4, "no answer within 3 s")  # the key exchange has as long


@pytest.mark.parametrize("question", [1, 2, 3, 4, 6, 7])
@both_front_ends
def test_a_server_that_closes_in_the_key_exchange(
    mtproto: Command, dc: BackgroundDataCenter, public_key: Path, front_end: str, question: int
) -> None:
    ended = call(mtproto, public_key, cut_after_question(question, dc.port), front_end)
    assert (ended.status, ended.line) == (4, "the server closed the connection during the key exchange")


@pytest.mark.parametrize("code", [404, 429, 444, 1000])
@both_front_ends
def test_a_transport_error_is_named(mtproto: Command, public_key: Path, front_end: str, code: int) -> None:
    ended = call(mtproto, public_key, saying(frame((-code).to_bytes(4, "little", signed=True))), front_end)
    assert ended.status == 4
    assert ended.line.startswith(f"transport error -{code}")


@both_front_ends
def test_a_transport_error_in_a_call(
    mtproto: Command, dc: BackgroundDataCenter, public_key: Path, front_end: str
) -> None:
    fault = frame((-429).to_bytes(4, "little", signed=True))
    ended = call(mtproto, public_key, with_answer(CALL, dc.port, lambda answer: fault), front_end)
    assert ended.status == 4
    assert (
        ended.line == "transport error -429 (too many connections or messages); the outcome of the request is unknown"
    )


# ---- 5: the peer broke the protocol


@both_front_ends
def test_a_server_with_another_rsa_key(
    mtproto: Command, dc: BackgroundDataCenter, tmp_path: Path, front_end: str
) -> None:
    other = tmp_path / "other.pem"
    other.write_text(PrivateKey.generate().public.to_pem())
    ended = mtproto(*DEMO, *at(dc.port, other), *as_bot(), "--front-end", front_end)
    assert ended.status == 5
    assert "unknown_public_key" in ended.line


@both_front_ends
def test_a_server_that_speaks_plain_text(mtproto: Command, public_key: Path, front_end: str) -> None:
    ended = call(mtproto, public_key, saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), front_end)
    assert ended.status == 5
    assert ended.line.startswith("bad frame: length")


@pytest.mark.parametrize(("answer", "check"), [(1, "nonce_mismatch"), (2, "answer_"), (3, "new_nonce_hash")])
@both_front_ends
def test_the_line_names_the_check_that_a_changed_handshake_message_fails(
    mtproto: Command, dc: BackgroundDataCenter, public_key: Path, front_end: str, answer: int, check: str
) -> None:
    # length, auth_key_id, msg_id, message length, constructor: then the nonce, 16 bytes each with the server's
    place = {1: 4 + 24, 2: 4 + 24 + 32 + 100, 3: 4 + 24 + 32}[answer]
    ended = call(mtproto, public_key, with_answer(answer, dc.port, lambda data: flipped(data, place)), front_end)
    assert ended.status == 5
    assert ended.line.startswith("security check ") and check in ended.line


@both_front_ends
def test_a_forged_answer_to_a_call_leaves_the_outcome_unknown_and_is_a_broken_protocol(
    mtproto: Command, dc: BackgroundDataCenter, public_key: Path, front_end: str
) -> None:
    ended = call(mtproto, public_key, with_answer(CALL, dc.port, lambda data: flipped(data, 60)), front_end)
    assert ended.status == 5
    assert ended.line == "security check msg_key failed; the outcome of the request is unknown"


@pytest.mark.parametrize("connection_id", ["unknown", "layer200"])
def test_an_answer_that_cannot_be_decoded(mtproto: Command, connection_id: str) -> None:
    ended = mtproto("call", METHOD, f"connection_id={connection_id}")
    assert (ended.status, ended.out) == (5, "")
    assert ended.line.startswith("the answer cannot be decoded: unknown_constructor at byte ")


def test_the_bytes_of_an_answer_that_cannot_be_decoded_can_be_had(mtproto: Command) -> None:
    ended = mtproto("call", METHOD, "connection_id=unknown", "--format", "hex")
    assert ended.status == 0
    assert ended.out.startswith("4042ae74")


# ---- 6: the outcome is unknown


@both_front_ends
def test_a_server_that_closes_with_the_call_in_its_hands(
    mtproto: Command, dc: BackgroundDataCenter, public_key: Path, front_end: str
) -> None:
    ended = call(mtproto, public_key, cut_after_question(CALL, dc.port), front_end)
    assert (ended.status, ended.out) == (6, "")
    assert ended.line.startswith("the outcome of the request is unknown")


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
