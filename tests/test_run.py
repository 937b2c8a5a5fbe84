"""The main job end to end on a small shop: what it writes, that it repeats, that a kill does no harm."""

import os
import random
import signal
import subprocess
import sys
import time

import polars as pl
import pytest

import skucast as sc
from skucast.errors import ConfigError, DataError
from skucast.store.runs import list_runs

from .shops import write_shop

RUN = "import sys, skucast as sc; print(sc.run(sys.argv[1]).id)"


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    config = write_shop(tmp_path_factory.mktemp("shop"))
    return config, sc.run(config)


def test_a_run_folder_holds_everything_and_verifies(done):
    config, run = done
    assert run.folder.parent == config.parent / "runs"
    names = {p.name for p in run.folder.iterdir()}
    assert {
        "forecast.parquet",
        "scores.parquet",
        "purchase_plan.csv",
        "repairs.parquet",
        "stock_health.parquet",
        "stock_exits.csv",
        "stock_risk.parquet",
        "report.html",
        "manifest.json",
        "log.txt",
    } <= names
    assert run.verify() == []
    assert run.manifest["headline"]["series"] == 8
    assert [stage["name"] for stage in run.manifest["stages"]] == [
        "read",
        "demand",
        "forecast",
        "plan",
        "stock",
        "report",
    ]


def test_the_stock_of_every_item_is_looked_at(done):
    health, risk = done[1].frame("stock_health"), done[1].frame("stock_risk")
    assert health["unique_id"].to_list() == done[1].frame("forecast")["unique_id"].unique(maintain_order=True).to_list()
    assert health["last_sale"].null_count() == 0
    assert risk.height == health["on_hand"].is_not_null().sum() * 14


def test_the_forecast_has_the_contract_columns(done):
    frame = done[1].frame("forecast")
    assert frame.columns[:3] == ["unique_id", "ds", "mean"]
    assert frame.columns[3:] == [f"{q / 10:g}" for q in range(1, 10)]
    assert frame.height == 8 * 14
    assert frame.select(pl.all_horizontal(pl.col("0.1") <= pl.col("0.5"), pl.col("0.5") <= pl.col("0.9")).all()).item()
    assert frame["mean"].min() >= 0


def test_closed_sundays_are_missing_not_zero(done):
    repairs = done[1].frame("repairs")
    assert "closed-weekdays" in repairs["rule"].to_list()


def test_nothing_is_forecast_for_closed_days(done):
    frame = done[1].frame("forecast")
    sundays = frame.filter(pl.col("ds").dt.weekday() == 7)
    assert sundays.height == 8 * 2
    assert sundays.select(pl.sum_horizontal("mean", "0.1", "0.9").sum()).item() == 0
    assert "closed-ahead" in done[1].frame("repairs")["rule"].to_list()


def test_the_purchase_plan_has_a_reason_in_both_languages_for_every_line(done):
    plan = done[1].frame("purchase_plan")
    assert plan.height == 8
    assert plan["reason_en"].str.len_chars().min() > 10
    assert plan["reason_zh"].str.contains(r"\p{Han}").all()
    packs = plan.filter(pl.col("order_qty") > 0)["order_qty"]
    assert ((packs % 6) == 0).all()


def test_scores_hold_the_yardstick_and_the_model(done):
    models = set(done[1].frame("scores")["model"])
    assert {"auto", "seasonal-naive"} <= models


def test_twice_on_the_same_input_gives_the_same_forecast(done, tmp_path):
    config, run = done
    again = sc.run(config, store=tmp_path)
    assert again.id != run.id
    assert again.frame("forecast").equals(run.frame("forecast"))
    assert again.frame("purchase_plan").equals(run.frame("purchase_plan"))
    assert again.manifest["inputs"] == run.manifest["inputs"]


def test_the_model_of_the_project_file_is_used(tmp_path):
    run = sc.run(write_shop(tmp_path, days=60, items=2, model="seasonal-naive"))
    assert run.manifest["config"]["forecast"]["model"] == "seasonal-naive"
    assert set(run.frame("scores")["model"]) == {"seasonal-naive"}


def test_min_observations_rejects_short_series_and_says_so(tmp_path):
    config = write_shop(tmp_path, days=60, items=3, model="seasonal-naive")
    orders = pl.read_csv(tmp_path / "orders.csv")
    new = (
        orders.sort("ordered_at")
        .tail(12)
        .head(1)
        .with_columns(pl.lit("SKU-NEW").alias("sku"), pl.lit(2, pl.Int64).alias("quantity"))
    )
    pl.concat([orders, new]).write_csv(tmp_path / "orders.csv")
    config.write_text(config.read_text() + "\n[demand]\nmin_observations = 20\n")
    run = sc.run(config)
    rule = run.frame("repairs").filter(pl.col("rule") == "min-observations")
    assert rule["series"].item() == 1
    assert rule["action"].item() == "rejected"
    config.write_text(config.read_text().replace("min_observations = 20", "min_observations = 2000"))
    with pytest.raises(DataError, match="No series has the 2000 observations"):
        sc.run(config)


def test_a_forecast_of_revenue_is_ordered_in_units(tmp_path):
    config = write_shop(tmp_path, days=60, items=3, model="seasonal-naive")
    units = sc.run(config)
    config.write_text(config.read_text() + '\n[demand]\nmeasure = "revenue"\n')
    money = sc.run(config)
    price = sc.load(config).item_prices().sort("unique_id")["price"]
    totals = [
        r.frame("forecast").group_by("unique_id").agg(pl.col("mean").sum()).sort("unique_id")["mean"]
        for r in (units, money)
    ]
    assert totals[1].to_list() == pytest.approx((totals[0] * price).to_list(), rel=0.05)
    assert "expected_revenue" in money.manifest["headline"]
    plans = [pl.read_csv(r.folder / "purchase_plan.csv").sort("sku") for r in (units, money)]
    assert plans[1]["demand_protect_mean"].to_list() == pytest.approx(
        plans[0]["demand_protect_mean"].to_list(), rel=0.3
    )


def test_a_wrong_model_is_one_sentence_and_leaves_no_run(tmp_path):
    config = write_shop(tmp_path, days=40, items=2, model="lightgmb")
    with pytest.raises(ConfigError, match=r"There is no model 'lightgmb'.*Did you mean 'lightgbm'"):
        sc.run(config)
    assert list_runs(tmp_path / "runs") == []


def test_killed_at_any_moment_the_store_stays_readable_and_the_next_run_works(tmp_path):
    config = write_shop(tmp_path, days=60, items=3, model="seasonal-naive")
    store = tmp_path / "runs"
    rng = random.Random(7)
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", RUN, str(config)], check=True, capture_output=True)
    whole = time.perf_counter() - begin
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(rng.uniform(0.3, 1.0) * whole)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for run in list_runs(store):
            assert run.verify() == []
            assert run.frame("forecast").height
    before = len(list_runs(store))
    last = sc.run(config)
    assert len(list_runs(store)) == before + 1
    assert last.verify() == []
    assert [p.name for p in store.iterdir() if p.name.startswith(".")] == []
