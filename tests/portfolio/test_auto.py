"""Auto: choice by an honest test, combination, and what it does when there is little to go by."""

import dataclasses
import itertools
import json

import numpy as np
import polars as pl
import pytest

from skucast.errors import ConfigError, DataError, ModelError
from skucast.evaluate.classes import CLASSES, demand_classes
from skucast.forecast import LEVELS
from skucast.models import registry
from skucast.models.spec import load_fitted
from skucast.panel import Panel
from skucast.portfolio import clock as clock_module
from skucast.portfolio import trial as trial_module
from skucast.portfolio.auto import Auto, FittedAuto
from skucast.portfolio.choice import Choice
from skucast.portfolio.clock import Clock
from skucast.portfolio.stretch import stretched
from skucast.portfolio.trial import plan_windows, run_trial

from ..evaluate.planted import Around, Doubled, Recorder, panel_of, random_panel
from .planted import planted  # noqa: F401

pytestmark = pytest.mark.usefixtures("planted")
SMALL = Auto(members=("seasonal-naive", "ets"))


def same(one, other):
    return np.array_equal(one.mean, other.mean) and np.array_equal(one.quantiles, other.quantiles)


def test_the_better_member_is_chosen_and_its_forecast_returned():
    panel = random_panel(30)
    fitted = Auto(members=("doubled", "around")).fit(panel, horizon=7)
    assert fitted.choices == {"smooth": {"around": 1.0}}
    made, alone = fitted.predict(7), Around().fit(panel).predict(7)
    assert np.array_equal(made.mean, alone.mean)
    wide = stretched(alone.quantiles, LEVELS, fitted.choice.stretch)
    told = fitted.choice.calibration(wide, demand_classes(panel), LEVELS)
    assert np.array_equal(made.quantiles, np.rint(told))  # demand is whole, and so are its quantiles


def test_scores_hold_the_members_and_the_combination():
    fitted = SMALL.fit(random_panel(), horizon=7)
    assert set(fitted.leaderboard()["model"]) == {"auto", "seasonal-naive", "ets"}
    assert fitted.tested == 12


def two_classes(seed: int = 0) -> Panel:
    """Thirty smooth series whose demand rises, for which recent values tell most, and thirty steady lumpy ones."""
    rng = np.random.default_rng(seed)
    rows = {f"smooth{i:02d}": rng.poisson(np.where(np.arange(120) < 80, 20, 60)) for i in range(30)}
    rows |= {f"lumpy{i:02d}": np.roll([0, 0, 1, 0, 0, 1, 0, 0, 80, 0] * 12, i) for i in range(30)}
    return panel_of(rows)


def alike(choice: Choice) -> Choice:
    """The same choice for the whole horizon."""
    weights = choice.weights.mean(axis=0, keepdims=True)
    return dataclasses.replace(choice, ends=(), weights=weights, calibration=None)


def test_forecasts_are_the_weighted_mean_of_the_members_per_class():
    panel = two_classes()
    fitted = Auto(members=("around", "ets")).fit(panel, horizon=7)
    fitted = dataclasses.replace(fitted, choice=alike(fitted.choice))
    made = fitted.predict(7, levels=(0.1, 0.5, 0.9))
    parts = {m: registry.make(m).fit(panel).predict(7, levels=(0.1, 0.5, 0.9)) for m in ("around", "ets")}
    for name in ("smooth", "lumpy"):
        at = np.flatnonzero(panel.ids.str.starts_with(name).to_numpy())
        shares = fitted.choices[name].items()
        assert made.mean[at] == pytest.approx(sum(w * parts[m].mean[at] for m, w in shares), rel=1e-3, abs=1e-3)
        mixed = sum(w * parts[m].quantiles[at] for m, w in shares)
        wide = stretched(mixed, (0.1, 0.5, 0.9), fitted.choice.stretch)
        assert np.abs(made.quantiles[at] - wide).max() <= 0.5 + 1e-3  # brought to whole units


def test_a_local_member_is_fitted_only_to_the_series_of_the_classes_that_use_it(tmp_path):
    panel = two_classes()
    fitted = two_members(panel)
    assert fitted.members["around"].panel.ids.str.starts_with("smooth").all()
    assert fitted.members["doubled"].panel.ids.str.starts_with("lumpy").all()
    made = fitted.predict(7)
    smooth = np.flatnonzero(panel.ids.str.starts_with("smooth").to_numpy())
    assert np.array_equal(made.mean[smooth], Around().fit(panel).predict(7).mean[smooth])
    fitted.save(tmp_path)
    assert same(load_fitted(tmp_path).predict(7), made)


def test_a_series_that_changes_its_class_changes_its_member():
    panel = two_classes()
    moved = panel.ids.to_list().index("smooth00")
    values = panel.dense()
    values[moved] = values[panel.ids.to_list().index("lumpy00")]
    later = two_members(panel).update(panel.with_values(values.ravel()))
    assert later.members["doubled"].panel.ids.to_list().count("smooth00") == 1
    assert later.predict(7).mean[moved] == pytest.approx(2 * values[moved, -28:].mean(), rel=1e-5)


def test_a_member_whose_class_has_gone_is_dropped_by_an_update():
    panel = two_classes()
    smooth = panel.take(panel.ids.str.starts_with("smooth").to_numpy())
    later = two_members(panel).update(smooth)
    assert list(later.members) == ["around"]
    made, alone = later.predict(7), Around().fit(smooth).predict(7)
    assert np.array_equal(made.mean, alone.mean)
    assert np.array_equal(made.quantiles, np.rint(alone.quantiles))


def two_members(panel: Panel) -> FittedAuto:
    """``around`` for smooth series, ``doubled`` for lumpy ones."""
    weights = np.zeros((len(CLASSES), 2))
    weights[:, 1] = 1.0
    weights[CLASSES.index("smooth")] = [1.0, 0.0]
    spec = Auto(members=("around", "doubled"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Choice, "learn", lambda backtest, labels: Choice(tuple(labels), (), weights[None]))
        return spec.fit(panel, horizon=7)


def test_the_same_seed_gives_the_same_forecast():
    panel = random_panel()
    assert same(SMALL.fit(panel, horizon=7, seed=3).predict(7), SMALL.fit(panel, horizon=7, seed=3).predict(7))


def test_saved_and_loaded_it_forecasts_the_same(tmp_path):
    fitted = SMALL.fit(random_panel(), horizon=7)
    fitted.save(tmp_path)
    loaded = load_fitted(tmp_path)
    assert same(fitted.predict(7), loaded.predict(7))
    assert np.array_equal(fitted.predict(7).copula, loaded.predict(7).copula)
    assert loaded.choices == fitted.choices
    assert loaded.notes == fitted.notes
    assert loaded.leaderboard().to_dicts() == fitted.leaderboard().to_dicts()
    assert not list(tmp_path.rglob("*.pkl"))


def test_update_moves_on_without_choosing_again():
    panel = random_panel(steps=120)
    fitted = SMALL.fit(panel.until(panel.end - 14), horizon=7)
    later = fitted.update(panel)
    assert later.panel.end == panel.end
    assert np.array_equal(later.choice.weights, fitted.choice.weights)
    assert later.predict(7).start == panel.end + 1
    assert same(later.predict(7), fitted.update(panel).predict(7))


def test_update_takes_in_new_series():
    old, new = random_panel(series=6), random_panel(series=9)
    made = SMALL.fit(old, horizon=7).update(new).predict(7)
    assert made.ids.to_list() == new.ids.to_list()


def test_paths_follow_the_residuals_of_the_test():
    fitted = SMALL.fit(random_panel(30), horizon=7)
    assert fitted.pool.shape[1] == 7
    assert fitted.predict(7).copula is fitted.pool
    assert fitted.predict(5).copula is fitted.pool
    longer = fitted.predict(12)  # further than the test reached: the panel's own past
    assert longer.copula.shape[1] == 12


def test_nothing_of_the_last_window_is_shown_to_members_in_the_test():
    Recorder.seen.clear()
    panel = random_panel(steps=120)
    Auto(members=("recorder", "seasonal-naive"), windows=2).fit(panel, horizon=7)
    ends = [end - panel.end for what, end, _ in Recorder.seen if what != "predict"]
    Recorder.seen.clear()
    assert ends[:2] == [-14, -7]
    assert set(ends[2:]) <= {0}  # the final fit, if it was chosen


def test_the_best_preset_fits_anew_at_every_window():
    Recorder.seen.clear()
    Auto(members=("recorder", "seasonal-naive"), windows=3, preset="best").fit(random_panel(steps=120), horizon=7)
    verbs = [what for what, _, _ in Recorder.seen if what != "predict"]
    Recorder.seen.clear()
    assert verbs[:3] == ["fit", "fit", "fit"]


def test_members_that_fail_in_the_test_are_left_out_and_noted():
    fitted = Auto(members=("broken", "around")).fit(random_panel(), horizon=7)
    assert list(fitted.members) == ["around"]
    assert "broken failed in test window 1: 'broken' broke." in fitted.notes


def test_if_only_the_naive_member_works_it_is_used():
    fitted = Auto(members=("broken", "seasonal-naive")).fit(random_panel(), horizon=7)
    assert list(fitted.members) == ["seasonal-naive"]


def test_a_member_that_cannot_be_fitted_to_all_data_is_left_out_and_noted(monkeypatch):
    panel = random_panel()

    def refuse(self, panel_, horizon, seed, progress):
        if panel_.end == panel.end:
            raise DataError("too much.")
        return original(self, panel_, horizon, seed, progress)

    original = Around._fit
    monkeypatch.setattr(Around, "_fit", refuse)
    fitted = Auto(members=("around", "seasonal-naive")).fit(panel, horizon=7)
    assert list(fitted.members) == ["seasonal-naive"]
    assert fitted.choice.weights.sum(axis=2) == pytest.approx(1.0)
    assert "around could not be fitted to all data and is left out: too much." in fitted.notes
    with pytest.raises(ModelError, match=r"No member of 'auto' could be fitted. around could not"):
        Auto(members=("around",)).fit(panel, horizon=7)


def test_a_short_panel_is_tested_on_shorter_windows_and_says_so():
    fitted = SMALL.fit(panel_of({"a": [3.0, 4, 5, 6, 7, 8, 9, 8, 7, 6, 5, 4]}), horizon=10)
    assert fitted.notes[0] == "Short history: models were tested on 1 window of 4 steps."
    assert fitted.predict(10).mean.shape == (1, 10)


@pytest.mark.parametrize("values", [[100.0], [100.0, 120.0]])
def test_a_panel_too_short_for_any_test_uses_naive_and_ets_alike_with_a_warning(values):
    with pytest.warns(UserWarning, match=r"too few to test models: seasonal-naive and ets used untested"):
        fitted = SMALL.fit(panel_of({"a": values}), horizon=3)
    assert fitted.choice.weights[0, 0] == pytest.approx([0.5, 0.5])
    assert fitted.leaderboard().is_empty()
    assert fitted.tested == 0
    assert "used untested" in fitted.notes[0]
    assert np.isfinite(fitted.predict(3).quantiles).all()


def test_the_five_points_of_the_article_are_forecast():
    made = SMALL.fit(panel_of({"a": [100.0, 120, 150, 130, 160]}), horizon=3).predict(3)
    assert 80 < made.mean.min() <= made.mean.max() < 240
    assert (made.quantile(0.9) > made.quantile(0.1)).all()


def test_a_single_member_needs_no_test():
    fitted = Auto(members=("around",)).fit(random_panel(), horizon=7)
    assert fitted.choices == {"smooth": {"around": 1.0}}
    assert fitted.notes == ()
    assert fitted.leaderboard().is_empty()


def test_series_without_data_fall_back_and_are_named():
    rows = {"a": [3.0, 4, 5, 6] * 20, "empty": [float("nan")] * 80}
    made = Auto(members=("ets",)).fit(panel_of(rows), horizon=7).predict(7)
    assert made.mean[1] == pytest.approx(np.zeros(7))
    assert made.fallback == {"empty": "zero (no observations)"}


def test_large_panels_are_tested_on_a_weighted_sample_and_say_so(monkeypatch):
    monkeypatch.setattr(trial_module, "SAMPLE", 20)
    fitted = SMALL.fit(random_panel(60), horizon=7, seed=1)
    assert fitted.tested == 21  # a sample of the one class, and the longest series
    assert "Models were tested on 21 of 60 series" in fitted.notes[0]
    assert len(fitted.predict(7)) == 60


def test_the_sample_is_seeded_stands_for_all_and_owes_nothing_to_what_is_tested(monkeypatch):
    monkeypatch.setattr(trial_module, "SAMPLE", 20)
    rng = np.random.default_rng(0)
    rows = {f"smooth{i:03d}": rng.poisson(20, 120) for i in range(50)}
    rows |= {f"lumpy{i:03d}": np.roll([0, 0, 1, 0, 0, 1, 0, 0, 80, 0] * 12, i) for i in range(30)}
    rows |= {f"young{i:03d}": rng.poisson(20, 10) for i in range(5)}
    panel = panel_of(rows)
    specs = {"around": Around()}
    one, again, other = (run_trial(specs, panel, 7, 3, seed=s).backtest for s in (1, 1, 2))
    assert one.panel.ids.equals(again.panel.ids)
    assert not one.panel.ids.equals(other.panel.ids)
    kinds = one.panel.ids.str.head(5)
    assert [int((kinds == k).sum()) for k in ("smoot", "lumpy", "young")] == [20, 21, 5]  # the longest series too
    last = one.windows[-1]
    assert last.weight.sum() == pytest.approx(85)
    spoilt = panel.with_values(np.where(panel.ordinals > panel.end - 21, panel.values[::-1] * 9, panel.values))
    assert run_trial(specs, spoilt, 7, 3, seed=1).backtest.panel.ids.equals(one.panel.ids)


def test_the_longest_series_is_always_in_the_sample(monkeypatch):
    monkeypatch.setattr(trial_module, "SAMPLE", 2)
    rng = np.random.default_rng(0)
    panel = panel_of({"long": rng.poisson(20, 60)} | {f"short{i:02d}": rng.poisson(20, 25) for i in range(30)})
    for seed in range(5):
        tested = run_trial({"around": Around()}, panel, 7, 3, seed=seed).backtest
        assert "long" in tested.panel.ids.to_list()
        assert not tested.failures


def test_a_time_budget_stops_testing_further_members(monkeypatch):
    ticks = itertools.count(0, 10)
    monkeypatch.setattr(clock_module.time, "perf_counter", lambda: next(ticks))
    made = run_trial({"around": Around(), "doubled": Doubled()}, random_panel(), 7, 2, clock=Clock(5.0, 0.0))
    assert "doubled was not tested: its share of the time budget is used up." in made.notes
    assert "doubled" not in made.backtest.models
    assert made.backtest.models == ["around", "seasonal-naive"]


def test_a_large_time_budget_changes_nothing():
    panel = random_panel()
    free = Auto(members=("around", "doubled", "broken")).fit(panel, horizon=7)
    limited = Auto(members=("around", "doubled", "broken"), budget_seconds=3600).fit(panel, horizon=7)
    assert same(free.predict(7), limited.predict(7))
    assert sorted(free.notes) == sorted(limited.notes)


def test_windows_take_at_most_half_of_the_history():
    assert plan_windows(random_panel(1, 100), 10, 3) == (10, 3)
    assert plan_windows(random_panel(1, 100), 10, 9) == (10, 5)
    assert plan_windows(random_panel(1, 25), 10, 3) == (10, 1)
    assert plan_windows(random_panel(1, 25), 10, 3, least=2) == (6, 2)
    assert plan_windows(random_panel(1, 19), 10, 3) == (6, 1)
    assert plan_windows(random_panel(1, 2), 10, 3) == (0, 0)


def test_known_covariates_reach_the_members_and_gaps_are_named():
    steps = 60
    panel = panel_of({"a": [5.0, 6] * 30}, known={"promotion": {"a": [0.0, 1] * 30}})
    Recorder.seen.clear()

    @dataclasses.dataclass(frozen=True)
    class Listening(Recorder):
        capabilities = dataclasses.replace(Recorder.capabilities, known=True)

    spec = Auto(members=("recorder", "seasonal-naive"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry._BUILT_IN, "recorder", f"{__name__}:Listening")
        patch.setitem(globals(), "Listening", Listening)
        fitted = spec.fit(panel, horizon=4)
        assert "recorder" in fitted.members
        fitted.predict(4, {"promotion": np.ones((1, 4), np.float32)})
        assert Recorder.seen[-1][2]["promotion"].tolist() == [[1, 1, 1, 1]]
        with pytest.raises(DataError, match="The future values of promotion are needed"):
            fitted.predict(4)
    Recorder.seen.clear()
    assert steps == panel.n_steps


def test_progress_goes_from_nothing_to_the_end():
    told = []
    SMALL.fit(random_panel(), horizon=7, progress=lambda what, done: told.append(done))
    assert told == sorted(told)
    assert 0 <= told[0] < 0.1
    assert 0.6 <= told[-1] <= 1


def test_presets_grow_from_fast_to_best():
    fast, balanced, best = (set(Auto(preset=p).candidates()) for p in ("fast", "balanced", "best"))
    assert fast == {"seasonal-naive", "ets", "tsb", "fourier", "theta", "negbin", "shared-season"}
    seasonal = {"shared-season(base=negbin)", "shared-season(base=lightgbm)"}
    assert balanced - fast == {"pretrained", "lightgbm", *seasonal}
    assert {"ridge"} <= best - balanced <= {"ridge", "lstm"}  # if its extra is installed


def test_in_the_best_preset_the_pretrained_network_may_learn_within_the_budget():
    pytest.importorskip("torch")

    def member(**options):
        return Auto(**options).candidates()["pretrained"]

    assert member().fine_tune == "none"
    assert (member(preset="best").fine_tune, member(preset="best").seconds) == ("full", 60)
    assert member(preset="best", budget_seconds=100).fine_tune == "none"
    assert 10 < member(preset="best", budget_seconds=900).seconds < 900 / 2 / 3


def test_what_became_of_fine_tuning_is_among_the_notes():
    pytest.importorskip("torch")
    tuned = ({"model": "pretrained", "fine_tune": "last"},)
    fitted = Auto(members=("pretrained",), tuned=tuned).fit(random_panel().take(np.arange(3)), horizon=7)
    assert any(note.startswith("pretrained: Fine-tuning was left out") for note in fitted.notes)


def test_the_usual_members_work_together():
    panel = two_classes().take(np.arange(0, 60, 6))
    fitted = Auto(windows=1).fit(panel, horizon=7, seed=1)
    assert not [note for note in fitted.notes if "failed" in note or "left out" in note]
    assert fitted.leaderboard()["model"][0] in {"auto", *Auto().candidates()}
    assert fitted.leaderboard().filter(pl.col("model") == "auto")["skill"][0] > 0
    assert np.isfinite(fitted.predict(7).quantiles).all()


def test_levels_without_the_median_are_stretched_from_it_all_the_same():
    fitted = Auto(members=("around", "ets")).fit(two_classes(), horizon=7)
    fitted = dataclasses.replace(fitted, choice=dataclasses.replace(fitted.choice, stretch=(0.5, 2.0)))
    alone, among = fitted.predict(7, levels=(0.9,)), fitted.predict(7, levels=(0.5, 0.9))
    assert alone.quantiles[..., 0] == pytest.approx(among.quantiles[..., 1], rel=1e-5)


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="no preset 'slow'"):
        Auto(preset="slow")
    with pytest.raises(ConfigError, match="at least one test window"):
        Auto(windows=0)
    with pytest.raises(ConfigError, match="cannot be a member of itself"):
        Auto(members=("auto", "ets"))
    with pytest.raises(ConfigError, match="There is no model 'etss'"):
        Auto(members=("etss",)).fit(random_panel(), horizon=7)


def test_spec_is_json_both_ways():
    spec = Auto(members=("ets", "tsb"), windows=2, preset="fast")
    assert registry.spec_from_dict(spec.to_dict()) == spec
    assert Auto(members="ets").members == ("ets",)


def test_repr_shows_the_choice():
    text = repr(Auto(members=("doubled", "around")).fit(random_panel(), horizon=7))
    assert "smooth: 100% around" in text


# ---- tuned members --------------------------------------------------------------------------------
def test_a_tuned_member_takes_the_place_of_the_one_of_its_name():
    auto = registry.make({"model": "auto", "members": ["around", "doubled"], "tuned": [{"model": "around", "span": 9}]})
    assert {label: spec.span for label, spec in auto.candidates().items()} == {"around": 9, "doubled": 28}


def test_a_tuned_member_of_a_preset_takes_part_with_its_settings():
    auto = Auto(preset="fast", tuned=(registry.make({"model": "negbin", "alpha": 0.1}),))
    assert auto.candidates()["negbin"].alpha == 0.1
    assert list(auto.candidates()) == list(Auto(preset="fast").candidates())


def test_a_tuned_member_that_the_preset_does_not_name_joins():
    assert "adida" in Auto(preset="fast", tuned=({"model": "adida"},)).candidates()


def test_tuned_members_survive_json_and_saving(tmp_path):
    auto = Auto(members=("around", "doubled"), windows=1, tuned=({"model": "around", "span": 9},))
    assert registry.spec_from_dict(json.loads(json.dumps(auto.to_dict()))) == auto
    fitted = auto.fit(random_panel(4, 60), horizon=7)
    fitted.save(tmp_path)
    again = load_fitted(tmp_path)
    assert again.spec == auto
    np.testing.assert_array_equal(again.predict(7).quantiles, fitted.predict(7).quantiles)


def test_tuned_members_that_make_no_sense():
    with pytest.raises(ConfigError, match="member of itself"):
        Auto(tuned=("auto",))
    with pytest.raises(ConfigError, match="stands twice"):
        Auto(tuned=({"model": "ets"}, {"model": "ets", "trend": "none"}))
    with pytest.raises(ConfigError, match="no option 'leafs'"):
        Auto(tuned=({"model": "lightgbm", "leafs": 3},))
