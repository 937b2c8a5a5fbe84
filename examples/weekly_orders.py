"""An order each week: six orders for a hundred real items, played against the weeks that came.

Every week the shop appends what it sold, counts its shelf, and asks `sc.plan` what to order, with the orders of the
weeks before as open orders. An order is on the shelf two full weeks later; what is asked of an empty shelf is lost.

    python examples/weekly_orders.py
"""

from __future__ import annotations

from datetime import date, timedelta
from importlib.resources import files

import polars as pl

import skucast as sc

ITEMS, WEEKS, WAIT = 100, 6, 2
SHORTAGE, HOLDING = 1.0, 0.1  # money per unit that was not there, and per unit left at the end of a week


def weekly_sales() -> pl.DataFrame:
    """Units of items per week (UCI Online Retail II, bundled); a week without a sale counts as zero."""
    lines = pl.read_parquet(str(files("skucast.data") / "online_retail.parquet")).filter(
        pl.col("quantity").is_between(1, 50), pl.col("price") > 0, pl.col("sku").str.contains(r"^\d{5}")
    )
    week = pl.col("ordered_at").dt.date().dt.truncate("1w").dt.offset_by("6d").alias("ds")
    sold = lines.group_by(pl.col("sku").str.to_uppercase().alias("unique_id"), week).agg(y=pl.col("quantity").sum())
    sold = sold.filter(pl.col("ds").is_between(date(2010, 1, 1), date(2011, 10, 30)))
    often = sold.group_by("unique_id").agg(n=pl.len(), first=pl.col("ds").min())
    chosen = (
        often.filter(pl.col("n") > 40, pl.col("first") < date(2010, 6, 1))["unique_id"].sort().sample(ITEMS, seed=0)
    )
    weeks = pl.DataFrame({"ds": sold["ds"].unique().sort()})
    grid = chosen.to_frame().join(weeks, how="cross")
    return (
        grid.join(sold, on=["unique_id", "ds"], how="left")
        .with_columns(pl.col("y").fill_null(0).cast(pl.Float64))
        .sort("unique_id", "ds")
    )


def play(sales: pl.DataFrame) -> pl.DataFrame:
    """Six weeks of orders, and what they cost."""
    days = sales["ds"].unique().sort()
    begin = len(days) - WEEKS - WAIT
    seen = sales.filter(pl.col("ds") < days[begin])
    recent = (
        seen.filter(pl.col("ds") >= days[begin - 8]).group_by("unique_id", maintain_order=True).agg(pl.col("y").mean())
    )
    shelf = recent.select(sku="unique_id", on_hand=(4 * pl.col("y")).ceil())  # a shelf for four weeks to begin with
    coming = pl.DataFrame(schema={"sku": pl.String, "quantity": pl.Float64, "due": pl.Date})
    kept = []
    for k in range(WEEKS + WAIT):
        ordered = 0.0
        if k < WEEKS:
            plan = sc.plan(
                seen, 6, model="pretrained", availability="in_stock" if "in_stock" in seen.columns else None, stock=shelf,
                open_orders=coming, lead_time_days=7 * WAIT, review_days=7, shortage_cost=SHORTAGE, holding_cost=HOLDING / 7,
            )  # fmt: skip
            lines = plan.lines().select(sku="unique_id", quantity="order_qty")
            ordered = float(lines["quantity"].sum())
            coming = pl.concat([coming, lines.with_columns(due=pl.lit(days[begin + k] + timedelta(weeks=WAIT)))])
        arrived = coming.filter(pl.col("due") <= days[begin + k]).group_by("sku").agg(pl.col("quantity").sum())
        coming = coming.filter(pl.col("due") > days[begin + k])
        week = (
            shelf.join(arrived, on="sku", how="left")
            .join(sales.filter(pl.col("ds") == days[begin + k]).rename({"unique_id": "sku"}), on="sku")
            .with_columns(there=pl.col("on_hand") + pl.col("quantity").fill_null(0.0))
            .with_columns(sold=pl.min_horizontal("there", "y"))
        )
        lost, left = float((week["y"] - week["sold"]).sum()), float((week["there"] - week["sold"]).sum())
        kept.append({"week": days[begin + k], "ordered": ordered, "sold": float(week["sold"].sum()), "lost": lost, "left": left,
                     "cost": SHORTAGE * lost + HOLDING * left})  # fmt: skip
        shelf = week.select("sku", on_hand=pl.col("there") - pl.col("sold"))
        # the shop knows what it sold, and where it was sold out: those weeks are no measure of demand
        passed = week.select(unique_id="sku", ds="ds", y="sold", in_stock=pl.col("sold") < pl.col("there"))
        before = seen if "in_stock" in seen.columns else seen.with_columns(in_stock=pl.lit(True))
        seen = pl.concat([before, passed]).sort("unique_id", "ds")
    return pl.DataFrame(kept)


def main() -> None:
    sales = weekly_sales()
    weeks = play(sales)
    print(f"{ITEMS} items, {WEEKS} weekly orders, on the shelf {WAIT} weeks later:\n")
    for row in weeks.iter_rows(named=True):
        print(
            f"{row['week']}  ordered {row['ordered']:5,.0f}  sold {row['sold']:5,.0f}  lost {row['lost']:4,.0f}  left {row['left']:5,.0f}"
        )
    total = weeks.sum()
    print(f"\nServed: {100 * total['sold'][0] / (total['sold'][0] + total['lost'][0]):.0f} % of what was asked for.")
    print(f"Cost of what was lost and what was left: {total['cost'][0]:,.0f}.")


if __name__ == "__main__":
    main()
