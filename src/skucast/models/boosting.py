"""Gradient-boosted trees for the whole panel: one model for all series and all steps ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from ..forecast import invert_cdf
from ..panel import F32, Panel
from .boosting_matrix import Columns, Matrix
from .boosting_sample import Sample, draw, past_origins
from .boosting_spread import Spread
from .spec import Arrays, Capabilities, Fitted, Progress, Spec

F64 = npt.NDArray[np.float64]
Objective = Literal["tweedie", "poisson", "regression", "quantile"]

_KNOTS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)  # levels that the objective 'quantile' fits
_PATIENCE = 20  # rounds without improvement before growing stops
_HELD_SHARE = 4  # at most this part of the history is held out for stopping and spread
_CELLS = 400_000  # rows of features made at once when forecasting
_TUNED: dict[str, Any] = {
    "feature_fraction": 0.7, "bagging_fraction": 0.8, "bagging_freq": 1, "max_bin": 127,
    "tweedie_variance_power": 1.3, "verbosity": -1, "deterministic": True, "force_row_wise": True,
}  # fmt: skip


@dataclass(frozen=True)
class LightGbm(Spec):
    """Gradient-boosted trees (LightGBM), global and direct: the step ahead is a feature.

    Rows are pairs (series, step ahead) at past origins, demand divided by the series' own level, so that one
    model serves all items and new ones. The last origins are held out: they say how many trees are enough and how
    demand spreads around the mean; then all trees are grown again on everything. Covariates of every role
    are used, and with ``country`` its public holidays, feasts and sale events.

    Memory is bounded by ``rows``: about ten bytes per row and feature while fitting (some 45 features plus
    covariates), beside a few copies of the dense panel.

    Attributes:
        objective: ``tweedie``, ``poisson`` or ``regression`` for the mean, spread by held-out ratios; ``quantile``
            fits quantiles directly, which takes about five times as long.
        trees: most trees; fewer where the held-out origins say so.
        learning_rate: of each tree.
        leaves: most leaves per tree.
        origins: past origins that rows are drawn from, the recent ones denser.
        rows: most training rows.
        country: ISO code of the holidays; empty for none.
        subdivision: part of the country.
        threads: of LightGBM; 0 takes what OpenMP gives. Results do not depend on it.

    Source: Ke et al. (2017), LightGBM, NeurIPS; Januschowski et al. (2022), Forecasting with trees, IJF 38;
    Tweedie loss as in the M5 competition (Makridakis et al. 2022, IJF 38).
    """

    name: ClassVar[str] = "lightgbm"
    capabilities: ClassVar[Capabilities] = Capabilities(
        summary="Gradient-boosted trees over lags, calendar and covariates, one model for all series.",
        probabilistic="residuals",
        scope="global",
        known=True,
        past=True,
        static=True,
        stochastic=True,
    )
    objective: Objective = "tweedie"
    trees: int = 150
    learning_rate: float = 0.08
    leaves: int = 31
    origins: int = 40
    rows: int = 200_000
    country: str = ""
    subdivision: str = ""
    threads: int = 0

    def __post_init__(self) -> None:
        if self.objective not in get_args(Objective):
            raise ConfigError(
                f"Model 'lightgbm': objective must be {', '.join(get_args(Objective))}, not '{self.objective}'."
            )
        for option, least in (("trees", 1), ("leaves", 2), ("origins", 1), ("rows", 100), ("threads", 0)):
            value = getattr(self, option)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigError(f"Model 'lightgbm': {option} must be a whole number from {least}, not {value!r}.")
        if not 0 < self.learning_rate <= 1:
            raise ConfigError(f"Model 'lightgbm': learning_rate must lie in (0, 1], not {self.learning_rate}.")

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        columns = Columns.of(panel, self.country, self.subdivision)
        matrix = Matrix(panel, columns)
        rng = np.random.default_rng(seed)
        last = matrix.n_steps - 1
        first = min(2 * columns.season if columns.season <= 24 else columns.season // 2, last // 3)
        held = min(horizon, last // _HELD_SHARE)
        grower = _Grower(self, columns, seed, progress)

        def sample(until: int, rows: int) -> Sample:
            origins = past_origins(first, until - 1, horizon, self.origins)
            return draw(matrix, origins, horizon, until, rows, rng)

        boosters: dict[str, Any] = {}
        spread = Spread.learn(*(np.empty(0) for _ in range(3)))
        rounds = {goal: min(self.trees, 50) for goal in grower.goals}
        check = draw(
            matrix, [last - held * k // 4 for k in (4, 3, 2, 1)] if held else [], horizon, last, self.rows // 3, rng
        )
        if len(check):
            early = sample(last - held, self.rows)
            for done, goal in enumerate(grower.goals):
                trial = grower.grow(early, goal, self.trees, check, 0.6 * done / len(grower.goals))
                if trial is None:
                    continue
                rounds[goal] = max(1, trial.best_iteration)
                if goal == grower.goals[0]:
                    mean = np.maximum(trial.predict(check.x, num_threads=self.threads), 0) * check.level
                    spread = Spread.learn(mean, _restless(columns, check.x, mean / check.level), check.y)
            del early
        check_rows = len(check)
        del check
        full = sample(last, self.rows)
        for done, goal in enumerate(grower.goals):
            booster = grower.grow(full, goal, rounds[goal], None, 0.6 + 0.4 * done / len(grower.goals))
            if booster is not None:
                boosters[goal] = booster
        if progress:
            progress("trees", 1.0)
        about = {"rounds": rounds, "rows": len(full), "held_out_rows": check_rows}
        return FittedLightGbm(self, panel, seed, columns, boosters, spread, about)

    @classmethod
    def load_fitted(cls, spec: Any, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        import lightgbm

        boosters = {
            name.removeprefix("trees_"): lightgbm.Booster(model_str=array.tobytes().decode())
            for name, array in arrays.items()
            if name.startswith("trees_")
        }
        columns = Columns.from_dict(about["columns"])
        return FittedLightGbm(spec, panel, 0, columns, boosters, Spread.from_arrays(arrays), about["training"])


@dataclass(frozen=True, eq=False, repr=False)
class FittedLightGbm(Fitted):
    """See `LightGbm`.

    Attributes:
        columns: features of the trees.
        boosters: ``mean`` and, for the objective ``quantile``, one per level; none if nothing could be learned.
        spread: of demand around the mean.
        training: rounds of each booster, training rows and held-out rows.
    """

    spec: LightGbm
    columns: Columns
    boosters: Mapping[str, Any]
    spread: Spread
    training: Mapping[str, Any]

    def _predict(
        self, horizon: int, known: Mapping[str, F32], levels: tuple[float, ...], seed: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        count = len(self.panel)
        mean = np.full((count, horizon), np.nan, dtype=np.float32)
        quantiles = np.full((count, horizon, len(levels)), np.nan, dtype=np.float32)
        width = max(1, _CELLS // horizon)
        for first in range(0, count, width):
            rows = np.arange(first, min(first + width, count))
            ahead = {name: block[rows] for name, block in known.items()}
            mean[rows], quantiles[rows] = self._block(self.panel.take(rows), ahead, horizon, levels)
        return mean, quantiles

    def _block(
        self, panel: Panel, known: Mapping[str, F32], horizon: int, levels: tuple[float, ...]
    ) -> tuple[F64, F64]:
        """Mean ``(S, H)`` and quantiles ``(S, H, Q)`` of some series."""
        count = len(panel)
        mean, quantiles = np.full((count, horizon), np.nan), np.full((count, horizon, len(levels)), np.nan)
        matrix = Matrix(panel, self.columns, known)
        level = matrix.level(matrix.n_steps - 1) if matrix.n_steps else np.full(count, np.nan, dtype=np.float32)
        never_sold = level == 0  # observed, but nothing to scale by
        mean[never_sold], quantiles[never_sold] = 0.0, 0.0
        alive = np.flatnonzero(np.nan_to_num(level) > 0)
        if not self.boosters or not alive.size:
            return mean, quantiles
        series, steps = np.repeat(alive, horizon), np.tile(np.arange(1, horizon + 1), alive.size)
        x = np.empty((series.size, len(self.columns.names)), dtype=np.float32)
        matrix.rows(matrix.n_steps - 1, series, steps, horizon, level, x)
        size = level[series].astype(np.float64)
        said = {goal: self._said(goal, x) for goal in self.boosters}
        mean[alive] = (said["mean"] * size).reshape(-1, horizon)
        if self.spec.objective == "quantile":
            found = np.sort(np.stack([said[f"{q:g}"] for q in _KNOTS], axis=1), axis=1)
            at = np.broadcast_to(levels, (len(found), len(levels)))
            spread = invert_cdf(np.asarray(_KNOTS), found, at) * size[:, None]
        else:
            spread = self.spread.quantiles(said["mean"] * size, _restless(self.columns, x, said["mean"]), levels)
        quantiles[alive] = spread.reshape(-1, horizon, len(levels))
        return mean, quantiles

    def _said(self, goal: str, x: F32) -> F64:
        return np.asarray(np.maximum(self.boosters[goal].predict(x, num_threads=self.spec.threads), 0.0))

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        trees = {
            f"trees_{goal}": np.frombuffer(booster.model_to_string().encode(), dtype=np.uint8)
            for goal, booster in self.boosters.items()
        }
        return {**trees, **self.spread.to_arrays()}, {
            "columns": self.columns.to_dict(),
            "training": dict(self.training),
        }

    def importance(self) -> dict[str, float]:
        """Feature -> share of the total gain of the trees for the mean, largest first."""
        if "mean" not in self.boosters:
            return {}
        gain = self.boosters["mean"].feature_importance("gain")
        share = gain / max(gain.sum(), 1e-300)
        order = np.argsort(-share, kind="stable")
        return {self.columns.names[k]: float(share[k]) for k in order}


class _Grower:
    """Grows the boosters of one fit."""

    def __init__(self, spec: LightGbm, columns: Columns, seed: int, progress: Progress | None) -> None:
        self.spec, self.columns, self.seed, self.progress = spec, columns, seed, progress

    @property
    def goals(self) -> list[str]:
        """What is fitted: the mean first, then quantile levels."""
        return ["mean", *(f"{q:g}" for q in _KNOTS if self.spec.objective == "quantile")]

    def grow(self, sample: Sample, goal: str, rounds: int, check: Sample | None, begun: float) -> Any:
        """A booster for one goal, or None where there is nothing to learn from."""
        import lightgbm

        if not len(sample) or not sample.y.any():
            return None
        spec = self.spec
        objective = "tweedie" if spec.objective == "quantile" else spec.objective
        options = {
            **_TUNED,
            "objective": objective if goal == "mean" else "quantile",
            "learning_rate": spec.learning_rate,
            "num_leaves": spec.leaves,
            "min_data_in_leaf": int(np.clip(len(sample) // 200, 5, 100)),
            "num_threads": spec.threads,
            "seed": self.seed,
        }
        if goal != "mean":
            options["alpha"] = float(goal)
        categorical: Sequence[int] = self.columns.categorical

        def data(rows: Sample, reference: Any = None) -> Any:
            return lightgbm.Dataset(
                rows.x, rows.target, weight=rows.weight, reference=reference, params=options,
                categorical_feature=list(categorical), feature_name=_safe(self.columns.names),
            )  # fmt: skip

        def report(env: Any) -> None:
            if self.progress:
                self.progress(
                    f"trees for {goal}", begun + 0.5 * (env.iteration + 1) / env.end_iteration / len(self.goals)
                )

        train = data(sample)
        callbacks = [report]
        if check is not None:
            callbacks.append(lightgbm.early_stopping(_PATIENCE, verbose=False))
        return lightgbm.train(
            options, train, rounds, valid_sets=[] if check is None else [data(check, train)], callbacks=callbacks
        )


def _restless(columns: Columns, x: F32, mean: F64) -> F64:
    """Standard deviation of the longest known window over the forecast mean, ``(R,)``; both are over level."""
    names = columns.at_origin
    spread = x[:, names.index(f"std_{columns.spans[-1]}")].astype(np.float64)
    return np.asarray(np.nan_to_num(spread) / np.maximum(mean, 1e-9))


def _safe(names: Sequence[str]) -> list[str]:
    """Names without the characters that LightGBM's text format forbids."""
    return [f"{k}_{''.join(c if c.isalnum() else '_' for c in name)}" for k, name in enumerate(names)]
