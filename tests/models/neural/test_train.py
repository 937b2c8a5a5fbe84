import numpy as np
import pytest
import torch

from skucast.errors import ConfigError
from skucast.models.neural.network import Forecaster
from skucast.models.neural.options import TrainOptions
from skucast.models.neural.train import one_cycle, train


class Line(Forecaster):
    """Fits ``y = 3 x``."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.drop = torch.nn.Dropout(0.1)

    def loss(self, batch):
        x, y = batch
        return ((self.layer(self.drop(x)) - y) ** 2).mean()


def draw(rng, network):
    x = torch.from_numpy(rng.normal(size=(16, 1))).float()
    return x, 3 * x


def weights(state):
    return torch.cat([p.flatten() for p in state.averaged.parameters()])


QUICK = TrainOptions(steps=60, learning_rate=0.1)


def test_it_learns():
    state = train(Line, draw, None, TrainOptions(steps=300, learning_rate=0.1), 0)
    assert state.step == 300
    assert abs(state.averaged.layer.weight.item() - 3) < 0.4
    assert not state.averaged.training


def test_the_seed_decides_everything():
    one, same, other = (weights(train(Line, draw, None, QUICK, seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_the_random_state_outside_is_left_alone_and_does_not_matter():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = weights(train(Line, draw, None, QUICK, 0))
    assert torch.equal(torch.rand(3), expected)
    torch.manual_seed(77)
    assert torch.equal(weights(train(Line, draw, None, QUICK, 0)), first)


def test_training_stops_early_and_gives_back_the_best_weights():
    seen = []

    def judge(network):
        seen.append(network.layer.weight.item())
        return abs(len(seen) - 3)  # the third check is the best

    state = train(Line, draw, judge, TrainOptions(steps=100, checks=10, patience=2, learning_rate=0.1), 0)
    assert state.step == 50
    assert [step for step, _ in state.curve] == [10, 20, 30, 40, 50]
    assert state.best == 0
    assert state.averaged.layer.weight.item() == seen[2]


def test_forecasts_are_made_with_averaged_weights():
    path = []

    def watching(rng, network):
        path.append(network.layer.weight.item())
        return draw(rng, network)

    network = Line()
    state = train(lambda: network, watching, None, TrainOptions(steps=40, learning_rate=0.5, ema=0.9), 0)
    path.append(network.layer.weight.item())
    average = path[0]
    for step, value in enumerate(path[1:], 1):
        keep = min(0.9, step / (step + 9))
        average = keep * average + (1 - keep) * value
    np.testing.assert_allclose(state.averaged.layer.weight.item(), average, rtol=1e-5)


def test_a_time_budget_shortens_the_schedule(monkeypatch):
    clock = iter(np.arange(0, 10, 0.01))
    monkeypatch.setattr("skucast.models.neural.train.time.perf_counter", lambda: next(clock))
    made = []
    monkeypatch.setattr(
        "skucast.models.neural.train.one_cycle", lambda done, options: made.append(done) or one_cycle(done, options)
    )
    state = train(Line, draw, None, TrainOptions(steps=1_000_000, seconds=0.5), 0)
    assert state.step == len(made) == 49
    np.testing.assert_allclose(made, np.arange(1, 50) / 50, atol=1e-9)
    assert state.optimiser.param_groups[0]["lr"] < TrainOptions().learning_rate * 0.02


def test_it_is_silent_unless_a_hook_is_given(capfd):
    told = []
    train(Line, draw, lambda network: 1.0, QUICK, 0, lambda what, done: told.append((what, done)))
    assert capfd.readouterr() == ("", "")
    assert told
    assert {what for what, _ in told} == {"training"}
    assert all(0 <= done <= 1 for _, done in told)
    assert [done for _, done in told] == sorted(done for _, done in told)


def test_the_rate_rises_in_a_line_and_falls_in_half_a_cosine():
    options = TrainOptions(learning_rate=1.0, warm_up=0.2)
    rates = [one_cycle(done, options) for done in (0.0, 0.1, 0.2, 0.6, 1.0)]
    np.testing.assert_allclose(rates, [0.1, 0.55, 1.0, 0.505, 0.01])


def test_weights_that_are_not_trained_stay():
    def make():
        network = Line()
        network.layer.bias.requires_grad_(False).fill_(0.25)
        return network

    assert train(make, draw, None, QUICK, 0).averaged.layer.bias.item() == 0.25


@pytest.mark.parametrize(
    ("field", "value"),
    [("steps", 0), ("batch", True), ("forks", 1.5), ("learning_rate", 0.0), ("ema", 1.0), ("warm_up", -0.1), ("seconds", -1), ("finish", -0.1)],
)  # fmt: skip
def test_an_option_that_makes_no_sense_is_named(field, value):
    with pytest.raises(ConfigError, match=field):
        TrainOptions(**{field: value})
