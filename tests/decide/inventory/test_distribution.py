import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from skucast.decide.inventory import (
    Distribution,
    Draws,
    Gamma,
    Lognormal,
    Normal,
    as_demand,
    inverse_normal_loss,
    normal_loss,
    normal_second_loss,
)
from skucast.errors import ConfigError

LAWS = [
    (Normal(50, 8), stats.norm(50, 8)),
    (Lognormal(3, 0.4), stats.lognorm(0.4, scale=np.exp(3))),
    (Lognormal.by_moments(20, 9), stats.lognorm(np.sqrt(np.log1p(0.2025)), scale=20 / np.sqrt(1.2025))),
    (Gamma(20, 9), stats.gamma((20 / 9) ** 2, scale=81 / 20)),
]


@pytest.mark.parametrize(("ours", "law"), LAWS)
def test_closed_forms_agree_with_numeric_integration(ours, law):
    assert ours.mean == pytest.approx(law.mean())
    assert ours.var == pytest.approx(law.var())
    for p in (0.02, 0.4, 0.9, 0.999):
        y = law.ppf(p)
        assert ours.quantile(p) == pytest.approx(y)
        assert ours.cdf(y) == pytest.approx(p)
        end = law.isf(1e-14)
        assert ours.loss(y) == pytest.approx(integrate.quad(law.sf, y, end)[0], rel=1e-6, abs=1e-9)
        second = integrate.quad(lambda x, y=y: (x - y) * law.sf(x), y, end)[0]
        assert ours.second_loss(y) == pytest.approx(second, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize(("ours", "law"), LAWS[1:])
def test_positive_demand_is_short_by_its_mean_less_stock_below_zero(ours, law):
    assert ours.loss(-5.0) == pytest.approx(ours.mean + 5)
    assert ours.second_loss(-5.0) == pytest.approx((ours.var + (ours.mean + 5) ** 2) / 2)


def test_continuous_demand_takes_one_number_per_item():
    many = Normal(np.array([10.0, 50.0]), np.array([2.0, 8.0]))
    np.testing.assert_allclose(many.loss([11.0, 60.0]), [Normal(10, 2).loss(11), Normal(50, 8).loss(60)])


@given(st.floats(-8, 30))
def test_normal_loss_falls_and_stays_above_both_of_its_bounds(z):
    assert normal_loss(z) >= max(0.0, -z)
    assert normal_loss(z) >= normal_loss(z + 0.01)
    assert normal_second_loss(z) >= 0


@given(st.floats(1e-12, 5))
def test_inverse_of_the_normal_loss(loss):
    assert normal_loss(inverse_normal_loss(loss)) == pytest.approx(loss, rel=1e-6)


def test_named_counts_have_their_moments():
    assert Distribution.poisson(5).var == pytest.approx(5)
    law = Distribution.negative_binomial(5, 12)
    assert (law.mean, law.var) == (pytest.approx(5), pytest.approx(12))
    law = Distribution.geometric(5)
    assert (law.mean, law.var) == (pytest.approx(5), pytest.approx(30))
    assert law.pmf[0] == pytest.approx(1 / 6)
    assert Distribution.poisson(0).mean == 0


def test_counts_are_asked_as_scipy_answers():
    ours, law = Distribution.poisson(7.3), stats.poisson(7.3)
    p = np.array([0.01, 0.3, 0.8, 0.999])
    np.testing.assert_array_equal(ours.quantile(p), law.ppf(p))
    y = np.array([-2, 0, 3.5, 7, 12, 90])
    np.testing.assert_allclose(ours.cdf(y), law.cdf(y), atol=1e-12)
    k = np.arange(400)
    loss = [(np.maximum(k - x, 0) * law.pmf(k)).sum() for x in y]
    np.testing.assert_allclose(ours.loss(y), loss, atol=1e-9)
    second = [(np.maximum(k - x, 0) ** 2 * law.pmf(k)).sum() / 2 for x in y]
    np.testing.assert_allclose(ours.second_loss(y), second, atol=1e-8)


def test_sums_of_periods_are_those_of_the_law():
    five = Distribution.poisson(2).times(5)
    k = np.arange(30)
    np.testing.assert_allclose(five.from_zero()[:30], stats.poisson(10).pmf(k), atol=1e-12)
    both = Distribution.poisson(2).plus(Distribution.poisson(3))
    np.testing.assert_allclose(both.from_zero()[:20], stats.poisson(5).pmf(k[:20]), atol=1e-12)
    assert Distribution.poisson(2).times(0).support.tolist() == [0]


def test_sum_over_a_random_lead_time_follows_the_law_of_total_variance():
    lead = Distribution.of_pairs({1: 0.2, 2: 0.5, 5: 0.3})
    total = Distribution.negative_binomial(4, 9).over(lead)
    assert total.mean == pytest.approx(4 * lead.mean)
    assert total.var == pytest.approx(lead.mean * 9 + 16 * lead.var)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=30), st.floats(0.01, 0.99), st.floats(-5, 50))
def test_grid_and_draws_of_the_same_numbers_answer_alike(numbers, p, y):
    grid, draws = Distribution.empirical(numbers), Draws.of(numbers)
    p, y = round(p, 4), round(y, 3)  # both forgive what rounding of numbers does, not to the same digit
    assert grid.mean == pytest.approx(draws.mean)
    assert grid.var == pytest.approx(draws.var, abs=1e-9)
    assert grid.quantile(p) == draws.quantile(p)
    assert grid.cdf(y) == pytest.approx(draws.cdf(y))
    assert grid.loss(y) == pytest.approx(draws.loss(y))
    assert grid.second_loss(y) == pytest.approx(draws.second_loss(y))


def test_draws_of_many_items_answer_row_by_row():
    x = np.random.default_rng(0).gamma(2, 5, (4, 50))
    y = np.array([3.0, 8.0, 12.0, 40.0])
    many = as_demand(x)
    np.testing.assert_allclose(many.loss(y), [Draws.of(row).loss(v) for row, v in zip(x, y, strict=True)])
    np.testing.assert_allclose(many.quantile(0.9), [Draws.of(row).quantile(0.9) for row in x])
    np.testing.assert_allclose(many.cdf(y), [Draws.of(row).cdf(v) for row, v in zip(x, y, strict=True)])


@settings(deadline=None)
@given(st.floats(1, 40), st.floats(0.5, 20), st.sampled_from([0.5, 1.0, 2.0]))
def test_rounding_keeps_the_mean_where_the_grid_is_fine(mean, sd, step):
    sd = max(sd, 0.3 * mean, 1.5 * step)
    law = Gamma(mean, sd)
    ours = Distribution.rounded(law, step)
    assert ours.pmf.sum() == pytest.approx(1)
    assert abs(ours.mean - mean) < step / 2
    assert (ours.support >= 0).all()


def test_rounded_normal_demand_is_never_negative():
    law = Distribution.rounded(Normal(2, 3))
    assert law.low == 0
    assert law.pmf[0] == pytest.approx(stats.norm.cdf(0.5, 2, 3))


def test_other_steps_are_kept():
    law = Distribution.of_pairs({0: 0.5, 6: 0.5}, step=6)
    assert law.times(2).support.tolist() == [0, 6, 12]
    assert law.quantile(0.6) == 6


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Distribution(np.array([0.5, 0.6])), "sum to one"),
        (lambda: Distribution(np.ones(1), low=0.5), "must hold zero"),
        (lambda: Distribution.of_pairs({1.5: 1.0}), "multiple of the step"),
        (lambda: Distribution.negative_binomial(5, 5), "take Poisson"),
        (lambda: Distribution.empirical([]), "at least one"),
        (lambda: Distribution.rounded(Normal(1e9, 1e8)), "larger step"),
        (lambda: Distribution.poisson(1).plus(Distribution.point(0, 2)), "cannot be added up"),
        (lambda: Distribution.of_pairs({-1: 0.5, 1: 0.5}).from_zero(), "must not be negative"),
        (lambda: Distribution.poisson(1).over(Distribution.of_pairs({0.5: 1.0}, 0.5)), "whole numbers"),
        (lambda: Draws.of([1.0, np.nan]), "finite"),
        (lambda: Draws.of(np.zeros((2, 0))), "at least 1"),
        (lambda: Normal(5, 0), "Sd must be a number above zero, not 0"),
        (lambda: inverse_normal_loss(0), "above zero"),
    ],
)
def test_what_cannot_be_demand_is_said(make, says):
    with pytest.raises(ConfigError, match=says):
        make()
