"""Raw: a call as bytes. For functions of other layers, of schemas loaded at run time, or of none."""

from __future__ import annotations

from mtproto.tl.objects import TLFunction


class Raw(TLFunction):
    """A serialised API function, ``body``, whose result stays serialised: ``client.call(Raw(body))`` gives bytes.

    What ``body`` says is not looked at; it is a positive multiple of 4 bytes. The session puts invokeWithLayer and
    initConnection around its first call as always (API-02): a function of another layer stands in an invokeWithLayer of
    its own. An rpc_error is raised as of any call, gzip_packed is unpacked.
    """

    __slots__ = ("body",)
    NAME = "raw"

    def __init__(self, body: bytes) -> None:
        self.body = body

    def __repr__(self) -> str:
        return f"Raw(<{len(self.body)} bytes>)"

    def _write(self) -> bytes:
        return bytes(self.body)

    def read_result(self, buf: bytes, pos: int) -> tuple[bytes, int]:
        """All that is left."""
        return buf[pos:], len(buf)
