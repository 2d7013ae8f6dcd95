"""What happens below the encryption: changed bytes inside obfuscation and behind a proxy, and payloads of 1.0."""

from __future__ import annotations

import pytest

from mtproto.connection import Connection
from mtproto.crypto.aes import ige_encrypt
from mtproto.crypto.kdf import aes_key_iv_v1, msg_key_v1
from mtproto.errors import FramingError, PeerError, SecurityError
from mtproto.message.envelope import Inner, pack_plaintext
from mtproto.roles import Role
from mtproto.session.events import Closed, Request, Update
from mtproto.transport import Detect
from mtproto.transport.faketls import fake_tls_client
from mtproto.transport.mtproxy import FAKE_TLS, ProxyServer, Secret
from tests.pair import AUTH_KEY, SALT, Pair
from tests.session.helpers import QUERY, RESULT, ask, of, only, settled

UPDATE = b"\x11\x22\x33\x44upda"
SECRET = Secret(b"\x99" * 16, FAKE_TLS, "example.org")


class Silent(Pair):
    """A pair that nobody overhears: a third party cannot read these streams."""

    def client_writes(self) -> bytes:
        return b"".join(iter(self.client.data_to_send, b""))

    def server_writes(self) -> bytes:
        return b"".join(iter(self.server.data_to_send, b""))


class Proxied(Silent):
    """Such a pair whose client goes through an MTProxy in fake TLS."""

    def connect(self) -> None:
        super().connect()
        codec = fake_tls_client(SECRET, self.client_env, dc=2)
        listener = Detect(self.server_env, ProxyServer([SECRET.key], [2]))
        self.client = Connection(Role.CLIENT, codec, self.link, self.client_env)
        self.server = Connection(Role.SERVER, listener, self.endpoint, self.server_env)
        self.client.attach(self.session)
        self.server.receive_data(self.client.data_to_send())
        self.client.receive_data(self.server.data_to_send())


def pair_over(transport: str) -> Pair:
    pair = Proxied() if transport == "faketls" else Silent(transport=transport)
    _, request = ask(pair)
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.answer()
    pair.take()
    return pair


@pytest.mark.parametrize(
    "transport", ["obfuscated-abridged", "obfuscated-intermediate", "obfuscated-padded", "faketls"]
)
@pytest.mark.requirement("TR-41", "TR-67", "SEC-21", "SEC-63")
def test_a_bit_flipped_below_obfuscation_is_caught_by_the_encryption(transport: str) -> None:
    """Nothing of the payload is processed; behind a proxy no check is relaxed."""
    pair = pair_over(transport)
    pair.server_session.push(UPDATE)
    data = pair.server_writes()
    head = 5 if transport == "faketls" else 0
    for at in range(head + 12, head + 60, 3):
        pair = pair_over(transport)
        pair.server_session.push(UPDATE)
        data = bytearray(pair.server_writes())
        data[at] ^= 4
        pair.client.receive_data(bytes(data))
        pair.collect()
        events = pair.take()
        error = only(events, Closed).error
        assert isinstance(error, SecurityError) and error.check in ("msg_key", "auth_key_id")
        assert not of(events, Update)


@pytest.mark.parametrize("transport", ["obfuscated-intermediate", "faketls"])
@pytest.mark.requirement("TR-41", "TR-67", "SEC-63")
def test_a_reflected_stream_ends_the_connection(transport: str) -> None:
    pair = pair_over(transport)
    pair.session.request(QUERY)
    pair.client.receive_data(pair.client_writes())
    pair.collect()
    assert isinstance(only(pair.take(), Closed).error, SecurityError | FramingError)


def version_1(sender: Role, pair: Pair) -> bytes:
    """A payload as MTProto 1.0 sealed it: msg_key over what is not padding, SHA-1 all through (MSG-22)."""
    msg_id = pair.client_msg_id() if sender is Role.CLIENT else pair.server_msg_id()
    body = QUERY if sender is Role.CLIENT else UPDATE
    plaintext = pack_plaintext(Inner(SALT, pair.session.session_id, msg_id, 1, body), b"")
    msg_key = msg_key_v1(plaintext)
    encrypted = ige_encrypt(plaintext + bytes(-len(plaintext) % 16 + 32), *aes_key_iv_v1(AUTH_KEY, msg_key, sender))
    return AUTH_KEY.auth_key_id.to_bytes(8, "little", signed=True) + msg_key + encrypted


@pytest.mark.requirement("MSG-21", "SEC-77")
def test_a_server_refuses_version_1_with_404() -> None:
    pair = settled()
    pair.server.receive_data(pair.client.transport.pack(version_1(Role.CLIENT, pair)))
    pair.collect()
    assert pair.server.data_to_send() == b"\4\0\0\0" + (-404).to_bytes(4, "little", signed=True)
    events = pair.take_server()
    assert isinstance(only(events, Closed).error, PeerError) and not of(events, Request)


@pytest.mark.requirement("MSG-20", "SEC-18")
def test_a_client_refuses_version_1() -> None:
    pair = settled()
    payload = version_1(Role.SERVER, pair)
    pair.client.receive_data(len(payload).to_bytes(4, "little") + payload)
    pair.collect()
    events = pair.take()
    assert isinstance(only(events, Closed).error, SecurityError) and not of(events, Update)
