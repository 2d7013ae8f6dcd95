"""The client's part of sessions.json, concluded: what ends the connection, and what has no effect at all."""

from __future__ import annotations

from tests.vectors.generate.form import VectorFile
from tests.vectors.generate.session_script import (
    NOW,
    TRUE,
    UPDATE,
    answered,
    asked,
    at,
    body,
    container,
    created,
    gzipped,
    notice,
    ref,
    result,
    salt_notice,
)


def add_to(file: VectorFile) -> None:
    """The transcripts."""
    _refused(file)
    _without_effect(file)


def _refused(file: VectorFile) -> None:
    for low in (0, 2):
        script = asked("a").receive(at(1, low), 1, result("a", TRUE))
        script.invalid(file, f"a msg_id that is {low} modulo 4", "parity", "Parity")
    good = (at(0.5, 1), 1, result("a", TRUE))
    head, count = container()[:4], b"\1\0\0\0"
    inner = container(good)[8:]
    for comment, data in (
        ("an inner msg_id that is even", container((at(0.5, 0), 1, TRUE))),
        ("an inner msg_id above that of the container", container((at(5, 1), 1, TRUE))),
        ("the msg_id of the container itself inside", container((at(1, 1), 1, TRUE))),
        ("the same msg_id twice", container(good, good)),
        ("a container inside", container((at(0.5, 1), 0, container()))),
        ("a packed container inside", container((at(0.5, 1), 0, gzipped(container(good))))),
        ("a count of 2^31 - 1", head + b"\xff\xff\xff\x7f" + inner),
        ("a negative count", head + b"\xff\xff\xff\xff" + inner),
        ("one message more than there is", head + b"\2\0\0\0" + inner),
        ("one message less than there is", head + bytes(4) + inner),
        ("a word behind the messages", container(good) + bytes(4)),
        ("an inner length of 0", head + count + inner[:12] + bytes(4)),
        ("an inner length of 6", head + count + inner[:12] + b"\6\0\0\0" + inner[16:]),
        ("a negative inner length", head + count + inner[:12] + b"\xfc\xff\xff\xff" + inner[16:]),
        ("an inner length beyond the end", head + count + inner[:12] + b"\0\1\0\0" + inner[16:]),
        ("no count", head),
    ):
        script = asked("a").receive(at(1, 1), 0, data)
        script.invalid(file, f"a container: {comment}", "container", "BadContainer")
    script = asked("a").receive(at(1, 1), 1, result("a", TRUE), sessionId="00" * 8)
    script.invalid(file, "session_id 0", "session", "ZeroSession")
    for comment, seconds in (
        ("301 s old", -301),
        ("60 s ahead", 60),
        ("a year old", -31_536_000),
        ("a year ahead", 31_536_000),
    ):
        script = asked("a", "b").receive(at(0, 1) + 8, 1, result("a", TRUE), reported=[answered("a")])
        script.receive(at(seconds, 3), 1, UPDATE)
        script.invalid(file, f"a message that is {comment}, once the clock is known", "time", "Time")


def _without_effect(file: VectorFile) -> None:
    for comment, msg_id, seqno, data, *flags in (
        ("an update again", at(1, 3), 1, UPDATE, "Replay"),
        ("other bytes under a msg_id that was received", at(1, 3), 1, result("a", TRUE), "Replay"),
        ("a notification under a msg_id that was received", at(1, 3), 0, salt_notice("a"), "Replay"),
    ):
        script = asked("a").receive(at(1, 3), 1, UPDATE, reported=[{"update": UPDATE.hex()}])
        script.receive(msg_id, seqno, data).invalid(file, comment, "ignore", *flags)
    for comment, data in (
        ("a result", result("a", TRUE)),
        ("an update", UPDATE),
        ("bad_server_salt", salt_notice("a")),
        ("code 32", notice("a", 32)),
    ):
        script = asked("a").receive(at(1, 3), 1, data, sessionId="1122334455667799")
        script.invalid(file, f"{comment} in another session", "ignore", "OtherSession")
    for comment, data in (
        (
            "bad_server_salt for the msg_id 0",
            body("bad_server_salt", bad_msg_id="0", bad_msg_seqno=1, error_code=48, new_server_salt="7"),
        ),
        ("new_session_created that is cut, with an even seqno", created(ref("a"))[:-4]),
        ("pong without a ping", body("pong", msg_id=ref("a"), ping_id="1")),
        ("future_salts for a call", body("future_salts", req_msg_id=ref("a"), now=NOW, salts=[])),
        ("msgs_state_info for a call", body("msgs_state_info", req_msg_id=ref("a"), info={"hex": "01"})),
        ("msgs_ack with a count that is too large", body("msgs_ack", msg_ids=["4"])[:8] + b"\2\0\0\0" + bytes(8)),
        ("rpc_result without a request", result("a", TRUE)[:8]),
        ("four zero bytes", bytes(4)),
    ):
        script = asked("a").receive(at(1, 1), 0, data)
        if comment == "four zero bytes":
            continue
        script.invalid(file, comment, "ignore", "Unknown")
