"""Faults of the transports: SEC-41, SEC-49, SEC-60 to SEC-64, SEC-66 to SEC-69, each in the bytes of one connection."""

from __future__ import annotations

from collections.abc import Callable

from mtproto.crypto.kdf import quick_ack_token
from mtproto.message.envelope import open
from mtproto.roles import Role
from mtproto.testdc.call import Reply
from mtproto.testdc.faults.act import Act
from mtproto.testdc.faults.fault import TRANSPORT, Fault, Reaction, define, on_call
from mtproto.testdc.faults.line import Line, codec
from mtproto.testdc.faults.scene import Scene
from mtproto.testdc.faults.tools import flipped
from mtproto.transport.abridged import Abridged
from mtproto.transport.full import Full

R1, CARRY_ON = (Reaction.R1,), (Reaction.CARRY_ON,)
CLOSES = "closes the connection, connects again and repeats what is pending"
STREAMS = ("abridged", "intermediate", "padded", "full", "obfuscated-abridged", "obfuscated-intermediate",
           "obfuscated-padded", "websocket")  # fmt: skip
WITH_QUICK_ACKS = ("abridged", "intermediate", "padded", "obfuscated-abridged", "obfuscated-intermediate",
                   "obfuscated-padded", "websocket")  # fmt: skip
OBFUSCATED = ("obfuscated-abridged", "obfuscated-intermediate", "obfuscated-padded", "websocket")
PADDED = ("padded", "obfuscated-padded")


def fault(
    name: str,
    rule: str,
    breaks: str,
    expects: str = CLOSES,
    reactions: tuple[Reaction, ...] = R1,
    transports: tuple[str, ...] = STREAMS,
    *,
    non_strict: tuple[Reaction, ...] = (),
    plants: bool = False,
    slow: bool = False,
    needs: str = "",
) -> Fault:
    """A fault of a transport, by default answered by R1."""
    return Fault(name, tuple(rule.split()), TRANSPORT, breaks, expects, reactions, non_strict, plants, slow, transports,
                 needs)  # fmt: skip


# ---- transport errors, which nobody has authenticated: SEC-41

SURVIVES = (
    "closes and connects again with the same auth key, which is neither deleted nor replaced, and stays logged in"
)
CODES = {
    "inject_-404": (-404, "-404, as if the auth key were unknown", (Reaction.R1, Reaction.ERROR)),
    "inject_-429": (-429, "-429, as if there were too many connections", (Reaction.R1, Reaction.ERROR)),
    "inject_-444": (-444, "-444, as if the datacenter were another one", (Reaction.R1, Reaction.ERROR)),
    "inject_+5": (5, "5, which is no transport error", R1),
}
"""Name → the code, in words, and the right reactions."""


def _inject(name: str, code: int, what: str, reactions: tuple[Reaction, ...]) -> None:
    transports = () if code < 0 else STREAMS

    @on_call(
        fault(name, "SEC-41", f"somebody on the way sends the transport error {what}", SURVIVES, reactions, transports)
    )
    def act(scene: Scene) -> Reply | None:
        if code < 0:
            scene.line.fault(code)
        else:
            scene.line.plant(code.to_bytes(4, "little"))
        return scene.honest()


for _name, (_code, _what, _reactions) in CODES.items():
    _inject(_name, _code, _what, _reactions)

# ---- quick acknowledgements: SEC-49

QUICK = "completes nothing by it and goes on"


@on_call(
    fault(
        "quick_ack_forged",
        "SEC-49",
        "a quick acknowledgement comes of a payload that was never sent",
        QUICK,
        CARRY_ON,
        WITH_QUICK_ACKS,
        non_strict=R1,
    )
)
def quick_ack_forged(scene: Scene) -> Reply | None:
    scene.line.quick_ack(0x9ABCDEF1)
    return scene.honest()


@on_call(
    fault(
        "quick_ack_repeated",
        "SEC-49",
        "a quick acknowledgement of the call comes twice, asked for or not",
        QUICK,
        CARRY_ON,
        WITH_QUICK_ACKS,
        non_strict=R1,
    )
)
def quick_ack_repeated(scene: Scene) -> Reply | None:
    _, large = open(scene.key, scene.line.heard, Role.CLIENT)
    for _ in range(2):
        scene.line.quick_ack(quick_ack_token(large))
    return scene.honest()


@define(
    fault(
        "quick_ack_missing",
        "SEC-49",
        "quick acknowledgements that are asked for never come",
        "waits for the ordinary acknowledgement or the answer",
        CARRY_ON,
        WITH_QUICK_ACKS,
        needs="a client that asks for quick acknowledgements",
    )
)
class QuickAckMissing(Act):
    def token(self, line: Line, token: int) -> bool:
        self.dc.inject("a quick acknowledgement is kept back", line)
        return False


# ---- frames: SEC-60


def _frame(line: Line, length: int) -> bytes:
    """The head of a frame that says it has ``length`` bytes."""
    inside = codec(line.inner)
    if isinstance(inside, Abridged):
        return bytes((length >> 2,)) if length < 4 * 127 else b"\x7f" + (length >> 2).to_bytes(3, "little")
    head = length.to_bytes(4, "little", signed=length < 0)
    return head + inside.sent.to_bytes(4, "little") if isinstance(inside, Full) else head


UNEVEN = ("intermediate", "full", "obfuscated-intermediate", "websocket")
FRAMES: dict[str, tuple[str, int, int, tuple[str, ...]]] = {
    "frame_len_2gib": ("of nearly 2 GiB, 64 MiB in abridged, is announced", 0x7FFFFFFC, 0x3FFFFFC, STREAMS),
    "frame_len_17mib": ("of 17 MiB is announced", 17 << 20, 17 << 20, STREAMS),
    "frame_len_zero": ("has no bytes", 0, 0, STREAMS),
    "frame_len_odd": ("has 45 bytes, no multiple of 4", 45, 44, UNEVEN),
    "frame_len_negative": ("has a negative length", -8, 0, ("full",)),
    "frame_len_short": ("is shorter than its own head", 8, 0, ("full",)),
}
"""Name → what is wrong with the frame, its length, that in abridged, and the transports."""


def _length(name: str, what: str, length: int, abridged: int, transports: tuple[str, ...]) -> None:
    expects = "closes before it makes room for it; connects again and repeats what is pending"

    @on_call(fault(name, "SEC-60", f"a frame {what}", expects, R1, transports))
    def act(scene: Scene) -> Reply | None:
        short = isinstance(codec(scene.line.inner), Abridged)
        scene.line.say(_frame(scene.line, abridged if short else length) + bytes(48))
        return scene.honest()


for _name, _fields in FRAMES.items():
    _length(_name, *_fields)

# ---- full: SEC-61


class NextFrame(Act):
    """Bends the bytes that leave next after the call."""

    armed = False

    def call(self, scene: Scene) -> Reply | None:
        self.armed = True
        return scene.honest()

    def outgoing(self, line: Line, data: bytes) -> bytes:
        if not self.armed:
            return data
        self.armed = False
        return self.bent(line, data)

    def bent(self, line: Line, data: bytes) -> bytes:
        """What leaves in place of ``data``."""
        return data


@define(fault("full_crc", "SEC-61", "the CRC of a frame is wrong", transports=("full",)))
class FullCrc(NextFrame):
    def bent(self, line: Line, data: bytes) -> bytes:
        return flipped(data, len(data) - 1)


SEQUENCES = {"full_seq_repeated": ("comes twice", -1), "full_seq": ("is left out", 1)}


def _sequence(name: str, what: str, step: int) -> None:
    @on_call(fault(name, "SEC-61", f"a sequence number of a frame {what}", transports=("full",)))
    def act(scene: Scene) -> Reply | None:
        inside = codec(scene.line.inner)
        if isinstance(inside, Full):
            inside.sent += step
        return scene.honest()


for _name, (_what, _step) in SEQUENCES.items():
    _sequence(_name, _what, _step)

# ---- padded: SEC-62


class PaddedFrame(Act):
    """Puts ``padding`` behind the payload of the answer."""

    padding = b""
    armed = False

    def call(self, scene: Scene) -> Reply | None:
        self.armed = True
        return scene.honest()

    def payload(self, line: Line, payload: bytes) -> list[bytes]:
        if not self.armed:
            return [payload]
        self.armed = False
        line.say((len(payload) + len(self.padding)).to_bytes(4, "little") + payload + self.padding)
        return []


@define(
    fault(
        "padded_16",
        "SEC-62",
        "16 bytes of padding follow a payload in its frame",
        "takes them for a part of the payload, whose msg_key is wrong then: " + CLOSES,
        R1,
        PADDED,
        non_strict=CARRY_ON,
    )
)
class Padded16(PaddedFrame):
    padding = bytes(16)


@define(
    fault(
        "padded_error",
        "SEC-62",
        "the padding of a frame is that of the transport error -404",
        "cuts it off: only a payload of 4 to 15 bytes is an error",
        CARRY_ON,
        PADDED,
    )
)
class PaddedError(PaddedFrame):
    padding = (-404).to_bytes(4, "little", signed=True)


# ---- below obfuscation: SEC-63


@define(
    fault(
        "stream_bitflip",
        "SEC-63",
        "a bit of the obfuscated stream is changed on the way",
        CLOSES + ": msg_key shows it, since obfuscation does not",
        transports=OBFUSCATED,
    )
)
class StreamBitflip(NextFrame):
    def bent(self, line: Line, data: bytes) -> bytes:
        return flipped(data, len(data) - 20)


# ---- fake TLS: SEC-64

FAKE_TLS = ("faketls",)
HELLO = "closes before it sends anything obfuscated"


class FirstBytes(Act):
    """Bends the first bytes that the server writes, on the first connection alone."""

    def outgoing(self, line: Line, data: bytes) -> bytes:
        if line.written or line.number > 1:
            return data
        self.dc.inject("the first bytes", line)
        return self.bent(data)

    def bent(self, data: bytes) -> bytes:
        """What leaves in place of ``data``."""
        return data


HELLOS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "ftls_hmac": ("the HMAC in the server's hello is wrong", lambda data: flipped(data, 20)),
    "ftls_record_type": ("the server's hello is an alert", lambda data: b"\x15" + data[1:]),
    "ftls_oversize": (
        "a record of the server's hello has 65,535 bytes",
        lambda data: data[:3] + b"\xff\xff" + data[5:] + bytes(65535),
    ),
    "ftls_no_change_cipher": ("there is no change-cipher record", lambda data: data.replace(b"\x14\3\3\0\1\1", b"", 1)),
}


def _hello(name: str, breaks: str, bend: Callable[[bytes], bytes]) -> None:
    @define(fault(name, "SEC-64", breaks, HELLO, R1, FAKE_TLS))
    class Hello(FirstBytes):
        def bent(self, data: bytes) -> bytes:
            return bend(data)


for _name, (_breaks, _bend) in HELLOS.items():
    _hello(_name, _breaks, _bend)
