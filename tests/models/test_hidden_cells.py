"""No model learns from sales of steps in which the item could not be bought, nor shows them in its paths."""

from __future__ import annotations

import numpy as np
import pytest

from skucast.models import registry

from .series import shop
from .test_contract import NAMES, spec

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.parametrize("name", NAMES)
def test_what_stands_in_hidden_cells_does_not_matter(name: str) -> None:
    panel = shop(3)
    available = np.random.default_rng(1).random(panel.values.size) > 0.12
    made = []
    for planted in (0.0, 9000.0):
        hidden = panel.with_values(np.where(available, panel.values, planted), available)
        made.append(spec(name).fit(hidden, horizon=7).predict(7))
    np.testing.assert_array_equal(made[0].mean, made[1].mean)
    np.testing.assert_array_equal(made[0].quantiles, made[1].quantiles)
    np.testing.assert_array_equal(made[0].paths(20, seed=1), made[1].paths(20, seed=1))


def test_the_planted_sales_would_show() -> None:
    panel = shop()
    spoiled = panel.with_values(np.where(np.arange(panel.values.size) % 9, panel.values, 9000.0))
    fits = [registry.make("ets").fit(p, horizon=7).predict(7) for p in (panel, spoiled)]
    assert fits[1].mean.mean() > 2 * fits[0].mean.mean()
