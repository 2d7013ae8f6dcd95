"""A pytest plugin for the proofs: runs the tests of an id, or those it is given, and writes what became of each."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import Phase, settings

OUTCOMES = pytest.StashKey[dict[str, str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--requirement", help="run only the tests marked with this id")
    parser.addoption("--only", type=Path, help="run only the tests whose node ids this JSON file lists")
    parser.addoption("--outcomes", type=Path, help="write the outcome of each test into this JSON file")
    parser.addoption("--until-failed", action="store_true", help="stop when a test has failed; errors do not count")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[OUTCOMES] = {}
    settings.register_profile("proof", phases=[Phase.explicit, Phase.generate], database=None, deadline=None)
    settings.load_profile("proof")  # the smallest example that fails is not looked for


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if id := config.getoption("--requirement"):
        items[:] = [item for item in items if any(id in mark.args for mark in item.iter_markers("requirement"))]
    if only := config.getoption("--only"):
        wanted = set(json.loads(only.read_text(encoding="utf-8")))
        items[:] = [item for item in items if item.nodeid in wanted]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" or report.outcome != "passed":
        outcome = report.outcome if report.when == "call" or report.skipped else "error"
        item.config.stash[OUTCOMES].setdefault(item.nodeid, outcome)
        if outcome == "failed" and item.config.getoption("--until-failed"):
            item.session.shouldstop = "a test has failed"
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    if path := session.config.getoption("--outcomes"):
        path.write_text(json.dumps(session.config.stash[OUTCOMES]), encoding="utf-8")
