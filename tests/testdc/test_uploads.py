"""upload.saveFilePart and saveBigFilePart: every error they name, files made of parts, bounded memory (API-90)."""

from __future__ import annotations

from hashlib import md5
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtproto.errors import RpcError
from mtproto.schema.api import types
from mtproto.testdc import Call, Reply
from mtproto.testdc.uploads import MAX_BYTES, MAX_UPLOADS, Uploads
from tests.testdc.rig import Client, World

KIB = 1024
ME = 1


def refused(call: Any, *args: Any, **fields: Any) -> str:
    with pytest.raises(RpcError) as caught:
        call(*args, **fields)
    return str(caught.value)


def small(client: Client, number: int, data: bytes) -> bool:
    return client.call("upload.saveFilePart", file_id=5, file_part=number, bytes=data)  # type: ignore[no-any-return]


def big(client: Client, number: int, total: int, data: bytes) -> bool:
    return client.call(  # type: ignore[no-any-return]
        "upload.saveBigFilePart", file_id=6, file_part=number, file_total_parts=total, bytes=data
    )


def test_a_handler_gets_the_file_that_a_client_uploaded() -> None:
    world = World()
    seen: list[bytes] = []

    def take(call: Call) -> Reply:
        seen.append(call.uploaded(call.query.media.file))
        return types.MessageMediaEmpty()

    world.dc.handle("messages.uploadMedia", take)
    client = world.bot()
    assert small(client, 0, b"a" * KIB)
    assert small(client, 1, b"b")
    assert big(client, 1, 2, b"d")
    assert big(client, 0, 2, b"c" * KIB)
    checksum = md5(b"a" * KIB + b"b").hexdigest()
    for file in (
        types.InputFile(id=5, parts=2, name="n", md5_checksum=checksum),
        types.InputFile(id=5, parts=2, name="n", md5_checksum=""),
        types.InputFileBig(id=6, parts=2, name="n"),
    ):
        media = types.InputMediaUploadedPhoto(file=file)
        client.call("messages.uploadMedia", peer=types.InputPeerSelf(), media=media)
    assert seen == [b"a" * KIB + b"b"] * 2 + [b"c" * KIB + b"d"]


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ([(-1, KIB)], "400 FILE_PART_INVALID"),
        ([(8000, KIB)], "400 FILE_PART_INVALID"),
        ([(0, 0)], "400 FILE_PART_EMPTY"),
        ([(0, 512 * KIB + 1)], "400 FILE_PART_TOO_BIG"),
        ([(0, 1000), (1, 1000)], "400 FILE_PART_SIZE_INVALID"),
        ([(0, 3 * KIB), (1, 10)], "400 FILE_PART_SIZE_INVALID"),
        ([(1, 10), (0, 3 * KIB)], "400 FILE_PART_SIZE_INVALID"),
        ([(0, KIB), (2, KIB), (1, 2 * KIB)], "400 FILE_PART_SIZE_CHANGED"),
        ([(0, KIB), (1, 2 * KIB)], "400 FILE_PART_SIZE_CHANGED"),
        ([(1, 2 * KIB), (0, KIB)], "400 FILE_PART_SIZE_CHANGED"),
        ([(n, 512 * KIB) for n in range(21)], "400 FILE_PART_INVALID"),
    ],
)
def test_parts_of_a_small_file_against_the_rules_are_refused(parts: list[tuple[int, int]], error: str) -> None:
    client = World().bot()
    for number, length in parts[:-1]:
        assert small(client, number, bytes(length))
    number, length = parts[-1]
    assert refused(small, client, number, bytes(length)) == error


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ([(0, 0, KIB)], "400 FILE_PARTS_INVALID"),
        ([(0, 8001, KIB)], "400 FILE_PARTS_INVALID"),
        ([(0, 3, KIB), (1, 4, KIB)], "400 FILE_PARTS_INVALID"),
        ([(3, 3, KIB)], "400 FILE_PART_INVALID"),
        ([(0, 3, 0)], "400 FILE_PART_EMPTY"),
        ([(0, 3, 512 * KIB + KIB)], "400 FILE_PART_TOO_BIG"),
        ([(0, 3, 1000)], "400 FILE_PART_SIZE_INVALID"),
        ([(1, 3, 384 * KIB)], "400 FILE_PART_SIZE_INVALID"),
        ([(0, 3, KIB), (1, 3, 2 * KIB)], "400 FILE_PART_SIZE_CHANGED"),
        ([(2, 3, 2 * KIB), (1, 3, KIB)], "400 FILE_PART_SIZE_CHANGED"),
    ],
)
def test_parts_of_a_big_file_against_the_rules_are_refused(parts: list[tuple[int, int, int]], error: str) -> None:
    client = World().bot()
    for number, total, length in parts[:-1]:
        assert big(client, number, total, bytes(length))
    number, total, length = parts[-1]
    assert refused(big, client, number, total, bytes(length)) == error


def test_a_refused_part_leaves_what_was_there() -> None:
    uploads = Uploads()
    uploads.save(ME, 5, 0, b"a" * KIB, None)
    assert refused(uploads.save, ME, 5, 1, bytes(2 * KIB), None) == "400 FILE_PART_SIZE_CHANGED"
    uploads.save(ME, 5, 1, b"b", None)
    uploads.save(ME, 5, 1, b"c", None)
    assert uploads.file(ME, types.InputFile(id=5, parts=2, name="", md5_checksum="")) == b"a" * KIB + b"c"
    assert uploads.length == KIB + 1


@settings(max_examples=100)
@given(st.binary(min_size=1, max_size=9 * KIB), st.sampled_from([1, 2, 4, 8]), st.booleans(), st.randoms())
def test_a_file_is_put_together_in_whatever_order_its_parts_come(
    data: bytes, kib: int, is_big: bool, random: Any
) -> None:
    size = kib * KIB
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    order = list(range(len(parts))) * 2
    random.shuffle(order)
    uploads = Uploads()
    for number in order:
        uploads.save(ME, 7, number, parts[number], len(parts) if is_big else None)
    file: Any = types.InputFile(id=7, parts=len(parts), name="", md5_checksum=md5(data).hexdigest().upper())
    assert uploads.file(ME, types.InputFileBig(id=7, parts=len(parts), name="") if is_big else file) == data
    assert uploads.length == len(data)


def test_a_file_that_is_not_what_it_says_is_refused() -> None:
    uploads = Uploads()
    for number in (0, 2):
        uploads.save(ME, 5, number, bytes(KIB), None)
        uploads.save(ME, 6, number, bytes(KIB), 3)

    def small_file(file_id: int = 5, parts: int = 3, md5_checksum: str = "") -> Any:
        return types.InputFile(id=file_id, parts=parts, name="", md5_checksum=md5_checksum)

    assert refused(uploads.file, ME, small_file()) == "400 FILE_PART_1_MISSING"
    assert refused(uploads.file, ME, small_file(parts=2)) == "400 FILE_PARTS_INVALID"
    assert refused(uploads.file, ME, small_file(parts=0)) == "400 FILE_PARTS_INVALID"
    assert refused(uploads.file, ME, small_file(file_id=6)) == "400 FILE_PARTS_INVALID"
    assert refused(uploads.file, ME, types.InputFileBig(id=6, parts=4, name="")) == "400 FILE_PARTS_INVALID"
    assert refused(uploads.file, ME, types.InputFileBig(id=6, parts=3, name="")) == "400 FILE_PART_1_MISSING"
    assert refused(uploads.file, ME, types.InputFileBig(id=5, parts=3, name="")) == "400 FILE_PARTS_INVALID"
    assert refused(uploads.file, ME + 1, small_file()) == "400 FILE_PART_0_MISSING", "of somebody else"
    uploads.save(ME, 5, 1, bytes(KIB), None)
    assert refused(uploads.file, ME, small_file(md5_checksum="0" * 32)) == "400 MD5_CHECKSUM_INVALID"
    story: Any = types.InputFileStoryDocument(id=types.InputDocumentEmpty())
    assert refused(uploads.file, ME, story) == "400 FILE_ID_INVALID"
    assert refused(uploads.save, ME, 5, 0, bytes(KIB), 3) == "400 FILE_PARTS_INVALID", "first small, then big"


def test_what_is_kept_is_bounded_in_bytes_and_in_number() -> None:
    uploads = Uploads()
    for file_id in range(200):
        uploads.save(ME, file_id, 0, bytes(512 * KIB), 4)
    assert uploads.length == MAX_BYTES
    for file_id in range(2 * MAX_UPLOADS):
        uploads.save(ME, 1000 + file_id, 0, b"x", None)
    assert uploads.length == MAX_UPLOADS
    assert uploads.file(ME, types.InputFile(id=2999, parts=1, name="", md5_checksum="")) == b"x"
    assert refused(uploads.file, ME, types.InputFile(id=1000, parts=1, name="", md5_checksum="")).endswith("MISSING")


def test_a_file_larger_than_all_that_is_kept_costs_no_more_than_that() -> None:
    uploads = Uploads()
    for number in range(300):
        uploads.save(ME, 1, number, bytes(512 * KIB), 300)
    assert uploads.length <= MAX_BYTES


def test_parts_are_for_those_who_are_logged_in() -> None:
    assert refused(small, World().client(), 0, b"x") == "401 AUTH_KEY_UNREGISTERED"
