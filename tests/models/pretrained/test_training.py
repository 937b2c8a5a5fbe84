"""Training: resumed equals rerun, checkpoints are whole, every size learns."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skucast.errors import ConfigError

torch = pytest.importorskip("torch")

from skucast.models.pretrained import shipped  # noqa: E402
from skucast.models.pretrained.grid import HORIZON  # noqa: E402
from skucast.models.pretrained.size import LEVELS  # noqa: E402
from skucast.models.pretrained.training import Recipe, State, _learn, loss, step_batch, train  # noqa: E402

TINY = Recipe(size="nano", rows=4, ahead=4, steps=4, warmup=2, cooldown=2, report=2)


def quiet(line: str) -> None: ...


def weights(state: State) -> list[np.ndarray]:
    return [p.detach().numpy().copy() for net in (state.network, state.average) for p in net.parameters()]


def test_a_training_that_was_interrupted_ends_with_the_same_weights(tmp_path: Path) -> None:
    whole = State.begin(TINY)
    for number in range(TINY.steps):
        _learn(whole, step_batch(TINY, number))
    train(TINY, tmp_path, until=2, say=quiet)
    assert State.load(tmp_path / "checkpoint.pt").step == 2
    resumed = train(TINY, tmp_path, say=quiet)
    assert resumed.step == TINY.steps
    for left, right in zip(weights(whole), weights(resumed), strict=True):
        np.testing.assert_array_equal(left, right)
    curve = json.loads((tmp_path / "curve.json").read_text())
    assert [row["step"] for row in curve] == [2, 4]
    assert set(curve[0]) == {"step", "seconds", "loss", "h", "D", "W", "M"}
    assert not list(tmp_path.glob(".*"))
    exported = shipped.export(resumed, tmp_path / "weights", "mine", {"pasta": 0.5}, "0123abc")
    assert shipped.manifest(str(tmp_path / "weights/mine.safetensors")) == exported
    assert shipped.load(str(tmp_path / "weights/mine.safetensors")).size == resumed.network.size
    assert exported["evaluation"] == {"pasta": 0.5}
    assert exported["commit"] == "0123abc"
    assert exported["steps"] == 4
    assert exported["data"] == "synthetic only"
    assert len(exported["curve"]) == 2


def test_a_training_can_begin_with_weights_that_are_there(tmp_path: Path) -> None:
    first = shipped.export(train(TINY, tmp_path / "first", say=quiet), tmp_path, "first")
    path = str(tmp_path / "first.safetensors")
    recipe = replace(TINY, start=path, steps=1, rate=1e-9)
    state = train(recipe, tmp_path / "second", say=quiet)
    for name, array in shipped.load(path).weights.items():
        np.testing.assert_allclose(state.average.state_dict()[name].numpy(), array, atol=1e-6)
    second = shipped.export(state, tmp_path, "second")
    began = {n: first[n] for n in ("sha256", "prior", "commit", "steps", "series", "core_hours")}
    assert second["began_with"] == {**began, "share": 1.0}
    further = train(replace(recipe, rate=0.01, seed=2), tmp_path / "third", say=quiet)
    for name, share in (("whole", 1.0), ("half", 0.5)):
        shipped.export(further, tmp_path, name, share=share)
    whole, half, start = (shipped.load(str(tmp_path / f"{n}.safetensors")).weights for n in ("whole", "half", "first"))
    for name, array in half.items():
        np.testing.assert_allclose(array, (whole[name] + start[name]) / 2, atol=2e-3)
    assert any(not np.allclose(whole[name], start[name], atol=2e-3) for name in start)
    with pytest.raises(ConfigError, match="another size than 'small'"):
        State.begin(replace(recipe, size="small"))


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    State.begin(TINY).save(tmp_path / "checkpoint.pt")
    with pytest.raises(ConfigError, match="another size, seed"):
        State.load(tmp_path / "checkpoint.pt", replace(TINY, seed=2))
    assert State.load(tmp_path / "checkpoint.pt", replace(TINY, steps=9)).recipe.steps == 9


def test_no_minutes_are_no_steps(tmp_path: Path) -> None:
    assert train(TINY, tmp_path, 0.0, say=quiet).step == 0
    assert (tmp_path / "checkpoint.pt").is_file()


@pytest.mark.parametrize("size", ["nano", "small", "base"])
def test_every_size_learns(size: str) -> None:
    recipe = replace(TINY, size=size, rate=1e-4 if size != "base" else 1e-5, warmup=1, steps=100, cooldown=1)
    state = State.begin(recipe)
    batch = step_batch(recipe, 0)
    losses = [_learn(state, batch) for _ in range(5)]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


def test_the_loss_is_the_pinball_loss_of_what_counts() -> None:
    from sklearn.metrics import mean_pinball_loss

    rng = np.random.default_rng(0)
    quantiles, target = np.sort(rng.normal(size=(3, 5, len(LEVELS))), axis=2), rng.normal(size=(3, 5))
    target[0, :2] = np.nan
    seen = ~np.isnan(target)
    want = 2 * np.mean([mean_pinball_loss(target[seen], quantiles[seen][:, k], alpha=q) for k, q in enumerate(LEVELS)])
    assert float(loss(torch.tensor(quantiles), torch.tensor(target))) == pytest.approx(want)


def test_batches_hold_other_steps_ahead_each_time() -> None:
    one, two = step_batch(replace(TINY, ahead=16), 0), step_batch(replace(TINY, ahead=16), 1)
    assert one["target"].shape == (4, 16)
    assert one["steps"].shape[1] == 16
    assert HORIZON >= 16
    assert not np.array_equal(one["history"][:, :8], two["history"][:, :8])


def test_the_learning_rate_rises_falls_slowly_and_ends_at_zero() -> None:
    recipe = Recipe(steps=1000, warmup=10, slow=500, cooldown=100)
    rates = [recipe.rate_at(k) for k in range(1001)]
    assert rates[9] == pytest.approx(recipe.rate, rel=0.02)
    assert rates[500] == pytest.approx(recipe.rate / 2**0.5, rel=0.01)
    assert rates[1000] == 0
    assert np.argmax(rates) in range(8, 11)


def test_a_recipe_with_an_unknown_option_or_size_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text('{"colour": 1}')
    with pytest.raises(ConfigError, match="the option 'colour'"):
        Recipe.load(path)
    path.write_text('{"size": "huge"}')
    with pytest.raises(ConfigError, match="the size 'huge'; there are: nano, small, base"):
        Recipe.load(path)
    path.write_text('{"size": "nano", "rows": 3}')
    assert Recipe.load(path) == Recipe(size="nano", rows=3)
