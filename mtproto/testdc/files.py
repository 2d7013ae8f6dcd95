"""Files: the fixture documents and upload.getFile (API-91)."""

from __future__ import annotations

from functools import lru_cache
from hashlib import shake_128
from typing import TYPE_CHECKING, Any

from mtproto.errors import RpcError

if TYPE_CHECKING:
    from mtproto.testdc.call import Call, Reply

KIB = 1024
MIB = 1024 * KIB
GRAIN = 4 * KIB
PRECISE_GRAIN = KIB
"""What offset and limit are multiples of, without and with ``precise`` (API-91)."""

REFERENCE = b"fixture"
MTIME = 1_700_000_000


class File:
    """A document: ``size`` pseudo-random bytes that follow from its id, or ``data``.

    ``reference`` is the file_reference that is good now; ``dc_id`` is where the file is kept, None for everywhere.
    """

    __slots__ = ("_data", "access_hash", "dc_id", "document_id", "reference", "size")

    def __init__(
        self,
        document_id: int,
        size: int = 0,
        *,
        access_hash: int | None = None,
        reference: bytes = REFERENCE,
        dc_id: int | None = None,
        data: bytes | None = None,
    ) -> None:
        self.document_id = document_id
        self.size = size if data is None else len(data)
        self.access_hash = 0x3000_0000_0000_0000 + document_id if access_hash is None else access_hash
        self.reference = reference
        self.dc_id = dc_id
        self._data = data

    def __repr__(self) -> str:
        return f"<File {self.document_id}: {self.size} bytes>"

    @property
    def data(self) -> bytes:
        """The whole file."""
        return noise(self.document_id, self.size) if self._data is None else self._data


@lru_cache(maxsize=16)
def noise(document_id: int, size: int) -> bytes:
    """SHAKE128 of "document" and the id in decimal: the same bytes everywhere, in any language, 3 ms per MiB once."""
    return shake_128(b"document %d" % document_id).digest(size)


# upload.getFile#be5335be flags:# precise:flags.0?true cdn_supported:flags.1?true location:InputFileLocation
#   offset:long limit:int = upload.File
def get_file(call: Call) -> Reply:
    """A part of a document; a short one is the last (API-91). There is no CDN: cdn_supported changes nothing."""
    from mtproto.schema.api import types

    query = call.query
    check_range(query.offset, query.limit, query.precise)
    file = _find(call, query.location)
    part = file.data[query.offset : query.offset + query.limit]
    return types.upload.File(type=types.storage.FileUnknown(), mtime=MTIME, bytes=part)


def check_range(offset: int, limit: int, precise: bool) -> None:
    """API-91. Raises 400 OFFSET_INVALID, LIMIT_INVALID."""
    grain = PRECISE_GRAIN if precise else GRAIN
    if offset < 0 or offset % grain:
        raise RpcError(400, "OFFSET_INVALID")
    if not 0 < limit <= MIB or limit % grain or (not precise and MIB % limit):
        raise RpcError(400, "LIMIT_INVALID")
    if offset // MIB != (offset + limit - 1) // MIB:
        raise RpcError(400, "LIMIT_INVALID")


def _find(call: Call, location: Any) -> File:
    """The file of an inputDocumentFileLocation. The reference is looked at where the file is."""
    from mtproto.schema.api import types

    if location.ID != types.InputDocumentFileLocation.ID or location.thumb_size:  # the documents have no thumbnails
        raise RpcError(400, "LOCATION_INVALID")
    file = call.dc.accounts.files.get(location.id)
    if file is None or file.access_hash != location.access_hash:
        raise RpcError(400, "FILE_ID_INVALID")
    if file.dc_id not in (None, call.dc.dc_id):
        raise RpcError(303, f"FILE_MIGRATE_{file.dc_id}")
    if not location.file_reference:
        raise RpcError(400, "FILE_REFERENCE_EMPTY")
    if location.file_reference != file.reference:
        raise RpcError(400, "FILE_REFERENCE_EXPIRED")
    return file
