"""import: ``import mtproto`` and one name of ``schema.api``, in a fresh interpreter with byte code cached.

What it adds to a bare Python, in time and resident memory, is measured inside that process. The other libraries
are imported in the same way for comparison; the bars are limits: 30 ms and 15 MiB.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from statistics import median

from bench.context import Context
from bench.environments import python_of
from bench.peer import ROOT, BenchError
from bench.report import Row

_MAX_MS, _MAX_MIB = 30.0, 15.0
_STATEMENTS = {
    "ours": "import mtproto\nfrom mtproto.schema.api import types\ntypes.BotBusinessConnection",
    "telethon": "import telethon\ntelethon.types.BotBusinessConnection",
    "kurigram": "import pyrogram\npyrogram.raw.types.BotBusinessConnection",
}
_PROGRAM = """
import time
def resident():
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024
    except OSError:
        import resource, sys  # the peak, where the present value is not to be had
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << (20 if sys.platform == "darwin" else 10))
memory = resident()
start = time.perf_counter()
{statement}
took = time.perf_counter() - start
print("[%r, %r]" % (took * 1e3, resident() - memory))
"""


def startup(context: Context) -> list[Row]:
    pythons = {library: python_of(library, context.cache) for library in _STATEMENTS}
    taken: dict[str, list[list[float]]] = {library: [] for library in _STATEMENTS}
    for turn in range(context.rounds + 1):
        for library, python in pythons.items():
            result = _import(library, python)
            if turn:  # the first writes the byte code
                taken[library].append(result)
    rows = []
    for index, unit, limit in ((0, "ms", _MAX_MS), (1, "MiB", _MAX_MIB)):
        medians = {library: median(result[index] for result in results) for library, results in taken.items()}
        ours = medians.pop("ours")
        rows.append(Row(f"import / limit, {unit}", ours, limit, unit, limit / ours, 1.0))
        for library, value in medians.items():
            rows.append(Row(f"import / {library}, {unit}", ours, value, unit, value / ours, None))
    return rows


def _import(library: str, python: Path) -> list[float]:
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environ["PYTHONPATH"] = str(ROOT)
    program = _PROGRAM.format(statement=_STATEMENTS[library])
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, env=environ, cwd=ROOT)
    if done.returncode:
        raise BenchError(f"importing {library} failed:\n{done.stderr}")
    answer: list[float] = json.loads(done.stdout)
    return answer
