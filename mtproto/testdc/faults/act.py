"""Act: what a fault does, one method for each place of the honest server where it can act."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mtproto.errors import UsageError

if TYPE_CHECKING:
    from mtproto.crypto.auth_key import AuthKey
    from mtproto.handshake.protect import PQInner
    from mtproto.handshake.states import Offer
    from mtproto.message.container import Message
    from mtproto.message.envelope import Inner
    from mtproto.schema.mtproto import DhGenOk, ResPQ, ServerDHParamsOk
    from mtproto.testdc.call import Call, Reply
    from mtproto.testdc.faults.datacenter import FaultyDataCenter
    from mtproto.testdc.faults.exchange import Answer
    from mtproto.testdc.faults.line import Line
    from mtproto.testdc.faults.scene import Scene
    from mtproto.testdc.faults.served import FaultySession
    from mtproto.tl.objects import TLObject


class Act:
    """The honest behaviour everywhere; one for each FaultyDataCenter.

    ``times``: on how many calls under one auth key ``call`` acts, and how many runs of the key exchange are bent; None
    for all. ``span``: for how many seconds after the first such call it acts, None for ever. ``counts``: the call is
    where the fault acts; else it says so itself. ``lenient``: how many times a client may go on with a bent run all the
    same. ``highest``: what the argument may be at most, None where the fault takes none; ``number``: what it is, or
    ``default``.
    """

    times: ClassVar[int | None] = 1
    counts: ClassVar[bool] = True
    lenient: ClassVar[int] = 0
    span: ClassVar[float | None] = None
    highest: ClassVar[int | None] = None
    default: ClassVar[int] = 0

    def __init__(self, dc: FaultyDataCenter, argument: str | None) -> None:
        self.dc = dc
        self.number = self._number(argument)

    def _number(self, argument: str | None) -> int:
        if argument is None:
            return self.default
        if self.highest is None:
            raise UsageError("this fault takes no argument")
        if not (argument.isascii() and argument.isdecimal() and len(argument) < 8 and int(argument) <= self.highest):
            raise UsageError(f"the argument of this fault is a number from 0 to {self.highest}")
        return int(argument)

    # ---- key exchange: in the order of the messages

    def res_pq(self, answer: ResPQ) -> TLObject:
        """resPQ before it is sent; it may be changed in place."""
        return answer

    def answer(self, answer: Answer) -> None:
        """server_DH_params_ok before it is encrypted; ``answer`` is changed in place."""

    def dh_params(self, message: ServerDHParamsOk, inner: PQInner) -> TLObject:
        """server_DH_params_ok before it is sent; ``inner`` is what the client asked with."""
        return message

    def dh_gen(self, message: DhGenOk, offer: Offer, auth_key: AuthKey) -> TLObject:
        """dh_gen_ok before it is sent; dh_gen_retry and dh_gen_fail in its place are kept to."""
        return message

    # ---- calls

    def call(self, scene: Scene) -> Reply | None:
        """The first calls of account.getBotBusinessConnection: what they are answered with, None for nothing."""
        return scene.honest()

    def other_call(self, call: Call, name: str) -> Reply | None:
        """Any other call: what it is answered with, None for what is right."""
        return None

    # ---- messages, payloads, bytes

    def message(self, session: FaultySession, message: Message, via: object) -> bool:
        """A message of a client, out of its container: True for one that the honest server is not to see."""
        return False

    def payload(self, line: Line, payload: bytes) -> list[bytes]:
        """What leaves in place of a payload."""
        return [payload]

    def packet(self, line: Line, payload: bytes) -> bool:
        """A payload of the client: False for one that the honest server is not to see."""
        return True

    def seen_again(self, session: FaultySession, inner: Inner) -> None:
        """A payload of the client has the msg_id of an earlier one, and is no container."""

    def token(self, line: Line, token: int) -> bool:
        """A quick acknowledgement: False for one that is not to leave."""
        return True

    def opened(self, line: Line) -> None:
        """A connection was opened."""

    def incoming(self, line: Line, data: bytes) -> bytes:
        """What the server gets of the bytes that came."""
        return data

    def outgoing(self, line: Line, data: bytes) -> bytes:
        """What the client gets of the bytes that are written."""
        return data
