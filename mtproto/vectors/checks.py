"""Which refusals count: for each type and flag, the checks that may refuse a test with this flag.

A test with several flags may be refused by what any of them allows. Flags that only say where a test comes from
(``Documented``, ``Rfc``, ``Hardening``) allow nothing. A refusal is named

- by ``SecurityError.check``: ``msg_key``;
- ``decode.`` and ``DecodeError.kind``: ``decode.eof``;
- ``framing.`` and ``FramingError.kind``: ``framing.crc``;
- ``usage`` where our own encoder refuses, ``refused.`` and the answer for a ``HandshakeRefused``;
- ``bad_msg.`` and the code where a server answers instead of raising, ``rpc.``, code and name where it refuses a
  request, ``ignored`` where a message has no effect, ``drawn_again`` where a client does not use the random bytes it
  was given.
"""

from __future__ import annotations

from mtproto.errors import (
    DecodeError,
    FramingError,
    HandshakeRefused,
    MTProtoError,
    SecurityError,
    TransportFault,
    UsageError,
)
from mtproto.vectors.case import Case
from mtproto.vectors.outcome import Refused

_USAGE = ("usage",)
_EOF = ("decode.eof",)
_CONTAINER = ("container",)
_KEY_EXCHANGE: dict[str, tuple[str, ...]] = {
    "NonceMismatch": ("nonce_mismatch",),
    "ServerNonceMismatch": ("server_nonce_mismatch",),
    "UnknownKey": ("unknown_public_key",),
    "BadPq": ("pq",),
    "WrongFactors": ("pq",),
    "BadAnswerHash": ("answer_hash",),
    "BadAnswerLength": ("answer_length",),
    "AnswerPadding": ("answer_padding",),
    "BadDhParams": ("dh_prime", "dh_generator"),
    "BadPublicValue": ("dh_public_value",),
    "BadNewNonceHash": ("new_nonce_hash",),
    "BadClientHash": ("client_hash",),
    "WrongConstructor": ("step", "decode.unexpected_constructor"),
    "Truncated": ("decode.eof", "decode.bad_count"),
    "PlainHeader": ("plain_header",),
    "HandshakeFailed": ("refused.server_DH_params_fail", "refused.dh_gen_fail"),
}
_EXCHANGE: dict[str, tuple[str, ...]] = {
    "NonceMismatch": ("nonce_mismatch",),
    "ServerNonceMismatch": ("server_nonce_mismatch",),
    "InnerNonce": ("nonce_mismatch", "server_nonce_mismatch"),
    "Replay": ("nonce_mismatch", "server_nonce_mismatch"),
    **{flag: _KEY_EXCHANGE[flag] for flag in ("UnknownKey", "BadPq", "BadAnswerLength", "BadAnswerHash")},
    **{flag: _KEY_EXCHANGE[flag] for flag in ("AnswerPadding", "BadDhParams", "BadPublicValue", "BadNewNonceHash")},
    **{flag: _KEY_EXCHANGE[flag] for flag in ("PlainHeader", "BadClientHash", "WrongFactors")},
    "WrongStep": ("step",),
    "PlainData": ("step", "decode.unknown_constructor", "decode.unexpected_constructor"),
    "Truncated": ("decode.eof", "decode.bad_count", "answer_hash"),
    "Failed": ("refused.server_DH_params_fail", "refused.dh_gen_fail"),
    "BadRsa": ("rsa_pad",),
    "Legacy": ("rsa_pad", "step"),
    "WrongDc": ("fault.-444",),
    "Lifetime": ("step",),
    "RetryId": ("step",),
    "Repeated": ("step",),
}

_SESSION: dict[str, tuple[str, ...]] = {
    "Parity": ("msg_id_parity",),
    "BadContainer": _CONTAINER,
    "Time": ("msg_id_time",),
    "ZeroSession": ("session_id",),
    **dict.fromkeys(("Replay", "OtherSession", "Unknown"), ("ignored",)),
}

_HTTP: dict[str, tuple[str, ...]] = {
    "Path": ("framing.path",),
    "Method": ("framing.method",),
    **dict.fromkeys(("Length", "Large"), ("framing.length",)),
    **dict.fromkeys(("Chunked", "Junk", "Smuggling", "Pipeline", "Unasked"), ("framing.http",)),
    "TransportError": ("fault.-403", "fault.-404", "fault.-429", "fault.-444"),
    "Status": ("framing.status",),
}

_WEBSOCKET: dict[str, tuple[str, ...]] = {
    "Subprotocol": ("framing.subprotocol", "framing.websocket"),
    "Path": ("framing.path",),
    "Status": ("framing.status",),
    "Text": ("framing.text", "framing.websocket"),
    **dict.fromkeys(("BadUpgrade", "Mask", "Reserved", "BadFrame", "Large"), ("framing.websocket",)),
}

_TL_OBJECT: dict[str, tuple[str, ...]] = {
    "WrongType": ("decode.unexpected_constructor",),
    "UnknownConstructor": ("decode.unknown_constructor",),
    "Truncated": ("decode.eof", "decode.bad_count"),
    "Trailing": ("decode.trailing",),
    "BadBool": ("decode.bad_bool",),
    "BadCount": ("decode.bad_count",),
    "BadVector": ("decode.bad_vector",),
    "BadString": ("decode.bad_string",),
    "Depth": ("decode.depth",),
}

ALLOWED: dict[str, dict[str, tuple[str, ...]]] = {
    "AesIgeReject": {"BadLength": _USAGE, "BadKeyLength": _USAGE, "BadIvLength": _USAGE, "Empty": _USAGE},
    "RsaPad": {"TooLong": _USAGE},
    "RsaUnpad": {"BadHash": ("rsa_pad",), "NotReduced": ("rsa_pad",), "BadLength": ("rsa_pad",)},
    "PqFactor": dict.fromkeys(("Prime", "Square", "ThreeFactors", "Even", "Trivial", "Empty", "TooWide"), ("pq",)),
    "DhPrimeAndGenerator": {
        **dict.fromkeys(("Composite", "NotSafePrime", "Pseudoprime", "WrongSize"), ("dh_prime",)),
        **dict.fromkeys(("NonResidue", "BadGenerator"), ("dh_generator",)),
    },
    "DhPublicValue": dict.fromkeys(("ValueTooSmall", "ValueTooLarge"), ("dh_public_value",)),
    "TlInt": {"Range": _USAGE},
    "TlLong": {"Range": _USAGE},
    "TlInt128": {"Range": _USAGE},
    "TlBytes": {"TooLong": _USAGE},
    "TlBytesDecode": {"Truncated": _EOF, "BadPrefix": ("decode.bad_string",)},
    "TlFixedDecode": {"Truncated": _EOF},
    "TlBool": {"WrongConstructor": ("decode.bad_bool",)},
    "TlVector": {"BadCount": ("decode.bad_count",), "WrongConstructor": ("decode.bad_vector",), "Truncated": _EOF},
    "TlFlags": {"Truncated": _EOF, "WrongConstructor": ("decode.unknown_constructor",)},
    "ClientSession": _SESSION,
    "ServerSession": _SESSION,
    "TlObjectDecode": _TL_OBJECT,
    "TlObjectEncodeReject": dict.fromkeys(
        ("MissingField", "Range", "WrongValue", "UnknownName", "ReservedBits", "SharedBit"), _USAGE
    ),
    "TlResult": _TL_OBJECT,
    "HttpRequest": {"Length": _USAGE},
    "HttpServerReceive": _HTTP,
    "HttpClientReceive": _HTTP,
    "WebSocketUpgrade": _WEBSOCKET,
    "WebSocketAnswer": _WEBSOCKET,
    "WebSocketFrames": _WEBSOCKET,
    "TransportReject": {"Unaligned": _USAGE},
    "TransportRejectReceive": {
        "BadCrc": ("framing.crc",),
        "BadSeqNo": ("framing.sequence",),
        "BadLength": ("framing.length",),
        "TooLarge": ("framing.length",),
    },
    "Obfuscated2Init": {"ForbiddenStart": ("drawn_again",), "ForbiddenSecondWord": ("drawn_again",)},
    "Obfuscated2Accept": {"BadTag": ("framing.tag",)},
    "ProxySecret": {"BadSecret": _USAGE, "Secret17": _USAGE},
    "FakeTlsServerReceive": {
        **dict.fromkeys(("WrongSecret", "Modified"), ("framing.digest",)),
        "Timestamp": ("framing.time",),
        "Replay": ("framing.replay",),
    },
    "FakeTlsClientReceive": {
        **dict.fromkeys(("Modified", "Replay"), ("framing.digest",)),
        "BadRecord": ("framing.record",),
    },
    "FakeTlsRecords": {"BadRecord": ("framing.record",)},
    "MessageV2Receive": {
        "WrongAuthKeyId": ("auth_key_id", "plain_header"),
        **dict.fromkeys(
            ("ModifiedMsgKey", "ModifiedCiphertext", "Reflection", "WrongX", "MsgKeyWithoutPadding", "V1Encryption"),
            ("msg_key",),
        ),
        "NotBlockAligned": ("payload_length",),
        "TooShort": ("payload_length",),
        "PaddingTooShort": ("padding_length", "payload_length"),
        "PaddingTooLong": ("padding_length",),
        "BadLengthField": ("body_length",),
        "WrongSession": ("session_id",),
        "WrongParity": ("msg_id_parity", "bad_msg.18"),
    },
    "MsgIdReceive": {"Parity": ("msg_id_parity", "bad_msg.18"), "Time": ("msg_id_time", "bad_msg.16", "bad_msg.17")},
    "PlainMessage": {"PlainHeader": ("plain_header",)},
    "GzipPacked": {
        "BadGzip": ("decode.gzip",),
        "Truncated": _EOF,
        "Bomb": ("decode.gzip_limit",),
        "Nested": ("decode.gzip",),
    },
    "MsgContainerReceive": {"BadContainer": _CONTAINER},
    "ServiceMessageReceive": {"Truncated": _EOF},
    "MsgsAckLimit": {"Limit": ("decode.bad_count", "fault.-429")},
    "AuthKeyExchangeClientReceive": _KEY_EXCHANGE,
    "AuthKeyExchangeServerReceive": _KEY_EXCHANGE,
    "KeyExchangeClient": _EXCHANGE,
    "KeyExchangeServer": _EXCHANGE,
    "SrpClientReject": {"BadPublicValue": ("dh_public_value",), "BadDhParams": ("dh_prime", "dh_generator")},
    "BindTempAuthKeyServerReceive": dict.fromkeys(
        ("WrongScheme", "BadMsgKey", "WrongField", "BadHeader", "Expired"), ("rpc.400.ENCRYPTED_MESSAGE_INVALID",)
    ),
}
"""Type -> flag -> checks."""

BY_ERROR: dict[tuple[str, str], tuple[str, ...]] = {
    ("ServiceMessageReceive", "ignore"): ("ignored",),
    ("ServiceMessageReceive", "decode"): ("decode.bad_count", "decode.eof", "decode.trailing"),
}
"""(Type, ``output.error``) -> checks, for a type whose flags tell only what the message is."""


def allowed_checks(test: Case) -> frozenset[str]:
    """The checks that may refuse this test; where its output names a bad_msg code, that code alone."""
    if "badMsgCode" in test.output:
        return frozenset({f"bad_msg.{test.output['badMsgCode']}"})
    by_flag = ALLOWED.get(test.type, {})
    by_error = BY_ERROR.get((test.type, str(test.output.get("error"))), ())
    return frozenset(by_error).union(*(by_flag.get(flag, ()) for flag in test.flags))


def check_of(refusal: MTProtoError | Refused) -> str:
    """The name of a refusal."""
    match refusal:
        case Refused():
            return refusal.check
        case SecurityError():
            return refusal.check
        case DecodeError():
            return f"decode.{refusal.kind}"
        case FramingError():
            return f"framing.{refusal.kind}"
        case HandshakeRefused():
            return f"refused.{refusal.answer}"
        case TransportFault():
            return f"fault.{refusal.code}"
        case UsageError():
            return "usage"
    return type(refusal).__name__
