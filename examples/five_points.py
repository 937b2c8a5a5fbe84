"""The article's worked example done right: an LSTM on 100, 120, 150, 130, 160, and on a panel where it can learn.

The article trains an LSTM on five observations. Five observations hold one rise, one fall and no season; a
network has thousands of weights. skucast says so, and forecasts with what five numbers can carry: a naive
forecast with a wide interval. Given a thousand items and two years of weeks, the same call trains.

    python examples/five_points.py
"""

from __future__ import annotations

import warnings
from datetime import date
from importlib.resources import files

import polars as pl

import skucast as sc
from skucast.models.neural.lstm import Lstm

HORIZON = 8
ITEMS = 1000


def five_points() -> pl.DataFrame:
    months = [date(2024, month, 1) for month in range(1, 6)]
    return pl.DataFrame({"unique_id": "article", "ds": months, "y": [100.0, 120.0, 150.0, 130.0, 160.0]})


def weekly_sales() -> pl.DataFrame:
    """Units sold per item and week (UCI Online Retail II, bundled); a week without a sale counts as zero."""
    lines = pl.read_parquet(str(files("skucast.data") / "online_retail.parquet")).filter(
        pl.col("quantity") > 0, pl.col("price") > 0, pl.col("sku").str.contains(r"^\d{5}")
    )
    week = pl.col("ordered_at").dt.date().dt.truncate("1w").dt.offset_by("6d").alias("ds")
    sold = lines.group_by(pl.col("sku").str.to_uppercase().alias("unique_id"), week).agg(y=pl.col("quantity").sum())
    sold = sold.filter(pl.col("ds") < sold["ds"].max())  # the last week is not complete
    chosen = sold["unique_id"].unique().sort().sample(ITEMS, seed=0)
    weeks = sold.select(pl.date_range(pl.col("ds").min(), pl.col("ds").max(), "1w"))
    born = sold.group_by("unique_id").agg(born=pl.col("ds").min())
    grid = pl.DataFrame({"unique_id": chosen}).join(weeks, how="cross").join(born, on="unique_id")
    grid = grid.filter(pl.col("ds") >= pl.col("born"))
    filled = grid.join(sold, on=["unique_id", "ds"], how="left").with_columns(pl.col("y").fill_null(0))
    return filled.select("unique_id", "ds", "y")


def main() -> None:
    print("1. Five observations: 100, 120, 150, 130, 160")
    panel = sc.Panel.from_frame(five_points(), "MS")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        forecast = Lstm().fit(panel, horizon=3).predict(3)
    for warning in caught:
        print(f"   warning: {warning.message}")
    for series, what in forecast.fallback.items():
        print(f"   '{series}' is forecast by: {what}")
    for row in forecast.to_polars().iter_rows(named=True):
        print(f"   {row['ds']}  mean {row['mean']:5.0f}   80 % interval {row['0.1']:4.0f} to {row['0.9']:4.0f}")

    print(f"\n2. The same model on {ITEMS:,} items of a gift shop, by week")
    sales = weekly_sales()
    result = sc.backtest(sales, HORIZON, windows=1, models=["lstm"], freq="W-SUN")
    print(
        f"   learned from {sales.height:,} rows up to {str(result.cutoff_stamp(0))[:10]}; scored on the {HORIZON} weeks after"
    )
    for row in result.leaderboard().iter_rows(named=True):
        print(
            f"   {row['model']:<15} weighted quantile loss {row['wql']:.3f}   MASE {row['mase']:.3f}   "
            f"skill against seasonal naive {row['skill']:+.0%}   {row['seconds']:.0f} s"
        )


if __name__ == "__main__":
    main()
