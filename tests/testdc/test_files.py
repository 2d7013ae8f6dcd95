"""upload.getFile: the fixture documents, and every rule of its offset and limit (API-91)."""

from __future__ import annotations

from hashlib import shake_128
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtproto.errors import RpcError
from mtproto.message.gzip import GZIP_PACKED, constructor_of
from mtproto.schema import mtproto as schema
from mtproto.schema.api import types
from mtproto.testdc.accounts import FILE_1_MIB, FILE_4_MIB, FILE_ELSEWHERE
from mtproto.testdc.files import KIB, MIB, REFERENCE, File, check_range
from tests.testdc.rig import Client, World


def location(document_id: int, **fields: Any) -> types.InputDocumentFileLocation:
    known = {"access_hash": 0x3000_0000_0000_0000 + document_id, "file_reference": REFERENCE, "thumb_size": ""}
    return types.InputDocumentFileLocation(id=document_id, **{**known, **fields})


def part(client: Client, place: Any, offset: int, limit: int, **flags: bool) -> bytes:
    data: bytes = client.call("upload.getFile", location=place, offset=offset, limit=limit, **flags).bytes
    return data


def refused(call: Any, *args: Any, **fields: Any) -> str:
    with pytest.raises(RpcError) as caught:
        call(*args, **fields)
    return str(caught.value)


@pytest.mark.parametrize(("document_id", "size"), [(FILE_1_MIB, MIB), (FILE_4_MIB, 4 * MIB + 1234)])
def test_a_document_arrives_whole_in_parts_of_512_kib(document_id: int, size: int) -> None:
    client = World().bot()
    parts = [part(client, location(document_id), at, 512 * KIB) for at in range(0, size, 512 * KIB)]
    assert b"".join(parts) == shake_128(b"document %d" % document_id).digest(size)


def test_the_part_that_begins_at_the_end_is_empty() -> None:
    client = World().bot()
    assert part(client, location(FILE_1_MIB), MIB, MIB) == b""
    assert part(client, location(FILE_1_MIB), 1 << 40, MIB) == b""
    assert len(part(client, location(FILE_4_MIB), 4 * MIB, MIB)) == 1234


def test_a_document_travels_as_it_is_and_not_in_gzip_packed() -> None:
    client = World().bot()
    part(client, location(FILE_1_MIB), 0, 512 * KIB)
    (*_, result) = client.received(schema.RpcResult)
    assert constructor_of(result.body[12:]) != GZIP_PACKED


def test_precise_reads_by_single_kilobytes() -> None:
    client = World().bot()
    whole = shake_128(b"document %d" % FILE_1_MIB).digest(MIB)
    assert part(client, location(FILE_1_MIB), 3 * KIB, 5 * KIB, precise=True) == whole[3 * KIB : 8 * KIB]
    assert part(client, location(FILE_1_MIB), 0, MIB, precise=True, cdn_supported=True) == whole


@pytest.mark.parametrize(
    ("offset", "limit", "precise", "error"),
    [
        (-4 * KIB, 4 * KIB, False, "400 OFFSET_INVALID"),
        (2 * KIB, 4 * KIB, False, "400 OFFSET_INVALID"),
        (512, KIB, True, "400 OFFSET_INVALID"),
        (0, 0, False, "400 LIMIT_INVALID"),
        (0, -4 * KIB, False, "400 LIMIT_INVALID"),
        (0, 2 * KIB, False, "400 LIMIT_INVALID"),
        (0, 12 * KIB, False, "400 LIMIT_INVALID"),
        (0, 2 * MIB, False, "400 LIMIT_INVALID"),
        (0, 1500, True, "400 LIMIT_INVALID"),
        (0, MIB + KIB, True, "400 LIMIT_INVALID"),
        (MIB - 4 * KIB, 8 * KIB, False, "400 LIMIT_INVALID"),
        (MIB - KIB, 2 * KIB, True, "400 LIMIT_INVALID"),
    ],
)
def test_a_range_against_the_rules_is_refused(offset: int, limit: int, precise: bool, error: str) -> None:
    assert refused(part, World().bot(), location(FILE_4_MIB), offset, limit, precise=precise) == error


@settings(max_examples=200)
@given(
    st.integers(0, 6 * KIB).map(lambda n: n * KIB) | st.integers(-MIB, 6 * MIB),
    st.sampled_from([n * KIB for n in (1, 2, 3, 4, 8, 12, 64, 512, 1023, 1024, 1025, 2048)]) | st.integers(-1, 2 * MIB),
    st.booleans(),
)
def test_the_rules_of_a_range_hold_one_by_one(offset: int, limit: int, precise: bool) -> None:
    unit = 1024 if precise else 4096
    good = (
        offset >= 0
        and limit > 0
        and offset % unit == limit % unit == 0
        and (limit <= 1_048_576 if precise else 1_048_576 % limit == 0)
        and offset // 1_048_576 == (offset + limit - 1) // 1_048_576
    )
    try:
        check_range(offset, limit, precise)
    except RpcError:
        assert not good
    else:
        assert good


@pytest.mark.parametrize(
    ("place", "error"),
    [
        (location(FILE_1_MIB, access_hash=0), "400 FILE_ID_INVALID"),
        (location(1), "400 FILE_ID_INVALID"),
        (location(FILE_1_MIB, thumb_size="m"), "400 LOCATION_INVALID"),
        (types.InputTakeoutFileLocation(), "400 LOCATION_INVALID"),
        (location(FILE_1_MIB, file_reference=b""), "400 FILE_REFERENCE_EMPTY"),
        (location(FILE_1_MIB, file_reference=b"of yesterday"), "400 FILE_REFERENCE_EXPIRED"),
        (location(FILE_ELSEWHERE), "303 FILE_MIGRATE_4"),
    ],
)
def test_a_location_that_is_none_here_is_refused(place: Any, error: str) -> None:
    assert refused(part, World().bot(), place, 0, 4 * KIB) == error


def test_the_datacenter_that_keeps_a_document_serves_it() -> None:
    client = World(dc_id=4).bot(dc_number=4)
    assert len(part(client, location(FILE_ELSEWHERE), 0, 64 * KIB)) == 64 * KIB


def test_a_document_of_one_s_own_is_served_and_its_reference_expires() -> None:
    world = World()
    client = world.bot()
    file = File(9, data=b"short")
    world.dc.accounts.add_file(file)
    assert part(client, location(9), 0, 4 * KIB) == b"short"
    file.reference = b"new"
    assert refused(part, client, location(9), 0, 4 * KIB) == "400 FILE_REFERENCE_EXPIRED"
    assert part(client, location(9, file_reference=b"new"), 0, 4 * KIB) == b"short"


def test_documents_are_for_those_who_are_logged_in() -> None:
    assert refused(part, World().client(), location(FILE_1_MIB), 0, 4 * KIB) == "401 AUTH_KEY_UNREGISTERED"
