"""Reconciliation against hierarchicalforecast, scipy and what holds for every method."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hierarchicalforecast.methods import BottomUp, MinTrace
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from skucast.errors import ConfigError
from skucast.portfolio.hierarchy import Hierarchy
from skucast.portfolio.projection import Projection
from skucast.portfolio.reconcile import METHODS, reconcile, shrinkage

CROSSED = pl.DataFrame({"id": [f"s{i}" for i in range(12)], "a": list("xxxyyyzzzxyz"), "b": list("ppqqppqqppqq")})
LEVELS = ["total", "a", "b", "a/b"]


def case(seed: int = 0) -> tuple[Hierarchy, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    hierarchy = Hierarchy.of(CROSSED, LEVELS)
    base = rng.uniform(1, 10, (len(hierarchy), 5))
    history = hierarchy.all(rng.gamma(2, 3, (12, 60)))
    fitted = history + rng.normal(0, 1, history.shape) * np.sqrt(hierarchy.all(np.ones(12)))[:, None]
    return hierarchy, base, history, fitted


@pytest.mark.parametrize("theirs", ["ols", "wls_struct", "wls_var", "mint_shrink"])
def test_the_same_numbers_as_hierarchicalforecast(theirs: str) -> None:
    hierarchy, base, history, fitted = case()
    summing = hierarchy.all(np.eye(12))
    oracle = MinTrace(method=theirs, mint_shr_ridge=0.0)
    oracle.fit(S=summing, y_hat=base, y_insample=history, y_hat_insample=fitted)
    wanted = oracle.predict(S=summing, y_hat=base)["mean"]
    made = reconcile(hierarchy, base, theirs.replace("_", "-"), residuals=history - fitted, nonnegative=False)
    np.testing.assert_allclose(made, wanted, atol=1e-5)


def test_bottom_up_as_hierarchicalforecast() -> None:
    hierarchy, base, _, _ = case()
    summing = hierarchy.all(np.eye(12))
    oracle = BottomUp()
    oracle.fit(S=summing, y_hat=base)
    np.testing.assert_allclose(reconcile(hierarchy, base, "bottom-up"), oracle.predict(S=summing, y_hat=base)["mean"])


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_without_negative_numbers_the_optimum_is_that_of_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hierarchy = Hierarchy.of(CROSSED, LEVELS)
    base, variance = rng.normal(1, 3, (len(hierarchy), 2)), rng.uniform(0.2, 5, len(hierarchy))
    summing = hierarchy.all(np.eye(12))
    found = Projection(hierarchy, variance)(base)
    for k in range(2):
        wanted = lsq_linear(
            summing / np.sqrt(variance)[:, None], base[:, k] / np.sqrt(variance), (0, np.inf), tol=1e-13
        ).x
        np.testing.assert_allclose(found[:, k], wanted, atol=1e-5)


@given(st.integers(0, 10_000), st.sampled_from(METHODS))
@settings(max_examples=40)
def test_every_method_adds_up_and_leaves_what_adds_up_alone(seed: int, method: str) -> None:
    rng = np.random.default_rng(seed)
    hierarchy = Hierarchy.of(CROSSED, LEVELS)
    errors = rng.normal(size=(len(hierarchy), 30))
    base = rng.gamma(1.0, 3.0, (len(hierarchy), 3, 2))
    made = reconcile(hierarchy, base, method, residuals=errors, level="a")  # type: ignore[arg-type]
    assert (made >= 0).all()
    np.testing.assert_allclose(made[: hierarchy.n_upper], hierarchy.up(made[hierarchy.n_upper :]), atol=1e-9)
    again = reconcile(hierarchy, made, method, residuals=errors, level="a")  # type: ignore[arg-type]
    np.testing.assert_allclose(again, made, atol=1e-5)


def test_top_down_and_middle_out_keep_their_level() -> None:
    hierarchy, base, _, _ = case()
    np.testing.assert_allclose(reconcile(hierarchy, base, "top-down")[0], base[0])
    np.testing.assert_allclose(reconcile(hierarchy, base, "middle-out", level="a")[1:4], base[1:4])
    silent = base.copy()
    silent[hierarchy.n_upper :] = 0  # no item expects anything: alike
    np.testing.assert_allclose(reconcile(hierarchy, silent, "top-down")[-1], base[0] / 12)


def test_common_errors_move_all_items_together() -> None:
    """A total that is known well corrects items in proportion to how their errors go with the total's."""
    hierarchy = Hierarchy.of(CROSSED.head(2), ["total"])
    rng = np.random.default_rng(0)
    common = rng.normal(size=400)
    errors = np.stack([0.01 * rng.normal(size=400), 3 * common, common + 0.01 * rng.normal(size=400)])
    base = np.array([[10.0], [8.0], [6.0]])
    made = reconcile(hierarchy, base, "mint-shrink", residuals=errors)
    moved = (base - made)[1:, 0]
    assert made[0, 0] == pytest.approx(10, abs=0.1)
    assert moved[0] / moved[1] == pytest.approx(3, rel=0.2)


def test_shrinkage_is_that_of_the_plain_sums() -> None:
    rng = np.random.default_rng(3)
    raw = rng.normal(size=(5, 20)) + rng.normal(size=20)
    standard = (raw - raw.mean(axis=1, keepdims=True)) / raw.std(axis=1, ddof=1, keepdims=True)
    top = bottom = 0.0
    for i in range(5):
        for j in range(5):
            if i != j:
                product = standard[i] * standard[j]
                top += 20 / 19**3 * ((product - product.mean()) ** 2).sum()
                bottom += (20 / 19 * product.mean()) ** 2
    assert shrinkage(standard) == pytest.approx(top / bottom)


def test_what_is_missing_is_said() -> None:
    hierarchy, base, _, _ = case()
    with pytest.raises(ConfigError, match="needs residuals"):
        reconcile(hierarchy, base, "mint-shrink")
    with pytest.raises(ConfigError, match="there are: total, a, b, a/b"):
        reconcile(hierarchy, base, "middle-out")
    with pytest.raises(ConfigError, match="There is no reconciliation 'magic'"):
        reconcile(hierarchy, base, "magic")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="24 nodes"):
        reconcile(hierarchy, base[:3])
