"""Obfuscation (obfuscated2): abridged, intermediate or padded inside AES-256-CTR, begun by a 64-byte header.

Implements TR-30 to TR-42 of docs/spec/transports.md. It hides the protocol from a look at the first bytes and gives
neither integrity nor authenticity (TR-41).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from hashlib import sha256

from mtproto.crypto.aes import CtrStream
from mtproto.environment import Environment
from mtproto.errors import FramingError, UsageError
from mtproto.record import Record
from mtproto.roles import Role
from mtproto.transport.abridged import Abridged
from mtproto.transport.base import Codec, Item, Transport
from mtproto.transport.intermediate import Intermediate, Padded
from mtproto.transport.layer import Deferred, Layer, Refused
from mtproto.transport.mtproxy import ProxyServer

HEADER = 64
UNKNOWN_DC = -444
TAGS: dict[bytes, type[Codec]] = {b"\xef" * 4: Abridged, b"\xee" * 4: Intermediate, b"\xdd" * 4: Padded}
"""What stands at byte 56 of the header → codec (TR-33). Full has no tag."""

_TAG_OF = {codec: tag for tag, codec in TAGS.items()}
_OTHER_STARTS = frozenset({b"HEAD", b"POST", b"GET ", b"OPTI", b"\x16\x03\x01\x02", b"\xdd" * 4, b"\xee" * 4})


class StreamKeys(Record):
    """The keys (32 bytes) and first counter blocks (16 bytes) of both directions (TR-36)."""

    __slots__ = ("client_iv", "client_key", "server_iv", "server_key")

    def __init__(self, client_key: bytes, client_iv: bytes, server_key: bytes, server_iv: bytes) -> None:
        self.client_key = client_key
        self.client_iv = client_iv
        self.server_key = server_key
        self.server_iv = server_iv

    def __repr__(self) -> str:
        return "StreamKeys(<redacted>)"

    @property
    def client_stream(self) -> CtrStream:
        """A new stream of what the client sends."""
        return CtrStream(self.client_key, self.client_iv)

    @property
    def server_stream(self) -> CtrStream:
        """A new stream of what the server sends."""
        return CtrStream(self.server_key, self.server_iv)


def stream_keys(header: bytes, secret: bytes = b"") -> StreamKeys:
    """The keys that the 64 bytes ``header`` give, encrypted or not; ``secret``: the proxy's 16 bytes (TR-36, TR-39)."""
    reverse = header[::-1]
    keys = [header[8:40], reverse[8:40]]
    if secret:
        keys = [sha256(key + secret).digest() for key in keys]
    return StreamKeys(keys[0], header[40:56], keys[1], reverse[40:56])


def is_usable(init: bytes) -> bool:
    """Whether a server cannot take these random bytes for another transport (TR-30)."""
    return init[0] != 0xEF and init[:4] not in _OTHER_STARTS and any(init[4:8])


def draw_header(codec: type[Codec], env: Environment, dc: int | None) -> bytes:
    """64 random bytes with the tag of ``codec`` and the number of the datacenter (TR-30, TR-33, TR-34), plain.

    ``dc`` is ``dc_id``, + 10000 for test, negated for media; None leaves those two bytes random, which only a direct
    connection can do. Raises UsageError for a codec without a tag and for a number that needs more than 16 bits.
    """
    tag = _TAG_OF.get(codec)
    if tag is None:
        raise UsageError(f"the {codec.name} transport cannot be obfuscated")
    if dc is not None and not -(2**15) <= dc < 2**15:
        raise UsageError(f"the number of a datacenter has 16 bits: not {dc}")
    while not is_usable(init := env.random_bytes(HEADER)):
        pass
    number = init[60:62] if dc is None else dc.to_bytes(2, "little", signed=True)
    return init[:56] + tag + number + init[62:]


class Obfuscated(Layer):
    """A codec inside two running CTR streams, one for each direction (TR-37).

    ``start``: what goes before the first bytes that are sent.
    """

    __slots__ = ("_decrypt", "_encrypt", "_start")

    def __init__(self, codec: Codec, send: CtrStream, receive: CtrStream, start: bytes = b"") -> None:
        super().__init__(codec)
        self._encrypt = send.process
        self._decrypt = receive.process
        self._start = start

    @property
    def name(self) -> str:
        """``obfuscated-`` and the codec's name."""
        return f"obfuscated-{self.inner.name}"

    def wrap(self, data: bytes) -> bytes:
        """See ``Layer.wrap``; the header goes before the first bytes (TR-38)."""
        data = self._encrypt(data)
        if self._start:
            data, self._start = self._start + data, b""
        return data

    def unwrap(self, data: bytes) -> Iterator[bytes]:
        """See ``Layer.unwrap``."""
        yield self._decrypt(data)

    def feed(self, data: bytes) -> list[Item]:
        """See ``Transport.feed``. Nothing can be wrong in this layer, so that the codec's items are all there are."""
        return list(self.inner.feed(self._decrypt(data)))


def obfuscate(codec: type[Codec], env: Environment, *, dc: int | None = None, secret: bytes = b"") -> Obfuscated:
    """A new client's obfuscated ``codec``; ``dc`` and errors as in ``draw_header``, ``secret`` the proxy's 16 bytes."""
    header = draw_header(codec, env, dc)
    keys = stream_keys(header, secret)
    send = keys.client_stream
    start = header[:56] + send.process(header)[56:]  # TR-38
    return Obfuscated(codec(Role.CLIENT, env, start=False), send, keys.server_stream, start)


class Accepted(Record):
    """What a server reads from a client's header: the codec, the datacenter's number, and the secret that fits."""

    __slots__ = ("codec", "dc", "receive", "secret", "send")

    def __init__(self, codec: type[Codec], dc: int, secret: bytes, send: CtrStream, receive: CtrStream) -> None:
        self.codec = codec
        self.dc = dc
        self.secret = secret
        self.send = send
        self.receive = receive

    def __repr__(self) -> str:
        return f"Accepted(codec={self.codec.name}, dc={self.dc}, secret=<redacted>)"

    def transport(self, env: Environment) -> Obfuscated:
        """The server's side of it, for the bytes after the header."""
        return Obfuscated(self.codec(Role.SERVER, env), self.send, self.receive)


def accept(header: bytes, secrets: Sequence[bytes] = (b"",)) -> Accepted:
    """Read a client's 64 bytes with the first of ``secrets`` that gives a known tag (TR-39).

    An empty secret stands for a direct connection. Raises FramingError ``tag`` where none does (TR-21).
    """
    for secret in secrets:
        keys = stream_keys(header, secret)
        receive = keys.client_stream
        plain = receive.process(header)
        codec = TAGS.get(plain[56:60])
        if codec is not None:
            dc = int.from_bytes(plain[60:62], "little", signed=True)
            return Accepted(codec, dc, secret, keys.server_stream, receive)
    raise FramingError("tag", "neither a known transport nor one that a known secret obfuscates")


class ObfuscatedServer(Deferred):
    """A server's obfuscated transport, from its first byte.

    ``keys``: the secrets to try, empty for direct connections, whose dc is ignored (TR-35); ``proxy``: to whom the
    others belong. ``codecs``: the ones that are taken.
    """

    __slots__ = ("_codecs", "_env", "_keys", "_proxy")

    def __init__(
        self,
        env: Environment,
        keys: Sequence[bytes] = (b"",),
        proxy: ProxyServer | None = None,
        *,
        codecs: Collection[type[Codec]] = TAGS.values(),
    ) -> None:
        super().__init__()
        self._env = env
        self._keys = keys
        self._proxy = proxy
        self._codecs = codecs

    def choose(self, head: bytes) -> tuple[Transport, int] | None:
        """See ``Deferred.choose``. FramingError ``tag`` (TR-21), ``replay`` (TR-42); −444 for another dc (TR-35)."""
        if len(head) < HEADER:
            return None
        accepted = accept(head[:HEADER], self._keys)
        if accepted.codec not in self._codecs:
            raise FramingError("tag", f"{accepted.codec.name} where only padded is taken")
        transport = accepted.transport(self._env)
        if accepted.secret and self._proxy is not None:
            if not self._proxy.is_new(head[8:56]):
                raise FramingError("replay", "an obfuscation header that was accepted before")
            if accepted.dc not in self._proxy.dcs:
                raise Refused(transport, UNKNOWN_DC)
        return transport, HEADER
