"""Which exit status each error has, and its line."""

from __future__ import annotations

import pytest

from mtproto.cli.arguments import Credentials
from mtproto.cli.status import MAX_LINE, explain
from mtproto.errors import (
    BadMessage,
    ConnectionLost,
    DecodeError,
    FramingError,
    HandshakeRefused,
    MTProtoError,
    OutcomeUnknown,
    PeerError,
    RequestTimeout,
    RpcError,
    SecurityError,
    TransportFault,
    UsageError,
)


def because(error: MTProtoError, cause: Exception) -> MTProtoError:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (UsageError("no such thing"), 2, "no such thing"),
        (RpcError(420, "FLOOD_WAIT_17"), 3, "420 FLOOD_WAIT_17"),
        (RpcError(0, "\ud83d\n"), 3, r"0 \ud83d\n"),
        (ConnectionLost("cannot connect"), 4, "cannot connect"),
        (RequestTimeout("no answer within 1 s"), 4, "no answer within 1 s"),
        (TransportFault(-404), 4, "transport error -404 (auth key unknown or query malformed)"),
        (TransportFault(-7), 4, "transport error -7"),
        (SecurityError("msg_key"), 5, "security check msg_key failed"),
        (FramingError("crc"), 5, "bad frame: crc"),
        (DecodeError("eof", 8, "users[0]"), 5, "the answer cannot be decoded: eof at byte 8 in users[0]"),
        (HandshakeRefused("dh_gen_fail"), 5, "key exchange refused: dh_gen_fail"),
        (BadMessage(48, 1), 5, "bad_msg_notification code 48"),
        (PeerError("odd"), 5, "odd"),
        (OutcomeUnknown(1), 6, "the outcome of the request is unknown"),
    ],
)
def test_each_error_has_a_status_and_a_line(error: MTProtoError, status: int, line: str) -> None:
    assert explain(error) == (status, line)


@pytest.mark.parametrize(
    ("cause", "status"),
    [
        (SecurityError("session_id"), 5),
        (FramingError("length"), 5),
        (DecodeError("eof"), 5),
        (TransportFault(-429), 4),
        (ConnectionLost("the peer was silent for too long"), 6),
    ],
)
def test_a_pending_call_ends_as_its_connection_did(cause: MTProtoError, status: int) -> None:
    ended, line = explain(because(OutcomeUnknown(1), cause))
    assert ended == status
    assert "the outcome of the request is unknown" in line
    assert (str(cause) in line) is (status != 6)


def test_a_call_on_a_connection_that_broke_the_protocol_names_the_check() -> None:
    error = because(ConnectionLost("the connection is closed"), SecurityError("msg_key"))
    assert explain(error) == (5, "security check msg_key failed")


@pytest.mark.parametrize("text", ["a\nb", "tab\there", "\x1b[31mred", "lone \udce9 surrogate", "x" * 100_000])
def test_whatever_an_error_says_is_one_printable_line_of_bounded_length(text: str) -> None:
    _, line = explain(UsageError(text))
    assert line.isprintable() and len(line) <= MAX_LINE + 3


def test_credentials_do_not_show_themselves() -> None:
    shown = repr(Credentials(1, "canary-hash", "2:canary-token"))
    assert "canary" not in shown and shown.startswith("Credentials(api_id=1")


@pytest.mark.parametrize(("token", "bot_id"), [("12:ab", 12), ("ab", None), (None, None), ("٣:x", None), (":x", None)])
def test_the_bot_s_id_is_the_number_before_the_colon(token: str | None, bot_id: int | None) -> None:
    assert Credentials(1, "", token).bot_id == bot_id
