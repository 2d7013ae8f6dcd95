"""The types of sessions: scripts for a client's and a server's session, put to ``Connection`` and the sessions.

A script is a list of steps; ``output.steps`` says of each what was sent and reported (``session_run``). The
acknowledgements are collected two minutes after the last step.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from mtproto.message.server_time import ServerTime
from mtproto.roles import Role
from mtproto.session.client import ClientSession
from mtproto.session.events import Event, SessionOver
from mtproto.session.keys import KeyState, Salts
from mtproto.session.session import Session
from mtproto.testing import ScriptedEnvironment
from mtproto.vectors import rig
from mtproto.vectors.case import Case
from mtproto.vectors.outcome import Mismatch, Output, Refused, TypeFunction, require
from mtproto.vectors.session_run import Run

ACK_TIME = 121.0
"""Seconds in which acknowledgements have to leave on their own: the documentation asks for 60 to 120."""


class ClientEndpoint(rig.OneSession):
    """One that replaces a session as the endpoint of a client has to (MSG-60)."""

    def __init__(self, session: ClientSession, request_ids: Iterator[int]) -> None:
        super().__init__(session)
        self.sessions = [session]
        self.request_ids = request_ids

    def replace(self, over: SessionOver) -> tuple[Session, list[Event]]:
        old = self.sessions[-1]
        if over.code == 17:
            old.keys.msg_ids.restart()
        new = ClientSession(old.keys, old.session_id + 1, old.env, old.time, request_ids=self.request_ids)
        self.sessions.append(new)
        self._session = new
        return new, new.take_over(old, over.code)


class Client(Run):
    """A client under a script; the salt of what it receives means nothing."""

    def __init__(self, case: Case) -> None:
        env = ScriptedEnvironment(unix_time=case.params["now"])
        keys = KeyState(rig.KEY, Salts(rig.long(case.params["salt"])), Role.CLIENT)
        ids = count(1)
        session = ClientSession(keys, rig.long(case.params["sessionId"]), env, ServerTime(env), request_ids=ids)
        super().__init__(session, ClientEndpoint(session, ids), env)

    def step(self, step: dict[str, Any]) -> None:
        """One step of the script."""
        match step:
            case {"wait": seconds}:
                self.pass_time(seconds)
            case {"send": requests}:
                for request in requests:
                    self._request(request)
            case {"cancel": name}:
                self._current().cancel(next(handle for handle, known in self.handles.items() if known == name))
            case {"receive": message}:
                self.feed(message, 0)
            case {"reconnect": _}:
                self.connection.receive_eof()
                self.session = self._current()
                self.connect()
            case _:
                raise Mismatch(f"a step {sorted(step)}")

    def _current(self) -> ClientSession:
        endpoint = self.endpoint
        if not isinstance(endpoint, ClientEndpoint):
            raise Mismatch("not the endpoint of a client")
        return endpoint.sessions[-1]

    def _request(self, request: dict[str, Any]) -> None:
        body, service = bytes.fromhex(request["body"]), request.get("service", False)
        self.observer.names[body] = request["name"]
        repeatable = request.get("repeatable", True)
        handle = self._current().request(body, content=not service, api=not service, repeatable=repeatable)
        self.handles[handle] = request["name"]
        if service:
            self.services.add(request["name"])


class Server(Run):
    """A server under a script, with one salt."""

    def __init__(self, case: Case) -> None:
        env = ScriptedEnvironment(unix_time=case.params["now"], seed=b"server")
        self.salt = rig.long(case.params["salt"])
        session = rig.server_session(env, session_id=rig.long(case.params["sessionId"]), salt=self.salt)
        session.detach(None)
        self.server = session
        super().__init__(session, rig.OneSession(session), env)

    def step(self, step: dict[str, Any]) -> None:
        """One step of the script."""
        match step:
            case {"wait": seconds}:
                self.pass_time(seconds)
            case {"receive": message}:
                self.feed(message, self.salt)
            case {"answer": msg_id, "result": result}:
                self.server.result(int(msg_id), bytes.fromhex(result), self.connection)
            case {"push": body}:
                self.server.push(bytes.fromhex(body))
            case {"askStates": names}:
                self.server.ask_states([self.observer.ids[name][-1] for name in names])
            case {"reconnect": _}:
                self.connection.receive_eof()
                self.connect()
            case _:
                raise Mismatch(f"a step {sorted(step)}")


def transcript(case: Case, run: Client | Server) -> Output | Refused:
    """What comes of the script; where its group says that the last step is refused, how that is done."""
    steps = []
    for step in case.input["steps"]:
        run.step(step)
        steps.append(run.observe())
    if case.params.get("lastStep") == "refused":
        return refusal(case, run, steps)
    if not run.connection.closed:
        run.pass_time(ACK_TIME)
        run.observe()
    return {"steps": steps, "acknowledged": sorted(run.observer.acknowledged)}


def refusal(case: Case, run: Client | Server, steps: list[dict[str, Any]]) -> Output | Refused:
    """An error that ended the connection, a bad_msg code, or no effect at all."""
    require(steps[:-1] == case.output.get("steps", steps[:-1]), "what happened before")
    if run.connection.error is not None:
        raise run.connection.error
    codes = [message["error_code"] for message in steps[-1]["sent"] if "error_code" in message]
    if len(codes) == 1 and not steps[-1]["reported"] and len(steps[-1]["sent"]) == 1:
        return Refused(f"bad_msg.{codes[0]}")
    return Refused("ignored") if not steps[-1]["sent"] and not steps[-1]["reported"] else {"step": steps[-1]}


def client_session(case: Case) -> Output | Refused:
    return transcript(case, Client(case))


def server_session(case: Case) -> Output | Refused:
    return transcript(case, Server(case))


FUNCTIONS: dict[str, TypeFunction] = {"ClientSession": client_session, "ServerSession": server_session}
"""Type -> the function that puts a test of this type to the core."""
