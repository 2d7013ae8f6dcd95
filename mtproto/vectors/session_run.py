"""A session under a script: one connection in memory, what is fed to it, and what it sends and reports.

Messages of the script name ids that are born while it runs by a placeholder of 8 bytes: ``{a}`` is the msg_id under
which the request ``a`` was last sent, ``{a:1}`` the first one, ``{a:outer}`` that of the payload which carried it, and
``{msgs_state_req}`` that of the last message of this constructor. What is sent is written down without its own ids,
in an order of its own: see ``Observer``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from mtproto.connection import Connection
from mtproto.errors import BadMessage, DecodeError, MTProtoError, OutcomeUnknown, PeerError, RpcError
from mtproto.message import envelope
from mtproto.message.container import Message, is_container, split
from mtproto.message.envelope import Inner
from mtproto.message.gzip import GZIP_PACKED, constructor_of, unpack
from mtproto.roles import Role
from mtproto.schema import mtproto as schema
from mtproto.session.events import Answered, Closed, Event, NewSession, Request, RequestFailed, Undecoded, Update
from mtproto.session.session import Session
from mtproto.testing import ScriptedEnvironment
from mtproto.tl.registry import decode
from mtproto.tl.text import to_plain
from mtproto.vectors import rig
from mtproto.vectors.outcome import Mismatch

_PLACEHOLDER = re.compile(r"\{(\w+)(?::(\w+))?\}")
_CHOSEN = {"unique_id", "salt", "new_server_salt", "server_salt"}
"""Fields whose values a server draws."""


class Line(rig.WholePackets):
    """A transport that hands over payloads as they are, in both directions; ``sent`` are those and the errors sent."""

    __slots__ = ("sent",)

    def __init__(self, role: Role, env: ScriptedEnvironment) -> None:
        super().__init__(role, env)
        self.sent: list[bytes | int] = []

    def pack(self, payload: bytes, *, quick_ack: bool = False) -> bytes:
        self.sent.append(payload)
        return b""

    def pack_fault(self, code: int) -> bytes:
        self.sent.append(code)
        return b""


class Observer:
    """The messages of one role as values: service messages in JSON, requests by name, own ids by placeholder.

    A message says whether it is ``content``-related and, of a server, its id modulo 4; ``repeated`` where its id was
    used before. Acknowledgements are collected apart, since each implementation has times of its own for them.
    """

    def __init__(self, role: Role, session: Session) -> None:
        self.role = role
        self.key = session.keys.auth_key
        self.session_ids = [session.session_id]
        self.names: dict[bytes, str] = {}
        self.ids: dict[str, list[int]] = {}
        self.outer: dict[int, int] = {}
        self.acknowledged: set[str] = set()

    def payload(self, payload: bytes | int) -> dict[str, Any]:
        """One payload: ``sent``, its messages but for acknowledgements, with its ``salt`` where there are any."""
        if isinstance(payload, int):
            return {"sent": [{"transportError": payload}]}
        inner, _ = envelope.open(self.key, payload, self.role)
        messages = [Message(inner.msg_id, inner.seqno, inner.body)]
        if is_container(inner.body):
            messages = split(inner.body, inner.msg_id, self.role)
        for message in messages:
            self.outer[message.msg_id] = inner.msg_id
        seen: dict[str, Any] = {"sent": list(filter(None, map(self.message, messages)))}
        if seen["sent"] and self.role is Role.CLIENT:
            seen["salt"] = inner.salt.to_bytes(8, "little", signed=True).hex()
        if seen["sent"] and inner.session_id not in self.session_ids:
            self.session_ids.append(inner.session_id)
            seen["newSession"] = True
        return seen

    def message(self, message: Message) -> dict[str, Any] | None:
        """One message; None for acknowledgements."""
        value = self.value(unzipped(message.body))
        name = value["_"] if "_" in value else value["request"]
        repeated = message.msg_id in self.ids.get(name, [])
        self.ids.setdefault(name, []).append(message.msg_id)
        if name == "msgs_ack":
            self.acknowledged.update(value["msg_ids"])
            return None
        if name == "destroy_session" and self.role is Role.CLIENT:
            return None  # of the session that it left: advised, not demanded (MSG-65)
        value["content"] = message.seqno & 1 == 1
        if self.role is Role.SERVER:
            value["mod4"] = message.msg_id & 3
        return {**value, "repeated": True} if repeated else value

    def value(self, body: bytes) -> dict[str, Any]:
        """A body: of a request its name, of a service message its JSON, of anything else its bytes."""
        if body in self.names:
            return {"request": self.names[body]}
        if constructor_of(body) == schema.RpcResult.ID:
            req_msg_id = int.from_bytes(body[4:12], "little", signed=True)
            return {"_": "rpc_result", "req_msg_id": self.shown(req_msg_id), "result": unzipped(body[12:]).hex()}
        if not schema.registry.knows(constructor_of(body)):
            return {"_": "update", "body": body.hex()}
        plain: dict[str, Any] = to_plain(decode(body, schema.read_object))
        if plain["_"] in ("mtproto:msgs_state_info", "mtproto:msgs_all_info"):
            plain["info"] = [state & 7 for state in bytes.fromhex(plain["info"]["hex"])]  # flags may be given or not
        return {key: self.plain(key, item) for key, item in plain.items()}

    def plain(self, key: str, item: Any) -> Any:
        """A field without what only this run can know."""
        if isinstance(item, list):
            return [self.plain(key, element) for element in item]
        if isinstance(item, dict):
            return item if "hex" in item else {name: self.plain(name, element) for name, element in item.items()}
        if key == "_":
            return item.removeprefix("mtproto:")
        if key in _CHOSEN:
            return "*"
        return self.shown(int(item)) if isinstance(item, str) and item.lstrip("-").isdigit() else item

    def shown(self, number: int) -> str:
        """A number as text; an own msg_id as its placeholder."""
        for name, ids in self.ids.items():
            if number == ids[-1]:
                return "{" + name + "}"
        return str(number)

    def filled(self, template: str) -> bytes:
        """The bytes of a template."""
        return bytes.fromhex(_PLACEHOLDER.sub(self._wire, template))

    def _wire(self, found: re.Match[str]) -> str:
        name, which = found.groups()
        if name not in self.ids:
            raise Mismatch(f"nothing was sent that is called {name}")
        msg_id = self.ids[name][0 if which == "1" else -1]
        return (self.outer[msg_id] if which == "outer" else msg_id).to_bytes(8, "little", signed=True).hex()


def unzipped(body: bytes) -> bytes:
    return unpack(body) if constructor_of(body) == GZIP_PACKED else body


class Run:
    """One connection of a session, driven step by step."""

    def __init__(self, session: Session, endpoint: rig.OneSession, env: ScriptedEnvironment) -> None:
        self.session = session
        self.endpoint = endpoint
        self.env = env
        self.observer = Observer(session.role, session)
        self.handles: dict[int, str] = {}  # request_id -> name
        self.services: set[str] = set()  # those of service queries, whose answers are theirs alone
        self.connect()

    def connect(self) -> None:
        """A connection that takes the place of the last one."""
        self.line = Line(self.session.role, self.env)
        self.connection = Connection(self.session.role, self.line, self.endpoint, self.env)
        self.connection.attach(self.session)

    def feed(self, message: dict[str, Any], salt: int) -> None:
        """A payload of the peer with this message; ``salt`` unless it names another one."""
        session_id = rig.long(message["sessionId"]) if "sessionId" in message else self.observer.session_ids[-1]
        salt = rig.long(message["salt"]) if "salt" in message else salt
        body = self.observer.filled(message["body"])
        inner = Inner(salt, session_id, int(message["msgId"]), message["seqNo"], body)
        plaintext = envelope.pack_plaintext(inner, bytes(12 + -(44 + len(body)) % 16))
        payload, _ = envelope.seal_plaintext(self.session.keys.auth_key, plaintext, self.session.role.opposite)
        self.connection.receive_data(payload)

    def pass_time(self, seconds: float) -> None:
        """Let time pass; the timers act."""
        self.env.advance(seconds)
        self.connection.handle_timer()

    def observe(self) -> dict[str, Any]:
        """What was sent and reported since the last time."""
        self.connection.data_to_send()
        payloads = [self.observer.payload(payload) for payload in self.line.sent]
        self.line.sent.clear()
        events = filter(None, map(self.reported, iter(self.connection.next_event, None)))
        seen = {"sent": ordered(message for payload in payloads for message in payload["sent"])}
        seen["reported"] = ordered(events)
        salts = sorted({payload["salt"] for payload in payloads if "salt" in payload})
        if salts:
            seen["salts"] = salts
        return {**seen, "newSession": True} if any("newSession" in payload for payload in payloads) else seen

    def reported(self, event: Event | None) -> dict[str, Any] | None:
        """An event as the file writes it; None for what each implementation reports as it likes."""
        match event:
            case Answered():
                name = self.handles[event.request_id]
                return {"answered": name} if name in self.services else {"answered": name, "result": event.body.hex()}
            case RequestFailed():
                return {"failed": self.handles[event.request_id], **failure(event.error)}
            case Update():
                return {"update": event.body.hex()}
            case Request():
                return {"request": event.body.hex(), "msgId": str(event.msg_id)}
            case NewSession():
                return {"updatesMayBeLost": True}
            case Undecoded():
                return {"undecodable": True}
            case Closed():
                return {"closed": True}
        return None


def failure(error: MTProtoError) -> dict[str, Any]:
    """How a request failed."""
    match error:
        case RpcError():
            return {"rpcError": [error.code, error.message]}
        case BadMessage():
            return {"badMsgCode": error.code}
        case OutcomeUnknown():
            return {"outcome": "unknown"}
        case DecodeError():
            return {"answer": "undecodable"}
        case PeerError():
            return {"answer": "refused"}
    return {"error": type(error).__name__}


def ordered(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Order means nothing."""
    from json import dumps

    return sorted(items, key=lambda item: dumps(item, sort_keys=True))
