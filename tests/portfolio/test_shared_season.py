"""Shared season: the same model, the season of all taken out and put back."""

import numpy as np
import pytest

from skucast.models import registry
from skucast.portfolio.auto import Auto

from ..features.test_season_index import shape, shop, weekly

SPEC = {"model": "shared-season", "base": "negbin"}


def score(forecast, actual):
    q = np.array(forecast.levels)
    gap = actual[:, :, None] - forecast.quantiles
    return float(np.maximum(q * gap, (q - 1) * gap).sum() / actual.sum())


def test_a_season_that_only_the_whole_shows_makes_a_better_forecast():
    values = shop(156)
    panel = weekly(values[:, :140])  # the next sixteen weeks hold the peak of December
    with_season, without = (registry.make(m).fit(panel, horizon=16).predict(16) for m in (SPEC, "negbin"))
    assert score(with_season, values[:, 140:]) < 0.95 * score(without, values[:, 140:])
    peak = shape(156)[140:].argmax()
    assert with_season.mean.sum(axis=0).argmax() == pytest.approx(peak, abs=1)


def test_quantiles_of_whole_demand_are_whole():
    made = registry.make(SPEC).fit(weekly(shop(120, items=20)), horizon=4).predict(4)
    np.testing.assert_array_equal(made.quantiles, np.rint(made.quantiles))


def test_with_less_than_a_year_it_is_the_model_itself():
    panel = weekly(shop(45, items=20))
    season, alone = (registry.make(m).fit(panel, horizon=4).predict(4) for m in (SPEC, "negbin"))
    np.testing.assert_allclose(season.quantiles, alone.quantiles)


def test_auto_leaves_it_out_where_it_does_nothing():
    short, long = weekly(shop(45, items=5)), weekly(shop(80, items=5))
    assert "shared-season" not in Auto().candidates(short)
    assert "shared-season" in Auto().candidates(long)
    assert "shared-season" in Auto(members=("shared-season", "ets")).candidates(short)


def test_an_update_looks_at_the_season_anew():
    values = shop(150, items=60)
    early = registry.make(SPEC).fit(weekly(values[:, :110]), horizon=8)
    moved = early.update(weekly(values))
    fresh = registry.make(SPEC).fit(weekly(values), horizon=8)
    np.testing.assert_allclose(moved.predict(8).mean.sum(axis=0), fresh.predict(8).mean.sum(axis=0), rtol=0.1)
