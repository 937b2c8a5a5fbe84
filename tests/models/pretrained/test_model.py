"""The model `pretrained` on panels: roles of covariates, places, long horizons, new items, calibration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from skucast.errors import ConfigError
from skucast.models.naive import SeasonalNaive
from skucast.models.pretrained.answer import at_levels, expected
from skucast.models.pretrained.grid import Grid
from skucast.models.pretrained.model import Pretrained
from skucast.models.pretrained.reading import Reader, needed, oldest
from skucast.models.pretrained.recalibrate import BANDS, learn, stretched
from skucast.models.pretrained.roles import Roles
from skucast.models.pretrained.size import LEVELS
from skucast.panel import Panel
from skucast.place import Place

from ..series import panel_of, shop

STEPS, AHEAD = 240, 14


def promoted(lift: float, rows: int = 12, seed: int = 0) -> tuple[Panel, dict[str, np.ndarray], np.ndarray]:
    """Items that sell more on promotion; the plan for the steps ahead; what will be sold."""
    rng = np.random.default_rng(seed)
    flag = (rng.random((rows, STEPS + AHEAD)) < 0.12).astype(np.float32)
    mean = rng.uniform(5, 40, (rows, 1)) * np.exp(lift * flag)
    units = rng.poisson(mean).astype(np.float32)
    panel = panel_of({f"i{k}": row[:STEPS] for k, row in enumerate(units)})
    panel = panel.with_known({"promotion": flag[:, :STEPS].ravel()})
    return panel, {"promotion": flag[:, STEPS:]}, units[:, STEPS:]


def pinball(quantiles: np.ndarray, actual: np.ndarray, levels: tuple[float, ...]) -> float:
    error = actual[..., None] - quantiles
    return float(np.maximum(np.array(levels) * error, (np.array(levels) - 1) * error).mean())


def test_a_planned_promotion_raises_the_forecast_where_it_did_before() -> None:
    panel, plan, actual = promoted(1.0)
    forecast = Pretrained().fit(panel, horizon=AHEAD).predict(AHEAD, plan)
    on = plan["promotion"] == 1
    assert forecast.mean[on].mean() > 1.7 * forecast.mean[~on].mean()
    blind = Pretrained().fit(replace(panel, known={}), horizon=AHEAD).predict(AHEAD)
    assert pinball(forecast.quantiles, actual, forecast.levels) < 0.85 * pinball(blind.quantiles, actual, blind.levels)


def test_a_promotion_that_never_mattered_hardly_moves_the_forecast() -> None:
    panel, plan, actual = promoted(0.0)
    forecast = Pretrained().fit(panel, horizon=AHEAD).predict(AHEAD, plan)
    on = plan["promotion"] == 1
    assert 0.8 < forecast.mean[on].mean() / forecast.mean[~on].mean() < 1.25
    blind = Pretrained().fit(replace(panel, known={}), horizon=AHEAD).predict(AHEAD)
    assert pinball(forecast.quantiles, actual, forecast.levels) < 1.05 * pinball(blind.quantiles, actual, blind.levels)


def test_without_fitting_it_beats_the_seasonal_naive_forecast_on_counts_with_a_week() -> None:
    rng = np.random.default_rng(1)
    week = np.array([1.0, 0.8, 0.9, 1.0, 1.3, 1.8, 0.6])
    rows = {f"i{k}": rng.poisson(rng.uniform(0.5, 30) * np.tile(week, 40)) for k in range(24)}
    whole = panel_of(rows)
    panel = whole.until(whole.end - AHEAD)
    actual = whole.dense(steps=AHEAD)
    ours = Pretrained().fit(panel, horizon=AHEAD).predict(AHEAD)
    naive = SeasonalNaive().fit(panel, horizon=AHEAD).predict(AHEAD)
    assert pinball(ours.quantiles, actual, ours.levels) < 0.85 * pinball(naive.quantiles, actual, naive.levels)
    inside = (actual >= ours.quantile(0.1)) & (actual <= ours.quantile(0.9))
    assert 0.68 < inside.mean() < 0.95


def test_roles_follow_names_and_values() -> None:
    rng = np.random.default_rng(2)
    panel = shop(4)
    n = panel.values.size
    text = {"weather": ("rain", "sun")}
    panel = panel.with_known(
        {
            "unit_price": rng.uniform(1, 9, n),
            "Promo": rng.integers(0, 2, n),
            "discount_pct": rng.uniform(0, 60, n),
            "weather": rng.integers(0, 2, n),
            "flat": np.ones(n),
        }
    )
    panel = replace(panel, categories=text, past={"clicks": rng.random(n).astype(np.float32)})
    roles = Roles.of(panel)
    assert roles.price == "unit_price"
    assert roles.promotion == "Promo"
    assert set(roles.slots) == {"discount_pct", "clicks"}
    assert dict(roles.ignored) == {"weather": "text", "flat": "constant"}


def test_of_too_many_covariates_those_that_go_with_demand_are_kept() -> None:
    rng = np.random.default_rng(3)
    panel = shop(6, 200)
    noise = {f"noise{k}": rng.random(panel.values.size) for k in range(6)}
    twin = np.nan_to_num(panel.values, nan=1.0)
    roles = Roles.of(panel.with_known(noise | {"twin": twin}))
    assert len(roles.slots) == 3
    assert "twin" in roles.slots
    assert len(roles.ignored) == 4


def test_a_place_shows_its_occasions_to_the_network() -> None:
    rows = {f"i{k}": np.random.default_rng(k).poisson(9, 200) for k in range(3)}
    panel = panel_of(rows, end="2023-12-10")
    there = replace(panel, place=Place("GB"))
    grid_rows = np.arange(3)
    window = Reader(there, {}, Roles(), 28).window(grid_rows, 256)
    days = panel.freq.stamp(np.arange(panel.end - 255, panel.end + 29)).astype("datetime64[D]")
    christmas = int(np.flatnonzero(days == np.datetime64("2023-12-25"))[0])
    assert window.occasion[0, christmas, 0] == 1
    assert window.occasion[0, christmas - 2, 1] > 0.5
    assert window.ago[0, christmas] == 365
    assert not Reader(panel, {}, Roles(), 28).window(grid_rows, 256).occasion.any()
    forecast = Pretrained().fit(there, horizon=28).predict(28)
    assert np.isfinite(forecast.quantiles).all()


def test_weeks_and_months_contain_their_occasions() -> None:
    for freq, end in (("W-SUN", "2023-12-10"), ("MS", "2023-11-01")):
        panel = replace(panel_of({"a": np.arange(40.0)}, freq, end), place=Place("GB"))
        window = Reader(panel, {}, Roles(), 4).window(np.array([0]), 64)
        stamps = panel.freq.stamp(np.arange(panel.end - 63, panel.end + 5)).astype("datetime64[D]")
        step = np.flatnonzero(stamps == np.datetime64("2023-12-31" if freq == "W-SUN" else "2023-12-01"))[0]
        assert window.occasion[0, step, 0] == 1


def test_the_context_of_a_series_depends_on_what_is_known_of_it() -> None:
    panel = panel_of(
        {"a": np.ones(30), "b": np.ones(100), "c": [*np.full(250, np.nan), *np.ones(50)], "d": np.ones(900)}
    )
    back = oldest(panel)
    assert back.tolist() == [30, 100, 50, 900]
    assert needed(back, 512).tolist() == [64, 128, 64, 512]
    assert needed(back, 256).tolist() == [64, 128, 64, 256]
    assert oldest(panel_of({"none": np.full(9, np.nan), "one": [np.nan, 2.0, np.nan]})).tolist() == [0, 2]


@pytest.mark.parametrize(
    ("freq", "kind", "season", "year"),
    [("D", "D", 7, 364), ("W-SUN", "W", 1, 52), ("MS", "M", 1, 12), ("h", "h", 24, 168), ("QS", "M", 1, 4), ("2W", "W", 1, 26), ("15min", "h", 64, 512)],
)  # fmt: skip
def test_any_frequency_passes_for_one_that_the_network_knows(freq: str, kind: str, season: int, year: int) -> None:
    grid = Grid.from_frequency(panel_of({"a": [1.0]}, freq).freq)
    assert (grid.kind, grid.season, grid.year) == (kind, season, year)
    rows = {"a": np.random.default_rng(0).poisson(5, 90), "b": [1.0, 2.0]}
    forecast = Pretrained().fit(panel_of(rows, freq), horizon=6).predict(6)
    assert np.isfinite(forecast.quantiles).all()
    assert 2 < forecast.mean[0].mean() < 9


def test_horizons_beyond_one_pass_go_on_and_grow_no_surer() -> None:
    forecast = Pretrained().fit(shop(4, 200), horizon=28).predict(150)
    width = forecast.quantile(0.9) - forecast.quantile(0.1)
    assert np.isfinite(forecast.quantiles).all()
    assert (width[:, 70:].mean(axis=1) >= 0.95 * width[:, 36:64].mean(axis=1)).all()
    short = Pretrained().fit(shop(4, 200), horizon=28).predict(64)
    np.testing.assert_allclose(forecast.mean[:, :64], short.mean, rtol=1e-3, atol=1e-4)


def test_plans_far_ahead_reach_the_passes_that_they_belong_to() -> None:
    panel, _, _ = promoted(1.2, rows=4)
    plan = np.zeros((4, 150), np.float32)
    plan[:, [10, 100, 140]] = 1
    forecast = Pretrained().fit(panel, horizon=28).predict(150, {"promotion": plan})
    for step in (10, 100, 140):
        around = forecast.mean[:, [step - 2, step - 1, step + 1, step + 2]].mean()
        assert forecast.mean[:, step].mean() > 1.4 * around


def test_new_items_are_unknown_unless_asked_for_then_wide() -> None:
    panel = panel_of({"new": np.full(30, np.nan), "old": np.full(30, 4.0)})
    assert "new" in Pretrained().fit(panel, horizon=7).predict(7).fallback
    forecast = Pretrained(new_items=True).fit(panel, horizon=7).predict(7)
    assert not forecast.fallback
    low, high = forecast.quantile(0.1)[0], forecast.quantile(0.9)[0]
    assert (high > 4 * (low + 0.1)).all()


def test_stock_outs_are_not_taken_for_lack_of_demand() -> None:
    rng = np.random.default_rng(5)
    units = rng.poisson(20, (6, 120)).astype(np.float64)
    gone = np.zeros(units.shape, bool)
    gone[:, -20:] = True
    units[gone] = 0
    names = {f"i{k}": row for k, row in enumerate(units)}
    told = Pretrained().fit(panel_of(names, available=~gone.ravel()), horizon=7).predict(7)
    untold = Pretrained().fit(panel_of(names), horizon=7).predict(7)
    assert told.mean.mean() > 12
    assert untold.mean.mean() < 0.5 * told.mean.mean()


def test_recalibration_moves_coverage_towards_what_it_should_be() -> None:
    rng = np.random.default_rng(6)
    actual = rng.normal(100, 10, (200, 12)).astype(np.float32)
    from scipy.stats import norm

    narrow = np.broadcast_to(norm.ppf(LEVELS, 100, 6), (200, 12, len(LEVELS))).astype(np.float32)
    stretch = learn(narrow, actual)
    assert stretch.shape == (BANDS, 2)
    assert (stretch > 1.4).all()
    wide = stretched(narrow, stretch)
    fresh = rng.normal(100, 10, (200, 12))
    inside = (fresh >= wide[..., LEVELS.index(0.1)]) & (fresh <= wide[..., LEVELS.index(0.9)])
    assert 0.74 < inside.mean() < 0.84
    assert (np.diff(wide, axis=2) >= 0).all()
    np.testing.assert_array_equal(wide[..., LEVELS.index(0.5)], narrow[..., LEVELS.index(0.5)])
    little = learn(narrow[:1, :3], actual[:1, :3])
    assert (np.abs(np.log(little)) < 0.1).all()  # three observations change hardly anything


def test_levels_between_those_of_the_network_lie_between() -> None:
    from scipy.stats import norm

    quantiles = norm.ppf(LEVELS, 50, 10).astype(np.float32)[None]
    wanted = (0.005, 0.025, 0.25, 0.5, 0.975)
    np.testing.assert_allclose(at_levels(quantiles, wanted)[0], norm.ppf(wanted, 50, 10), rtol=1e-4)
    np.testing.assert_array_equal(at_levels(quantiles, LEVELS), quantiles)
    assert expected(quantiles)[0] == pytest.approx(50, rel=0.01)


def test_unknown_weights_are_an_error_at_the_fit() -> None:
    with pytest.raises(ConfigError, match="no pretrained weights 'huge'"):
        Pretrained(weights="huge").fit(shop(2))


def test_many_series_in_any_order_get_what_each_gets_alone() -> None:
    panel = shop(150, 100)
    fitted = Pretrained().fit(panel, horizon=7)
    turned = np.random.default_rng(0).permutation(150)
    whole, other = fitted.predict(7), fitted.update(panel.take(turned)).predict(7)
    np.testing.assert_array_equal(whole.quantiles[turned], other.quantiles)
    assert isinstance(whole.ids, pl.Series)


@pytest.mark.parametrize(("before", "weeks"), [(0, 4), (2, 8), (5, 12)])
def test_an_item_that_has_woken_up_is_expected_to_go_on(before: int, weeks: int) -> None:
    """Twenty weeks at a low level, then some at a new one."""
    panel = panel_of({"a": np.array([before] * 20 + [22] * weeks, np.float32)}, "W-SUN")
    median = Pretrained().fit(panel, horizon=4).predict(4).quantile(0.5)[0]
    assert (median > 11).all()
    assert (median < 30).all()


def test_one_good_week_is_not_a_new_level() -> None:
    panel = panel_of({"a": np.array([2, 1, 3] * 7 + [22, 2, 1, 2, 3], np.float32)}, "W-SUN")
    median = Pretrained().fit(panel, horizon=4).predict(4).quantile(0.5)[0]
    assert (median < 6).all()
