"""Lead times learned from delivery records, against simple ways, on orders that were placed later.

    OMP_NUM_THREADS=1 python benchmarks/lead_times.py DATA_FOLDER

`DATA_FOLDER/lead_times/scms_deliveries.tsv` holds shipments of the USAID supply chain (2006 to 2015). Every half year from
2009 on, the records are taken as they looked on that day (what had not come by then is open) and asked about the orders of
the next half year. Records that cannot be true (received before ordered) are left out of both. A delivery counts once,
however many lines it has. Of each distribution of days:

- log score: mean logarithm of the chance given to the day on which the order came (higher is better). All are mixed with
  one thousandth of a uniform distribution, as a chance of zero would decide alone. Raw distributions leave gaps between
  days, so it is told of whole weeks, too.
- CRPS: in days, lower is better.
- coverage: how often the day fell into the central 50, 80 and 95 % (by the probability integral transform, randomised
  within a day).

The ways: `learned` (by supplier and item), `learned by supplier` and `learned by supplier, mode`; `raw supplier` is the
distribution of the supplier's received orders, `product limit` the same with open orders as censored, `pooled` that of all
received orders, `normal` has mean and standard deviation of the supplier's received orders (of all where there are fewer
than two). A supplier without a received order gets the pooled one. Differences to `learned` come with 95 % intervals from
a bootstrap over suppliers. Lateness: the chance to be later than promised, against the supplier's own share and the
pooled one, by Brier score, and the expected days late by mean absolute and squared error.

Choices of the method (how long the past is remembered at least, and that lateness is never forgotten) were made on the half
years before 2012; those from 2012 on are told by themselves too.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import norm

from record import about, write
from skucast.decide.supply import Deliveries, learned_lead_times
from skucast.prepare.product_limit import product_limit

SEED, CELLS, FLOOR = 7, 1000, 1e-3
ORIGINS = [dt.date(year, month, 1) for year in range(2009, 2016) for month in (1, 7)][:-1]
UNTOUCHED = dt.date(2012, 1, 1)
Pmf = npt.NDArray[np.float64]


def records(folder: Path) -> pl.DataFrame:
    """The shipments that have an order day, in the columns of the table of deliveries."""
    text = (folder / "lead_times" / "scms_deliveries.tsv").read_bytes().decode("utf-8").replace("\r", "\n")
    raw = pl.read_csv(text.encode(), separator="\t", infer_schema_length=0)

    def day(column: str) -> pl.Expr:
        cell = pl.col(column)
        return pl.coalesce(cell.str.to_date("%m/%d/%y", strict=False), cell.str.to_date("%d-%b-%y", strict=False))

    return raw.select(
        supplier="Vendor", sku="Item Description", mode="Shipment Mode",
        ordered_at=day("PO Sent to Vendor Date"), promised_at=day("Scheduled Delivery Date"),
        received_at=day("Delivered to Client Date"), quantity=pl.col("Line Item Quantity").cast(pl.Float64),
    ).filter(pl.col("ordered_at").is_not_null())  # fmt: skip


def on_grid(days: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Pmf:
    """Shares of days on the grid."""
    cells = np.minimum(np.asarray(days, dtype=np.int64), CELLS - 1)
    found = np.bincount(cells, weights, CELLS).astype(np.float64)
    return np.asarray(found / found.sum())


def as_long(pmf: Pmf) -> Pmf:
    """The same on the grid of all."""
    return on_grid(np.arange(pmf.size), pmf)


def simple(train: pl.DataFrame, as_of: dt.date) -> dict[str, Any]:
    """supplier -> distribution, for each of the simple ways."""
    received = pl.col("received_at").is_not_null() & (pl.col("received_at") <= as_of)
    lines = train.with_columns(open=~received).with_columns(
        days=(pl.when("open").then(pl.lit(as_of)).otherwise("received_at") - pl.col("ordered_at")).dt.total_days()
    )
    once = lines.unique(["supplier", "ordered_at", "open", "days"], maintain_order=True)
    done = once.filter(~pl.col("open"))
    pooled = on_grid(done["days"])
    own = {name: on_grid(part["days"]) for (name,), part in done.group_by("supplier")}
    edges = np.arange(CELLS) + 0.5

    def bell(days: pl.Series) -> Pmf:
        upto = norm.cdf(edges, days.mean(), max(float(days.std() or 0.0), 0.5))  # type: ignore[arg-type]
        upto[-1] = 1.0
        return np.diff(upto, prepend=0.0)

    bells = {name: bell(part["days"]) for (name,), part in done.group_by("supplier") if part.height > 1}
    limits = {}
    for (name,), part in once.group_by("supplier"):
        curve = product_limit(part["days"].to_numpy(), part["open"].to_numpy())
        mass = -np.diff(curve.survival, prepend=1.0)
        mass[-1] += curve.survival[-1]  # the largest counts as seen
        limits[name] = on_grid(curve.value, mass) if not part["open"].all() else pooled
    all_bell = bell(done["days"])
    return {
        "raw supplier": lambda s: own.get(s, pooled),
        "product limit": lambda s: limits.get(s, pooled),
        "pooled": lambda s: pooled,
        "normal": lambda s: bells.get(s, all_bell),
    }


def scores(pmf: Pmf, day: int, chance: float) -> tuple[float, float, float, float]:
    """Log scores of the day and of its week, CRPS and probability integral transform."""
    mixed = (1 - FLOOR) * pmf + FLOOR / CELLS
    upto = np.cumsum(pmf)
    crps = float(np.square(upto - (np.arange(CELLS) >= day)).sum())
    week = mixed[day // 7 * 7 : day // 7 * 7 + 7].sum()
    return float(np.log(mixed[day])), float(np.log(week)), crps, float(upto[day] - chance * pmf[day])


def half_year(
    lines: pl.DataFrame, origin: dt.date, end: dt.date, rng: np.random.Generator
) -> tuple[list[Any], list[Any], dict[str, Any]]:
    """Scores of each later delivery line by way, those of lateness, and how it was learned."""
    train = lines.filter(pl.col("ordered_at") < origin)
    test = lines.filter(pl.col("ordered_at").is_between(origin, end, closed="left"))
    test = test.unique(["supplier", "sku", "mode", "ordered_at", "received_at"], maintain_order=True).with_columns(
        share=1 / pl.len().over("supplier", "ordered_at", "received_at"),
        days=(pl.col("received_at") - pl.col("ordered_at")).dt.total_days(),
    )
    begin = time.process_time()
    learned = learned_lead_times(train, as_of=origin)
    seconds = time.process_time() - begin
    alone = learned_lead_times(train, as_of=origin, by=("supplier",))
    modes = learned_lead_times(train, as_of=origin, by=("supplier", "mode"))
    ways = simple(train, origin)
    rows, late = [], []
    due = train.filter(pl.col("promised_at") <= origin).with_columns(
        late=((pl.min_horizontal("received_at", pl.lit(origin)) - pl.col("promised_at")).dt.total_days()).clip(0)
    ).unique(["supplier", "ordered_at", "promised_at", "late"])  # fmt: skip
    shares = {s: ((p["late"] > 0).mean(), p["late"].mean()) for (s,), p in due.group_by("supplier")}
    pooled = ((due["late"] > 0).mean(), due["late"].mean())
    for row in test.iter_rows(named=True):
        s, day, chance = row["supplier"], row["days"], float(rng.uniform())
        made = {
            "learned": as_long(learned.of(s, row["sku"]).pmf),
            "learned by supplier": as_long(alone.of(s).pmf),
            "learned by supplier, mode": as_long(modes.of(s, row["mode"]).pmf),
            **{name: way(s) for name, way in ways.items()},
        }
        for name, pmf in made.items():
            rows.append((origin, name, s, row["share"], *scores(pmf, day, chance)))
        mine = learned.lateness(s)
        after = max((row["received_at"] - row["promised_at"]).days, 0)
        for name, told in (
            ("learned", (mine.late, mine.days) if mine else (0.0, 0.0)), ("raw supplier", shares.get(s, pooled)), ("pooled", pooled),
        ):  # fmt: skip
            late.append(
                (
                    origin,
                    name,
                    s,
                    row["share"],
                    (told[0] - (after > 0)) ** 2,
                    abs(told[1] - after),
                    (told[1] - after) ** 2,
                )
            )
    how = {
        "origin": str(origin), "records": train.height, "open": int((train["received_at"] > origin).sum()),
        "later_lines": test.height, "strengths": list(learned.strengths.levels), "width": learned.strengths.width,
        "half_life_days": learned.strengths.half_life if np.isfinite(learned.strengths.half_life) else None,
        "late_strength": learned.late.strengths.levels[0] if learned.late else None, "cpu_seconds": seconds,
    }  # fmt: skip
    return rows, late, how


def summary(table: pl.DataFrame) -> dict[str, dict[str, float]]:
    """Means by way."""
    weight = pl.col("share")

    def mean(value: pl.Expr) -> pl.Expr:
        return (value * weight).sum() / weight.sum()

    found = table.group_by("way").agg(
        log_score=mean(pl.col("log")), log_score_weeks=mean(pl.col("week")), crps_days=mean(pl.col("crps")),
        **{f"coverage_{p}": mean((pl.col("pit") - 0.5).abs() <= p / 200) for p in (50, 80, 95)},
    )  # fmt: skip
    return {row.pop("way"): row for row in found.sort("way").iter_rows(named=True)}


def differences(table: pl.DataFrame, column: str, rng: np.random.Generator) -> dict[str, list[float]]:
    """Way -> mean of ``learned`` less that way, with the ends of its 95 % interval."""
    sums = (
        table.with_columns(x=pl.col(column) * pl.col("share"))
        .group_by("way", "supplier")
        .agg(pl.col("x", "share").sum())
    )
    wide = sums.pivot("way", index="supplier", values="x").sort("supplier")
    weight = sums.filter(pl.col("way") == "learned").sort("supplier")["share"].to_numpy()
    picked = rng.integers(0, wide.height, (2000, wide.height))
    found = {}
    for way in wide.columns[1:]:
        if way != "learned":
            gap = (wide["learned"] - wide[way]).to_numpy()
            means = gap[picked].sum(axis=1) / weight[picked].sum(axis=1)
            low, high = np.quantile(means, [0.025, 0.975])
            found[way] = [float(gap.sum() / weight.sum()), float(low), float(high)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--until", type=dt.date.fromisoformat, default=dt.date.max, help="last day of looking back")
    chosen = parser.parse_args()
    cleaned = Deliveries.clean(records(chosen.folder))
    rng = np.random.default_rng(SEED)
    rows: list[Any] = []
    late: list[Any] = []
    told = []
    origins = [o for o in ORIGINS if o <= chosen.until]
    for origin in origins:
        end = ORIGINS[ORIGINS.index(origin) + 1] if origin != ORIGINS[-1] else dt.date(2015, 7, 1)
        more, latenesses, how = half_year(cleaned.frame, origin, end, rng)
        rows, late = rows + more, late + latenesses
        told.append(how)
        print(how)
    names = {"origin": pl.Date, "way": pl.String, "supplier": pl.String, "share": pl.Float64}
    table = pl.DataFrame(
        rows, {**names, "log": pl.Float64, "week": pl.Float64, "crps": pl.Float64, "pit": pl.Float64}, orient="row"
    )
    lateness = pl.DataFrame(late, {**names, "brier": pl.Float64, "mae": pl.Float64, "mse": pl.Float64}, orient="row")
    untouched = table.filter(pl.col("origin") >= UNTOUCHED)
    of_late = lateness.group_by("way").agg(
        (pl.col("brier", "mae", "mse") * pl.col("share")).sum() / pl.col("share").sum()
    ).sort("way")  # fmt: skip
    result = about(seed=SEED) | {
        "deliveries": float(table.filter(pl.col("way") == "learned")["share"].sum()),
        "repairs": cleaned.repairs.frame().select("rule", "action", "rows").to_dicts(),
        "ways": summary(table),
        "ways_from_2012_on": summary(untouched),
        "learned_less_log_score_from_2012_on": differences(untouched, "log", rng),
        "learned_less_crps_days_from_2012_on": differences(untouched, "crps", rng),
        "learned_less_log_score": differences(table, "log", rng),
        "learned_less_log_score_weeks": differences(table, "week", rng),
        "learned_less_crps_days": differences(table, "crps", rng),
        "by_origin": {str(o): summary(table.filter(pl.col("origin") == o)) for o in origins},
        "lateness": of_late.to_dicts(),
        "learned_less_brier": differences(lateness, "brier", rng),
        "learned_less_squared_days_late": differences(lateness, "mse", rng),
        "half_years": told,
    }  # fmt: skip
    for way, found in result["ways"].items():
        print(f"{way:28s}" + "  ".join(f"{k} {v:.3f}" for k, v in found.items()))
    for key in result:
        if key.startswith("learned_less") or key == "lateness":
            print(key, result[key])
    if chosen.until == dt.date.max:
        print(write("lead_times", result))


if __name__ == "__main__":
    main()
