"""Uploads: the parts that clients save, bounded in memory, and files made of them (API-90).

The size of a part is known for a file once one part is known not to be its last: parts may come in any order.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import md5
from typing import TYPE_CHECKING, Any

from mtproto.errors import RpcError

if TYPE_CHECKING:
    from mtproto.testdc.call import Call, Reply

MAX_PART = 512 * 1024
MAX_PARTS = 8000
MAX_SMALL = 10 * 1024 * 1024
"""Bytes of a file that is saved by upload.saveFilePart."""

MAX_BYTES = 64 * 1024 * 1024
MAX_UPLOADS = 1000
"""What a datacenter keeps of all uploads together; the one that was added to least recently is dropped for another."""


class Upload:
    """The parts of one file. ``total``: how many a big file says it has, None for a small one.

    ``last`` is the number of the last part as far as it is known, ``size`` that of all others once there is one.
    """

    __slots__ = ("last", "length", "parts", "size", "total")

    def __init__(self, total: int | None) -> None:
        self.total = total
        self.last = -1 if total is None else total - 1
        self.parts: dict[int, bytes] = {}
        self.length = 0
        self.size = 0

    def save(self, number: int, data: bytes) -> None:
        """Keep a part, instead of an earlier one of that number. Raises RpcError, and keeps nothing then."""
        known = self.parts.get(self.last, b"")
        if number < self.last:
            inner, tail = data, known
        else:
            inner, tail = (known if number > self.last else b""), data
        size = _full_size(len(inner), self.size) if inner else self.size
        if size and len(tail) > size:
            raise RpcError(400, "FILE_PART_SIZE_CHANGED")
        length = self.length + len(data) - len(self.parts.get(number, b""))
        if self.total is None and length > MAX_SMALL:
            raise RpcError(400, "FILE_PART_INVALID")
        self.parts[number] = data
        self.last, self.size, self.length = max(self.last, number), size, length

    def assemble(self, parts: int) -> bytes:
        """The file of ``parts`` parts. Raises 400 FILE_PARTS_INVALID, FILE_PART_n_MISSING."""
        if not self.last < parts <= MAX_PARTS or self.total not in (None, parts):
            raise RpcError(400, "FILE_PARTS_INVALID")
        for number in range(parts):
            if number not in self.parts:
                raise missing(number)
        return b"".join(self.parts[number] for number in range(parts))


def _full_size(length: int, known: int) -> int:
    """The size of all parts but the last. Raises RpcError where it is no size for parts, or not the known one."""
    if length % 1024 or MAX_PART % length:
        raise RpcError(400, "FILE_PART_SIZE_INVALID")
    if known not in (0, length):
        raise RpcError(400, "FILE_PART_SIZE_CHANGED")
    return length


def missing(number: int) -> RpcError:
    """400 FILE_PART_n_MISSING: that part has to be sent again."""
    name = f"FILE_PART_{number}_MISSING"
    return RpcError(400, name)


class Uploads:
    """All uploads of a datacenter, by account and file_id: at most 64 MiB and 1000 of them."""

    __slots__ = ("_uploads", "length")

    def __init__(self) -> None:
        self._uploads: OrderedDict[tuple[int, int], Upload] = OrderedDict()
        self.length = 0

    def __repr__(self) -> str:
        return f"<Uploads: {len(self._uploads)}, {self.length} bytes>"

    def save(self, user_id: int, file_id: int, number: int, data: bytes, total: int | None) -> None:
        """Keep a part. Raises RpcError."""
        upload = self._uploads.get((user_id, file_id)) or Upload(total)
        if upload.total != total:  # of another number of parts, or once small and once big
            raise RpcError(400, "FILE_PARTS_INVALID")
        before = upload.length
        upload.save(number, data)
        self._uploads[user_id, file_id] = upload
        self._uploads.move_to_end((user_id, file_id))
        self.length += upload.length - before
        while self.length > MAX_BYTES or len(self._uploads) > MAX_UPLOADS:
            self.length -= self._uploads.popitem(last=False)[1].length

    def file(self, user_id: int, file: Any) -> bytes:
        """The bytes that an inputFile or inputFileBig stands for. Raises RpcError."""
        from mtproto.schema.api import types

        if file.ID not in (types.InputFile.ID, types.InputFileBig.ID):
            raise RpcError(400, "FILE_ID_INVALID")
        upload = self._uploads.get((user_id, file.id))
        if upload is None:
            raise missing(0)
        if (upload.total is None) != (file.ID == types.InputFile.ID):
            raise RpcError(400, "FILE_PARTS_INVALID")
        data = upload.assemble(file.parts)
        checksum = file.md5_checksum if file.ID == types.InputFile.ID else ""
        if checksum and checksum.lower() != md5(data, usedforsecurity=False).hexdigest():
            raise RpcError(400, "MD5_CHECKSUM_INVALID")
        return data


# upload.saveFilePart#b304a621 file_id:long file_part:int bytes:bytes = Bool
def save_file_part(call: Call) -> Reply:
    return _save(call, None, MAX_PARTS)


# upload.saveBigFilePart#de7b673d file_id:long file_part:int file_total_parts:int bytes:bytes = Bool
def save_big_file_part(call: Call) -> Reply:
    total = call.query.file_total_parts
    if not 0 < total <= MAX_PARTS:
        raise RpcError(400, "FILE_PARTS_INVALID")
    return _save(call, total, total)


def _save(call: Call, total: int | None, end: int) -> Reply:
    query = call.query
    if not 0 <= query.file_part < end:
        raise RpcError(400, "FILE_PART_INVALID")
    if not query.bytes:
        raise RpcError(400, "FILE_PART_EMPTY")
    if len(query.bytes) > MAX_PART:
        raise RpcError(400, "FILE_PART_TOO_BIG")
    call.dc.uploads.save(call.account.user.user_id, query.file_id, query.file_part, query.bytes, total)
    return True
