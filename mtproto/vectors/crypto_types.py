"""The types of aes_ige, kdf, rsa, pq and dh_params, put to ``mtproto.crypto``."""

from __future__ import annotations

from hashlib import sha1

from mtproto.crypto import aes, dh, factor, kdf, rsa
from mtproto.crypto.auth_key import AuthKey
from mtproto.environment import SystemEnvironment
from mtproto.errors import UsageError
from mtproto.handshake.protect import open_legacy
from mtproto.message.envelope import seal_plaintext
from mtproto.roles import Role
from mtproto.testing import ScriptedEnvironment
from mtproto.transport import Abridged, Intermediate
from mtproto.vectors.case import Case
from mtproto.vectors.outcome import Output, TypeFunction, require

PUBLIC_EXPONENT = 65537
"""The exponent of the RSA keys in the files, where a group does not name one."""


def sender(case: Case) -> Role:
    """Who sent the message: the input ``direction``."""
    return {"client_to_server": Role.CLIENT, "server_to_client": Role.SERVER}[case.input["direction"]]


def long_bytes(number: int) -> str:
    """A TL long as it stands in the files: the 8 bytes on the wire."""
    return number.to_bytes(8, "little", signed=True).hex()


# aes_ige


def aes_ige(case: Case) -> Output:
    key, iv, plaintext = case.bytes("key"), case.bytes("iv"), case.bytes("plaintext")
    key_length = case.params["keyBytes"]
    ciphertext = aes.ige_encrypt(plaintext, key, iv, key_length=key_length)
    require(aes.ige_decrypt(ciphertext, key, iv, key_length=key_length) == plaintext, "decryption")
    return {"ciphertext": ciphertext.hex()}


def aes_ige_chained(case: Case) -> Output:
    key, iv = case.bytes("key"), case.bytes("iv")
    ciphertexts = []
    for plaintext in map(bytes.fromhex, case.input["plaintexts"]):
        ciphertext = aes.ige_encrypt(plaintext, key, iv)
        require(aes.ige_decrypt(ciphertext, key, iv) == plaintext, "decryption")
        ciphertexts.append(ciphertext.hex())
        iv = ciphertext[-16:] + plaintext[-16:]
    return {"ciphertexts": ciphertexts, "finalIv": iv.hex()}


def aes_ige_reject(case: Case) -> Output:
    data, key, iv = case.bytes("data"), case.bytes("key"), case.bytes("iv")
    try:
        aes.ige_encrypt(data, key, iv)
    except UsageError:
        aes.ige_decrypt(data, key, iv)  # both have to refuse
    return {}


# kdf


def kdf_v2(case: Case) -> Output:
    key, iv = kdf.aes_key_iv(AuthKey(case.bytes("authKey")).parts(sender(case)), case.bytes("msgKey"))
    return {"aesKey": key.hex(), "aesIv": iv.hex()}


def kdf_v1(case: Case) -> Output:
    key, iv = kdf.aes_key_iv_v1(AuthKey(case.bytes("authKey")), case.bytes("msgKey"), sender(case))
    return {"aesKey": key.hex(), "aesIv": iv.hex()}


def msg_key_v2(case: Case) -> Output:
    _, large = seal_plaintext(AuthKey(case.bytes("authKey")), case.bytes("plaintext"), sender(case))
    return {"msgKeyLarge": large.hex(), "msgKey": large[8:24].hex()}


def msg_key_v1(case: Case) -> Output:
    return {"msgKey": kdf.msg_key_v1(case.bytes("plaintext")).hex()}


def tmp_aes_key(case: Case) -> Output:
    key, iv = kdf.tmp_aes_key_iv(case.bytes("newNonce"), case.bytes("serverNonce"))
    return {"tmpAesKey": key.hex(), "tmpAesIv": iv.hex()}


def new_nonce_hash(case: Case) -> Output:
    key = AuthKey(case.bytes("authKey"))
    return {"hash": kdf.new_nonce_hash(case.bytes("newNonce"), case.input["number"], key).hex()}


def new_nonce_hash_fail(case: Case) -> Output:
    return {"hash": kdf.new_nonce_hash_fail(case.bytes("newNonce")).hex()}


def auth_key_id(case: Case) -> Output:
    key = AuthKey(case.bytes("authKey"))
    return {
        "authKeyId": long_bytes(key.auth_key_id),
        "authKeyIdInt64": str(key.auth_key_id),
        "auxHash": long_bytes(key.aux_hash),
    }


def initial_server_salt(case: Case) -> Output:
    return {"serverSalt": long_bytes(kdf.initial_salt(case.bytes("newNonce"), case.bytes("serverNonce")))}


def quick_ack_token(case: Case) -> Output:
    _, large = seal_plaintext(AuthKey(case.bytes("authKey")), case.bytes("plaintext"), Role.CLIENT)
    token = kdf.quick_ack_token(large)
    env = SystemEnvironment()
    return {
        "msgKeyLarge": large.hex(),
        "token": f"{token:08x}",
        "wireIntermediate": Intermediate(Role.SERVER, env).pack_quick_ack(token).hex(),
        "wireAbridged": Abridged(Role.SERVER, env).pack_quick_ack(token).hex(),
    }


# rsa


def rsa_fingerprint(case: Case) -> Output:
    fingerprint = rsa.fingerprint(int(case.input["n"], 16), int(case.input["e"], 16))
    return {"fingerprint": long_bytes(fingerprint), "fingerprintInt64": str(fingerprint)}


def public_key(case: Case) -> rsa.PublicKey:
    return rsa.PublicKey(int(case.input["n"], 16), int(case.params.get("e", hex(PUBLIC_EXPONENT)), 16))


class CountingEnvironment(ScriptedEnvironment):
    """Scripted randomness that knows how often it was asked."""

    __slots__ = ("draws",)

    def __init__(self, script: list[bytes]) -> None:
        super().__init__(entropy=script)
        self.draws = 0

    def random_bytes(self, count: int) -> bytes:
        self.draws += 1
        return super().random_bytes(count)


def rsa_pad(case: Case) -> Output:
    key, data = public_key(case), case.bytes("data")
    hex_script = [case.input.get("paddingBytes", ""), *case.input.get("tempKeys", ())]
    script = [bytes.fromhex(item) for item in hex_script if item]
    env = CountingEnvironment(script)
    block = rsa.rsa_pad_block(data, key, env)
    return {
        "attempts": env.draws - 1,  # the first draw is the padding
        "keyAesEncrypted": block.hex(),
        "encryptedData": rsa.rsa_pad(data, key, ScriptedEnvironment(entropy=script)).hex(),
    }


def rsa_unpad(case: Case) -> Output:
    key = rsa.PrivateKey.from_exponents(int(case.params["n"], 16), PUBLIC_EXPONENT, int(case.params["d"], 16))
    return {"dataWithPadding": rsa.rsa_unpad(case.bytes("encryptedData"), key, SystemEnvironment()).hex()}


def rsa_legacy_sha1(case: Case) -> Output:
    """The server's opening is put to the test. The library cannot make this padding (AUTH-42), so it is made here."""
    data = case.bytes("data")
    digest = sha1(data).digest()
    padding = bytes.fromhex(case.input.get("paddingBytes", "")).ljust(235 - len(data), b"\0")
    block = b"\0" + digest + data + padding
    require(open_legacy(block) == data, "the server's opening")
    require(open_legacy(b"\0" + digest[::-1] + block[21:]) is None, "the server's check of the hash")
    if "n" not in case.input:
        return {"sha1": digest.hex()}
    return {"encryptedData": public_key(case).encrypt(block).hex()}


# pq, dh_params


def pq_factor(case: Case) -> Output:
    p, q = factor.factorize(case.bytes("pq"))
    return {"p": p.hex(), "q": q.hex()}


def dh_prime_and_generator(case: Case) -> Output:
    dh.check_dh_params(case.bytes("p"), case.input["g"], SystemEnvironment())
    return {}


def dh_public_value(case: Case) -> Output:
    dh.check_public_value(case.bytes("value"), int(case.params["p"], 16))
    return {}


FUNCTIONS: dict[str, TypeFunction] = {
    "AesIge": aes_ige,
    "AesIgeChained": aes_ige_chained,
    "AesIgeReject": aes_ige_reject,
    "KdfV2": kdf_v2,
    "KdfV1": kdf_v1,
    "MsgKeyV2": msg_key_v2,
    "MsgKeyV1": msg_key_v1,
    "TmpAesKey": tmp_aes_key,
    "NewNonceHash": new_nonce_hash,
    "NewNonceHashFail": new_nonce_hash_fail,
    "AuthKeyId": auth_key_id,
    "InitialServerSalt": initial_server_salt,
    "QuickAckToken": quick_ack_token,
    "RsaFingerprint": rsa_fingerprint,
    "RsaPad": rsa_pad,
    "RsaUnpad": rsa_unpad,
    "RsaLegacySha1": rsa_legacy_sha1,
    "PqFactor": pq_factor,
    "DhPrimeAndGenerator": dh_prime_and_generator,
    "DhPublicValue": dh_public_value,
}
"""Type -> the function that puts a test of this type to the core."""
