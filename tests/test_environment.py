"""Where randomness comes from, and that what is said to be random is (MSG-07, SEC-16)."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from mtproto.crypto import rsa
from mtproto.crypto.aes import ige_decrypt
from mtproto.crypto.auth_key import AuthKey
from mtproto.crypto.kdf import aes_key_iv
from mtproto.environment import SystemEnvironment
from mtproto.handshake import client
from mtproto.message.envelope import Inner, padding_length, seal
from mtproto.roles import Role
from mtproto.testing import ScriptedEnvironment
from tests.handshake.rig import KEY, walk
from tests.pair import Pair

AUTH_KEY = AuthKey(bytes(range(256)))
ENV = SystemEnvironment()


@pytest.mark.requirement("MSG-07", "SEC-16")
def test_the_random_bytes_of_the_system_are_those_of_its_secure_generator() -> None:
    assert SystemEnvironment.random_bytes is os.urandom
    assert len({SystemEnvironment().random_bytes(32) for _ in range(100)}) == 100


@pytest.mark.requirement("MSG-07")
def test_padding_is_what_the_generator_gave() -> None:
    body = b"body"
    drawn = bytes(range(200))[: padding_length(32 + len(body))]
    payload, large = seal(AUTH_KEY, Inner(1, 2, 4, 0, body), Role.CLIENT, ScriptedEnvironment(entropy=[drawn]))
    plaintext = ige_decrypt(payload[24:], *aes_key_iv(AUTH_KEY.parts(Role.CLIENT), large[8:24]))
    assert plaintext[32 + len(body) :] == drawn


@pytest.mark.requirement("MSG-07", "MSG-60", "SEC-16")
def test_session_ids_are_drawn_from_it_and_do_not_repeat() -> None:
    pair, ids = Pair(), set()
    pair.link.env = SystemEnvironment()
    for _ in range(100):
        pair.link.use(pair.session.keys)
        ids.add(pair.session.session_id)
    assert len(ids) == 100 and max(abs(number) for number in ids) > 2**56


@pytest.mark.requirement("SEC-16")
def test_a_thousand_key_exchanges_repeat_no_value() -> None:
    """As a server sees them: nonces, new_nonces and the temp_key of the padding; one script, so nothing resets it."""
    env, seen = SystemEnvironment(), []
    for _ in range(1000):
        query, state = client.start(env, 2, None)
        seen.append(query.nonce)
        assert state.nonce == query.nonce
    inner = walk().pq_inner.to_bytes()
    blocks = [rsa.rsa_pad_block(inner, KEY.public, env) for _ in range(1000)]
    seen += [block[:32] for block in blocks] + [block[32:64] for block in blocks]
    assert len(set(seen)) == 3000


@pytest.mark.requirement("MSG-07")
@pytest.mark.parametrize("count", [0, 1, 12, 63, 64, 65, 448, 1024])
def test_padding_has_the_length_asked_for(count: int) -> None:
    assert len(ENV.padding(count)) == count


@pytest.mark.requirement("MSG-07")
def test_no_piece_of_padding_is_handed_out_twice() -> None:
    drawn = [ENV.padding(16) for _ in range(1000)]
    assert len(set(drawn)) == 1000


@pytest.mark.requirement("MSG-07")
def test_threads_never_get_the_same_padding() -> None:
    with ThreadPoolExecutor(8) as threads:
        drawn = list(threads.map(lambda _: ENV.padding(16), range(4000)))
    assert len(set(drawn)) == 4000


@pytest.mark.requirement("MSG-07")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_draws_padding_of_its_own() -> None:
    ENV.padding(16)  # pieces are left over
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, b"".join(ENV.padding(16) for _ in range(70)))
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reader, 70 * 16)
    ours = b"".join(ENV.padding(16) for _ in range(70))
    pieces = [bytes(data[at : at + 16]) for data in (theirs, ours) for at in range(0, 70 * 16, 16)]
    assert len(set(pieces)) == 140
