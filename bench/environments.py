"""An environment for each library compared with, made on demand in the cache folder and kept there.

Both Telethon and this library get ``cryptg``, so that ``seal_open`` compares everything but the AES.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from bench.peer import BenchError, note

REQUIREMENTS = {
    "telethon": ("telethon==1.45.0", "cryptg"),
    "kurigram": ("kurigram==2.2.26",),
}


def default_cache() -> Path:
    """The user's cache folder for this benchmark."""
    home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return Path(home) / "mtproto-bench" if home else Path.home() / ".cache" / "mtproto-bench"


def python_of(library: str, cache: Path) -> Path:
    """The interpreter to run ``library`` with; its environment is made where it is missing or of other versions."""
    if library not in REQUIREMENTS:
        return Path(sys.executable)  # this library: the environment of ``pip install '.[bench]'``
    folder = cache / f"{library}-py{sys.version_info.major}.{sys.version_info.minor}"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    stamp = folder / "bench.json"
    wanted = json.dumps([sys.version, *_requirements(library)])
    if not stamp.exists() or stamp.read_text() != wanted:
        note(f"making the environment of {library}: {', '.join(_requirements(library))}")
        _command(sys.executable, "-m", "venv", "--clear", str(folder))
        _command(str(python), "-m", "pip", "install", "--quiet", *_requirements(library))
        stamp.write_text(wanted)
    return python


def _requirements(library: str) -> list[str]:
    """The pinned versions; of cryptg, the version that this library runs with."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        ours = f"cryptg=={version('cryptg')}"
    except PackageNotFoundError:
        ours = "cryptg"
    return [ours if name == "cryptg" else name for name in REQUIREMENTS[library]]


def _command(*arguments: str) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode:
        raise BenchError(f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
