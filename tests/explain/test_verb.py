"""`skucast.explain` and the command of that name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

import skucast
from skucast.errors import ConfigError, DataError
from skucast.explain.parts import PARTS


def sales() -> pl.DataFrame:
    days = pl.date_range(pl.date(2025, 6, 1), pl.date(2025, 12, 14), eager=True)
    rng = np.random.default_rng(1)
    frames = []
    for name, level in {"tea": 30.0, "cups": 12.0}.items():
        deal = (rng.random(len(days)) < 0.15).astype(float)
        units = rng.poisson(level * (1 + deal))
        frames.append(pl.DataFrame({"unique_id": name, "ds": days, "y": units, "deal": deal}))
    return pl.concat(frames)


def plan() -> pl.DataFrame:
    days = pl.date_range(pl.date(2025, 12, 15), pl.date(2025, 12, 28), eager=True)
    return pl.DataFrame({"ds": days, "deal": [1.0] * 4 + [0.0] * 10})


def test_parts_are_those_of_the_forecast_with_the_same_arguments():
    options = {"model": "ridge", "known": ["deal"], "future": plan(), "country": "GB"}
    found = skucast.explain(sales(), 14, **options)
    table = found.frame()
    forecast = skucast.forecast(sales(), 14, **options)
    assert table.columns == ["unique_id", "ds", "mean", *PARTS]
    assert table["ds"].to_list() == forecast["ds"].to_list()
    np.testing.assert_allclose(table["mean"], forecast["mean"], rtol=1e-6)
    np.testing.assert_allclose(table.select(PARTS).to_numpy().sum(axis=1), forecast["mean"], rtol=1e-5)
    promoted = table.with_columns(on=pl.col("ds") < pl.date(2025, 12, 19))
    assert (promoted.filter("on")["promotion"] > 5).all()
    assert (promoted.filter(~pl.col("on"))["promotion"] == 0).all()
    assert "(4 of 14 days)" in found.sentences()[0]


def test_pandas_comes_back_as_pandas_and_texts_as_they_are():
    frame = sales().with_columns(kind=pl.when(pl.col("deal") > 0).then(pl.lit("flyer")).otherwise(pl.lit("none")))
    coming = plan().with_columns(kind=pl.when(pl.col("deal") > 0).then(pl.lit("flyer")).otherwise(pl.lit("none")))
    found = skucast.explain(
        frame.drop("deal").to_pandas(), 14, model="lightgbm", known=["kind"], future=coming.drop("deal").to_pandas(),
        groups={"promotion": "kind"},
    )  # fmt: skip
    assert isinstance(found.frame(), pd.DataFrame)
    assert found.part("promotion")[:, :4].min() > 2
    assert not found.part("promotion")[:, 4:].any()


def test_mistakes_are_errors():
    with pytest.raises(DataError, match="future"):
        skucast.explain(sales(), 14, model="ridge", known=["deal"])
    with pytest.raises(ConfigError, match="There is no model 'nothing'"):
        skucast.explain(sales().drop("deal"), 14, model="nothing")
    with pytest.raises(ConfigError, match="horizon must be a whole number"):
        skucast.explain(sales().drop("deal"), 0, model="ridge")


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "skucast", "explain", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_command_prints_sentences_and_writes_parts(tmp_path: Path):
    sales().write_csv(tmp_path / "sales.csv")
    plan().write_csv(tmp_path / "plan.csv")
    options = ("-h", 14, "-m", "ridge", "--known", "deal", "--future", tmp_path / "plan.csv")
    done = run(tmp_path / "sales.csv", *options, "--out", tmp_path / "parts.parquet")
    assert done.returncode == 0, done.stderr
    assert "tea: Next 2 weeks: " in done.stdout
    assert "Wrote the parts of 2 series" in done.stdout
    assert pl.read_parquet(tmp_path / "parts.parquet").columns == ["unique_id", "ds", "mean", *PARTS]
    told = run(tmp_path / "sales.csv", *options, "--language", "zh", "--json")
    found = json.loads(told.stdout)
    assert [row["id"] for row in found["sentences"]] == ["cups", "tea"]
    assert all(row["sentence"].startswith("未来 2 周预计售出") for row in found["sentences"])
    assert set(found["totals"][0]) == {"unique_id", "mean", *PARTS}


def test_the_command_refuses_a_language_that_there_is_not(tmp_path: Path):
    sales().write_csv(tmp_path / "sales.csv")
    done = run(tmp_path / "sales.csv", "--language", "fr")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
