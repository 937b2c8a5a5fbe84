from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from skucast.errors import ConfigError, DataError
from skucast.panel import Panel
from skucast.prepare.impute import Impute
from skucast.prepare.step import step_from_dict

from .panels import daily, degenerate, weekly_shape

NAN = float("nan")
METHODS = ["linear", "seasonal", "knn"]


def holes(values: np.ndarray, cells: list[int]) -> np.ndarray:
    out = np.asarray(values, dtype=float).copy()
    out[cells] = NAN
    return out


def test_linear_is_pandas_interpolation_inside_the_series() -> None:
    rng = np.random.default_rng(0)
    first, second = (np.where(rng.random(80) < 0.4, NAN, rng.normal(50, 9, 80)) for _ in range(2))
    panel = daily(first, second)
    got = Impute("linear", closed=True).fit_apply(panel).panel
    for i, values in enumerate((first, second)):
        expected = pd.Series(values).interpolate("linear", limit_area="inside")
        np.testing.assert_allclose(got.series(i), expected, rtol=1e-5)


def trend_and_week(weeks: int) -> np.ndarray:
    return 40 + 0.5 * np.arange(7 * weeks) + np.resize([0.0, 3, -2, 7, 1, -9, 12], 7 * weeks)


def test_seasonal_restores_a_trend_with_a_week() -> None:
    truth = trend_and_week(12)
    after, changes = Impute("seasonal").fit_apply(daily(holes(truth, [9, 10, 48, 81])))
    np.testing.assert_allclose(after.values, truth, rtol=1e-3)
    assert changes.frame["rule"].to_list() == ["impute-seasonal"] * 4


def test_seasonal_is_closer_than_linear_after_four_weeks() -> None:
    truth = trend_and_week(4)
    panel = daily(holes(truth, [9, 10, 16, 25]))
    off = {m: np.abs(Impute(m).fit_apply(panel).panel.values - truth).sum() for m in ("linear", "seasonal")}
    assert off["seasonal"] < 0.4 * off["linear"]


def test_seasonal_restores_a_year_of_months() -> None:
    months = np.arange(60)
    truth = 200 + months + 50 * np.sin(2 * np.pi * months / 12)
    frame = daily(holes(truth, [26, 27, 40])).to_frame()
    frame = frame.with_columns(pl.date_range(pl.date(2020, 1, 1), pl.date(2024, 12, 1), "1mo", eager=True).alias("ds"))
    after = Impute("seasonal").fit_apply(Panel.from_frame(frame, "MS")).panel
    np.testing.assert_allclose(after.values, truth, rtol=2e-3)


def test_knn_restores_a_cycle_that_is_no_calendar_season() -> None:
    truth = np.resize([5.0, 9, 30, 2, 11], 150)
    cells = [41, 77, 78, 79, 120]
    after, changes = Impute("knn").fit_apply(daily(holes(truth, cells)))
    np.testing.assert_allclose(after.values, truth)
    assert set(changes.frame["rule"]) == {"impute-knn"}


@pytest.mark.parametrize("method", METHODS)
def test_what_lies_before_and_after_the_observations_is_not_filled(method: str) -> None:
    values = weekly_shape(90, 1)
    values[:10], values[-10:], values[40] = NAN, NAN, NAN
    after = Impute(method).fit_apply(daily(values)).panel
    assert np.flatnonzero(np.isnan(after.values)).tolist() == [*range(10), *range(80, 90)]


@pytest.mark.parametrize("method", METHODS)
def test_closed_days_are_filled_only_if_asked(method: str) -> None:
    values = [weekly_shape(98, seed) for seed in range(6)]
    for series in values:
        series[6::7] = NAN  # never open on Sundays
        series[45] = NAN  # a holiday on which nobody sold anything
    values[0][30] = NAN  # a gap of one item
    panel = daily(*values)
    after = Impute(method).fit_apply(panel).panel
    filled = np.flatnonzero(np.isnan(panel.values) & ~np.isnan(after.values))
    assert filled.tolist() == [30]
    asked = Impute(method, closed=True).fit_apply(panel).panel
    assert not np.isnan(asked.dense()[:, :97]).any()


@pytest.mark.parametrize("method", METHODS)
def test_stock_outs_are_filled_only_if_asked_and_never_below_what_was_sold(method: str) -> None:
    values = weekly_shape(98, 2)
    in_stock = np.ones(98, dtype=bool)
    in_stock[[40, 41, 42]] = False
    sold = values.copy()
    sold[[40, 41, 42]] = [0.0, 1_000.0, NAN]
    panel = daily(sold, available=[in_stock])
    silent = Impute(method).fit_apply(panel)
    assert len(silent.changes) == 0
    fitted = Impute(method, stock_outs=True).fit(panel)
    after, changes = fitted.prepare(panel)
    assert after.values[40] > 5
    assert after.values[41] == 1_000
    assert after.values[42] > 5
    assert after.available is not None
    assert after.available.all()
    assert all(rule.endswith("-stock-out") for rule in changes.frame["rule"])
    back = fitted.invert(after, changes)
    np.testing.assert_array_equal(back.values, panel.values)
    np.testing.assert_array_equal(back.available, in_stock)


def test_gaps_longer_than_asked_stay_missing() -> None:
    values = holes(np.arange(30.0), [5, 10, 11, 20, 21, 22])
    after = Impute("linear", longest=2).fit_apply(daily(values)).panel
    assert np.flatnonzero(np.isnan(after.values)).tolist() == [20, 21, 22]


@pytest.mark.parametrize("method", METHODS)
def test_estimates_are_not_negative_where_demand_never_is(method: str) -> None:
    values = holes(np.tile([0.0, 0, 0, 0, 0, 0, 40], 12) * np.linspace(1, 0, 84), [76, 77, 78])
    assert Impute(method).fit_apply(daily(values)).panel.values.min() >= 0
    both = holes(np.resize([-5.0, 5.0], 84), [40])
    assert Impute(method).fit_apply(daily(both - 20)).panel.values[40] < 0


@pytest.mark.parametrize("method", METHODS)
def test_a_fit_on_the_past_does_not_know_the_future(method: str) -> None:
    panel = daily(holes(weekly_shape(140, 3), [50, 51, 90]))
    cut = panel.end - 40
    spoiled = panel.with_values(np.where(panel.ordinals > cut, 9_999, panel.values))
    one, other = (Impute(method).fit(p.until(cut)).apply(p.until(cut)) for p in (panel, spoiled))
    np.testing.assert_array_equal(one.values, other.values)
    assert not np.isnan(one.values).any()


@pytest.mark.parametrize("method", METHODS)
def test_invert_makes_the_same_cells_missing_again(method: str) -> None:
    panel = daily(holes(weekly_shape(140, 3), [50, 51, 90]), holes(weekly_shape(100, 4), [7]))
    fitted = Impute(method).fit(panel)
    after, changes = fitted.prepare(panel)
    assert len(changes) == 4
    assert changes.frame["before"].null_count() == 4
    np.testing.assert_array_equal(fitted.invert(after, changes).values, panel.values)


@pytest.mark.parametrize("method", METHODS)
def test_degenerate_series_keep_what_is_known(method: str) -> None:
    panel = degenerate()
    after = Impute(method, closed=True).fit_apply(panel).panel
    known = ~np.isnan(panel.values)
    np.testing.assert_array_equal(after.values[known], panel.values[known])
    assert np.isnan(after.values[~known]).all()  # these series have no gap between two observations


def test_a_series_too_short_for_a_season_is_told_as_linear() -> None:
    changes = Impute("seasonal").fit_apply(daily([1.0, NAN, 3.0])).changes
    assert changes.frame["rule"].to_list() == ["impute-linear"]


def test_unknown_options_and_series_are_named() -> None:
    with pytest.raises(ConfigError, match="no method 'mean'; there are: seasonal, linear, knn"):
        Impute("mean")
    with pytest.raises(ConfigError, match="neighbours of at least 3"):
        Impute(neighbours=1)
    with pytest.raises(DataError, match="without the series 's1'"):
        Impute().fit(daily([1.0, 2.0])).apply(daily([1.0, 2.0], [3.0, 4.0]))
    assert step_from_dict(Impute("knn", longest=3).to_dict()) == Impute("knn", longest=3)
