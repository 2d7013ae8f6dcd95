"""seqno: numbering the messages of a session, and which constructors count (spec: MSG-35..38)."""

from __future__ import annotations

from mtproto.message.gzip import peek_constructor
from mtproto.schema import mtproto as schema

NEVER_CONTENT = frozenset(
    {
        schema.MsgsAck.ID,
        schema.MsgContainer.ID,
        schema.MsgCopy.ID,
        schema.HttpWait.ID,
        schema.BadMsgNotification.ID,
        schema.BadServerSalt.ID,
        schema.MsgsStateInfo.ID,
        schema.MsgsAllInfo.ID,
        schema.MsgDetailedInfo.ID,
        schema.MsgNewDetailedInfo.ID,
        schema.Pong.ID,
        schema.FutureSalts.ID,
    }
)
"""Constructors that are never content-related, whoever sends them (MSG-36)."""

EITHER = frozenset(
    {
        schema.Ping.ID,
        schema.PingDelayDisconnect.ID,
        schema.GetFutureSalts.ID,
        schema.MsgsStateReq.ID,
        schema.MsgResendReq.ID,
        schema.MsgResendAnsReq.ID,
        schema.RpcDropAnswer.ID,
        schema.DestroySession.ID,
        schema.DestroyAuthKey.ID,
    }
)
"""Constructors that a client may send as content-related or not (MSG-36)."""


class Seqnos:
    """The seqnos of one sender in one session: 2 × content-related messages before, + 1 for one itself (MSG-35)."""

    __slots__ = ("_content_related",)

    def __init__(self) -> None:
        self._content_related = 0

    def next(self, content: bool) -> int:
        seqno = 2 * self._content_related + content
        self._content_related += content
        return seqno


def judge_parity(body: bytes, seqno: int) -> int:
    """The bad_msg code for a client message whose seqno parity does not fit its body, else 0 (MSG-81: 34, 35).

    A gzip_packed body counts as what it packs (MSG-37).
    """
    constructor = peek_constructor(body)
    if constructor in EITHER:
        return 0
    if constructor in NEVER_CONTENT:
        return 34 if seqno & 1 else 0
    return 0 if seqno & 1 else 35
