"""The text of readers: ``(buf, pos) -> (object, position behind it)``, id already consumed.

Consecutive fields of fixed size are read by one struct; the id of a boxed field belongs to the run before it.
"""

from __future__ import annotations

from itertools import groupby

from codegen import naming
from codegen.scope import CODE_SIZE, Scope
from mtproto.tl.schema import Combinator, Param, TypeRef, field_name

FIXED = {"int": "i", "long": "q", "double": "d", "int128": "16s", "int256": "32s"}
CALLS = {"string": "read_string", "bytes": "read_bytes", "true": "read_true", "True": "read_boxed_true"}
NUMBERS = {"int": ("i", 4), "long": ("q", 8), "double": ("d", 8)}
ELEMENTS = CALLS | {name: f"read_{name}" for name in FIXED} | {"Bool": "read_bool"}
CHUNK = 4
MEMO_FROM = 4
"""So many ``true`` fields of one word are worth a memo table (tl.wire.Bits)."""


class ReaderText:
    """The lines of one reader. ``run``: fixed-size values still to be read; ``ahead``: bytes still to be skipped."""

    def __init__(self, scope: Scope, combinator: Combinator, cls: str) -> None:
        self.scope = scope
        self.combinator = combinator
        self.cls = cls
        self.lines: list[str] = []
        self.indent = "    "
        self.run: list[tuple[str, str]] = []
        self.after: list[str] = []
        self.ahead = 0

    def text(self) -> list[str]:
        head = f"def _read_{self.cls}(buf: bytes, pos: int) -> tuple[{self.annotation()}, int]:"
        self.emit(
            f"self: {self.annotation()} = new({self.cls})" if self.combinator.generics else f"self = new({self.cls})"
        )
        params = [param for param in self.combinator.params if not param.is_flag]
        absent = [f"self.{field_name(param.name)}" for param in params if param.condition]
        if absent:
            self.emit(" = ".join([*absent, "None"]))
        for word, neighbours in groupby(params, lambda param: param.condition and param.condition[0]):
            if word is None:
                for param in neighbours:
                    self.value(param)
            else:
                self.optional(naming.local(word), list(neighbours))
        self.flush()
        self.emit(f"return self, {self.pos()}")
        return [head, *self.lines]

    def annotation(self) -> str:
        if self.combinator.generics:
            self.scope.typing.add("Any")
            return f"{self.cls}[Any]"
        return self.cls

    def emit(self, line: str) -> None:
        self.lines.append(self.indent + line)

    def pos(self) -> str:
        return f"pos + {self.ahead}" if self.ahead else "pos"

    def optional(self, word: str, params: list[Param]) -> None:
        """Neighbours that depend on bits of one word. Most are absent in most objects, so that one test skips
        CHUNK of them: decoding ``user`` takes 1.5 µs instead of 1.8."""
        self.flush()
        self.settle()
        by_bit = groupby(params, lambda param: param.condition[1] if param.condition else 0)
        groups = [(bit, list(group)) for bit, group in by_bit]
        for start in range(0, len(groups), CHUNK):
            chunk = groups[start : start + CHUNK]
            mask = 0
            for bit, _ in chunk:
                mask |= 1 << bit
            if len(chunk) > 2:
                self.emit(f"if {word} & {mask:#x}:")
                self.indent += "    "
            for bit, group in chunk:
                self.present(f"{word} & {1 << bit:#x}", group)
            self.indent = "    "

    def present(self, test: str, params: list[Param]) -> None:
        self.emit(f"if {test}:")
        self.indent += "    "
        for param in params:
            self.value(param)
        self.flush()
        self.settle()
        self.indent = self.indent[4:]

    def settle(self) -> None:
        if self.ahead:
            self.emit(f"pos += {self.ahead}")
            self.ahead = 0

    def fixed(self, code: str, target: str, after: list[str] | None = None) -> None:
        self.run.append((code, target))
        self.after += after or []

    def flush(self) -> None:
        if not self.run:
            return
        codes = [code for code, _ in self.run]
        targets = ", ".join(target for _, target in self.run)
        targets = f"({targets},)" if len(codes) == 1 else targets
        self.emit(f"{targets} = {self.scope.unpack(codes)}(buf, {self.pos()})")
        self.ahead += sum(CODE_SIZE[code] for code in codes)
        for line in self.after:
            self.emit(line)
        self.run, self.after = [], []

    def call(self, target: str, expression: str) -> None:
        """``expression`` reads a value at ``{pos}``."""
        self.flush()
        self.emit(f"{target}, pos = {expression.format(pos=self.pos())}")
        self.ahead = 0

    def value(self, param: Param) -> None:
        target = f"self.{field_name(param.name)}"
        name = param.type.name
        if name == "#":
            word = naming.local(param.name)
            self.fixed("I", word, self.bits(param.name, word))
        elif name in FIXED:
            self.fixed(FIXED[name], target)
        elif name == "Bool":
            variable = f"word{len(self.run)}"
            self.fixed("I", variable, [f"{target} = {self.scope.use('to_bool')}({variable})"])
        elif naming.is_boxed(param.type) or name == "Object" or name.startswith("!"):
            self.fixed("I", "word")
            self.call(target, f"{self.table(param.type)}[word](buf, {{pos}})")
        else:
            self.call(target, self.expression(param.type))

    def table(self, type_ref: TypeRef) -> str:
        if type_ref.name == "Object":
            self.scope.any_object = True
            return "any_object"
        if type_ref.name.startswith("!"):
            self.scope.queries = True
            return "_queries"
        return self.scope.table(type_ref.name)

    def expression(self, type_ref: TypeRef) -> str:
        """A call that reads ``type_ref`` at ``{pos}``."""
        if not type_ref.is_vector:
            return f"{self.element(type_ref)}(buf, {{pos}})"
        inner = type_ref.arguments[0]
        if not type_ref.bare and inner.name in NUMBERS:
            code, size = NUMBERS[inner.name]
            return f'{self.scope.use("read_numbers")}(buf, {{pos}}, "{code}", {size})'
        minimum = self.scope.minimum(inner)
        if not type_ref.bare and (naming.is_boxed(inner) or inner.name == "Object"):
            return f"{self.scope.use('read_objects')}(buf, {{pos}}, {self.table(inner)}, {minimum})"
        read = self.scope.use("read_bare_vector" if type_ref.bare else "read_vector")
        return f"{read}(buf, {{pos}}, {self.element(inner)}, {minimum})"

    def element(self, type_ref: TypeRef) -> str:
        """An expression that is a reader of ``type_ref``."""
        if type_ref.is_vector:
            return f"lambda buf, pos: {self.expression(type_ref).format(pos='pos')}"
        if type_ref.name in ELEMENTS:
            return self.scope.use(ELEMENTS[type_ref.name])
        if type_ref.bare:
            target = self.scope.model.bare_target(type_ref)
            return f"{self.scope.table(target.result.name)}[{target.id:#010x}]"
        return f"{self.table(type_ref)}.read"

    def bits(self, word: str, variable: str) -> list[str]:
        """Lines that store what the flag word alone decides: its ``true`` fields and its unknown bits (TL-47)."""
        params = [p for p in self.combinator.params if p.condition and p.condition[0] == word]
        known = 0
        for param in params:
            known |= 1 << param.condition[1] if param.condition else 0
        flags = [param for param in params if param.is_flag]
        masks = [1 << param.condition[1] for param in flags if param.condition]
        unknown = 0xFFFFFFFF ^ known
        targets = [f"self.{field_name(param.name)}" for param in flags]
        extra = f"self.{naming.extra(word)}"
        if len(flags) < MEMO_FROM:
            lines = [f"{target} = {variable} & {mask:#x} != 0" for target, mask in zip(targets, masks, strict=True)]
            return [*lines, f"{extra} = {variable} & {unknown:#x}"]
        arguments = f"({', '.join(map(hex, masks))}), {unknown:#x}"
        memo = self.scope.memo(f"_bits_{self.cls}_{word}", "Bits", arguments)
        return [f"{', '.join((*targets, extra))} = {memo}[{variable} & {unknown | sum(set(masks)):#x}]"]


def result_expression(scope: Scope, combinator: Combinator) -> str:
    """What ``read_result`` of a function returns."""
    if combinator.result.name in combinator.generics:
        query = next(p for p in combinator.params if p.type.name == f"!{combinator.result.name}")
        return f"self.{field_name(query.name)}.read_result(buf, pos)"
    if naming.is_boxed(combinator.result):
        return f"{scope.table(combinator.result.name)}[{scope.use('unpack_I')}(buf, pos)[0]](buf, pos + 4)"
    return ReaderText(scope, combinator, "").expression(combinator.result).format(pos="pos")
