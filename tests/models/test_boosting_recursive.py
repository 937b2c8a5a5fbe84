"""The recursive strategy: how blocks are rolled forward, and how far intervals reach after some blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from skucast.errors import ConfigError
from skucast.forecast import LEVELS
from skucast.frequency import Frequency
from skucast.models.boosting import FittedLightGbm, LightGbm
from skucast.models.boosting_matrix import Columns
from skucast.models.boosting_recursive import Widening, block_steps, rehearse, roll
from skucast.models.spec import Fitted, load_fitted
from skucast.panel import F32, Panel

from .series import degenerate, panel_of, shop
from .test_boosting import WEEK, weekly
from .test_contract import same, sound

SPEC = LightGbm(objective="tweedie", trees=40, rows=20_000, threads=1, strategy="recursive")
QUICK = replace(SPEC, trees=12, rows=4000)


def wandering(count: int, steps: int, seed: int, freq: str = "W-SUN") -> Panel:
    """Levels that wander as exp of a random walk back to their mean, with noise on top."""
    rng = np.random.default_rng(seed)
    log, rows = rng.normal(0, 0.4, count), []
    for _ in range(steps):
        log = 0.97 * log + rng.normal(0, 0.1, count)
        rows.append(50 * np.exp(log + rng.normal(0, 0.05, count)))
    return panel_of({f"w{k}": row for k, row in enumerate(np.stack(rows, axis=1))}, freq)


@cache
def on(which: str, objective: str = "tweedie") -> Fitted:
    made = shop() if which == "shop" else degenerate()
    return replace(QUICK, objective=objective).fit(made, horizon=16)  # type: ignore[arg-type]


@pytest.mark.parametrize(("freq", "steps"), [("D", 7), ("h", 24), ("W-WED", 1), ("MS", 1), ("QS", 1), ("2D", 1)])
def test_a_block_is_a_week_of_days_a_day_of_hours_or_one_step(freq: str, steps: int) -> None:
    assert block_steps(Frequency.parse(freq)) == steps


def repeat_last(panel: Panel, known: Mapping[str, F32], steps: int) -> tuple[np.ndarray, np.ndarray]:
    """A model that says the last value plus one, and plus the known covariate."""
    more = known["promotion"] if known else 0.0
    mean = np.repeat(panel.dense(panel.observed, 1) + 1.0, steps, axis=1) + more
    return mean, np.repeat(mean[:, :, None], len(LEVELS), axis=2)


def test_every_block_is_forecast_from_the_mean_of_the_block_before() -> None:
    panel = panel_of({"a": np.arange(40.0), "b": np.full(9, 5.0)})
    mean, quantiles = roll(panel, {}, 5, Columns.of(panel), 2, repeat_last)
    np.testing.assert_array_equal(mean, [[40, 40, 41, 41, 42], [6, 6, 7, 7, 8]])
    np.testing.assert_array_equal(quantiles[:, :, 3], mean)


def test_each_block_sees_its_own_part_of_the_plan_and_the_last_value_of_what_is_not_known_ahead() -> None:
    panel = panel_of({"a": np.ones(30), "b": np.ones(20)}).with_known({"promotion": np.zeros(50)})
    panel = replace(panel, past={"visits": np.arange(50, dtype=np.float32)})
    seen = []

    def say(part: Panel, known: Mapping[str, F32], steps: int) -> tuple[np.ndarray, np.ndarray]:
        seen.append((part.past["visits"][part.indptr[1:] - 1].tolist(), part.known["promotion"][part.indptr[1:] - 1]))
        return repeat_last(part, known, steps)

    plan = {"promotion": np.array([[0, 10, 0, 0], [0, 0, 0, 5]], dtype=np.float32)}
    mean, _ = roll(panel, plan, 4, Columns.of(panel), 1, say)
    np.testing.assert_array_equal(mean, [[2, 13, 14, 15], [2, 3, 4, 10]])
    assert [visits for visits, _ in seen] == [[29, 49]] * 4
    np.testing.assert_array_equal([known for _, known in seen], [[0, 0], [0, 0], [10, 0], [0, 0]])


def test_days_on_which_the_shop_never_opens_stay_missing_in_the_history_that_is_rolled_forward() -> None:
    values = np.full(70, 3.0)
    values[5::7] = np.nan  # Saturdays, a day before the last
    young = [np.nan, np.nan, 2.0, 4.0]
    panel = panel_of({"closed": values, "young": young})
    seen: list[Panel] = []

    def say(part: Panel, known: Mapping[str, F32], steps: int) -> tuple[np.ndarray, np.ndarray]:
        seen.append(part)
        mean = np.full((len(part), steps), 3.0)
        return mean, np.repeat(mean[:, :, None], len(LEVELS), axis=2)

    roll(panel, {}, 21, Columns.of(panel), 7, say)
    appended = seen[-1].dense(steps=14)
    np.testing.assert_array_equal(np.isnan(appended[0]), np.tile(np.arange(7) == 5, 2))
    assert not np.isnan(appended[1]).any()


def test_a_rehearsal_knows_nothing_after_its_origin_and_pairs_forecasts_with_what_came() -> None:
    panel = panel_of({"a": np.arange(1, 41.0), "b": np.arange(1, 7.0)})
    ends = []

    def say(part: Panel, known: Mapping[str, F32], steps: int) -> tuple[np.ndarray, np.ndarray]:
        ends.append((part.end, len(part)))
        return repeat_last(part, known, steps)

    origins = [panel.end - 10, panel.end - 3]
    lead, quantiles, came, size = rehearse(panel, origins, 5, 1000, np.random.default_rng(0), say)
    assert ends == [(origins[0], 1), (origins[1], 2)]  # 'b' was not born at the first
    np.testing.assert_array_equal(lead, [0, 1, 2, 3, 4, 0, 1, 2, 0, 1, 2])
    np.testing.assert_array_equal(came, [31, 32, 33, 34, 35, 38, 39, 40, 4, 5, 6])
    np.testing.assert_array_equal(quantiles[:, 0], [31] * 5 + [38] * 3 + [4] * 3)
    np.testing.assert_array_equal(size, quantiles[:, 0])


def test_widening_finds_how_much_wider_the_truth_was_and_never_narrows() -> None:
    rng = np.random.default_rng(0)
    rows = 6000
    lead = np.repeat(np.arange(4), rows)
    base = 100 + 5 * norm.ppf(LEVELS)
    truth = np.repeat([0.5, 1.0, 3.0, 2.0], rows)  # times as wide as was said
    came = 100 + 5 * truth * rng.standard_normal(4 * rows)
    found = Widening.learn(lead, np.tile(base, (4 * rows, 1)), came, np.full(4 * rows, 100.0))
    np.testing.assert_allclose(found.factors[:2], 1, atol=0.05)
    assert (np.diff(found.factors, axis=0) >= 0).all()
    np.testing.assert_allclose(found.factors[2:], np.sqrt(6), rtol=0.12)  # the last two are pooled
    again = Widening.from_arrays(found.to_arrays())
    wide = again.of(np.tile(base, (1, 10, 1)), np.full((1, 10), 100.0), 2)
    np.testing.assert_allclose(wide[0, 0], base, rtol=0.02)
    np.testing.assert_array_equal(wide[0, 3], wide[0, 2])
    assert wide[0, 4, 0] < wide[0, 3, 0] - 3
    np.testing.assert_array_equal(wide[0, 8], wide[0, 7])  # beyond the last block: as wide as the last
    np.testing.assert_array_equal(Widening.none().of(wide, wide[:, :, 7], 2), wide)


@pytest.mark.parametrize("objective", ["tweedie", "quantile"])
def test_intervals_hold_what_they_say_at_the_far_end_of_the_horizon(objective: str) -> None:
    horizon = 12
    panel = wandering(150, 140, 0)
    spec = replace(SPEC, objective=objective, rows=30_000)  # type: ignore[arg-type]
    fitted = spec.fit(panel.until(panel.end - horizon), horizon=horizon)
    assert isinstance(fitted, FittedLightGbm)
    forecast = fitted.predict(horizon)
    came = panel.dense(steps=horizon)
    inside = (came >= forecast.quantile(0.1)) & (came <= forecast.quantile(0.9))
    near, far = inside[:, :4].mean(), inside[:, -4:].mean()
    assert 0.7 < far < 0.88
    assert 0.68 < near < 0.97  # ratios seen are averaged with an assumed, wide spread
    bare = replace(fitted, widening=Widening.none()).predict(horizon)
    narrow = (came >= bare.quantile(0.1)) & (came <= bare.quantile(0.9))
    assert narrow[:, -4:].mean() < far - 0.07
    width = ((forecast.quantile(0.9) - forecast.quantile(0.1)) / forecast.quantile(0.5)).mean(axis=0)
    assert width[-1] > 1.1 * width[0]


def test_days_of_the_week_are_learned_through_all_blocks() -> None:
    forecast = SPEC.fit(weekly(), horizon=28).predict(28)
    shape = forecast.mean / forecast.mean.mean(axis=1, keepdims=True)
    assert np.abs(shape.mean(axis=0) / np.tile(WEEK / WEEK.mean(), 4) - 1).max() < 0.2


@pytest.mark.parametrize("objective", ["tweedie", "quantile"])
@pytest.mark.parametrize("which", ["shop", "degenerate"])
def test_a_series_forecast_does_not_depend_on_its_neighbours(objective: str, which: str) -> None:
    fitted = on(which, objective)
    forecast = fitted.predict(16)
    sound(forecast, fitted.panel, 16)
    rows = np.array([5, 2, 7])
    same(fitted.update(fitted.panel.take(rows)).predict(16), forecast.take(rows))


def test_degenerate_series_keep_their_size_through_all_blocks() -> None:
    total = on("degenerate").predict(16).mean.mean(axis=1)
    row = {key: i for i, key in enumerate(degenerate().ids.to_list())}
    assert 3e8 < total[row["huge"]] < 3e9
    assert 2e-4 < total[row["tiny"]] < 5e-3
    assert 3 < total[row["constant"]] < 15
    assert total[row["zeros"]] == total[row["unknown"]] == 0


def test_it_moves_on_and_is_saved_with_its_blocks_and_its_widening(tmp_path: Path) -> None:
    fitted = on("shop", "quantile")
    fitted.save(tmp_path)
    loaded = load_fitted(tmp_path)
    assert isinstance(fitted, FittedLightGbm)
    assert isinstance(loaded, FittedLightGbm)
    assert loaded.block == fitted.block == 7
    assert len(loaded.widening.factors) == 3  # blocks that a horizon of 16 days has
    same(loaded.predict(30), fitted.predict(30))
    longer = shop().append(np.full((8, 5), 200.0))
    moved, same_later = fitted.update(longer).predict(16), loaded.update(longer).predict(16)
    same(moved, same_later)
    assert moved.mean.sum() > fitted.predict(16).mean.sum()
    few = fitted.predict(16, levels=(0.05, 0.9))
    at = [LEVELS.index(q) for q in few.levels]
    np.testing.assert_allclose(few.quantiles, fitted.predict(16).quantiles[:, :, at], rtol=1e-5, atol=1e-6)


def test_a_promotion_far_ahead_is_forecast_from_the_plan_and_colours_nothing_before() -> None:
    rng = np.random.default_rng(1)
    panel = weekly()
    promotion = rng.random(panel.values.size) < 0.15
    raised = panel.with_values(panel.values * np.where(promotion, 3, 1)).with_known(
        {"promotion": promotion.astype(np.float32)}
    )
    fitted = replace(SPEC, trees=80).fit(raised, horizon=14)
    plan = np.zeros((len(panel), 14), np.float32)
    without = fitted.predict(14, {"promotion": plan.copy()}).mean
    plan[:, 10] = 1
    with_plan = fitted.predict(14, {"promotion": plan}).mean
    np.testing.assert_array_equal(with_plan[:, :10], without[:, :10])
    assert 2.2 < (with_plan / without)[:, 10].mean() < 3.8


def test_groups_and_past_covariates_may_be_there_and_the_strategy_is_checked() -> None:
    panel = shop(10)
    made = replace(
        panel,
        past={"visits": np.random.default_rng(0).random(panel.values.size).astype(np.float32)},
        static=panel.static.with_columns(kind=pl.Series(["a", "b"] * 5)),
    )
    sound(QUICK.fit(made, horizon=14).predict(14), made, 14)
    with pytest.raises(ConfigError, match="strategy must be direct, recursive, not 'both'"):
        LightGbm.from_dict({"strategy": "both"})
