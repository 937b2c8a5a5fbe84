"""The yardstick: a plain forecast and the size of the noise around it."""

from __future__ import annotations

import numpy as np
import pytest

from skucast.models.pretrained.inputs import inputs
from skucast.models.pretrained.yardstick import Yardstick

from .test_inputs import window


def test_the_spread_is_the_noise_that_season_and_level_leave() -> None:
    rng = np.random.default_rng(0)
    week = np.tile(np.exp([0.3, 0.1, -0.2, 0.0, 0.2, 0.5, -0.9]), 60)
    calm, wild = (np.exp(rng.normal(0, sd, (40, 420))) * week * 50 for sd in (0.05, 0.3))
    small, large = (inputs(window(d)).yardstick.spread.mean() for d in (calm, wild))
    assert 0.03 < small < 0.08
    assert 0.2 < large < 0.35


def test_the_base_follows_the_recent_level_and_the_week() -> None:
    week = np.tile(np.exp([0.3, 0.1, -0.2, 0.0, 0.2, 0.5, -0.9]), 60)
    demand = (np.concatenate([np.full(300, 10.0), np.full(120, 40.0)]) * week)[None]
    made = inputs(window(demand))
    units = np.sinh(made.yardstick.base[0]) * made.scale[0]
    assert units.mean() == pytest.approx(40 * week[:7].mean(), rel=0.15)
    assert np.argsort(units[:7]).tolist() == np.argsort(week[:7]).tolist()
    np.testing.assert_array_equal(units[:7], units[7:14])


def test_without_history_noise_is_what_it_usually_is() -> None:
    none = inputs(window(np.full((1, 64), np.nan))).yardstick
    assert none.spread[0] == pytest.approx(0.4, abs=0.01)
    assert not none.base.any()
    constant = inputs(window(np.full((1, 400), 7.0))).yardstick
    assert 0.01 < constant.spread[0] < 0.06


def test_measuring_is_undone() -> None:
    rng = np.random.default_rng(1)
    yardstick = Yardstick(rng.normal(size=(3, 5)).astype(np.float32), np.array([0.1, 0.5, 1.0], np.float32))
    space = yardstick.base[:, :, None] + 0.1 * rng.normal(size=(3, 5, 13)).astype(np.float32)
    np.testing.assert_allclose(yardstick.undo(yardstick.measure(space)), space, atol=1e-5)
    assert yardstick.measure(np.full((3, 5), 1e9, np.float32)).max() == 10
