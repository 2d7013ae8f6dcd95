"""Scripts of sessions and what is expected of them, written down by hand from docs/spec/messages.md."""

from __future__ import annotations

import gzip
import struct
from typing import Any

from tests.vectors.generate.form import VectorFile
from tests.vectors.generate.tl_pack import ALL, pack, packed_string, word

NOW = 1_700_000_000
SALT, OTHER_SALT = "a1a2a3a4a5a6a7a8", "b1b2b3b4b5b6b7b8"
SESSION = "1122334455667700"
_MARK = 0x7B00_0000_0000_0000
_refs: list[str] = []


def ref(name: str) -> str:
    """A long in JSON form that becomes the placeholder ``{name}`` in hexadecimal."""
    if name not in _refs:
        _refs.append(name)
    return str(_MARK + _refs.index(name))


def templated(data: bytes) -> str:
    """Hexadecimal with the placeholders put in."""
    text = data.hex()
    for index, name in enumerate(_refs):
        text = text.replace(struct.pack("<q", _MARK + index).hex(), "{" + name + "}")
    return text


def at(seconds: float, low: int) -> int:
    """A msg_id this long after the beginning of the script; ``low``: its last two bits."""
    return (int((NOW + seconds) * 4294967296) & ~3) | low


def body(name: str, **fields: Any) -> bytes:
    """A service message."""
    line = ALL["mtproto:" + name]
    return pack({"_": line.name, **fields}, "Function" if line.function else line.result)


def result(request: str, data: bytes) -> bytes:
    """rpc_result for the request, a name or a number."""
    number = ref(request) if not request.lstrip("-").isdigit() else request
    return word(ALL["mtproto:rpc_result"].id) + struct.pack("<q", int(number)) + data


def rpc_error(code: int, text: str) -> bytes:
    return pack({"_": "mtproto:rpc_error", "error_code": code, "error_message": text}, "RpcError")


def gzipped(data: bytes) -> bytes:
    packed = gzip.compress(data, 9, mtime=0)
    anywhere = packed[:9] + b"\x03" + packed[10:]  # the system that packed it: Python 3.13 writes another than 3.11
    return word(ALL["mtproto:gzip_packed"].id) + packed_string(anywhere)


def container(*messages: tuple[int, int, bytes]) -> bytes:
    """msg_id, seqno and body of each message."""
    parts = [struct.pack("<qii", msg_id, seqno, len(data)) + data for msg_id, seqno, data in messages]
    return word(ALL["mtproto:msg_container"].id) + struct.pack("<i", len(messages)) + b"".join(parts)


def call(name: str, **fields: Any) -> bytes:
    """A function of the API."""
    return pack({"_": name, **fields}, "Function")


CALLS = {"a": call("help.getConfig"), "b": call("help.getNearestDc"), "c": call("updates.getState")}
TRUE, FALSE = word(0x997275B5), word(0xBC799737)
NEAREST = pack({"_": "nearestDc", "country": "NL", "this_dc": 2, "nearest_dc": 4}, "NearestDc")
UPDATE = pack({"_": "updatesTooLong"}, "Updates")


def request(name: str, *, content: bool = True) -> dict[str, Any]:
    """A named request as it is expected to be sent."""
    return {"request": name, "content": content}


def message(name: str, *, content: bool = False, **fields: Any) -> dict[str, Any]:
    """A service message as it is expected to be sent."""
    return {"_": name, **fields, "content": content}


def ordered(items: Any) -> list[Any]:
    from json import dumps

    return sorted(items, key=lambda item: dumps(item, sort_keys=True))


class Script:
    """Steps and what is expected of each."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.steps: list[dict[str, Any]] = []
        self.expected: list[dict[str, Any]] = []
        self.acked: set[str] = set()
        self.salt = SALT

    def add(self, step: dict[str, Any], sent: Any = (), reported: Any = (), **more: Any) -> Script:
        """A step; ``more`` is ``newSession``."""
        self.steps.append(step)
        expected = {"sent": ordered(sent), "reported": ordered(reported), **more}
        if self.role == "client" and expected["sent"]:
            expected["salts"] = [self.salt]
        self.expected.append(expected)
        return self

    def send(self, *names: str, repeatable: bool = True, **services: bytes) -> Script:
        """Client: these calls, and service queries by name and body, in one go."""
        calls = [{"name": name, "body": CALLS[name].hex(), "repeatable": repeatable} for name in names]
        calls += [{"name": name, "body": data.hex(), "service": True} for name, data in services.items()]
        sent = [request(name) for name in names] + [request(name, content=False) for name in services]
        return self.add({"send": calls}, sent)

    def receive(self, msg_id: int, seqno: int, data: bytes, sent: Any = (), reported: Any = (), **more: Any) -> Script:
        """A payload with one message. ``salt`` and ``sessionId`` of it; ``ack``: whether it is to be acknowledged."""
        extra = {key: more.pop(key) for key in ("salt", "sessionId") if key in more}
        if more.pop("ack", self.role == "client" and seqno & 1 == 1):
            self.acked.add(str(msg_id))
        step = {"msgId": str(msg_id), "seqNo": seqno, "body": templated(data), **extra}
        return self.add({"receive": step}, sent, reported, **more)

    def wait(self, seconds: float, sent: Any = (), reported: Any = (), **more: Any) -> Script:
        return self.add({"wait": seconds}, sent, reported, **more)

    def valid(self, file: VectorFile, comment: str, *flags: str) -> None:
        acked = sorted(self.acked)
        file.valid(comment, {"steps": self.steps}, {"steps": self.expected, "acknowledged": acked}, *flags)

    def invalid(self, file: VectorFile, comment: str, error: str, *flags: str, **output: Any) -> None:
        """The last step is to be refused; what the ones before it bring is checked as well."""
        file.invalid(comment, {"steps": self.steps}, error, *flags, steps=self.expected[:-1], **output)


OTHER = str(int.from_bytes(bytes.fromhex(OTHER_SALT), "little", signed=True))


def asked(*names: str, **options: Any) -> Script:
    """A script that begins with these calls."""
    return Script("client").send(*names, **options)


def answered(name: str, data: bytes = TRUE) -> dict[str, Any]:
    return {"answered": name, "result": data.hex()}


def failed(name: str, **how: Any) -> dict[str, Any]:
    return {"failed": name, **how}


def salt_notice(name: str, salt: str = OTHER) -> bytes:
    return body("bad_server_salt", bad_msg_id=ref(name), bad_msg_seqno=1, error_code=48, new_server_salt=salt)


def notice(name: str, code: int) -> bytes:
    return body("bad_msg_notification", bad_msg_id=ref(name), bad_msg_seqno=1, error_code=code)


def created(first: str, unique: int = 5, salt: str = OTHER) -> bytes:
    return body("new_session_created", first_msg_id=first, unique_id=str(unique), server_salt=salt)
