"""Bagging: versions of histories, what is pooled, and forests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from skucast.errors import ConfigError
from skucast.forecast import LEVELS
from skucast.models.bagging import Bagging, FittedBagging, Versions, pool, stretches
from skucast.models.smoothing import Ets
from skucast.models.spec import load_fitted
from skucast.panel import Panel

from .series import degenerate, panel_of, shop

HORIZON = 7


def test_stretches_are_neighbours_in_the_history_and_gaps_stay() -> None:
    steps, block = 60, 10
    remainder = np.tile(np.arange(steps, dtype=float)[:, None], (1, 3))
    remainder[[5, 6, 40], 1] = np.nan
    remainder[:20, 2] = np.nan
    made = stretches(remainder, np.array([1, 2, 3], dtype=np.uint64), block)
    np.testing.assert_array_equal(np.isnan(made), np.isnan(remainder))
    for column in made.T:
        known = column[~np.isnan(column)]
        jumps = np.flatnonzero(np.diff(known) != 1)
        assert set(known) <= set(range(steps))
        assert np.isnan(column).any() or (np.diff(jumps) == block).all() or jumps.size < 2
    assert not np.array_equal(made[:, 0], remainder[:, 0])


def test_stretches_come_from_all_of_the_history() -> None:
    remainder = np.tile(np.arange(100.0)[:, None], (1, 400))
    made = stretches(remainder, np.arange(400, dtype=np.uint64), 8)
    counts = np.bincount(made.astype(int).ravel(), minlength=100)
    assert counts.min() > 0
    middle = counts[10:90]
    assert middle.max() / middle.min() < 1.6


def test_a_version_keeps_trend_season_and_what_is_missing() -> None:
    rng = np.random.default_rng(0)
    wave = 1 + 0.5 * np.sin(2 * np.pi * np.arange(140) / 7)
    values = {f"a{i}": np.where(rng.random(140) < 0.1, np.nan, rng.poisson(40 * wave)) for i in range(5)}
    panel = panel_of(values)
    versions = Versions.of(panel)
    drawn = [versions.draw(0, bag) for bag in range(1, 30)]
    for made in drawn:
        np.testing.assert_array_equal(np.isnan(made.values), np.isnan(panel.values))
        assert (made.values[~np.isnan(made.values)] >= 0).all()
    mean = np.mean([made.dense() for made in drawn], axis=0)
    np.testing.assert_allclose(np.nanmean(mean, axis=1), np.nanmean(panel.dense(), axis=1), rtol=0.05)
    by_day = np.array([np.nanmean(mean[:, day::7]) for day in range(7)])
    np.testing.assert_allclose(by_day, [40 * wave[day] for day in range(7)], rtol=0.12)
    assert not np.array_equal(drawn[0].values, drawn[1].values, equal_nan=True)


def test_versions_of_a_series_do_not_depend_on_the_others_and_follow_the_seed() -> None:
    def drawn(panel: Panel, seed: int = 0, bag: int = 1) -> Panel:
        return Versions.of(panel).draw(seed, bag)

    whole, part = drawn(shop()), drawn(shop().take([6, 1]))
    np.testing.assert_allclose(part.values, whole.take([6, 1]).values, rtol=1e-5)
    assert not np.array_equal(drawn(shop(), seed=1).values, whole.values, equal_nan=True)
    assert not np.array_equal(drawn(shop(), bag=2).values, whole.values, equal_nan=True)


def test_a_history_that_is_too_short_has_one_version() -> None:
    panel = panel_of({"a": [1.0, 5.0, 2.0], "b": [np.nan, 3.0]})
    np.testing.assert_array_equal(Versions.of(panel).draw(0, 1).values, panel.values)


def test_pooling_alike_members_changes_nothing() -> None:
    quantiles = 10 + norm.ppf(LEVELS) * np.array([1.0, 2.0])[:, None, None] + np.zeros((2, 3, 1))
    pooled = pool([quantiles] * 4, LEVELS)
    np.testing.assert_allclose(pooled[:, :, 1:-1], quantiles[:, :, 1:-1], atol=0.1)


def test_the_pool_is_the_mixture_of_its_members() -> None:
    members = [centre + norm.ppf(LEVELS)[None, None] for centre in (8.0, 12.0)]
    pooled = pool(members, (0.1, 0.5, 0.9))[0, 0]
    rng = np.random.default_rng(0)
    drawn = np.concatenate([rng.normal(8, 1, 400_000), rng.normal(12, 1, 400_000)])
    np.testing.assert_allclose(pooled, np.quantile(drawn, (0.1, 0.5, 0.9)), atol=0.12)


def test_one_bag_forecasts_like_its_base() -> None:
    base, bagged = (spec.fit(shop(), horizon=HORIZON).predict(HORIZON) for spec in (Ets(), Bagging(bags=1)))
    np.testing.assert_allclose(bagged.mean, base.mean, rtol=1e-6)
    middle = slice(1, -1)
    np.testing.assert_allclose(bagged.quantiles[..., middle], base.quantiles[..., middle], rtol=0.06, atol=0.06)


def test_bags_differ_and_their_mean_is_forecast() -> None:
    fitted = Bagging(bags=4).fit(shop(), horizon=HORIZON)
    assert isinstance(fitted, FittedBagging)
    means = np.stack([member.predict(HORIZON).mean for member in fitted.members])
    assert (means.std(axis=0) > 0).any()
    np.testing.assert_allclose(fitted.predict(HORIZON).mean, means.mean(axis=0), rtol=1e-5)


def test_other_models_can_be_the_base() -> None:
    forecast = Bagging(base="tsb", bags=3).fit(shop(), horizon=HORIZON).predict(HORIZON)
    assert (forecast.mean > 0).all()


@pytest.mark.parametrize("base", ["linear", "bagging", "auto"])
def test_a_base_that_does_not_learn_each_series_by_itself_is_an_error(base: str) -> None:
    with pytest.raises(ConfigError, match=f"cannot take '{base}' as its base: choose trees or .*ets"):
        Bagging(base=base).fit(shop())


def test_options_that_make_no_sense_are_errors() -> None:
    with pytest.raises(ConfigError, match="bags must be a whole number from 1, not 0"):
        Bagging(bags=0)
    with pytest.raises(ConfigError, match="There is no model 'trie'"):
        Bagging(base="trie").fit(shop())


@pytest.fixture(scope="module")
def forest() -> FittedBagging:
    panel = degenerate()
    promotion = (np.arange(panel.values.size) % 5 == 0).astype(np.float32)
    fitted = Bagging(base="trees", bags=2).fit(panel.with_known({"promotion": promotion}), horizon=HORIZON)
    assert isinstance(fitted, FittedBagging)
    return fitted


def plan(panel: Panel, value: float = 0.0) -> dict[str, np.ndarray]:
    return {"promotion": np.full((len(panel), HORIZON), value)}


def test_a_forest_gives_sound_forecasts_of_degenerate_series(forest: FittedBagging) -> None:
    forecast = forest.predict(HORIZON, plan(forest.panel))
    assert np.isfinite(forecast.quantiles).all()
    assert (np.diff(forecast.quantiles, axis=2) >= 0).all()
    assert (forecast.mean >= 0).all()
    assert forecast.fallback["unknown"] == "zero (no observations)"


def test_a_forest_can_be_saved_and_moved_on(forest: FittedBagging, tmp_path: Path) -> None:
    forest.save(tmp_path)
    loaded = load_fitted(tmp_path)
    future = plan(forest.panel)
    np.testing.assert_array_equal(loaded.predict(HORIZON, future).quantiles, forest.predict(HORIZON, future).quantiles)
    longer = forest.panel.append(np.full((len(forest.panel), 5), 50.0), {"promotion": np.zeros((len(forest.panel), 5))})
    more = loaded.update(longer).predict(HORIZON, future)
    row = forest.panel.ids.to_list().index("ordinary")
    assert more.mean[row].sum() > forest.predict(HORIZON, future).mean[row].sum()


def test_a_forest_knows_what_it_uses_and_learns_it() -> None:
    assert Bagging(base="trees").capabilities.known
    assert not Bagging().capabilities.known
    rng = np.random.default_rng(0)
    promotion = (rng.random((20, 120)) < 0.3).astype(float)
    demand = rng.poisson(np.where(promotion > 0, 60, 20))
    panel = panel_of({f"a{i}": demand[i] for i in range(20)}).with_known({"promotion": promotion.ravel()})
    fitted = Bagging(base="trees", bags=3).fit(panel, horizon=HORIZON)
    ratio = fitted.predict(HORIZON, plan(panel, 1.0)).mean / fitted.predict(HORIZON, plan(panel)).mean
    assert np.median(ratio) > 2
