"""Fine-tuning: it learns what only this shop shows, is taken only if it helps, and is saved without torch."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from skucast.errors import ConfigError, MissingExtraError
from skucast.models.pretrained import model as module
from skucast.models.pretrained.held_out import HeldOut
from skucast.models.pretrained.last_year import LastYear
from skucast.models.pretrained.model import FittedPretrained, Pretrained
from skucast.models.pretrained.reading import Reader
from skucast.models.pretrained.recalibrate import recalibrated
from skucast.models.pretrained.roles import Roles
from skucast.models.pretrained.shipped import load
from skucast.models.pretrained.size import LEVELS
from skucast.models.spec import load_fitted
from skucast.panel import Panel

from ..series import panel_of

STEPS, AHEAD = 96, 4


def odd_shop(turned: int = 0, rows: int = 48, seed: int = 0) -> tuple[Panel, dict[str, np.ndarray], np.ndarray]:
    """Items whose promotions sell three times as much or a third, as the grade says: no effect on average.

    ``turned`` last steps do the opposite. Returns the panel, what is planned ahead, and what will be sold.
    """
    rng = np.random.default_rng(seed)
    promoted = rng.random((rows, STEPS + AHEAD)) < 0.4
    grade = rng.choice([-1.0, 1.0], (rows, STEPS + AHEAD))
    effect = 1.1 * grade * promoted
    effect[:, STEPS - turned : STEPS] *= -1
    units = rng.poisson(rng.uniform(10, 60, (rows, 1)) * np.exp(effect)).astype(np.float32)
    both = {"promotion": promoted.astype(np.float32), "grade": grade.astype(np.float32)}
    panel = panel_of({f"i{k}": row[:STEPS] for k, row in enumerate(units)}, "W-SUN")
    panel = panel.with_known({n: c[:, :STEPS].ravel() for n, c in both.items()})
    return panel, {n: c[:, STEPS:] for n, c in both.items()}, units[:, STEPS:]


@cache
def learned() -> FittedPretrained:
    pytest.importorskip("torch")
    fitted = Pretrained(fine_tune="full", seconds=0, steps=24).fit(odd_shop()[0], horizon=AHEAD)
    assert isinstance(fitted, FittedPretrained)
    return fitted


def pinball(fitted: FittedPretrained, plan: dict[str, np.ndarray], actual: np.ndarray) -> float:
    forecast = fitted.predict(AHEAD, plan)
    error, level = actual[..., None] - forecast.quantiles, np.array(forecast.levels)
    return float(np.maximum(level * error, (level - 1) * error).mean())


def test_what_only_this_shop_shows_is_learned_and_taken() -> None:
    panel, plan, actual = odd_shop()
    assert "was accepted: WQL 0." in learned().notes[0]
    plain = Pretrained().fit(panel, horizon=AHEAD)
    assert isinstance(plain, FittedPretrained)
    assert plain.notes == ()
    assert pinball(learned(), plan, actual) < 0.9 * pinball(plain, plan, actual)


def test_what_no_longer_holds_in_the_last_windows_is_not_taken() -> None:
    pytest.importorskip("torch")
    panel, plan, _ = odd_shop(turned=4 * AHEAD)
    fitted = Pretrained(fine_tune="last", seconds=0, steps=12).fit(panel, horizon=AHEAD)
    assert isinstance(fitted, FittedPretrained)
    assert fitted.own is None
    assert "was rejected: WQL 0." in fitted.notes[0]
    assert "not better by more than chance" in fitted.notes[0]
    zero_shot = Pretrained().fit(panel, horizon=AHEAD)
    np.testing.assert_array_equal(fitted.predict(AHEAD, plan).quantiles, zero_shot.predict(AHEAD, plan).quantiles)


def test_a_small_shop_keeps_the_shipped_weights_and_is_told_so() -> None:
    pytest.importorskip("torch")
    panel = panel_of({name: np.arange(20.0) % 5 for name in "abc"})
    fitted = Pretrained(fine_tune="full", recalibrate="tested").fit(panel, horizon=14)
    assert isinstance(fitted, FittedPretrained)
    assert fitted.own is None
    assert (fitted.stretch == 1).all()
    assert "left out" in fitted.notes[0]
    assert "too short" in fitted.notes[1]


def test_a_learned_model_is_saved_and_forecasts_without_torch(tmp_path: Path) -> None:
    _, plan, _ = odd_shop()
    learned().save(tmp_path)
    np.savez(tmp_path / "plan.npz", **plan)  # type: ignore[arg-type]
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import numpy as np\n"
        "from skucast.models.spec import load_fitted\n"
        f"fitted = load_fitted({str(tmp_path)!r})\n"
        f"plan = dict(np.load({str(tmp_path / 'plan.npz')!r}))\n"
        f"np.save({str(tmp_path / 'said.npy')!r}, fitted.predict({AHEAD}, plan).quantiles)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "said.npy"), learned().predict(AHEAD, plan).quantiles)
    loaded = load_fitted(tmp_path)
    assert isinstance(loaded, FittedPretrained)
    assert loaded.spec == learned().spec
    assert loaded.notes == learned().notes


def test_what_was_learned_is_kept_when_the_history_moves_on() -> None:
    panel, plan, actual = odd_shop()
    longer = panel.append(actual, plan)
    moved = learned().update(longer)
    assert moved.own is learned().own
    assert np.isfinite(moved.predict(AHEAD, plan).quantiles).all()


@pytest.mark.parametrize("way", ["last", "low-rank", "full"])
def test_what_learned_in_torch_is_what_numpy_is_given(way: str) -> None:
    torch = pytest.importorskip("torch")
    from skucast.models.pretrained.draws import Draws
    from skucast.models.pretrained.learner import Learner

    panel, _, _ = odd_shop(rows=8)
    draws = Draws(Reader(panel, {}, Roles.of(panel), AHEAD), 8)
    start = load("small")

    def taught(seed: int) -> Learner:
        torch.manual_seed(seed)
        rng = np.random.default_rng(seed)
        learner = Learner(start, way)  # type: ignore[arg-type]
        for _ in range(2):
            assert np.isfinite(learner.learn(draws.draw(rng, 8, AHEAD), 1e-2))
        return learner

    learner = taught(1)
    for mine, theirs in zip(learner.average, learner.learning, strict=True):
        mine.copy_(theirs.detach())
    made = learner.weights()
    batch = draws.draw(np.random.default_rng(0), 8, AHEAD)
    by_torch = learner.network(*(torch.from_numpy(batch[n]) for n in ("history", "tokens", "seen", "steps")))
    other = Learner(made, "full").network  # the merged weights alone
    merged = other(*(torch.from_numpy(batch[n]) for n in ("history", "tokens", "seen", "steps")))
    np.testing.assert_allclose(by_torch.detach().numpy(), merged.detach().numpy(), atol=1e-4)
    assert set(made.weights) == set(start.weights)
    changed = {n for n, w in made.weights.items() if not np.array_equal(w, start.weights[n])}
    if way == "last":
        assert {name.rpartition(".")[0].split(".")[0] for name in changed} <= {"attend", "think", "head"}
        assert not any(".0." in name for name in changed)
    else:
        assert "enter.weight" in changed
    assert "head.weight" in changed
    again, another = taught(1).weights(), taught(2).weights()
    first = taught(1).weights()
    for name, weight in first.weights.items():
        np.testing.assert_array_equal(weight, again.weights[name])
    assert not np.array_equal(first.weights["head.weight"], another.weights["head.weight"])


def test_a_budget_ends_learning_however_many_steps_were_asked_for() -> None:
    pytest.importorskip("torch")
    fitted = Pretrained(fine_tune="last", seconds=0.5, steps=10**6).fit(odd_shop(rows=24)[0], horizon=AHEAD)
    assert isinstance(fitted, FittedPretrained)
    assert len(fitted.notes) == 1


def test_a_hook_can_stop_it_and_fractions_rise() -> None:
    pytest.importorskip("torch")
    told: list[float] = []

    def stop(what: str, done: float) -> None:
        told.append(done)
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Pretrained(fine_tune="last", seconds=0, steps=20).fit(odd_shop(rows=24)[0], horizon=AHEAD, progress=stop)
    assert 0 < told[0] < told[1] < 0.8


def test_windows_of_the_past_are_those_of_the_panel_as_it_was_then() -> None:
    rng = np.random.default_rng(3)
    panel = panel_of({"a": rng.poisson(5, 90), "b": rng.poisson(5, 40), "c": [*np.full(20, np.nan), *np.ones(60)]})
    n = panel.values.size
    panel = replace(
        panel.with_known({"price": rng.uniform(1, 2, n), "x": rng.random(n)}),
        past={"clicks": rng.random(n).astype(np.float32)}, available=rng.random(n) < 0.9,
    )  # fmt: skip
    roles = Roles("price", "", ("x", "clicks"))
    rows, back = np.array([2, 0, 1]), 20
    then = panel.until(panel.end - back)
    plan = {name: panel.dense(column, back)[:, :7] for name, column in panel.known.items()}
    want = Reader(then, plan, roles, 7).window(rows, 64)
    window, came = Reader(panel, {}, roles, 7).window_at(rows, np.full(3, back), 64)
    for name in ("demand", "sold_out", "price", "promotion", "slots"):
        np.testing.assert_array_equal(getattr(window, name), getattr(want, name))
    for name in ("calendar", "occasion", "ago"):
        mine = getattr(window, name)
        np.testing.assert_array_equal(mine, np.broadcast_to(getattr(want, name), mine.shape))
    np.testing.assert_array_equal(came, panel.dense(panel.observed, back)[rows, :7])


def test_options_that_make_no_sense_and_a_missing_torch_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="'fine_tune' of 'pretrained' must be one of none, last, low-rank, full"):
        Pretrained(fine_tune="most")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="'recalibrate' of 'pretrained' must be one of never, always, tested"):
        Pretrained(recalibrate="perhaps")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="no negative time budget"):
        Pretrained(seconds=-1)
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="Fine-tuning of 'pretrained' needs the extra 'neural'"):
        Pretrained(fine_tune="last").fit(odd_shop(rows=3)[0], horizon=AHEAD)


class Saying(HeldOut):
    """Held-out windows whose answers are given."""

    said: np.ndarray

    def answers(self, network: object, last_year: object) -> np.ndarray:
        return self.said


def said(deviation: float, how: str) -> tuple[np.ndarray, str]:
    """Recalibration where a normal distribution with a deviation of 10 was forecast with another."""
    actual = np.random.default_rng(1).normal(100, 10, (2, 150, 6)).astype(np.float32)
    held = Saying((), actual)
    object.__setattr__(
        held, "said", np.broadcast_to(norm.ppf(LEVELS, 100, deviation), (*actual.shape, len(LEVELS))).astype(np.float32)
    )
    return recalibrated(held, load("small"), LastYear(), how)  # type: ignore[arg-type]


def test_intervals_are_stretched_only_where_that_holds_on_a_later_window() -> None:
    stretch, note = said(6.0, "tested")
    assert (stretch > 1.3).all()
    assert note.startswith("Intervals were recalibrated: on the last window 80 % intervals covered")
    stretch, note = said(10.0, "tested")
    assert (stretch == 1).all()
    assert "was rejected" in note
    stretch, note = said(10.0, "always")
    assert (np.abs(stretch - 1) < 0.15).all()
    assert not (stretch == 1).all()
