"""Negative binomial demand: steps and sums over a lead time are as spread as demand that was simulated."""

from __future__ import annotations

import numpy as np
import pytest

from skucast.errors import ConfigError
from skucast.models.negbin import FittedNegBin, NegBin

from .series import panel_of, shop
from .test_intermittent import rare

LEAD = 14


def independent(mean: float, count: int = 300, steps: int = 300, seed: int = 0) -> np.ndarray:
    """Negative binomial counts of size 2."""
    return np.random.default_rng(seed).negative_binomial(2, 2 / (2 + mean), (count, steps + LEAD))


def autoregressive(mean: float, count: int = 300, steps: int = 300, seed: int = 0) -> np.ndarray:
    """Counts of which seven in ten stay from one step to the next (INAR(1), Al-Osh & Alzaid 1987)."""
    rng = np.random.default_rng(seed)
    now = rng.poisson(mean, count)
    out = []
    for _ in range(steps + LEAD):
        now = rng.binomial(now, 0.7) + rng.poisson(0.3 * mean, count)
        out.append(now)
    return np.stack(out, axis=1)


@pytest.mark.parametrize("zeros", ["plain", "hurdle"])
@pytest.mark.parametrize(("simulate", "mean"), [(independent, 0.5), (independent, 6.0), (autoregressive, 6.0)])
def test_paths_have_the_lead_time_variance_of_demand(zeros: str, simulate: object, mean: float) -> None:
    ratios, covered = [], []
    for seed in range(2):
        made = simulate(mean, seed=seed)  # type: ignore[operator]
        panel = panel_of({str(i): row[:-LEAD] for i, row in enumerate(made)})
        forecast = NegBin(zeros=zeros, profile=False).fit(panel, horizon=LEAD).predict(LEAD)  # type: ignore[arg-type]
        came = made[:, -LEAD:].sum(axis=1)
        sums = forecast.paths(1000, seed=seed).sum(axis=2)
        ratios.append(sums.var(axis=1).mean() / ((came - forecast.mean.sum(axis=1)) ** 2).mean())
        low, high = np.quantile(sums, [0.1, 0.9], axis=1)
        covered.append(((came >= low) & (came <= high)).mean())
    # 600 lead times tell the true variance to about 6 %, a thousand shared trajectories theirs to about 5 %
    assert 0.8 < np.mean(ratios) < 1.25
    assert 0.75 < np.mean(covered) < 0.86


def test_autocorrelated_demand_has_wider_sums_than_independent_demand_of_the_same_steps() -> None:
    widths = []
    for made in (independent(6.0, seed=1), autoregressive(6.0, seed=1)):
        panel = panel_of({str(i): row[:-LEAD] for i, row in enumerate(made)})
        forecast = NegBin(profile=False).fit(panel, horizon=LEAD).predict(LEAD)
        paths = forecast.paths(1000)
        widths.append(paths.sum(axis=2).var(axis=1).mean() / paths.var(axis=1).sum(axis=1).mean())
    assert widths[1] > 2 * widths[0]  # variance of the sum over the sum of variances


def test_steps_are_as_spread_as_independent_demand() -> None:
    made = independent(6.0)
    forecast = NegBin(profile=False).fit(panel_of({str(i): r[:-LEAD] for i, r in enumerate(made)})).predict(LEAD)
    came = made[:, -LEAD:]
    for k, level in enumerate(forecast.levels):
        below = (came < forecast.quantiles[:, :, k]).mean()
        upto = (came <= forecast.quantiles[:, :, k]).mean()
        assert below - 0.02 < level < upto + 0.02


def test_more_zeros_than_a_count_distribution_explains_call_for_the_hurdle() -> None:
    rng = np.random.default_rng(0)
    made = np.where(rng.random((100, 300)) < 0.3, 20 + rng.poisson(1.0, (100, 300)), 0)  # a pallet or nothing
    panel = panel_of({str(i): row[:-LEAD] for i, row in enumerate(made)})
    came, loss = made[:, -LEAD:, None], {}
    for zeros in ("plain", "hurdle"):
        forecast = NegBin(zeros=zeros, profile=False).fit(panel).predict(LEAD)  # type: ignore[arg-type]
        gap = came - forecast.quantiles
        levels = np.asarray(forecast.levels)
        loss[zeros] = np.maximum(levels * gap, (levels - 1) * gap).mean()
        np.testing.assert_allclose(forecast.mean.mean(), 0.3 * 21, rtol=0.1)
    assert loss["hurdle"] < 0.9 * loss["plain"]


def test_quantiles_are_whole_numbers_and_those_of_other_units_are_not() -> None:
    made = rare(3)
    forecast = NegBin().fit(panel_of({**made, "kilograms": 0.37 * made["r02"]})).predict(7)
    np.testing.assert_array_equal(forecast.quantiles[:3], np.rint(forecast.quantiles[:3]))
    np.testing.assert_allclose(forecast.mean[3], 0.37 * forecast.mean[2], rtol=0.25)


def test_a_weekly_profile_is_found_and_lent_to_slow_series() -> None:
    rng = np.random.default_rng(0)
    week = np.tile([0.3, 0.3, 1, 1, 1.4, 2, 1], 20)
    busy = {f"b{k}": rng.poisson(8 * week) for k in range(20)}
    slow = {f"s{k}": rng.poisson(0.1 * week) for k in range(5)}
    mean = NegBin().fit(panel_of({**busy, **slow})).predict(7).mean
    shape = mean / mean.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(shape[:20].mean(axis=0), week[:7], atol=0.1)
    np.testing.assert_allclose(shape[20:].mean(axis=0), week[:7], atol=0.25)


def test_update_keeps_what_was_learned() -> None:
    fitted = NegBin().fit(shop())
    moved = fitted.update(shop().append(np.full((len(shop()), 7), 30.0)))
    assert isinstance(fitted, FittedNegBin)
    assert isinstance(moved, FittedNegBin)
    for name in ("alpha", "dispersion", "profile"):
        np.testing.assert_array_equal(getattr(moved.learned, name), getattr(fitted.learned, name))


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: NegBin(zeros="many"), "zeros must be plain or hurdle, not 'many'"),  # type: ignore[arg-type]
        (lambda: NegBin(alpha=1.0), r"alpha must lie in \(0, 1\)"),
    ],
)
def test_options_that_make_no_sense_are_errors(made: object, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        made()  # type: ignore[operator]
