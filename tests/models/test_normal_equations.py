"""Least squares by normal equations, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.linear_model import Ridge as TheirRidge
from sklearn.preprocessing import PolynomialFeatures

from skucast.models.normal_equations import Gram, Terms, weighted_sum


def rows(count: int = 300, columns: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(columns, count))
    y = 2 + x[0] - 0.5 * x[-1] ** 2 + rng.normal(size=count)
    return x, y, rng.uniform(0.2, 3, count)


def with_one(x: np.ndarray) -> np.ndarray:
    return np.concatenate([np.ones((1, x.shape[1])), x])


def test_without_penalty_it_is_linear_regression() -> None:
    x, y, weight = rows()
    theirs = LinearRegression().fit(x.T, y, weight)
    beta = Gram.of(with_one(x), y, weight).solve(0.0)
    np.testing.assert_allclose(beta, [theirs.intercept_, *theirs.coef_], rtol=1e-9)


@pytest.mark.parametrize("penalty", [0.01, 1.0, 30.0])
def test_with_penalty_it_is_ridge_regression_whose_intercept_is_free(penalty: float) -> None:
    x, y, weight = rows()
    theirs = TheirRidge(alpha=penalty * weight.sum()).fit(x.T, y, weight)
    beta = Gram.of(with_one(x), y, weight).solve(penalty)
    np.testing.assert_allclose(beta, [theirs.intercept_, *theirs.coef_], rtol=1e-8)


def test_terms_that_are_left_out_get_nothing_and_change_nothing() -> None:
    x, y, weight = rows()
    whole, part = Gram.of(with_one(x), y, weight), Gram.of(with_one(x[:2]), y, weight)
    beta = whole.solve(0.1, np.array([True, True, True, False, False]))
    assert not beta[3:].any()
    np.testing.assert_allclose(beta[:3], part.solve(0.1), rtol=1e-10)


def test_sums_of_two_sets_of_rows_add_up() -> None:
    x, y, weight = rows()
    some = np.arange(300) < 100
    parts = Gram.of(x[:, some], y[some], weight[some]) + Gram.of(x[:, ~some], y[~some], weight[~some])
    np.testing.assert_allclose(parts.solve(0.5), Gram.of(x, y, weight).solve(0.5), rtol=1e-10)


def test_columns_that_repeat_each_other_share_the_coefficient() -> None:
    x, y, weight = rows(columns=1)
    one = Gram.of(with_one(x), y, weight).solve(0.0)
    two = Gram.of(with_one(np.repeat(x, 2, axis=0)), y, weight).solve(0.0)
    np.testing.assert_allclose(two, [one[0], one[1] / 2, one[1] / 2], rtol=1e-6)


def test_no_rows_give_no_coefficients() -> None:
    assert not Gram.empty(3).solve(0.0).any()
    assert not Gram.empty(3, 5).shrunk(1.0).any()


def test_own_coefficients_are_ridge_regressions_of_each_set_of_rows() -> None:
    sets = [rows(40, seed=k) for k in range(3)]
    sums = Gram.empty(4, 3)
    for k, (x, y, _) in enumerate(sets):
        sums.products[k], sums.targets[k] = x @ x.T, x @ y
    for strength in (1.0, 50.0):
        found = sums.shrunk(strength)
        for k, (x, y, _) in enumerate(sets):
            theirs = TheirRidge(alpha=strength, fit_intercept=False).fit(x.T, y)
            np.testing.assert_allclose(found[k], theirs.coef_, rtol=1e-8)
    assert not sums.shrunk(np.inf).any()


def test_terms_are_the_columns_in_standard_units_with_powers_and_products_of_some() -> None:
    x, _, _ = rows(columns=3)
    x = 5 + 2 * x
    terms = Terms.learn(x, [0, 2], 3)
    z = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    theirs = PolynomialFeatures(2, include_bias=False).fit_transform(z[[0, 2]].T).T  # a, b, a2, ab, b2
    found = terms.expand(x)
    np.testing.assert_allclose(found[0], 1)
    np.testing.assert_allclose(found[1:4], z)
    np.testing.assert_allclose(found[4:7], theirs[[2, 4, 3]])
    np.testing.assert_allclose(found[7:], z[[0, 2]] ** 3)
    assert terms.degrees.tolist() == [0, 1, 1, 1, 2, 2, 2, 3, 3]


def test_a_number_far_outside_of_what_was_seen_counts_no_further() -> None:
    x, _, _ = rows(columns=1)
    terms = Terms.learn(x, [0], 2)
    far, further = terms.expand(np.array([[1e3]])), terms.expand(np.array([[1e9]]))
    np.testing.assert_array_equal(far, further)


def test_a_constant_column_has_no_term_of_its_own() -> None:
    terms = Terms.learn(np.full((1, 50), 3.0), [0], 1)
    np.testing.assert_array_equal(terms.expand(np.full((1, 4), 3.0))[1], 0.0)


def test_the_sum_of_terms_does_not_depend_on_how_many_are_summed_at_once() -> None:
    rng = np.random.default_rng(0)
    beta, x = rng.normal(size=60), rng.normal(size=(60, 7, 5))
    whole = weighted_sum(beta, x)
    np.testing.assert_allclose(whole, np.einsum("p,prh->rh", beta, x), rtol=1e-10)
    for i in range(7):
        np.testing.assert_array_equal(weighted_sum(beta, x[:, i : i + 1]), whole[i : i + 1])
