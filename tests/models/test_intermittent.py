"""Croston and TSB against statsforecast, textbook arithmetic and planted demand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsforecast.models import TSB, CrostonClassic, CrostonSBA

from skucast.errors import ConfigError
from skucast.models.intermittent import Croston, FittedIntermittent, Sba, Tsb, demand_quantiles
from skucast.models.intermittent_recursion import smooth_intervals, smooth_probability, smooth_sizes

from .series import panel_of

LEVELS = (0.1, 0.5, 0.8, 0.9, 0.99)


def rare(count: int = 12, steps: int = 80, seed: int = 0) -> dict[str, np.ndarray]:
    """Demand at a tenth to two thirds of the steps; every series begins with zeros or a sale by chance."""
    rng = np.random.default_rng(seed)
    chance = np.linspace(0.1, 0.66, count)[:, None]
    sizes = 1 + rng.poisson(4, (count, steps))
    return {f"r{i:02d}": row for i, row in enumerate(np.where(rng.random((count, steps)) < chance, sizes, 0.0))}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Croston(alpha_size=0.1, alpha_interval=0.1, start="first"), CrostonClassic()),
        (Croston("sba", alpha_size=0.1, alpha_interval=0.1, start="first"), CrostonSBA()),
        (Sba(alpha_size=0.1, alpha_interval=0.1, start="first"), CrostonSBA()),
        (Tsb(alpha_size=0.2, alpha_probability=0.05, start="first"), TSB(alpha_d=0.2, alpha_p=0.05)),
        (Tsb(alpha_size=0.4, alpha_probability=0.3, start="first"), TSB(alpha_d=0.4, alpha_p=0.3)),
    ],
)
def test_means_equal_those_of_statsforecast_at_the_same_parameters(ours: Croston | Tsb, theirs: object) -> None:
    made = rare()
    mean = ours.fit(panel_of(made)).predict(3).mean
    for i, values in enumerate(made.values()):
        expected = theirs.forecast(values.astype(np.float64), 3)["mean"]  # type: ignore[attr-defined]
        np.testing.assert_allclose(mean[i], expected, rtol=1e-5)


def test_croston_by_hand() -> None:
    # 0 4 0 0 6: sizes 4, 6 and intervals 2, 3; both start at the first and are smoothed once by one half
    mean = Croston(alpha_size=0.5, alpha_interval=0.5, start="first").fit(panel_of({"a": [0, 4, 0, 0, 6]})).predict(1)
    assert mean.mean[0, 0] == pytest.approx(5 / 2.5)
    sbj = Croston("sbj", alpha_size=0.5, alpha_interval=0.5, start="first").fit(panel_of({"a": [0, 4, 0, 0, 6]}))
    assert sbj.predict(1).mean[0, 0] == pytest.approx((1 - 0.5 / 1.5) * 5 / 2.5)


def test_tsb_by_hand() -> None:
    # probability 0 -> .5 -> .25 -> .125 -> .5625, size 4 -> 5
    fitted = Tsb(alpha_size=0.5, alpha_probability=0.5, start="first").fit(panel_of({"a": [0, 4, 0, 0, 6]}))
    assert fitted.predict(1).mean[0, 0] == pytest.approx(5 * 0.5625)


def test_tsb_sinks_while_nothing_is_sold_and_croston_does_not() -> None:
    sold = [2.0, 0, 3, 0, 2, 0, 4, 0]
    short, long = panel_of({"a": sold}), panel_of({"a": sold + [0.0] * 40})
    for spec, falls in (
        (Croston(alpha_size=0.1, alpha_interval=0.1, start="first"), False),
        (Tsb(alpha_size=0.1, alpha_probability=0.1, start="first"), True),
    ):
        before, after = spec.fit(short).predict(1).mean[0, 0], spec.fit(long).predict(1).mean[0, 0]
        assert after == pytest.approx(before * 0.9**40 if falls else before, rel=1e-5)


@pytest.mark.parametrize("spec", [Croston(), Tsb(), Croston(start="first"), Tsb(start="first")])
def test_missing_steps_change_nothing(spec: Croston | Tsb) -> None:
    rng = np.random.default_rng(3)
    whole = rare(6)
    gappy = {}
    for key, values in whole.items():
        at = np.sort(rng.integers(0, len(values) + 1, 30))
        gappy[key] = np.insert(values, at, np.nan)
    fitted, holes = spec.fit(panel_of(whole)), spec.fit(panel_of(gappy))
    np.testing.assert_allclose(holes.predict(2).mean, fitted.predict(2).mean, rtol=1e-6)
    np.testing.assert_allclose(holes.predict(2).quantiles, fitted.predict(2).quantiles, rtol=1e-5, atol=1e-6)


def test_out_of_stock_steps_are_missing_not_zero() -> None:
    values = np.array([3.0, 0, 3, 0, 3, 0, 0, 0, 0, 0, 0, 0])
    sold_out = panel_of({"a": values}, available=np.arange(12) < 6)
    only_seen = panel_of({"a": values[:6]})
    assert Tsb().fit(sold_out).predict(1).mean[0, 0] == pytest.approx(Tsb().fit(only_seen).predict(1).mean[0, 0])


@pytest.mark.parametrize("slow", [Croston("classic", 0.005, 0.005), Tsb(0.005, 0.005)])
def test_quantiles_are_those_of_rare_demand(slow: Croston | Tsb) -> None:
    rng = np.random.default_rng(0)
    steps = 4000
    chance, sizes = 0.25, 1.0 + rng.poisson(6, steps)
    values = np.where(rng.random(steps) < chance, sizes, 0.0)
    made = slow.fit(panel_of({"a": values})).predict(1, levels=(0.1, 0.5, 0.7, 0.85, 0.9, 0.95, 0.99))
    truth = np.quantile(values, [0.85, 0.9, 0.95, 0.99])
    assert not made.quantiles[0, 0, :3].any()
    np.testing.assert_allclose(made.quantiles[0, 0, 3:], truth, rtol=0.25)
    assert made.mean[0, 0] == pytest.approx(values.mean(), rel=0.2)


def test_few_demands_lean_on_an_assumed_distribution() -> None:
    y = np.array([[4.0], [4.0], [4.0]])
    found = demand_quantiles(y, np.array([4.0]), np.array([1.0]), LEVELS)[0]
    assert found[0] < 4 < found[-1]  # three equal demands do not prove that all are equal
    many = demand_quantiles(np.full((3000, 1), 4.0), np.array([4.0]), np.array([1.0]), LEVELS)[0]
    np.testing.assert_allclose(many, 4.0, rtol=0.02)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([np.nan, 0.0, 0.0, 1.0, 2.0, 50.0]), min_size=1, max_size=40),
    st.floats(0.1, 100.0),
    st.floats(0.01, 1.0),
)
def test_quantiles_rise_and_are_zero_where_nothing_is_expected(
    history: list[float], size: float, chance: float
) -> None:
    y = np.asarray(history)[:, None]
    found = demand_quantiles(y, np.array([size]), np.array([chance]), LEVELS)[0]
    assert np.isfinite(found).all()
    assert (np.diff(found) >= -1e-9).all()
    for level, quantile in zip(LEVELS, found, strict=True):
        if level <= 1 - chance:
            assert quantile == 0


def test_parameters_are_chosen_by_the_errors_that_they_make() -> None:
    rng = np.random.default_rng(1)
    steady = 1.0 + rng.poisson(9, 300)
    jumps = np.repeat([5.0, 50, 10, 80, 20, 100], 50) + rng.poisson(2, 300)
    fitted = Tsb().fit(panel_of({"steady": steady, "jumps": jumps}))
    assert isinstance(fitted, FittedIntermittent)
    assert fitted.learned.alpha_size[0] < fitted.learned.alpha_size[1]
    assert fitted.learned.alpha_size[1] == 0.3
    given_alpha = Tsb(alpha_size=0.15).fit(panel_of({"steady": steady}))
    assert isinstance(given_alpha, FittedIntermittent)
    assert given_alpha.learned.alpha_size.tolist() == [0.15]


def test_each_candidate_is_smoothed_as_if_it_were_alone() -> None:
    y = np.stack(list(rare(5).values()), axis=1)
    y[::7] = np.nan
    alphas = np.array([0.05, 0.3])
    together = np.repeat(alphas[:, None], 5, axis=1)
    first = np.ones(5)
    for smooth in (smooth_sizes, smooth_probability, smooth_intervals):
        error, last = smooth(y, together, first)
        for k, alpha in enumerate(alphas):
            own_error, own_last = smooth(y, np.full(5, alpha), first)
            np.testing.assert_array_equal(error[k], own_error)
            np.testing.assert_array_equal(last[k], own_last)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: Croston("best"), "variant must be classic, sba, sbj, not 'best'"),
        (lambda: Croston(alpha_size=1.5), r"alpha_size must lie in \(0, 1\]"),
        (lambda: Tsb(alpha_probability=-0.1), "alpha_probability must lie"),
        (lambda: Tsb(start="last"), "start must be mean or first"),
    ],
)
def test_options_that_make_no_sense_are_errors(made: object, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        made()  # type: ignore[operator]
