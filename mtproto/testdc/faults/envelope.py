"""Faults of the encrypted envelope: SEC-20 to SEC-24, SEC-26, SEC-35, and what comes unencrypted after all: SEC-19."""

from __future__ import annotations

from collections.abc import Callable

from mtproto.crypto.aes import ige_encrypt
from mtproto.crypto.auth_key import AuthKey
from mtproto.crypto.kdf import aes_key_iv
from mtproto.message.plain import pack_plain
from mtproto.roles import Role
from mtproto.testdc.call import Reply
from mtproto.testdc.faults.fault import ENVELOPE, Fault, Reaction, on_call
from mtproto.testdc.faults.scene import Draft, Scene
from mtproto.testdc.faults.tools import flipped

R1 = (Reaction.R1,)
CLOSES = "discards the payload, closes the connection, connects again and repeats what is pending"


def fault(
    name: str,
    rule: str,
    breaks: str,
    expects: str = CLOSES,
    reactions: tuple[Reaction, ...] = R1,
    non_strict: tuple[Reaction, ...] = (),
    plants: bool = True,
) -> Fault:
    """A fault of the envelope that plants a canary, by default answered by R1."""
    return Fault(name, tuple(rule.split()), ENVELOPE, breaks, expects, reactions, non_strict, plants)


# ---- unencrypted messages: SEC-19

PLAIN = CLOSES + "; nothing unencrypted is processed outside a key exchange"


@on_call(fault("plain_update", "SEC-19", "an update comes unencrypted", PLAIN, R1, (Reaction.R3,)))
def plain_update(scene: Scene) -> Reply | None:
    scene.plant(pack_plain(scene.msg_id(), scene.canary_body()))
    return scene.honest()


@on_call(fault("plain_result", "SEC-19", "the answer to the call comes unencrypted", PLAIN, R1, (Reaction.R3,)))
def plain_result(scene: Scene) -> Reply | None:
    scene.plant(pack_plain(scene.msg_id(), scene.result()))
    return scene.honest()


# ---- bits on the way: SEC-21, SEC-35


@on_call(fault("cipher_bitflip", "SEC-21", "a bit of the ciphertext is changed on the way; ARG: which"), highest=600)
def cipher_bitflip(scene: Scene) -> Reply | None:
    payload = scene.draft().seal(scene.key)
    scene.plant(flipped(payload, 24 + scene.number // 8, scene.number % 8))
    return scene.honest()


@on_call(fault("msgkey_flip", "SEC-20 SEC-21", "a bit of msg_key is changed on the way; ARG: which"), highest=127)
def msgkey_flip(scene: Scene) -> Reply | None:
    payload = scene.draft().seal(scene.key)
    scene.plant(flipped(payload, 8 + scene.number // 8, scene.number % 8))
    return scene.honest()


@on_call(fault("akid_flip", "SEC-35", "a payload has another auth_key_id"))
def akid_flip(scene: Scene) -> Reply | None:
    scene.plant(flipped(scene.draft().seal(scene.key)))
    return scene.honest()


@on_call(fault("akid_zero", "SEC-35", "a payload has the auth_key_id 0, and ciphertext behind it"))
def akid_zero(scene: Scene) -> Reply | None:
    scene.plant(bytes(8) + scene.draft().seal(scene.key)[8:])
    return scene.honest()


# ---- the length in the header: SEC-20, SEC-22

LENGTHS: dict[str, tuple[str, Callable[[Draft], None]]] = {
    "length_over": ("is larger than the plaintext", lambda draft: _say(draft, len(draft.plaintext()))),
    "length_max": ("is 2^31 - 4", lambda draft: _say(draft, 2**31 - 4)),
    "length_negative": ("is negative", lambda draft: _say(draft, -4)),
    "length_zero": ("is 0", lambda draft: _say(draft, 0)),
    "length_odd": ("is no multiple of 4", lambda draft: _say(draft, len(draft.body) - 2)),
    "length_tight": ("leaves 8 bytes of padding", lambda draft: _say(draft, len(draft.plaintext()) - 32 - 8)),
    "length_short": ("leaves more than 1024 bytes of padding", lambda draft: _widen(draft)),
}
"""Name → what the length does, and how; msg_key is right."""


def _say(draft: Draft, length: int) -> None:
    draft.length = length


def _widen(draft: Draft) -> None:
    """4 bytes of body, and so much behind them."""
    draft.padding = bytes(1024 + -(32 + len(draft.body)) % 16)
    draft.length = 4


def _length(name: str, what: str, bend: Callable[[Draft], None]) -> None:
    @on_call(fault(name, "SEC-22", f"the length in the header {what}", CLOSES + "; reads nothing beyond the payload"))
    def right(scene: Scene) -> Reply | None:
        draft = scene.draft()
        bend(draft)
        scene.plant(draft)
        return scene.honest()

    breaks = f"msg_key is wrong, and the length in the header {what}"
    expects = CLOSES + "; in the same time and words as for any other wrong msg_key"

    @on_call(fault(f"msgkey_flip_{name}", "SEC-20 SEC-22", breaks, expects))
    def wrong(scene: Scene) -> Reply | None:
        draft = scene.draft()
        bend(draft)
        scene.plant(forged(draft, scene.key))
        return scene.honest()


def forged(draft: Draft, key: AuthKey) -> bytes:
    """A payload that decrypts to the draft and has another msg_key than that: what only timing could tell apart."""
    msg_key = flipped(draft.seal(key)[8:24])
    return key.wire_id + msg_key + ige_encrypt(draft.plaintext(), *aes_key_iv(key.parts(draft.sender), msg_key))


for _name, (_what, _bend) in LENGTHS.items():
    _length(_name, _what, _bend)

# ---- padding: SEC-23

PADS = {
    "pad_0": (0, "no padding at all"),
    "pad_11": (8, "8 bytes of padding, the most below 12 that fit"),
    "pad_1025": (1028, "1028 bytes of padding, the fewest above 1024 that fit"),
    "pad_4096": (4096, "4096 bytes of padding"),
}
"""Name → bytes of padding, in words; msg_key is right."""


def _pad(name: str, length: int, what: str) -> None:
    @on_call(fault(name, "SEC-23", f"a payload has {what}"))
    def act(scene: Scene) -> Reply | None:
        bodies = (scene.result(scene.canary_body(filler)) for filler in range(1, 64))
        body = next(body for body in bodies if (32 + len(body) + length) % 16 == 0)
        draft = scene.draft(scene.message(body))
        draft.padding = bytes(length)
        scene.plant(draft)
        return scene.honest()


for _name, (_number, _what) in PADS.items():
    _pad(_name, _number, _what)

# ---- blocks: SEC-24

BLOCKS: dict[str, tuple[str, Callable[[bytes, bytes], bytes]]] = {
    "append_block": ("a block of 16 bytes is appended to the ciphertext", lambda payload, block: payload + block),
    "replace_last_block": (
        "the last block of the ciphertext is replaced",
        lambda payload, block: payload[:-16] + block,
    ),
    "drop_last_block": ("the last block of the ciphertext is missing", lambda payload, block: payload[:-16]),
}


def _block(name: str, breaks: str, bend: Callable[[bytes, bytes], bytes]) -> None:
    @on_call(fault(name, "SEC-24", breaks))
    def act(scene: Scene) -> Reply | None:
        draft = scene.draft()
        draft.padding = bytes(32 + -(32 + len(draft.body)) % 16)
        scene.plant(bend(draft.seal(scene.key), scene.dc.env.random_bytes(16)))
        return scene.honest()


for _name, (_breaks, _change) in BLOCKS.items():
    _block(_name, _breaks, _change)

# ---- directions: SEC-26


@on_call(fault("reflect", "SEC-26", "the client's own payload is sent back to it", plants=False))
def reflect(scene: Scene) -> Reply | None:
    scene.plant(scene.line.heard)
    return scene.honest()


@on_call(fault("wrong_direction", "SEC-26", "a payload is encrypted with the keys for the client's direction, x = 0"))
def wrong_direction(scene: Scene) -> Reply | None:
    draft = scene.draft()
    draft.sender = Role.CLIENT
    scene.plant(draft)
    return scene.honest()


PARITIES = {"even_msg_id": 0, "msg_id_mod_2": 2}


def _parity(name: str, low: int) -> None:
    @on_call(fault(name, "SEC-26", f"the msg_id of a payload is {low} modulo 4"))
    def act(scene: Scene) -> Reply | None:
        scene.plant(scene.draft(scene.message(scene.result(), msg_id=scene.msg_id() & ~3 | low)))
        return scene.honest()


for _name, _low in PARITIES.items():
    _parity(_name, _low)
