"""The HTML report: what it says, that it needs nothing else, and that it works in a browser."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from mtproto.conform.case import Case, Result
from mtproto.conform.judge import Judgement, Verdict
from mtproto.conform.page import render
from mtproto.conform.report import Scorecard
from mtproto.testdc.faults import Reaction
from tests.conform.evidence import BOTH, Evidence, evidence, fault, line

EVIL = "<script>alert(1)</script>\"'&"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
REQUIRED = "MTPROTO_BROWSER"
"""Where this variable is set the browser's tests fail instead of being skipped."""


def result(name: str, verdict: Verdict, observed: str, layer: str, seen: Evidence | None = None) -> Result:
    about = fault(Reaction.R1, layer=layer, breaks=f"{name} is broken", expects="closes")
    return Result(Case(about, "intermediate", name), Judgement(verdict, observed), seen)


def card(client: str = "Peer") -> Scorecard:
    seen = evidence((0.5, "opened"), (0.75, "injected", "resPQ"), (0.8, "closed"), lines=BOTH)
    return Scorecard(
        client,
        "1.0",
        [
            result("nonce_flip", Verdict.PASS, "closed: at once", "key exchange", seen),
            result("prime_even", Verdict.FAIL, "accepted: the canary was printed", "key exchange", seen),
            result("pad_11", Verdict.NON_STRICT, "ignored: both answered", "envelope", seen),
            result("cdn_corrupt", Verdict.NOT_IMPLEMENTED, "not reached: no CDN", "rpc"),
        ],
    )


class Elements(HTMLParser):
    """Every element with its attributes, and which are open at the end."""

    VOID = ("meta", "input", "br", "link", "img")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_each_case_has_a_row_with_its_explanation_and_transcript() -> None:
    page = render(card())
    cases = [attributes for tag, attributes in Elements(page).found if tag == "details"]
    assert [case["id"] for case in cases] == ["nonce_flip", "prime_even", "pad_11", "cdn_corrupt"]
    assert [case["data-verdict"] for case in cases] == ["pass", "fail", "non-strict", "not implemented"]
    assert "prime_even is broken" in page and "accepted: the canary was printed" in page
    assert "<td>0.750</td><td>fault</td><td><b>injected</b> resPQ" in page
    assert "&quot;ok&quot;: true" in page and "ended with status 0" in page


def test_the_page_is_well_formed_and_asks_for_nothing_else() -> None:
    elements = Elements(render(card()))
    assert elements.open == []
    for tag, attributes in elements.found:
        assert tag not in ("link", "img", "iframe", "base", "object")
        assert not {"src", "href", "action", "srcset"} & attributes.keys(), tag
    policy = next(a["content"] for tag, a in elements.found if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None and policy.startswith("default-src 'none'")
    assert not re.search(r"url\(|@import|https?://", render(card()))


def test_what_a_client_wrote_is_text_and_nothing_more() -> None:
    seen = evidence((0.5, "injected", EVIL), lines=(line(1.0), line(2.0)))
    seen.ended.complaints = (EVIL,)
    page = render(Scorecard(EVIL, EVIL, [result("knob", Verdict.FAIL, f"failed: {EVIL}", "rpc", seen)]))
    assert page.count("<script>") == 1 and EVIL not in page
    assert Elements(page).open == []


def test_a_placeholder_in_what_a_client_wrote_stays_as_it_is() -> None:
    page = render(Scorecard("<!--[cases]-->", "", [result("knob", Verdict.PASS, "closed: x", "rpc")]))
    assert page.count('id="knob"') == 1


def test_a_long_transcript_is_shown_from_both_ends() -> None:
    many = evidence(*[(number / 1000, "call", f"number {number}") for number in range(1000)])
    page = render(Scorecard("Peer", "", [result("knob", Verdict.PASS, "closed: x", "rpc", many)]))
    assert "number 0 <" in page and "number 999 <" in page and "number 500 <" not in page
    assert "lines in the middle are left out" in page


# ---- in a browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Headless Chromium with the report, as selenium drives it."""
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        webdriver = None
    if webdriver is None or CHROMIUM is None or DRIVER is None:
        if os.environ.get(REQUIRED):
            pytest.fail("selenium, chromium or chromedriver is missing")
        pytest.skip("needs selenium, chromium and chromedriver")
    folder = tmp_path_factory.mktemp("browser")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
                     "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
                     "--window-size=1280,1000", f"--user-data-dir={folder / 'profile'}"):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    page = folder / "report.html"
    page.write_text(render(card()), encoding="utf-8")
    try:
        yield Page(driver, page)
    finally:
        driver.quit()


class Page:
    """The report in the browser, as its reader sees it."""

    def __init__(self, driver: Any, path: Path) -> None:
        self.driver = driver
        self.address = path.as_uri()

    def load(self, view: str = "") -> None:
        self.driver.get("about:blank")
        self.driver.get(self.address + view)

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def shown(self) -> list[str]:
        """The cases that are visible."""
        cases = self.driver.find_elements("css selector", ".case")
        return [case.get_attribute("id") for case in cases if case.is_displayed()]

    def press(self, verdict: str) -> None:
        self.find(f'button[data-verdict="{verdict}"]').click()


def test_the_page_loads_without_a_complaint_of_the_browser(browser: Page) -> None:
    browser.load()
    assert browser.shown() == ["nonce_flip", "prime_even", "pad_11", "cdn_corrupt"]
    assert browser.driver.get_log("browser") == []
    assert browser.find("#count").text == "4 of 4 shown"


def test_a_verdict_hides_the_rows_of_the_others(browser: Page) -> None:
    browser.load()
    browser.press("fail")
    assert browser.shown() == ["prime_even"]
    browser.press("non-strict")
    assert browser.shown() == ["prime_even", "pad_11"]
    browser.press("fail")
    browser.press("non-strict")
    assert len(browser.shown()) == 4


def test_words_and_the_layer_hide_the_rows_that_do_not_have_them(browser: Page) -> None:
    browser.load()
    browser.find("#text").send_keys("CANARY even")
    assert browser.shown() == ["prime_even"]
    browser.load()
    browser.find("#layer option:nth-child(3)").click()
    assert browser.shown() == ["pad_11"]
    browser.find("#text").send_keys("nonsense")
    assert browser.shown() == [] and browser.find("#nothing").is_displayed()


def test_a_row_opens_to_its_explanation_and_transcript(browser: Page) -> None:
    browser.load()
    about = browser.find("#prime_even .about")
    assert not about.is_displayed()
    browser.find("#prime_even summary").click()
    assert about.is_displayed()
    assert "prime_even is broken" in about.text and "injected resPQ" in about.text
    browser.find("#prime_even summary").click()
    assert not about.is_displayed()


def test_all_rows_that_are_shown_open_and_close_at_once(browser: Page) -> None:
    browser.load("#verdict=pass")
    browser.find("#open").click()
    assert browser.find("#nonce_flip .about").is_displayed()
    browser.press("pass")
    assert not browser.find("#pad_11 .about").is_displayed()
    browser.find("#open").click()
    assert not browser.find("#nonce_flip .about").is_displayed()


def test_a_view_has_an_address(browser: Page) -> None:
    browser.load()
    browser.press("not implemented")
    browser.find("#text").send_keys("cdn")
    view = browser.driver.current_url.partition("#")[2]
    browser.load(f"#{view}")
    assert browser.shown() == ["cdn_corrupt"]
    assert browser.find("#text").get_attribute("value") == "cdn"
    browser.load("#pad_11")
    assert browser.find("#pad_11 .about").is_displayed() and len(browser.shown()) == 4
