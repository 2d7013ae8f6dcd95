"""Layer 7: what stands on the core: results and updates in a client, calls in the test datacenter."""

from __future__ import annotations

import random
from collections.abc import Callable

from mtproto.client.calls import Calls
from mtproto.client.link import preamble
from mtproto.errors import DecodeError, RpcError
from mtproto.message.envelope import Inner, seal
from mtproto.roles import Role
from mtproto.schema import mtproto as schema
from mtproto.schema.api import functions, types
from tests.fuzz import corpus
from tests.fuzz.harness import aligned, fuzz, keeps_bounds, mutated, noise
from tests.fuzz.messages import packed
from tests.pair import AUTH_KEY, SALT, Pair
from tests.testdc.rig import APP, World

FUNCTIONS = [
    functions.account.GetBotBusinessConnection(connection_id="demo"),
    functions.users.GetUsers(id=[]),
    functions.auth.LogOut(),
    functions.messages.GetMessages(id=[]),
    functions.account.CheckUsername(username="x"),
    schema.Ping(ping_id=5),
]
CALLS = [
    functions.account.GetBotBusinessConnection(connection_id="demo"),
    functions.users.GetUsers(id=[types.InputUserSelf()]),
    functions.users.GetFullUser(id=types.InputUserSelf()),
    functions.auth.ImportBotAuthorization(flags=0, api_id=1, api_hash="", bot_auth_token=""),
    functions.help.GetConfig(),
    functions.updates.GetDifference(pts=1, date=1, qts=0),
    functions.InvokeWithoutUpdates(query=functions.help.GetNearestDc()),
    functions.InvokeAfterMsg(msg_id=4, query=functions.help.GetNearestDc()),
    functions.InvokeAfterMsgs(msg_ids=[4, 8], query=schema.Ping(ping_id=5)),
]
BODIES = [call.to_bytes() for call in CALLS]
PREAMBLE = preamble(APP)


@fuzz(2)
def test_results_and_updates_become_outcomes(rng: random.Random) -> None:
    function = rng.choice(FUNCTIONS)
    result = noise(rng) if rng.randrange(4) == 0 else rng.choice(corpus.everything())
    if rng.randrange(2):
        result = mutated(rng, result, corpus.everything())
    result = aligned(result)
    seqno = rng.randrange(4)

    def prepare() -> Callable[[], None]:
        pair = Pair()
        calls = Calls(pair.link, pair.client)
        request_id = calls.begin(function)
        pair.client_writes()
        msg_id = pair.client_ear.payloads[-1].msg_id
        answer = schema.RpcResult.ID.to_bytes(4, "little") + msg_id.to_bytes(8, "little") + result
        inners = [Inner(SALT, pair.session.session_id, pair.server_msg_id(), seqno, body) for body in (result, answer)]
        payloads = [seal(AUTH_KEY, inner, Role.SERVER, pair.server_env)[0] for inner in inners]

        def process() -> None:
            for payload in payloads:
                pair.client.receive_data(len(payload).to_bytes(4, "little") + payload)
            outcomes = list(calls.outcomes())
            assert len(outcomes) <= 1
            for outcome in outcomes:
                assert outcome.request_id == request_id
                assert outcome.error is None or isinstance(outcome.error, DecodeError | RpcError) or pair.client.closed

        return process

    keeps_bounds(result * 2, prepare, gunzip=True)


@fuzz(2)
def test_calls_to_the_test_datacenter(rng: random.Random) -> None:
    choice = rng.randrange(8)
    body = rng.choice(BODIES) if choice < 5 else rng.choice(corpus.objects("api", "function"))
    if choice != 0:
        body = mutated(rng, body, BODIES)
    body = packed(aligned(body)) if rng.randrange(12) == 0 else body
    body = aligned((PREAMBLE if rng.randrange(3) else b"") + body)

    def prepare() -> Callable[[], None]:
        world = World()
        client = world.client(bare=True)
        if rng.randrange(4):
            client.raw(PREAMBLE + functions.help.GetConfig().to_bytes())
        client.request(body, api=False)
        data = client.near.data_to_send()

        def process() -> None:
            client.far.receive_data(data)
            world.dc.process(client.far)
            client.far.data_to_send()

        return process

    keeps_bounds(body, prepare, gunzip=True)
