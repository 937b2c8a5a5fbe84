"""The network in numpy is the network in torch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skucast.models.pretrained.answer import mean_weights
from skucast.models.pretrained.forward import Forward
from skucast.models.pretrained.inputs import Inputs, inputs
from skucast.models.pretrained.prior.block import draw
from skucast.models.pretrained.size import LEVELS, SIZES

torch = pytest.importorskip("torch")


def both(size: str, kind: str = "D", rows: int = 8) -> tuple[Forward, object, Inputs]:
    from skucast.models.pretrained.network import Network

    made = inputs(draw(2, 1, rows, kind, ("GB",)).window)  # type: ignore[arg-type]
    torch.manual_seed(0)
    network = Network(SIZES[size], made.history.shape[1], made.tokens.shape[2], made.steps.shape[2])
    with torch.no_grad():
        for p in network.parameters():
            p.add_(0.02 * torch.randn_like(p))
    return Forward(SIZES[size], {n: p.detach().numpy() for n, p in network.named_parameters()}), network, made


def by_torch(network: object, made: Inputs) -> np.ndarray:
    args = [torch.from_numpy(a) for a in (made.history, made.tokens, made.seen, made.steps)]
    with torch.no_grad():
        return made.yardstick.undo(network(*args).numpy())  # type: ignore[operator]


@pytest.mark.parametrize("size", ["nano", "small"])
@pytest.mark.parametrize("kind", ["h", "D", "W", "M"])
def test_numpy_equals_torch(size: str, kind: str) -> None:
    forward, network, made = both(size, kind)
    np.testing.assert_allclose(forward.quantiles(made), by_torch(network, made), atol=1e-4)


def test_quantiles_rise_strictly() -> None:
    forward, _, made = both("nano")
    assert (np.diff(forward.quantiles(made), axis=2) > 0).all()


def test_tokens_that_were_not_observed_are_not_looked_at() -> None:
    forward, network, made = both("nano")
    seen = made.seen.copy()
    seen[:, ::3] = False
    seen[0] = False  # an item without any history
    spoilt = made.tokens.copy()
    spoilt[~seen] = 9.0
    one, two = replace(made, seen=seen), replace(made, seen=seen, tokens=spoilt)
    np.testing.assert_allclose(forward.quantiles(one), forward.quantiles(two), atol=1e-5)
    np.testing.assert_allclose(forward.quantiles(two), by_torch(network, two), atol=1e-4)


def test_the_mean_of_quantiles_is_that_of_known_distributions() -> None:
    from scipy import stats

    for found in (stats.norm(10, 2), stats.expon(scale=3), stats.gamma(2, scale=4)):
        assert found.ppf(LEVELS) @ mean_weights() == pytest.approx(found.mean(), rel=0.02)


def test_sizes_are_what_they_are_called() -> None:
    from skucast.models.pretrained.network import Network

    counted = {n: sum(p.numel() for p in Network(s, 197, 33, 90).parameters()) for n, s in SIZES.items()}
    assert 1e5 < counted["nano"] < 3e5
    assert 1e6 < counted["small"] < 3e6
    assert counted["base"] > 2e7
