"""A training that was killed goes on where it was, to the same weights."""

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from skucast.errors import ConfigError
from skucast.models import registry
from skucast.models.neural.checkpoint import Checkpoint
from skucast.models.neural.options import TrainOptions
from skucast.models.neural.train import train

from .panels import weekly_pattern

pytestmark = pytest.mark.filterwarnings("ignore:'.*' learned from:UserWarning")
ROOT = Path(__file__).parents[3]
HORIZON = 7
TRAIN = {"steps": 60, "batch": 16, "checks": 12, "patience": 12, "finish": 0.5}

KILLED = """
import sys, warnings
warnings.simplefilter("ignore", UserWarning)
from skucast.models import registry
from tests.models.neural.panels import weekly_pattern
name, folder, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
fields = {"hidden": 8, "width": 8, "dropout": 0.2, "train": {**%r, "checkpoint": folder}}
spec = registry.make({"model": name, **fields})
slow = lambda what, done: (print(done, flush=True), __import__("time").sleep(0.05))
spec.fit(weekly_pattern(), horizon=7, seed=seed, progress=slow)
print("finished", flush=True)
""" % (TRAIN,)  # noqa: UP031  # braces are code here


def spec(name="lstm", folder="", **train):
    return registry.make({
        "model": name, "hidden": 8, "width": 8, "dropout": 0.2, "train": {**TRAIN, **train, "checkpoint": str(folder)},
    })  # fmt: skip


def weights(fitted):
    return {name: w.numpy() for name, w in fitted.network.state_dict().items()}


class Killed(BaseException):
    """Ends a training from its progress hook, as a kill would."""


def interrupted(spec, panel, share, seed=0):
    """Train up to a share of the work, then die."""

    def hook(what, done):
        if done >= share:
            raise Killed

    with pytest.raises(Killed):
        spec.fit(panel, horizon=HORIZON, seed=seed, progress=hook)


@pytest.fixture(scope="module")
def panel():
    return weekly_pattern()


@pytest.mark.parametrize("part", ["first", "second"])
def test_killed_with_sigkill_and_asked_for_again_it_comes_to_the_same_weights(panel, tmp_path, part):
    """In both parts of a training: with the last steps held out, and with them."""
    folder = tmp_path / "state"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    command = [sys.executable, "-c", KILLED, "lstm", str(folder), "4"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        waited = time.monotonic() + 60
        while not (folder / f"{part}.safetensors").exists() and time.monotonic() < waited:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        said, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert "finished" not in said
    with safe_open(folder / f"{part}.safetensors", "np") as file:
        state = json.loads(file.metadata()["state"])
    assert 0 < state["step"] < TRAIN["steps"]
    told = []
    resumed = spec(folder=folder).fit(panel, horizon=HORIZON, seed=4, progress=lambda what, done: told.append(done))
    whole = spec().fit(panel, horizon=HORIZON, seed=4)
    for name, weight in weights(whole).items():
        np.testing.assert_array_equal(weights(resumed)[name], weight, err_msg=name)
    assert resumed.about == whole.about
    assert min(told) > 0  # nothing was done twice from the start
    assert not folder.exists()


@pytest.mark.parametrize("share", [0.3, 0.9])
@pytest.mark.parametrize("name", ["gru", "vae"])
def test_wherever_it_ends_it_goes_on_there(panel, tmp_path, name, share):
    interrupted(spec(name, tmp_path / "state"), panel, share)
    resumed = spec(name, tmp_path / "state").fit(panel, horizon=HORIZON)
    whole = spec(name).fit(panel, horizon=HORIZON)
    for key, weight in weights(whole).items():
        np.testing.assert_array_equal(weights(resumed)[key], weight, err_msg=key)
    assert resumed.about == whole.about


def test_a_rate_that_was_found_is_kept(panel, tmp_path):
    interrupted(spec(folder=tmp_path / "state", learning_rate=0.0), panel, 0.5)
    resumed = spec(folder=tmp_path / "state", learning_rate=0.0).fit(panel, horizon=HORIZON)
    assert resumed.about == spec(learning_rate=0.0).fit(panel, horizon=HORIZON).about


def test_a_finished_training_leaves_nothing_and_other_files_alone(panel, tmp_path):
    spec(folder=tmp_path / "new" / "state").fit(panel, horizon=HORIZON)
    assert not (tmp_path / "new" / "state").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note.txt").write_text("keep")
    spec(folder=tmp_path / "mine").fit(panel, horizon=HORIZON)
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["note.txt"]


@pytest.mark.parametrize("other", ["model", "panel", "horizon", "seed", "option", "start"])
def test_the_checkpoint_of_another_training_is_an_error(panel, tmp_path, other):
    interrupted(spec(folder=tmp_path), panel, 0.5)
    asked = spec("gru" if other == "model" else "lstm", tmp_path, **({"batch": 17} if other == "option" else {}))
    history = panel.until(panel.end - 1) if other == "panel" else panel
    given = {"horizon": 6 if other == "horizon" else HORIZON, "seed": int(other == "seed")}
    start = spec(steps=2).fit(panel, horizon=HORIZON) if other == "start" else None
    with pytest.raises(ConfigError, match=r"holds the checkpoint of another training .*: choose another folder, or delete it\.$"):  # fmt: skip
        asked.fit(history, start_from=start, **given)


def test_a_file_that_is_no_checkpoint_is_an_error_and_stays(panel, tmp_path):
    (tmp_path / "first.safetensors").write_bytes(b"not one of ours")
    with pytest.raises(ConfigError, match="holds the checkpoint of another training"):
        spec(folder=tmp_path).fit(panel, horizon=HORIZON)
    assert (tmp_path / "first.safetensors").read_bytes() == b"not one of ours"


def test_a_write_that_fails_leaves_the_last_state_whole(panel, tmp_path, monkeypatch):
    interrupted(spec(folder=tmp_path), panel, 0.4)
    before = (tmp_path / "first.safetensors").read_bytes()

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space left"):
        spec(folder=tmp_path).fit(panel, horizon=HORIZON)
    assert (tmp_path / "first.safetensors").read_bytes() == before


def test_time_already_spent_counts_towards_the_budget(tmp_path, monkeypatch):
    from .test_train import Line, draw

    clock = iter(np.arange(0, 1000, 0.01))
    monkeypatch.setattr("skucast.models.neural.train.time.perf_counter", lambda: next(clock))
    options = TrainOptions(steps=10_000, checks=1000, seconds=2.0)
    file = Checkpoint(tmp_path / "x.safetensors", "mark")
    seen = []

    def dying(what, done):
        seen.append(done)
        if done > 0.5:
            raise Killed

    with pytest.raises(Killed):
        train(Line, draw, None, options, 0, dying, file)
    later = []
    state = train(Line, draw, None, options, 0, lambda what, done: later.append(done), file)
    assert 0.35 < later[0] < 0.6
    assert state.ended
    assert torch.isfinite(state.averaged.layer.weight).all()


def test_it_is_plain_data(panel, tmp_path):
    """Tensors and JSON: what reads it executes nothing."""
    interrupted(spec(folder=tmp_path), panel, 0.5)
    assert [p.name for p in tmp_path.iterdir()] == ["first.safetensors"]
    with safe_open(tmp_path / "first.safetensors", "np") as file:
        names = set(file.keys())
        state = json.loads(file.metadata()["state"])
    assert {n.partition(".")[0] for n in names} == {"network", "averaged", "kept", "adamw", "random"}
    assert set(state) == {"mark", "drawn", "step", "best", "worse", "curve", "peak", "seconds", "ended"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spec(folder=tmp_path)  # the option itself reads nothing
