"""The client's part of sessions.json, continued: service messages, states, mentioned answers."""

from __future__ import annotations

from tests.vectors.generate.form import VectorFile
from tests.vectors.generate.session_script import (
    TRUE,
    UPDATE,
    Script,
    answered,
    asked,
    at,
    body,
    container,
    failed,
    message,
    ref,
    request,
    result,
    rpc_error,
)


def add_to(file: VectorFile) -> None:
    """The transcripts."""
    for part in (_services, _states, _mentions, _others):
        part(file)


def _services(file: VectorFile) -> None:
    ping = body("ping", ping_id="77")
    pong = body("pong", msg_id=ref("p"), ping_id="77")
    script = Script("client").send(p=ping).receive(at(1, 1), 0, pong, reported=[{"answered": "p"}])
    script.valid(file, "ping and pong", "Ping")
    for comment, data in (
        ("another ping_id", body("pong", msg_id=ref("p"), ping_id="78")),
        ("another msg_id", body("pong", msg_id="4", ping_id="77")),
    ):
        script = Script("client").send(p=ping).receive(at(1, 1), 0, data)
        script.receive(at(2, 1), 0, pong, reported=[{"answered": "p"}])
        script.valid(file, f"a pong with {comment} counts for nothing", "Ping", "Unknown")
    answer = [message("pong", msg_id=str(at(1, 3)), ping_id="5")]
    script = asked("a").receive(at(1, 3), 0, body("ping", ping_id="5"), answer)
    script.valid(file, "a ping of the server", "Ping")
    destroy = body("destroy_session", session_id="99")
    for name in ("destroy_session_ok", "destroy_session_none"):
        data = body(name, session_id="99")
        script = Script("client").send(d=destroy).receive(at(1, 1), 0, data, reported=[{"answered": "d"}])
        script.valid(file, name, "Destroy")
    script = asked("a").receive(at(1, 1), 0, body("msgs_ack", msg_ids=[ref("a")]))
    script.receive(at(2, 1), 1, result("a", TRUE), reported=[answered("a")])
    script.valid(file, "an acknowledgement does not end a call", "Ack")
    script = asked("a").receive(at(1, 1), 0, body("msgs_ack", msg_ids=["4", "0", "-4"]))
    script.receive(at(2, 1), 1, result("a", TRUE), reported=[answered("a")])
    script.valid(file, "acknowledgements of msg_ids never sent", "Ack", "Unknown")
    many = container(*((at(1 + index / 100, 3), 2 * index + 1, UPDATE) for index in range(3)))
    script = asked("a").receive(at(2, 3), 6, many, reported=[{"update": UPDATE.hex()}] * 3)
    script.acked |= {str(at(1 + index / 100, 3)) for index in range(3)}
    script.valid(file, "three updates in a container: all are acknowledged, the container is not", "Ack", "Container")
    script = asked("a").receive(at(1, 3), 0, UPDATE, reported=[{"update": UPDATE.hex()}])
    script.valid(file, "a message with an even seqno is not acknowledged", "Ack", "Update")


def _states(file: VectorFile) -> None:
    script = asked("a").receive(at(1, 3), 1, UPDATE, reported=[{"update": UPDATE.hex()}])
    query = body("msgs_state_req", msg_ids=[str(at(1, 3)), str(at(50, 3)), str(at(0.5, 3))])
    answer = message("msgs_state_info", req_msg_id=str(at(2, 3)), info=[4, 3, 2])
    script.receive(at(2, 3), 0, query, [answer])
    script.valid(file, "the server asks for states: received, too high, not received", "State")
    script = asked("a").receive(
        at(1, 3), 0, body("msg_resend_req", msg_ids=[ref("a")]), [{**request("a"), "repeated": True}]
    )
    script.receive(at(2, 1), 1, result("a", TRUE), reported=[answered("a")])
    script.valid(file, "the server asks for a call again: the same under its own msg_id", "Resend")
    script = asked("a").receive(
        at(1, 3),
        0,
        body("msg_resend_req", msg_ids=["4"]),
        [message("msgs_state_info", req_msg_id=str(at(1, 3)), info=[2])],
    )
    script.valid(file, "the server asks again for what was never sent: states", "Resend", "Unknown", "Choice")
    question = [message("msgs_state_req", msg_ids=["{a}"])]
    states = {1: [request("a")], 2: [request("a")], 3: [request("a")], 4: []}
    for state, sent in states.items():
        script = asked("a").add({"reconnect": True}, question)
        info = body("msgs_state_info", req_msg_id=ref("msgs_state_req"), info={"hex": f"{state:02x}"})
        script.receive(at(1, 1), 0, info, sent).receive(at(2, 1), 1, result("a", TRUE), reported=[answered("a")])
        script.valid(file, f"after a lost connection: state {state}", "State", "Choice")
    script = asked("a", repeatable=False).add({"reconnect": True}, question)
    info = body("msgs_state_info", req_msg_id=ref("msgs_state_req"), info={"hex": "01"})
    script.receive(at(1, 1), 0, info, reported=[failed("a", outcome="unknown")])
    script.valid(file, "state 1 for a call that may not run twice", "State", "Once", "Choice")
    for comment, data in (
        ("too long", body("msgs_state_info", req_msg_id=ref("msgs_state_req"), info={"hex": "0101"})),
        ("empty", body("msgs_state_info", req_msg_id=ref("msgs_state_req"), info={"hex": ""})),
        ("for another question", body("msgs_state_info", req_msg_id="4", info={"hex": "01"})),
        ("for the call itself", body("msgs_state_info", req_msg_id=ref("a"), info={"hex": "01"})),
    ):
        script = asked("a").add({"reconnect": True}, question).receive(at(1, 1), 0, data)
        script.receive(at(2, 1), 1, result("a", TRUE), reported=[answered("a")])
        script.valid(file, f"msgs_state_info {comment} counts for nothing", "State", "Unknown", "Choice")
    info = body("msgs_all_info", msg_ids=[ref("a"), "4"], info={"hex": "0201"})
    script = asked("a").receive(at(1, 3), 0, info, [request("a")])
    script.valid(file, "msgs_all_info: not received, so again", "State")
    info = body("msgs_all_info", msg_ids=[ref("a"), "4"], info={"hex": "02"})
    script = asked("a").receive(at(1, 3), 0, info)
    script.valid(file, "msgs_all_info with less states than ids counts for nothing", "State", "Unknown")


def _mentions(file: VectorFile) -> None:
    answer = at(0.75, 1)
    mention = {"msg_id": ref("a"), "answer_msg_id": str(answer), "bytes": 40, "status": 0}
    resend = [message("msg_resend_req", msg_ids=[str(answer)])]
    script = asked("a").receive(at(1, 1), 0, body("msg_detailed_info", **mention), resend)
    script.receive(answer, 1, result("a", TRUE), reported=[answered("a")])
    script.valid(file, "msg_detailed_info: the answer is fetched", "Mention")
    script = asked("a").receive(at(1, 1), 0, body("msg_detailed_info", **mention), resend)
    script.receive(at(2, 1), 0, body("msg_detailed_info", **mention))
    script.valid(file, "the same msg_detailed_info twice: it is asked for once", "Mention", "Replay")
    script = asked("a").receive(answer, 1, result("a", TRUE), reported=[answered("a")])
    script.receive(at(1, 1), 0, body("msg_detailed_info", **mention))
    script.valid(file, "msg_detailed_info for an answer that is there: acknowledged again", "Mention")
    script = asked("a").receive(
        at(1, 1),
        0,
        body("msg_detailed_info", **{**mention, "bytes": 2**31 - 1}),
        reported=[failed("a", answer="refused")],
    )
    script.valid(file, "msg_detailed_info of 2 GiB: not fetched, the call fails", "Mention", "Choice")
    for comment, changed in (
        ("a call never made", {"msg_id": "4"}),
        ("a negative length", {"bytes": -1}),
        ("an answer with the msg_id of a client", {"answer_msg_id": str(at(0.75, 0))}),
    ):
        script = asked("a").receive(at(1, 1), 0, body("msg_detailed_info", **{**mention, **changed}))
        script.receive(at(2, 1), 1, result("a", TRUE), reported=[answered("a")])
        script.valid(file, f"msg_detailed_info for {comment} counts for nothing", "Mention", "Unknown")
    new = {"answer_msg_id": str(at(0.75, 3)), "bytes": 40, "status": 0}
    script = asked("a").receive(
        at(1, 3), 0, body("msg_new_detailed_info", **new), [message("msg_resend_req", msg_ids=[str(at(0.75, 3))])]
    )
    script.receive(at(0.75, 3), 1, UPDATE, reported=[{"update": UPDATE.hex()}])
    script.valid(file, "msg_new_detailed_info: the update is fetched", "Mention")
    script = asked("a").receive(at(1, 1), 0, body("msg_detailed_info", **mention), resend)
    info = body("msgs_state_info", req_msg_id=ref("msg_resend_req"), info={"hex": "01"})
    script.receive(at(2, 1), 0, info, reported=[failed("a", outcome="unknown")])
    script.valid(file, "the mentioned answer is gone: the outcome is unknown", "Mention", "Once", "Choice")


def _others(file: VectorFile) -> None:
    script = asked("a").receive(at(1, 1), 0, container())
    script.receive(at(2, 1), 1, result("a", TRUE), reported=[answered("a")])
    script.valid(file, "an empty container", "Container")
    for name, data in (
        ("req_pq_multi", body("req_pq_multi", nonce={"hex": "00" * 16})),
        ("get_future_salts", body("get_future_salts", num=1)),
        (
            "resPQ",
            body(
                "resPQ",
                nonce={"hex": "00" * 16},
                server_nonce={"hex": "00" * 16},
                pq={"hex": "15"},
                server_public_key_fingerprints=[],
            ),
        ),
        ("rpc_error outside of rpc_result", rpc_error(500, "X")),
        ("destroy_auth_key_ok that nobody asked for", body("destroy_auth_key_ok")),
        ("destroy_session_ok that nobody asked for", body("destroy_session_ok", session_id="7")),
    ):
        script = asked("a").receive(at(1, 3), 0, data).receive(at(2, 1), 1, result("a", TRUE), reported=[answered("a")])
        script.valid(file, f"{name} counts for nothing", "Unknown")
    cut = body("new_session_created", first_msg_id="4", unique_id="5", server_salt="6")[:-4]
    both = container((at(1, 3), 1, cut), (at(1.5, 1), 3, result("a", TRUE)))
    script = asked("a").receive(at(2, 3), 4, both, reported=[{"undecodable": True}, answered("a")])
    script.acked |= {str(at(1, 3)), str(at(1.5, 1))}
    script.valid(
        file, "a message that cannot be decoded costs only itself, and is acknowledged", "Undecodable", "Container"
    )
