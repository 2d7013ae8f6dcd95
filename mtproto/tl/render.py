"""Objects for people: one line, or a tree. Fields that may hold secrets can be shown as ``<redacted>`` (SEC-58)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mtproto.tl.objects import TLObject, schema_name

REDACTED = "<redacted>"

SECRET_WORDS = frozenset(
    {"nonce", "salt", "salt1", "salt2", "salts", "password", "token", "tokens", "secret", "phone", "phones", "srp"}
    | {"encrypted", "credentials", "packed"}
)
"""A field whose name has one of these words may hold a secret; gzip_packed.packed_data may hold any."""

SECRET_NAMES = frozenset(
    {"api_hash", "session_id", "temp_session_id", "auth_key", "encryption_key", "g_a", "g_b", "A", "M1"}
)

Hidden = Callable[[str, str], bool]
"""(TL name of the object, name of the field) → whether the field is redacted."""


def is_secret(combinator: str, field: str) -> bool:
    """Whether the value of ``field`` must not be shown in logs, reprs and messages (SEC-58)."""
    if field in SECRET_NAMES or not SECRET_WORDS.isdisjoint(field.split("_")):
        return True
    return combinator.startswith("auth.") and field in ("bytes", "code")  # transferred and first-time logins


def show_all(combinator: str, field: str) -> bool:
    """For ``hidden``: nothing is redacted."""
    return False


def to_line(value: object, hidden: Hidden = is_secret) -> str:
    """``value`` in one line of ASCII: ``botBusinessConnection(connection_id='demo', user_id=1, …)``."""
    try:
        return _line(value, hidden)
    except RecursionError:
        return f"{type(value).__name__}(<nested too deeply>)"


def to_tree(value: object, hidden: Hidden = show_all) -> str:
    """``value`` in one line for each field, indented by two spaces a level."""
    try:
        return "\n".join(_tree("", value, 0, hidden))
    except RecursionError:
        return f"{type(value).__name__}(<nested too deeply>)"


def _title(value: TLObject) -> str:
    schema = schema_name(type(value))
    return value.NAME if schema == "api" else f"{schema}:{value.NAME}"


def _fields(value: TLObject, hidden: Hidden) -> Iterator[tuple[str, Any]]:
    """TL names and values of what is present. A flag that is not set is left out, and so are no unknown bits."""
    for slot in value.__slots__:
        name = slot.removesuffix("_")
        field = getattr(value, slot, None)
        if field is None or field is False or (field == 0 and slot.startswith("extra_")):
            continue
        secret = not isinstance(field, bool) and hidden(value.NAME, name)
        yield name, _Redacted if secret else field


class _Redacted:
    """Stands for a value that is not shown."""


def _leaf(value: object) -> str:
    if value is _Redacted:
        return REDACTED
    if isinstance(value, bytes | bytearray):
        return f"hex:{value.hex()}"
    return ascii(value)


def _line(value: object, hidden: Hidden) -> str:
    if isinstance(value, TLObject):
        fields = [f"{name}={_line(field, hidden)}" for name, field in _fields(value, hidden)]
        return f"{_title(value)}({', '.join(fields)})"
    if isinstance(value, list | tuple):
        return f"[{', '.join([_line(item, hidden) for item in value])}]"
    return _leaf(value)


def _tree(label: str, value: object, level: int, hidden: Hidden) -> list[str]:
    indent = "  " * level
    if isinstance(value, TLObject):
        lines = [f"{indent}{label}{_title(value)}"]
        for name, field in _fields(value, hidden):
            lines += _tree(f"{name}: ", field, level + 1, hidden)
        return lines
    if isinstance(value, list | tuple):
        if not value:
            return [f"{indent}{label}[]"]
        lines = [f"{indent}{label}{len(value)} items"]
        for item in value:
            lines += _tree("- ", item, level + 1, hidden)
        return lines
    return [f"{indent}{label}{_leaf(value)}"]
