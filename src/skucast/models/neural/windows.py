"""Windows on a panel: one flat tensor per column, batches gathered by index, no copies of history."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...panel import F32, I64, Panel
from .inputs import Inputs
from .scaling import Running
from .season import Seasons
from .told import Told


@dataclass(frozen=True, eq=False)
class Batch:
    """Some windows, ready for a network: B windows, P patches, F forks (origins), H steps ahead.

    Attributes:
        patches: ``(B, P, D)`` context, each patch in units of the scale at its own end; 0 where missing.
        ahead: ``(B, F, H, A)`` what is known of each step ahead at each fork.
        steps: ``(H,)`` which steps ahead these are, from 0.
        scale: ``(B, F)`` units that answers are in; 1 where nothing was sold yet.
        target: ``(B, F, H)`` demand in those units; 0 where missing.
        weight: ``(B, F, H)`` 1 where the target counts, else 0.
        codes: ``(B, G)`` texts of static columns, 0 where unknown.
        numbers: ``(B, N)`` static columns of numbers.
        season: ``(B, F, H)`` how much of usual demand each step ahead brings, by the season that was taken out; 1 without.
        level: ``(B, F)`` mean of the context, in units of the scale and without season; 0 unless normalised.
        spread: ``(B, F)`` its deviation likewise; 1 unless normalised.
        others: ``(B, F, H, C)`` the other targets, in units of their own scales.
        others_weight: ``(B, F, H, C)`` 1 where they count.
        others_scale: ``(B, F, C)`` their scales.
        told: ``(B, F, H, Q)`` what the pretrained model says, in units of the scale; NaN where it knows nothing, and no
            levels where it is not asked (see `skucast.models.neural.told`).
    """

    patches: Tensor
    ahead: Tensor
    steps: Tensor
    scale: Tensor
    target: Tensor
    weight: Tensor
    codes: Tensor
    numbers: Tensor
    season: Tensor
    level: Tensor
    spread: Tensor
    others: Tensor
    others_weight: Tensor
    others_scale: Tensor
    told: Tensor

    def to(self, dtype: torch.dtype) -> Batch:
        """The same in another precision."""
        parts = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return Batch(**{name: part.to(dtype) if part.is_floating_point() else part for name, part in parts.items()})


class Windows:
    """A panel on a device, ready to give batches.

    The last ``F`` patches of a window are forks: origins from each of which the network forecasts, so one
    pass over the context trains on ``F`` origins. A fork sees cells up to its own end only. Windows are
    ragged on the left: cells before a series begins are zeros with mask 0, and so are missing and sold-out
    ones, in the input and in the loss.

    Args:
        panel: history.
        inputs: what the network sees.
        future: known covariates after the panel's end, name -> ``(S, >= horizon)``; missing if None.
        device: where the tensors live.

    Source: forks as in Wen et al. (2017), A Multi-Horizon Quantile Recurrent Forecaster.
    """

    def __init__(
        self, panel: Panel, inputs: Inputs, future: Mapping[str, F32] | None = None, device: str | torch.device = "cpu"
    ) -> None:
        horizon = inputs.horizon
        ahead = {n: c[:, :horizon] for n, c in (future or {}).items() if n in panel.known}
        longer = panel.append(np.full((len(panel), horizon), np.nan, np.float32), ahead)
        observed = np.maximum(longer.observed, np.float32(0))
        seen = ~np.isnan(observed)
        window = inputs.context if inputs.normalise else 0
        running = Running.of(longer, inputs.season, inputs.reach, inputs.scaling, window)
        self.inputs, self.device = inputs, torch.device(device)
        self._told = Told(longer, horizon, inputs.base) if inputs.base else None
        self.start, self.end = longer.indptr[:-1], longer.indptr[1:] - horizon  # cells of history: [start, end)
        self.demand, self.seen, self.sold = observed, seen, seen & (observed > 0)
        self.scale = running.scale  # (N,)
        self._low, self._high = self._put(longer.indptr[:-1]), self._put(longer.indptr[1:])
        self._demand = self._put(np.stack([np.nan_to_num(observed), seen.astype(np.float32)], axis=1))
        self._scale = self._put(running.scale)
        self._state = self._put(running.statistics)
        self._phase, self._near = self._put(running.phase), self._put(running.near)
        channels = [c.channels(longer) for c in inputs.covariates]
        self._covariates = self._put(np.concatenate([np.empty((seen.size, 0), np.float32), *channels], axis=1))
        self._steps = longer.n_steps
        self._calendar = self._put(inputs.calendar_table(panel, longer.end - self._steps + 1, longer.end))
        year = inputs.year or inputs.season
        step = np.arange(1, horizon + 1)
        self._moments = self._put(np.stack([running.level, running.spread], axis=1))
        self.prior = inputs.statics.sizes(panel) if inputs.statics else np.zeros(len(panel), np.float32)
        self._prior = self._put(self.prior)
        self._codes, self._numbers = self._put(inputs.statics.codes(panel)), self._put(inputs.statics.values(panel))
        self._seasons = Seasons(panel, horizon) if inputs.seasonal else None
        self._others = self._other_targets(longer)
        self._same_phase = self._put(step - inputs.season * -(-step // inputs.season))  # (H,) from the origin, <= 0
        self._year_ago = self._put(step - year * -(-(step + inputs.reach) // year))

    def _put(self, array: npt.NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

    def _other_targets(self, longer: Panel) -> Tensor:
        """``(3, N, C)`` values (0 where missing), whether they are known, and running scales of the other targets."""
        columns = []
        for name in self.inputs.targets:
            column = longer.past.get(name, np.full(longer.values.shape, np.nan, np.float32))
            alone = dataclasses.replace(longer, values=np.maximum(column, np.float32(0)), available=None)
            scale = Running.of(alone, self.inputs.season, self.inputs.reach, "mean").scale
            columns.append([np.nan_to_num(alone.values), ~np.isnan(column), scale])
        stacked = np.asarray(columns, np.float32).reshape(-1, 3, longer.values.size)
        return self._put(stacked.transpose(1, 2, 0))

    def gather(
        self, rows: I64, origins: I64, *, forks: int = 1, hidden: int = 0, steps: npt.NDArray[np.int64] | None = None
    ) -> Batch:
        """Windows that end at given cells.

        Args:
            rows: ``(B,)`` series.
            origins: ``(B,)`` flat cell of the last known step of each (of its last fork).
            forks: origins per window, a patch apart, the last one at ``origins``.
            hidden: targets among the last ``hidden`` steps of history do not count.
            steps: which steps ahead, from 0; all by default.
        """
        shape = self.inputs
        row, origin = self._put(rows), self._put(origins)
        low, high = self._low[row], self._high[row]  # (B,)
        at, inside = self._cells(origin[:, None] + torch.arange(1 - shape.context, 1, device=self.device), low, high)
        ends = slice(shape.patch - 1, None, shape.patch)  # the last step of each patch
        end, has_end = at[:, ends], inside[:, ends]  # (B, P)
        scale = self._scale[end] * has_end
        usual = self._prior[row, None].expand_as(scale)
        scale = torch.where(scale > 0, scale, usual)
        unit = torch.where(scale > 0, scale, 1.0)
        demand, seen = (self._demand[at] * inside[..., None]).unbind(-1)  # (B, P * patch)
        time = self._steps - high[:, None] + end  # (B, P) row of the calendar
        fork = origin[:, None] - shape.patch * torch.arange(forks - 1, -1, -1, device=self.device)  # (B, F)
        inner = demand.view(*end.shape, shape.patch) / unit[..., None]  # (B, P, patch)
        season = self._season(row, fork[:, 0], high)  # (B, m)
        if shape.seasonal:
            inner = inner / self._index(season, at - high[:, None]).view_as(inner)
        level, spread = torch.zeros_like(unit), torch.ones_like(unit)
        if shape.normalise:
            level, spread = (self._moments[end] * has_end[..., None]).unbind(-1)
            spread = torch.where(spread > 0, spread, 1.0)
            inner = (inner - level[..., None]) / spread[..., None] * seen.view_as(inner)
        patches = [
            torch.asinh(inner),
            seen.view(*end.shape, shape.patch),
            self._state[end] * has_end[..., None],
            self._calendar[time.clamp(min=0)] * has_end[..., None],
        ]
        if shape.width:
            covariates = self._covariates[at] * inside[..., None]  # (B, P * patch, C)
            patches.append(covariates.view(*end.shape, -1))
        others = self._others[2][end] * has_end[..., None]  # (B, P, C) scales
        others_unit = torch.where(others > 0, others, 1.0)
        if shape.targets:
            past = (self._others[0][at] * inside[..., None]).view(*end.shape, shape.patch, -1)
            patches.append(torch.asinh(past / others_unit[:, :, None]).flatten(2))

        step = torch.arange(shape.horizon, device=self.device) if steps is None else self._put(steps)
        target, usable = self._cells(fork[..., None] + step + 1, low, high)  # (B, F, H)
        value, known = (self._demand[target] * usable[..., None]).unbind(-1)
        counts = known * (target < (high - shape.horizon - hidden)[:, None, None])
        time = (self._steps - high[:, None, None] + target).clamp(min=0)
        unit_f = unit[:, -forks:]
        index = self._index(season, fork[..., None] + step + 1 - high[:, None, None])  # (B, F, H)
        ahead = [
            self._calendar[time] * usable[..., None],
            self._covariates[..., : shape.known_width][target] * usable[..., None],
            self._memory(fork, step, low, high, unit_f, index),
        ]
        other_values, other_known = (part[target] * usable[..., None] for part in self._others[:2])  # (B, F, H, C)
        other_seen = others[:, -forks:, None] > 0
        return Batch(
            patches=torch.cat(patches, dim=-1),
            ahead=torch.cat(ahead, dim=-1),
            steps=step,
            scale=unit_f,
            target=value / unit_f[..., None],
            weight=counts * (scale[:, -forks:] > 0)[..., None],
            codes=self._codes[row],
            numbers=self._numbers[row],
            season=index,
            level=level[:, -forks:],
            spread=spread[:, -forks:],
            others=other_values / others_unit[:, -forks:, None],
            others_weight=other_known
            * ((target < (high - shape.horizon - hidden)[:, None, None])[..., None] & other_seen),
            others_scale=others_unit[:, -forks:],
            told=self._said(row, fork, low, step) / unit_f[..., None, None],
        )

    def _said(self, row: Tensor, fork: Tensor, low: Tensor, step: Tensor) -> Tensor:
        """What the pretrained model says at forks: ``(B, F, H, Q)`` demand, of no levels where it is not asked."""
        if self._told is None:
            return self._demand.new_zeros((*fork.shape, step.numel(), 0))
        origins = torch.where(fork >= low[:, None], fork, -1)
        rows = row[:, None].expand_as(fork)
        said = self._told.at(rows.flatten().cpu().numpy(), origins.flatten().cpu().numpy())
        return self._put(said).view(*fork.shape, *said.shape[1:])[:, :, step]

    def _season(self, row: Tensor, fork: Tensor, high: Tensor) -> Tensor:
        """``(B, m)`` each series' index of the season, as it was known at a fork, from the end of history on."""
        if self._seasons is None:
            return torch.ones((1, 1), device=self.device)
        before = (high - self.inputs.horizon - 1 - fork).cpu().numpy()  # steps before the end of history
        return self._put(self._seasons.known(row.cpu().numpy(), before))

    def _index(self, season: Tensor, at: Tensor) -> Tensor:
        """Index of the season at steps ``(B, ...)`` from the end of the horizon on."""
        if self._seasons is None:
            return torch.ones(at.shape, device=self.device)
        phase = (at + self.inputs.horizon) % season.shape[1]
        return season.gather(1, phase.flatten(1)).view(at.shape)

    def _cells(self, at: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Cells, and whether they belong to the series; the others point to cell 0."""
        shape = (-1, *[1] * (at.ndim - 1))
        inside = (at >= low.view(shape)) & (at < high.view(shape))
        return torch.where(inside, at, 0), inside

    def _memory(self, fork: Tensor, step: Tensor, low: Tensor, high: Tensor, unit: Tensor, season: Tensor) -> Tensor:
        """Past seasons of each step ahead, seen from each fork: ``(B, F, H, 7)``.

        The last value of the same phase and whether it is known; the mean of that phase over past seasons and
        whether it is known; demand about one long season ago, the same over the level of that time, and
        whether that is known.
        """
        unit = unit[..., None]
        usual = unit * season
        at, inside = self._cells(fork[..., None] + self._same_phase[step], low, high)
        value, seen = (self._demand[at] * inside[..., None]).unbind(-1)
        phase = torch.where(inside, self._phase[at], torch.nan)
        at, inside = self._cells(fork[..., None] + self._year_ago[step], low, high)
        year = torch.where(inside, self._near[at], torch.nan)
        then = self._scale[at]
        parts = [
            torch.asinh(value / usual), seen,
            torch.asinh(phase / usual).nan_to_num(), (~phase.isnan()).float(),
            torch.asinh(year / unit).nan_to_num(),
            torch.asinh(year / torch.where(then > 0, then, 1.0)).nan_to_num(),
            (~year.isnan()).float(),
        ]  # fmt: skip
        return torch.stack(parts, dim=-1)
