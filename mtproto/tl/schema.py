"""The TL schema language: text → IR (docs/spec/tl.md, TL-01 … TL-24).

``parse`` reads a ``.tl`` text into a ``Schema`` of ``Combinator`` records, recomputes every constructor id by
CRC32 (``tl.ids``) and refuses what it does not understand with file, line and text. Nothing is guessed (TL-14).
The records and the checks that need all declarations are here, the reader of the text is ``tl.declaration``.
"""

from __future__ import annotations

from collections.abc import Iterable

from mtproto.record import Record
from mtproto.tl.ids import SchemaError, computed_id, declared_id, normalize

__all__ = [
    "Combinator",
    "Param",
    "Schema",
    "SchemaError",
    "TypeRef",
    "check_union",
    "class_name",
    "computed_id",
    "declared_id",
    "field_name",
    "is_boxed_name",
    "minimum_size",
    "minimum_sizes",
    "normalize",
    "parse",
    "parse_type",
]

BARE_BUILTINS = frozenset({"int", "long", "double", "string", "bytes", "int128", "int256", "true", "#"})
BOXED_BUILTINS = frozenset({"Bool", "True", "Object"})

_RESERVED = frozenset(
    [
        "False",
        "None",
        "True",
        "and",
        "as",
        "assert",
        "async",
        "await",
        "break",
        "class",
        "continue",
        "def",
        "del",
        "elif",
        "else",
        "except",
        "finally",
        "for",
        "from",
        "global",
        "if",
        "import",
        "in",
        "is",
        "lambda",
        "nonlocal",
        "not",
        "or",
        "pass",
        "raise",
        "return",
        "try",
        "while",
        "with",
        "yield",
        "self",
    ]
)


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
        from mtproto.tl.declaration import Loader  # which makes the records of this module

        return self.variant(self.layer, Loader(file).declarations(text), (), file)

    def variant(
        self, layer: int | None, own: Iterable[Combinator], absent: Iterable[str], file: str = "<layer>"
    ) -> Schema:
        """Another layer: ``own`` in place of, or beside, the declarations here; without those named ``absent``."""
        own = tuple(own)
        kept = {combinator.name: combinator for combinator in self.combinators}
        for name in absent:
            if kept.pop(name, None) is None:
                raise SchemaError(file, 1, f"{name} is to be absent, but is not there")
        for combinator in own:
            kept.pop(combinator.name, None)
        merged = (*kept.values(), *own)
        return Schema(layer, check_schema(merged, {combinator.name: (file, 0) for combinator in merged}))


def parse(text: str, file: str = "<schema>") -> Schema:
    """The schema of ``text``. Raises SchemaError with ``file``, the line and the reason."""
    from mtproto.tl.declaration import Loader

    loader = Loader(file)
    combinators = loader.declarations(text)
    return Schema(loader.layer, check_schema(combinators, loader.places))


def check_union(schemas: Iterable[Schema]) -> None:
    """Refuse schemas that give one id to two different declarations; a repeated declaration is allowed (TL-12)."""
    by_id: dict[int, Combinator] = {}
    for schema in schemas:
        for combinator in schema.combinators:
            other = by_id.setdefault(combinator.id, combinator)
            if str(other) != str(combinator):
                raise SchemaError("<union>", 0, f"#{combinator.id:08x} is the id of two (TL-12)", str(other))


def is_boxed_name(name: str) -> bool:
    """Whether ``name`` is that of a boxed type: the last component begins with a capital (TL-05)."""
    return name.rpartition(".")[2][:1].isupper()


def class_name(name: str) -> str:
    """The Python class of a TL name: its words, split at ``_`` and ``.``, with capitals: ``req_pq`` → ``ReqPq``."""
    return "".join(word[:1].upper() + word[1:] for word in name.replace(".", "_").split("_"))


def field_name(name: str) -> str:
    """The Python name of a TL field: Python's keywords and ``self`` take a trailing underscore (TL-13)."""
    return name + "_" if name in _RESERVED else name


def minimum_sizes(schema: Schema) -> dict[str, int]:
    """The fewest bytes that a value can occupy: by type name boxed, by constructor name bare (TL-43)."""
    sizes = dict.fromkeys((c.result.name for c in schema.combinators if c.kind == "type"), 4)
    sizes |= {"int": 4, "long": 8, "double": 8, "string": 4, "bytes": 4, "int128": 16, "int256": 32}
    sizes |= {"true": 0, "#": 4, "Bool": 4, "True": 4, "Object": 4, "Vector": 8, "vector": 4}
    mandatory = [
        (combinator.name, combinator.result.name, [p.type for p in combinator.params if not p.condition])
        for combinator in schema.combinators
        if combinator.kind == "type"
    ]
    for _ in range(64):  # sizes only grow; a type that needs itself would grow for ever
        before = dict(sizes)
        least: dict[str, int] = {}
        for constructor, name, types in mandatory:
            size = sizes[constructor] = sum([minimum_size(type_ref, sizes) for type_ref in types])
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
    from mtproto.tl.declaration import Declaration

    declaration = Declaration("<type>", 1, text)
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
            reason = f"#{combinator.id:08x} is already the id of {other.name} (TL-12)"
            raise SchemaError(*place, reason, str(combinator))
        if by_name.setdefault(combinator.name, combinator) != combinator:
            raise SchemaError(*place, f"{combinator.name} is declared twice, differently (TL-12)", str(combinator))
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
