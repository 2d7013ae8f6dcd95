"""faulty_exchanges.json: whole key exchanges in which one step is bent, seen from the client and from the server."""

from __future__ import annotations

from tests.vectors.generate import exchange_client, exchange_runs, exchange_server
from tests.vectors.generate.form import HARDENING, VectorFile

SOURCE = [
    "Facts: core.telegram.org/mtproto/auth_key and /mtproto/security_guidelines.",
    "Keys: the RSA key is that of auth_key_exchange.json, bad primes are those of dh_params.json.",
    "Values: computed with hashlib, Python's integers, struct and IGE over the AES block of OpenSSL (package "
    "cryptography), with no code of the library, whose client and server make the same messages, byte for byte.",
]

FLAGS = {
    "Genuine": "nothing is wrong; catches implementations that refuse everything",
    "Tolerated": "unusual and allowed; catches checks that are stricter than the rules",
    "NonceMismatch": "nonce is another one; catches clients that take the answer to somebody else's query",
    "ServerNonceMismatch": "server_nonce is another one; catches runs that are put together of two",
    "InnerNonce": "the encrypted part names other nonces than the message; catches the comparison of one of both alone",
    "UnknownKey": "no offered fingerprint is trusted; catches clients that use any key, or the first of the list",
    "BadPq": "pq is not the product of two different odd primes; catches factoring without end or without a check",
    "BadAnswerLength": "encrypted_answer has an impossible length; catches decryption of what is no ciphertext",
    "BadAnswerHash": "the answer does not fit its SHA1; catches numbers used before they are authentic",
    "AnswerPadding": "more than 15 bytes behind the answer; catches objects parsed and the rest ignored",
    "BadDhParams": "dh_prime or g is unsafe; catches groups in which the server can read the key",
    "BadPublicValue": "g_a or g_b is out of range; catches keys that an attacker knows",
    "BadNewNonceHash": "new_nonce_hash does not fit; catches keys adopted without proof that the server has them",
    "WrongStep": "a message that is not next; catches clients and servers without a state machine",
    "PlainData": "something else than a key exchange in plain text; catches updates and results taken unencrypted",
    "PlainHeader": "the header of the unencrypted message is wrong; catches lengths and parities that nobody looks at",
    "Truncated": "the object ends too early; catches reads beyond the message",
    "Replay": "messages of another run of the same client; catches answers remembered by one nonce alone",
    "Retry": "dh_gen_retry; catches clients that keep b, retry_id or the refused key, or retry for ever",
    "Failed": "an authentic refusal; catches clients that give up at once, or go on with the same run",
    "Time": "strange server_time; catches clocks set from values that fit no signed 32-bit number or crash",
    "WrongFactors": "p and q are not those of pq; catches servers that compare the product alone",
    "BadRsa": "the RSA block is not RSA_PAD of anything; catches servers that parse what is not authentic",
    "Legacy": "forms from before RSA_PAD and dc; catches downgrades to weaker forms",
    "WrongDc": "a datacenter that is not served; catches keys made for another one",
    "Lifetime": "expires_in outside 60 s to 2 days; catches temporary keys that never end",
    "BadClientHash": "client_DH_inner_data does not fit its SHA1; catches g_b used before it is authentic",
    "RetryId": "retry_id is not the expected one; catches repetition of an earlier attempt",
    "Repeated": "a query that was answered before; catches second answers within one run",
    "Hardening": HARDENING,
}


def build() -> VectorFile:
    """The whole file."""
    file = VectorFile("faulty_exchanges", "Whole key exchanges with one faulty step, both roles", SOURCE, FLAGS)
    exchange_client.add_to(file, exchange_runs.add_to)
    exchange_server.add_to(file)
    return file
