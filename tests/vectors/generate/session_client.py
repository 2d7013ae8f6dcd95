"""The client's part of sessions.json."""

from __future__ import annotations

from tests.vectors.generate import session_hostile, session_notices
from tests.vectors.generate.form import VectorFile
from tests.vectors.generate.session_script import (
    NEAREST,
    NOW,
    OTHER,
    OTHER_SALT,
    SALT,
    SESSION,
    TRUE,
    UPDATE,
    Script,
    answered,
    asked,
    at,
    body,
    container,
    created,
    failed,
    gzipped,
    message,
    notice,
    ref,
    request,
    result,
    rpc_error,
    salt_notice,
)


def add_to(file: VectorFile) -> None:
    """All transcripts of a client."""
    params = {"now": NOW, "salt": SALT, "sessionId": SESSION}
    file.group("ClientSession", **params, operation="run the script; order within a step means nothing")
    for part in (_answers, _replays, _salts, _codes, _new_sessions):
        part(file)
    session_notices.add_to(file)
    file.group("ClientSession", **params, lastStep="refused", operation="run the script")
    session_hostile.add_to(file)


def _answers(file: VectorFile) -> None:
    script = asked("a").receive(at(1, 1), 1, result("a", TRUE), reported=[answered("a")])
    script.valid(file, "a call and its result", "Rpc")
    script = asked("a", "b").receive(at(1, 1), 1, result("b", NEAREST), reported=[answered("b", NEAREST)])
    script.receive(at(2, 1), 3, result("a", TRUE), reported=[answered("a")])
    script.valid(file, "two calls in one container, answered in the other order", "Rpc", "Container")
    both = container((at(1, 1), 1, result("a", TRUE)), (at(1.5, 1), 3, result("b", NEAREST)))
    script = asked("a", "b").receive(at(2, 1), 4, both, reported=[answered("a"), answered("b", NEAREST)])
    script.acked |= {str(at(1, 1)), str(at(1.5, 1))}
    script.valid(file, "two results in one container", "Rpc", "Container")
    script = asked("a").receive(at(1, 1), 1, result("a", gzipped(NEAREST)), reported=[answered("a", NEAREST)])
    script.valid(file, "a packed result", "Rpc", "Gzip")
    for code, text in (
        (400, "PHONE_NUMBER_INVALID"),
        (420, "FLOOD_WAIT_17"),
        (303, "USER_MIGRATE_4"),
        (-503, "Timeout"),
        (0, ""),
    ):
        script = asked("a").receive(
            at(1, 1), 1, result("a", rpc_error(code, text)), reported=[failed("a", rpcError=[code, text])]
        )
        script.valid(file, f"rpc_error {code} {text}", "Rpc")
    error = gzipped(rpc_error(400, "BAD"))
    script = asked("a").receive(at(1, 1), 1, result("a", error), reported=[failed("a", rpcError=[400, "BAD"])])
    script.valid(file, "a packed rpc_error", "Rpc", "Gzip")
    for comment, data in (
        ("a packed result inside another", gzipped(gzipped(TRUE))),
        ("a packed result that is cut", gzipped(NEAREST)[:-8]),
        ("a packed result of nothing", gzipped(b"")),
        ("no result at all", b""),
        ("a container as the result", container((at(0, 1), 1, TRUE))),
    ):
        script = asked("a", "b").receive(at(1, 1), 1, result("a", data), reported=[failed("a", answer="undecodable")])
        script.receive(at(2, 1), 3, result("b", TRUE), reported=[answered("b")])
        script.valid(file, f"{comment}: that call fails, the other one goes on", "Rpc", "Undecodable")
    script = asked("a").receive(at(1, 3), 1, UPDATE, reported=[{"update": UPDATE.hex()}])
    script.receive(at(2, 1), 3, result("a", TRUE), reported=[answered("a")])
    script.valid(file, "an update before the result", "Update")
    script = asked("a").receive(at(1, 3), 1, gzipped(UPDATE), reported=[{"update": UPDATE.hex()}])
    script.valid(file, "a packed update", "Update", "Gzip")
    copy = body("msgs_ack", msg_ids=[])[:0] + bytes.fromhex("b24660e0") + bytes.fromhex("11e5b85b")
    inner = at(0.5, 3).to_bytes(8, "little") + (1).to_bytes(4, "little") + len(UPDATE).to_bytes(4, "little") + UPDATE
    script = asked("a").receive(at(1, 3), 0, copy + inner, reported=[{"update": UPDATE.hex()}])
    script.valid(file, "msg_copy of an update", "Update")
    script = asked("a").add({"cancel": "a"}, [message("rpc_drop_answer", req_msg_id="{a}")])
    script.receive(at(1, 1), 1, result("a", TRUE))
    script.valid(file, "a cancelled call: its late result is acknowledged and counts for nothing", "Drop")


def _replays(file: VectorFile) -> None:
    script = asked("a").receive(at(1, 1), 1, result("a", TRUE), reported=[answered("a")])
    script.receive(at(1, 1), 1, result("a", TRUE))
    script.valid(file, "the same result twice under one msg_id", "Replay")
    script = asked("a").receive(at(1, 3), 1, UPDATE, reported=[{"update": UPDATE.hex()}])
    script.receive(at(1, 3), 1, UPDATE)
    script.valid(file, "the same update twice under one msg_id", "Replay")
    script = asked("a").receive(at(1, 1), 1, result("a", TRUE), reported=[answered("a")])
    script.receive(at(2, 1), 3, result("a", NEAREST))
    script.valid(file, "a second result under another msg_id: the first one counts", "Replay", "Unknown")
    script = asked("a").receive(at(1, 3), 1, UPDATE, reported=[{"update": UPDATE.hex()}])
    again = container((at(1, 3), 1, UPDATE), (at(2, 1), 3, result("a", TRUE)))
    script.receive(at(3, 1), 4, again, reported=[answered("a")])
    script.acked.add(str(at(2, 1)))
    script.valid(file, "a message again inside a container: it costs only itself", "Replay", "Container")
    script = asked("a").receive(at(1, 3), 1, UPDATE, reported=[{"update": UPDATE.hex()}])
    script.add({"reconnect": True}, [message("msgs_state_req", msg_ids=["{a}"])])
    script.receive(at(1, 3), 1, UPDATE).receive(at(5, 1), 3, result("a", TRUE), reported=[answered("a")])
    script.valid(file, "a payload again on another connection of the session", "Replay", "Choice")
    for comment, number in (("never sent", "4"), ("0", "0"), ("negative", str(-4))):
        script = asked("a").receive(at(1, 1), 1, result(number, TRUE))
        script.receive(at(2, 1), 3, result("a", TRUE), reported=[answered("a")])
        script.valid(file, f"a result for the msg_id {comment}", "Unknown")
    other = "1122334455667799"
    script = asked("a").receive(at(1, 1), 1, result("a", NEAREST), sessionId=other, ack=False)
    script.receive(at(2, 1), 1, result("a", TRUE), reported=[answered("a")])
    script.valid(file, "a result in another session of the key", "OtherSession")


def _salts(file: VectorFile) -> None:
    script = asked("a")
    script.salt = OTHER_SALT
    script.receive(at(1, 1), 0, salt_notice("a"), [request("a")])
    script.receive(at(2, 1), 1, result("a", TRUE), reported=[answered("a")]).send("b")
    script.valid(file, "bad_server_salt: the call again, with the new salt, and so is the next one", "Salt")
    script = asked("a", "b")
    script.salt = OTHER_SALT
    script.receive(at(1, 1), 0, salt_notice("a:outer"), [request("a"), request("b")])
    script.valid(file, "bad_server_salt for a container: all of its calls again", "Salt", "Container")
    script = (
        asked("a")
        .receive(at(1, 1), 0, salt_notice("a:outer")[:4] + (4).to_bytes(8, "little") + salt_notice("a")[12:])
        .send("b")
    )
    script.valid(file, "bad_server_salt for a msg_id never sent: nothing changes", "Salt", "Unknown")
    script = asked("a")
    script.salt = OTHER_SALT
    script.receive(at(1, 1), 0, salt_notice("a"), [request("a")])
    script.receive(
        at(2, 1), 0, body("bad_server_salt", bad_msg_id=ref("a:1"), bad_msg_seqno=1, error_code=48, new_server_salt="7")
    )
    script.receive(at(3, 1), 1, result("a:1", TRUE), reported=[answered("a")])
    script.valid(
        file, "a notification about an earlier msg_id of a call that went again; its result counts", "Salt", "Replay"
    )
    script = asked("a")
    for index in range(3):
        number = str(index + 1)
        script.salt = (index + 1).to_bytes(8, "little").hex()
        script.receive(at(index + 1, 1), 0, salt_notice("a", number), [request("a")])
    script.receive(at(4, 1), 0, salt_notice("a", "4"), reported=[failed("a", badMsgCode=48)])
    script.valid(file, "bad_server_salt without end: three times again, then the call fails", "Salt", "Loop")
    salts = [
        {"_": "mtproto:future_salt", "valid_since": NOW + start, "valid_until": NOW + start + 3600, "salt": salt}
        for start, salt in ((0, str(int.from_bytes(bytes.fromhex(SALT), "little", signed=True))), (1800, OTHER))
    ]
    answer = body("future_salts", req_msg_id=ref("get"), now=NOW + 1, salts=salts)
    script = Script("client").send(get=body("get_future_salts", num=2))
    script.receive(at(1, 1), 0, answer, reported=[{"answered": "get"}]).wait(1000).send("a").wait(900)
    script.salt = OTHER_SALT
    script.send("b").valid(file, "future_salts: the next salt takes over at its time", "Salt")
    known = body("future_salts", req_msg_id=str(4), now=NOW, salts=salts[1:])
    script = asked("a").receive(at(1, 1), 0, known).wait(1900).send("b")
    script.valid(file, "future_salts that nobody asked for: the salt stays", "Salt", "Unknown")


def _codes(file: VectorFile) -> None:
    for code, comment in ((16, "msg_id too low"), (64, "invalid container")):
        script = asked("a").receive(at(1, 1), 0, notice("a", code), [request("a")])
        script.receive(at(2, 1), 1, result("a", TRUE), reported=[answered("a")])
        script.valid(file, f"code {code}, {comment}: the call again", "BadMsg")
    for code, comment in ((17, "msg_id too high"), (18, "low bits"), (32, "seqno too low"), (33, "seqno too high")):
        script = asked("a").receive(at(1, 1), 0, notice("a", code), [request("a")], newSession=True)
        script.valid(file, f"code {code}, {comment}: a new session, and the call again", "BadMsg")
    script = asked("a", repeatable=False).receive(
        at(1, 1), 0, notice("a", 20), reported=[failed("a", outcome="unknown")]
    )
    script.valid(file, "code 20 for a call that may not run twice", "BadMsg", "Once")
    script = asked("a").receive(at(1, 1), 0, notice("a", 20), [request("a")])
    script.valid(file, "code 20 for a call that may run twice", "BadMsg")
    for code in (34, 35, 48, 99, 0, -1):
        script = asked("a").receive(at(1, 1), 0, notice("a", code), reported=[failed("a", badMsgCode=code)])
        script.send("b")
        script.expected[-1]["newSession"] = True
        script.valid(file, f"code {code}: the call fails, the next one has a new session", "BadMsg")
    for code in (16, 17, 20, 32, 48, 64):
        data = body("bad_msg_notification", bad_msg_id="4", bad_msg_seqno=1, error_code=code)
        script = asked("a").receive(at(1, 1), 0, data).receive(at(2, 1), 1, result("a", TRUE), reported=[answered("a")])
        script.valid(file, f"code {code} for a msg_id never sent", "BadMsg", "Unknown")
    script = asked("a", "b").receive(at(1, 1), 0, notice("a:outer", 64), [request("a"), request("b")])
    script.valid(file, "code 64 for a container: its calls again", "BadMsg", "Container")
    script = asked("a")
    for index in range(3):
        script.receive(at(index + 1, 1), 0, notice("a", 16), [request("a")])
    script.receive(at(4, 1), 0, notice("a", 16), reported=[failed("a", badMsgCode=16)])
    script.valid(file, "code 16 without end: three times again, then the call fails", "BadMsg", "Loop")


def _new_sessions(file: VectorFile) -> None:
    lost = {"updatesMayBeLost": True}
    script = asked("a").receive(at(1, 3), 1, created(ref("a")), reported=[lost])
    script.salt = OTHER_SALT
    script.send("b").valid(file, "new_session_created: its salt is used from then on", "NewSession", "Salt")
    script = asked("a").receive(at(1, 3), 1, created(ref("a")), reported=[lost])
    script.receive(at(2, 3), 3, created(ref("a"), salt="9"))
    script.salt = OTHER_SALT
    script.send("b").valid(
        file, "new_session_created again with the same unique_id counts for nothing", "NewSession", "Replay"
    )
    far = str(at(100, 0))
    script = asked("a")
    script.salt = OTHER_SALT
    script.receive(at(1, 3), 1, created(far), [request("a")], [lost])
    script.valid(file, "a first_msg_id above that of a call: it was not received and goes again", "NewSession")
    script = asked("a", repeatable=False)
    script.salt = OTHER_SALT
    script.receive(at(1, 3), 1, created(far), [message("msgs_state_req", msg_ids=["{a}"])], [lost])
    script.valid(file, "the same for a call that may not run twice: its state is asked", "NewSession", "Once", "Choice")
