"""Act: what a fault does, one method for each place of the honest server where it can act."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from mtproto.crypto.auth_key import AuthKey
    from mtproto.handshake.protect import PQInner
    from mtproto.handshake.states import Offer
    from mtproto.message.container import Message
    from mtproto.schema.mtproto import DhGenOk, ResPQ, ServerDHParamsOk
    from mtproto.testdc.call import Call, Reply
    from mtproto.testdc.faults.datacenter import FaultyDataCenter
    from mtproto.testdc.faults.exchange import Answer
    from mtproto.testdc.faults.line import Line
    from mtproto.testdc.faults.scene import Scene
    from mtproto.testdc.faults.session import FaultySession
    from mtproto.tl.objects import TLObject


class Act:
    """The honest behaviour everywhere; one for each FaultyDataCenter.

    ``times``: on how many calls under one auth key ``call`` acts, and how many runs of the key exchange are bent; None
    for all.
    """

    times: ClassVar[int | None] = 1

    def __init__(self, dc: FaultyDataCenter, argument: str | None) -> None:
        self.dc = dc
        self.argument = argument

    # ---- key exchange: in the order of the messages

    def res_pq(self, answer: ResPQ) -> ResPQ:
        """resPQ before it is sent."""
        return answer

    def answer(self, answer: Answer) -> None:
        """server_DH_params_ok before it is encrypted; ``answer`` is changed in place."""

    def dh_params(self, message: ServerDHParamsOk, inner: PQInner) -> TLObject:
        """server_DH_params_ok before it is sent."""
        return message

    def dh_gen(self, message: DhGenOk, offer: Offer, auth_key: AuthKey) -> TLObject:
        """dh_gen_ok before it is sent."""
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

    def opened(self, line: Line) -> None:
        """A connection was opened."""

    def incoming(self, line: Line, data: bytes) -> bytes:
        """What the server gets of the bytes that came."""
        return data

    def outgoing(self, line: Line, data: bytes) -> bytes:
        """What the client gets of the bytes that are written."""
        return data
