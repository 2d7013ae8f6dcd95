"""Layer 1: TL objects of both schemas."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from mtproto.errors import DecodeError
from mtproto.schema import mtproto as schema
from mtproto.schema.api import functions, read_function, read_object, types
from mtproto.tl.registry import decode, decode_prefix
from tests.fuzz import corpus
from tests.fuzz.harness import fuzz, keeps_bounds, mutated, noise

Reader = Callable[[bytes, int], tuple[Any, int]]
RESULTS: list[Reader] = [
    functions.account.GetBotBusinessConnection(connection_id="").read_result,
    functions.users.GetUsers(id=[]).read_result,
    functions.auth.LogOut().read_result,
    functions.messages.GetMessages(id=[]).read_result,
    functions.messages.GetMessagesViews(peer=types.InputPeerEmpty(), id=[], increment=False).read_result,
    functions.account.CheckUsername(username="").read_result,
    schema.Ping(ping_id=0).read_result,
]


def only_decode_errors(data: bytes, read: Reader) -> None:
    def process() -> None:
        for run in (decode, decode_prefix):
            try:
                run(data, read)
            except DecodeError as error:
                assert error.kind and 0 <= error.offset <= len(data)

    keeps_bounds(data, lambda: process)


@fuzz(4)
@pytest.mark.requirement("TL-85")
def test_mtproto_objects(rng: random.Random) -> None:
    data = noise(rng, rng.choice(schema_ids())) if rng.randrange(3) == 0 else changed(rng, "mtproto")
    only_decode_errors(data, schema.read_object)


@fuzz(4)
@pytest.mark.requirement("TL-85")
def test_api_objects(rng: random.Random) -> None:
    data = noise(rng, rng.choice(corpus.objects("api", "type"))[:4]) if rng.randrange(3) == 0 else changed(rng, "api")
    only_decode_errors(data, rng.choice([read_object, read_function]))


@fuzz(4)
def test_results_of_functions(rng: random.Random) -> None:
    only_decode_errors(noise(rng) if rng.randrange(3) == 0 else changed(rng, "api"), rng.choice(RESULTS))


@fuzz(4)
@pytest.mark.requirement("TL-85")
def test_random_bytes(rng: random.Random) -> None:
    only_decode_errors(noise(rng), rng.choice([read_object, read_function, schema.read_object]))


def changed(rng: random.Random, name: str) -> bytes:
    kind = rng.choice(["type", "function"])
    return mutated(rng, rng.choice(corpus.objects(name, kind)), corpus.everything())


def schema_ids() -> list[bytes]:
    return [data[:4] for kind in ("type", "function") for data in corpus.objects("mtproto", kind)]
