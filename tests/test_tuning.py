"""Tuning a project: what is found is written into its file, what is not better changes nothing."""

import json
import signal
import subprocess
import sys
import time

import polars as pl
import pytest

import skucast as sc
from skucast.config import load_config
from skucast.errors import ConfigError
from skucast.models import registry
from skucast.models.space import Range
from skucast.portfolio.tuned import brief
from skucast.tuning import seconds_of, target, tune_project, with_settings

from .shops import write_shop
from .test_cli import says, skucast

BAD = '{ model = "negbin", alpha = 0.9 }'  # follows every noise


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return write_shop(tmp_path_factory.mktemp("shop"), days=110, items=6)


@pytest.fixture
def project(shop, tmp_path):
    """The shop's files with a project file of this test."""

    def make(model: str):
        text = shop.read_text().replace('model = "auto"', f"model = {model}  # as we like it")
        for name in ("orders", "products", "stock"):
            text = text.replace(f'"{name}.csv"', json.dumps(str(shop.parent / f"{name}.csv")))
        file = tmp_path / "skucast.toml"
        file.write_text(text)
        return file

    return make


def test_better_settings_are_written_and_used(project):
    file = project(BAD)
    before = file.read_text()
    done = tune_project(file, budget=0, trials=12)
    assert done.written
    assert done.tuned.improved
    assert done.tuned.start.alpha == 0.9
    found = load_config(file).forecast.model
    assert registry.make(found) == done.tuned.spec
    assert found == done.model == brief(done.tuned.spec)
    old, new = before.splitlines(), file.read_text().splitlines()
    assert [b for a, b in zip(old, new, strict=True) if a != b] == [
        line for line in new if line.startswith("model = ") and line.endswith("  # as we like it")
    ]
    assert done.storage == file.parent / "runs" / "tune-negbin.jsonl"
    assert done.storage.exists()


def test_a_member_of_auto_is_tuned_in_its_place(project):
    file = project(f'{{ model = "auto", preset = "fast", tuned = [{{ model = "ets", trend = "none" }}, {BAD}] }}')
    done = tune_project(file.parent, "negbin", budget=0, trials=12)
    assert done.written
    auto = registry.make(load_config(file).forecast.model)
    assert (auto.name, auto.preset) == ("auto", "fast")
    assert [spec.name for spec in auto.tuned] == ["ets", "negbin"]
    assert auto.tuned[1] == done.tuned.spec == auto.candidates()["negbin"]


def test_settings_that_are_no_better_leave_the_file_alone(project):
    file = project('"negbin"')
    before = file.read_bytes()
    done = tune_project(file, budget=0, trials=1)
    assert not done.written
    assert file.read_bytes() == before
    assert done.model == "negbin"


def test_the_file_is_left_alone_on_demand(project):
    file = project(BAD)
    before = file.read_bytes()
    done = tune_project(file, budget=0, trials=12, write=False)
    assert done.tuned.improved
    assert not done.written
    assert file.read_bytes() == before
    assert done.model == brief(done.tuned.spec)


def test_which_model_is_tuned():
    assert target("ets").name == "ets"
    assert target("auto").name == "lightgbm"
    assert target("auto", "ridge").name == "ridge"
    assert target("auto", "auto").name == "auto"
    assert target({"model": "auto", "tuned": [{"model": "ridge", "penalty": 0.1}]}, "ridge").penalty == 0.1
    assert target({"model": "ets", "trend": "none"}, "ets").trend == "none"


def test_a_model_that_the_project_does_not_use_is_not_tuned():
    with pytest.raises(ConfigError, match="forecasts with 'ets', so 'lightgbm' would not be used"):
        target("ets", "lightgbm")
    with pytest.raises(ConfigError, match=r"no model 'lihgtgbm'.*Did you mean 'lightgbm'"):
        target("ets", "lihgtgbm")


def test_how_settings_are_written():
    tuned = registry.make({"model": "lightgbm", "leaves": 63})
    assert with_settings("lightgbm", tuned) == {"model": "lightgbm", "leaves": 63}
    assert with_settings("auto", tuned) == {"model": "auto", "tuned": [{"model": "lightgbm", "leaves": 63}]}
    there = {"model": "auto", "windows": 2, "tuned": [{"model": "lightgbm", "leaves": 7}, {"model": "ets"}]}
    assert with_settings(there, tuned) == {
        "model": "auto",
        "windows": 2,
        "tuned": [{"model": "ets"}, {"model": "lightgbm", "leaves": 63}],
    }


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("5m", 300), ("1.5h", 5400), (" 2 min ", 120), (7, 7), (0.5, 0.5)]
)
def test_time_budgets(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["soon", "5 weeks", "-3s", "", "1e3"])
def test_what_is_no_time_budget(text):
    with pytest.raises(ConfigError, match="like 90s, 5m or 1h"):
        seconds_of(text)


# ---- the verb on frames ---------------------------------------------------------------------------
def test_a_frame_is_tuned_and_the_spec_can_be_used_at_once(tmp_path):
    days = pl.date_range(pl.date(2025, 1, 1), pl.date(2025, 3, 31), eager=True)
    frame = pl.concat(
        pl.DataFrame({"item": name, "day": days, "sold": [(i * 7 + k) % 5 + 2.0 * k for i in range(len(days))]})
        for k, name in enumerate("abc")
    )
    columns = {"id": "item", "time": "day", "target": "sold"}
    tuned = sc.tune(
        frame, 7, model={"model": "negbin", "alpha": 0.9}, budget=0, trials=10, windows=2, storage=tmp_path / "s.jsonl",
        **columns,
    )  # fmt: skip
    assert tuned.improved
    assert sc.forecast(frame, 7, model=tuned.spec, **columns).height == 21
    narrow = sc.tune(frame, 7, model="negbin", trials=3, windows=1, space={"alpha": Range(0.1, 0.2)}, **columns)
    assert narrow.trials["alpha"][1:].is_between(0.1, 0.2).all()


# ---- the command line -----------------------------------------------------------------------------
def test_the_command_tunes_and_says_what_was_gained(project):
    file = project(BAD)
    done = skucast("tune", file, "--trials", 12, "--budget", "2m", "--model", "negbin")
    assert done.returncode == 0, done.stderr
    assert "% lower" in done.stdout
    assert "降低" in done.stdout
    assert f"Wrote the settings to {file}" in done.stdout
    assert [line.split()[0] for line in done.stderr.splitlines()] == ["read", "demand", "tune"]
    again = skucast("tune", file, "--trials", 12, "--json")
    says(again, 2, "the present settings and the search space are not the same", "--restart")
    anew = skucast("tune", file, "--trials", 1, "--json", "--restart", "--no-write")
    result = json.loads(anew.stdout)
    assert (result["model"], result["improved"], result["written"], result["trials"]) == ("negbin", False, False, 1)
    assert result["wql_before"] == result["wql_after"]
    assert anew.stderr == ""


def test_mistakes_on_the_command_line_are_one_sentence(project, tmp_path):
    file = project('"ets"')
    says(skucast("tune", file, "--model", "lightgbm"), 2, "would not be used")
    says(skucast("tune", file, "--budget", "soon"), 2, "like 90s")
    says(skucast("tune", tmp_path / "none"), 2, "no project file")


def test_a_stopped_command_says_that_it_can_go_on(project):
    file = project(BAD)
    kept = file.parent / "runs" / "tune-negbin.jsonl"
    running = subprocess.Popen(
        [sys.executable, "-m", "skucast", "tune", file, "--trials", "400", "--budget", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (kept.exists() and b"ended" in kept.read_bytes()):
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "the same command goes on" in out
    assert "Traceback" not in err
    done = tune_project(file, budget=0, trials=2)
    assert done.tuned.trials.height >= 2
