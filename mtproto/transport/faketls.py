"""Fake TLS (``ee`` secrets): a stream that looks like TLS 1.3, opened by two hellos that an HMAC signs.

Implements TR-70 to TR-81, SEC-64 and SEC-65 of docs/spec/transports.md. Nothing is encrypted here; the records carry
the obfuscated stream. The hellos themselves are built in ``tls_hello``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hmac import compare_digest
from hmac import digest as hmac_digest

from mtproto.environment import Environment
from mtproto.errors import FramingError, UsageError
from mtproto.transport.base import Deframed, Deframer
from mtproto.transport.intermediate import Padded
from mtproto.transport.layer import Layer
from mtproto.transport.mtproxy import ProxyServer, Secret
from mtproto.transport.obfuscated import ObfuscatedServer, obfuscate
from mtproto.transport.tls_hello import client_hello, server_hello

RANDOM = slice(11, 43)
"""Where a hello has its 32 random bytes, from the start of its record (TR-70, TR-77)."""

MIN_HELLO = 512
"""Bytes after the record header of a client's hello; a shorter record is no fake TLS (TR-73)."""

MAX_RECORD = 16640
MAX_HELLO_RECORDS = 16
CLIENT_WRITES = 2878
SERVER_WRITES = 16384
"""Bytes of data in a record: at most as received (TR-79, TR-81), and as sent (TR-80)."""

BEHIND = 600
AHEAD = 1200
"""Seconds by which a client's clock may be behind and ahead of the server's (TR-74)."""

HANDSHAKE = b"\x16\x03\x03"
DATA = b"\x17\x03\x03"
CHANGE_CIPHER = b"\x14\x03\x03\x00\x01\x01"
_SEEN = 16
_SUSPICION = "the proxy's secret is wrong or somebody else answered"


def pack_records(data: bytes, longest: int) -> bytes:
    """``data`` in records of at most ``longest`` bytes (TR-80)."""
    parts: list[bytes] = []
    for start in range(0, len(data), longest):
        part = data[start : start + longest]
        parts += (DATA, len(part).to_bytes(2, "big"), part)
    return b"".join(parts)


def hello_digest(hello: bytes, key: bytes, before: bytes = b"") -> bytes:
    """HMAC-SHA256 over ``before`` and a hello whose random bytes count as zero (TR-72, TR-78)."""
    return hmac_digest(key, before + hello[: RANDOM.start] + bytes(32) + hello[RANDOM.stop :], "sha256")


def sign_client_hello(hello: bytes, key: bytes, unix_time: int) -> bytes:
    """The hello with its random bytes: the digest, its last 4 bytes XOR the time, little-endian (TR-72)."""
    digest = hello_digest(hello, key)
    number = int.from_bytes(digest[28:], "little") ^ unix_time & 0xFFFFFFFF
    return hello[: RANDOM.start] + digest[:28] + number.to_bytes(4, "little") + hello[RANDOM.stop :]


def check_client_hello(
    hello: bytes, keys: Iterable[bytes], now: int, behind: int = BEHIND, ahead: int = AHEAD
) -> bytes:
    """The key among ``keys`` that signed this record (TR-73, TR-74).

    ``now``: the server's Unix time. Raises FramingError ``digest`` where none did and ``time`` where it is too old or
    from the future.
    """
    for key in keys:
        digest = hello_digest(hello, key)
        if compare_digest(digest[:28], hello[RANDOM][:28]):
            client_time = int.from_bytes(digest[28:], "little") ^ int.from_bytes(hello[RANDOM][28:], "little")
            if not -ahead < now - client_time < behind:
                raise FramingError("time", f"a hello made {now - client_time} s ago")
            return key
    raise FramingError("digest", "a TLS hello that no secret signed")


def sign_server_hello(reply: bytes, key: bytes, client_random: bytes) -> bytes:
    """The server's reply with its random bytes (TR-78)."""
    return reply[: RANDOM.start] + hello_digest(reply, key, client_random) + reply[RANDOM.stop :]


def check_server_hello(reply: bytes, key: bytes, client_random: bytes) -> None:
    """Raises FramingError ``digest`` for a reply that the secret did not sign (TR-79)."""
    if not compare_digest(hello_digest(reply, key, client_random), reply[RANDOM]):
        raise FramingError("digest", _SUSPICION)


class Records(Deframed[bytes]):
    """What is inside data records (TR-81). ``open``: whether the hellos are over, so that data may be sent."""

    __slots__ = ("open",)

    def __init__(self) -> None:
        self.open = False
        super().__init__()

    def data(self) -> Deframer:
        """Data records for ever; other records end the stream, an empty one is skipped."""
        self.open = True
        while True:
            length = self.length((yield 5), DATA)
            if length:
                self.deliver((yield length))

    def length(self, header: bytes, kind: bytes, shortest: int = 0) -> int:
        """The length in a record's header. Raises FramingError ``record`` for another kind or a wrong length."""
        length = int.from_bytes(header[3:], "big")
        if header[:3] != kind or not shortest <= length <= MAX_RECORD:
            what = f"{header.hex()} where {kind.hex()} was due"
            raise FramingError("record", what if self.open else f"{what}; {_SUSPICION}")  # TR-79
        return length


class ServerRecords(Records):
    """What a client sends after its hello: one change-cipher record may come first (TR-80, TR-81)."""

    __slots__ = ()

    def deframe(self) -> Deframer:
        """TR-81."""
        self.open = True
        header = yield 5
        if header != CHANGE_CIPHER[:5]:
            length = self.length(header, DATA)
            if length:
                self.deliver((yield length))
        elif (yield 1) != CHANGE_CIPHER[5:]:
            raise FramingError("record", "a wrong change-cipher record")
        yield from self.data()


class ClientRecords(Records):
    """What a server sends: its hello, which has to be signed before anything else counts (TR-79, SEC-64)."""

    __slots__ = ("_key", "_random")

    def __init__(self, key: bytes, client_random: bytes) -> None:
        self._key = key
        self._random = client_random
        super().__init__()

    def deframe(self) -> Deframer:
        """TR-79, then TR-81."""
        header = yield 5
        reply = [header, (yield self.length(header, HANDSHAKE, shortest=RANDOM.stop - 5))]
        for _ in range(MAX_HELLO_RECORDS):
            header = yield 5
            if header[:3] != HANDSHAKE:
                break
            reply += [header, (yield self.length(header, HANDSHAKE, shortest=1))]
        if header != CHANGE_CIPHER[:5] or (yield 1) != CHANGE_CIPHER[5:]:
            raise FramingError("record", f"no change-cipher record after the hello; {_SUSPICION}")
        header = yield 5
        reply += [CHANGE_CIPHER, header, (yield self.length(header, DATA, shortest=1))]
        check_server_hello(b"".join(reply), self._key, self._random)
        yield from self.data()


class FakeTls(Layer):
    """A transport inside records. ``hello``: what this side says first; ``start``: what goes before its first data."""

    __slots__ = ("_hello", "_longest", "_records", "_start")

    def __init__(
        self, inner: Layer | ObfuscatedServer, records: Records, hello: bytes, start: bytes, longest: int
    ) -> None:
        super().__init__(inner)
        self._records = records
        self._hello = hello
        self._start = start
        self._longest = longest

    @property
    def name(self) -> str:
        """``faketls``, once the stream inside is known."""
        return "faketls" if self.inner.name else ""

    @property
    def ready(self) -> bool:
        """Not before the other side's hello was checked (SEC-64)."""
        return self._records.open and self.inner.ready

    def wrap(self, data: bytes) -> bytes:
        """See ``Layer.wrap``. Raises UsageError before the other side's hello was checked (SEC-64)."""
        if not self._records.open:
            raise UsageError("the proxy has not answered yet")
        start, self._start = self._start, b""
        return start + pack_records(data, self._longest)

    def unwrap(self, data: bytes) -> Iterator[bytes]:
        """See ``Layer.unwrap``."""
        for item in self._records.feed(data):
            if not isinstance(item, bytes):
                raise item
            yield item

    def data_to_send(self) -> bytes:
        """The hello, once."""
        hello, self._hello = self._hello, b""
        return hello


def fake_tls_client(secret: Secret, env: Environment, *, dc: int | None) -> FakeTls:
    """A new client's transport to a proxy with an ``ee`` secret: padded, obfuscated, in records (TR-60)."""
    hello = sign_client_hello(client_hello(secret.domain, env), secret.key, int(env.unix_time()))
    inner = obfuscate(Padded, env, dc=dc, secret=secret.key)
    return FakeTls(inner, ClientRecords(secret.key, hello[RANDOM]), hello, CHANGE_CIPHER, CLIENT_WRITES)


def fake_tls_server(hello: bytes, env: Environment, proxy: ProxyServer) -> FakeTls:
    """The server's side for a client's hello, one whole record.

    Raises FramingError ``digest``, ``time``, ``replay`` (TR-73 to TR-75); a proxy answers none of them (TR-76).
    """
    key = check_client_hello(hello, proxy.keys, int(env.unix_time()))
    if not proxy.is_new(hello[RANDOM][:_SEEN]):
        raise FramingError("replay", "a TLS hello that was accepted before")
    reply = sign_server_hello(server_hello(hello, env), key, hello[RANDOM])
    inner = ObfuscatedServer(env, [key], proxy, codecs=[Padded])
    return FakeTls(inner, ServerRecords(), reply, b"", SERVER_WRITES)
