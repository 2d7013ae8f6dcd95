"""Call: one API call as its handler sees it, and the ways to answer it (API-102).

A handler takes the ``Call`` and returns what to answer with; or it raises ``RpcError``; or it returns None and
answers later, by ``call.answer`` or ``call.answer_after``, or never.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from mtproto.errors import RpcError, UsageError
from mtproto.message.gzip import GZIP_PACKED
from mtproto.record import Record
from mtproto.schema import mtproto as schema
from mtproto.testdc import layers
from mtproto.testdc.accounts import Account, Bot, BusinessConnection, Person
from mtproto.testdc.layers import NotInLayer
from mtproto.tl.objects import TLFunction, TLObject
from mtproto.tl.wire import pack_bool, pack_bytes, pack_I, raw_vector

if TYPE_CHECKING:
    from mtproto.testdc.datacenter import DataCenter
    from mtproto.testdc.state import ServedSession, ServerKey

Reply: TypeAlias = "TLObject | bool | list[TLObject] | bytes | RpcError"
"""An object, a Bool, a vector of objects, a serialised object, or an error."""

Handler: TypeAlias = "Callable[[Call], Reply | None]"


class Wrapper(Record):
    """An invoke wrapper around a query: its TL name and its fields but for the query itself."""

    __slots__ = ("name", "fields")

    def __init__(self, name: str, fields: dict[str, Any]) -> None:
        self.name = name
        self.fields = fields


class Call:
    """One API call. ``query``: the function; ``wrappers``: what was around it, outermost first.

    ``key``: the auth key: kind, layer, client information, who is logged in, memory.
    """

    __slots__ = ("_query", "answered", "dc", "key", "msg_id", "session", "via", "wrappers")

    def __init__(self, dc: DataCenter, session: ServedSession, msg_id: int, via: object) -> None:
        self.dc = dc
        self.session = session
        self.key: ServerKey = session.key
        self.msg_id = msg_id
        self.via = via
        self.wrappers: tuple[Wrapper, ...] = ()
        self.answered = False
        self._query: TLFunction | None = None

    def __repr__(self) -> str:
        return f"<Call {'?' if self._query is None else self._query.NAME}>"

    @property
    def query(self) -> Any:
        """The function object, of the class that the name of the method says."""
        return self._query

    @query.setter
    def query(self, query: TLFunction) -> None:
        self._query = query

    @property
    def key_kind(self) -> str:
        """ "permanent" or "temporary" (API-102); ``key.media`` says whether it is one for files alone."""
        return "permanent" if self.key.expires_at is None else "temporary"

    @property
    def account(self) -> Account:
        """Who is logged in under the key. 401 AUTH_KEY_UNREGISTERED where nobody is (API-104)."""
        account = self.key.account
        if account is None:
            raise RpcError(401, "AUTH_KEY_UNREGISTERED")
        return account

    @property
    def bot(self) -> Bot:
        """The bot that is logged in. 401 AUTH_KEY_UNREGISTERED, 400 USER_BOT_REQUIRED (API-104)."""
        account = self.account
        if not isinstance(account, Bot):
            raise RpcError(400, "USER_BOT_REQUIRED")
        return account

    @property
    def person(self) -> Person:
        """The user who is logged in. 401 AUTH_KEY_UNREGISTERED, 400 BOT_METHOD_INVALID (API-104)."""
        account = self.account
        if not isinstance(account, Person):
            raise RpcError(400, "BOT_METHOD_INVALID")
        return account

    @property
    def business(self) -> BusinessConnection | None:
        """The connection that the call is made for, by invokeWithBusinessConnection (API-85)."""
        wrapper = self.wrapper("invokeWithBusinessConnection")
        return None if wrapper is None else self.dc.accounts.connections.get(wrapper.fields["connection_id"])

    @property
    def now(self) -> int:
        """The datacenter's time, in Unix seconds."""
        return int(self.dc.time.now())

    def wrapper(self, name: str) -> Wrapper | None:
        """The outermost wrapper of that TL name."""
        return next((wrapper for wrapper in self.wrappers if wrapper.name == name), None)

    def uploaded(self, file: Any) -> bytes:
        """The bytes that an inputFile or inputFileBig of the caller stands for. Raises RpcError (API-90)."""
        return self.dc.uploads.file(self.account.user.user_id, file)

    def answer(self, reply: Reply) -> None:
        """Answer the call; only the first answer counts (MSG-103)."""
        if self.answered:
            return
        self.answered = True
        try:
            body = encode_reply(reply, self.key.layer)
        except NotInLayer:
            reply = RpcError(400, "CONNECTION_LAYER_INVALID")
            body = encode_reply(reply)
        failed = isinstance(reply, RpcError)
        if isinstance(reply, RpcError):
            self.dc.log.errors[reply.name] += 1
        self.dc.wake(self.session.result(self.msg_id, body, self.via))
        self.dc.settle(self, not failed)

    def push(self, update: TLObject) -> None:
        """Push an object of the type Updates to the session of the call."""
        self.dc.deliver(self.session, update)

    def drop(self) -> None:
        """End the connection that the call came by, as a network does. The call may still be answered, on another."""
        self.dc.lose(self.session, self.via)

    def answer_after(self, seconds: float, reply: Reply) -> None:
        """Answer the call after ``seconds``."""
        self.dc.after(seconds, lambda: self.answer(reply))


def encode_reply(reply: Reply, layer: int | None = None) -> bytes:
    """The serialised result for a client of ``layer``, None for the newest.

    Raises UsageError for a reply that is none or cannot be encoded, NotInLayer for one that ``layer`` cannot express.
    """
    if isinstance(reply, RpcError):
        return schema.RpcError(error_code=reply.code, error_message=reply.message).to_bytes()
    if isinstance(reply, bool):
        return pack_bool(reply)
    if isinstance(reply, list):
        return raw_vector([layers.write(item, layer) for item in reply])
    if isinstance(reply, TLObject):
        return layers.write(reply, layer)
    if isinstance(reply, bytes):
        return reply
    raise UsageError(f"a handler answered with {type(reply).__name__}")


def gzip_packed(reply: Reply, layer: int | None = None) -> bytes:
    """The serialised result inside gzip_packed, however small it is."""
    import zlib

    deflater = zlib.compressobj(6, zlib.DEFLATED, 31)
    return pack_I(GZIP_PACKED) + pack_bytes(deflater.compress(encode_reply(reply, layer)) + deflater.flush())
