"""Page: puts the report together as one HTML file that opens anywhere and asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from . import wording
from .accuracy import NAIVE, make_accuracy
from .changes import make_changes
from .charts import BUDGET, make_charts
from .content import ReportContent
from .headline import last_day, make_headline
from .limits import make_limits
from .method import make_method
from .outlook import make_outlook
from .purchases import ROWS, make_purchases
from .quality import make_quality
from .stock import make_stock
from .wording import TAGS, say

_HERE = Path(__file__).parent


def write_report(path: Path, content: ReportContent) -> None:
    """Write the report of a run as one self-contained HTML file.

    Both languages lie inside; ``?lang=zh`` or ``#zh`` chooses one, as does the switch. The file is
    written to a temporary name and renamed, so that a crash never leaves half a report.

    Args:
        path: the file to write.
        content: what the report is made from.
    """
    target = Path(path)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        unfinished.write_text(render_report(content), encoding="utf-8", newline="\n")
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def render_report(content: ReportContent, chart_budget: int = BUDGET) -> str:
    """The report as HTML text; ``chart_budget`` limits the bytes of chart data inside."""
    plan = content.plan_table()
    names = _names(content)
    ids = [str(i) for i in content.panel.ids.to_list()]
    outlook = make_outlook(content)
    charts = make_charts(content, outlook, names, chart_budget)
    project = content.config.project
    stock = None if content.health is None else make_stock(content.health, plan, names)
    data = {
        "lang": project.language,
        "tags": TAGS,
        "words": wording.client_words(),
        "run": content.run_id,
        **charts.data,
        "shown": charts.shown,
        "stock": [] if stock is None else stock.data,
    }
    library = _asset("echarts.common.min.js")
    script = Markup("".join(_asset(name) for name in ("page.js", "stock.js", "charts.js")))
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            content=content,
            project=project,
            title=say("head.title", shop=project.name),
            language=TAGS[project.language],
            policy=_policy(library, script),
            style=Markup(_asset("report.css")),
            library=Markup(library),
            script=script,
            data=script_json(data),
            freq=content.panel.freq,
            until=last_day(content),
            outlook=outlook,
            headline=make_headline(content, outlook, plan),
            purchases=make_purchases(plan, project.currency, names) if plan.height else None,
            purchases_shown=ROWS,
            limits=None
            if content.joint is None
            else make_limits(content.joint, content.config.plan, project.currency, names),
            stock=stock,
            changes=make_changes(outlook, ids, names),
            charts=charts,
            accuracy=make_accuracy(content),
            naive=NAIVE,
            quality=make_quality(content.repair_table(), content.closed, content.repairs is not None),
            method=make_method(content),
        )
    )


def script_json(value: Any) -> Markup:
    """JSON that is safe inside a script element: nothing in it can end the element or open a comment."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Markup(text)


def _names(content: ReportContent) -> dict[str, str]:
    """Series -> name for people: from the panel's static column ``name``, else from the plan."""
    names: dict[str, str] = {}
    plan = content.plan_table()
    for ids, column in (
        (plan["unique_id"], plan["name"]),
        (content.panel.ids, content.panel.static["name"] if "name" in content.panel.static.columns else None),
    ):
        if column is not None:
            names |= {
                str(i): wording.shorten(str(n)) for i, n in zip(ids.to_list(), column.to_list(), strict=True) if n
            }
    return names


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        say=say,
        number=wording.number,
        percent=wording.percent,
        period=wording.period,
        period_unit=wording.period_unit,
        plain=wording.plain,
        day=wording.day,
        DASH=wording.DASH,
    )
    return environment


def _asset(name: str) -> str:
    return (_HERE / "assets" / name).read_text(encoding="utf-8")


def _policy(*scripts: str) -> str:
    """Content security policy: only these very scripts run, and nothing is ever fetched."""
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
