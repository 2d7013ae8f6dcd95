"""Binding of temporary keys: the server's side of PFS (MSG-107, MSG-110, MSG-113, MSG-115, SEC-82)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtproto.errors import RpcError
from mtproto.handshake.binding import check_binding
from mtproto.schema.mtproto import BindAuthKeyInner

if TYPE_CHECKING:
    from mtproto.testdc.call import Call, Reply
    from mtproto.testdc.state import ServerKey

MAX_TEMPORARY = 64
"""Temporary keys that one permanent key may have; the one that expires first is dropped for another (MSG-110)."""


# auth.bindTempAuthKey#cdd42a05 perm_auth_key_id:long nonce:long expires_at:int encrypted_message:bytes = Bool
def bind_temp_auth_key(call: Call) -> Reply:
    """MSG-113. A key stays bound to what it was bound to first; the next call says again who the client is (API-02)."""
    key = call.key
    if key.expires_at is None:
        raise RpcError(400, "TEMP_AUTH_KEY_EMPTY")
    permanent = call.dc.key(call.query.perm_auth_key_id)
    expires_at = _prove(call, key, permanent, key.expires_at)
    if permanent is None or permanent.expires_at is not None:
        raise RpcError(400, "ENCRYPTED_MESSAGE_INVALID")
    if key.permanent not in (None, permanent):
        raise RpcError(400, "TEMP_AUTH_KEY_ALREADY_BOUND")
    bound = call.dc.temporary_keys(permanent)
    if key not in bound and len(bound) >= MAX_TEMPORARY:
        call.dc.forget_key(min(bound, key=lambda other: other.expires_at or 0.0))
    key.permanent, key.expires_at = permanent, expires_at
    key.layer = key.client = None
    return True


def _prove(call: Call, key: ServerKey, permanent: ServerKey | None, expires_at: float) -> float:
    """Until when the key is valid now. Raises RpcError for a message that the permanent key did not make; where that
    is unknown, the same work is done with another (SEC-82)."""
    query = call.query
    expected = BindAuthKeyInner(
        nonce=query.nonce,
        temp_auth_key_id=key.auth_key.auth_key_id,
        perm_auth_key_id=query.perm_auth_key_id,
        temp_session_id=call.session.session_id,
        expires_at=query.expires_at,
    )
    return check_binding(
        (permanent or key).auth_key,
        query.encrypted_message,
        expected,
        call.msg_id,
        now=call.dc.time.now(),
        key_expires_at=expires_at,
    )


# auth.dropTempAuthKeys#8e48a188 except_auth_keys:Vector<long> = Bool
def drop_temp_auth_keys(call: Call) -> Reply:
    """MSG-115: all other temporary keys of the same permanent one; not the key that asks."""
    for other in call.dc.temporary_keys(call.key.owner):
        if other is not call.key and other.auth_key.auth_key_id not in call.query.except_auth_keys:
            call.dc.forget_key(other)
    return True
