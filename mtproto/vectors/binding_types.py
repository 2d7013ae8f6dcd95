"""Vector types of bound temporary keys: BindTempAuthKey and BindTempAuthKeyServerReceive.

A server refuses all that is wrong in the same words (SEC-82), so that one reason fits every flag.
"""

from __future__ import annotations

from typing import Any

from mtproto.crypto.auth_key import AuthKey
from mtproto.errors import RpcError
from mtproto.handshake.binding import check_binding, protect_binding
from mtproto.schema.mtproto import BindAuthKeyInner
from mtproto.vectors.case import Case
from mtproto.vectors.outcome import Output, Refused, TypeFunction, require


def _key(case: Case, name: str) -> AuthKey:
    return AuthKey(bytes.fromhex(case.params[name]))


def _inner(fields: dict[str, Any]) -> BindAuthKeyInner:
    return BindAuthKeyInner(
        nonce=int(fields["nonce"]),
        temp_auth_key_id=int(fields["tempAuthKeyId"]),
        perm_auth_key_id=int(fields["permAuthKeyId"]),
        temp_session_id=int(fields["tempSessionId"]),
        expires_at=int(fields["expiresAt"]),
    )


def _bind_temp_auth_key(case: Case) -> Output:
    key, inner = _key(case, "permAuthKey"), _inner(case.input)
    require(inner.perm_auth_key_id == key.auth_key_id, "another id of the permanent key")
    require(inner.temp_auth_key_id == _key(case, "tempAuthKey").auth_key_id, "another id of the temporary key")
    message = protect_binding(key, inner, int(case.input["msgId"]), case.bytes("random"), case.bytes("padding"))
    return {"encryptedMessage": message.hex()}


def _server_receive(case: Case) -> Output | Refused:
    request = case.params["request"]
    temporary = {
        "tempAuthKeyId": _key(case, "tempAuthKey").auth_key_id,
        "tempSessionId": case.params["connectionSessionId"],
    }
    try:
        check_binding(
            _key(case, "permAuthKey"),
            case.bytes("encryptedMessage"),
            _inner({**request, **temporary}),
            int(case.params["messageId"]),
            now=case.params["now"],
            key_expires_at=float(request["expiresAt"]),  # the file names no other end of the temporary key
        )
    except RpcError as error:
        return Refused(f"rpc.{error.code}.{error.message}")
    return {"accept": True}


FUNCTIONS: dict[str, TypeFunction] = {
    "BindTempAuthKey": _bind_temp_auth_key,
    "BindTempAuthKeyServerReceive": _server_receive,
}
