"""The two hellos of fake TLS, their random bytes left zero: TR-70, TR-71 and TR-77 of docs/spec/transports.md.

The client's has what a current browser sends, in an order that changes each time. All randomness is the environment's.
"""

from __future__ import annotations

from mtproto.environment import Environment

HELLO_SIZE = 517
"""Bytes that a shorter hello of a client is padded to, its record header included (TR-70)."""

_CIPHERS = "130113021303c02bc02fc02cc030cca9cca8c013c014009c009d002f0035"
_SIGNATURES = "04030804040105030805050108060601"
_CERTIFICATE = 1024, 4096


def client_hello(domain: str, env: Environment) -> bytes:
    """A whole record with 32 zero bytes at offset 11 (TR-70). ``domain``: ASCII, 1 to 182 characters."""
    grease = draw_grease(env, 5)
    extensions = [_extension(grease[1], b""), *shuffled(_browser_extensions(domain, grease, env), env)]
    extensions.append(_extension(grease[4], b"\0"))
    session_id = env.random_bytes(32)
    ciphers = grease[0] + bytes.fromhex(_CIPHERS)
    head = b"\x03\x03" + bytes(32) + _sized(1, session_id) + _sized(2, ciphers) + b"\x01\0"
    block = b"".join(extensions)
    missing = HELLO_SIZE - (9 + len(head) + 2 + len(block))
    if missing > 0:  # the padding extension's own header has 4 bytes
        block += _extension(b"\0\x15", bytes(max(missing - 4, 0)))
    return b"\x16\x03\x01" + _sized(2, b"\x01" + _sized(3, head + _sized(2, block)))


def server_hello(hello: bytes, env: Environment) -> bytes:
    """The reply to a client's ``hello``: hello, change-cipher and one data record, the random bytes zero (TR-77)."""
    session_id = hello[44 : 44 + hello[43]]
    extensions = _extension(b"\0\x33", b"\0\x1d" + _sized(2, draw_point(env))) + _extension(b"\0\x2b", b"\x03\x04")
    body = b"\x03\x03" + bytes(32) + _sized(1, session_id) + b"\x13\x01\0" + _sized(2, extensions)
    least, most = _CERTIFICATE
    certificate = env.random_bytes(least + int.from_bytes(env.random_bytes(2), "big") % (most - least + 1))
    return b"".join(
        (
            b"\x16\x03\x03" + _sized(2, b"\x02" + _sized(3, body)),
            b"\x14\x03\x03\0\x01\x01",
            b"\x17\x03\x03" + _sized(2, certificate),
        )
    )


def draw_grease(env: Environment, count: int) -> list[bytes]:
    """``count`` values ``?a?a``; two neighbours differ (TR-71)."""
    values: list[bytes] = []
    for byte in env.random_bytes(count):
        value = byte & 0xF0 | 0x0A
        if values and values[-1][0] == value:
            value ^= 0x10
        values.append(bytes((value, value)))
    return values


def draw_point(env: Environment) -> bytes:
    """A random public key of X25519: 32 bytes that are a point of the curve (TR-71)."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public_key = X25519PrivateKey.from_private_bytes(env.random_bytes(32)).public_key()
    return public_key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def shuffled(items: list[bytes], env: Environment) -> list[bytes]:
    """``items`` in a random order."""
    for last in range(len(items) - 1, 0, -1):
        place = int.from_bytes(env.random_bytes(4), "big") % (last + 1)  # the bias is 2^-28
        items[last], items[place] = items[place], items[last]
    return items


def _browser_extensions(domain: str, grease: list[bytes], env: Environment) -> list[bytes]:
    name = domain.encode("ascii")
    protocols = _sized(1, b"h2") + _sized(1, b"http/1.1")
    shares = grease[2] + _sized(2, b"\0") + b"\0\x1d" + _sized(2, draw_point(env))
    bodies = {
        "0000": _sized(2, b"\0" + _sized(2, name)),  # server_name
        "0005": bytes.fromhex("0100000000"),  # status_request
        "000a": _sized(2, grease[2] + bytes.fromhex("001d00170018")),  # supported_groups
        "000b": bytes.fromhex("0100"),  # ec_point_formats
        "000d": _sized(2, bytes.fromhex(_SIGNATURES)),  # signature_algorithms
        "0010": _sized(2, protocols),  # application_layer_protocol_negotiation
        "0012": b"",  # signed_certificate_timestamp
        "0017": b"",  # extended_master_secret
        "001b": bytes.fromhex("020002"),  # compress_certificate
        "0023": b"",  # session_ticket
        "002b": _sized(1, grease[3] + bytes.fromhex("03040303")),  # supported_versions
        "002d": bytes.fromhex("0101"),  # psk_key_exchange_modes
        "0033": _sized(2, shares),  # key_share
        "4469": _sized(2, _sized(1, b"h2")),  # application_settings
        "ff01": b"\0",  # renegotiation_info
    }
    return [_extension(bytes.fromhex(number), body) for number, body in bodies.items()]


def _extension(number: bytes, body: bytes) -> bytes:
    return number + _sized(2, body)


def _sized(width: int, data: bytes) -> bytes:
    """``data`` after its length, big-endian in ``width`` bytes."""
    return len(data).to_bytes(width, "big") + data
