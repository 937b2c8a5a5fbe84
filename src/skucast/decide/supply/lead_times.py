"""Lead times learned from delivery records: a distribution for every supplier and item, and how late suppliers are."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl

from ...collect.repairs import Repairs
from ...collect.tables import POLARS_TYPE, SCHEMAS
from ...errors import ConfigError, DataError
from ...forecast import F64
from ..inventory.distribution import Distribution
from .curves import Curves, Strengths
from .deliveries import Deliveries
from .lateness import Lateness
from .waits import Waits

_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True, eq=False)
class LeadTime:
    """How long one order will take.

    Attributes:
        names: what is known of, from the supplier on: fewer names than were asked for where the rest was never seen, and
            none where it is the pool of all suppliers.
        pmf: ``(days,)`` chances of 0, 1, 2... days from order to shelf.
        deliveries: records of just these names that are over.
        open: records of them that are open.
    """

    names: tuple[str, ...]
    pmf: F64 = field(repr=False)
    deliveries: int
    open: int

    @cached_property
    def days(self) -> Distribution:
        """In days."""
        return Distribution(self.pmf)

    def after(self, elapsed: int) -> LeadTime:
        """Of an order that is open ``elapsed`` days after it was placed: the whole wait, at least that long.

        Raises:
            ConfigError: ``elapsed`` is negative.
        """
        if elapsed < 0:
            raise ConfigError(f"An order cannot have been open for {elapsed} days.")
        last = self.pmf.size - 1
        left = np.where(np.arange(self.pmf.size) >= min(elapsed, last), self.pmf, 0.0)
        if elapsed > last or left.sum() <= 0:  # longer than anything seen: any day now
            left = np.zeros(max(elapsed, last) + 1)
            left[elapsed] = 1.0
        return LeadTime(self.names, np.asarray(left / left.sum()), self.deliveries, self.open)

    def periods(self, step_days: float = 1.0, longest: int | None = None) -> Distribution:
        """In whole periods of the forecast, rounded up: what comes within a period is on the shelf in the next.

        Args:
            step_days: days of a period, 7 for weeks.
            longest: periods that the forecast reaches; longer waits count as that long.

        Raises:
            ConfigError: a period is not longer than nothing, or ``longest`` is negative.
        """
        if not (math.isfinite(step_days) and step_days > 0):
            raise ConfigError(f"A period must last longer than nothing, not {step_days:g} days.")
        if longest is not None and longest < 0:
            raise ConfigError(f"The longest lead time must not be negative, but is {longest}.")
        period = np.ceil(np.arange(self.pmf.size) / step_days - 1e-9).astype(np.int64)
        if longest is not None:
            period = np.minimum(period, longest)
        return Distribution(np.bincount(period, self.pmf).astype(np.float64))


@dataclass(frozen=True, eq=False)
class LeadTimes:
    """What delivery records say of lead times and lateness; made by `learned_lead_times`.

    Attributes:
        curves: of the days from order to receipt.
        late: of the days from promise to receipt (0 is on time), or None where no promise has come due.
        by: columns that name a node, from the supplier on.
        as_of: the day on which the records were looked at.
        repairs: records that were left out or changed (stage ``plan``).
        seed: of intervals.
    """

    curves: Curves
    late: Curves | None
    by: tuple[str, ...]
    as_of: dt.date
    repairs: Repairs
    seed: int = 0

    @property
    def strengths(self) -> Strengths:
        """How many deliveries the pool is worth to a supplier, and the supplier to its items."""
        return self.curves.strengths

    @property
    def suppliers(self) -> list[str]:
        """Those with a record, sorted."""
        return [name for (name,) in self.curves.levels[0].nodes]

    def of(self, *names: str | None) -> LeadTime:
        """Lead time of a supplier, or of an item of it: ``of("Acme")``, ``of("Acme", "A1")``.

        Names are those of ``by``. What was never seen, or is None, gets what lies above it: an item its supplier's,
        a supplier the pool's.

        Raises:
            ConfigError: there are more names than ``by``.
        """
        self._check(names)
        known: tuple[str, ...] = ()
        for depth, name in enumerate(names):
            if name is None or (*known, name) not in self.curves.levels[depth].nodes:
                break
            known = (*known, name)
        return LeadTime(known, self.curves.of(known), *self.curves.deliveries(known))

    def table(self, names: Iterable[Sequence[str | None]], step_days: float = 1.0, longest: int | None = None) -> F64:
        """``(I, K)`` chances of 0, 1, 2... periods per item, as ``simulate.Supply(lead_pmf=...)`` takes them.

        Args:
            names: of each item, see `of`.
            step_days: days of a period.
            longest: see `LeadTime.periods`.
        """
        asked = [tuple(n) for n in names]
        if not asked:
            return np.zeros((0, 1))
        made = {n: self.of(*n).periods(step_days, longest).from_zero() for n in dict.fromkeys(asked)}
        found = np.zeros((len(asked), max(p.size for p in made.values())))
        for row, n in enumerate(asked):
            found[row, : made[n].size] = made[n]
        return found

    def lateness(self, supplier: str, level: float = 0.8) -> Lateness | None:
        """How often and by how much a supplier comes later than promised; None where no promise has come due.

        A supplier without promises of its own gets the pool's figures, without an interval.

        Args:
            supplier: name.
            level: of the intervals, of what its deliveries leave possible.
        """
        if not 0 < level < 1:
            raise ConfigError(f"The level of an interval must lie between 0 and 1, not be {level:g}.")
        if self.late is None:
            return None
        return Lateness.of(self.late, supplier, level, self.seed)

    def risks(self, level: float = 0.8) -> pl.DataFrame:
        """Suppliers by expected days late, the worst first.

        Returns:
            ``supplier, deliveries, late, late_low, late_high`` (chance to be later than promised), ``days_late,
            days_late_low, days_late_high`` (expected, on-time deliveries counted as 0), ``days_when_late, risk_en,
            risk_zh``; empty where no promise has come due.
        """
        found = [self.lateness(name, level) for name in self.suppliers]
        rows = [late.row() for late in found if late is not None and late.deliveries]
        table = pl.DataFrame(rows, schema=Lateness.COLUMNS, orient="row")
        return table.sort("days_late", "supplier", descending=[True, False])

    def fill_suppliers(self, suppliers: pl.DataFrame | None = None, replace: bool = True) -> pl.DataFrame:
        """The table ``suppliers`` with mean and standard deviation as learned, for `purchase_plan`.

        Args:
            suppliers: the shop's table, or None; suppliers with records that it lacks are added.
            replace: learned numbers take the place of given ones; otherwise they fill gaps only.

        Raises:
            DataError: the table has no column ``supplier``.
        """
        kinds = {c.name: POLARS_TYPE[c.kind] for c in SCHEMAS["suppliers"].columns}
        rows = [
            (name, float(days.mean), math.sqrt(float(days.var)))
            for name in self.suppliers
            for days in [self.of(name).days]
        ]
        learned = pl.DataFrame(
            rows, schema={"supplier": pl.String, "_mean": pl.Float64, "_sd": pl.Float64}, orient="row"
        )
        given = pl.DataFrame(schema=kinds) if suppliers is None else suppliers
        if "supplier" not in given.columns:
            raise DataError("The table 'suppliers' has no column 'supplier': add it or leave the table out.")
        gaps = [
            pl.lit(None, kinds[n]).alias(n) for n in ("lead_time_days", "lead_time_sd_days") if n not in given.columns
        ]
        given = given.with_columns(gaps).with_columns(pl.col("lead_time_days", "lead_time_sd_days").cast(pl.Float64))
        joined = given.join(learned, on="supplier", how="full", coalesce=True, maintain_order="left_right")
        take = pl.col("_mean").is_not_null() & (pl.lit(replace) | pl.col("lead_time_days").is_null())
        return joined.with_columns(
            lead_time_days=pl.when(take).then("_mean").otherwise("lead_time_days"),
            lead_time_sd_days=pl.when(take).then("_sd").otherwise("lead_time_sd_days"),
        ).drop("_mean", "_sd")

    def _check(self, names: Sequence[str | None]) -> None:
        if len(names) > len(self.by):
            raise ConfigError(f"Lead times were learned by {', '.join(self.by)}: give at most {len(self.by)} names.")


def learned_lead_times(
    deliveries: pl.DataFrame,
    *,
    as_of: dt.date | None = None,
    by: Sequence[str] | None = None,
    longest_days: float | None = None,
    seed: int = 0,
) -> LeadTimes:
    """Learn the lead time of every supplier and item from delivery records.

    Open orders count as waits of at least their age. Lines of one supplier that were ordered and received on the same
    days are one delivery. A supplier leans on the pool of all suppliers and an item on its supplier; by how much, how far
    neighbouring days share what was seen, and how fast the past is forgotten is what would have foretold later deliveries
    in the records best (with few records: five deliveries each, nothing forgotten).

    Args:
        deliveries: see ``DELIVERIES``: ``supplier, ordered_at, received_at`` (null while open) and, where they are known,
            ``promised_at, sku, mode, quantity``.
        as_of: the day on which the records were looked at; None is the last day of order or receipt, at
            most today.
        by: columns that name what lead times are learned of, first ``supplier``; None is supplier and sku, as far as there
            is one. ``("supplier", "mode")`` learns by means of transport.
        longest_days: longest lead time that is believed, see `Deliveries.clean`.
        seed: of the intervals of lateness.

    Raises:
        DataError: a required column is absent, or no received order is left.
        ConfigError: ``by`` does not begin with the supplier or names a column that is not there.
    """
    cleaned = Deliveries.clean(deliveries, as_of, longest_days)
    if by is None:
        by = ("supplier", "sku") if "sku" in deliveries.columns and cleaned.frame["sku"].count() else ("supplier",)
    names = tuple(by)
    allowed = [c for c in ("supplier", "sku", "mode") if c in deliveries.columns]
    if not names or names[0] != "supplier" or len(set(names)) < len(names) or not set(names) <= set(allowed):
        raise ConfigError(
            f"Lead times are learned by 'supplier' first, then others of {allowed}, not by {list(names)}."
        )
    today = (cleaned.as_of - _EPOCH).days
    received = pl.coalesce("received_at", pl.lit(cleaned.as_of))
    lines = cleaned.frame.with_columns(open=pl.col("received_at").is_null())

    def levels(since: str, lines: pl.DataFrame, by: tuple[str, ...]) -> tuple[Waits, ...]:
        timed = lines.with_columns(
            start=pl.col(since).to_physical().cast(pl.Int64),
            days=(received - pl.col(since)).dt.total_days().clip(lower_bound=0),
        )
        return tuple(Waits.of(timed, by[: depth + 1], today) for depth in range(len(by)))

    # only promises that have come due: of the others, those that came early are known and the late ones are not
    due = lines.filter(pl.col("promised_at") <= cleaned.as_of)
    late = None
    if due.height and not due["open"].all():
        late = Curves.learn(levels("promised_at", due, ("supplier",)), forget=False)
    return LeadTimes(
        Curves.learn(levels("ordered_at", lines, names)), late, names, cleaned.as_of, cleaned.repairs, seed
    )
