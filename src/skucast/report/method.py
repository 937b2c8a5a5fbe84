"""Method: what was assumed, how it was worked out, by which version, and how to do it again."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass

from .content import Assumption, ReportContent, Timing
from .headline import model_name
from .wording import Text, decimals, number, period, plain, say

_STAGES = {
    "read": "stage.read",
    "collect": "stage.collect",
    "clean": "stage.clean",
    "demand": "stage.demand",
    "panel": "stage.panel",
    "prepare": "stage.prepare",
    "features": "stage.features",
    "backtest": "stage.backtest",
    "fit": "stage.fit",
    "forecast": "stage.forecast",
    "plan": "stage.plan",
    "stock": "stage.stock",
    "report": "stage.report",
}


@dataclass(frozen=True)
class Method:
    """The small print."""

    assumptions: Sequence[tuple[Text, Text]]
    steps: Sequence[Text]
    facts: Sequence[tuple[Text, Text]]
    timings: Sequence[tuple[Text, Text, Text]]


def make_method(content: ReportContent) -> Method:
    """Put the small print together."""
    config, panel = content.config, content.panel
    assumptions = [
        (Text(a.en or a.zh, a.zh or a.en), number(a.n_items) if a.n_items else plain(None))
        for a in (Assumption(*given) for given in content.assumptions)
    ]
    steps = [
        say("method.demand", level=" × ".join(config.demand.level), freq=panel.freq.alias),
        say("method.forecast", model=model_name(content), period=period(panel.freq, content.forecast.horizon)),
        say("method.backtest", windows=number(config.forecast.windows)),
        say("method.totals"),
    ]
    if content.plan is not None:
        steps.append(say("method.plan", paths=number(config.plan.paths)))
    if content.joint is not None:
        steps.append(say("method.limits"))
    if content.health is not None:
        steps.append(say("method.stock"))
    facts = [
        (say("method.run"), plain(content.run_id)),
        (say("method.created"), plain(f"{content.created:%Y-%m-%d %H:%M %Z}".strip())),
        (say("method.version"), plain(f"skucast {content.version} · Python {platform.python_version()}")),
        (say("method.seed"), plain(config.forecast.seed)),
        (say("method.fingerprint"), plain(panel.fingerprint()[:16])),
    ]
    timings = [
        (say(_STAGES[t.stage]) if t.stage in _STAGES else plain(t.stage), number(t.things), decimals(t.seconds, 1))
        for t in (Timing(*given) for given in content.timings)
    ]
    return Method(assumptions, steps, facts, timings)
