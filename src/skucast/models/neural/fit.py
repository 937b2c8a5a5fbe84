"""Where a panel meets a network: learning from it, and forecasting it."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ...errors import ConfigError
from ...forecast import LEVELS, Forecast
from ...panel import F32, Panel
from ..naive import naive_quantiles
from ..spec import Arrays, Progress, scaled
from ..whole_demand import snapped, whole
from .checkpoint import checkpoints
from .inputs import Inputs
from .lowrank import merged
from .network import Forecaster, Network
from .options import TrainOptions
from .quantiles import at_levels, mixture
from .sampler import Exam, Sampler
from .train import Draw, Judge, State, train
from .windows import Batch, Windows

F64 = npt.NDArray[np.float64]

_CHUNK = 1024  # series forecast at once
_PASSES = 40  # a small panel is not gone over more often than this
_LEAST_STEPS = 100
_FINISH_RATE = 0.3  # peak of the second part of training, next to that of the first
_PATHS = 8  # futures followed beyond the trained horizon


@dataclass(frozen=True, eq=False)
class Learned:
    """A trained network and how training went.

    Attributes:
        network: on the CPU, in evaluation mode; None if there were too few windows.
        inputs: what it sees, with what was found out about last year.
        windows: different windows to learn from.
        held_out: steps that it was judged on.
        loss: weighted quantile loss on them; None without.
        naive_loss: that of seasonal naive.
        steps: updates done.
        rate: peak of the learning rate; None without training.
    """

    network: Forecaster | None
    inputs: Inputs
    windows: int
    held_out: int = 0
    loss: float | None = None
    naive_loss: float | None = None
    steps: int = 0
    rate: float | None = None

    @property
    def lost(self) -> bool:
        """True if seasonal naive was better on the held-out steps."""
        return self.loss is not None and self.naive_loss is not None and self.loss >= self.naive_loss


def learn(
    build: Callable[[Inputs], Forecaster],
    inputs: Inputs,
    panel: Panel,
    options: TrainOptions,
    seed: int,
    progress: Progress | None,
    *,
    fewest: int,
    mark: Callable[[], str] = str,
    trained: bool = False,
) -> Learned:
    """Train a network on a panel.

    Its last steps are held out, so that training stops in time and its quality is known; then training goes on
    for a while at a low rate with all steps, because the latest are the most telling.

    Args:
        build: the network before training.
        inputs: what it sees.
        panel: history.
        options: of training.
        seed: makes the result repeatable.
        progress: hook.
        fewest: windows below which no network is trained.
        mark: tells all this apart from other trainings, for checkpoints.
        trained: what is built has learned before, so that it may be best as it is (as one is that starts from the
            pretrained model).
    """
    device = device_of(options.device)
    windows = Windows(panel, inputs, device=device)
    held_out = min(inputs.horizon, panel.n_steps // 4)
    sampler = Sampler.of(windows, held_out, options.half_life, options.balance)
    if sampler.origins < fewest:
        return Learned(None, inputs, sampler.origins)
    exam = sampler.exam(np.random.default_rng(seed)) if held_out else None

    most = max(_LEAST_STEPS, _PASSES * sampler.origins // (options.batch * options.forks * options.accumulate))
    options = dataclasses.replace(options, steps=min(options.steps, most))
    finish = options.finish if exam else 0.0
    share = 1 / (1 + finish)  # of the first part in all work
    files = checkpoints(options.checkpoint, mark) if options.checkpoint else (None, None)
    first = dataclasses.replace(options, seconds=options.seconds * share)
    state = train(
        lambda: build(inputs).to(device), _drawing(sampler, options), _judge(exam), first, seed,
        scaled(progress, 0.0, share), files[0], trained=trained or bool(inputs.base),
    )  # fmt: skip
    learned = Learned(None, inputs, sampler.origins, steps=state.step, rate=state.peak)
    if exam is not None and state.best is not None:
        naive = _naive(panel, exam, held_out)
        learned = dataclasses.replace(learned, held_out=held_out, loss=state.best, naive_loss=naive)
        best_step, _ = min(state.curve, key=lambda check: check[1])
        if steps := round(finish * best_step):
            whole = Sampler.of(sampler.windows, 0, options.half_life, options.balance)
            second = dataclasses.replace(
                options, steps=steps, learning_rate=state.peak * _FINISH_RATE, warm_up=0.0,
                seconds=options.seconds * (1 - share),
            )  # fmt: skip
            state = train(
                lambda: _again(state), _drawing(whole, options), None, second, seed + 1, scaled(progress, share, 1.0),
                files[1],
            )  # fmt: skip
    for file in files:
        if file is not None:
            file.remove()
    return dataclasses.replace(learned, inputs=inputs, network=merged(state.averaged).cpu())


def _again(state: State) -> Forecaster:
    """What was trained, to be trained further: what was frozen stays so."""
    for ours, theirs in zip(state.averaged.parameters(), state.network.parameters(), strict=True):
        ours.requires_grad_(theirs.requires_grad)
    state.averaged.at(1.0)  # its schedules are over
    return state.averaged


def _judge(exam: Exam | None) -> Judge | None:
    """Weighted quantile loss of a network in an exam."""
    return None if exam is None else lambda network: exam.loss(network.quantiles)


def _drawing(sampler: Sampler, options: TrainOptions) -> Draw:
    """Batches such as a network asks for."""

    def draw(rng: np.random.Generator, network: Forecaster) -> Batch:
        forks = 1 if network.single else options.forks
        ahead = sampler.windows.inputs.horizon if network.whole else options.ahead
        return sampler.draw(rng, options.batch, forks, ahead)

    return draw


def _naive(panel: Panel, exam: Exam, held_out: int) -> float:
    """Loss of seasonal naive in the same exam."""
    papers = iter(exam.papers)

    def answer(batch: Batch) -> Tensor:
        paper = next(papers)
        history = panel.take(paper.rows).until(panel.end - held_out - paper.lag)
        _, q = naive_quantiles(history, batch.steps.numel(), LEVELS)
        return torch.from_numpy(np.maximum(q, 0.0)).to(batch.scale)[:, None] / batch.scale[:, :, None, None]

    return exam.loss(answer)


def forecast(
    network: Forecaster,
    inputs: Inputs,
    panel: Panel,
    known: Mapping[str, F32],
    horizon: int,
    levels: tuple[float, ...],
    seed: int,
    device: str = "auto",
) -> tuple[F64, F64]:
    """Mean ``(S, H)`` and quantiles ``(S, H, Q)``; NaN for a series that was never sold.

    Series are worked on in chunks, each by itself, so a forecast does not depend on which others are there.
    Beyond the horizon that the network was trained for it goes on from sampled futures of its own.
    """
    place = device_of(device)
    network = copy.deepcopy(network).to(place, torch.float64)  # in double, the size of a batch does not show
    mean = np.full((len(panel), horizon), np.nan)
    quantiles = np.full((len(panel), horizon, len(levels)), np.nan)
    for first in range(0, len(panel), _CHUNK):
        rows = np.arange(first, min(first + _CHUNK, len(panel)))
        part = panel.take(rows)
        sold = np.zeros(len(rows), dtype=np.bool_)
        sold[part.row_of[part.observed > 0]] = True  # NaN compares as False
        new = cold(part, inputs)
        sold |= new
        ahead = {n: c[rows] for n, c in known.items()}
        middle, blocks = _blocks(network, inputs, part, ahead, horizon, seed, place)
        mean[rows[sold]] = middle[sold]
        quantiles[rows[sold]] = at_levels(snapped(blocks, whole(part) & ~new)[sold], levels)
    return mean, quantiles


def cold(panel: Panel, inputs: Inputs) -> npt.NDArray[np.bool_]:
    """``(S,)`` True for series of which nothing was seen yet, but static columns that tell something."""
    if not inputs.statics:
        return np.zeros(len(panel), np.bool_)
    seen = np.bincount(panel.row_of, ~np.isnan(panel.observed), len(panel)) > 0
    return np.asarray(~seen & (inputs.statics.sizes(panel) > 0))


def channels(
    network: Network, inputs: Inputs, panel: Panel, known: Mapping[str, F32], horizon: int, levels: tuple[float, ...],
    device: str = "auto",
) -> dict[str, tuple[F64, F64]]:  # fmt: skip
    """Mean ``(S, H)`` and quantiles ``(S, H, Q)`` of the targets beside demand; NaN where one was never seen."""
    parts: dict[str, list[tuple[F64, F64]]] = {name: [] for name in inputs.targets}
    for part, precise, batch in in_chunks(network, inputs, panel, known, device):
        with torch.inference_mode():
            mean, quantiles = (said[:, 0, :horizon] for said in precise.channels(batch))  # (S, H, C), (S, H, Q, C)
        for k, name in enumerate(inputs.targets):
            unit = batch.others_scale[:, 0, None, k]  # (S, 1)
            column = part.past.get(name, np.full(part.values.shape, np.nan, np.float32))
            seen = np.bincount(part.row_of, ~np.isnan(column), len(part)) > 0
            both = (mean[..., k] * unit, quantiles[..., k] * unit[..., None])
            m, q = (np.maximum(side.cpu().numpy().astype(np.float64), 0.0) for side in both)
            m[~seen], q[~seen] = np.nan, np.nan
            parts[name].append((m, at_levels(q, levels)))
    return {
        name: (np.concatenate([m for m, _ in found]), np.concatenate([q for _, q in found]))
        for name, found in parts.items()
    }


def _blocks(
    network: Forecaster, inputs: Inputs, panel: Panel, known: Mapping[str, F32], horizon: int, seed: int,
    device: torch.device,
) -> tuple[F64, F64]:  # fmt: skip
    """Mean ``(S, horizon)`` and quantiles ``(S, horizon, Q)`` at `LEVELS`, in blocks of the trained horizon."""
    width = inputs.horizon
    first = _one_block(network, inputs, panel, known, device)
    means, quantiles = [first[0]], [first[1]]
    paths = [panel] * _PATHS
    said = [first] * _PATHS  # each path's own last block
    for k in range(1, -(-horizon // width)):
        here, there = ({n: c[:, j * width : (j + 1) * width] for n, c in known.items()} for j in (k - 1, k))
        for j in range(_PATHS):
            step = Forecast.of(paths[j], *said[j])
            paths[j] = paths[j].append(step.paths(_PATHS, seed + k)[:, j], here)
            said[j] = _one_block(network, inputs, paths[j], there, device)
        means.append(np.mean([mean for mean, _ in said], axis=0))
        quantiles.append(mixture(np.stack([q for _, q in said])))
    return np.concatenate(means, axis=1)[:, :horizon], np.concatenate(quantiles, axis=1)[:, :horizon]


def _one_block(
    network: Forecaster, inputs: Inputs, panel: Panel, known: Mapping[str, F32], device: torch.device
) -> tuple[F64, F64]:
    batch = _latest(inputs, panel, known, device)
    with torch.inference_mode():
        mean, quantiles = network.describe(batch)  # (S, 1, H), (S, 1, H, Q)
        unit = batch.scale[:, 0, None]  # (S, 1)
        both = mean[:, 0] * unit, quantiles[:, 0] * unit[..., None]
    middle, q = (np.maximum(part.cpu().numpy().astype(np.float64), 0.0) for part in both)
    return middle, q


def in_chunks(
    network: Any, inputs: Inputs, panel: Panel, known: Mapping[str, F32], device: str
) -> Iterator[tuple[Panel, Any, Batch]]:
    """Some series at a time, the network in double precision, and their windows at the panel's end."""
    place = device_of(device)
    network = copy.deepcopy(network).to(place, torch.float64)
    for first in range(0, len(panel), _CHUNK):
        rows = np.arange(first, min(first + _CHUNK, len(panel)))
        part = panel.take(rows)
        yield part, network, _latest(inputs, part, {n: c[rows] for n, c in known.items()}, place)


def _latest(inputs: Inputs, panel: Panel, known: Mapping[str, F32], device: torch.device) -> Batch:
    """Each series' window at the panel's end, in double precision."""
    windows = Windows(panel, inputs, {n: _padded(c, inputs.horizon) for n, c in known.items()}, device)
    return windows.gather(np.arange(len(panel)), windows.end - 1).to(torch.float64)


def _padded(column: F32, steps: int) -> F32:
    """The first ``steps`` columns, NaN where there are fewer."""
    out = np.full((len(column), steps), np.nan, dtype=np.float32)
    out[:, : column.shape[1]] = column[:, :steps]
    return out


def with_weights(network: nn.Module, arrays: Arrays) -> nn.Module:
    """The network with saved weights, ready to forecast."""
    network.load_state_dict({n: torch.from_numpy(np.array(a)) for n, a in arrays.items()})
    return network.eval()


def device_of(name: str) -> torch.device:
    """A device by name; ``auto`` is the GPU where there is one.

    Raises:
        ConfigError: torch does not know it, or it is not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError):  # what torch raises for a device that it was built without
        raise ConfigError(f"There is no device '{name}' here: use 'auto' or 'cpu'.") from None
