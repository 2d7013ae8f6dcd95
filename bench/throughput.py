"""throughput: 1 MiB in parts of 512 KiB from our datacenter; disguise: what obfuscation and fake TLS add to that.

The datacenter is a process of its own; both clients use cryptg. The bar of ``disguise``: at most 10 % more than plain,
of the client's processor time.
"""

from __future__ import annotations

from typing import Final

from bench.context import Context
from bench.interleave import Pairs, interleave
from bench.report import Row
from bench.server import serving

_BAR: Final = 2.0
_MOST: Final = 1 / 1.1


def throughput(context: Context) -> list[Row]:
    with serving("mtproto", "dc") as datacenter, context.worker("ours") as ours, context.worker("telethon") as theirs:
        server = {**datacenter, "public_key_pkcs1": ours.ask("public_key_pkcs1", datacenter["public_key_pem"])}
        ours.prepare("downloads", server)
        theirs.prepare("downloads", server)
        pairs = interleave(ours, theirs, context.rounds)
    wall, cpu = pairs.by("wall"), pairs.by("cpu")
    return [
        Row("1 MiB in 512 KiB parts, wall / telethon", wall.ours * 1e3, wall.theirs * 1e3, "ms", wall.ratio, _BAR),
        Row("1 MiB in 512 KiB parts, cpu / telethon", cpu.ours * 1e3, cpu.theirs * 1e3, "ms", cpu.ratio, None),
    ]


def disguise(context: Context) -> list[Row]:
    rows = []
    with serving("mtproto", "dc", "--mtproxy") as datacenter:
        links = datacenter["mtproxy_links"]
        for name, how in (
            ("obfuscated", {"transport": "obfuscated-intermediate"}),
            ("MTProxy dd", {"proxy": links["dd"]}),
            ("fake TLS", {"proxy": links["ee"]}),
        ):
            for load, unit, scale in (("downloads", "ms", 1e3), ("calls", "µs", 1e6)):
                cpu = _against_plain(context, load, {**datacenter, "flight": 64}, how).by("cpu")
                what = "1 MiB" if load == "downloads" else "call, 64 in flight"
                label = f"{what}, {name}, cpu / intermediate"
                rows.append(Row(label, cpu.ours * scale, cpu.theirs * scale, unit, cpu.ratio, _MOST))
    return rows


def _against_plain(context: Context, load: str, server: dict[str, object], how: dict[str, object]) -> Pairs:
    with context.worker("ours") as disguised, context.worker("ours") as plain:
        disguised.prepare(load, {**server, **how})
        plain.prepare(load, server)
        return interleave(disguised, plain, context.rounds)
