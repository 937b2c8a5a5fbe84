"""Bagged trees: a random forest over lags, calendar and covariates, one for all series."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..panel import Panel
from .boosting import FittedLightGbm, LightGbm, restless
from .boosting_matrix import Columns, Matrix
from .boosting_sample import Sample, draw, past_origins
from .boosting_spread import Spread
from .spec import Progress

CAPABILITIES = replace(LightGbm.capabilities, summary="A random forest over lags, calendar and covariates.")
"""What `Bagging` can do when its base is trees."""

_TREES_A_BAG = 10
_ORIGINS = 40
_HELD_SHARE = 4  # at most this part of the history is held out to see how demand spreads around the forest
_FOREST: dict[str, Any] = {
    "boosting": "rf", "objective": "regression", "bagging_freq": 1, "bagging_fraction": 0.632, "feature_fraction": 0.5,
    "num_leaves": 255, "max_bin": 127, "verbosity": -1, "deterministic": True, "force_row_wise": True,
    "num_threads": 1,  # threads would wait for each other longer than they work
}  # fmt: skip


def forest_of(bags: int) -> LightGbm:
    """What predicts like a forest once it is grown: ten trees a bag for the mean, spread by held-out ratios."""
    return LightGbm(objective="regression", trees=_TREES_A_BAG * bags, groups=False)


def grow(spec: LightGbm, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> FittedLightGbm:
    """A forest for the mean, and how demand spread around an earlier forest on the last origins.

    Rows are those of `LightGbm`: demand over level, as seen from past origins.

    Args:
        spec: what `forest_of` gave; each tree sees 63 % of the rows and half of the features.
        panel: history.
        horizon: steps ahead.
        seed: of all draws.
        progress: told after either forest.

    Source: Breiman (2001), Random forests, Machine Learning 45.
    """
    columns = Columns.of(panel)
    matrix, rng = Matrix(panel, columns), np.random.default_rng(seed)
    last = matrix.n_steps - 1
    first = min(2 * columns.season if columns.season <= 24 else columns.season // 2, last // 3)
    held = min(horizon, last // _HELD_SHARE)
    spread = Spread.learn(*(np.empty(0) for _ in range(3)))

    def forest(until: int, rows: int) -> Any:
        sample = draw(matrix, past_origins(first, until - 1, _ORIGINS), horizon, until, rows, rng)
        return _forest(sample, columns, spec.trees, seed)

    if held:
        check = draw(matrix, [last - held], horizon, last, spec.rows // 4, rng)
        early = forest(last - held, spec.rows // 2) if len(check) else None
        if early is not None:
            mean = np.maximum(early.predict(check.x), 0)
            spread = Spread.learn(mean * check.level, restless(columns, check.x, mean), check.y)
        if progress:
            progress("trees", 0.4)
    grown = forest(last, spec.rows)
    if progress:
        progress("trees", 1.0)
    boosters = {} if grown is None else {"mean": grown}
    return FittedLightGbm(spec, panel, seed, columns, boosters, spread, {"trees": spec.trees})


def _forest(sample: Sample, columns: Columns, trees: int, seed: int) -> Any:
    """A forest, or None where there is nothing to learn from."""
    import lightgbm

    if not len(sample) or not sample.y.any():
        return None
    options = {**_FOREST, "seed": seed, "min_data_in_leaf": int(np.clip(len(sample) // 2000, 5, 40))}
    data = lightgbm.Dataset(
        sample.x, sample.target, weight=sample.weight, params=options, categorical_feature=list(columns.categorical)
    )
    return lightgbm.train(options, data, trees)
