"""The whole error tree.

::

    MTProtoError
    ├─ UsageError                      our caller is wrong; raised before anything is sent
    ├─ PeerError                       anything caused by received bytes; nothing else may escape the core
    │  ├─ DecodeError(kind, offset, path)          TL (TL-85)
    │  │  └─ UnknownConstructor
    │  ├─ FramingError(kind)           length, CRC32, sequence (TR-03, TR-07, TR-09)
    │  ├─ TransportFault(code)         −404, −429, −444 (TR-55, TR-56)
    │  ├─ SecurityError(check, got, expected)      fatal: close the connection
    │  ├─ HandshakeRefused             server_DH_params_fail, dh_gen_fail
    │  └─ BadMessage(code, msg_id)     bad_msg_notification that a resend cannot cure (MSG-81)
    ├─ RpcError(code, message)         the server's answer to one request (API-20)
    ├─ OutcomeUnknown(request_id)      may or may not have been executed
    ├─ ConnectionLost                  the connection ended before the request was written, or none could be made
    └─ RequestTimeout                  no answer within the caller's time

No message or repr carries a key, msg_key, nonce, hash, salt, session id or DH value (SEC-58): ``got`` and
``expected`` are filled only for lengths, constructor ids, parities, seconds, counts and fingerprints.
"""

from __future__ import annotations

SECURITY_CHECKS = frozenset(
    {
        "auth_key_id",
        "payload_length",
        "msg_key",
        "body_length",
        "padding_length",
        "session_id",
        "msg_id_parity",
        "msg_id_time",
        "msg_id_duplicate",
        "msg_id_too_old",
        "plain_header",
        "nonce_mismatch",
        "server_nonce_mismatch",
        "unknown_public_key",
        "pq",
        "answer_length",
        "answer_hash",
        "answer_padding",
        "dh_prime",
        "dh_generator",
        "dh_public_value",
        "password_kdf",
        "new_nonce_hash",
        "rsa_pad",
        "client_hash",
        "container",
        "step",
    }
)
"""Every name that ``SecurityError.check`` can have."""

DECODE_KINDS = frozenset(
    {
        "eof",
        "unknown_constructor",
        "unexpected_constructor",
        "bad_bool",
        "bad_vector",
        "bad_count",
        "bad_string",
        "bad_length",
        "depth",
        "gzip",
        "gzip_limit",
        "trailing",
    }
)
"""Every value that ``DecodeError.kind`` can have (TL-85)."""


class MTProtoError(Exception):
    """Base of every error that this library raises on purpose."""


class UsageError(MTProtoError):
    """Our caller asked for something that cannot be sent. Nothing was sent."""


class PeerError(MTProtoError):
    """The peer sent bytes that break a rule. Base of everything that received bytes can cause."""


class DecodeError(PeerError):
    """Bytes that are not the TL value expected of them.

    ``kind`` is one of ``DECODE_KINDS``; ``offset`` counts bytes from the start of the decoded buffer; ``path``
    leads to the field, for example ``updates[0].connection``, or is empty where it is not known.
    """

    def __init__(self, kind: str, offset: int = 0, path: str = "", detail: str = "") -> None:
        self.kind = kind
        self.offset = offset
        self.path = path
        self.detail = detail
        where = f" in {path}" if path else ""
        super().__init__(f"{kind} at byte {offset}{where}" + (f": {detail}" if detail else ""))


class UnknownConstructor(DecodeError):
    """A constructor id that no loaded schema knows (TL-84). ``constructor_id`` is an unsigned 32-bit number."""

    def __init__(self, constructor_id: int, offset: int = 0, path: str = "") -> None:
        self.constructor_id = constructor_id
        super().__init__("unknown_constructor", offset, path, f"#{constructor_id:08x}")


class FramingError(PeerError):
    """The byte stream is not a sequence of frames. ``kind`` is a word such as ``length``, ``crc``, ``sequence``."""

    def __init__(self, kind: str, detail: str = "") -> None:
        self.kind = kind
        super().__init__(f"bad frame: {kind}" + (f" ({detail})" if detail else ""))


class TransportFault(PeerError):
    """A transport error: ``code`` is negative, as received (TR-55). It is not authenticated (TR-57)."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"transport error {code}")


class SecurityError(PeerError):
    """A security check failed; the connection must be closed.

    ``check`` is one of ``SECURITY_CHECKS``. ``got`` and ``expected`` are set only where they are not secret.
    """

    def __init__(self, check: str, got: object = None, expected: object = None) -> None:
        self.check = check
        self.got = got
        self.expected = expected
        detail = "" if got is None and expected is None else f": got {got}, expected {expected}"
        super().__init__(f"security check {check} failed{detail}")


class HandshakeRefused(PeerError):
    """The server refused the key exchange with an answer that is valid in itself (AUTH-31, AUTH-32)."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        super().__init__(f"key exchange refused: {answer}")


class BadMessage(PeerError):
    """A bad_msg_notification that sending the request again cannot cure (MSG-81)."""

    def __init__(self, code: int, msg_id: int) -> None:
        self.code = code
        self.msg_id = msg_id
        super().__init__(f"bad_msg_notification code {code}")


class RpcError(MTProtoError):
    """rpc_error: the server's answer to one request (API-20).

    ``code`` 420 and ``message`` "FLOOD_WAIT_17" give ``name`` "FLOOD_WAIT_X" and ``number`` 17: the first part
    of the message between underscores that consists of digits alone is the number. ``dc_id`` is that number
    where ``code`` is 303. Names are listed in ``tl_schema/rpc_errors.json``; others are possible.
    """

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        self.message = message
        self.name, self.number = _split_number(message)
        self.dc_id = self.number if code == 303 else None
        super().__init__(f"{code} {printable(message)}")


class OutcomeUnknown(MTProtoError):
    """The request was written, but whether the server executed it cannot be known any more."""

    def __init__(self, request_id: int = 0, reason: str = "") -> None:
        self.request_id = request_id
        super().__init__("the outcome of the request is unknown" + (f": {reason}" if reason else ""))


class ConnectionLost(MTProtoError):
    """No connection, or it ended; the request was certainly not executed unless the error says otherwise."""


class RequestTimeout(MTProtoError):
    """No answer within the caller's time."""


def _split_number(message: str) -> tuple[str, int | None]:
    parts = message.split("_")
    for index, part in enumerate(parts):
        if index and part.isascii() and part.isdigit():
            number = int(part[:20])
            return "_".join((*parts[:index], "X", *parts[index + 1 :])), number
    return message, None


def printable(text: str, limit: int = 200) -> str:
    """``text`` in printable ASCII, cut to ``limit`` characters: what a peer wrote, made safe for a line (SEC-56)."""
    safe = ascii(text)[1:-1]
    return safe if len(safe) <= limit else safe[:limit] + "..."
