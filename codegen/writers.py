"""The text of ``_write``: an object's boxed serialisation in one join, fixed-size neighbours in one struct."""

from __future__ import annotations

from codegen import naming
from codegen.readers import FIXED, MEMO_FROM, NUMBERS
from codegen.scope import Scope
from mtproto.tl.schema import Combinator, Param, TypeRef, field_name


class WriterText:
    """The lines of one ``_write``. ``parts`` are expressions of type bytes; ``run`` waits to become one of them."""

    def __init__(self, scope: Scope, combinator: Combinator, cls: str) -> None:
        self.scope = scope
        self.combinator = combinator
        self.cls = cls
        self.lines: list[str] = []
        self.parts: list[str] = []
        self.run: list[tuple[str, str]] = []

    def text(self) -> list[str]:
        for param in self.combinator.params:
            if param.is_word:
                self.word(param)
        self.run.append(("I", f"{self.combinator.id:#010x}"))
        for param in self.combinator.params:
            self.field(param)
        self.flush()
        if len(self.parts) == 1 and not self.parts[0].startswith("*"):
            self.lines.append(f"return {self.parts[0]}")
        else:
            self.lines += ['return b"".join(', "    ("]
            self.lines += [f"        {part}," for part in self.parts]
            self.lines += ["    )", ")"]
        return ["    def _write(self) -> bytes:", *(f"        {line}" for line in self.lines)]

    def flush(self) -> None:
        if self.run:
            codes = [code for code, _ in self.run]
            values = ", ".join(value for _, value in self.run)
            self.parts.append(f"{self.scope.pack(codes)}({values})")
            self.run = []

    def word(self, word: Param) -> None:
        """The flag word from the presence of the fields that refer to it (TL-46)."""
        params = [p for p in self.combinator.params if p.condition and p.condition[0] == word.name]
        by_bit: dict[int, list[Param]] = {}
        for param in params:
            by_bit.setdefault(param.condition[1] if param.condition else 0, []).append(param)
        for sharing in by_bit.values():
            self.shared(sharing)
        terms = self.flag_terms([p for p in params if p.is_flag], word.name)
        for bit, sharing in by_bit.items():
            if not sharing[0].is_flag and not any(param.is_flag for param in sharing):
                terms.append(f"(0 if self.{field_name(sharing[0].name)} is None else {1 << bit:#x})")
        known = 0
        for bit in by_bit:
            known |= 1 << bit
        extra = f"self.{naming.extra(word.name)}"
        variable = naming.local(word.name)
        self.lines.append(f"{variable} = {' | '.join(terms) or '0'}")
        self.lines += [f"if {extra}:", f"    {variable} |= {self.scope.use('extra_bits')}({extra}, {known:#x})"]

    def flag_terms(self, flags: list[Param], word: str) -> list[str]:
        names = [f"self.{field_name(param.name)}" for param in flags]
        masks = [1 << param.condition[1] for param in flags if param.condition]
        if len(flags) >= MEMO_FROM:
            memo = self.scope.memo(f"_words_{self.cls}_{word}", "Words", ", ".join(map(hex, masks)))
            return [f"{memo}[{', '.join(names)}]"]
        refuse = self.scope.use("true_flag") if flags else ""
        return [
            f"({mask:#x} if {name} is True else {refuse}({name}))" for name, mask in zip(names, masks, strict=True)
        ]

    def shared(self, sharing: list[Param]) -> None:
        """Fields of one bit are all present or all absent (TL-46)."""
        first, *others = sharing
        for other in others:
            self.lines.append(f"if ({_present(first)}) != ({_present(other)}):")
            self.lines.append(f'    raise {self.scope.use("uneven")}("{first.name}", "{other.name}")')

    def field(self, param: Param) -> None:
        value = f"self.{field_name(param.name)}"
        name = param.type.name
        if param.is_flag:
            return
        if param.condition:
            self.flush()
            self.parts.append(f'b"" if {value} is None else {self.expression(param.type, value)}')
        elif name == "#":
            self.run.append(("I", naming.local(param.name)))
        elif name in ("int", "long", "double"):
            self.run.append((FIXED[name], value))
        elif name in ("int128", "int256"):
            self.run.append((FIXED[name], f"{self.scope.use('exactly')}({value}, {FIXED[name][:2]})"))
        elif name == "Bool":
            self.run.append(("I", f"{self.scope.use('bool_word')}({value})"))
        elif param.type.is_vector and param.type.arguments[0].name not in NUMBERS:
            head = [("i", f"len({value})")]
            self.run += head if param.type.bare else [("I", "0x1cb5c415"), *head]
            self.flush()
            self.parts.append(f"*{self.elements(param.type.arguments[0], value, 'x')}")
        else:
            self.flush()
            self.parts.append(self.expression(param.type, value))

    def elements(self, element: TypeRef, value: str, variable: str) -> str:
        """A list of encoded elements."""
        return f"[{self.expression(element, variable)} for {variable} in {value}]"

    def expression(self, type_ref: TypeRef, value: str) -> str:
        """An expression for the encoded ``value``."""
        name = type_ref.name
        if type_ref.is_vector:
            inner = type_ref.arguments[0]
            if not type_ref.bare and inner.name in NUMBERS:
                return f'{self.scope.use("raw_numbers")}({value}, "{NUMBERS[inner.name][0]}")'
            variable = "xy"["y" not in value and value == "x"]
            wrap = self.scope.use("raw_bare_vector" if type_ref.bare else "raw_vector")
            return f"{wrap}({self.elements(inner, value, variable)})"
        if name in ("int128", "int256"):
            return f"{self.scope.use('exactly')}({value}, {FIXED[name][:2]})"
        if name in FIXED:
            return f"{self.scope.pack([FIXED[name]])}({value})"
        if name in ("string", "bytes"):
            return f"{self.scope.use('raw_' + name)}({value})"
        if name == "Bool":
            return f"{self.scope.pack(['I'])}({self.scope.use('bool_word')}({value}))"
        if name in ("true", "True"):
            return f"{self.scope.use('true_field' if name == 'true' else 'boxed_true')}({value})"
        if name == "Object":
            return f"{self.scope.base('write_any')}({value})"
        if name.startswith("!"):
            return f"{value}._write()"
        if type_ref.bare:
            return f"{self.scope.base('write_bare')}({value}, {self.scope.model.bare_target(type_ref).id:#010x})"
        return f"{value}.{naming.writer(name)}()"


def _present(param: Param) -> str:
    value = f"self.{field_name(param.name)}"
    return value if param.is_flag else f"{value} is not None"
