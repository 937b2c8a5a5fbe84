"""Columns of regressions: nothing from after the origin, never a hole, and what each of them says."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from skucast.models.regressors import RegressorMatrix, Regressors, occasion_columns
from skucast.panel import Panel
from skucast.place import Place

from .series import degenerate, panel_of, shop

HORIZON = 10


def block(panel: Panel, origin: int, horizon: int = HORIZON, **options: object) -> tuple[list[str], np.ndarray]:
    """Names and columns ``(K, S, H)`` of the series that sold something up to an origin."""
    made = Regressors.of(panel, horizon)
    matrix = RegressorMatrix(panel, made, **options)  # type: ignore[arg-type]
    level = matrix.level(origin)
    rows = np.flatnonzero(np.nan_to_num(level) > 0)
    return made.names, matrix.block(origin, rows, horizon, level, horizon)


def test_columns_do_not_look_behind_the_origin() -> None:
    panel, origin = shop(), 50
    later = panel.ordinals > panel.end - (panel.n_steps - 1 - origin)
    rng = np.random.default_rng(0)
    other = np.where(later, rng.poisson(500, panel.values.size), panel.values)
    names, before = block(panel, origin)
    _, after = block(panel.with_values(other), origin)
    assert len(names) == len(before)
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("freq", ["D", "W-SUN", "MS", "h", "2D", "YS"])
def test_columns_are_finite_whatever_the_history(freq: str) -> None:
    panel = shop(6, 60, freq)
    for origin in (0, 5, 59):
        _, found = block(panel, origin)
        assert found.size
        assert np.isfinite(found).all()
    _, found = block(degenerate(), 59)
    assert np.isfinite(found).all()


def test_the_same_phase_is_as_far_back_as_the_step_ahead_asks_for() -> None:
    values = np.arange(1.0, 61)
    names, found = block(panel_of({"a": values}), 59)
    level = 0.5 * (values.mean() + values[-28:].mean())
    ahead = np.arange(1, HORIZON + 1)
    for k in range(1, 5):
        expected = values[59 + ahead - 7 * (-(-ahead // 7) + k - 1)] / level
        np.testing.assert_allclose(found[names.index(f"phase_{k}"), 0], expected)
    np.testing.assert_allclose(found[names.index("mean_7"), 0], values[-7:].mean() / level)
    np.testing.assert_allclose(found[names.index("lag_2"), 0], values[-2] / level)
    np.testing.assert_allclose(found[names.index("step"), 0], ahead / HORIZON)


def test_demand_is_in_units_of_the_series_own_level() -> None:
    rng = np.random.default_rng(1)
    values = rng.poisson(9, 80).astype(float)
    names, found = block(panel_of({"a": values, "b": 1000 * values}), 79)
    np.testing.assert_allclose(found[:, 0], found[:, 1], rtol=1e-6)
    assert "mean_28" in names


def test_a_flag_is_shown_as_it_is_and_a_price_relative_to_its_usual_value() -> None:
    panel = panel_of({"a": np.full(60, 5.0)})
    price = np.where(np.arange(60) % 2 == 0, 9.0, 11.0)
    panel = panel.with_known({"price": price, "promotion": (np.arange(60) % 6 == 0) * 2.0})
    future = {"price": np.full((1, HORIZON), 5.0), "promotion": np.full((1, HORIZON), 2.0)}
    names, found = block(panel, 59, future=future)
    usual = price[-91:].mean()
    np.testing.assert_allclose(found[names.index("price"), 0], 5 / usual - 1, rtol=1e-6)
    np.testing.assert_allclose(found[names.index("promotion"), 0], 1.0)
    np.testing.assert_allclose(found[names.index("promotion_usual"), 0], 1 / 6, rtol=1e-6)


def test_texts_get_a_column_each_and_keep_it_on_another_panel() -> None:
    panel = panel_of({"a": np.full(40, 5.0)}).with_known({"weather": np.arange(40) % 2})
    panel = dataclasses.replace(panel, categories={"weather": ("rain", "sun")})
    made = Regressors.of(panel, 3)
    assert made.texts == {"weather": ("rain", "sun")}
    other = dataclasses.replace(panel, categories={"weather": ("sun", "snow")})  # other codes, one text unseen
    matrix = RegressorMatrix(other, made, {"weather": np.array([[0.0, 1.0, 0.0]])})
    found = matrix.block(39, np.array([0]), 3, matrix.level(39), 3)
    np.testing.assert_array_equal(found[made.names.index("weather=sun"), 0], [1, 0, 1])
    np.testing.assert_array_equal(found[made.names.index("weather=rain"), 0], [0, 0, 0])


def test_holidays_of_the_place_have_a_run_up_and_a_time_after() -> None:
    panel = dataclasses.replace(shop(2, 84), place=Place("GB"))
    made = Regressors.of(panel, 5)
    assert any(name.startswith("to_") for name in made.occasions)
    assert not Regressors.of(shop(2, 84), 5).occasions
    day = int(panel.freq.ordinal(np.array(["2023-12-25"], "datetime64[us]"))[0])
    found = occasion_columns(panel.freq, day - 20, day + 20, panel.place)
    np.testing.assert_allclose(found["to_christmas"][[5, 6, 13, 20, 21]], [0, 0, 0.5, 1, 0], atol=1e-6)
    np.testing.assert_allclose(found["after_christmas"][[20, 27, 28]], [0, 0, 0], atol=1e-6)
    assert found["after_christmas"][21] > 0.5


def test_yearly_columns_need_more_than_a_year() -> None:
    assert "year_ago" not in Regressors.of(shop(2, 200), HORIZON).names
    assert not any(name.startswith("year_sin") for name in Regressors.of(shop(2, 200), HORIZON).names)
    long = Regressors.of(shop(2, 500), HORIZON).names
    assert {"year_ago", "year_sin1", "year_cos2"} <= set(long)


def test_the_columns_are_json_both_ways() -> None:
    panel = dataclasses.replace(shop(2, 84), place=Place("CN"))
    panel = panel.with_known({"price": np.linspace(1, 2, panel.values.size), "flag": np.zeros(panel.values.size)})
    made = Regressors.of(panel, 5)
    assert Regressors.from_dict(json.loads(json.dumps(made.to_dict()))) == made
