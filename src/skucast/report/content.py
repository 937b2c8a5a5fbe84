"""ReportContent: everything that one report is made from, in core nouns only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

import numpy.typing as npt
import polars as pl

from ..collect.repairs import COLUMNS as REPAIR_COLUMNS
from ..config import Config
from ..errors import DataError
from ..forecast import Forecast
from ..panel import Panel

PLAN_COLUMNS: dict[str, pl.DataType] = {
    "unique_id": pl.String(),
    "sku": pl.String(),
    "location": pl.String(),
    "name": pl.String(),
    "supplier": pl.String(),
    "order_qty": pl.Float64(),
    "packs": pl.Float64(),
    "unit_cost": pl.Float64(),
    "order_value": pl.Float64(),
    "on_hand": pl.Float64(),
    "on_order": pl.Float64(),
    "position": pl.Float64(),
    "demand_lead_mean": pl.Float64(),
    "demand_protect_mean": pl.Float64(),
    "demand_protect_p10": pl.Float64(),
    "demand_protect_p90": pl.Float64(),
    "order_up_to": pl.Float64(),
    "service_target": pl.Float64(),
    "p_out_before_arrival": pl.Float64(),
    "p_out_without_order": pl.Float64(),
    "run_out_date": pl.Date(),
    "cover_days": pl.Float64(),
    "lost_margin_without": pl.Float64(),
    "lost_margin_with": pl.Float64(),
    "holding_cost": pl.Float64(),
    "expected_gain": pl.Float64(),
    "gain_per_money": pl.Float64(),
    "rank": pl.Float64(),
    "reason_en": pl.String(),
    "reason_zh": pl.String(),
}
"""Columns of a purchase plan that the report reads; an absent one counts as null throughout."""

SCORE_COLUMNS: dict[str, pl.DataType] = {
    "model": pl.String(),
    "class": pl.String(),
    "n_series": pl.Int64(),
    "wql": pl.Float64(),
    "mase": pl.Float64(),
    "wape": pl.Float64(),
    "coverage_80": pl.Float64(),
    "skill": pl.Float64(),
}
"""Columns of the scores that the report reads; class ``all`` is the total."""


class Mark(NamedTuple):
    """A holiday or event, drawn as a light band: first and last day and its name in both languages."""

    start: date
    end: date
    name_en: str
    name_zh: str


class Assumption(NamedTuple):
    """Something taken for granted because the data did not say: its key, the number of items, the sentence."""

    key: str
    n_items: int
    en: str
    zh: str


class Timing(NamedTuple):
    """How long a stage of the run took and how many things it handled."""

    stage: str
    seconds: float
    count: int


@dataclass(frozen=True)
class ReportContent:
    """Everything that one report is made from.

    Attributes:
        config: the project file of the run.
        run_id: name of the run folder.
        created: when the run was made.
        version: of skucast.
        panel: history. A column ``name`` among its static columns gives items a name.
        forecast: of the same series in the same order.
        marks: holidays and events (``Mark`` or plain 4-tuples).
        plan: purchase plan (columns of ``PLAN_COLUMNS``), or None.
        plan_summary: totals of the plan, such as ``overstock_value``; what is absent is added up from ``plan``.
        assumptions: of the plan (``Assumption`` or plain 4-tuples).
        scores: backtest scores (columns of ``SCORE_COLUMNS``), or None.
        choices: demand class -> the members that ``auto`` chose, in words.
        repairs: what was rejected or changed (columns of `skucast.collect.repairs`), or None.
        prices: current price per unit: ``unique_id, price``, or None.
        closed: days on which the shop does not trade, such as weekdays or dates, in words for people.
        timings: stages of the run (``Timing`` or plain 3-tuples).
        future: known covariates of the forecast steps, name -> ``(S, H)``; a ``promotion`` among them is
            marked in the charts.

    Raises:
        DataError: forecast and panel are not about the same series.
    """

    config: Config
    run_id: str
    created: datetime
    version: str
    panel: Panel
    forecast: Forecast
    marks: Sequence[tuple[date, date, str, str]] = ()
    plan: pl.DataFrame | None = None
    plan_summary: Mapping[str, Any] = field(default_factory=dict)
    assumptions: Sequence[tuple[str, int, str, str]] = ()
    scores: pl.DataFrame | None = None
    choices: Mapping[str, str] = field(default_factory=dict)
    repairs: pl.DataFrame | None = None
    prices: pl.DataFrame | None = None
    closed: Sequence[str] = ()
    timings: Sequence[tuple[str, float, int]] = ()
    future: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.panel.ids.to_list() != self.forecast.ids.to_list():
            raise DataError(
                f"The report needs panel and forecast of the same series in the same order; they have "
                f"{len(self.panel):,} and {len(self.forecast):,}. Take the forecast from this panel."
            )

    def plan_table(self) -> pl.DataFrame:
        """The plan with every column of ``PLAN_COLUMNS``; absent ones are null, no plan gives no rows."""
        return _complete(self.plan, PLAN_COLUMNS)

    def score_table(self) -> pl.DataFrame:
        """The scores with every column of ``SCORE_COLUMNS``."""
        return _complete(self.scores, SCORE_COLUMNS)

    def repair_table(self) -> pl.DataFrame:
        """The repairs with every column they have."""
        return _complete(self.repairs, REPAIR_COLUMNS)


def _complete(frame: pl.DataFrame | None, columns: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """The frame in the given columns and types; NaN becomes null so that both show as a dash."""
    if frame is None:
        return pl.DataFrame(schema=columns)
    parts = []
    for name, dtype in columns.items():
        part = pl.col(name).cast(dtype) if name in frame.columns else pl.lit(None, dtype=dtype).alias(name)
        parts.append(part.fill_nan(None) if dtype == pl.Float64 else part)
    return frame.select(parts)
