import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import mean_pinball_loss

from skucast.forecast import LEVELS
from skucast.models.neural.heads import QuantileHead, pinball


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 1e3), st.sampled_from([(0.5,), (0.1, 0.9), LEVELS]))
def test_quantiles_never_cross(seed, size, levels):
    torch.manual_seed(seed)
    head = QuantileHead(5, levels)
    torch.nn.init.normal_(head.out.weight, std=size)
    with torch.no_grad():
        q = head(torch.randn(20, 5) * size)
    assert q.shape == (20, len(levels))
    assert torch.isfinite(q).all()
    assert (q.diff(dim=-1) >= 0).all()


def test_pinball_equals_sklearn():
    rng = np.random.default_rng(0)
    y, q = rng.normal(size=50), rng.normal(size=(50, len(LEVELS)))
    ours = pinball(torch.from_numpy(q), torch.from_numpy(y), LEVELS).mean().item()
    theirs = np.mean([mean_pinball_loss(y, q[:, k], alpha=p) for k, p in enumerate(LEVELS)])
    assert np.isclose(ours, 2 * theirs, rtol=1e-6)


def test_least_loss_lies_at_the_true_quantiles():
    torch.manual_seed(0)
    levels = (0.1, 0.5, 0.9)
    truth = stats.expon(scale=2.0)
    sample = torch.from_numpy(truth.ppf((np.arange(4000) + 0.5) / 4000)).float()
    head = QuantileHead(1, levels)
    optimiser = torch.optim.Adam(head.parameters(), lr=0.05)
    nothing = torch.zeros(1, 1)
    for _ in range(400):
        optimiser.zero_grad()
        head.cost(head(nothing).expand(4000, -1), sample, torch.ones(4000)).mean().backward()
        optimiser.step()
    np.testing.assert_allclose(head(nothing)[0].detach().numpy(), truth.ppf(levels), atol=0.1)
