"""Windows on a panel: one flat tensor per column, batches gathered by index, no copies of history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...panel import F32, I64, Panel
from .inputs import Inputs
from .scaling import Running


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
    """

    patches: Tensor
    ahead: Tensor
    steps: Tensor
    scale: Tensor
    target: Tensor
    weight: Tensor

    def to(self, dtype: torch.dtype) -> Batch:
        """The same in another precision."""
        floats = (self.patches, self.ahead, self.scale, self.target, self.weight)
        patches, ahead, scale, target, weight = (part.to(dtype) for part in floats)
        return Batch(patches, ahead, self.steps, scale, target, weight)


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
        running = Running.of(longer, inputs.season, inputs.reach, inputs.scaling)
        self.inputs, self.device = inputs, torch.device(device)
        self.start, self.end = longer.indptr[:-1], longer.indptr[1:] - horizon  # cells of history: [start, end)
        self.seen, self.sold = seen, seen & (observed > 0)
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
        self._same_phase = self._put(step - inputs.season * -(-step // inputs.season))  # (H,) from the origin, <= 0
        self._year_ago = self._put(step - year * -(-(step + inputs.reach) // year))

    def _put(self, array: npt.NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

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
        unit = torch.where(scale > 0, scale, 1.0)
        demand, seen = (self._demand[at] * inside[..., None]).unbind(-1)  # (B, P * patch)
        time = self._steps - high[:, None] + end  # (B, P) row of the calendar
        patches = [
            torch.asinh(demand.view(*end.shape, shape.patch) / unit[..., None]),
            seen.view(*end.shape, shape.patch),
            self._state[end] * has_end[..., None],
            self._calendar[time.clamp(min=0)] * has_end[..., None],
        ]
        if shape.width:
            covariates = self._covariates[at] * inside[..., None]  # (B, P * patch, C)
            patches.append(covariates.view(*end.shape, -1))

        step = torch.arange(shape.horizon, device=self.device) if steps is None else self._put(steps)
        fork = origin[:, None] - shape.patch * torch.arange(forks - 1, -1, -1, device=self.device)  # (B, F)
        target, usable = self._cells(fork[..., None] + step + 1, low, high)  # (B, F, H)
        value, known = (self._demand[target] * usable[..., None]).unbind(-1)
        counts = known * (target < (high - shape.horizon - hidden)[:, None, None])
        time = (self._steps - high[:, None, None] + target).clamp(min=0)
        unit_f = unit[:, -forks:]
        ahead = [
            self._calendar[time] * usable[..., None],
            self._covariates[..., : shape.known_width][target] * usable[..., None],
            self._memory(fork, step, low, high, unit_f),
        ]
        return Batch(
            patches=torch.cat(patches, dim=-1),
            ahead=torch.cat(ahead, dim=-1),
            steps=step,
            scale=unit_f,
            target=value / unit_f[..., None],
            weight=counts * (scale[:, -forks:] > 0)[..., None],
        )

    def _cells(self, at: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Cells, and whether they belong to the series; the others point to cell 0."""
        shape = (-1, *[1] * (at.ndim - 1))
        inside = (at >= low.view(shape)) & (at < high.view(shape))
        return torch.where(inside, at, 0), inside

    def _memory(self, fork: Tensor, step: Tensor, low: Tensor, high: Tensor, unit: Tensor) -> Tensor:
        """Past seasons of each step ahead, seen from each fork: ``(B, F, H, 7)``.

        The last value of the same phase and whether it is known; the mean of that phase over past seasons and
        whether it is known; demand about one long season ago, the same over the level of that time, and
        whether that is known.
        """
        unit = unit[..., None]
        at, inside = self._cells(fork[..., None] + self._same_phase[step], low, high)
        value, seen = (self._demand[at] * inside[..., None]).unbind(-1)
        phase = torch.where(inside, self._phase[at], torch.nan)
        at, inside = self._cells(fork[..., None] + self._year_ago[step], low, high)
        year = torch.where(inside, self._near[at], torch.nan)
        then = self._scale[at]
        parts = [
            torch.asinh(value / unit), seen,
            torch.asinh(phase / unit).nan_to_num(), (~phase.isnan()).float(),
            torch.asinh(year / unit).nan_to_num(),
            torch.asinh(year / torch.where(then > 0, then, 1.0)).nan_to_num(),
            (~year.isnan()).float(),
        ]  # fmt: skip
        return torch.stack(parts, dim=-1)
