"""Regressions that are shrunk towards each other, on planted effects and against scikit-learn."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import Ridge

from skucast.models.shrinkage import Gram, Prior, effects, learn_prior


def planted(count: int = 300, steps: int = 40, differ: float = 0.5, seed: int = 0) -> tuple[Gram, np.ndarray]:
    """Two effects per series: one that differs between series, one that is the same for all."""
    rng = np.random.default_rng(seed)
    beta = np.stack([1 + differ * rng.normal(size=count), np.full(count, -0.5)], axis=1)
    x = rng.normal(size=(count, steps, 2))
    y = np.einsum("stp,sp->st", x, beta) + rng.normal(0, 1, (count, steps))
    gram = Gram(
        np.einsum("stp,stq->spq", x, x), np.einsum("stp,st->sp", x, y), (y**2).sum(axis=1), np.full(count, float(steps))
    )
    return gram, beta


def test_the_prior_is_learned() -> None:
    gram, _ = planted()
    prior = learn_prior(gram)
    np.testing.assert_allclose(prior.mean, [1, -0.5], atol=0.08)
    np.testing.assert_allclose(prior.variance[0], 0.25, rtol=0.3)
    assert prior.variance[1] < 0.02


def test_shrunk_effects_are_nearer_the_truth_than_those_of_each_series_alone_and_than_pooled_ones() -> None:
    gram, beta = planted()
    prior = learn_prior(gram)
    shrunk = effects(gram, prior)
    alone = np.linalg.solve(gram.xx, gram.xy[..., None])[..., 0]

    def wrong(found: np.ndarray) -> float:
        return float(((found - beta) ** 2).mean())

    assert wrong(shrunk) < 0.8 * wrong(alone)
    assert wrong(shrunk) < 0.3 * wrong(np.broadcast_to(prior.mean, beta.shape))


def test_with_a_given_prior_it_is_ridge_regression() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(60, 3)), rng.normal(size=60)
    gram = Gram((x.T @ x)[None], (x.T @ y)[None], np.array([y @ y]), np.array([60.0]))
    noise = float(gram.noise(np.zeros((1, 3)))[0])
    variance = 0.02
    found = effects(gram, Prior(np.zeros(3), np.full(3, variance)))
    theirs = Ridge(alpha=noise / variance, fit_intercept=False).fit(x, y).coef_
    np.testing.assert_allclose(found[0], theirs, rtol=1e-9)


def test_effects_that_may_not_differ_are_the_pooled_ones() -> None:
    gram, _ = planted()
    prior = learn_prior(gram, np.array([True, False]))
    found = effects(gram, prior)
    np.testing.assert_allclose(found[:, 1], prior.mean[1], atol=1e-3)
    assert found[:, 0].std() > 0.3


def test_series_without_observations_take_the_pooled_effects() -> None:
    gram, _ = planted(20)
    empty = Gram(
        np.concatenate([gram.xx, np.zeros((1, 2, 2))]), np.concatenate([gram.xy, np.zeros((1, 2))]),
        np.append(gram.yy, 0), np.append(gram.n, 0),
    )  # fmt: skip
    prior = learn_prior(empty)
    np.testing.assert_allclose(effects(empty, prior)[-1], prior.mean)
    nothing = learn_prior(Gram(np.zeros((2, 2, 2)), np.zeros((2, 2)), np.zeros(2), np.zeros(2)))
    assert np.isfinite(nothing.variance).all()
    assert (nothing.mean == 0).all()
