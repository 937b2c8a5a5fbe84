"""Dependence over time that sample paths borrow from history."""

from __future__ import annotations

import numpy as np
import pytest

from skucast.models.copula import history_copula
from skucast.models.naive import SeasonalNaive

from .series import panel_of


def walks(count: int = 60, steps: int = 120, memory: float = 0.95, seed: int = 0) -> dict[str, np.ndarray]:
    """Positive series whose deviations fade at a rate of ``memory`` per step."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 1, (count, steps))
    deviation = np.zeros((count, steps))
    for t in range(1, steps):
        deviation[:, t] = memory * deviation[:, t - 1] + noise[:, t]
    return {f"w{i}": row for i, row in enumerate(100 + 5 * deviation)}


def neighbours(pool: np.ndarray) -> float:
    """Mean correlation of adjacent steps."""
    return float(np.mean([np.corrcoef(pool[:, h], pool[:, h + 1])[0, 1] for h in range(pool.shape[1] - 1)]))


def test_persistent_demand_gives_persistent_trajectories_and_noise_does_not() -> None:
    persistent = history_copula(panel_of(walks(memory=0.97)), 10)
    noise = history_copula(panel_of(walks(memory=0.0)), 10)
    assert persistent is not None
    assert noise is not None
    assert persistent.shape[1] == noise.shape[1] == 10
    assert np.isfinite(persistent).all()
    assert neighbours(persistent) > 0.85
    assert abs(neighbours(noise)) < 0.3


def test_trajectories_are_free_of_level_and_unit() -> None:
    made = walks()
    usual = history_copula(panel_of(made), 8)
    millions = history_copula(panel_of({k: v * 1e6 for k, v in made.items()}), 8)
    assert usual is not None
    np.testing.assert_allclose(millions, usual, rtol=1e-2, atol=1e-3)


def test_the_pool_is_bounded_and_repeatable() -> None:
    panel = panel_of(walks(400))
    pool = history_copula(panel, 5, seed=1)
    assert pool is not None
    assert len(pool) == 1000
    np.testing.assert_array_equal(pool, history_copula(panel, 5, seed=1))
    other = history_copula(panel, 5, seed=2)
    assert other is not None
    assert not np.array_equal(pool, other)


def test_unknown_steps_carry_no_dependence_but_stay_finite() -> None:
    made = walks(memory=0.97)
    rng = np.random.default_rng(5)
    for values in made.values():
        values[rng.random(values.size) < 0.25] = np.nan
    pool = history_copula(panel_of(made), 10)
    assert pool is not None
    assert np.isfinite(pool).all()
    assert 0.2 < neighbours(pool) < 0.85


@pytest.mark.parametrize(
    "made", [{"a": [1.0, 2.0]}, {"a": np.full(200, np.nan)}, {"a": np.arange(20.0)}], ids=["short", "unknown", "less"]
)
def test_nothing_long_enough_gives_none(made: dict[str, np.ndarray]) -> None:
    assert history_copula(panel_of(made), 28) is None


def test_sums_over_a_horizon_spread_more_where_demand_is_persistent() -> None:
    spreads = []
    for memory in (0.97, 0.0):
        forecast = SeasonalNaive(season=1).fit(panel_of(walks(memory=memory))).predict(10)
        sums = forecast.paths(300, seed=0).sum(axis=2)
        alone = forecast.paths(300, seed=0).std(axis=1)
        spreads.append(float(np.mean(sums.std(axis=1) / np.sqrt((alone**2).sum(axis=1)))))
    assert spreads[0] > 2  # ten steps that move together: up to root ten
    assert spreads[1] < 1.6


def test_it_is_worked_out_once_for_all_models_of_a_panel():
    panel = panel_of(walks())
    first = history_copula(panel, 7)
    assert history_copula(panel, 7) is first
    assert history_copula(panel, 7, seed=1) is not first
    assert np.array_equal(history_copula(panel_of(walks()), 7), first)
