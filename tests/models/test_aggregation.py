"""ADIDA and IMAPA against statsforecast and arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from statsforecast.models import ADIDA, IMAPA

from skucast.errors import ConfigError
from skucast.models.aggregation import Adida, FittedAggregated, Imapa, mean_interval

from .series import panel_of
from .test_intermittent import rare


@pytest.mark.parametrize(("ours", "theirs"), [(Adida(), ADIDA()), (Imapa(), IMAPA())])
def test_means_equal_those_of_statsforecast(ours: Adida | Imapa, theirs: object) -> None:
    made = rare(14)
    made["single"] = np.r_[np.zeros(20), 3, np.zeros(5)]
    made["zeros"] = np.zeros(30)
    mean = ours.fit(panel_of(made)).predict(3).mean
    for i, values in enumerate(made.values()):
        expected = theirs.forecast(values.astype(np.float64), 3)["mean"]  # type: ignore[attr-defined]
        np.testing.assert_allclose(mean[i], expected, rtol=2e-3)  # both search the smoothing, theirs by golden section


def smoothed(sums: list[float]) -> float:
    level = sums[0]
    for now in sums[1:]:
        level += 0.5 * (now - level)
    return level


def test_adida_by_hand() -> None:
    # demands at steps 2, 4, 7: mean interval 7 / 3, so sums of two counted from the end: 4 + 0, 6 + 0, 0 + 3
    fitted = Adida(alpha=0.5).fit(panel_of({"a": [0, 4, 0, 6, 0, 0, 3]}))
    assert fitted.predict(1).mean[0, 0] == pytest.approx(smoothed([4, 6, 3]) / 2)


def test_imapa_averages_over_sums_of_one_step_and_more() -> None:
    values = [0, 4, 0, 6, 0, 0, 3]
    expected = (smoothed([0, 4, 0, 6, 0, 0, 3]) + smoothed([4, 6, 3]) / 2) / 2
    assert Imapa(alpha=0.5).fit(panel_of({"a": values})).predict(1).mean[0, 0] == pytest.approx(expected)


def test_missing_steps_count_for_nothing() -> None:
    made = rare(6)
    holes = {name: np.insert(v, [5, 20, 20, 79], np.nan) for name, v in made.items()}
    for spec in (Adida(), Imapa()):
        whole, gaps = spec.fit(panel_of(made)).predict(1), spec.fit(panel_of(holes)).predict(1)
        np.testing.assert_allclose(gaps.mean, whole.mean)
        np.testing.assert_allclose(gaps.quantiles, whole.quantiles)


def test_the_mean_interval_counts_from_the_first_step_to_the_last_demand() -> None:
    y = np.array([[np.nan, 0, 0, 0], [0, 2, 0, 5], [3, 0, 0, 1], [0, 0, 0, 1], [0, 1, 0, 1]])
    np.testing.assert_allclose(mean_interval(y), [2, 2.5, 1, 1.25])


def test_zero_is_as_likely_as_demand_is_rare() -> None:
    made = rare(1, 400)
    forecast = Adida().fit(panel_of(made)).predict(1, levels=(0.5, 0.8, 0.97))
    assert forecast.quantiles[0, 0, 0] == forecast.quantiles[0, 0, 1] == 0  # sold at a tenth of the steps
    assert forecast.quantiles[0, 0, 2] >= 3


def test_update_of_a_new_series_with_longer_intervals() -> None:
    fitted = Imapa().fit(panel_of(rare(3)))
    other = panel_of({"slow": np.where(np.arange(90) % 30 == 29, 5.0, 0.0), **rare(3)})
    moved = fitted.update(other)
    assert isinstance(moved, FittedAggregated)
    assert moved.learned.largest[0] == 30
    np.testing.assert_allclose(moved.predict(1).mean[0], Imapa().fit(other).predict(1).mean[0])


def test_a_smoothing_that_makes_no_sense_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"'imapa': alpha must lie in \(0, 1\]"):
        Imapa(alpha=1.5)
