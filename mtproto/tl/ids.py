"""Constructor ids: the normalised line and its CRC32 (docs/spec/tl.md, TL-20 … TL-24), and comments (TL-01)."""

from __future__ import annotations

from binascii import crc32

from mtproto.errors import UsageError

BUILTIN_LINES = {
    "int ? = Int": 0xA8509BDA,
    "long ? = Long": 0x22076CBA,
    "double ? = Double": 0x2210C154,
    "string ? = String": 0xB5286E24,
    "bytes ? = Bytes": 0xEBEFB69E,
    "bytes = Bytes": 0xE937BB82,
    "int128 4*[ int ] = Int128": 0x84CCF7B7,
    "int256 8*[ int ] = Int256": 0x7BEDEB5B,
    "vector t:Type # [ t ] = Vector t": 0x1CB5C415,
    "boolFalse = Bool": 0xBC799737,
    "boolTrue = Bool": 0x997275B5,
    "true = True": 0x3FEDD339,
}
"""Normalised declarations of the builtins: recognised and left out of the schema (TL-09)."""

PUBLISHED_EXCEPTIONS = {
    "ipPortSecret": (0x37982646, 0x402D9B47),
    "accessPointRule": (0x4679B65F, 0x020634CE),
    "help.configSimple": (0x5A592A6C, 0x066D2808),
    "msg_container": (0x73F1F8DC, 0x29C1636D),
    "gzip_packed": (0x3072CFA1, 0xDFBC64B0),
}
"""Declarations published with an id that is not the CRC32 of their line: name → (declared, computed) (TL-23)."""

_HEX = frozenset("0123456789abcdefABCDEF")


class SchemaError(UsageError):
    """A schema text that cannot be loaded: ``file``, ``line`` (from 1) and ``reason`` say where and why (TL-14)."""

    def __init__(self, file: str, line: int, reason: str, text: str = "") -> None:
        self.file = file
        self.line = line
        self.reason = reason
        self.text = " ".join(text.split())[:200]
        super().__init__(f"{file}:{line}: {reason}" + (f": {self.text}" if self.text else ""))


def normalize(line: str) -> str:
    """The string whose CRC32 is the id of the declaration ``line`` (TL-20)."""
    text = strip_comments(line)[0].strip().removesuffix(";")
    name, _, fields = text.partition(" ")  # 1: without the id
    words = f"{name.partition('#')[0]} {fields}".split()
    words = [word for word in words if not _is_true_flag(word)]  # 2
    words = [f"{word[:-5]}string" if word.endswith((":bytes", "?bytes")) else word for word in words]  # 3
    text = " ".join(words).replace("<", " ").replace(">", "")  # 4
    for mark in "{}()":  # 5
        text = text.replace(mark, "")
    return " ".join(text.split())  # 6


def computed_id(line: str) -> int:
    """CRC32 of the normalised declaration, unsigned 32-bit (TL-20)."""
    return crc32(normalize(line).encode("ascii", "replace"))


def declared_id(line: str) -> int | None:
    """The id written after ``#`` in the declaration, or None (TL-06)."""
    _, mark, digits = line.split()[0].partition("#")
    if not mark:
        return None
    if not 1 <= len(digits) <= 8 or not _HEX.issuperset(digits):
        raise SchemaError("<line>", 1, "an id is 1 to 8 hexadecimal digits (TL-06)", line)
    return int(digits, 16)


def _is_true_flag(word: str) -> bool:
    _, mark, rest = word.partition(":")
    flag_word, dot, bit = rest.removesuffix("?true").partition(".")
    return bool(mark and dot and flag_word) and rest.endswith("?true") and bit.isdigit()


def strip_comments(text: str) -> tuple[str, int | None]:
    """``text`` with each comment replaced by one space and its lines kept, and the layer of a layer comment (TL-01)."""
    out: list[str] = []
    layer = None
    pos = 0
    while True:
        line, block = text.find("//", pos), text.find("/*", pos)
        start = min((at for at in (line, block) if at >= 0), default=-1)
        if start < 0:
            out.append(text[pos:])
            return "".join(out), layer
        end = text.find("\n" if start == line else "*/", start + 2)
        if start == block and end < 0:
            raise SchemaError("<schema>", text.count("\n", 0, start) + 1, "the comment does not end", text[start:])
        comment = text[start : end if end >= 0 else len(text)]
        words = comment.split()
        if start == line and words[:2] == ["//", "LAYER"] and len(words) == 3 and words[2].isdecimal():  # TL-03
            layer = int(words[2])
        out.append(text[pos:start] + " " + "\n" * comment.count("\n"))
        pos = len(text) if end < 0 else end + (2 if start == block else 0)
