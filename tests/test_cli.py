"""The command line: what people type, what they read, and that no mistake ends in a traceback."""

import json
import os
import subprocess
import sys

import polars as pl
import pytest

from .shops import write_shop


def skucast(*arguments, cwd=None, env=None):
    """Run the command as a user would; returns the finished process."""
    return subprocess.run(
        [sys.executable, "-m", "skucast", *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=600,
        env={**os.environ, **(env or {})}, check=False,
    )  # fmt: skip


def says(process, code, *words):
    """The process ended with a code, one sentence that holds the words, and no traceback."""
    assert process.returncode == code, process.stderr
    assert "Traceback" not in process.stderr
    assert process.stderr.startswith("Error: ")
    assert len(process.stderr.strip().splitlines()) == 1
    for word in words:
        assert word in process.stderr
    return process.stderr


@pytest.fixture(scope="module")
def long_table(tmp_path_factory):
    path = tmp_path_factory.mktemp("long") / "sales.csv"
    days = pl.date_range(pl.date(2025, 1, 1), pl.date(2025, 3, 31), eager=True)
    frames = [
        pl.DataFrame({"unique_id": name, "ds": days, "y": [(i % 7) * k + 1 for i in range(len(days))]})
        for k, name in enumerate("abc", start=1)
    ]
    pl.concat(frames).write_csv(path)
    return path


def test_help_lists_the_commands():
    text = skucast("--help").stdout
    for command in ("demo", "init", "run", "forecast", "backtest", "models", "report"):
        assert command in text


def test_init_then_run_then_report(tmp_path):
    config = write_shop(tmp_path, days=70, items=3)
    config.unlink()
    made = skucast("init", tmp_path)
    assert made.returncode == 0, made.stderr
    assert "skucast run" in made.stdout
    text = config.read_text().replace('model = "auto"', 'model = "seasonal-naive"')
    config.write_text(text)
    done = skucast("run", config)
    assert done.returncode == 0, done.stderr
    assert "report.html" in done.stdout
    assert [line.split()[0] for line in done.stderr.splitlines()] == [
        "read",
        "demand",
        "forecast",
        "plan",
        "stock",
        "report",
    ]
    shown = skucast("report", "--store", tmp_path / "runs", "--json")
    assert json.loads(shown.stdout)["report"].endswith("report.html")


def test_json_is_the_only_thing_on_standard_output(tmp_path):
    config = write_shop(tmp_path, days=60, items=2, model="seasonal-naive")
    done = skucast("run", config, "--json")
    result = json.loads(done.stdout)
    assert result["headline"]["series"] == 2
    assert done.stderr == ""


def test_forecast_writes_a_file(long_table, tmp_path):
    out = tmp_path / "forecast.parquet"
    done = skucast("forecast", long_table, "-h", 7, "-m", "seasonal-naive", "--out", out)
    assert done.returncode == 0, done.stderr
    frame = pl.read_parquet(out)
    assert frame.columns == ["unique_id", "ds", "mean", *(f"0.{q}" for q in range(1, 10))]
    assert frame.height == 21


def test_forecast_takes_the_usual_horizon_by_default(long_table):
    done = skucast("forecast", long_table, "-m", "seasonal-naive", "--json")
    assert len(json.loads(done.stdout)["rows"]) == 3 * 28


def test_backtest_shows_skill(long_table):
    done = skucast("backtest", long_table, "-h", 7, "-m", "ets", "--windows", 2, "--json")
    board = json.loads(done.stdout)["leaderboard"]
    assert {row["model"] for row in board} == {"ets", "seasonal-naive"}
    assert all("skill" in row for row in board)


def test_models_lists_the_registry():
    rows = json.loads(skucast("models", "--json").stdout)["models"]
    assert {"seasonal-naive", "ets", "croston", "tsb", "lightgbm", "lstm", "auto"} <= {row["name"] for row in rows}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("run", "nowhere.toml"), 2, ["no project file", "skucast init"]),
        (("init", "nowhere"), 2, ["nowhere", "exports"]),
        (("forecast", "nowhere.csv"), 1, ["nowhere.csv"]),
        (("report", "--store", "nowhere"), 2, ["no finished run", "skucast run"]),
    ],
)
def test_mistakes_are_one_sentence(arguments, code, words, tmp_path):
    says(skucast(*arguments, cwd=tmp_path), code, *words)


def test_an_unknown_option_value_is_one_sentence(long_table):
    says(skucast("forecast", long_table, "-m", "arima5000"), 2, "There is no model 'arima5000'")
    says(skucast("forecast", long_table, "--target", "units"), 1, "units")


def test_errors_are_json_for_machines(tmp_path):
    done = skucast("run", "nowhere.toml", "--json", cwd=tmp_path)
    assert "no project file" in json.loads(done.stdout)["error"]


@pytest.mark.slow
def test_demo_runs_the_main_job_on_bundled_orders(tmp_path):
    done = skucast("demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "skucast-demo" / "runs").iterdir()
    made = json.loads((run / "manifest.json").read_text())
    assert made["headline"]["series"] > 3000
    assert "1,044,847 orders" in (run / "log.txt").read_text()
    scores = pl.read_parquet(run / "scores.parquet").filter(pl.col("class") == "all")
    skill = dict(scores.select("model", "skill").iter_rows())
    assert skill["auto"] > 0
    repairs = pl.read_parquet(run / "repairs.parquet")
    assert repairs.filter(pl.col("rule") == "non-products")["rows"].item() > 0
    assert (run / "report.html").stat().st_size > 500_000


def test_plan_orders_from_sales_stock_and_what_is_on_its_way(long_table, tmp_path):
    pl.DataFrame({"sku": ["a", "b", "c"], "on_hand": [0.0, 5.0, 900.0]}).write_csv(tmp_path / "stock.csv")
    pl.DataFrame({"sku": ["b"], "quantity": [40.0], "due": ["2025-04-10"]}).write_csv(tmp_path / "coming.csv")
    call = (
        "plan", long_table, "--stock", tmp_path / "stock.csv", "--open-orders", tmp_path / "coming.csv", "--model",
        "seasonal-naive", "--set", "lead_time_days=14", "--set", "shortage_cost=1", "--set", "holding_cost=0.03",
    )  # fmt: skip
    done = skucast(*call, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    ordered = {line["unique_id"]: line["order_qty"] for line in said["lines"]}
    assert set(ordered) == {"a", "b"}
    assert ordered["a"] == 28  # a week of demand; what comes before the order arrives is lost
    written = skucast(*call, "--language", "zh", "--out", tmp_path / "plan.csv")
    assert "补货" in written.stdout
    assert pl.read_csv(tmp_path / "plan.csv").height == 3
    says(skucast(*call, "--set", "lead_time=14"), 2, "plan.lead_time", "there is no such key")
    says(skucast(*call, "--set", "14"), 2, "KEY=VALUE")
    says(skucast(*call, "--set", "budget=much"), 2, "plan.budget")
