"""Quantiles at any level, and the mean, from the few levels that a foundation model gives."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from skucast.forecast import LEVELS
from skucast.models.pretrained.answer import at_levels, expected

DECILES = np.arange(1, 10) / 10


def test_deciles_of_a_normal_distribution_give_all_its_quantiles() -> None:
    found = stats.norm(20, 3)
    deciles = found.ppf(DECILES).astype(np.float32)[None]
    np.testing.assert_allclose(at_levels(deciles, LEVELS, DECILES)[0], found.ppf(LEVELS), rtol=1e-4)
    np.testing.assert_array_equal(at_levels(deciles, (0.1, 0.5, 0.9), DECILES), deciles[:, [0, 4, 8]])


@pytest.mark.parametrize("found", [stats.norm(20, 3), stats.gamma(2, scale=5), stats.expon(scale=4)])
def test_the_mean_follows_from_deciles(found: stats.rv_continuous) -> None:
    made = expected(found.ppf(DECILES).astype(np.float32)[None], DECILES)
    assert made[0] == pytest.approx(found.mean(), rel=0.05)


def test_nothing_falls_below_zero() -> None:
    deciles = np.linspace(0, 0.8, 9, dtype=np.float32)[None]
    assert at_levels(deciles, LEVELS, DECILES).min() == 0
