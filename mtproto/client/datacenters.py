"""Which datacenter to connect to: Telegram's addresses and public keys as data (AUTH-60, 61, 64, 65), and ``DC``.

Addresses are bootstrap values and prove nothing: trust comes from the RSA keys alone (SEC-53).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Final

from mtproto.crypto.rsa import PublicKey, PublicKeys
from mtproto.errors import UsageError, printable
from mtproto.record import Record

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

PRODUCTION: Final = "production"
TEST: Final = "test"
CUSTOM: Final = "custom"
ENVIRONMENTS: Final = (PRODUCTION, TEST, CUSTOM)
"""What a ``DC`` can belong to. Keys, accounts and addresses of one are of no use in another."""

PORTS: Final = (443, 80, 5222)
"""The ports at which Telegram's addresses listen, in the order to try them (TR-120)."""

# AUTH-65. IPv4 first; a second one is a substitute for the first.
_ADDRESSES: Final[dict[str, dict[int, tuple[str, ...]]]] = {
    PRODUCTION: {
        1: ("149.154.175.50", "2001:b28:f23d:f001::a"),
        2: ("149.154.167.51", "95.161.76.100", "2001:67c:4e8:f002::a"),
        3: ("149.154.175.100", "2001:b28:f23d:f003::a"),
        4: ("149.154.167.91", "2001:67c:4e8:f004::a"),
        5: ("149.154.171.5", "2001:b28:f23f:f005::a"),
    },
    TEST: {
        1: ("149.154.175.10", "2001:b28:f23d:f001::e"),
        2: ("149.154.167.40", "2001:67c:4e8:f002::e"),
        3: ("149.154.175.117", "2001:b28:f23d:f003::e"),
    },
}

# The legacy keys of AUTH-62 are not here: a server that offers nothing else is not trusted.
_PEM: Final = {
    # AUTH-60: fingerprint d09d1d85de64fd85
    PRODUCTION: """-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEA6LszBcC1LGzyr992NzE0ieY+BSaOW622Aa9Bd4ZHLl+TuFQ4lo4g
5nKaMBwK/BIb9xUfg0Q29/2mgIR6Zr9krM7HjuIcCzFvDtr+L0GQjae9H0pRB2OO
62cECs5HKhT5DZ98K33vmWiLowc621dQuwKWSQKjWf50XYFw42h21P2KXUGyp2y/
+aEyZ+uVgLLQbRA1dEjSDZ2iGRy12Mk5gpYc397aYp438fsJoHIgJ2lgMv5h7WY9
t6N/byY9Nw9p21Og3AoXSL2q/2IJ1WRUhebgAdGVMlV1fkuOQoEzR7EdpqtQD9Cs
5+bfo3Nhmcyvk5ftB0WkJ9z6bNZ7yxrP8wIDAQAB
-----END RSA PUBLIC KEY-----
""",
    # AUTH-61: fingerprint b25898df208d2603
    TEST: """-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEAyMEdY1aR+sCR3ZSJrtztKTKqigvO/vBfqACJLZtS7QMgCGXJ6XIR
yy7mx66W0/sOFa7/1mAZtEoIokDP3ShoqF4fVNb6XeqgQfaUHd8wJpDWHcR2OFwv
plUUI1PLTktZ9uW2WE23b+ixNwJjJGwBDJPQEQFBE+vfmH0JP503wr5INS1poWg/
j25sIWeYPHYeOrFp/eXaqhISP6G+q2IeTaWTXpwZj4LzXq5YOpk4bYEQ6mvRq7D1
aHWfYmlEGepfaYR8Q0YqvvhYtMte3ITnuSJs171+GDqpdKcSwHnd6FudwGO4pcCO
j4WcDuXc2CTHgH8gFTNhp/Y8/SpDOhvn9QIDAQAB
-----END RSA PUBLIC KEY-----
""",
}


class DC(Record):
    """A datacenter to connect to: an address, the keys trusted there, and what the two belong to.

    ``host`` is a name or an IP address, ``port`` 1 to 65535, ``dc_id`` positive, ``environment`` one of
    ``ENVIRONMENTS``. ``media`` marks an address that serves files only. Raises ``UsageError``.
    """

    __slots__ = ("dc_id", "environment", "host", "media", "port", "public_keys")
    __match_args__ = ("host", "port", "dc_id", "public_keys", "environment", "media")

    def __init__(
        self,
        host: str,
        port: int,
        dc_id: int,
        public_keys: PublicKeys | Iterable[PublicKey],
        *,
        environment: str = CUSTOM,
        media: bool = False,
    ) -> None:
        if not host or not 0 < port < 65536:
            raise UsageError(f"{printable(host)!r} port {port} is no address")
        if not 0 < dc_id < 10000:
            raise UsageError(f"a dc_id is between 1 and 9999: not {dc_id}")
        if environment not in ENVIRONMENTS:
            raise UsageError(f"unknown environment {environment!a}: expected one of {', '.join(ENVIRONMENTS)}")
        self.host = host
        self.port = port
        self.dc_id = dc_id
        self.public_keys = public_keys if isinstance(public_keys, PublicKeys) else PublicKeys(public_keys)
        self.environment = environment
        self.media = media
        if not len(self.public_keys):
            raise UsageError("a datacenter needs at least one trusted public key")

    @property
    def number(self) -> int:
        """The dc of the key exchange (AUTH-15) and of obfuscation (TR-34): + 10000 for test, negated for media."""
        number = self.dc_id + 10000 if self.environment == TEST else self.dc_id
        return -number if self.media else number


def production(dc_id: int, *, ipv6: bool = False, port: int = PORTS[0]) -> DC:
    """Telegram's datacenter 1 to 5. Raises ``UsageError`` for another number."""
    return _telegram(PRODUCTION, dc_id, ipv6, port)


def test(dc_id: int, *, ipv6: bool = False, port: int = PORTS[0]) -> DC:
    """Telegram's test datacenter 1 to 3. Raises ``UsageError`` for another number."""
    return _telegram(TEST, dc_id, ipv6, port)


def addresses(environment: str, dc_id: int) -> tuple[str, ...]:
    """All built-in addresses of one datacenter, IPv4 first; empty where there are none (AUTH-65)."""
    return _ADDRESSES.get(environment, {}).get(dc_id, ())


def is_telegram_address(host: str) -> bool:
    """Whether ``host`` is a built-in address, however written, or a name below telegram.org.

    Such an address is connected to with the system's clock and generator only, never with scripted ones. Names are
    not looked up: whoever connects asks again with the address that a name led to.
    """
    from ipaddress import IPv6Address, ip_address

    name = host.strip("[]").partition("%")[0].rstrip(".").lower()
    try:
        address = ip_address(name)
    except ValueError:
        return name == "telegram.org" or name.endswith(".telegram.org")
    if isinstance(address, IPv6Address):
        return (address.ipv4_mapped or address) in _built_in()
    return address in _built_in()


def _telegram(environment: str, dc_id: int, ipv6: bool, port: int) -> DC:
    hosts = addresses(environment, dc_id)
    if not hosts:
        known = ", ".join(map(str, _ADDRESSES[environment]))
        raise UsageError(f"Telegram has no {environment} datacenter {dc_id}: expected one of {known}")
    return DC(hosts[-1] if ipv6 else hosts[0], port, dc_id, _trusted(environment), environment=environment)


@cache
def _trusted(environment: str) -> PublicKeys:
    return PublicKeys([PublicKey.from_pem(_PEM[environment])])


@cache
def _built_in() -> frozenset[IPv4Address | IPv6Address]:
    from ipaddress import ip_address

    return frozenset(ip_address(host) for dcs in _ADDRESSES.values() for hosts in dcs.values() for host in hosts)
