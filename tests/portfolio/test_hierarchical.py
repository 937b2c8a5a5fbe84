"""Forecasts of levels and of periods that add up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from skucast.errors import ConfigError, ModelError
from skucast.frequency import Frequency
from skucast.models.spec import load_fitted
from skucast.panel import Panel
from skucast.portfolio.hierarchical import Hierarchical
from skucast.portfolio.joint import joint_draws
from skucast.portfolio.reconcile import METHODS
from skucast.portfolio.temporal import Temporal, by_period

GROUPS = {"model": "ensemble", "members": ["ets", "seasonal-naive"], "weights": "equal"}


def shop(days: int = 140, seed: int = 0) -> Panel:
    """Twelve slow items that share a weekly season and a rise which none of them shows by itself."""
    rng = np.random.default_rng(seed)
    grid = Frequency.parse("D")
    stamps = np.arange("2024-01-01", np.datetime64("2024-01-01") + days, dtype="datetime64[D]").astype("datetime64[us]")
    season = np.array([1.6, 1.2, 0.8, 0.8, 1.0, 1.0, 0.6])[np.arange(days) % 7]
    rise = np.linspace(0.5, 1.5, days)
    values = rng.poisson(rng.uniform(0.5, 2, 12)[:, None] * season * rise)
    static = pl.DataFrame(
        {"sku": [f"s{i:02d}" for i in range(12)], "category": list("aabbccaabbcc"), "shop": list("nsnsnsnsnsns")}
    )
    promotion = (rng.random(values.shape) < 0.1).astype(np.float32)
    return Panel(
        freq=grid, end=int(grid.ordinal(stamps[-1:])[0]), values=values.astype(np.float32).ravel(),
        indptr=np.arange(13) * days, static=static, known={"promotion": promotion.ravel()},
    )  # fmt: skip


AHEAD = {"promotion": np.zeros((12, 14), np.float32)}


def test_levels_are_forecast_and_add_up_in_every_path() -> None:
    fitted = Hierarchical(items="ets", groups=GROUPS, levels=("total", "category", "category/shop")).fit(
        shop(), horizon=14
    )
    found = fitted.coherent(14, AHEAD, n=40)
    assert found.paths.shape == (1 + 3 + 6 + 12, 40, 14)
    bottom = found.paths[10:]
    np.testing.assert_allclose(found.paths[0], bottom.sum(axis=0), rtol=1e-4)
    np.testing.assert_allclose(found.paths[:10], found.hierarchy.up(bottom), rtol=1e-4)
    assert (found.paths >= 0).all()
    plain = fitted.predict(14, AHEAD)
    np.testing.assert_allclose(found.level("series").mean, plain.mean, rtol=1e-3, atol=1e-4)
    assert found.level("category").ids.to_list() == ["category: a", "category: b", "category: c"]
    with pytest.raises(ConfigError, match="no level 'colour'; there are: total, category, category/shop, series"):
        found.level("colour")


def test_the_groups_correct_their_items() -> None:
    """The total rises; what the items' model misses (it repeats the last week), the groups' model puts right."""
    panel, truth = shop().until(shop().end - 14), shop().dense()[:, -14:]
    items = Hierarchical(items="seasonal-naive", levels=("total",), groups="seasonal-naive").fit(panel, horizon=14)
    better = Hierarchical(items="seasonal-naive", levels=("total",), groups="ets").fit(panel, horizon=14)
    errors = [
        np.abs(f.predict(14, AHEAD).mean.sum(axis=0) - truth.sum(axis=0)).mean() for f in (items, better)
    ]  # fmt: skip
    assert errors[1] < errors[0]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_can_be_asked_for(method: str) -> None:
    spec = Hierarchical(items="ets", groups=GROUPS, levels=("total", "category"), method=method, kept="category")  # type: ignore[arg-type]
    forecast = spec.fit(shop(), horizon=7).predict(7, {"promotion": AHEAD["promotion"][:, :7]})
    assert np.isfinite(forecast.mean).all()
    assert (np.diff(forecast.quantiles, axis=2) >= 0).all()


def test_by_default_text_columns_and_the_total_are_levels() -> None:
    assert Hierarchical().hierarchy(shop()).levels == ((), ("category",), ("shop",))
    gaps = shop()
    holes = gaps.static.with_columns(pl.when(pl.col("sku") == "s03").then(None).otherwise("category").alias("category"))
    with pytest.warns(UserWarning, match="column 'category' is empty for 1 series"):
        hierarchy = Hierarchical().hierarchy(Panel(gaps.freq, gaps.end, gaps.values, gaps.indptr, holes))
    assert hierarchy.levels == ((), ("shop",))


def test_saved_and_read_it_says_the_same(tmp_path: Path) -> None:
    fitted = Hierarchical(items="ets", groups=GROUPS).fit(shop(), horizon=7)
    fitted.save(tmp_path)
    ahead = {"promotion": AHEAD["promotion"][:, :7]}
    np.testing.assert_array_equal(load_fitted(tmp_path).predict(7, ahead).mean, fitted.predict(7, ahead).mean)


def test_days_agree_with_weeks_and_months() -> None:
    panel = shop()
    fitted = Temporal(base="ets", coarse="ets", periods=("W-SUN",)).fit(panel, horizon=14)
    assert set(fitted.coarse) == {"W-SUN"}
    made, alone = fitted.predict(14, AHEAD), fitted.base.predict(14, AHEAD)
    weeks = by_period(made, "W-SUN")
    np.testing.assert_allclose(weeks.mean, made.mean.reshape(12, 2, 7).sum(axis=2), rtol=1e-5)
    assert (np.diff(weeks.quantiles, axis=2) >= 0).all()
    # between what days and weeks said by themselves
    said = fitted.coarse["W-SUN"].predict(2).mean
    base = alone.mean.reshape(12, 2, 7).sum(axis=2)
    low, high = np.minimum(said, base), np.maximum(said, base)
    assert (weeks.mean >= low - 1e-3).all()
    assert (weeks.mean <= high + 1e-3).all()
    # structural weights: a week and its seven days share the gap in halves
    np.testing.assert_allclose(weeks.mean, (said + base) / 2, rtol=2e-2, atol=0.05)


def test_weeks_and_months_cross_and_still_agree() -> None:
    panel = shop(200)  # ends on 2024-07-18
    fitted = Temporal(base="ets", coarse="ets").fit(panel, horizon=60)
    assert set(fitted.coarse) == {"W-SUN", "MS"}
    made = fitted.predict(60, {"promotion": np.zeros((12, 60), np.float32)})
    months = by_period(made, "MS")
    assert [str(s)[:10] for s in months.stamps] == ["2024-08-01"]
    inside = (made.stamps >= np.datetime64("2024-08-01")) & (made.stamps < np.datetime64("2024-09-01"))
    np.testing.assert_allclose(months.mean[:, 0], made.mean[:, inside].sum(axis=1), rtol=1e-5)
    with pytest.raises(ModelError, match="hold no whole period 'YS'"):
        by_period(made, "YS")
    with pytest.raises(ConfigError, match="not longer"):
        by_period(made, "D")


def test_a_period_must_be_longer_than_the_steps() -> None:
    with pytest.raises(ConfigError, match="'D' is not longer"):
        Temporal(periods=("D",)).fit(shop(30))


def test_draws_meet_the_marginals_and_move_together_as_the_past_did() -> None:
    rng = np.random.default_rng(0)
    common = rng.normal(size=700)
    history = np.stack([10 + common, 10 + common + 0.3 * rng.normal(size=700), 10 + rng.normal(size=700)]).astype(
        np.float32
    )
    forecast = (
        Hierarchical(items="ets", groups="ets")
        .fit(shop(), horizon=7)
        .items.predict(7, {"promotion": np.zeros((12, 7))})
    )
    forecast = forecast.take([0, 1, 2])
    draws = np.stack(list(joint_draws(history, 7, forecast, 400)))  # (H, S, n)
    assert np.corrcoef(draws[3, 0], draws[3, 1])[0, 1] > 0.6
    assert abs(np.corrcoef(draws[3, 0], draws[3, 2])[0, 1]) < 0.25
    np.testing.assert_allclose(np.median(draws[3], axis=1), forecast.quantile(0.5)[:, 3], rtol=0.1, atol=0.1)
    again = np.stack(list(joint_draws(history, 7, forecast, 400)))
    np.testing.assert_array_equal(draws, again)
