"""The server's part of sessions.json."""

from __future__ import annotations

from typing import Any

from tests.vectors.generate.form import VectorFile, blocks
from tests.vectors.generate.session_script import (
    CALLS,
    NEAREST,
    NOW,
    OTHER_SALT,
    SALT,
    SESSION,
    TRUE,
    UPDATE,
    Script,
    at,
    body,
    container,
    gzipped,
    message,
    ref,
    rpc_error,
)
from tests.vectors.generate.tl_pack import packed_string

CALL = CALLS["a"]
LARGE = bytes.fromhex("a1d7c3f1") + packed_string(blocks("large result", 1100))


def add_to(file: VectorFile) -> None:
    """All transcripts of a server."""
    params = {"now": NOW, "salt": SALT, "sessionId": SESSION}
    file.group("ServerSession", **params, operation="run the script; order within a step means nothing")
    for part in (_calls, _repeats, _sessions, _services, _states, _resends, _drops, _connections):
        part(file)
    file.group("ServerSession", **params, lastStep="refused", operation="run the script")
    _codes(file)
    _refused(file)


def cid(seconds: float) -> int:
    """A client's msg_id."""
    return at(seconds, 0)


def reply(name: str, **fields: Any) -> dict[str, Any]:
    """A service message that answers the client."""
    return message(name, **fields) | {"mod4": 1}


def opened() -> Script:
    """A script whose first message opens the session."""
    first = {"_": "new_session_created", "first_msg_id": str(cid(0)), "unique_id": "*", "server_salt": "*"}
    pong = reply("pong", msg_id=str(cid(0)), ping_id="9")
    return Script("server").receive(cid(0), 0, body("ping", ping_id="9"), [{**first, "content": True, "mod4": 3}, pong])


def requested(msg_id: int, data: bytes = CALL) -> dict[str, Any]:
    return {"request": data.hex(), "msgId": str(msg_id)}


def called(seconds: float = 1, seqno: int = 1) -> Script:
    """A script in which a call was received."""
    return opened().receive(cid(seconds), seqno, CALL, reported=[requested(cid(seconds))])


def rpc_result(msg_id: int, data: bytes, **more: Any) -> dict[str, Any]:
    result = {"_": "rpc_result", "req_msg_id": str(msg_id), "result": data.hex(), "content": True, "mod4": 1}
    return {**result, **more}


def answer(script: Script, msg_id: int, data: bytes) -> Script:
    return script.add({"answer": str(msg_id), "result": data.hex()}, [rpc_result(msg_id, data)])


def _calls(file: VectorFile) -> None:
    answer(called(), cid(1), TRUE).valid(file, "a call and its result", "Rpc")
    answer(called(), cid(1), rpc_error(400, "BAD")).valid(file, "a call and its error", "Rpc")
    script = opened().receive(cid(1), 1, CALL, reported=[requested(cid(1))]).wait(2)
    script.acked.add(str(cid(1)))
    script.valid(file, "a call that takes long is acknowledged", "Ack")
    script = opened().receive(cid(1), 1, gzipped(CALL), reported=[requested(cid(1))])
    answer(script, cid(1), NEAREST).valid(file, "a packed call", "Rpc", "Gzip")
    both = container((cid(1), 1, CALL), (cid(1.5), 3, CALLS["b"]))
    script = opened().receive(cid(2), 4, both, reported=[requested(cid(1)), requested(cid(1.5), CALLS["b"])])
    answer(answer(script, cid(1.5), TRUE), cid(1), NEAREST).valid(
        file, "two calls in a container, answered in the other order", "Rpc", "Container"
    )
    mixed = container((cid(1), 0, body("msgs_ack", msg_ids=[ref("new_session_created")])), (cid(1.5), 1, CALL))
    script = opened().receive(cid(2), 2, mixed, reported=[requested(cid(1.5))])
    answer(script, cid(1.5), TRUE).valid(file, "an acknowledgement and a call in a container", "Ack", "Container")
    wrong = reply("bad_server_salt", bad_msg_id=str(cid(1)), bad_msg_seqno=1, error_code=48, new_server_salt="*")
    script = opened().receive(cid(1), 1, CALL, [wrong], salt=OTHER_SALT)
    script.receive(cid(2), 1, CALL, reported=[requested(cid(2))])
    script.valid(file, "a wrong salt, and the call again under another msg_id: executed once", "Salt")
    script = opened().receive(cid(1), 1, CALL, [wrong], salt=OTHER_SALT)
    script.receive(cid(1), 1, CALL, reported=[requested(cid(1))])
    script.valid(file, "a wrong salt, and the same message with the right one: no replay", "Salt")
    broken = gzipped(CALL)[:8] + bytes(len(gzipped(CALL)) - 8)
    error = rpc_error(400, "INPUT_FETCH_ERROR")
    script = opened().receive(cid(1), 1, broken, [rpc_result(cid(1), error)], [{"undecodable": True}])
    script.valid(file, "a packed call that cannot be unpacked", "Undecodable", "Gzip", "Choice")
    one = container((cid(1), 1, CALL))
    script = opened().receive(cid(1) + 4, 2, one, reported=[requested(cid(1))])
    script.valid(file, "a container of one call", "Container")
    created = {"_": "new_session_created", "first_msg_id": str(cid(0)), "unique_id": "*", "server_salt": "*"}
    script = Script("server").receive(cid(0), 3, CALL, [{**created, "content": True, "mod4": 3}], [requested(cid(0))])
    late = container((cid(-400), 1, CALLS["b"]))
    script.receive(cid(1), 4, late, reported=[requested(cid(-400), CALLS["b"])])
    script.valid(file, "a call that is 400 s old inside a fresh container", "Container", "Time")


def _repeats(file: VectorFile) -> None:
    script = called().receive(cid(1), 1, CALL)
    script.acked.add(str(cid(1)))
    answer(script, cid(1), TRUE).valid(file, "a call again while it runs: acknowledged, not executed", "Replay")
    script = answer(called(), cid(1), TRUE).receive(cid(1), 1, CALL, [rpc_result(cid(1), TRUE, repeated=True)])
    script.valid(file, "a call again after its result: the result again under its own msg_id", "Replay")
    script = answer(called(), cid(1), TRUE).receive(cid(2), 2, body("msgs_ack", msg_ids=[ref("rpc_result")]))
    script.receive(cid(1), 1, CALL)
    script.acked.add(str(cid(1)))
    script.valid(file, "a call again after its result was acknowledged: not executed", "Replay", "Ack")
    script = answer(called(), cid(1), TRUE)
    again = container((cid(1), 1, CALL), (cid(2), 3, CALLS["b"]))
    repeated = [rpc_result(cid(1), TRUE, repeated=True)]
    script.receive(cid(3), 4, again, repeated, [requested(cid(2), CALLS["b"])])
    script.valid(file, "a call again in a container: it costs only itself", "Replay", "Container")
    script = answer(called(), cid(1), LARGE)
    mention = reply(
        "msg_detailed_info", msg_id=str(cid(1)), answer_msg_id="{rpc_result}", bytes=12 + len(LARGE), status=0
    )
    script.receive(cid(1), 1, CALL, [mention])
    script.valid(file, "a call again whose result has 1.1 KiB: it is mentioned", "Replay", "Mention", "Choice")
    script = opened().receive(cid(0), 0, body("ping", ping_id="9"))
    script.acked.add(str(cid(0)))
    script.valid(file, "a ping again: acknowledged, not answered anew", "Replay", "Choice")


def _sessions(file: VectorFile) -> None:
    created = {"_": "new_session_created", "unique_id": "*", "server_salt": "*", "content": True, "mod4": 3}
    script = Script("server").receive(cid(1), 1, CALL, [{**created, "first_msg_id": str(cid(1))}], [requested(cid(1))])
    script.valid(file, "the first message opens the session", "NewSession")
    both = container((cid(1), 1, CALL), (cid(1.5), 3, CALLS["b"]))
    reported = [requested(cid(1)), requested(cid(1.5), CALLS["b"])]
    script = Script("server").receive(cid(2), 4, both, [{**created, "first_msg_id": str(cid(2))}], reported)
    script.valid(file, "the first payload is a container: its own msg_id is the first", "NewSession", "Container")
    pong = reply("pong", msg_id=str(cid(-1)), ping_id="3")
    script = opened().receive(cid(-1), 0, body("ping", ping_id="3"), [pong, {**created, "first_msg_id": str(cid(-1))}])
    script.valid(file, "a message from before the first one: notified anew", "NewSession")
    script = opened().receive(cid(1), 0, body("ping", ping_id="3"), [reply("pong", msg_id=str(cid(1)), ping_id="3")])
    script.valid(file, "a second message opens nothing", "NewSession")


def _services(file: VectorFile) -> None:
    for seqno in (0, 1):
        script = opened().receive(
            cid(1), seqno, body("ping", ping_id="3"), [reply("pong", msg_id=str(cid(1)), ping_id="3")]
        )
        script.valid(file, f"a ping with seqno {seqno}", "Ping")
    both = container((cid(1), 0, body("ping", ping_id="3")), (cid(1.5), 0, body("ping", ping_id="4")))
    pongs = [reply("pong", msg_id=str(cid(1)), ping_id="3"), reply("pong", msg_id=str(cid(1.5)), ping_id="4")]
    opened().receive(cid(2), 0, both, pongs).valid(file, "two pings in a container", "Ping", "Container")
    pong = [reply("pong", msg_id=str(cid(1)), ping_id="3")]
    script = opened().receive(cid(1), 0, body("ping_delay_disconnect", ping_id="3", disconnect_delay=10), pong)
    script.wait(9).wait(2, reported=[{"closed": True}])
    script.valid(file, "ping_delay_disconnect of 10 s, and nothing after it", "Ping")
    again = [reply("pong", msg_id=str(cid(9)), ping_id="4")]
    script = opened().receive(cid(1), 0, body("ping_delay_disconnect", ping_id="3", disconnect_delay=10), pong)
    script.wait(9).receive(cid(9), 0, body("ping_delay_disconnect", ping_id="4", disconnect_delay=10), again).wait(9)
    script.wait(2, reported=[{"closed": True}])
    script.valid(file, "a second ping_delay_disconnect takes the place of the first", "Ping")
    for number, count in ((1, 1), (0, 1), (-5, 1), (3, 3), (64, 64), (100, 64)):
        salts = [
            {"_": "future_salt", "valid_since": NOW + 1800 * i, "valid_until": NOW + 1800 * i + 3600, "salt": "*"}
            for i in range(count)
        ]
        answer = reply("future_salts", req_msg_id=str(cid(1)), now=NOW, salts=salts)
        script = opened().receive(cid(1), 0, body("get_future_salts", num=number), [answer])
        script.valid(file, f"get_future_salts of {number}: {count}", "Salt", "Choice")
    for session, name in (
        (int.from_bytes(bytes.fromhex(SESSION), "little", signed=True), "its own session"),
        (77, "an unknown one"),
    ):
        answer = [reply("destroy_session_none", session_id=str(session))]
        script = opened().receive(cid(1), 0, body("destroy_session", session_id=str(session)), answer)
        script.valid(file, f"destroy_session of {name}", "Destroy")
    for name, data in (
        ("msgs_ack of ids never sent", body("msgs_ack", msg_ids=["1", "5"])),
        ("pong", body("pong", msg_id="4", ping_id="5")),
        ("http_wait", body("http_wait", max_delay=1, wait_after=1, max_wait=1)),
        ("msgs_state_info that nobody asked for", body("msgs_state_info", req_msg_id="5", info={"hex": "04"})),
        ("msgs_all_info", body("msgs_all_info", msg_ids=["5"], info={"hex": "02"})),
    ):
        script = opened().receive(cid(1), 0, data).receive(cid(2), 1, CALL, reported=[requested(cid(2))])
        script.valid(file, f"{name} counts for nothing", "Unknown")


def _states(file: VectorFile) -> None:
    query = body("msgs_state_req", msg_ids=[str(cid(1)), str(cid(0)), str(cid(50)), str(cid(0.5)), str(cid(-99))])
    info = reply("msgs_state_info", req_msg_id=str(cid(2)), info=[4, 4, 3, 2, 1])
    script = called().receive(cid(2), 2, query, [info])
    script.valid(file, "states: running, received, too high, not received, before the session", "State")
    query = body("msgs_state_req", msg_ids=[str(cid(1))])
    info = reply("msgs_state_info", req_msg_id=str(cid(2)), info=[4])
    script = answer(called(), cid(1), TRUE).receive(cid(2), 2, query, [info])
    script.valid(file, "the state of an answered call", "State")
    query = body("msgs_state_req", msg_ids=[str(cid(0.5))])
    info = reply("msgs_state_info", req_msg_id=str(cid(2)), info=[2])
    script = opened().receive(cid(2), 0, query, [info]).receive(cid(0.5), 1, CALL)
    script.valid(
        file, "a call that comes after it was said not to be received is not executed", "State", "Replay", "Choice"
    )
    question = [message("msgs_state_req", msg_ids=["{rpc_result}"]) | {"mod4": 3}]
    for state, sent in ((4, []), (2, [rpc_result(cid(1), TRUE, repeated=True)])):
        script = answer(called(), cid(1), TRUE).add({"askStates": ["rpc_result"]}, question)
        data = body("msgs_state_info", req_msg_id=ref("msgs_state_req"), info={"hex": f"{state:02x}"})
        script.receive(cid(2), 2, data, sent)
        script.valid(file, f"the server asks, the client says state {state}", "State")
    script = answer(called(), cid(1), TRUE).add({"askStates": ["rpc_result"]}, question)
    data = body("msgs_state_info", req_msg_id=ref("msgs_state_req"), info={"hex": "0202"})
    script.receive(cid(2), 2, data)
    script.valid(file, "the client says more states than were asked: they count for nothing", "State", "Unknown")


def _resends(file: VectorFile) -> None:
    script = answer(called(), cid(1), TRUE)
    script.receive(
        cid(2), 2, body("msg_resend_req", msg_ids=[ref("rpc_result")]), [rpc_result(cid(1), TRUE, repeated=True)]
    )
    script.valid(file, "msg_resend_req of a result: the same under its own msg_id", "Resend")
    info = reply("msgs_state_info", req_msg_id=str(cid(2)), info=[3])
    script = opened().receive(cid(2), 0, body("msg_resend_req", msg_ids=[str(at(99, 1))]), [info])
    script.valid(file, "msg_resend_req of an unknown msg_id: states", "Resend", "Unknown")
    script = answer(called(), cid(1), TRUE)
    script.receive(
        cid(2), 2, body("msg_resend_ans_req", msg_ids=[str(cid(1))]), [rpc_result(cid(1), TRUE, repeated=True)]
    )
    script.valid(file, "msg_resend_ans_req of an answered call", "Resend")
    info = reply("msgs_state_info", req_msg_id=str(cid(2)), info=[4])
    script = called().receive(cid(2), 2, body("msg_resend_ans_req", msg_ids=[str(cid(1))]), [info])
    script.valid(file, "msg_resend_ans_req of a call that runs: states", "Resend")


def _drops(file: VectorFile) -> None:
    unknown, running = body("rpc_answer_unknown"), body("rpc_answer_dropped_running")
    script = opened().receive(cid(2), 0, body("rpc_drop_answer", req_msg_id=str(cid(1))), [rpc_result(cid(2), unknown)])
    script.valid(file, "rpc_drop_answer of an unknown call", "Drop")
    sent = [rpc_result(cid(2), running), rpc_result(cid(1), running)]
    script = called().receive(cid(2), 2, body("rpc_drop_answer", req_msg_id=str(cid(1))), sent)
    script.add({"answer": str(cid(1)), "result": TRUE.hex()})
    script.valid(file, "rpc_drop_answer of a call that runs: its result is never sent", "Drop")
    script = answer(called(), cid(1), TRUE).receive(cid(2), 2, body("msgs_ack", msg_ids=[ref("rpc_result")]))
    script.receive(cid(3), 2, body("rpc_drop_answer", req_msg_id=str(cid(1))), [rpc_result(cid(3), unknown)])
    script.valid(file, "rpc_drop_answer of a call whose result was acknowledged", "Drop", "Ack")


def _connections(file: VectorFile) -> None:
    update = {"_": "update", "body": UPDATE.hex(), "content": True, "mod4": 3}
    opened().add({"push": UPDATE.hex()}, [update]).valid(file, "an update", "Update")
    acked = body("msgs_ack", msg_ids=[ref("new_session_created")])
    script = opened().receive(cid(1), 0, acked).add({"push": UPDATE.hex()}, [update])
    script.add({"reconnect": True}, [{**update, "repeated": True}])
    script.valid(file, "an update that was not acknowledged goes again to the next connection", "Update", "Resend")
    script = opened().receive(cid(1), 0, acked).add({"push": UPDATE.hex()}, [update])
    script.receive(cid(2), 0, body("msgs_ack", msg_ids=[ref("update")])).add({"reconnect": True})
    script.valid(file, "an update that was acknowledged does not", "Update", "Ack")
    script = answer(called(), cid(1), LARGE).receive(cid(2), 2, acked)
    mention = reply(
        "msg_detailed_info", msg_id=str(cid(1)), answer_msg_id="{rpc_result}", bytes=12 + len(LARGE), status=0
    )
    script.add({"reconnect": True}, [mention])
    script.receive(
        cid(3), 2, body("msg_resend_req", msg_ids=[ref("rpc_result")]), [rpc_result(cid(1), LARGE, repeated=True)]
    )
    script.valid(file, "a large result is mentioned on the next connection, and fetched", "Mention", "Resend", "Choice")
    script = called().receive(cid(2), 2, acked).add({"reconnect": True})
    answer(script, cid(1), TRUE).valid(file, "the result leaves by the next connection", "Rpc")


def _codes(file: VectorFile) -> None:
    for comment, msg_id, seqno, data, code in (
        ("a call that is 301 s old", cid(-301), 1, CALL, 16),
        ("a call of 1970", 4, 1, CALL, 16),
        ("a call 60 s ahead", cid(60), 1, CALL, 17),
        ("a msg_id that is 1 modulo 4", at(1, 1), 1, CALL, 18),
        ("a msg_id that is 2 modulo 4", at(1, 2), 1, CALL, 18),
        ("a msg_id that is 3 modulo 4", at(1, 3), 1, CALL, 18),
        ("an acknowledgement with an odd seqno", cid(1), 1, body("msgs_ack", msg_ids=["1"]), 34),
        ("http_wait with an odd seqno", cid(1), 1, body("http_wait", max_delay=1, wait_after=1, max_wait=1), 34),
        ("a call with an even seqno", cid(1), 0, CALL, 35),
        ("a packed call with an even seqno", cid(1), 0, gzipped(CALL), 35),
    ):
        script = opened().receive(msg_id, seqno, data)
        script.invalid(file, comment, f"code {code}", "BadMsg", badMsgCode=code)
    script = opened().receive(cid(1), 1, CALL, salt=OTHER_SALT)
    script.invalid(file, "a call with a wrong salt", "code 48", "BadMsg", "Salt", badMsgCode=48)
    script = called(1, 3).receive(cid(2), 1, CALL)
    script.invalid(file, "a later call with a lower seqno", "code 32", "BadMsg", badMsgCode=32)
    script = called(1, 3).receive(cid(2), 3, CALL)
    script.invalid(file, "a later call with the same seqno", "code 32", "BadMsg", badMsgCode=32)
    script = called(2, 3).receive(cid(1), 5, CALL)
    script.invalid(file, "an earlier call with a higher seqno", "code 33", "BadMsg", badMsgCode=33)
    both = container((cid(1), 1, CALL), (cid(1.5), 3, CALL))
    reported = [requested(cid(1)), requested(cid(1.5))]
    script = opened().receive(cid(2), 4, both, reported=reported).receive(cid(2), 4, both)
    script.invalid(file, "the same container twice", "code 19", "BadMsg", "Replay", badMsgCode=19)


def _refused(file: VectorFile) -> None:
    good = (cid(0.5), 1, CALL)
    head, count, inner = container()[:4], b"\1\0\0\0", container(good)[8:]
    for comment, data in (
        ("an inner msg_id that is odd", container((at(0.5, 1), 1, CALL))),
        ("an inner msg_id above that of the container", container((cid(5), 1, CALL))),
        ("the same msg_id twice", container(good, good)),
        ("a container inside", container((cid(0.5), 0, container(good)))),
        ("a packed container inside", container((cid(0.5), 0, gzipped(container(good))))),
        ("a count of 2^31 - 1", head + b"\xff\xff\xff\x7f" + inner),
        ("a negative count", head + b"\xff\xff\xff\xff" + inner),
        ("one message more than there is", head + b"\2\0\0\0" + inner),
        ("a word behind the messages", container(good) + bytes(4)),
        ("an inner length of 0", head + count + inner[:12] + bytes(4)),
        ("an inner length beyond the end", head + count + inner[:12] + b"\0\1\0\0" + inner[16:]),
    ):
        script = opened().receive(cid(1), 2, data)
        script.invalid(file, f"a container: {comment}", "code 64", "BadContainer", badMsgCode=64)
    script = opened().receive(cid(1), 1, CALL, sessionId="00" * 8)
    script.invalid(file, "session_id 0", "session", "ZeroSession")
    script = called().receive(cid(1), 1, CALL)
    script.invalid(file, "a call again", "ignore", "Replay")
    script = called().add({"reconnect": True}).receive(cid(1), 1, CALL)
    script.expected[-2]["sent"] = [
        {
            "_": "new_session_created",
            "first_msg_id": str(cid(0)),
            "unique_id": "*",
            "server_salt": "*",
            "content": True,
            "mod4": 3,
            "repeated": True,
        }
    ]
    script.invalid(file, "a call again on another connection", "ignore", "Replay")
    script = opened().receive(cid(1), 1, CALL, [], salt=OTHER_SALT)
    wrong = reply("bad_server_salt", bad_msg_id=str(cid(1)), bad_msg_seqno=1, error_code=48, new_server_salt="*")
    script.expected[-1]["sent"] = [wrong]
    script.receive(cid(1), 1, CALL, salt=OTHER_SALT)
    script.invalid(file, "a call with a wrong salt again: its refusal was sent", "ignore", "Replay", "Choice")
