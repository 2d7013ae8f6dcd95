"""The report as one HTML page that needs nothing but itself: no script, style, font or image from elsewhere.

Each case is a row of the matrix of faults and outcomes, and opens to its explanation and transcript. Filters are kept
in the part of the address behind #, so that a view can be passed on. Everything that a client wrote is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib.resources import files

from mtproto.conform.case import Result
from mtproto.conform.evidence import Evidence
from mtproto.conform.judge import Verdict, expected, wanted
from mtproto.conform.report import Scorecard
from mtproto.testdc.faults import LAYERS

OUTCOMES = {
    "closed": "closed the connection",
    "restarted": "began another key exchange",
    "failed that call": "ended the one call with an error",
    "ignored": "ignored it",
    "carried on": "both calls were answered",
    "accepted": "acted on what it must not accept",
    "hung": "printed nothing in time",
    "grew without bound": "took over 256 MiB more memory",
    "failed": "failed in another way",
}
"""The columns of the matrix, and what they mean."""

MAX_LINES = 400
"""Lines of a transcript that are shown."""


def render(card: Scorecard) -> str:
    """The page."""
    title = " ".join(filter(None, (card.client, card.version)))
    parts = {
        "title": escape(title),
        "summary": escape(f"{len(card.results)} cases"),
        "verdicts": "".join(_tile(verdict, count) for verdict, count in card.counts.items()),
        "layers": "".join(f"<option>{escape(layer)}</option>" for layer in _layers(card)),
        "columns": "".join(f'<span title="{escape(text)}">{escape(word)}</span>' for word, text in OUTCOMES.items()),
        "cases": "\n".join(_case(result) for result in card.results),
    }
    page = files("mtproto.conform").joinpath("page.html").read_text("utf-8")
    head, *rest = page.split("<!--[")
    return head + "".join(parts[name] + text for name, _, text in (piece.partition("]-->") for piece in rest))


def _layers(card: Scorecard) -> list[str]:
    present = {result.case.fault.layer for result in card.results}
    return [layer for layer in LAYERS if layer in present]


def _tile(verdict: Verdict, count: int) -> str:
    name = escape(verdict.value)
    return f'<button type="button" data-verdict="{name}"><b>{count}</b> {name}</button>'


def _case(result: Result) -> str:
    fault, case, judgement = result.case.fault, result.case, result.judgement
    verdict, rules = judgement.verdict.value, ", ".join(fault.rule)
    text = " ".join((case.name, rules, fault.layer, judgement.observed, fault.breaks, fault.expects)).lower()
    return f"""<details class="case" id="{escape(case.name)}" data-verdict="{escape(verdict)}" \
data-layer="{escape(fault.layer)}" data-text="{escape(text)}">
<summary><span class="name">{escape(case.name)}</span><span class="rule">{escape(rules)}</span>\
<span class="layer">{escape(fault.layer)}</span>{_matrix(result)}\
<span class="verdict">{escape(verdict)}</span></summary>
<div class="about"><dl><dt>The server</dt><dd>{escape(fault.breaks)}</dd>
<dt>A right client</dt><dd>{escape(fault.expects)}</dd>
<dt>Expected</dt><dd>{escape(expected(fault))}</dd>
<dt>Observed</dt><dd>{escape(judgement.observed)}</dd>
<dt>Transport</dt><dd>{escape(case.transport)}, {result.seconds:.1f} s</dd></dl>
{_transcript(result.evidence)}</div></details>"""


def _matrix(result: Result) -> str:
    """A cell for each outcome: a ring where it is right, a disc where it was seen."""
    right = wanted(result.case.fault.reactions)
    seen = result.judgement.observed.partition(":")[0]
    column = seen if seen in OUTCOMES else "" if seen == "not reached" else "failed"
    cells = []
    for word in OUTCOMES:
        kinds = " ".join(["cell", *["wanted"] * (word in right), *["seen"] * (word == column)])
        label = ", ".join(["expected"] * (word in right) + ["observed"] * (word == column))
        cells.append(f'<span class="{kinds}" title="{escape(f"{word}: {label}" if label else word)}"></span>')
    return "".join(cells)


def _transcript(evidence: Evidence | None) -> str:
    if evidence is None:
        return ""
    lines = list(_said(evidence))
    left = len(lines) - MAX_LINES
    shown = lines[: MAX_LINES // 2] + lines[-MAX_LINES // 2 :] if left > 0 else lines
    rows = "".join(f'<tr class="{who}"><td>{at:.3f}</td><td>{who}</td><td>{text}</td></tr>' for at, who, text in shown)
    note = f"<p>{left} lines in the middle are left out.</p>" if left > 0 else ""
    return f'<table class="transcript"><tbody>{rows}</tbody></table>{note}'


def _said(evidence: Evidence) -> Iterator[tuple[float, str, str]]:
    """Seconds since the client was started, who, and what, in the order of time."""
    ended = evidence.ended
    found = [(line.at, "client", escape(line.text[:2000])) for line in ended.lines]
    for seen in evidence.observations:
        who = "fault" if seen.kind == "injected" else "server"
        where = f" <i>connection {seen.connection}</i>" if seen.connection else ""
        found.append((seen.at, who, f"<b>{escape(seen.kind)}</b> {escape(seen.detail[:500])}{where}"))
    found += [(ended.at, "stderr", escape(text[:500])) for text in ended.complaints]
    found.append((ended.at, "client", f"<b>{escape(_end(evidence))}</b>"))
    yield from ((at - ended.began, who, text) for at, who, text in sorted(found, key=lambda item: item[0]))


def _end(evidence: Evidence) -> str:
    ended = evidence.ended
    peak = "" if ended.peak is None else f", at most {ended.peak / (1 << 20):.0f} MiB of memory"
    if ended.status is None:
        return f"was killed because of its {ended.reason}{peak}"
    return f"ended with status {ended.status}{peak}"
