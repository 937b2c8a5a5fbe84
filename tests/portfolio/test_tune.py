"""Tuning: finds what is better, keeps what is not worse, ends in time, and survives being killed."""

import json
import signal
import subprocess
import sys
import time
from importlib import util
from pathlib import Path

import numpy as np
import optuna
import polars as pl
import pytest

from skucast.errors import ConfigError, DataError, MissingExtraError, ModelError
from skucast.evaluate.backtest import backtest_panel
from skucast.models.gain import SURE
from skucast.models.naive import SeasonalNaive
from skucast.models.space import OneOf, Range
from skucast.portfolio.folds import Folds
from skucast.portfolio.tune import tune_panel
from skucast.portfolio.tuned import brief

from ..evaluate.planted import panel_of, random_panel
from .tunable import HORIZON, TRIALS, Brittle, Knob, search

ROOT = Path(__file__).parents[2]


def without_seconds(tuned):
    return tuned.trials.drop("seconds").to_dicts()


# ---- what is found --------------------------------------------------------------------------------
def test_a_bad_setting_is_replaced_by_one_near_the_best():
    tuned = search(trials=30)
    assert tuned.improved
    assert 0.85 < tuned.spec.factor < 1.2
    assert tuned.after < 0.85 * tuned.before
    assert tuned.before - tuned.after > SURE * tuned.error
    assert tuned.changed["factor"] == tuned.spec.factor


def test_what_was_chosen_is_better_on_later_windows_too():
    panel = random_panel(8, 104)
    tuned = tune_panel(panel.until(panel.end - 14), HORIZON, Knob(factor=1.8), budget=0, trials=25)
    later = backtest_panel(panel, HORIZON, 2, {"before": tuned.start, "after": tuned.spec}).scores()
    wql = dict(zip(later["model"], later["wql"], strict=True))
    assert wql["after"] < 0.85 * wql["before"]


def test_scores_are_those_of_a_backtest():
    panel = random_panel(8, 90)
    tuned = search(trials=1)
    scores = backtest_panel(panel, HORIZON, 4, {"knob": Knob(factor=1.8)}).scores()
    assert tuned.before == pytest.approx(scores.filter(pl.col("model") == "knob")["wql"][0], rel=1e-5)


def test_a_setting_that_cannot_be_beaten_stays():
    panel = panel_of({name: np.full(80, level) for name, level in {"a": 3.0, "b": 9.0}.items()})
    tuned = tune_panel(panel, HORIZON, Knob(spread=0.1), budget=0, trials=10, space={"factor": Range(0.5, 2.0)})
    assert not tuned.improved
    assert tuned.spec == tuned.start
    assert tuned.after == tuned.before
    assert tuned.best_other > tuned.before


@pytest.mark.parametrize("seed", range(4))
def test_differences_that_are_chance_change_nothing(seed):
    panel = panel_of({f"s{i}": np.random.default_rng([seed, i]).poisson(6, 80) for i in range(6)})
    space = {"span": Range(50, 56)}  # all the same but for noise
    assert not tune_panel(panel, HORIZON, Knob(), budget=0, trials=7, windows=4, space=space).improved


def test_the_present_setting_is_the_first_trial_even_outside_the_space():
    tuned = tune_panel(random_panel(4, 70), HORIZON, Knob(factor=7.0, span=3), budget=0, trials=2)
    first = tuned.trials.row(0, named=True)
    assert (first["factor"], first["span"], first["outcome"]) == (7.0, 3, "tested")


def test_hopeless_settings_are_stopped_early_and_cost_less():
    tuned = search(trials=30)
    stopped = tuned.trials.filter(pl.col("outcome") == "stopped early")
    assert stopped.height > 3
    assert (stopped["windows"] == 2).all()
    assert stopped["wql"].min() > tuned.after


def test_numbers_tried_are_those_that_people_would_write():
    for row in search().trials.iter_rows(named=True):
        assert float(f"{row['factor']:.3g}") == row["factor"]
        assert isinstance(row["span"], int)


def test_a_small_space_is_tried_once_and_no_longer():
    tuned = tune_panel(random_panel(4, 70), HORIZON, SeasonalNaive(), budget=0, trials=50)
    assert sorted(tuned.trials["season"]) == ["0", "1"]
    assert any("Every setting" in note for note in tuned.notes)


def test_settings_that_fail_are_recorded_and_said():
    tuned = tune_panel(random_panel(4, 70), HORIZON, Brittle(factor=1.8), budget=0, trials=20)
    failed = tuned.trials.filter(pl.col("outcome") == "failed")
    assert failed.height > 0
    assert (failed["factor"] < 1).all()
    assert set(failed["why"]) == {"a factor below 1 is too little"}
    assert tuned.spec.factor >= 1
    assert any("failed" in note for note in tuned.notes)


def test_the_best_stand_first_in_the_frame():
    frame = search().frame()
    tested = frame.filter(pl.col("outcome") == "tested")
    assert frame["outcome"].head(tested.height).to_list() == ["tested"] * tested.height
    assert tested["wql"].is_sorted()


def test_large_panels_are_sampled_and_that_is_said():
    tuned = tune_panel(random_panel(450, 60), HORIZON, Knob(factor=1.8), budget=0, trials=2, windows=1)
    assert any("of 450 series" in note for note in tuned.notes)


def test_short_histories_are_tested_on_fewer_windows_and_that_is_said():
    tuned = tune_panel(random_panel(4, 24), HORIZON, Knob(factor=1.8), budget=0, trials=2)
    assert tuned.windows < 4
    assert any("Short history" in note for note in tuned.notes)


# ---- gains and their errors -----------------------------------------------------------------------
def test_gain_and_its_error_by_hand():
    panel = random_panel(3, 60)
    folds = Folds.of(panel, HORIZON, 2)
    before = np.array([[4.0, 2.0, 6.0], [3.0, 3.0, 3.0]])
    after = np.array([[3.0, 2.0, 5.0], [3.0, 1.0, 2.0]])
    a, b = folds.demand
    saved = np.array([[1 / a, 0, 1 / a], [0, 2 / b, 1 / b]])
    gain, error = folds.gain(before, after)
    assert gain == pytest.approx(folds.wql(before) - folds.wql(after))
    by_series = saved.mean(axis=0).std(ddof=1) * 3**0.5
    by_window = saved.sum(axis=1).std(ddof=1) / 2**0.5
    assert error == pytest.approx(max(by_series, by_window))


def test_windows_without_any_demand_are_left_out():
    values = np.ones(60)
    values[-7:] = 0
    folds = Folds.of(panel_of({"a": values}), HORIZON, 3)
    assert folds.windows == 2
    assert folds.demand.tolist() == [7.0, 7.0]


def test_series_that_begin_within_a_window_do_not_count_there():
    rng = np.random.default_rng(0)
    panel = panel_of({"a": rng.poisson(5, 70), "b": rng.poisson(5, 10), "c": rng.poisson(5, 70)})
    folds = Folds.of(panel, HORIZON, 2)
    early = folds.losses(Knob(), 0)[0]  # from before b began
    assert (early > 0).tolist() == [True, False, True]
    alone = panel.take(np.array([0, 2]))
    assert folds.demand[0] == alone.dense()[:, -14:-7].sum()
    scores = backtest_panel(panel, HORIZON, 2, {"knob": Knob()}).scores(("model", "window"))
    first = scores.filter(pl.col("model") == "knob")["wql"][0]
    assert early.sum() / folds.demand[0] == pytest.approx(first, rel=1e-5)


# ---- ends -----------------------------------------------------------------------------------------
def test_the_same_search_gives_the_same_trials():
    one, other = search(), search()
    assert without_seconds(one) == without_seconds(other)
    assert one.spec == other.spec


def test_another_seed_tries_something_else():
    assert without_seconds(search()) != without_seconds(search(seed=6))


def test_a_time_budget_is_kept_and_stops_fits():
    begun = time.perf_counter()
    tuned = tune_panel(
        random_panel(4, 70), HORIZON, Knob(factor=1.8, seconds=0.1), budget=1.5, space={"factor": Range(0.5, 2.0)},
        windows=2,
    )  # fmt: skip
    assert time.perf_counter() - begun < 3.5
    assert tuned.trials.height >= 2


def test_the_present_setting_is_tested_to_the_end_even_without_time():
    tuned = tune_panel(random_panel(4, 70), HORIZON, Knob(factor=1.8, seconds=0.05), budget=0.01)
    assert tuned.trials["outcome"].to_list() == ["tested"]
    assert not tuned.improved


def test_progress_names_the_setting_and_rises():
    told = []
    search(progress=lambda what, done: told.append((what, done)))
    assert told[0][0] == "knob, setting 1, round 1 of 2"
    assert told[-1] == ("knob, tuned", 1.0)
    assert [done for _, done in told] == sorted(done for _, done in told)


# ---- the file -------------------------------------------------------------------------------------
def test_a_search_goes_on_where_it_ended(tmp_path):
    search(tmp_path / "s.jsonl", trials=5)
    assert without_seconds(search(tmp_path / "s.jsonl")) == without_seconds(search())


def test_a_finished_search_is_not_repeated(tmp_path):
    first = search(tmp_path / "s.jsonl")
    told = []
    again = search(tmp_path / "s.jsonl", progress=lambda what, done: told.append(what))
    assert told == ["knob, tuned"]
    assert again.trials.equals(first.trials)
    assert again.spec == first.spec
    assert again.error == first.error


def test_time_of_former_sessions_counts(tmp_path):
    options = {"budget": 1.0, "trials": 0, "seconds": 0.1}
    first = search(tmp_path / "s.jsonl", **options)
    again = search(tmp_path / "s.jsonl", **options)
    assert first.trials.height <= again.trials.height <= first.trials.height + 2
    assert again.seconds < 1.5  # not twice the budget


@pytest.mark.parametrize("moment", ["setting 1, round 2", "setting 3, round 1", "setting 9, round 1"])
def test_a_search_that_was_killed_goes_on_as_if_it_had_not_been(tmp_path, moment):
    file = tmp_path / "s.jsonl"
    done = subprocess.run(
        [sys.executable, "-m", "tests.portfolio.tunable", str(file), moment, "0"], cwd=ROOT, check=False, timeout=120
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL
    before = int(moment.split()[1].strip(","))
    assert search(file, trials=1).trials.height == max(before - 1, 1)  # nothing that was finished is lost
    resumed = search(file)
    straight = search()
    assert without_seconds(resumed) == without_seconds(straight)
    assert resumed.spec == straight.spec
    assert (resumed.before, resumed.after, resumed.error) == (straight.before, straight.after, straight.error)


def test_a_search_that_was_killed_from_outside_goes_on(tmp_path):
    file = tmp_path / "s.jsonl"
    running = subprocess.Popen([sys.executable, "-m", "tests.portfolio.tunable", str(file), "", "0.05"], cwd=ROOT)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (file.exists() and file.read_bytes().count(b"ended") >= 3):
        time.sleep(0.02)
    running.kill()
    assert running.wait() == -signal.SIGKILL
    assert file.with_name("s.jsonl.lock").exists()  # what a dead process left is taken over
    resumed = search(file, seconds=0.05, trials=6)
    assert not file.with_name("s.jsonl.lock").exists()
    straight = search(seconds=0.05, trials=6)
    assert without_seconds(resumed) == without_seconds(straight)


@pytest.mark.parametrize("cut", [1, 7, 40, 200])
def test_a_line_that_was_only_half_written_is_cut_off(tmp_path, cut):
    file = tmp_path / "s.jsonl"
    search(file, trials=5)
    file.write_bytes(file.read_bytes()[:-cut])
    assert without_seconds(search(file)) == without_seconds(search())


@pytest.mark.parametrize("lines", range(3, 30, 2))
def test_a_search_can_be_cut_off_after_any_line(tmp_path, lines):
    file = tmp_path / "s.jsonl"
    search(file, trials=4)
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:lines]))
    assert without_seconds(search(file, trials=6)) == without_seconds(search(trials=6))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"seed": 6}, "the seed is not the same"),
        ({"windows": 2, "seed": 6}, "the number of windows and the seed are not the same"),
        ({"space": {"factor": Range(0.5, 2.0)}}, "the search space is not the same"),
    ],
)
def test_the_file_of_another_search_is_refused(tmp_path, change, word):
    search(tmp_path / "s.jsonl", trials=1)
    with pytest.raises(ConfigError, match=f"holds another search .*{word}.*--restart"):
        search(tmp_path / "s.jsonl", **change)


def test_the_file_of_other_data_is_refused_unless_told_to_begin_anew(tmp_path):
    file = tmp_path / "s.jsonl"
    search(file, trials=1)
    options = {"budget": 0, "trials": 1, "windows": 4, "seed": 5, "storage": file}
    with pytest.raises(ConfigError, match="the data are not the same"):
        tune_panel(random_panel(8, 91), HORIZON, Knob(factor=1.8), **options)
    anew = tune_panel(random_panel(8, 91), HORIZON, Knob(factor=1.8), restart=True, **options)
    assert anew.trials.height == 1


def test_a_file_that_is_no_search_is_an_error_in_one_sentence(tmp_path):
    file = tmp_path / "s.jsonl"
    file.write_text("this is\nno search\n")
    with pytest.raises(ConfigError, match="cannot be used to keep the search"):
        search(file)


def test_two_processes_do_not_search_into_one_file(tmp_path):
    file = tmp_path / "s.jsonl"

    def again(what, done):
        with pytest.raises(ConfigError, match="Another process is tuning"):
            search(file)

    search(file, again, trials=1)


def test_the_file_is_plain_lines_of_json(tmp_path):
    search(tmp_path / "s.jsonl", trials=2)
    for line in (tmp_path / "s.jsonl").read_text().splitlines():
        json.loads(line)


def test_optuna_is_as_talkative_afterwards_as_before(capfd):
    before = optuna.logging.get_verbosity()
    search(trials=3)
    assert optuna.logging.get_verbosity() == before
    assert capfd.readouterr() == ("", "")


# ---- errors ---------------------------------------------------------------------------------------
def test_without_optuna_the_extra_is_named(monkeypatch):
    real = util.find_spec
    monkeypatch.setattr(
        "skucast.portfolio.study.find_spec", lambda name: None if name == "optuna" else real(name)
    )  # fmt: skip
    with pytest.raises(MissingExtraError, match=r"skucast\[tune\]"):
        search()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"budget": 0, "trials": 0}, "needs an end"),
        ({"budget": -1}, "number of seconds"),
        ({"trials": -1}, "trials must be a whole number"),
        ({"windows": 0}, "windows must be a whole number"),
        ({"space": {"nothing": Range(0, 1)}}, "no option 'nothing' to tune"),
        ({"space": {"factor": (0.5, 2.0)}}, "must be a Range or a OneOf"),
        ({"space": {}}, "has no option to tune"),
    ],
)
def test_arguments_that_make_no_sense(options, words):
    with pytest.raises(ConfigError, match=words):
        search(**options)


def test_a_model_that_fails_as_it_is_says_why():
    with pytest.raises(ModelError, match="fails as it is: a factor below 1"):
        tune_panel(random_panel(4, 70), HORIZON, Brittle(factor=0.7), budget=0, trials=5)


def test_too_short_a_history_is_an_error():
    with pytest.raises(DataError, match="too few to tune"):
        tune_panel(random_panel(2, 2), HORIZON, Knob(), trials=5)


def test_nothing_sold_is_an_error():
    with pytest.raises(DataError, match="Nothing was sold"):
        tune_panel(panel_of({"a": np.zeros(60)}), HORIZON, Knob(), trials=5)


# ---- words ----------------------------------------------------------------------------------------
def test_the_sentence_tells_what_was_gained_in_both_languages():
    tuned = search()
    en, zh = tuned.sentence(), tuned.sentence("zh")
    for text in (en, zh):
        assert f"{tuned.before:.4f}" in text
        assert f"{tuned.after:.4f}" in text
        assert f"factor = {tuned.spec.factor:g}" in text
        assert str(TRIALS) in text
    assert "lower" in en
    assert "降低" in zh
    assert tuned.sentence() in repr(tuned)


def test_the_sentence_tells_that_nothing_was_gained():
    panel = panel_of({"a": np.full(80, 4.0)})
    tuned = tune_panel(panel, HORIZON, Knob(spread=0.1), budget=0, trials=4, space={"factor": Range(0.5, 2.0)})
    assert "present ones stay" in tuned.sentence()
    assert "保持现有参数" in tuned.sentence("zh")
    alone = tune_panel(panel, HORIZON, Knob(), budget=0, trials=1)
    assert "No other setting" in alone.sentence()
    assert "保持现有参数" in alone.sentence("zh")


def test_brief_names_only_what_is_not_the_default():
    assert brief(Knob(factor=1.8)) == {"model": "knob", "factor": 1.8}
    from skucast.models.neural.lstm import Lstm
    from skucast.models.neural.options import TrainOptions

    made = brief(Lstm(hidden=32, train=TrainOptions(steps=500)))
    assert made == {"model": "lstm", "hidden": 32, "train": {"steps": 500}}


def test_options_of_options_and_tuples_come_back_from_the_file(tmp_path):
    from skucast.models.arima import Arimax

    start = Arimax(workers=1, models=2)
    space = {"order": OneOf((), (0, 1, 1), (1, 0, 0)), "occasions": OneOf(3)}
    options = {"budget": 0, "trials": 3, "windows": 1, "space": space, "storage": tmp_path / "s.jsonl"}
    panel = random_panel(2, 60)
    first = tune_panel(panel, HORIZON, start, **options)
    again = tune_panel(panel, HORIZON, start, **options)
    assert again.trials.equals(first.trials)
    assert set(first.trials["order"]) == {"[]", "[0, 1, 1]", "[1, 0, 0]"}
