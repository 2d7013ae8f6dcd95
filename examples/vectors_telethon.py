"""Telethon as a command for ``mtproto vectors --exec``: what it offers is put to the test, all else is skipped.

mtproto vectors --exec '/an/environment/with/telethon/bin/python examples/vectors_telethon.py'
"""

import json
import logging
import struct
import sys
from collections import defaultdict

from telethon import errors, password
from telethon.crypto import AES, AESModeCTR, AuthKey, Factorization
from telethon.helpers import generate_key_data_from_nonce
from telethon.network import mtprotostate
from telethon.tl import TLObject

REFUSALS = (errors.SecurityError, errors.InvalidBufferError, errors.TypeNotFoundError, ValueError, BufferError)
mtprotostate.MSG_TOO_OLD_DELTA = mtprotostate.MSG_TOO_NEW_DELTA = float("inf")  # these tests have no clock
raw = bytes.fromhex


def receive(params, packet):
    state = mtprotostate.MTProtoState(AuthKey(raw(params["authKey"])), defaultdict(logging.getLogger))
    (state.id,) = struct.unpack("<q", raw(params["sessionId"]))
    message = state.decrypt_message_data(packet)
    keys = state._calc_key(state.auth_key.key, packet[8:24], False)
    salt = AES.decrypt_ige(packet[24:40], *keys)[:8]  # which it does not return
    return {"salt": salt, "msgId": str(message.msg_id), "seqNo": message.seq_no, "body": bytes(message.obj)}


def output(kind, params, i):
    """What it computes, or None where it offers nothing of the kind. Bytes become hexadecimal below."""
    if kind == "AesIge" and params["keyBytes"] == 32:
        return {"ciphertext": AES.encrypt_ige(raw(i["plaintext"]), raw(i["key"]), raw(i["iv"]))}
    if kind == "AesCtrStream":
        return {"chunks": list(map(AESModeCTR(raw(i["key"]), raw(i["iv"])).encrypt, map(raw, i["chunks"])))}
    if kind == "TmpAesKey":
        nonces = (int.from_bytes(raw(i[name]), "little", signed=True) for name in ("serverNonce", "newNonce"))
        return dict(zip(("tmpAesKey", "tmpAesIv"), generate_key_data_from_nonce(*nonces), strict=True))
    if kind == "PqFactor":
        factors = Factorization.factorize(int.from_bytes(raw(i["pq"]), "big"))
        return {name: n.to_bytes((n.bit_length() + 7) // 8, "big") for name, n in zip("pq", factors, strict=True)}
    if kind == "DhPrimeAndGenerator":
        return password.check_prime_and_good(raw(i["p"]), i["g"]) or {}
    if kind == "MessageV2Receive" and params["role"] == "client" and params["transport"].startswith("exact"):
        return receive(params, raw(i["packet"]))
    return {"bytes": TLObject.serialize_bytes(i["value"])} if kind == "TlString" else None


for line in sys.stdin:
    test = json.loads(line)
    try:
        found = output(test["type"], test["params"], test["input"])
        answer = {"skipped": True} if found is None else {"output": found}
    except REFUSALS as error:
        answer = {"refused": repr(error)}
    print(json.dumps({"id": test["id"], **answer}, default=bytes.hex), flush=True)
