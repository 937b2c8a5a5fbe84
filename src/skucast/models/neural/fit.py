"""Where a panel meets a network: learning from it, and forecasting it."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ...errors import ConfigError
from ...forecast import LEVELS, Forecast
from ...panel import F32, Panel
from ..naive import naive_quantiles
from ..spec import Arrays, Progress
from .inputs import Inputs
from .network import Forecaster
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
        windows: different windows to learn from.
        held_out: steps that it was judged on.
        loss: weighted quantile loss on them; None without.
        naive_loss: that of seasonal naive.
        steps: updates done.
    """

    network: Forecaster | None
    windows: int
    held_out: int = 0
    loss: float | None = None
    naive_loss: float | None = None
    steps: int = 0

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
) -> Learned:
    """Train a network on a panel.

    Its last steps are held out, so that training stops in time and its quality is known; then training goes on
    for a while at a low rate with all steps, because the latest are the most telling.
    """
    device = device_of(options.device)
    windows = Windows(panel, inputs, device=device)
    held_out = min(inputs.horizon, panel.n_steps // 4)
    sampler = Sampler.of(windows, held_out)
    if sampler.origins < fewest:
        return Learned(None, sampler.origins)
    exam = sampler.exam(np.random.default_rng(seed)) if held_out else None

    most = max(_LEAST_STEPS, _PASSES * sampler.origins // (options.batch * options.forks))
    options = dataclasses.replace(options, steps=min(options.steps, most))
    finish = options.finish if exam else 0.0
    share = 1 / (1 + finish)  # of the first part in all work
    first = dataclasses.replace(options, seconds=options.seconds * share)
    state = train(
        lambda: build(inputs).to(device), _drawing(sampler, options), _judge(exam), first, seed,
        _part(progress, 0.0, share),
    )  # fmt: skip
    if exam is None or state.best is None:
        return Learned(_network(state), sampler.origins, steps=state.step)
    judged = Learned(_network(state), sampler.origins, held_out, state.best, _naive(panel, exam, held_out), state.step)
    best_step, _ = min(state.curve, key=lambda check: check[1])
    if steps := round(finish * best_step):
        second = dataclasses.replace(
            options, steps=steps, learning_rate=options.learning_rate * _FINISH_RATE, warm_up=0.0,
            seconds=options.seconds * (1 - share),
        )  # fmt: skip
        state = train(
            lambda: state.averaged.requires_grad_(True), _drawing(Sampler.of(windows, 0), options), None, second,
            seed + 1, _part(progress, share, 1.0),
        )  # fmt: skip
    return dataclasses.replace(judged, network=_network(state))


def _network(state: State) -> Forecaster:
    """What was trained, on the CPU."""
    return state.averaged.cpu()


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


def _part(progress: Progress | None, low: float, high: float) -> Progress | None:
    """The hook for a part of the work."""
    if progress is None:
        return None
    return lambda what, done: progress(what, low + (high - low) * done)


def _naive(panel: Panel, exam: Exam, held_out: int) -> float:
    """Loss of seasonal naive in the same exam."""
    history = panel.take(exam.rows).until(panel.end - held_out)
    papers = iter(np.split(np.arange(len(exam.rows)), np.cumsum([len(b.scale) for b, _ in exam.papers])[:-1]))

    def answer(batch: Batch) -> Tensor:
        rows = next(papers)
        _, q = naive_quantiles(history.take(rows), batch.steps.numel(), LEVELS)
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
        ahead = {n: c[rows] for n, c in known.items()}
        middle, blocks = _blocks(network, inputs, part, ahead, horizon, seed, place)
        mean[rows[sold]] = middle[sold]
        quantiles[rows[sold]] = at_levels(blocks[sold], levels)
    return mean, quantiles


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
    ahead = {n: _pad(c, inputs.horizon) for n, c in known.items()}
    windows = Windows(panel, inputs, ahead, device)
    with torch.inference_mode():
        batch = windows.gather(np.arange(len(panel)), windows.end - 1).to(torch.float64)
        mean, quantiles = network.describe(batch)  # (S, 1, H), (S, 1, H, Q)
        unit = batch.scale[:, 0, None]  # (S, 1)
        both = mean[:, 0] * unit, quantiles[:, 0] * unit[..., None]
    middle, q = (np.maximum(part.cpu().numpy().astype(np.float64), 0.0) for part in both)
    return middle, q


def _pad(column: F32, steps: int) -> F32:
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
