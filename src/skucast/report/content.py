"""ReportContent: everything that one report is made from, in core nouns only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy.typing as npt
import polars as pl

from ..collect.repairs import COLUMNS as REPAIR_COLUMNS
from ..config import Config
from ..errors import DataError
from ..features.marks import holiday_marks
from ..forecast import Forecast
from ..panel import Panel
from .span import history_steps

if TYPE_CHECKING:
    from ..collect.shop import Shop
    from ..decide.health import StockHealth
    from ..decide.plan_table import PurchasePlan
    from ..decide.purchase_list import PurchaseList
    from ..portfolio.judged import Judged
    from ..store.journal import Stage

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
    "overstock_value": pl.Float64(),
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
    things: int


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
        assumptions: of the plan (``Assumption`` or plain 4-tuples).
        scores: backtest scores (columns of ``SCORE_COLUMNS``), or None.
        model: the model in use; empty takes the name in ``config``.
        tested: windows and steps per window behind the scores; None takes what ``config`` asked for.
        notes: what a reader of the scores should know.
        choices: demand class -> the members that ``auto`` chose, in words.
        repairs: what was rejected or changed (columns of `skucast.collect.repairs`), or None.
        prices: current price per unit: ``unique_id, price``, or None.
        closed: days on which the shop does not trade, such as weekdays or dates, in words for people.
        timings: stages of the run (``Timing`` or plain 3-tuples).
        future: known covariates of the forecast steps, name -> ``(S, H)``; a ``promotion`` among them is
            marked in the charts.
        health: a look at the stock, or None where no stock is known.
        joint: how the purchase list was fitted into its limits, or None without limits.

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
    assumptions: Sequence[tuple[str, int, str, str]] = ()
    scores: pl.DataFrame | None = None
    model: str = ""
    tested: tuple[int, int] | None = None
    notes: Sequence[str] = ()
    choices: Mapping[str, str] = field(default_factory=dict)
    repairs: pl.DataFrame | None = None
    prices: pl.DataFrame | None = None
    closed: Sequence[str] = ()
    timings: Sequence[tuple[str, float, int]] = ()
    future: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    health: StockHealth | None = None
    joint: PurchaseList | None = None

    def __post_init__(self) -> None:
        if self.panel.ids.to_list() != self.forecast.ids.to_list():
            raise DataError(
                f"The report needs panel and forecast of the same series in the same order; they have "
                f"{len(self.panel):,} and {len(self.forecast):,}. Take the forecast from this panel."
            )

    @classmethod
    def of(
        cls,
        *,
        config: Config,
        about: Mapping[str, Any],
        shop: Shop,
        panel: Panel,
        forecast: Forecast,
        judged: Judged,
        plan: PurchasePlan,
        health: StockHealth | None = None,
        stages: Sequence[Stage] = (),
    ) -> ReportContent:
        """Gather what the rooms of the main job made.

        Args:
            config: the project file.
            about: manifest of the run: ``id``, ``skucast`` (version) and ``created`` (ISO stamp).
            shop: for repairs, closed days, prices and the future of known covariates.
            panel: history as the models saw it.
            forecast: of the panel.
            judged: scores and the choices behind the forecast.
            plan: what to order.
            health: of the stock.
            stages: of the journal, finished ones.

        Raises:
            DataError: forecast and panel are not about the same series.
        """
        project, test = config.project, judged.backtest
        first = panel.end + 1 - history_steps(panel)
        return cls(
            config=config,
            run_id=str(about["id"]),
            created=datetime.fromisoformat(str(about["created"])),
            version=str(about["skucast"]),
            panel=panel,
            forecast=forecast,
            marks=holiday_marks(
                panel.freq, first, panel.end + forecast.horizon, project.country, project.subdivision, config.event
            ),
            plan=plan.frame(),
            assumptions=plan.assumptions,
            scores=judged.scores,
            model=judged.model,
            tested=None if test is None else (len(test.windows), test.horizon),
            notes=judged.notes,
            choices=judged.choices,
            repairs=shop.repairs.frame(),
            prices=shop.item_prices(),
            closed=shop.closed,
            timings=[(stage.name, stage.seconds, stage.count) for stage in stages],
            future=shop.future(panel, forecast.horizon) if panel.known else {},
            health=health,
            joint=plan.joint,
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
