"""The TL schema language: text → IR (docs/spec/tl.md, TL-01 … TL-24).

``parse`` reads a ``.tl`` text into a ``Schema`` of ``Combinator`` records, recomputes every constructor id by
CRC32 and refuses what it does not understand with file, line and text. Nothing is guessed (TL-14).
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Iterable

from mtproto.errors import UsageError
from mtproto.record import Record

BARE_BUILTINS = frozenset({"int", "long", "double", "string", "bytes", "int128", "int256", "true", "#"})
BOXED_BUILTINS = frozenset({"Bool", "True", "Object"})

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

_RESERVED = frozenset(
    "False None True and as assert async await break class continue def del elif else except finally for from global "
    "if import in is lambda nonlocal not or pass raise return try while with yield self".split()
)
_IDENT = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_PUNCTUATION = frozenset("#:.?<>{}()!%=[]*;")
_HEX = frozenset("0123456789abcdefABCDEF")


class SchemaError(UsageError):
    """A schema text that cannot be loaded: ``file``, ``line`` (from 1) and ``reason`` say where and why (TL-14)."""

    def __init__(self, file: str, line: int, reason: str, text: str = "") -> None:
        self.file = file
        self.line = line
        self.reason = reason
        self.text = " ".join(text.split())[:200]
        super().__init__(f"{file}:{line}: {reason}" + (f": {self.text}" if self.text else ""))


class TypeRef(Record):
    """A use of a type.

    ``name`` is a builtin ("int", "#", "Bool", "Object"), "Vector" or "vector" with one argument, a boxed type
    ("Peer", "storage.FileType"), or a type parameter with its mark ("!X"; "X" as a result). ``bare`` is true for
    bare builtins, for "vector", for a constructor name ("future_salt") and for ``%T``, whose name is then "T".
    """

    __slots__ = ("arguments", "bare", "name")

    def __init__(self, name: str, bare: bool, arguments: tuple[TypeRef, ...] = ()) -> None:
        self.name = name
        self.bare = bare
        self.arguments = arguments

    def __str__(self) -> str:
        if self.arguments:
            return f"{self.name}<{', '.join(map(str, self.arguments))}>"
        return f"%{self.name}" if self.bare and is_boxed_name(self.name) else self.name

    @property
    def is_vector(self) -> bool:
        return self.name in ("Vector", "vector")


class Param(Record):
    """One field. ``condition`` is None or (flag word, bit): present iff that bit of that word is set."""

    __slots__ = ("condition", "name", "type")

    def __init__(self, name: str, type: TypeRef, condition: tuple[str, int] | None = None) -> None:
        self.name = name
        self.type = type
        self.condition = condition

    def __str__(self) -> str:
        condition = f"{self.condition[0]}.{self.condition[1]}?" if self.condition else ""
        return f"{self.name}:{condition}{self.type}"

    @property
    def is_word(self) -> bool:
        """A flag word ``name:#``: computed by the encoder, never given by the caller (TL-46)."""
        return self.type.name == "#"

    @property
    def is_flag(self) -> bool:
        """``name:flags.3?true``: a bit and no bytes."""
        return self.condition is not None and self.type.name == "true"


class Combinator(Record):
    """One declaration: a constructor (``kind`` "type") or a function (``kind`` "function").

    ``id`` is an unsigned 32-bit number; ``generics`` are the names X of ``{X:Type}``.
    """

    __slots__ = ("generics", "id", "kind", "name", "params", "result")

    def __init__(
        self, name: str, id: int, params: tuple[Param, ...], result: TypeRef, kind: str, generics: tuple[str, ...] = ()
    ) -> None:
        self.name = name
        self.id = id
        self.params = params
        self.result = result
        self.kind = kind
        self.generics = generics

    def __str__(self) -> str:
        generics = [f"{{{name}:Type}}" for name in self.generics]
        head = " ".join([f"{self.name}#{self.id:08x}", *generics, *map(str, self.params)])
        return f"{head} = {self.result}"


class Schema(Record):
    """What a ``.tl`` text declares: ``layer`` is the number of its layer comment, or None (TL-03)."""

    __slots__ = ("combinators", "layer")

    def __init__(self, layer: int | None, combinators: tuple[Combinator, ...]) -> None:
        self.layer = layer
        self.combinators = combinators

    def replace(self, text: str, file: str = "<override>") -> Schema:
        """This schema with the declarations of ``text`` in place of those of the same name: another layer's form."""
        added = _Loader(file).declarations(text)
        names = {combinator.name for combinator in added}
        merged = (*(c for c in self.combinators if c.name not in names), *added)
        check_schema(merged, {c.name: (file, 0) for c in merged})
        return Schema(self.layer, merged)


def parse(text: str, file: str = "<schema>") -> Schema:
    """The schema of ``text``. Raises SchemaError with ``file``, the line and the reason."""
    loader = _Loader(file)
    combinators = loader.declarations(text)
    return Schema(loader.layer, check_schema(combinators, loader.places))


def check_union(schemas: Iterable[Schema]) -> None:
    """Refuse schemas that give one id to two different declarations; a repeated declaration is allowed (TL-12)."""
    by_id: dict[int, Combinator] = {}
    for schema in schemas:
        for combinator in schema.combinators:
            other = by_id.setdefault(combinator.id, combinator)
            if str(other) != str(combinator):
                raise SchemaError("<union>", 0, f"#{combinator.id:08x} is the id of two declarations (TL-12)", str(other))


def normalize(line: str) -> str:
    """The string whose CRC32 is the id of the declaration ``line`` (TL-20)."""
    text = _strip_comments(line)[0].strip().removesuffix(";")
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
    name, mark, digits = line.split()[0].partition("#")
    if not mark:
        return None
    if not 1 <= len(digits) <= 8 or not _HEX.issuperset(digits):
        raise SchemaError("<line>", 1, "an id is 1 to 8 hexadecimal digits (TL-06)", line)
    return int(digits, 16)


def is_boxed_name(name: str) -> bool:
    """Whether ``name`` is that of a boxed type: the last component begins with a capital (TL-05)."""
    return name.rpartition(".")[2][:1].isupper()


def class_name(name: str) -> str:
    """The Python class of a TL name: its words, split at ``_`` and ``.``, each with a capital: ``resPQ`` → ``ResPQ``."""
    return "".join(word[:1].upper() + word[1:] for word in name.replace(".", "_").split("_"))


def field_name(name: str) -> str:
    """The Python name of a TL field: Python's keywords and ``self`` take a trailing underscore (TL-13)."""
    return name + "_" if name in _RESERVED else name


def minimum_sizes(schema: Schema) -> dict[str, int]:
    """The fewest bytes that a value can occupy: by type name boxed, by constructor name bare (TL-43)."""
    sizes = dict.fromkeys((c.result.name for c in schema.combinators if c.kind == "type"), 4)
    sizes |= {"int": 4, "long": 8, "double": 8, "string": 4, "bytes": 4, "int128": 16, "int256": 32}
    sizes |= {"true": 0, "#": 4, "Bool": 4, "True": 4, "Object": 4, "Vector": 8, "vector": 4}
    for _ in range(64):  # sizes only grow; a type that needs itself would grow for ever
        before = dict(sizes)
        least: dict[str, int] = {}
        for combinator in schema.combinators:
            if combinator.kind == "type":
                size = sum(minimum_size(p.type, sizes) for p in combinator.params if not p.condition)
                sizes[combinator.name] = size
                name = combinator.result.name
                least[name] = min(least.get(name, size + 4), size + 4)
        sizes |= {name: size for name, size in least.items() if name != "Object"}
        if sizes == before:
            break
    return sizes


def minimum_size(type_ref: TypeRef, sizes: dict[str, int]) -> int:
    """The fewest bytes that a value of ``type_ref`` can occupy, with ``sizes`` of ``minimum_sizes``."""
    if type_ref.name.startswith("!"):
        return 4
    size = sizes[type_ref.name]
    return size - 4 if type_ref.bare and is_boxed_name(type_ref.name) else size


def parse_type(text: str) -> TypeRef:
    """The type written in ``text``, for example ``Vector<int>``. Raises SchemaError."""
    declaration = _Declaration("<type>", 1, text)
    type_ref = declaration.type_term()
    declaration.expect("")
    return type_ref


def check_schema(combinators: Iterable[Combinator], places: dict[str, tuple[str, int]]) -> tuple[Combinator, ...]:
    """``combinators`` without repetitions, after the checks that need all of them (TL-10, TL-12)."""
    by_id: dict[int, Combinator] = {}
    by_name: dict[str, Combinator] = {}
    for combinator in combinators:
        place = places.get(combinator.name, ("<schema>", 0))
        other = by_id.setdefault(combinator.id, combinator)
        if other != combinator:
            raise SchemaError(*place, f"#{combinator.id:08x} is already the id of {other.name} (TL-12)", str(combinator))
        if by_name.setdefault(combinator.name, combinator) != combinator:
            raise SchemaError(*place, f"{combinator.name} is declared twice with different ids (TL-12)", str(combinator))
    unique = tuple(by_id.values())
    constructors: dict[str, int] = {}
    for combinator in unique:
        if combinator.kind == "type":
            constructors[combinator.result.name] = constructors.get(combinator.result.name, 0) + 1
    for combinator in unique:
        for type_ref in (*(param.type for param in combinator.params), combinator.result):
            problem = _type_problem(type_ref, combinator, constructors, by_name)
            if problem:
                raise SchemaError(*places.get(combinator.name, ("<schema>", 0)), problem, str(combinator))
    return unique


def _type_problem(
    type_ref: TypeRef, combinator: Combinator, constructors: dict[str, int], by_name: dict[str, Combinator]
) -> str:
    name = type_ref.name
    if type_ref.is_vector:
        return _type_problem(type_ref.arguments[0], combinator, constructors, by_name)
    if name in BARE_BUILTINS or name in BOXED_BUILTINS or name.removeprefix("!") in combinator.generics:
        return ""
    if not is_boxed_name(name):
        declared = by_name.get(name)
        return "" if declared and declared.kind == "type" else f"{name} is not a constructor"
    count = constructors.get(name, 0)
    if type_ref.bare and count != 1:
        return f"%{name} needs a type of one constructor, {name} has {count} (TL-10)"
    return "" if count else f"the type {name} has no constructor"


def _is_true_flag(word: str) -> bool:
    head, mark, rest = word.partition(":")
    flag_word, dot, bit = rest.removesuffix("?true").partition(".")
    return bool(mark and dot and flag_word) and rest.endswith("?true") and bit.isdigit()


def _strip_comments(text: str) -> tuple[str, int | None]:
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


class _Loader:
    """One ``.tl`` text on its way to combinators."""

    __slots__ = ("file", "kind", "layer", "places")

    def __init__(self, file: str) -> None:
        self.file = file
        self.kind = "type"  # TL-02: a file starts in the types section
        self.layer: int | None = None
        self.places: dict[str, tuple[str, int]] = {}

    def declarations(self, text: str) -> tuple[Combinator, ...]:
        try:
            plain, self.layer = _strip_comments(text)
        except SchemaError as error:
            raise SchemaError(self.file, error.line, error.reason, error.text) from None
        out: list[Combinator] = []
        line = 1
        segments = plain.split(";")
        for index, segment in enumerate(segments):
            body, start = self._sections(segment, line)
            line += segment.count("\n")
            if index == len(segments) - 1:
                if body:
                    raise SchemaError(self.file, start, "the declaration does not end with ';' (TL-04)", body)
                return tuple(out)
            combinator = _Declaration(self.file, start, body).combinator(self.kind)
            if combinator is not None:
                self.places[combinator.name] = (self.file, start)
                out.append(combinator)
        raise AssertionError("unreachable")  # split() gives at least one segment

    def _sections(self, segment: str, line: int) -> tuple[str, int]:
        """``segment`` after its section marks, and the line it starts on (TL-02)."""
        while True:
            body = segment.lstrip()
            line += segment.count("\n", 0, len(segment) - len(body))
            if not body.startswith("---"):
                return body.rstrip(), line
            mark = body.split(None, 1)[0]
            if mark not in ("---functions---", "---types---"):
                raise SchemaError(self.file, line, "unknown section (TL-02)", mark)
            self.kind = "function" if mark == "---functions---" else "type"
            segment = body[len(mark) :]


class _Declaration:
    """Tokens of one declaration, and the methods that read them (TL-04 … TL-08)."""

    __slots__ = ("file", "index", "line", "text", "tokens")

    def __init__(self, file: str, line: int, text: str) -> None:
        self.file = file
        self.line = line
        self.text = text
        self.index = 0
        self.tokens = self._tokenize(text)

    def fail(self, reason: str) -> SchemaError:
        return SchemaError(self.file, self.line, reason, self.text)

    def _tokenize(self, text: str) -> list[str]:
        tokens: list[str] = []
        pos = 0
        while pos < len(text):
            char = text[pos]
            end = pos + 1
            if char in _IDENT:
                while end < len(text) and text[end] in _IDENT:
                    end += 1
                tokens.append(text[pos:end])
            elif char in _PUNCTUATION:
                tokens.append(char)
            elif not char.isspace():
                raise self.fail(f"unexpected character {char!r} (TL-14)")
            pos = end
        return tokens

    def peek(self, ahead: int = 0) -> str:
        index = self.index + ahead
        return self.tokens[index] if index < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.index += 1
        return token

    def expect(self, token: str) -> None:
        found = self.take()
        if found != token:
            raise self.fail(f"expected {token or 'the end'!r}, found {found or 'the end'!r} (TL-14)")

    def word(self) -> str:
        token = self.take()
        if not token or token[0] not in _IDENT:
            raise self.fail(f"expected a name, found {token or 'the end'!r} (TL-14)")
        return token

    def dotted(self) -> str:
        name = self.word()
        if self.peek() == ".":
            self.take()
            name = f"{name}.{self.word()}"
        if not name.rpartition(".")[2][0].isalpha():
            raise self.fail(f"{name!r} is not a name (TL-05)")
        return name

    def combinator(self, kind: str) -> Combinator | None:
        """The declaration as a combinator, or None for that of a builtin (TL-09)."""
        normalized = normalize(self.text)
        if normalized in BUILTIN_LINES:
            if declared_id(self.text) not in (None, BUILTIN_LINES[normalized]):
                raise self.fail("the id of a builtin type differs from the published one (TL-09)")
            return None
        name = self.dotted()
        if is_boxed_name(name):
            raise self.fail(f"{name!r} begins with a capital: the name of a type, not of a constructor (TL-05)")
        identifier = self._id(name)
        generics = self._generics()
        params = self._params(generics)
        self.expect("=")
        result = self.type_term()
        self.expect("")
        return self._checked(Combinator(name, identifier, params, result, kind, generics))

    def _checked(self, combinator: Combinator) -> Combinator:
        result = combinator.result
        generic = result.name in combinator.generics
        if not generic and (result.bare or not is_boxed_name(result.name)):
            raise self.fail("the result is not a boxed type (TL-04)")
        if combinator.kind == "type" and (generic or result.is_vector or result.name in ("Bool", "True")):
            raise self.fail(f"{result} cannot be given another constructor (TL-09)")
        if combinator.name in BARE_BUILTINS or combinator.name in ("vector", "boolTrue", "boolFalse"):
            raise self.fail(f"{combinator.name} is a builtin, declared differently (TL-09)")
        return combinator

    def _id(self, name: str) -> int:
        computed = computed_id(self.text)
        if self.peek() != "#":
            return computed  # TL-07
        declared = declared_id(self.text)
        self.take()
        self.take()
        if declared is None:
            raise self.fail("no space is allowed between the name and its id (TL-14)")
        if declared != computed and PUBLISHED_EXCEPTIONS.get(name) != (declared, computed):
            raise self.fail(f"the id is #{declared:08x}, the CRC32 of the line #{computed:08x} (TL-24)")
        return declared

    def _generics(self) -> tuple[str, ...]:
        names: list[str] = []
        while self.peek() == "{":
            self.take()
            names.append(self.word())
            for token in (":", "Type", "}"):
                self.expect(token)
        return tuple(names)

    def _params(self, generics: tuple[str, ...]) -> tuple[Param, ...]:
        params: dict[str, Param] = {}
        while self.peek() != "=":
            param = self._param(params, generics)
            if param.name in params:
                raise self.fail(f"the field {param.name} is declared twice")
            params[param.name] = param
        return tuple(params.values())

    def _param(self, before: dict[str, Param], generics: tuple[str, ...]) -> Param:
        name = self.word()
        self.expect(":")
        condition = None
        if self.peek(1) == "." and self.peek(3) == "?":
            condition = self._condition(before)
        type_ref = self.type_term()
        if condition and type_ref.name == "#":
            raise self.fail(f"the flag word {name} is itself conditional (TL-08)")
        if type_ref.name.startswith("!") and type_ref.name[1:] not in generics:
            raise self.fail(f"{type_ref.name} is not a type parameter (TL-08)")
        return Param(name, type_ref, condition)

    def _condition(self, before: dict[str, Param]) -> tuple[str, int]:
        word = self.word()
        self.expect(".")
        bit = self.word()
        self.expect("?")
        if not bit.isdecimal() or int(bit) > 31:
            raise self.fail(f"{bit!r} is not a bit of a 32-bit word (TL-08)")
        if word not in before or not before[word].is_word:
            raise self.fail(f"{word} is not an earlier flag word (TL-11)")
        return word, int(bit)

    def type_term(self) -> TypeRef:
        """One type: every right-hand form of TL-08."""
        token = self.peek()
        if token == "#":
            self.take()
            return TypeRef("#", True)
        if token == "!":
            self.take()
            return TypeRef("!" + self.word(), False)
        if token == "%":
            self.take()
            name = self.dotted()
            if not is_boxed_name(name) or name in BOXED_BUILTINS or name == "Vector":
                raise self.fail(f"%{name}: not a declared boxed type (TL-08)")
            return TypeRef(name, True)
        if token == "(":
            self.take()
            inner = self.type_term()
            self.expect(")")
            return inner
        name = self.dotted()
        if name in ("Vector", "vector"):
            return TypeRef(name, name == "vector", (self._argument(),))
        return TypeRef(name, not is_boxed_name(name))

    def _argument(self) -> TypeRef:
        if self.peek() != "<":
            argument = self.type_term()  # TL-08: Vector T is the same as Vector<T>
        else:
            self.take()
            argument = self.type_term()
            self.expect(">")
        if argument.name == "#" or argument.name.startswith("!"):
            raise self.fail(f"a vector of {argument} (TL-14)")
        return argument
