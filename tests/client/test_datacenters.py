"""Telegram's addresses and keys as data: AUTH-15, AUTH-60 to AUTH-65, TR-34."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path

import pytest

from mtproto.client import datacenters
from mtproto.client.datacenters import DC, addresses, is_telegram_address, production
from mtproto.crypto.rsa import PublicKey, PublicKeys
from mtproto.errors import UsageError

SPECIFICATION = Path(__file__).parents[2] / "docs" / "spec" / "auth_key.md"
LEGACY = [
    0xC3B42B026CE86B21,
    0x0BC35F3509F7B7A5,
    0x15AE5FA8B5529542,
    0xAEAE98E13CD7F94F,
    0x5A181B2235057D98,
    0x9A996A1DB11C729B,
    0xB05B2A6F70CDEA78,
    0x71E025B6C76033E3,
]


def fingerprints(dc: DC) -> set[int]:
    return {key.fingerprint for key in dc.public_keys}


@pytest.mark.requirement("AUTH-60", "AUTH-61")
def test_the_built_in_keys_have_the_published_fingerprints() -> None:
    assert fingerprints(production(2)) == {-3414540481677951611}
    assert fingerprints(datacenters.test(2)) == {-5595554452916591101}
    assert (-3414540481677951611).to_bytes(8, "little", signed=True).hex() == "85fd64de851d9dd0"
    assert (-5595554452916591101).to_bytes(8, "little", signed=True).hex() == "03268d20df9858b2"


@pytest.mark.requirement("AUTH-62", "AUTH-64", "SEC-05")
def test_production_and_test_trust_different_keys_and_none_of_the_legacy_ones() -> None:
    trusted = {number for dc_id in range(1, 6) for number in fingerprints(production(dc_id))}
    tested = {number for dc_id in range(1, 4) for number in fingerprints(datacenters.test(dc_id))}
    legacy = {int.from_bytes(number.to_bytes(8, "big"), "big", signed=True) for number in LEGACY}
    assert not trusted & tested
    assert not legacy & (trusted | tested)


@pytest.mark.requirement("AUTH-60", "AUTH-61")
def test_the_keys_are_those_of_the_specification() -> None:
    text = re.sub(r"(?m)^  ", "", SPECIFICATION.read_text())
    pems = re.findall(r"-----BEGIN RSA PUBLIC KEY-----\n.*?-----END RSA PUBLIC KEY-----", text, re.DOTALL)
    assert [PublicKey.from_pem(pem) for pem in pems[:2]] == [
        *production(1).public_keys,
        *datacenters.test(1).public_keys,
    ]


@pytest.mark.requirement("AUTH-65")
def test_the_addresses_are_those_of_the_specification() -> None:
    rows = re.findall(r"(?m)^  \| (\d) \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", SPECIFICATION.read_text())
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "5"]
    for dc_id, v4, v6, test_v4, test_v6 in rows:
        assert addresses("production", int(dc_id)) == (*v4.split(", "), v6)
        assert addresses("test", int(dc_id)) == (() if test_v4 == "-" else (test_v4, test_v6))


@pytest.mark.parametrize("dc_id", range(1, 6))
def test_a_production_datacenter_has_both_kinds_of_address(dc_id: int) -> None:
    dc, dc6 = production(dc_id), production(dc_id, ipv6=True, port=5222)
    assert (dc.dc_id, dc.port, dc.environment, ip_address(dc.host).version) == (dc_id, 443, "production", 4)
    assert (dc6.dc_id, dc6.port, dc6.environment, ip_address(dc6.host).version) == (dc_id, 5222, "production", 6)
    assert dc == production(dc_id)


@pytest.mark.parametrize(("make", "dc_id"), [(production, 0), (production, 6), (datacenters.test, 4), (production, -2)])
def test_a_datacenter_that_telegram_does_not_have_is_refused_with_those_it_has(make: object, dc_id: int) -> None:
    with pytest.raises(UsageError, match="expected one of 1, 2, 3"):
        make(dc_id)  # type: ignore[operator]


@pytest.mark.requirement("TR-34", "AUTH-15", "API-37")
def test_the_number_on_the_wire_tells_test_and_media_apart() -> None:
    keys = production(2).public_keys
    assert production(2).number == 2
    assert datacenters.test(2).number == 10002
    assert DC("127.0.0.1", 443, 4, keys, environment="production", media=True).number == -4
    assert DC("127.0.0.1", 443, 2, keys, environment="test", media=True).number == -10002
    assert DC("127.0.0.1", 443, 2, keys).number == 2
    assert (-10002).to_bytes(2, "little", signed=True).hex() == "eed8"


def test_a_datacenter_of_ones_own_takes_its_keys_one_by_one() -> None:
    (key,) = production(2).public_keys
    dc = DC("localhost", 12345, 2, [key])
    assert (dc.environment, fingerprints(dc)) == ("custom", {key.fingerprint})
    assert isinstance(dc.public_keys, PublicKeys)


@pytest.mark.parametrize(
    ("host", "port", "dc_id", "environment", "count"),
    [
        ("", 443, 2, "custom", 1),
        ("localhost", 0, 2, "custom", 1),
        ("localhost", 65536, 2, "custom", 1),
        ("localhost", 443, 0, "custom", 1),
        ("localhost", 443, -2, "custom", 1),
        ("localhost", 443, 10002, "custom", 1),
        ("localhost", 443, 2, "staging", 1),
        ("localhost", 443, 2, "custom", 0),
    ],
)
def test_an_impossible_datacenter_is_refused(host: str, port: int, dc_id: int, environment: str, count: int) -> None:
    keys = [*production(2).public_keys][:count]
    with pytest.raises(UsageError):
        DC(host, port, dc_id, keys, environment=environment)


@pytest.mark.parametrize(
    "host",
    [
        "149.154.167.51",
        "95.161.76.100",
        "149.154.167.40",
        "2001:67c:4e8:f002::a",
        "2001:067C:04E8:F002:0:0:0:A",
        "[2001:b28:f23d:f001::e]",
        "::ffff:149.154.167.51",
        "pluto.web.telegram.org",
        "Venus-1.Web.Telegram.ORG.",
    ],
)
def test_a_telegram_address_is_known_however_it_is_written(host: str) -> None:
    assert is_telegram_address(host)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "::1", "localhost", "149.154.167.52", "telegram.org.example", "", "nottelegram.org"]
)
def test_other_addresses_are_not_telegram(host: str) -> None:
    assert not is_telegram_address(host)


def test_every_built_in_address_is_known() -> None:
    hosts = [host for env in ("production", "test") for dc_id in range(1, 6) for host in addresses(env, dc_id)]
    assert len(hosts) == 17
    assert all(map(is_telegram_address, hosts))
