"""Gradient-boosted trees for the whole panel: one model for all series and all steps ahead."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from ..forecast import LEVELS, invert_cdf
from ..panel import F32, Panel
from .boosting_groups import Groups
from .boosting_grow import Grower, said
from .boosting_matrix import Columns, Matrix
from .boosting_recursive import Widening, block_steps, rehearse, roll
from .boosting_sample import EVEN, Sample, draw, past_origins
from .boosting_spread import Spread
from .space import OneOf, Range, Space
from .spec import Arrays, Capabilities, Fitted, Progress, Spec

F64 = npt.NDArray[np.float64]
Objective = Literal["tweedie", "poisson", "regression", "quantile"]
Strategy = Literal["direct", "recursive"]

_KNOTS = (0.1, 0.3, 0.5, 0.7, 0.9, 0.975)  # levels that the objective 'quantile' fits; linear between them
_MIDDLE = "0.5"  # the quantile whose number of trees all others take
_MOST_ORIGINS = 400
_BLOCKS = 400_000  # series times origins whose features are made while drawing rows
_UNTESTED = 50  # trees where nothing can be held out
_LEAST_SHARE = 0.75  # of the trees that quantiles get at least: one held-out window may be too easy by chance
_HELD_SHARE = 4  # at most this part of the history is held out for stopping and spread
_CHECKS = 12  # held-out origins of the recursive strategy for stopping: its blocks are short
_REHEARSALS = 4  # held-out origins from which it is rolled forward, to see how wide intervals must be
_CELLS = 400_000  # rows of features made at once when forecasting
_TUNED: dict[str, Any] = {
    "feature_fraction": 0.7, "bagging_fraction": 0.8, "bagging_freq": 1, "max_bin": 127,
    "tweedie_variance_power": 1.3, "verbosity": -1, "deterministic": True, "force_row_wise": True,
}  # fmt: skip


@dataclass(frozen=True)
class LightGbm(Spec):
    """Gradient-boosted trees (LightGBM), one model for all series; the step ahead is a feature.

    Rows are pairs (series, step ahead) at past origins, demand divided by the series' own level, so that one
    model serves all items and new ones. The last origins are held out to learn how many trees are enough (and, unless
    quantiles are fitted, how demand spreads around the mean); then all trees are grown again on everything.
    Covariates of every role are used, and the public holidays, feasts and sale days of the panel's place.

    Memory is bounded by ``rows``: about ten bytes per row and feature while fitting (some 45 features, up to
    16 of groups, and covariates), beside a few copies of the dense panel.

    Attributes:
        objective: ``quantile`` fits six quantiles, and the mean with the Tweedie loss. ``tweedie``, ``poisson`` and
            ``regression`` fit the mean only, spread by held-out ratios: about four times as fast, and less sharp
            where demand is erratic.
        trees: most trees of each booster; fewer where the held-out origins say so.
        learning_rate: of each tree.
        leaves: most leaves per tree.
        origins: past origins that rows are drawn from, the recent ones denser; more of them where the panel is so
            small that they would not fill ``rows``, or the history so long that they would be weeks of days apart.
        rows: most training rows.
        threads: boosters grown at a time; 0 is one per core. Results do not depend on it.
        strategy: ``direct`` learns all steps of the horizon from the last known one. ``recursive`` learns a short
            block only (7 days, 24 hours, one step of any other frequency), appends its mean to the history and forecasts
            the next block from there; quantiles widen from block to block as they had to on held-out
            origins that were rolled forward in the same way. Past covariates keep their last value ahead.
        groups: tell the trees how all items together, and the groups of up to three text static columns, behave: profile
            of the short season, index of the year, growth within a year and lately. They stay as they were at the
            fit, so fit anew rather than update for months. Off, because the gain depends on the panel.

    Source: Ke et al. (2017), LightGBM, NeurIPS; Januschowski et al. (2022), Forecasting with trees, IJF 38;
    Tweedie loss as in the M5 competition (Makridakis et al. 2022, IJF 38).
    """

    name: ClassVar[str] = "lightgbm"
    capabilities: ClassVar[Capabilities] = Capabilities(
        summary="Gradient-boosted trees over lags, calendar and covariates, one model for all series.",
        probabilistic="native",
        scope="global",
        known=True,
        past=True,
        static=True,
        stochastic=True,
    )
    space: ClassVar[Space] = {
        "objective": OneOf("quantile", "tweedie", "poisson", "regression"),
        "trees": Range(40, 320, log=True),
        "learning_rate": Range(0.03, 0.3, log=True),
        "leaves": Range(8, 128, log=True),
        "origins": Range(16, 120, log=True),
        "strategy": OneOf("direct", "recursive"),
        "groups": OneOf(False, True),
    }
    objective: Objective = "quantile"
    trees: int = 80
    learning_rate: float = 0.12
    leaves: int = 31
    origins: int = 40
    rows: int = 120_000
    threads: int = 0
    strategy: Strategy = "direct"
    groups: bool = False

    def __post_init__(self) -> None:
        for option, choices in (("objective", get_args(Objective)), ("strategy", get_args(Strategy))):
            if getattr(self, option) not in choices:
                raise ConfigError(
                    f"Model 'lightgbm': {option} must be {', '.join(choices)}, not '{getattr(self, option)}'."
                )
        if not isinstance(self.groups, bool):
            raise ConfigError(f"Model 'lightgbm': groups must be true or false, not {self.groups!r}.")
        for option, least in (("trees", 1), ("leaves", 2), ("origins", 1), ("rows", 100), ("threads", 0)):
            value = getattr(self, option)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigError(f"Model 'lightgbm': {option} must be a whole number from {least}, not {value!r}.")
        if not 0 < self.learning_rate <= 1:
            raise ConfigError(f"Model 'lightgbm': learning_rate must lie in (0, 1], not {self.learning_rate}.")

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> Fitted:
        columns = Columns.of(panel, self.groups)
        groups = (
            Groups.learn(panel, {name: columns.texts[name] for name in columns.groups if name}) if self.groups else None
        )
        matrix = Matrix(panel, columns, groups=groups)
        rng = np.random.default_rng(seed)
        last = matrix.n_steps - 1
        first = min(2 * columns.season if columns.season <= 24 else columns.season // 2, last // 3)
        block = min(horizon, block_steps(panel.freq)) if self.strategy == "recursive" else 0
        reach = block or horizon  # steps that the trees look ahead
        held = min(horizon + horizon // 2 if block else horizon, last // _HELD_SHARE)
        count = self._origin_count(len(panel), reach, last - first, columns.season)
        goals = self._goals()
        tested = {goal: goals[goal] for goal in goals if block or goal in ("mean", _MIDDLE)}
        options = {**_TUNED, "learning_rate": self.learning_rate, "num_leaves": self.leaves, "seed": seed}
        grower = Grower(options, columns, self.threads, len(goals) + len(tested), progress)

        def sample(until: int, rows: int) -> Sample:
            origins = past_origins(first, until - 1, count)
            return draw(matrix, origins, reach, until, rows, rng)

        spread, widening = Spread.learn(*(np.empty(0) for _ in range(3))), Widening.none()
        rounds = dict.fromkeys(goals, min(self.trees, _UNTESTED))
        back = [last - held * part // 4 for part in (4, 3, 2, 1)] if held else []
        if block and held:
            back = [int(o) for o in last - np.unique(np.linspace(held, min(block, held), _CHECKS).astype(np.int64))]
        check = draw(matrix, back, reach, last, self.rows // 4, rng)
        check_rows = len(check)
        if check_rows:
            early = sample(last - held, self.rows // 2)
            trials = grower.grow(early, {goal: (self.trees, more) for goal, more in tested.items()}, check)
            if _MIDDLE in trials:
                enough = max(trials[_MIDDLE].best_iteration, round(_LEAST_SHARE * self.trees))
                rounds = dict.fromkeys(goals, enough)
            if "mean" in trials:
                rounds["mean"] = trials["mean"].best_iteration
                if self.objective != "quantile":
                    mean = said({"mean": trials["mean"]}, check.x, self.threads)["mean"]
                    spread = Spread.learn(mean * check.level, restless(columns, check.x, mean), check.y)
                if block:
                    trial = FittedLightGbm(self, panel, seed, columns, trials, spread, {}, block, groups=groups)
                    widening = self._rehearsed(trial, matrix.first_step + last - held, horizon, rng)
            del early, check
        full = sample(last, self.rows)
        boosters = grower.grow(full, {goal: (rounds[goal], more) for goal, more in goals.items()})
        about = {"rounds": rounds, "rows": len(full), "held_out_rows": check_rows}
        return FittedLightGbm(self, panel, seed, columns, boosters, spread, about, block, widening, groups)

    def _rehearsed(self, trial: FittedLightGbm, origin: int, horizon: int, rng: np.random.Generator) -> Widening:
        """How much wider quantiles must be after some blocks, from trees that know nothing after ``origin``."""
        panel = trial.panel
        held = panel.end - origin
        back = np.unique(np.linspace(max(1, held - held // 3), held, _REHEARSALS).astype(np.int64))
        lead, quantiles, came, size = rehearse(
            panel, [int(o) for o in panel.end - back], horizon, self.rows // 4, rng,
            lambda part, known, steps: trial._rolled(part, known, steps, LEVELS),
        )  # fmt: skip
        return Widening.learn(lead // trial.block, quantiles, came, size)

    def _origin_count(self, series: int, horizon: int, span: int, season: int) -> int:
        """How many past origins to look from: more where the panel is small, or where a holiday would be skipped."""
        filling = self.rows // (series * horizon)
        season_apart = math.ceil(span / (EVEN * season)) if season <= 24 else 0
        return max(self.origins, min(max(filling, season_apart), _MOST_ORIGINS, _BLOCKS // series))

    def _goals(self) -> dict[str, dict[str, Any]]:
        """What is fitted, the mean first, then quantile levels, with the parameters of each."""
        if self.objective != "quantile":
            return {"mean": {"objective": self.objective}}
        levels = {f"{q:g}": {"objective": "quantile", "alpha": q} for q in _KNOTS}
        return {"mean": {"objective": "tweedie"}, **levels}

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
        return FittedLightGbm(
            spec, panel, 0, columns, boosters, Spread.from_arrays(arrays), about["training"], about["block"],
            Widening.from_arrays(arrays), Groups.from_state(arrays, about["groups"]) if about["groups"] else None,
        )  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class FittedLightGbm(Fitted):
    """See `LightGbm`.

    Attributes:
        columns: features of the trees.
        boosters: ``mean`` and, for the objective ``quantile``, one per level; none if nothing could be learned.
        spread: of demand around the mean.
        training: rounds of each booster, training rows and held-out rows.
        block: steps that are forecast at a time, 0 for all of them.
        widening: of quantiles from block to block.
        groups: how groups of items behaved at the fit, if that was asked for.
    """

    spec: LightGbm
    columns: Columns
    boosters: Mapping[str, Any]
    spread: Spread
    training: Mapping[str, Any]
    block: int = 0
    widening: Widening = field(default_factory=Widening.none)
    groups: Groups | None = None

    def _predict(
        self, horizon: int, known: Mapping[str, F32], levels: tuple[float, ...], seed: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        count = len(self.panel)
        mean = np.full((count, horizon), np.nan, dtype=np.float32)
        quantiles = np.full((count, horizon, len(levels)), np.nan, dtype=np.float32)
        width = max(1, _CELLS // horizon)
        ask = self._rolled if self.block else self._ahead
        for first in range(0, count, width):
            rows = np.arange(first, min(first + width, count))
            ahead = {name: block[rows] for name, block in known.items()}
            mean[rows], quantiles[rows] = ask(self.panel.take(rows), ahead, horizon, levels)
        return mean, quantiles

    def _rolled(
        self, panel: Panel, known: Mapping[str, F32], horizon: int, levels: tuple[float, ...]
    ) -> tuple[F64, F64]:
        """Mean ``(S, H)`` and quantiles ``(S, H, Q)`` of some series, block after block."""
        every = tuple(sorted({*levels, 0.5}))  # quantiles widen around the median
        mean, quantiles = roll(
            panel, known, horizon, self.columns, self.block,
            lambda part, ahead, steps: self._ahead(part, ahead, steps, every),
        )  # fmt: skip
        wide = self.widening.of(quantiles, quantiles[:, :, every.index(0.5)], self.block)
        return mean, wide[:, :, [every.index(q) for q in levels]]

    def _ahead(
        self, panel: Panel, known: Mapping[str, F32], horizon: int, levels: tuple[float, ...]
    ) -> tuple[F64, F64]:
        """Mean ``(S, H)`` and quantiles ``(S, H, Q)`` of some series."""
        count = len(panel)
        mean, quantiles = np.full((count, horizon), np.nan), np.full((count, horizon, len(levels)), np.nan)
        matrix = Matrix(panel, self.columns, known, self.groups)
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
        trees = said(self.boosters, x, self.spec.threads)
        mean[alive] = (trees["mean"] * size).reshape(-1, horizon)
        if self.spec.objective == "quantile":
            found = np.sort(np.stack([trees[f"{q:g}"] for q in _KNOTS], axis=1), axis=1)
            at = np.broadcast_to(levels, (len(found), len(levels)))
            spread = invert_cdf(np.asarray(_KNOTS), found, at) * size[:, None]
        else:
            spread = self.spread.quantiles(trees["mean"] * size, restless(self.columns, x, trees["mean"]), levels)
        quantiles[alive] = spread.reshape(-1, horizon, len(levels))
        return mean, quantiles

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        trees = {
            f"trees_{goal}": np.frombuffer(booster.model_to_string().encode(), dtype=np.uint8)
            for goal, booster in self.boosters.items()
        }
        groups = self.groups.to_arrays() if self.groups else {}
        return {**trees, **self.spread.to_arrays(), **self.widening.to_arrays(), **groups}, {
            "columns": self.columns.to_dict(),
            "training": dict(self.training),
            "block": self.block,
            "groups": self.groups.to_dict() if self.groups else None,
        }

    def importance(self) -> dict[str, float]:
        """Feature -> share of the total gain of the trees for the mean, largest first."""
        if "mean" not in self.boosters:
            return {}
        gain = self.boosters["mean"].feature_importance("gain")
        share = gain / max(gain.sum(), 1e-300)
        order = np.argsort(-share, kind="stable")
        return {self.columns.names[k]: float(share[k]) for k in order}


def restless(columns: Columns, x: F32, mean: F64) -> F64:
    """How uneven demand is, ``(R,)``: deviation in the longest known window over the forecast mean, both over level."""
    names = columns.at_origin
    spread = x[:, names.index(f"std_{columns.spans[-1]}")].astype(np.float64)
    return np.asarray(np.nan_to_num(spread) / np.maximum(mean, 1e-9))
