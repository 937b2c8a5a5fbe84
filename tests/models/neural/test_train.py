import shutil
import threading

import numpy as np
import pytest
import torch

from skucast.errors import ConfigError
from skucast.models.neural.network import Forecaster
from skucast.models.neural.options import TrainOptions
from skucast.models.neural.prefetch import Prefetch
from skucast.models.neural.rate import find_rate, scheduled
from skucast.models.neural.train import train


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
    state = train(
        lambda: network, watching, None, TrainOptions(steps=40, learning_rate=0.5, ema=0.9, prefetch=False), 0
    )
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
        "skucast.models.neural.train.scheduled", lambda done, *more: made.append(done) or scheduled(done, *more)
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


@pytest.mark.parametrize(("schedule", "middle", "last"), [("one-cycle", 0.505, 0.01), ("cosine", 0.55, 0.1)])
def test_the_rate_rises_in_a_line_and_falls_in_half_a_cosine(schedule, middle, last):
    options = TrainOptions(schedule=schedule, warm_up=0.2)
    rates = [scheduled(done, 2.0, options) for done in (0.0, 0.1, 0.2, 0.6, 1.0)]
    np.testing.assert_allclose(rates, 2 * np.array([0.1, 0.55, 1.0, middle, last]))


def test_the_schedule_decides_what_is_learned():
    one, other = (train(Line, draw, None, TrainOptions(steps=60, schedule=name), 0) for name in ("one-cycle", "cosine"))
    assert not torch.equal(weights(one), weights(other))


# ---- several batches per update -------------------------------------------------------------------
def test_gradients_of_several_batches_are_averaged():
    """Four batches of one window make the update that one batch of all four makes."""
    rng = np.random.default_rng(0)
    rows = [torch.from_numpy(rng.normal(size=(1, 1))).float() for _ in range(160)]
    quiet = {"steps": 40, "learning_rate": 0.05}

    class Plain(Line):
        def __init__(self):
            super().__init__()
            self.drop = torch.nn.Identity()

    few, many = iter(rows), iter(torch.cat(rows[k : k + 4]) for k in range(0, 160, 4))
    one = train(Plain, lambda *_: (x := next(few), 3 * x), None, TrainOptions(accumulate=4, prefetch=False, **quiet), 0)
    other = train(Plain, lambda *_: (x := next(many), 3 * x), None, TrainOptions(prefetch=False, **quiet), 0)
    torch.testing.assert_close(weights(one), weights(other))
    assert next(few, None) is None


# ---- the next batch in a thread ---------------------------------------------------------------------
def test_preparing_batches_in_a_thread_changes_nothing():
    ahead, inline = (
        train(Line, draw, lambda n: float(n.layer.weight), TrainOptions(steps=40, accumulate=2, prefetch=thread), 3)
        for thread in (True, False)
    )
    assert torch.equal(weights(ahead), weights(inline))
    assert ahead.curve == inline.curve
    assert ahead.drawn == inline.drawn


def test_pieces_are_prepared_once_each_and_in_order_by_one_thread():
    made = []

    def prepare():
        made.append(threading.get_ident())
        return len(made)

    with Prefetch(prepare, ahead=True) as pieces:
        assert [pieces.next() for _ in range(50)] == list(range(1, 51))
    assert len(set(made)) == 1
    assert made[0] != threading.get_ident()
    assert len(made) <= 51  # never further ahead


def test_what_goes_wrong_in_the_thread_is_raised_where_the_batch_is_missed():
    def broken(rng, network):
        raise ZeroDivisionError("nothing to draw")

    with pytest.raises(ZeroDivisionError, match="nothing to draw"):
        train(Line, broken, None, TrainOptions(steps=5, prefetch=True), 0)
    assert not [t for t in threading.enumerate() if t.name.startswith("skucast-prefetch")]


# ---- the learning rate is found -----------------------------------------------------------------------
def test_the_range_test_stays_well_below_the_rate_with_the_lowest_loss():
    tried = []

    def update(rate):
        tried.append(rate)
        return 1.0 + (np.log10(rate) + 2) ** 2  # lowest at 0.01

    found = find_rate(update)
    assert 0.001 <= found <= 0.004  # a tenth, and smoothing lags behind
    np.testing.assert_allclose(np.diff(np.log(tried)), np.log(tried[1] / tried[0]))  # by factors


def test_the_range_test_ends_when_the_loss_bursts():
    tried = []

    def update(rate):
        tried.append(rate)
        return float("nan") if rate > 0.01 else 1.0 - rate

    assert find_rate(update) == pytest.approx(0.001, rel=0.2)
    assert max(tried) < 0.02


def test_a_rate_of_zero_is_found_by_trying_and_is_good_enough():
    found = train(Line, draw, None, TrainOptions(steps=300, learning_rate=0), 0)
    assert 0.01 < found.peak < 0.5
    assert abs(found.averaged.layer.weight.item() - 3) < 0.4
    given = train(Line, draw, None, TrainOptions(steps=300, learning_rate=found.peak), 0)
    assert torch.equal(weights(found), weights(given))  # trying leaves no trace


# ---- numbers, compiling, devices -------------------------------------------------------------------------
def test_rough_products_keep_full_weights_and_learn_as_well():
    rough = train(Line, draw, None, TrainOptions(steps=300, learning_rate=0.1, precision="bf16"), 0)
    full = train(Line, draw, None, TrainOptions(steps=300, learning_rate=0.1), 0)
    assert rough.averaged.layer.weight.dtype == torch.float32
    assert not torch.equal(weights(rough), weights(full))
    torch.testing.assert_close(weights(rough), weights(full), atol=0.1, rtol=0)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_on_a_processor_precision_auto_is_full():
    auto, full = (weights(train(Line, draw, None, TrainOptions(steps=20, precision=p), 0)) for p in ("auto", "fp32"))
    assert torch.equal(auto, full)


def test_without_a_compiler_that_is_said_in_one_sentence(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(
        ConfigError, match="'compile' needs a C\\+\\+ compiler, and there is no 'no-such-compiler' here"
    ):
        train(Line, draw, None, TrainOptions(steps=5, compile=True), 0)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated:DeprecationWarning")  # torch of itself
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no compiler here")
def test_a_compiled_network_learns_too():
    state = train(Line, draw, None, TrainOptions(steps=300, learning_rate=0.1, compile=True), 0)
    assert abs(state.averaged.layer.weight.item() - 3) < 0.4


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("precision", ["fp32", "auto"])
def test_it_trains_on_a_gpu(precision):
    def there(rng, network):
        return tuple(part.cuda() for part in draw(rng, network))

    options = TrainOptions(steps=300, learning_rate=0.1, precision=precision)
    state = train(lambda: Line().cuda(), there, None, options, 0)
    assert state.device.type == "cuda"
    assert abs(state.averaged.layer.weight.item() - 3) < 0.4


def test_weights_that_are_not_trained_stay():
    def make():
        network = Line()
        network.layer.bias.requires_grad_(False).fill_(0.25)
        return network

    assert train(make, draw, None, QUICK, 0).averaged.layer.bias.item() == 0.25


@pytest.mark.parametrize(
    ("field", "value"),
    [("steps", 0), ("batch", True), ("forks", 1.5), ("learning_rate", -0.1), ("accumulate", 0), ("clip", 0), ("schedule", "linear"), ("precision", "fp8"), ("compile", 1), ("prefetch", "auto"), ("checkpoint", 3), ("learning_rate", "high"), ("ema", 1.0), ("warm_up", -0.1), ("seconds", -1), ("finish", -0.1)],
)  # fmt: skip
def test_an_option_that_makes_no_sense_is_named(field, value):
    with pytest.raises(ConfigError, match=field):
        TrainOptions(**{field: value})
