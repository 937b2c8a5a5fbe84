"""Trial: the test of several candidates on the last windows of a panel, from which a choice is made."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..evaluate.backtest import Backtest, run_windows, windows_that_fit
from ..evaluate.classes import CLASSES, demand_classes
from ..evaluate.window import Outcome
from ..models.spec import Progress, Spec
from ..panel import Panel
from .combine import mix

F64 = npt.NDArray[np.float64]

SAMPLE = 1000  # series per class that candidates are tested on


@dataclass(frozen=True, eq=False)
class Trial:
    """How candidates did on the last windows of a panel.

    Attributes:
        backtest: of the candidates, on a sample of the panel where that is large.
        notes: what was cut short, for people.
    """

    backtest: Backtest
    notes: tuple[str, ...] = ()

    @property
    def tested(self) -> int:
        """Number of series in the test."""
        return len(self.backtest.panel)


def plan_windows(panel: Panel, horizon: int, wanted: int, least: int = 1) -> tuple[int, int]:
    """Length and number of test windows at the end of a panel.

    The windows take at most half of the history, so that models have something to learn from in the first of
    them; fewer windows rather than that. Where not even ``least`` windows of the horizon fit, windows are shorter.

    Args:
        panel: all history.
        horizon: steps that a window should have.
        wanted: windows that there should be.
        least: windows without which a test makes no sense.

    Returns:
        Steps and windows; ``(0, 0)`` if the panel is too short for any test.
    """
    steps = horizon
    if windows_that_fit(panel, steps) < least:
        steps = min(horizon, panel.n_steps // (least + 2))
    fits = windows_that_fit(panel, steps) if steps else 0
    if fits < least:
        return 0, 0
    return steps, max(least, min(wanted, fits, panel.n_steps // 2 // steps))


def run_trial(
    specs: Mapping[str, Spec],
    panel: Panel,
    steps: int,
    windows: int,
    *,
    refit: bool = False,
    budget_seconds: float = 0.0,
    seed: int = 0,
    progress: Progress | None = None,
) -> Trial:
    """Test candidates on the last windows of a panel.

    They are fitted before the first window and then follow the history without refitting. On panels with more
    than 1,000 series of a class a seeded sample of that class is tested, and each of its series stands for as many
    as were left out, so that scores are those of the whole panel in expectation. Classes are read off the history
    before the first window: the sample owes nothing to what is tested.

    Args:
        specs: label -> candidate.
        panel: all history.
        steps: length of a window.
        windows: number of windows.
        refit: fit anew before every window.
        budget_seconds: stop testing further candidates after so long; 0 is no limit.
        seed: of fits and of the sample.
        progress: hook ``progress(what, fraction_done)``.
    """
    notes: list[str] = []
    chosen, weights = _sample(panel, panel.end - steps * windows, seed)
    sample = panel if chosen is None else panel.take(chosen)
    if chosen is not None:
        notes.append(
            f"Models were tested on {chosen.size:,} of {len(panel):,} series (a sample of each class of demand, "
            "weighted to stand for all)."
        )

    def test(some: Mapping[str, Spec], done: float, share: float) -> Backtest:
        def hook(what: str, fraction: float) -> None:
            if progress:
                progress(f"test of {what}", done + share * fraction)

        return run_windows(sample, steps, windows, some, refit=refit, seed=seed, weights=weights, progress=hook)

    if not budget_seconds:
        return Trial(test(specs, 0.0, 1.0), tuple(notes))
    begin = time.perf_counter()
    result: Backtest | None = None
    for k, (label, spec) in enumerate(specs.items()):
        if result is not None and time.perf_counter() - begin > budget_seconds:
            notes.append(f"{label} was not tested: its share of the time budget is used up.")
            continue
        one = test({label: spec}, k / len(specs), 1 / len(specs))
        result = one if result is None else _merge(result, one)
    assert result is not None
    return Trial(result, tuple(notes))


def with_combination(backtest: Backtest, labels: list[str], weights: F64, name: str) -> Backtest:
    """The backtest with a combination of its models as one more.

    Args:
        backtest: of the members.
        labels: members, in the order of the weights.
        weights: ``(C, K)`` weight of each member for each class of demand.
        name: label of the combination.

    Where a member failed in a window the others take its weight, as they would have had to.
    """
    outcomes = dict(backtest.outcomes)
    for w, window in enumerate(backtest.windows):
        used = [k for k, label in enumerate(labels) if (label, w) in outcomes and weights[:, k].any()]
        if not used:
            continue
        share = weights[window.classes][:, used]
        share[share.sum(axis=1) == 0] = 1.0
        share = (share / share.sum(axis=1, keepdims=True)).astype(np.float32)
        members = [outcomes[labels[k], w] for k in used]
        outcomes[name, w] = Outcome(
            mix([m.mean for m in members], share),
            mix([m.quantiles for m in members], share),
            sum(m.seconds for m in members),
        )
    return replace(backtest, outcomes=outcomes, _cache={})


def _merge(one: Backtest, other: Backtest) -> Backtest:
    """Two tests of different models on the same windows as one."""
    return replace(
        one,
        outcomes={**other.outcomes, **one.outcomes},
        failures={**one.failures, **other.failures},
        said=tuple(dict.fromkeys([*one.said, *other.said])),
        _cache={},
    )


def _sample(panel: Panel, cutoff: int, seed: int) -> tuple[npt.NDArray[np.int64] | None, F64 | None]:
    """Rows of at most `SAMPLE` series per class and how many series each stands for; None if that is all."""
    codes = np.full(len(panel), CLASSES.index("new"))
    codes[panel.lengths > panel.end - cutoff] = demand_classes(panel.until(cutoff))
    codes[np.argmax(panel.lengths)] = len(CLASSES)  # always taken: it may be the only one that reaches back so far
    if np.bincount(codes).max() <= SAMPLE:
        return None, None
    rng = np.random.default_rng(seed)
    chosen, weights = [], []
    for c in np.unique(codes):
        rows = np.flatnonzero(codes == c)
        picked = rows if rows.size <= SAMPLE else rng.choice(rows, SAMPLE, replace=False)
        chosen.append(picked)
        weights.append(np.full(picked.size, rows.size / picked.size))
    index = np.concatenate(chosen)
    order = np.argsort(index)
    return index[order], np.concatenate(weights)[order]
