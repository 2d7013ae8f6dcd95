"""MTProxy: secrets and links as values, and what a server that accepts them remembers.

Implements TR-60 to TR-65, and the memory that TR-42 and TR-75 ask for, of docs/spec/transports.md. A proxy is an
attacker like any other (TR-67): nothing above the transport knows that there is one.
"""

from __future__ import annotations

from binascii import Error, a2b_base64, b2a_base64, unhexlify
from collections.abc import Iterable

from mtproto.errors import UsageError
from mtproto.record import Record

PLAIN = "plain"
PADDED = "padded"
FAKE_TLS = "faketls"

KEY = 16
MAX_DOMAIN = 182
MAX_SEEN = 65536
MAX_LINK = 2048
"""Characters of the longest link and secret that are looked at."""

_HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")
_FROM_BASE64URL = bytes.maketrans(b"-_", b"+/")
_TO_BASE64URL = bytes.maketrans(b"+/", b"-_")
_WEB_HOSTS = frozenset({"t.me", "telegram.me"})


class Secret(Record):
    """A proxy's secret (TR-60). ``kind``: ``PLAIN``, any codec; ``PADDED``, padded intermediate only; ``FAKE_TLS``.

    ``key``: 16 bytes. ``domain``: the host name that fake TLS shows, else empty. Raises UsageError.
    """

    __slots__ = ("domain", "key", "kind")

    def __init__(self, key: bytes, kind: str = PLAIN, domain: str = "") -> None:
        if len(key) != KEY:
            raise UsageError("a proxy secret has a key of 16 bytes")
        if kind not in (PLAIN, PADDED, FAKE_TLS):
            raise UsageError("a proxy secret is plain, padded or faketls")
        if (kind == FAKE_TLS) is not _is_domain(domain):
            raise UsageError(f"a fake-TLS secret names a host of 1 to {MAX_DOMAIN} characters, the others none (TR-61)")
        self.key = key
        self.kind = kind
        self.domain = domain

    def __repr__(self) -> str:
        return f"Secret(<redacted>, kind={self.kind!r}, domain={self.domain!r})"

    @classmethod
    def parse(cls, text: str) -> Secret:
        """The secret that ``text`` spells in hexadecimal, base64url or base64, tried in this order (TR-62).

        Raises UsageError, which never repeats the text.
        """
        return cls.from_bytes(_decode(text))

    @classmethod
    def from_bytes(cls, data: bytes) -> Secret:
        """The secret in its binary form (TR-60, TR-63). Raises UsageError."""
        if len(data) == KEY:
            return cls(data)
        if len(data) == KEY + 1 and data[0] == 0xDD:
            return cls(data[1:], PADDED)
        if len(data) > KEY + 1 and data[0] == 0xEE:
            return cls(data[1 : 1 + KEY], FAKE_TLS, data[1 + KEY :].decode("latin-1"))
        raise UsageError("a proxy secret is 16 bytes, dd and 16 bytes, or ee, 16 bytes and a host name")

    def to_bytes(self) -> bytes:
        """The binary form (TR-60)."""
        start = {PLAIN: b"", PADDED: b"\xdd", FAKE_TLS: b"\xee"}[self.kind]
        return start + self.key + self.domain.encode("ascii")

    def to_text(self) -> str:
        """As links write it: base64url without padding for fake TLS, hexadecimal for the others (TR-65)."""
        if self.kind == FAKE_TLS:
            return b2a_base64(self.to_bytes(), newline=False).translate(_TO_BASE64URL).rstrip(b"=").decode("ascii")
        return self.to_bytes().hex()


class Proxy(Record):
    """Where an MTProxy listens, and its secret. Raises UsageError for what is no address."""

    __slots__ = ("host", "port", "secret")

    def __init__(self, host: str, port: int, secret: Secret) -> None:
        if not host or not host.isprintable() or any(character.isspace() for character in host):
            raise UsageError("a proxy link needs a host name or an address")
        if not 0 < port < 65536:
            raise UsageError("the port of a proxy link is 1 to 65535")
        self.host = host
        self.port = port
        self.secret = secret

    @classmethod
    def parse(cls, link: str) -> Proxy:
        """Read ``tg://proxy?…`` or ``https://t.me/proxy?…`` (TR-64). Raises UsageError; it never repeats the link."""
        from urllib.parse import parse_qsl, urlsplit

        if len(link) > MAX_LINK:
            raise UsageError(f"a proxy link has at most {MAX_LINK} characters")
        try:
            parts = urlsplit(link.strip())
            fields = parse_qsl(parts.query.replace("+", "%2B"), max_num_fields=32, errors="strict")  # + of base64
        except ValueError:
            raise _no_link() from None
        if not _is_proxy_link(parts.scheme, parts.netloc, parts.path):
            raise _no_link()
        values = dict(reversed(fields))
        missing = [name for name in ("server", "port", "secret") if not values.get(name)]
        if missing:
            raise UsageError(f"the proxy link lacks {', '.join(missing)}")
        return cls(values["server"].strip("[]"), _port(values["port"]), Secret.parse(values["secret"]))

    @property
    def link(self) -> str:
        """The ``tg://proxy`` link: it holds the secret."""
        from urllib.parse import urlencode

        return "tg://proxy?" + urlencode(
            {"server": self.host, "port": self.port, "secret": self.secret.to_text()}, safe=":"
        )


class ProxyServer:
    """What a server knows that accepts proxy connections: the secrets, the datacenters behind it, what it has seen.

    ``keys``: the 16 bytes of each secret. ``dcs``: the numbers (TR-34) of the datacenters it leads to; others get
    −444 (TR-35, TR-56). One for all connections of a listener.
    """

    __slots__ = ("_seen", "dcs", "keys")

    def __init__(self, keys: Iterable[bytes], dcs: Iterable[int]) -> None:
        self.keys = tuple(keys)
        self.dcs = frozenset(dcs)
        self._seen: dict[int, dict[bytes, None]] = {}
        if not self.keys or any(len(key) != KEY for key in self.keys):
            raise UsageError("a proxy needs secrets of 16 bytes")

    def __repr__(self) -> str:
        return f"<ProxyServer: {len(self.keys)} secrets>"

    def is_new(self, mark: bytes) -> bool:
        """Whether no accepted connection showed ``mark`` before; from now on one has (TR-42, TR-75).

        The latest 65536 of each length are remembered: a fake-TLS connection shows a hello and then a header. Only
        who knows a secret gets this far.
        """
        seen = self._seen.setdefault(len(mark), {})
        if mark in seen:
            return False
        seen[mark] = None
        if len(seen) > MAX_SEEN:
            del seen[next(iter(seen))]
        return True


def _is_domain(domain: str) -> bool:
    """TR-61."""
    return 0 < len(domain) <= MAX_DOMAIN and _HOST_CHARACTERS.issuperset(domain)


def _decode(text: str) -> bytes:
    """TR-62: hexadecimal wins where a text is both."""
    if len(text) > MAX_LINK or not text.isascii():
        raise _no_text()
    data = text.encode("ascii")
    try:
        return unhexlify(data)
    except Error:
        data = data.translate(_FROM_BASE64URL).rstrip(b"=")
    try:
        return a2b_base64(data + b"=" * (-len(data) % 4), strict_mode=True)
    except Error:
        raise _no_text() from None


def _is_proxy_link(scheme: str, host: str, path: str) -> bool:
    if scheme == "tg":
        return (host, path) in (("proxy", ""), ("proxy", "/"))
    return scheme == "https" and host.lower() in _WEB_HOSTS and path.rstrip("/") == "/proxy"


def _port(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0


def _no_text() -> UsageError:
    return UsageError("a proxy secret is written in hexadecimal or base64")


def _no_link() -> UsageError:
    return UsageError("no proxy link: expected tg://proxy?server=…&port=…&secret=… or https://t.me/proxy?…")
