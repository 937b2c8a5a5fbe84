"""Gradient-boosted trees: what they learn, what they may not see, and how demand spreads around them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file

from skucast.errors import ConfigError
from skucast.forecast import LEVELS
from skucast.models.boosting import FittedLightGbm, LightGbm
from skucast.models.boosting_matrix import Columns, Matrix
from skucast.models.boosting_sample import draw, past_origins
from skucast.models.boosting_spread import Spread
from skucast.panel import Panel
from skucast.place import Place

from .series import panel_of, shop

WEEK = np.array([1.0, 1, 1, 1, 2, 3, 0.5])
SMALL = LightGbm(objective="tweedie", trees=60, rows=20_000, threads=1)


def weekly(count: int = 20, steps: int = 280, seed: int = 0, end: str = "2024-03-31") -> Panel:
    """Counts with the same week for all items, of different levels; ``end`` is a Sunday."""
    rng = np.random.default_rng(seed)
    level = np.geomspace(4, 60, count)[:, None]
    pattern = np.tile(WEEK, steps // 7)
    return panel_of({f"i{k:02d}": row for k, row in enumerate(rng.poisson(level * pattern))}, end=end)


@cache
def on_weekly(objective: str = "tweedie") -> FittedLightGbm:
    fitted = replace(SMALL, objective=objective).fit(weekly(), horizon=14)  # type: ignore[arg-type]
    assert isinstance(fitted, FittedLightGbm)
    return fitted


@pytest.mark.parametrize("objective", ["tweedie", "poisson", "regression", "quantile"])
def test_every_objective_learns_the_days_of_the_week(objective: str) -> None:
    forecast = on_weekly(objective).predict(14)
    shape = forecast.mean / forecast.mean.mean(axis=1, keepdims=True)
    expected = np.tile(WEEK / WEEK.mean(), 2)
    assert np.abs(shape.mean(axis=0) / expected - 1).max() < 0.2
    middle = forecast.quantile(0.5)
    assert np.abs(middle / forecast.mean - 1)[-5:].mean() < 0.1


@pytest.mark.parametrize("objective", ["tweedie", "quantile"])
def test_intervals_hold_as_much_as_they_say(objective: str) -> None:
    forecast = on_weekly(objective).predict(14)
    rng = np.random.default_rng(9)
    came = rng.poisson(np.geomspace(4, 60, 20)[:, None, None] * np.tile(WEEK, 2)[:, None], (20, 14, 200))
    low, high = forecast.quantile(0.1), forecast.quantile(0.9)
    inside = (came >= low[..., None]) & (came <= high[..., None])
    assert 0.7 < inside.mean() < 0.92


def test_a_planned_promotion_is_forecast_from_the_plan() -> None:
    rng = np.random.default_rng(1)
    panel = weekly()
    promotion = rng.random(panel.values.size) < 0.15
    raised = panel.with_values(panel.values * np.where(promotion, 3, 1)).with_known(
        {"promotion": promotion.astype(np.float32)}
    )
    fitted = replace(SMALL, trees=80).fit(raised, horizon=7)
    none, plan = np.zeros((len(panel), 7), np.float32), np.zeros((len(panel), 7), np.float32)
    plan[:, 3] = 1
    without, with_plan = (fitted.predict(7, {"promotion": p}).mean for p in (none, plan))
    lift = (with_plan / without).mean(axis=0)
    assert 2.2 < lift[3] < 3.8
    np.testing.assert_allclose(np.delete(lift, 3), 1, atol=0.05)
    assert isinstance(fitted, FittedLightGbm)
    assert {"known_promotion", "known_promotion_change"} & set(list(fitted.importance())[:4])


def test_moving_holidays_of_the_place_are_known_in_advance() -> None:
    panel = weekly(count=40, steps=880, end="2025-04-13")  # the Sunday before Easter; two Easters are in it
    days = panel.freq.stamp(panel.ordinals).astype("datetime64[D]")
    easter = np.array(["2023-04-07", "2023-04-10", "2024-03-29", "2024-04-01"], "datetime64[D]")
    festive = panel.with_values(panel.values * np.where(np.isin(days, easter), 6, 1))
    spec = replace(SMALL, rows=60_000)
    knowing, ignorant = (spec.fit(replace(festive, place=Place(c)), horizon=14).predict(14).mean for c in ("GB", ""))
    usual = (np.geomspace(4, 60, 40)[:, None] * np.tile(WEEK, 2)).sum(axis=0)
    lift, blind = knowing.sum(axis=0) / usual, ignorant.sum(axis=0) / usual
    assert lift[[4, 7]].min() > 1.8  # Good Friday 18 April and Easter Monday 21 April
    assert lift[[4, 7]].mean() > 3.5
    assert blind[[4, 7]].max() < 0.7 * lift[[4, 7]].min()
    assert np.delete(lift, [4, 7]).max() < 1.6  # the days around are not taken for the feast


def test_a_static_text_tells_groups_apart() -> None:
    rng = np.random.default_rng(2)
    days = np.arange(280)
    summer = 1 + 0.8 * np.sin(2 * np.pi * days / 56)
    rows = {f"i{k:02d}": rng.poisson(20 * (summer if k % 2 else 2 - summer)) for k in range(20)}
    made = panel_of(rows)
    grouped = replace(
        made, static=made.static.with_columns(pl.Series("kind", ["cool" if k % 2 == 0 else "warm" for k in range(20)]))
    )
    fitted = replace(SMALL, trees=20).fit(grouped, horizon=7)
    assert isinstance(fitted, FittedLightGbm)
    assert fitted.columns.texts == {"kind": ("cool", "warm")}
    # an item of a kind that nobody has seen is missing, not an error
    strange = replace(made, static=made.static.with_columns(pl.Series("kind", ["unseen"] * 20)))
    assert np.isfinite(fitted.update(strange).predict(7).mean).all()


def rows_at(matrix: Matrix, origin: int, horizon: int) -> np.ndarray:
    count = len(matrix.panel)
    series, steps = np.repeat(np.arange(count), horizon), np.tile(np.arange(1, horizon + 1), count)
    out = np.empty((series.size, len(matrix.columns.names)), np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        matrix.rows(origin, series, steps, horizon, matrix.level(origin), out)
    return out


@pytest.mark.parametrize("freq", ["D", "W-SUN", "MS", "h"])
def test_features_do_not_look_beyond_their_origin_nor_known_ones_beyond_their_step(freq: str) -> None:
    rng = np.random.default_rng(3)
    base = shop(6, 90, freq)
    size = base.values.size
    panel = replace(
        base.with_known({"promotion": rng.random(size).astype(np.float32)}),
        past={"visits": rng.random(size).astype(np.float32)},
    )
    columns, horizon = Columns.of(panel), 5
    matrix = Matrix(panel, columns)
    origin = matrix.n_steps - 12
    column = panel.ordinals - matrix.first_step
    later, after_steps = column > origin, column > origin + horizon
    spoiled = replace(
        panel.with_values(np.where(later, 1e6, panel.values)),
        past={"visits": np.where(later, np.float32(1e6), panel.past["visits"])},
        known={"promotion": np.where(after_steps, np.float32(1e6), panel.known["promotion"])},
    )
    before = rows_at(matrix, origin, horizon)
    np.testing.assert_array_equal(rows_at(Matrix(spoiled, columns), origin, horizon), before)
    at_origin = panel.with_values(np.where(column == origin, 77, panel.values))
    assert not np.array_equal(rows_at(Matrix(at_origin, columns), origin, horizon), before, equal_nan=True)


def test_rows_are_drawn_from_targets_up_to_the_given_step_only() -> None:
    panel = weekly(4, 140)
    columns = Columns.of(panel)
    matrix, until = Matrix(panel, columns), 100
    spoiled = Matrix(
        panel.with_values(np.where(panel.ordinals - matrix.first_step > until, 1e6, panel.values)), columns
    )
    origins = past_origins(20, until - 1, 30)
    clean, dirty = (draw(m, origins, 14, until, 3000, np.random.default_rng(0)) for m in (matrix, spoiled))
    assert len(clean) > 500
    np.testing.assert_array_equal(clean.x, dirty.x)
    np.testing.assert_array_equal(clean.y, dirty.y)
    assert dirty.y.max() < 1e5


def test_a_forecast_depends_on_the_past_only() -> None:
    panel = weekly(6, 140)
    cut = panel.end - 20
    spoiled = panel.with_values(np.where(panel.ordinals > cut, 1e6, panel.values))
    first, second = (replace(SMALL, trees=10).fit(p.until(cut), horizon=7).predict(7) for p in (panel, spoiled))
    np.testing.assert_array_equal(first.quantiles, second.quantiles)


def test_out_of_stock_steps_are_no_demand() -> None:
    panel = weekly(10, 210)
    sold_out = np.random.default_rng(4).random(panel.values.size) < 0.3
    hidden = panel.with_values(np.where(sold_out, 0, panel.values), available=~sold_out)
    forecast = SMALL.fit(hidden, horizon=7).predict(7)
    expected = np.geomspace(4, 60, 10)[:, None] * WEEK
    assert 0.85 < forecast.mean.sum() / expected.sum() < 1.15


def test_origins_are_dense_near_the_end_and_evenly_apart_far_back_through_all_of_the_history() -> None:
    origins = past_origins(50, 700, 40)
    gaps = -np.diff(origins)
    assert origins[0] == 700
    assert 50 <= min(origins) < 130
    assert len(origins) <= 40
    assert gaps[0] == 1
    assert (np.diff(gaps) >= -1).all()  # whole steps: a gap may be one less than the one before
    assert past_origins(50, 60, 40) == list(range(60, 49, -1))
    assert past_origins(10, 5, 40) == []


def test_rows_and_trees_stay_within_their_limits() -> None:
    fitted = replace(SMALL, rows=3000, trees=15).fit(weekly(), horizon=14)
    assert isinstance(fitted, FittedLightGbm)
    assert 1000 < fitted.training["rows"] <= 3000
    assert fitted.training["held_out_rows"] > 0
    assert all(1 <= n <= 15 for n in fitted.training["rounds"].values())
    assert fitted.boosters["mean"].num_trees() == fitted.training["rounds"]["mean"]


def test_growing_stops_early_where_there_is_nothing_to_learn() -> None:
    rng = np.random.default_rng(5)
    noise = panel_of({f"n{k}": rng.poisson(20, 200) for k in range(12)})
    fitted = replace(SMALL, trees=300, learning_rate=0.3).fit(noise, horizon=7)
    assert isinstance(fitted, FittedLightGbm)
    assert fitted.training["rounds"]["mean"] < 60


def test_the_number_of_threads_changes_nothing() -> None:
    forecasts = [replace(SMALL, trees=3, rows=1500, threads=n).fit(weekly(8), horizon=7).predict(7) for n in (1, 2)]
    np.testing.assert_array_equal(forecasts[0].quantiles, forecasts[1].quantiles)


def test_another_seed_gives_another_sample() -> None:
    one, two = (replace(SMALL, trees=10, rows=1000).fit(weekly(8), horizon=7, seed=s).predict(7) for s in (0, 1))
    assert not np.array_equal(one.mean, two.mean)
    np.testing.assert_allclose(one.mean.sum(), two.mean.sum(), rtol=0.1)


def test_the_unit_of_sales_does_not_matter() -> None:
    panel = weekly(8)
    pieces = SMALL.fit(panel, horizon=7).predict(7)
    dozens = SMALL.fit(panel.with_values(panel.values * 1024), horizon=7).predict(7)
    np.testing.assert_allclose(dozens.mean / 1024, pieces.mean, rtol=0.02)
    np.testing.assert_allclose(dozens.quantile(0.5) / 1024, pieces.quantile(0.5), rtol=0.05)


def test_training_says_nothing_but_tells_its_hook(capfd: pytest.CaptureFixture[str]) -> None:
    told: list[tuple[str, float]] = []
    replace(SMALL, trees=5).fit(weekly(4), horizon=7, progress=lambda what, done: told.append((what, done)))
    printed = capfd.readouterr()
    assert printed.out == printed.err == ""
    fractions = [done for _, done in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)


def test_a_saved_model_holds_its_trees_as_text(tmp_path: Path) -> None:
    on_weekly("quantile").save(tmp_path)
    arrays = load_file(tmp_path / "model.safetensors")
    names = {name for name in arrays if name.startswith("trees_")}
    assert names == {"trees_mean", *(f"trees_{q:g}" for q in (0.1, 0.3, 0.5, 0.7, 0.9, 0.975))}
    for name in names:
        assert arrays[name].dtype == np.uint8
        assert arrays[name].tobytes().startswith(b"tree\n")


def test_names_of_covariates_may_be_anything() -> None:
    panel = weekly(4)
    odd = panel.with_known({'价格 "A", [x]': np.arange(panel.values.size, dtype=np.float32) % 3})
    fitted = replace(SMALL, trees=5).fit(odd, horizon=7)
    assert isinstance(fitted, FittedLightGbm)
    assert 'known_价格 "A", [x]' in fitted.columns.names
    assert np.isfinite(fitted.predict(7, {'价格 "A", [x]': np.ones((4, 7))}).mean).all()


def test_one_absurd_value_does_not_move_the_others() -> None:
    panel = weekly(12)
    values = panel.values.copy()
    values[panel.indptr[1] - 1] = 1e9
    usual, spoiled = (SMALL.fit(p, horizon=7).predict(7).mean[1:] for p in (panel, panel.with_values(values)))
    assert 0.6 < spoiled.sum() / usual.sum() < 1.6


def test_the_spread_is_that_of_the_ratios_seen_by_size_and_restlessness() -> None:
    rng = np.random.default_rng(6)
    mean, restless = np.exp(rng.uniform(0, 5, 40_000)), rng.uniform(0, 1, 40_000)
    sigma = np.where(restless > 0.5, 0.6, 0.1)
    came = mean * np.exp(rng.normal(0, sigma))
    spread = Spread.learn(mean, restless, came)
    for r, s in ((0.9, 0.6), (0.1, 0.1)):
        found = spread.quantiles(np.array([10.0, 60.0]), np.array([r, r]), (0.1, 0.5, 0.9))
        expected = np.exp(s * np.array([-1.2816, 0, 1.2816]))
        np.testing.assert_allclose(found / np.array([[10.0], [60.0]]), np.tile(expected, (2, 1)), rtol=0.1)


def test_without_held_out_rows_the_spread_is_an_assumed_one() -> None:
    nothing = np.empty(0)
    spread = Spread.learn(nothing, nothing, nothing)
    found = spread.quantiles(np.array([5.0]), np.array([1.0]), LEVELS)
    assert np.isfinite(found).all()
    assert (np.diff(found) >= 0).all()
    assert found[0, 0] < 5 < found[0, -1]
    again = Spread.from_arrays(spread.to_arrays())
    np.testing.assert_array_equal(again.quantiles(np.array([5.0]), np.array([1.0]), LEVELS), found)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"objective": "mape"}, "objective must be tweedie, poisson, regression, quantile, not 'mape'"),
        ({"trees": 0}, "trees must be a whole number from 1, not 0"),
        ({"leaves": 1}, "leaves must be a whole number from 2"),
        ({"rows": 1.5}, "rows must be a whole number"),
        ({"threads": -1}, "threads must be a whole number from 0"),
        ({"learning_rate": 0.0}, r"learning_rate must lie in \(0, 1\]"),
    ],
)
def test_options_that_make_no_sense_are_errors(options: dict[str, object], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        LightGbm.from_dict(options)
    with pytest.raises(ConfigError, match="country"):
        SMALL.fit(replace(weekly(2, 70), place=Place("XX")))
