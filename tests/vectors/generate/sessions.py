"""sessions.json: transcripts of sessions and service messages, in both roles."""

from __future__ import annotations

from tests.vectors.generate import session_client, session_server
from tests.vectors.generate.form import VectorFile

SOURCE = [
    "Facts: core.telegram.org/mtproto/description, /mtproto/service_messages and "
    "/mtproto/service_messages_about_messages.",
    "Scripts: written by hand after the rules, and so is what is expected of them; bytes by the packer of tl_objects.",
    "Check: nothing but the library runs them; flag Choice marks what it does and others need not do.",
]

FLAGS = {
    "Rpc": "calls and their results; catches results that are given to the wrong call",
    "Gzip": "gzip_packed; catches results, errors or queries that are not unpacked, and seqnos judged by the wrapper",
    "Container": "msg_container; catches containers that are acknowledged, and messages of it that are lost",
    "Undecodable": "one message cannot be read; catches connections that end, or others of the container that are lost",
    "Update": "a message that answers nothing; catches updates that wait for a call",
    "Ack": "acknowledgements; catches calls that end with one, and messages that are never acknowledged",
    "Drop": "rpc_drop_answer; catches results that reach a caller who gave up, or are sent all the same",
    "Replay": "something arrives again; catches double execution and double delivery",
    "Unknown": "it concerns nothing that was sent; catches clients that believe every notification",
    "OtherSession": "a message of another session of the key; catches receivers that do not compare session_id",
    "ZeroSession": "session_id 0, which no session has; catches sessions made for it",
    "Salt": "server salts; catches calls that are lost with a wrong salt, or salts taken from messages about nothing",
    "BadMsg": "bad_msg_notification; catches codes that are mixed up, and notifications that nobody acts upon",
    "Loop": "the same refusal again and again; catches clients that repeat without end",
    "NewSession": "new_session_created; catches lost updates that nobody asks for, and calls that are never sent again",
    "Once": "a call that may not run twice; catches blind repetition",
    "Ping": "ping and pong; catches connections that are kept alive by any pong, and timers that do not stop",
    "Destroy": "destroy_session; catches answers that name no call",
    "State": "msgs_state_req, _info and all_info; catches states of other messages, and calls repeated though received",
    "Resend": "msg_resend_req; catches messages that go again under a new msg_id, or twice",
    "Mention": "msg_detailed_info and msg_new_detailed_info; catches answers never fetched, or without end",
    "Parity": "a msg_id that the sender may not use; catches reflected messages",
    "Time": "the time in the msg_id; catches recorded messages that are accepted days later",
    "BadContainer": "a container that breaks the rules; catches messages taken from one before all of it was checked",
    "Choice": "one of several behaviours that the documentation allows, another one is no failure of conformance; "
    "catches changes of this library that nobody meant",
}


def build() -> VectorFile:
    """The whole file."""
    file = VectorFile("sessions", "Transcripts of sessions and service messages, both roles", SOURCE, FLAGS)
    session_client.add_to(file)
    session_server.add_to(file)
    return file
