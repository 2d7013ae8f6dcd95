"""The reader of ``.tl`` text: sections, tokens and declarations (docs/spec/tl.md, TL-02 … TL-11, TL-14)."""

from __future__ import annotations

from mtproto.tl.ids import (
    BUILTIN_LINES,
    PUBLISHED_EXCEPTIONS,
    SchemaError,
    computed_id,
    declared_id,
    normalize,
    strip_comments,
)
from mtproto.tl.schema import BARE_BUILTINS, BOXED_BUILTINS, Combinator, Param, TypeRef, is_boxed_name

_IDENT = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_PUNCTUATION = frozenset("#:.?<>{}()!%=[]*;")


class Loader:
    """One ``.tl`` text on its way to combinators."""

    __slots__ = ("file", "kind", "layer", "places")

    def __init__(self, file: str) -> None:
        self.file = file
        self.kind = "type"  # TL-02: a file starts in the types section
        self.layer: int | None = None
        self.places: dict[str, tuple[str, int]] = {}

    def declarations(self, text: str) -> tuple[Combinator, ...]:
        try:
            plain, self.layer = strip_comments(text)
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
            combinator = Declaration(self.file, start, body).combinator(self.kind)
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


class Declaration:
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
        try:
            declared = declared_id(self.text)
        except SchemaError as error:
            raise self.fail(error.reason) from None
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
