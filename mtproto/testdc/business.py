"""invokeWithBusinessConnection: which calls a bot may make on behalf of a user, and where (API-85 … API-88)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtproto.errors import RpcError
from mtproto.testdc.accounts import Bot

if TYPE_CHECKING:
    from mtproto.testdc.call import Call

METHODS = frozenset(
    {
        "account.setGlobalPrivacySettings",
        "account.updateProfile",
        "messages.deleteMessages",
        "messages.editMessage",
        "messages.readHistory",
        "messages.sendMedia",
        "messages.sendMessage",
        "messages.sendMultiMedia",
        "messages.setTyping",
        "messages.updatePinnedMessage",
        "payments.convertStarGift",
        "payments.exportInvoice",
        "payments.getPaymentForm",
        "payments.getSavedStarGifts",
        "payments.getStarsStatus",
        "payments.sendStarsForm",
        "payments.transferStarGift",
        "payments.upgradeStarGift",
        "stories.deleteStories",
    }
)
"""What may be called on behalf of a user (API-86); ``DataCenter.business_methods`` is a set of its own to add to."""


def admit(call: Call) -> None:
    """Raises RpcError where a wrapped call is not for this caller, connection, datacenter or method."""
    wrapper = call.wrapper("invokeWithBusinessConnection")
    if wrapper is None:
        return
    if not isinstance(call.account, Bot):
        raise RpcError(400, "BUSINESS_CONNECTION_NOT_ALLOWED")
    connection = call.dc.accounts.connections.get(wrapper.fields["connection_id"])
    if connection is None or connection.disabled:
        raise RpcError(400, "BUSINESS_CONNECTION_INVALID")
    if connection.dc_id not in (None, call.dc.dc_id):
        raise RpcError(303, f"USER_MIGRATE_{connection.dc_id}")
    if call.query.NAME not in call.dc.business_methods:
        raise RpcError(400, "BUSINESS_CONNECTION_NOT_ALLOWED")
