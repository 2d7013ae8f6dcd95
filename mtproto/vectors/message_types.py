"""The types of message_v2 and msg_id_seqno, put to ``mtproto.message``, the sessions and ``mtproto.connection``."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from mtproto.crypto.auth_key import AuthKey
from mtproto.errors import SecurityError
from mtproto.message import envelope
from mtproto.message.container import Message, join
from mtproto.message.envelope import Inner
from mtproto.message.msg_id import MsgIds, ReplayWindow, seconds
from mtproto.message.plain import open_plain, pack_plain
from mtproto.message.seqno import Seqnos
from mtproto.roles import Role
from mtproto.schema import mtproto as schema
from mtproto.session.client import ClientSession
from mtproto.session.server import ServerSession
from mtproto.testing import ScriptedEnvironment
from mtproto.transport import Padded
from mtproto.vectors import rig
from mtproto.vectors.case import Case
from mtproto.vectors.crypto_types import long_bytes, sender
from mtproto.vectors.outcome import Mismatch, Output, Refused, TypeFunction, require
from mtproto.vectors.transport_types import payload_of

QUERY = (0xC4F9186B).to_bytes(4, "little")
"""help.getConfig: an API call is always content-related."""


# message_v2


def message_v2(case: Case) -> Output:
    key, role = AuthKey(case.bytes("authKey")), sender(case)
    fields = (rig.long(case.input["salt"]), rig.long(case.input["sessionId"]), int(case.input["msgId"]))
    inner = Inner(*fields, case.input["seqNo"], case.bytes("body"))
    packet, large = envelope.seal_plaintext(key, envelope.pack_plaintext(inner, case.bytes("padding")), role)
    require(envelope.open(key, packet, role) == (inner, large), "decryption")
    require(large[8:24] == packet[8:24], "msg_key_large")
    return {"msgKey": packet[8:24].hex(), "packet": packet.hex()}


def message_v2_receive(case: Case) -> Output | Refused:
    """A whole connection judges the packet."""
    role = Role(case.params["role"])
    key, session_id = AuthKey(bytes.fromhex(case.params["authKey"])), rig.long(case.params["sessionId"])
    payload = case.bytes("packet")
    if case.params.get("transport", "").startswith("padded"):
        payload = cut(payload)
    inner = opened(key, payload, role.opposite)
    env = ScriptedEnvironment(unix_time=seconds(inner.msg_id) if inner else 0)
    session: ClientSession | ServerSession
    if role is Role.CLIENT:
        session = rig.client_session(env, key=key, session_id=session_id)
    else:
        session = rig.server_session(env, key=key, session_id=session_id, salt=inner.salt if inner else 0)
    connection = rig.receive(session, payload, env)
    refused = rig.bad_msg(session, connection) if isinstance(session, ServerSession) else None
    return refused or described(inner)


def cut(packet: bytes) -> bytes:
    """What the padded intermediate transport makes of a packet with some bytes of its padding."""
    env = ScriptedEnvironment()
    wire = Padded(Role.SERVER, env).frame(len(packet), False) + packet
    (item,) = Padded(Role.CLIENT, env).feed(wire)
    return bytes.fromhex(payload_of(item))


def opened(key: AuthKey, payload: bytes, role: Role) -> Inner | None:
    """What the payload carries, None where its envelope is bad: the connection has to say why."""
    try:
        return envelope.open(key, payload, role)[0]
    except SecurityError:
        return None


def described(inner: Inner | None) -> Output:
    """An accepted message, as the file writes it."""
    if inner is None:
        raise Mismatch("the connection accepts what its envelope refuses")
    salt, body = long_bytes(inner.salt), inner.body.hex()
    return {"salt": salt, "msgId": str(inner.msg_id), "seqNo": inner.seqno, "body": body}


# msg_id_seqno


def msg_id_generate(case: Case) -> Output:
    now = case.input["unixTime"] + Fraction(case.input["fraction"])
    return {"msgId": str(MsgIds(Role.CLIENT, int(case.input["previous"] or 0)).next(now))}


def msg_id_receive(case: Case) -> Output | Refused:
    role = Role(case.params["role"])
    env = ScriptedEnvironment(unix_time=case.params["now"])
    inner = Inner(0, rig.SESSION_ID, int(case.input["msgId"]), 1, QUERY)
    if role is Role.CLIENT:
        confirmed = case.params["clockIsSynchronized"]
        return {"accept": rig.client_session(env, confirmed=confirmed).check(inner, None)}
    session = rig.server_session(env)
    accepted = session.check(inner, None)
    return {"accept": True} if accepted else rig.bad_msg(session) or {"accept": False}


def msg_id_replay_window(case: Case) -> Output:
    window = ReplayWindow(case.params["windowSize"])
    accepted = []
    for msg_id in map(int, case.input["msgIds"]):
        try:
            window.check(msg_id)
        except SecurityError as error:
            require(error.check in ("msg_id_duplicate", "msg_id_too_old"), error.check)
            accepted.append(False)
        else:
            window.add(msg_id)
            accepted.append(True)
    return {"accepted": accepted}


def seqno(case: Case) -> Output:
    seqnos = Seqnos()
    return {"seqNos": [seqnos.next(kind == "content") for kind in case.input["messages"]]}


def seqno_receive(case: Case) -> Output | Refused:
    """Messages before the one in question make the state that the test describes."""
    env = ScriptedEnvironment()
    session = rig.server_session(env)
    msg_id = MsgIds(Role.CLIENT).next(env.unix_time())
    earlier = case.input.get("earlier") or {"msgIdBefore": True, "seqNo": 2 * case.input["contentRelatedBefore"] - 1}
    other = msg_id - 8 if earlier["msgIdBefore"] else msg_id + 8
    received(session, Inner(0, rig.SESSION_ID, other, earlier["seqNo"], QUERY))
    require(rig.bad_msg(session) is None, "the earlier message was refused")
    received(session, Inner(0, rig.SESSION_ID, msg_id, case.input["seqNo"], KINDS[case.input["kind"]](msg_id)))
    return rig.bad_msg(session) or {}


KINDS: dict[str, Callable[[int], bytes]] = {
    "query": lambda msg_id: QUERY,
    "msgs_ack": lambda msg_id: schema.MsgsAck(msg_ids=[msg_id + 1]).to_bytes(),
    "msg_container": lambda msg_id: join([Message(msg_id - 4, 4, KINDS["msgs_ack"](msg_id))]),
}
"""Kind of message -> a body of this kind for the msg_id."""


def received(session: ServerSession, inner: Inner) -> None:
    """Let the session check the payload and, where it is to be processed, process it."""
    if session.check(inner, None):
        rig.raise_refusal(session.receive(inner, None))


def msg_id_bad_msg_code(case: Case) -> Output | Refused:
    session = rig.server_session(ScriptedEnvironment(unix_time=case.params["now"]))
    received(session, Inner(0, rig.SESSION_ID, int(case.input["msgId"]), 1, QUERY))
    return rig.bad_msg(session) or {}


def plain_message(case: Case) -> Output:
    if "body" in case.input:
        msg_id, body = int(case.input["msgId"]), case.bytes("body")
        payload = pack_plain(msg_id, body)
        require(open_plain(payload, Role.CLIENT) == (msg_id, body), "decoding")
        return {"bytes": payload.hex()}
    msg_id, body = open_plain(case.bytes("bytes"), Role.SERVER)
    return {"msgId": str(msg_id), "body": body.hex()}


FUNCTIONS: dict[str, TypeFunction] = {
    "MessageV2": message_v2,
    "MessageV2Receive": message_v2_receive,
    "MsgIdGenerate": msg_id_generate,
    "MsgIdReceive": msg_id_receive,
    "MsgIdReplayWindow": msg_id_replay_window,
    "SeqNo": seqno,
    "SeqNoReceive": seqno_receive,
    "MsgIdBadMsgCode": msg_id_bad_msg_code,
    "PlainMessage": plain_message,
}
"""Type -> the function that puts a test of this type to the core."""
