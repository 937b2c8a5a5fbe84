"""Pretrained: forecasts by a network that was trained on synthetic retail demand, without fitting anything.

The network sees one series at a time with its prices, promotions, occasions and up to three other covariates.
What is learned from a panel is which covariate means what, and whether its years look alike; if asked for, by how much
intervals have to be wider or narrower to hold on the panel's own last windows, and weights that forecast those windows
better than the shipped ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.util import find_spec
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError, MissingExtraError
from ...panel import F32, Panel
from ..space import OneOf, Space
from ..spec import Arrays, Capabilities, Fitted, Progress, Spec
from .answer import at_levels, expected, units
from .forward import Forward
from .grid import HORIZON
from .held_out import HeldOut
from .inputs import inputs
from .last_year import LastYear
from .reading import BLOCK, Reader, blocks, filled, needed, oldest
from .recalibrate import BANDS, Recalibrate, recalibrated, stretched
from .roles import Roles
from .shipped import load
from .size import LEVELS, Size

FineTune = Literal["none", "last", "low-rank", "full"]
"""What of the network learns on: nothing, its head and last round, small additions to all its maps, or all of it."""

_OWN = "own/"  # before the names of fine-tuned weights
_HELD_OUT = (2, 4)  # windows that new weights and intervals are judged on: at least and at most,
_QUARTER = 4  # as many as this part of the history holds
_JUDGED = 1_200  # answers that they are judged by, of all windows together
_SHARE = 5  # held-out windows are at most this part of the history each


@dataclass(frozen=True)
class Pretrained(Spec):
    """The network whose weights are shipped with the package.

    Attributes:
        weights: name of the weights.
        fine_tune: learn on from the panel: ``last`` the head and the last round, ``low-rank`` small additions to all
            maps, ``full`` everything; ``none`` takes the weights as they are. New weights are taken only if they are
            better by more than chance on the panel's last windows, which they have not seen. Needs torch to fit, not
            to forecast.
        seconds: budget of fine-tuning, its test included; 0 is none. The schedule shortens to fit it, so with a
            budget the result depends on the machine's speed.
        steps: most updates of the weights; small panels take fewer.
        recalibrate: fit the width of intervals to the last windows of the panel: ``never``, ``always``, or if that is
            better on a later one (``tested``). `auto` does it for its combination.
        new_items: forecast items without any observation too, by covariates and the synthetic prior alone
            (in small units, wide); otherwise they are said to be unknown.
    """

    name: ClassVar[str] = "pretrained"
    capabilities: ClassVar[Capabilities] = Capabilities(
        summary="Small network pretrained on synthetic retail demand; forecasts at once, with prices and promotions.",
        scope="global",
        known=True,
        past=True,
    )
    space: ClassVar[Space] = {"recalibrate": OneOf("never", "tested")}
    weights: str = "small"
    fine_tune: FineTune = "none"
    seconds: float = 60.0
    steps: int = 600
    recalibrate: Recalibrate = "never"
    new_items: bool = False

    def __post_init__(self) -> None:
        given: Any = self.recalibrate
        if isinstance(given, bool):  # as it was written once
            object.__setattr__(self, "recalibrate", "always" if given else "never")
        for name, choices in (("fine_tune", get_args(FineTune)), ("recalibrate", get_args(Recalibrate))):
            if getattr(self, name) not in choices:
                raise ConfigError(
                    f"Option '{name}' of 'pretrained' must be one of {', '.join(choices)}, not {getattr(self, name)!r}."
                )
        if self.seconds < 0 or self.steps < 1:
            raise ConfigError("'pretrained' needs at least one step of fine-tuning and no negative time budget.")

    def _fit(self, panel: Panel, horizon: int, seed: int, progress: Progress | None) -> FittedPretrained:
        start = load(self.weights)  # an unknown name is an error now, not later
        fitted = FittedPretrained(self, panel, seed, Roles.of(panel), LastYear(), np.ones((BANDS, 2)))
        if self.fine_tune == "none" and self.recalibrate == "never":
            return _with_last_year(fitted, start, horizon)
        steps = min(horizon, HORIZON, panel.n_steps // _SHARE)
        reader = Reader(panel, {}, fitted.roles, max(steps, 1))
        enough = 2 * steps >= min(horizon, HORIZON)
        windows = int(np.clip(panel.n_steps // (_QUARTER * max(steps, 1)), *_HELD_OUT))
        held = HeldOut.of(reader, windows, _JUDGED // windows) if enough else None
        judged, notes = start, []
        if self.fine_tune != "none":
            if find_spec("torch") is None:
                raise MissingExtraError("Fine-tuning of 'pretrained'", "neural")
            from .fine_tune import fine_tune

            tuned = fine_tune(start, reader, held, self.fine_tune, self.steps, self.seconds, seed, progress)
            fitted, judged, notes = replace(fitted, own=tuned.network), tuned.judged, [tuned.note]
        fitted = _with_last_year(fitted, judged, horizon)
        if self.recalibrate != "never":
            stretch, note = recalibrated(held, judged, fitted.last_year, self.recalibrate)
            fitted, notes = replace(fitted, stretch=stretch), [*notes, note]
        return replace(fitted, notes=(*notes, *fitted.notes))

    @classmethod
    def load_fitted(cls, spec: Pretrained, panel: Panel, arrays: Arrays, about: Mapping[str, Any]) -> Fitted:
        """See `Spec.load_fitted`."""
        own = None
        if about.get("size"):
            found = {n.removeprefix(_OWN): a.astype(np.float32) for n, a in arrays.items() if n.startswith(_OWN)}
            own = Forward(Size(**about["size"]), found)
        roles = Roles.from_dict(about["roles"])
        last_year = LastYear.from_dict(about.get("last_year"))
        return FittedPretrained(spec, panel, 0, roles, last_year, arrays["stretch"], own, tuple(about.get("notes", ())))


@dataclass(frozen=True, eq=False, repr=False)
class FittedPretrained(Fitted):
    """See `Pretrained`.

    Attributes:
        roles: what the panel's covariates mean.
        last_year: what the demand of a year before counts.
        stretch: ``(BANDS, 2)`` factors of the distance from the median downwards and upwards.
        own: weights that were fine-tuned; None if the shipped ones are in use.
        notes: what became of fine-tuning, recalibration and last year, in sentences.
    """

    spec: Pretrained
    roles: Roles
    last_year: LastYear
    stretch: npt.NDArray[np.float64]
    own: Forward | None = None
    notes: tuple[str, ...] = field(default=())

    def _predict(
        self, horizon: int, known: Mapping[str, F32], levels: tuple[float, ...], seed: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        mean = np.full((len(self.panel), horizon), np.nan, np.float32)
        quantiles = np.full((len(self.panel), horizon, len(levels)), np.nan, np.float32)
        reader = Reader(self.panel, known, self.roles, min(horizon, HORIZON))
        network = self.own or load(self.spec.weights)
        back = oldest(self.panel)
        usable = (back > 0) | self.spec.new_items
        context = np.where(usable, needed(back, reader.grid.context), 0)
        for length, part in blocks(context, lambda _: BLOCK):
            made = self._block(network, reader, filled(part, BLOCK), length, horizon)
            made = stretched(made, self.stretch)[: part.size]
            mean[part] = expected(made)
            quantiles[part] = at_levels(made, levels)
        return mean, quantiles

    def _block(self, network: Forward, reader: Reader, rows: npt.NDArray[np.int64], context: int, horizon: int) -> F32:
        """Quantiles ``(B, horizon, len(LEVELS))`` in units."""
        units = self._one_pass(network, reader, rows, context)
        parts, done = [units], reader.horizon
        panel = self.panel.take(rows) if done < horizon else self.panel
        while done < horizon:  # what was forecast is taken for granted
            before = {name: column[rows, :done][:, -parts[-1].shape[1] :] for name, column in reader.known.items()}
            panel = panel.append(parts[-1][:, :, LEVELS.index(0.5)], before)
            steps = min(HORIZON, horizon - done)
            ahead = {name: column[rows, done : done + steps] for name, column in reader.known.items()}
            later = Reader(panel, ahead, self.roles, steps)
            parts.append(_no_narrower(self._one_pass(network, later, np.arange(rows.size), context), parts[-1]))
            done += steps
        return np.concatenate(parts, axis=1)

    def _one_pass(self, network: Forward, reader: Reader, rows: npt.NDArray[np.int64], context: int) -> F32:
        said = units(network, inputs(reader.window(rows, context)))
        return self.last_year.mixed(said, reader.year_before(rows, np.zeros(rows.size, np.int64)))

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        arrays: Arrays = {"stretch": self.stretch}
        if self.own:  # their numbers have 16 bits, see `learner`
            arrays |= {f"{_OWN}{name}": array.astype(np.float16) for name, array in self.own.weights.items()}
        size = self.own.size.to_dict() if self.own else None
        return arrays, {
            "roles": asdict(self.roles),
            "last_year": asdict(self.last_year),
            "size": size,
            "notes": list(self.notes),
        }


def _with_last_year(fitted: FittedPretrained, network: Forward, horizon: int) -> FittedPretrained:
    """With what last year counts in forecasts of a network that has not seen the panel's last windows."""
    found = LastYear.of(fitted.panel, fitted.roles, network, min(horizon, HORIZON))
    share = f"{100 * found.weight:.0f} %"
    notes = (f"Years look alike here: last year's demand counts {share} in the forecast.",) if found.weight else ()
    return replace(fitted, last_year=found, notes=notes)


def _no_narrower(units: F32, before: F32) -> F32:
    """A later block takes the medians before it for granted; its intervals are at least as wide as the last ones."""
    middle = LEVELS.index(0.5)
    was = (before - before[:, :, middle : middle + 1])[:, -min(before.shape[1], 28) :].mean(axis=1, keepdims=True)
    now = units - units[:, :, middle : middle + 1]
    wider = np.where(np.arange(len(LEVELS)) < middle, np.minimum(now, was), np.maximum(now, was))
    return np.asarray(np.maximum(units[:, :, middle : middle + 1] + wider, 0), dtype=np.float32)
