from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import stats

from skucast.errors import ModelError
from skucast.forecast import LEVELS, Forecast, concat, invert_cdf
from skucast.panel import Panel

TEN = tuple(round(0.1 * k, 1) for k in range(1, 10))


def panel(ids: list[str], make: Any = pl.DataFrame) -> Panel:
    rows = {"unique_id": ids, "ds": [dt.date(2024, 1, 31)] * len(ids), "y": [1.0] * len(ids)}
    return Panel.from_frame(make(rows), "D")


def normal(mean: float, sd: float, series: int = 1, steps: int = 4, copula: np.ndarray | None = None) -> Forecast:
    """A forecast whose marginals are normal and far from zero."""
    quantiles = stats.norm.ppf(LEVELS, mean, sd)
    shape = (series, steps)
    return Forecast.of(
        panel([f"s{i}" for i in range(series)]), np.full(shape, mean), np.broadcast_to(quantiles, (*shape, len(LEVELS))),
        copula=copula,
    )  # fmt: skip


QUANTILES = npst.arrays(np.float64, (2, 3, 9), elements=st.floats(-1e6, 1e6))


# ---- the constructor keeps the promises ---------------------------------------------------------


@given(QUANTILES, npst.arrays(np.float64, (2, 3), elements=st.floats(-1e6, 1e6)))
def test_any_numbers_become_ordered_and_non_negative(quantiles: np.ndarray, mean: np.ndarray) -> None:
    made = Forecast.of(panel(["a", "b"]), mean, quantiles, TEN)
    assert (np.diff(made.quantiles, axis=2) >= 0).all()
    assert (made.quantiles >= 0).all()
    assert (made.mean >= 0).all()
    assert made.quantiles.dtype == made.mean.dtype == np.float32


@given(QUANTILES)
def test_quantiles_that_are_in_order_are_left_as_they_are(quantiles: np.ndarray) -> None:
    ordered = np.sort(np.abs(quantiles), axis=2)
    made = Forecast.of(panel(["a", "b"]), np.ones((2, 3)), ordered, TEN)
    np.testing.assert_array_equal(made.quantiles, ordered.astype(np.float32))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused(bad: float) -> None:
    mean, quantiles = np.ones((1, 2)), np.ones((1, 2, 9))
    with pytest.raises(ModelError, match="not finite"):
        Forecast.of(panel(["a"]), np.array([[1.0, bad]]), quantiles, TEN)
    quantiles[0, 0, 3] = bad
    with pytest.raises(ModelError, match="not finite"):
        Forecast.of(panel(["a"]), mean, quantiles, TEN)


@pytest.mark.parametrize(("mean", "quantiles"), [((2, 3), (2, 3, 9)), ((1, 3), (1, 2, 9)), ((1, 3), (1, 3, 8))])
def test_shapes_that_do_not_fit_are_refused(mean: tuple[int, ...], quantiles: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="Shapes do not fit"):
        Forecast.of(panel(["a"]), np.ones(mean), np.ones(quantiles), TEN)


def test_it_starts_right_after_the_panel() -> None:
    made = normal(10, 1, steps=3)
    assert [str(s)[:10] for s in made.stamps] == ["2024-02-01", "2024-02-02", "2024-02-03"]
    assert (made.horizon, len(made)) == (3, 1)


# ---- quantiles at any level -----------------------------------------------------------------------


def test_computed_levels_come_back_exactly() -> None:
    made = normal(50, 5, series=2)
    np.testing.assert_allclose(made.quantile(LEVELS), made.quantiles, rtol=1e-6)
    np.testing.assert_allclose(made.quantile(0.5), 50, rtol=1e-6)


def test_between_levels_it_is_linear() -> None:
    made = normal(50, 5)
    for low, high in ((0.1, 0.2), (0.025, 0.05), (0.8, 0.9)):
        middle = made.quantile((low + high) / 2)
        np.testing.assert_allclose(middle, (made.quantile(low) + made.quantile(high)) / 2, rtol=1e-5)


@given(st.floats(0.02, 0.98))
def test_a_normal_forecast_is_close_to_the_normal_everywhere(level: float) -> None:
    assert normal(100, 10).quantile(level)[0, 0] == pytest.approx(stats.norm.ppf(level, 100, 10), abs=0.5)


def test_beyond_the_last_level_the_tail_is_exponential() -> None:
    levels = np.array([0.5, 0.9, 0.95])
    values = stats.expon.ppf(levels, scale=20)[None]
    u = np.array([[0.99, 0.999]])
    np.testing.assert_allclose(invert_cdf(levels, values, u), stats.expon.ppf(u, scale=20), rtol=1e-9)


@given(QUANTILES, st.lists(st.floats(1e-6, 1 - 1e-6), min_size=2, max_size=20))
def test_quantiles_rise_with_the_level_and_never_fall_below_zero(quantiles: np.ndarray, levels: list[float]) -> None:
    made = Forecast.of(panel(["a", "b"]), np.ones((2, 3)), quantiles, TEN)
    found = made.quantile(sorted(levels)).astype(np.float64)
    assert found.shape == (2, 3, len(levels))
    assert (found >= 0).all()
    assert (np.diff(found, axis=2) >= -1e-5 * np.maximum(1, found[..., 1:])).all()


# ---- paths ----------------------------------------------------------------------------------------


def trends(count: int, steps: int, seed: int = 0) -> np.ndarray:
    """Trajectories that stay high or low: levels differ, steps do not."""
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((count, 1)) + 0.05 * rng.standard_normal((count, steps))).astype(np.float32)


@pytest.mark.parametrize("copula", [None, trends(300, 4)])
def test_the_marginals_of_paths_are_those_of_the_forecast(copula: np.ndarray | None) -> None:
    made = normal(100, 10, series=2, copula=copula)
    paths = made.paths(2000, seed=1)
    assert paths.shape == (2, 2000, 4)
    for level in (0.05, 0.25, 0.5, 0.75, 0.95):
        np.testing.assert_allclose(np.quantile(paths, level, axis=1), made.quantile(level), atol=0.35)
    np.testing.assert_allclose(paths.mean(axis=1), 100, atol=0.5)


def test_the_copula_carries_dependence_over_time_into_sums() -> None:
    apart = normal(100, 10)
    together = normal(100, 10, copula=trends(1000, 4))
    loose, tight = apart.paths(1000)[0], together.paths(1000)[0]
    assert abs(stats.spearmanr(loose[:, 0], loose[:, 3]).statistic) < 0.15
    assert stats.spearmanr(tight[:, 0], tight[:, 3]).statistic > 0.9
    assert loose.sum(axis=1).std() == pytest.approx(20, rel=0.15)  # independent: sd grows with the root of 4
    assert tight.sum(axis=1).std() == pytest.approx(40, rel=0.15)  # moving together: with 4


def test_a_copula_of_alternating_trajectories_makes_sums_sure() -> None:
    sign = np.where(np.arange(4) % 2, -1, 1)
    alternating = trends(1000, 1) * sign + 0.01 * trends(1000, 4, 1)
    assert normal(100, 10, copula=alternating).paths(1000)[0].sum(axis=1).std() < 5


def test_paths_repeat_by_seed_and_do_not_depend_on_company() -> None:
    made = normal(100, 10, series=3, copula=trends(50, 4))
    np.testing.assert_array_equal(made.paths(100, seed=5), made.paths(100, seed=5))
    assert not np.array_equal(made.paths(100, seed=5), made.paths(100, seed=6))
    np.testing.assert_array_equal(made.take([2]).paths(100, seed=5), made.paths(100, seed=5)[2:])


def test_a_copula_shorter_than_the_horizon_is_stretched() -> None:
    paths = normal(100, 10, steps=6, copula=trends(200, 3)).paths(200)[0]
    assert stats.spearmanr(paths[:, 2], paths[:, 5]).statistic > 0.9


def test_whole_paths_keep_the_mean() -> None:
    made = normal(2.3, 0.4)
    whole = made.paths(4000, seed=2, integer=True)
    assert (whole == np.floor(whole)).all()
    assert whole.mean() == pytest.approx(made.paths(4000, seed=2).mean(), abs=0.03)


@given(QUANTILES, st.integers(1, 30))
def test_paths_of_any_forecast_are_finite_and_not_negative(quantiles: np.ndarray, n: int) -> None:
    paths = Forecast.of(panel(["a", "b"]), np.ones((2, 3)), quantiles, TEN).paths(n)
    assert np.isfinite(paths).all()
    assert (paths >= 0).all()


def test_totals_are_sums_over_paths() -> None:
    made = normal(100, 10, series=2)
    mean, quantiles = made.total(4000, levels=(0.1, 0.5, 0.9))
    np.testing.assert_allclose(mean, 400)
    np.testing.assert_allclose(quantiles[0], stats.norm.ppf((0.1, 0.5, 0.9), 400, 20), rtol=0.01)
    assert made.total(50)[1].shape == (2, len(LEVELS))


# ---- the outside ----------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [pl.DataFrame, pd.DataFrame, pa.table])
def test_the_frame_is_of_the_users_kind_and_columns(make: Any) -> None:
    made = Forecast.of(panel(["a", "b"], make), np.ones((2, 2)), np.ones((2, 2, 9)), TEN).frame()
    assert type(made) is type(make({"x": [1]}))
    names = list(made.column_names if isinstance(made, pa.Table) else made.columns)
    assert names == ["unique_id", "ds", "mean", *[f"{0.1 * k:g}" for k in range(1, 10)]]


def test_rows_are_series_after_series_in_time_order() -> None:
    table = normal(10, 1, series=2, steps=2).to_polars([0.05, 0.5])
    assert table.columns == ["unique_id", "ds", "mean", "0.05", "0.5"]
    assert table["unique_id"].to_list() == ["s0", "s0", "s1", "s1"]
    assert table["ds"].to_list() == [dt.date(2024, 2, 1), dt.date(2024, 2, 2)] * 2


def test_parts_are_put_together_in_the_order_asked() -> None:
    whole = normal(10, 1, series=3)
    parts = [whole.take([2]), whole.take([0, 1])]
    assert concat(parts).ids.to_list() == ["s2", "s0", "s1"]
    again = concat(parts, whole.ids)
    assert again.to_polars().equals(whole.to_polars())


def test_fallbacks_follow_their_series() -> None:
    made = Forecast.of(panel(["a", "b"]), np.ones((2, 1)), np.ones((2, 1, 9)), TEN, fallback={"b": "seasonal-naive"})
    assert made.take([0]).fallback == {}
    assert made.take(np.array([False, True])).fallback == {"b": "seasonal-naive"}
    assert "1 fell back" in repr(made)


def test_a_forecast_tells_what_it_holds() -> None:
    text = "Forecast(2 series x 4 steps (D) 2024-02-01..2024-02-04; 15 quantiles; total 80 units)"
    assert repr(normal(10, 1, series=2)) == text
    assert repr(normal(10, 1).take([])) == "Forecast(no series)"
    assert normal(10, 1).take([]).to_polars().is_empty()


def test_closed_steps_have_no_demand():
    forecast = normal(100, 5, steps=3).closed([False, True, False])
    assert forecast.mean[0, 1] == 0
    assert forecast.quantiles[0, 1].max() == 0
    assert (forecast.mean[0, [0, 2]] > 0).all()
    assert forecast.paths(50)[0, :, 1].max() == 0
