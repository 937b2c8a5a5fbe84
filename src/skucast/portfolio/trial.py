"""Trial: the test of several candidates on the last windows of a panel, from which a choice is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..evaluate.backtest import Backtest, run_windows, windows_that_fit
from ..evaluate.classes import CLASSES, demand_classes
from ..evaluate.window import Outcome
from ..models.spec import Progress, Spec
from ..panel import Panel
from .choice import Choice
from .clock import Clock

F64 = npt.NDArray[np.float64]

SAMPLE = 400  # series per class that candidates are tested on


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
    A history of little more than a year keeps a year before the first window, as far as windows of a third of the
    horizon allow that: without a year behind them models cannot show what they make of one.

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
    windows = max(least, min(wanted, fits, panel.n_steps // 2 // steps))
    room = panel.n_steps - _YEAR.get(panel.freq.unit, panel.n_steps) // panel.freq.multiple
    if steps * windows > room >= max(horizon // _SHORTEST, 1) * least:
        windows = max(least, room // steps)
        steps = min(steps, room // windows)
    return steps, windows


_YEAR = {"D": 364, "W": 52, "M": 12, "Q": 4}
_SHORTEST = 3  # windows may be this part of the horizon for the sake of a year before them


def run_trial(
    specs: Mapping[str, Spec],
    panel: Panel,
    steps: int,
    windows: int,
    *,
    refit: bool = False,
    clock: Clock | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Trial:
    """Test candidates on the last windows of a panel.

    They are fitted before the first window and then follow the history without refitting. On panels with more
    than 400 series of a class a seeded sample of that class is tested, and each of its series stands for as many
    as were left out, so that scores are those of the whole panel in expectation. Classes are read off the history
    before the first window: the sample owes nothing to what is tested.

    Args:
        specs: label -> candidate.
        panel: all history.
        steps: length of a window.
        windows: number of windows.
        refit: fit anew before every window.
        clock: once it has run out, no further candidate is tested and the one in hand is stopped.
        seed: of fits and of the sample.
        progress: hook ``progress(what, fraction_done)``.
    """
    notes: list[str] = []
    chosen, weights = sampled(panel, panel.end - steps * windows, seed)
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

        watch = clock.watching(None) if clock and result is not None else None  # the first may always finish
        return run_windows(
            sample, steps, windows, some, refit=refit, seed=seed, weights=weights, progress=hook, fit_progress=watch
        )

    result: Backtest | None = None
    if clock is None or not clock.seconds:
        return Trial(test(specs, 0.0, 1.0), tuple(notes))
    for k, (label, spec) in enumerate(specs.items()):
        if result is not None and clock.spent:
            notes.append(f"{label} was not tested: its share of the time budget is used up.")
            continue
        one = test({label: spec}, k / len(specs), 1 / len(specs))
        result = one if result is None else _merge(result, one)
    assert result is not None
    return Trial(result, tuple(notes))


def planned_trial(
    specs: Mapping[str, Spec],
    panel: Panel,
    horizon: int,
    windows: int,
    *,
    least: int = 1,
    what: str = "models were tested",
    refit: bool = False,
    clock: Clock | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Trial | None:
    """Test candidates on as many of the last windows as there is room for, and note where that is less than wanted.

    Args:
        specs: label -> candidate.
        panel: all history.
        horizon: steps that a window should have.
        windows: that there should be.
        least: windows without which a test makes no sense.
        what: is done, in the words of the note.
        refit, clock, seed, progress: as in `run_trial`.

    Returns:
        None if the panel is too short for any test.
    """
    steps, fits = plan_windows(panel, horizon, windows, least)
    if not fits:
        return None
    made = run_trial(specs, panel, steps, fits, refit=refit, clock=clock, seed=seed, progress=progress)
    if steps < horizon or fits < windows:
        short = f"Short history: {what} on {counted(fits, 'window')} of {counted(steps, 'step')}."
        made = replace(made, notes=(short, *made.notes))
    return made


def counted(n: int, noun: str) -> str:
    """``1 window``, ``3 windows``."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def with_combination(backtest: Backtest, choice: Choice, name: str) -> Backtest:
    """The backtest with a combination of its models, labelled ``name``, as one more.

    Where a member failed in a window the others take its weight, as they would have had to.
    """
    outcomes = dict(backtest.outcomes)
    for w, made in enumerate(choice.combined(backtest)):
        if made is not None:
            spent = sum(outcomes[label, w].seconds for label in choice.labels if (label, w) in outcomes)
            outcomes[name, w] = Outcome(*made, spent)
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


def sampled(panel: Panel, cutoff: int, seed: int) -> tuple[npt.NDArray[np.int64] | None, F64 | None]:
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
