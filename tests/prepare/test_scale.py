from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from skucast.errors import ConfigError, DataError
from skucast.prepare.scale import Scale

from .panels import daily, degenerate, sparse, weekly_shape

METHODS = ["minmax", "zscore", "robust", "asinh", "meanabs"]


@pytest.mark.parametrize(
    "method, oracle", [("minmax", MinMaxScaler()), ("zscore", StandardScaler()), ("robust", RobustScaler())]
)
def test_scaling_agrees_with_scikit_learn(method: str, oracle: object) -> None:
    first, second = weekly_shape(60, 0), weekly_shape(45, 1)
    first[[3, 17]] = np.nan
    scaled = Scale(method).fit(daily(first, second)).apply(daily(first, second))
    for i, values in enumerate((first, second)):
        expected = oracle.fit_transform(values[:, None])[:, 0]
        np.testing.assert_allclose(scaled.series(i), expected, rtol=1e-4, atol=1e-5)


def test_asinh_is_the_inverse_hyperbolic_sine_of_the_robust_scale() -> None:
    panel = daily(weekly_shape(60, 0))
    robust, asinh = (Scale(m).fit(panel).apply(panel).values for m in ("robust", "asinh"))
    np.testing.assert_allclose(asinh, np.arcsinh(robust), rtol=1e-5)


def test_meanabs_keeps_zero_and_has_mean_absolute_value_one() -> None:
    panel = daily(sparse(200, 0))
    scaled = Scale("meanabs").fit(panel).apply(panel).values
    assert np.abs(scaled).mean() == pytest.approx(1, rel=1e-5)
    np.testing.assert_array_equal(scaled == 0, panel.values == 0)


@given(
    values=st.lists(
        st.one_of(st.just(float("nan")), st.floats(-1e9, 1e9, width=32).filter(lambda v: v == 0 or abs(v) > 1e-3)),
        min_size=1,
        max_size=40,
    ),
    method=st.sampled_from(METHODS),
)
@settings(max_examples=150, deadline=None)
def test_every_scaling_can_be_undone(values: list[float], method: str) -> None:
    panel = daily(values)
    fitted = Scale(method).fit(panel)
    scaled, changes = fitted.prepare(panel)
    assert len(changes) == 0
    assert np.isfinite(scaled.values[~np.isnan(panel.values)]).all()
    back = fitted.invert(scaled, changes).values
    reach = np.nanmax(np.abs(panel.values)) if not np.isnan(panel.values).all() else 0.0
    np.testing.assert_allclose(back, panel.values, rtol=1e-4, atol=2e-6 * reach)


@pytest.mark.parametrize("method", METHODS)
def test_arrays_of_forecasts_come_back_in_units(method: str) -> None:
    panel = daily(weekly_shape(60, 0), weekly_shape(60, 1, level=500))
    fitted = Scale(method).fit(panel)
    scaled = fitted.apply(panel).dense()
    np.testing.assert_allclose(fitted.invert(scaled), panel.dense(), rtol=1e-4, atol=1e-3)
    stacked = np.stack([scaled, scaled], axis=2)  # (S, H, Q)
    np.testing.assert_allclose(fitted.invert(stacked)[:, :, 1], panel.dense(), rtol=1e-4, atol=1e-3)
    with pytest.raises(DataError, match="first axis must run over the 2 fitted series"):
        fitted.invert(np.zeros((3, 4)))


@pytest.mark.parametrize("method", METHODS)
def test_a_fit_on_the_past_does_not_know_the_future(method: str) -> None:
    panel = daily(weekly_shape(140, 3))
    cut = panel.end - 40
    spoiled = panel.with_values(np.where(panel.ordinals > cut, 9_999, panel.values))
    one, other = (Scale(method).fit(p.until(cut)).parameters() for p in (panel, spoiled))
    assert one.equals(other)


@pytest.mark.parametrize("method", METHODS)
def test_sold_out_cells_do_not_count(method: str) -> None:
    values, in_stock = weekly_shape(70, 1), np.ones(70, dtype=bool)
    values[30:40], in_stock[30:40] = 1e6, False
    hidden = values.copy()
    hidden[30:40] = np.nan
    one = Scale(method).fit(daily(values, available=[in_stock])).parameters()
    assert one.equals(Scale(method).fit(daily(hidden)).parameters())


@pytest.mark.parametrize("method", METHODS)
def test_degenerate_series_scale_to_finite_numbers_and_back(method: str) -> None:
    panel = degenerate()
    fitted = Scale(method).fit(panel)
    scaled = fitted.apply(panel)
    known = ~np.isnan(panel.values)
    assert np.isfinite(scaled.values[known]).all()
    assert (fitted.parameters()["scale"] > 0).all()
    for i in range(len(panel)):
        reach = np.nanmax(np.abs(panel.series(i)), initial=1.0)
        back = fitted.invert(scaled).series(i)
        np.testing.assert_allclose(back, panel.series(i), rtol=1e-4, atol=1e-5 * reach)


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(ConfigError, match="no method 'max'; there are: minmax, zscore, robust, asinh, meanabs"):
        Scale("max")
