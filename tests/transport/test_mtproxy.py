"""Secrets and links of MTProxies: TR-42, TR-60 to TR-65, TR-75."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtproto.errors import UsageError
from mtproto.transport.mtproxy import FAKE_TLS, MAX_SEEN, PADDED, PLAIN, Proxy, ProxyServer, Secret

KEY = bytes.fromhex("4d96b9b658fcc156e2b37928e70f8cd1")
SECRETS = [Secret(KEY), Secret(KEY, PADDED), Secret(KEY, FAKE_TLS, "example.org")]
names = st.text("abcxyz0189-.", min_size=1, max_size=182)


@pytest.mark.parametrize(
    ("text", "kind", "domain"),
    [
        (KEY.hex(), PLAIN, ""),
        (KEY.hex().upper(), PLAIN, ""),
        ("dd" + KEY.hex(), PADDED, ""),
        ("DD" + KEY.hex(), PADDED, ""),
        ("ee" + KEY.hex() + b"example.org".hex(), FAKE_TLS, "example.org"),
        ("7k2WubZY_MFW4rN5KOcPjNFleGFtcGxlLm9yZw", FAKE_TLS, "example.org"),
        ("7k2WubZY_MFW4rN5KOcPjNFleGFtcGxlLm9yZw==", FAKE_TLS, "example.org"),
        ("7k2WubZY/MFW4rN5KOcPjNFleGFtcGxlLm9yZw==", FAKE_TLS, "example.org"),
        ("TZa5tlj8wVbis3ko5w+M0Q==", PLAIN, ""),
        ("TZa5tlj8wVbis3ko5w-M0Q", PLAIN, ""),
    ],
)
@pytest.mark.requirement("TR-60", "TR-62")
def test_every_form_is_read(text: str, kind: str, domain: str) -> None:
    assert Secret.parse(text) == Secret(KEY, kind, domain)


@pytest.mark.requirement("TR-62")
def test_hexadecimal_wins_over_base64() -> None:
    """TR-62: 32 hexadecimal digits are 24 bytes of base64 too."""
    assert Secret.parse("dd" * 16).key == b"\xdd" * 16


@pytest.mark.parametrize(
    "text",
    [
        "",
        "=",
        KEY.hex()[:-1],
        KEY.hex()[:-2],
        KEY.hex() + "00",
        "cc" + KEY.hex(),
        "ee" + KEY.hex(),
        "ee" + KEY.hex() + "ff",
        "ee" + KEY.hex() + b"no host".hex(),
        "ee" + KEY.hex() + (b"a" * 183).hex(),
        "dd" + KEY.hex() + "00",
        "4d 96b9b658fcc156e2b37928e70f8cd1",
        "4d96b9b658fcc156e2b37928e70f8cdé",
        "7k2WubZY*MFW4rN5KOcPjNFleGFtcGxlLm9yZw",
        "A" * 5000,
    ],
)
@pytest.mark.requirement("TR-60", "TR-61", "TR-63")
def test_anything_else_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Secret.parse(text)
    assert len(text) < 8 or text[2:20] not in str(caught.value)


@given(key=st.binary(min_size=16, max_size=16), domain=names)
def test_what_is_written_is_read_again(key: bytes, domain: str) -> None:
    for secret in (Secret(key), Secret(key, PADDED), Secret(key, FAKE_TLS, domain)):
        assert Secret.parse(secret.to_text()) == secret
        assert Secret.from_bytes(secret.to_bytes()) == secret
        assert Secret.parse(secret.to_bytes().hex()) == secret


@pytest.mark.requirement("TR-65")
def test_only_a_fake_tls_secret_is_written_in_base64url() -> None:
    """TR-65."""
    assert [secret.to_text() for secret in SECRETS] == [
        KEY.hex(),
        "dd" + KEY.hex(),
        "7k2WubZY_MFW4rN5KOcPjNFleGFtcGxlLm9yZw",
    ]


@pytest.mark.requirement("TR-61")
def test_a_secret_cannot_be_made_wrong() -> None:
    for key, kind, domain in (
        (KEY[1:], PLAIN, ""),
        (KEY, "full", ""),
        (KEY, PLAIN, "example.org"),
        (KEY, FAKE_TLS, ""),
        (KEY, FAKE_TLS, "é.org"),
    ):
        with pytest.raises(UsageError):
            Secret(key, kind, domain)


@pytest.mark.parametrize("start", ["tg://proxy", "https://t.me/proxy", "https://telegram.me/proxy", "TG://proxy/"])
@pytest.mark.parametrize("secret", SECRETS, ids=lambda secret: secret.kind)
@pytest.mark.requirement("TR-64")
def test_links_are_read(start: str, secret: Secret) -> None:
    proxy = Proxy("proxy.example.org", 443, secret)
    assert Proxy.parse(f"{start}?server=proxy.example.org&port=443&secret={secret.to_text()}") == proxy
    assert Proxy.parse(f" {start}?a=1&secret={secret.to_bytes().hex()}&port=443&server=proxy%2Eexample.org ") == proxy
    assert Proxy.parse(proxy.link) == proxy


def test_base64_with_a_plus_sign_survives_the_link() -> None:
    for text in ("TZa5tlj8wVbis3ko5w+M0Q==", "TZa5tlj8wVbis3ko5w%2BM0Q%3D%3D"):
        assert Proxy.parse(f"tg://proxy?server=h&port=1&secret={text}").secret == Secret(KEY)


@pytest.mark.requirement("TR-64")
def test_the_address_of_a_link_may_be_ipv6() -> None:
    proxy = Proxy("2001:db8::1", 8443, SECRETS[0])
    assert Proxy.parse(proxy.link) == proxy
    assert Proxy.parse(f"tg://proxy?server=[2001:db8::1]&port=8443&secret={KEY.hex()}") == proxy


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ("", "no proxy link"),
        ("tg://socks?server=h&port=1&secret=" + KEY.hex(), "no proxy link"),
        ("http://t.me/proxy?server=h&port=1&secret=" + KEY.hex(), "no proxy link"),
        ("https://example.org/proxy?server=h&port=1&secret=" + KEY.hex(), "no proxy link"),
        ("https://t.me/other?server=h&port=1&secret=" + KEY.hex(), "no proxy link"),
        ("https://[t.me/proxy?server=h", "no proxy link"),
        ("tg://proxy?server=%ff&port=1&secret=" + KEY.hex(), "no proxy link"),
        ("tg://proxy", "lacks server, port, secret"),
        ("tg://proxy?server=h&secret=" + KEY.hex(), "lacks port"),
        ("tg://proxy?server=&port=1&secret=" + KEY.hex(), "lacks server"),
        ("tg://proxy?server=h&port=0&secret=" + KEY.hex(), "1 to 65535"),
        ("tg://proxy?server=h&port=65536&secret=" + KEY.hex(), "1 to 65535"),
        ("tg://proxy?server=h&port=+80&secret=" + KEY.hex(), "1 to 65535"),
        ("tg://proxy?server=a%20b&port=80&secret=" + KEY.hex(), "host name"),
        ("tg://proxy?server=h&port=80&secret=zz", "16 bytes|hexadecimal"),
        ("tg://proxy?server=h&port=1&secret=" + KEY.hex() + "&x=" + "a" * 3000, "at most"),
        ("tg://proxy?" + "&".join(f"a{n}=1" for n in range(40)), "no proxy link"),
    ],
)
@pytest.mark.requirement("TR-64")
def test_other_links_are_refused_with_the_reason(link: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        Proxy.parse(link)
    assert KEY.hex() not in str(caught.value)


@pytest.mark.requirement("SEC-58")
def test_the_secret_is_in_no_repr() -> None:
    for secret in SECRETS:
        for value in (secret, Proxy("h", 1, secret), ProxyServer([secret.key], [2])):
            assert KEY.hex() not in repr(value)
            assert repr(KEY)[2:-1] not in repr(value)


@pytest.mark.requirement("TR-42", "TR-75")
def test_a_proxy_remembers_what_it_accepted_and_forgets_the_oldest() -> None:
    server = ProxyServer([KEY], [2])
    assert server.is_new(b"first")
    assert not server.is_new(b"first")
    assert all(server.is_new(number.to_bytes(5, "big")) for number in range(MAX_SEEN - 1))
    assert not server.is_new(b"first")
    assert server.is_new(b"other")
    assert server.is_new(b"first")


def test_the_headers_inside_fake_tls_do_not_push_out_the_hellos() -> None:
    """TR-75: 65536 hellos are remembered, although each connection shows an obfuscation header (TR-42) as well."""
    server = ProxyServer([KEY], [2])
    for number in range(MAX_SEEN):
        assert server.is_new(number.to_bytes(16, "big"))
        assert server.is_new(number.to_bytes(48, "big"))
    assert not server.is_new(bytes(16))
    assert not server.is_new(bytes(48))


def test_a_proxy_needs_a_secret() -> None:
    for keys in ([], [KEY[1:]], [b"\xdd" + KEY]):
        with pytest.raises(UsageError):
            ProxyServer(keys, [2])
