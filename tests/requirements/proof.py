"""The proof that a test proves its requirement: with a breaking patch in a copy of the tree a test of the id fails,
and the same test passes without the patch. The checkout itself is never written to.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from .spec import ROOT, Problem, order
from .status import Status
from .tables import Patch

LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "*_cache", ".hypothesis", "node_modules", "*.egg-info", "dist")
TIME_LIMIT = 60  # seconds for the tests of one id
WORKERS = 2


class Copy:
    """A copy of the tree, patched for one run of pytest at a time."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = folder / "tree"
        self.outcomes = folder / "outcomes.json"
        shutil.copytree(root, self.root, ignore=LEFT_OUT)

    @contextmanager
    def patched(self, patch: Patch) -> Iterator[None]:
        path = self.root / patch.file
        before = path.read_bytes()
        try:
            self._write(path, patch.apply(self.root).encode())
            yield
        finally:
            self._write(path, before)

    def _write(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)
        # Byte code is told from its source by size and whole seconds, which a patch may leave as they were.
        for stale in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
            stale.unlink()

    def run(self, *arguments: str) -> dict[str, str]:
        """Runs pytest in the copy; the outcome of each test by its node id."""
        self.outcomes.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-p", "tests.requirements.selection", "-p", "no:cacheprovider", "-q"]
        command += [f"--outcomes={self.outcomes}", f"--timeout={TIME_LIMIT}", *arguments]
        env = os.environ | {"PYTHONPATH": str(self.root)}
        done = subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1, 2) or not self.outcomes.exists():
            raise Problem(f"pytest could not run {' '.join(arguments)}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        outcomes: dict[str, str] = json.loads(self.outcomes.read_text(encoding="utf-8"))
        return outcomes


def modules(tests: list[str]) -> list[str]:
    """The files of tests, the quick kinds of test first: pytest stops at the first that fails."""
    slow = ("tests/fuzz/", "tests/cli/", "tests/interop/", "tests/simulation/")
    return sorted({test.split("::")[0] for test in tests}, key=lambda path: (path.startswith(slow), path))


def failing_test(copy: Copy, patch: Patch, tests: list[str]) -> str | None:
    """The first test of the patch's id that fails in a copy with the patch, None if all pass."""
    with copy.patched(patch):
        more = ("--until-failed", "--continue-on-collection-errors")
        outcomes = copy.run(*more, f"--requirement={patch.id}", *modules(tests))
    if not set(outcomes.values()) & {"passed", "failed"}:
        raise Problem("with the breaking patch no test can run")
    return next((test for test, outcome in outcomes.items() if outcome == "failed"), None)


def passing_tests(copy: Copy, tests: list[str]) -> set[str]:
    """Those of some tests, given by node id, that pass in a copy as it is."""
    if not tests:
        return set()
    wanted = copy.root.parent / "wanted.json"
    wanted.write_text(json.dumps(tests), encoding="utf-8")
    outcomes = copy.run(f"--only={wanted}", *modules(tests))
    return {test for test, outcome in outcomes.items() if outcome == "passed"}


def prove(ids: list[str], status: Status, root: Path = ROOT) -> dict[str, tuple[bool, str]]:
    """Proves ids side by side: whether each proof holds, and the test that fails or what is wrong."""
    missing = [id for id in ids if id not in status.patches]
    if missing:
        raise Problem(f"no patch is stored for {', '.join(missing)}")
    with tempfile.TemporaryDirectory(prefix="requirements-") as folder:
        local = threading.local()

        def one(id: str) -> tuple[str, str | Problem | None]:
            if not hasattr(local, "copy"):
                local.copy = Copy(root, Path(tempfile.mkdtemp(dir=folder)))
            try:
                return id, failing_test(local.copy, status.patches[id], status.tests[id])
            except Problem as problem:
                return id, problem

        with ThreadPoolExecutor(min(WORKERS, len(ids))) as pool:
            found = dict(pool.map(one, ids))
        failed = [test for test in found.values() if isinstance(test, str)]
        clean = passing_tests(Copy(root, Path(tempfile.mkdtemp(dir=folder))), failed)
    return {id: verdict(test, clean) for id, test in found.items()}


def verdict(test: str | Problem | None, clean: set[str]) -> tuple[bool, str]:
    """One proof, judged and in words."""
    if test is None:
        return False, "every test passes with the breaking patch"
    if isinstance(test, Problem):
        return False, str(test)
    if test not in clean:
        return False, f"{test} fails without the breaking patch, too"
    return True, test


def some(count: int, seed: str, status: Status) -> list[str]:
    """Up to `count` ids that have a patch, chosen by a seed."""
    ids = sorted(status.patches, key=order)
    return sorted(random.Random(seed).sample(ids, min(count, len(ids))), key=order)
