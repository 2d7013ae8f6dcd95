"""The types of obfuscation, proxy secrets and fake TLS, put to ``mtproto.transport``."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from mtproto.crypto.aes import CtrStream
from mtproto.errors import FramingError
from mtproto.testing import ScriptedEnvironment
from mtproto.transport import Abridged, Codec, Detect, Intermediate, Padded
from mtproto.transport.faketls import (
    RANDOM,
    SERVER_WRITES,
    ClientRecords,
    Records,
    ServerRecords,
    check_client_hello,
    hello_digest,
    pack_records,
    sign_client_hello,
    sign_server_hello,
)
from mtproto.transport.mtproxy import FAKE_TLS, PLAIN, ProxyServer, Secret
from mtproto.transport.obfuscated import Obfuscated, accept, draw_header, obfuscate, stream_keys
from mtproto.vectors.case import Case
from mtproto.vectors.outcome import Mismatch, Output, Refused, TypeFunction, require

CODECS: dict[str, type[Codec]] = {
    "abridged": Abridged,
    "intermediate": Intermediate,
    "padded_intermediate": Padded,
}
NAMES = {codec: name for name, codec in CODECS.items()}
ANOTHER = bytes(range(1, 65))
"""64 bytes that a client may use, for one that has to draw again."""


def obfuscated2(case: Case) -> Output:
    """The header and both streams, below the framing: the chunks of the file are no frames."""
    init, codec, dc = case.bytes("init"), CODECS[case.input["transport"]], case.input["dc"]
    secret = Secret.parse(case.input["secret"]).key if case.input["secret"] else b""
    header = draw_header(codec, ScriptedEnvironment(entropy=[init]), dc)
    keys = stream_keys(header, secret)
    client = obfuscate(codec, ScriptedEnvironment(entropy=[init]), dc=dc, secret=secret)
    chunks = [client.wrap(bytes.fromhex(chunk)) for chunk in case.input["clientChunks"]]
    first, chunks[0] = chunks[0][:64], chunks[0][64:]
    accepted = accept(first, [secret])
    require((accepted.codec, dc in (None, accepted.dc)) == (codec, True), "what the server reads from the header")
    server = accepted.transport(ScriptedEnvironment())
    received = [b"".join(server.unwrap(chunk)).hex() for chunk in chunks]
    require(received == case.input["clientChunks"], "what the server decrypts")
    return {
        "encryptKey": keys.client_key.hex(),
        "encryptIv": keys.client_iv.hex(),
        "decryptKey": keys.server_key.hex(),
        "decryptIv": keys.server_iv.hex(),
        "firstPacket": first.hex(),
        "clientWire": [chunk.hex() for chunk in chunks],
        "serverWire": server_wire(case, server, client),
    }


def server_wire(case: Case, server: Obfuscated, client: Obfuscated) -> list[str]:
    """What the server sends; the client has to read it."""
    wire = [server.wrap(bytes.fromhex(chunk)) for chunk in case.input["serverPlain"]]
    received = [b"".join(client.unwrap(chunk)).hex() for chunk in wire]
    require(received == case.input["serverPlain"], "what the client decrypts")
    return [chunk.hex() for chunk in wire]


def aes_ctr_stream(case: Case) -> Output:
    stream = CtrStream(case.bytes("key"), case.bytes("iv"))
    return {"chunks": [stream.process(bytes.fromhex(chunk)).hex() for chunk in case.input["chunks"]]}


def obfuscated2_init(case: Case) -> Output | Refused:
    """Whether a client takes these bytes from its generator, or draws again."""
    init = case.bytes("init")
    header = draw_header(Intermediate, ScriptedEnvironment(entropy=[init, ANOTHER]), None)
    return {"usable": True} if header[:56] == init[:56] else Refused("drawn_again")


def obfuscated2_accept(case: Case) -> Output:
    accepted = accept(case.bytes("firstPacket"), [bytes.fromhex(case.params["secret"])])
    return {"transport": NAMES[accepted.codec], "dc": accepted.dc}


def proxy_secret(case: Case) -> Output:
    secret = Secret.parse(case.input["secret"])
    require(Secret.parse(secret.to_text()) == secret, "the secret written and read again")
    output = {"kind": "simple" if secret.kind == PLAIN else secret.kind, "key": secret.key.hex()}
    return {**output, "domain": secret.domain} if secret.kind == FAKE_TLS else output


def fake_tls_client_hello(case: Case) -> Output:
    zeroed, key, now = case.bytes("clientHelloZeroRandom"), case.bytes("secret"), case.input["unixTime"]
    hello = sign_client_hello(zeroed, key, now)
    require(check_client_hello(hello, [key], now) == key, "the server's check of the hello")
    return {"digest": hello_digest(zeroed, key).hex(), "random": hello[RANDOM].hex(), "clientHello": hello.hex()}


def fake_tls_server_hello(case: Case) -> Output:
    key, client_random = case.bytes("secret"), case.bytes("clientRandom")
    reply = sign_server_hello(case.bytes("responseZeroRandom"), key, client_random)
    require(accepted_by_client(reply, key, client_random), "the client's check of the reply")
    return {"random": reply[RANDOM].hex(), "response": reply.hex()}


def fake_tls_server_receive(case: Case) -> Output:
    """A listener that has this secret: it answers, or ends the connection without a word."""
    proxy = ProxyServer([bytes.fromhex(case.params["secret"])], [2])
    for seen in case.input.get("seenBefore", ()):
        proxy.is_new(bytes.fromhex(seen)[:16])
    server = Detect(ScriptedEnvironment(unix_time=case.input["now"]), proxy)
    items = server.feed(case.bytes("clientHello"))
    reply = server.data_to_send()
    require(bool(reply) is not bool(items), "an answer to an accepted hello alone")
    raise_error(items)
    return {"accept": True}


def fake_tls_client_receive(case: Case) -> Output:
    key = bytes.fromhex(case.params["secret"])
    return {"accept": accepted_by_client(case.bytes("response"), key, case.bytes("clientRandom"))}


def accepted_by_client(reply: bytes, key: bytes, client_random: bytes) -> bool:
    """Whether the client would send data after ``reply``; raises what it says against it."""
    records = ClientRecords(key, client_random)
    raise_error(records.feed(reply))
    return records.open


def fake_tls_records(case: Case) -> Output:
    if "wire" in case.input:
        raise_error(ServerRecords().feed(case.bytes("wire")))
        return {}
    if "recordRepeat" in case.input:
        wire = pack_records(case.bytes("record"), SERVER_WRITES)
        require(stream_of(ServerRecords(), wire) == case.bytes("record"), "what is in the record")
        return {"header": wire[:5].hex(), "wireSha256": sha256(wire).hexdigest()}
    wire = b"".join(pack_records(bytes.fromhex(record), SERVER_WRITES) for record in case.input["records"])
    return {"wire": wire.hex(), "stream": stream_of(ServerRecords(), wire).hex()}


def stream_of(records: Records, wire: bytes) -> bytes:
    """What the records of ``wire`` carry."""
    return b"".join(raise_error(records.feed(wire)))


def raise_error(items: Sequence[object]) -> list[bytes]:
    """The bytes among ``items``; raises an error that ends them."""
    for item in items:
        if isinstance(item, FramingError):
            raise item
        if not isinstance(item, bytes):
            raise Mismatch(f"{type(item).__name__} in place of bytes")
    return [item for item in items if isinstance(item, bytes)]


FUNCTIONS: dict[str, TypeFunction] = {
    "Obfuscated2": obfuscated2,
    "AesCtrStream": aes_ctr_stream,
    "Obfuscated2Init": obfuscated2_init,
    "Obfuscated2Accept": obfuscated2_accept,
    "ProxySecret": proxy_secret,
    "FakeTlsClientHello": fake_tls_client_hello,
    "FakeTlsServerHello": fake_tls_server_hello,
    "FakeTlsServerReceive": fake_tls_server_receive,
    "FakeTlsClientReceive": fake_tls_client_receive,
    "FakeTlsRecords": fake_tls_records,
}
"""Type -> the function that puts a test of this type to the core."""
