"""Rolling origins: which windows there are, what models see in each, and what is kept."""

import numpy as np
import polars as pl
import pytest

from skucast.errors import ConfigError, DataError, ModelError
from skucast.evaluate.backtest import backtest_panel, run_windows, windows_that_fit
from skucast.evaluate.candidates import YARDSTICK, named_specs
from skucast.models.naive import SeasonalNaive
from skucast.models.smoothing import Ets
from skucast.portfolio.auto import Auto

from .planted import Around, Broken, Doubled, Recorder, panel_of, random_panel

NAN = float("nan")


@pytest.fixture
def seen():
    Recorder.seen.clear()
    yield Recorder.seen
    Recorder.seen.clear()


def calls(seen, verb):
    return [(end, more) for what, end, more in seen if what == verb]


def test_windows_tile_the_end_of_the_panel():
    panel = random_panel(steps=60)
    test = backtest_panel(panel, 7, 3, [Around()])
    assert [w.cutoff - panel.end for w in test.windows] == [-21, -14, -7]
    dense = panel.dense()
    for k, window in enumerate(test.windows):
        stop = 60 - 7 * (2 - k)
        assert np.array_equal(window.actual, dense[:, stop - 7 : stop])
    assert str(test.cutoff_stamp(-1))[:10] == "2024-06-23"


def test_step_moves_the_origins():
    panel = random_panel(steps=60)
    test = backtest_panel(panel, 7, 4, [Around()], step=2)
    assert [w.cutoff - panel.end for w in test.windows] == [-13, -11, -9, -7]


def test_gap_lies_between_what_is_known_and_what_is_scored(seen):
    panel = random_panel(steps=60)
    test = backtest_panel(panel, 5, 2, [Recorder()], gap=3)
    assert [w.cutoff - panel.end for w in test.windows] == [-13, -8]
    assert np.array_equal(test.windows[-1].actual, panel.dense()[:, -5:])
    assert test.outcomes["recorder", 0].mean.shape == (12, 5)
    assert [horizon for _, (_, horizon) in calls(seen, "fit")] == [8, 8]


def test_the_gap_is_forecast_and_cut_off_not_shifted():
    week = [10, 20, 30, 40, 50, 60, 70]
    test = backtest_panel(panel_of({"a": week * 6}), 4, 1, [YARDSTICK], gap=3)
    assert test.outcomes[YARDSTICK, 0].mean[0] == pytest.approx([40, 50, 60, 70])
    assert test.scores()["wape"][0] == pytest.approx(0.0)


def test_models_see_the_history_up_to_the_cutoff_and_no_further(seen):
    panel = random_panel(steps=60)
    test = backtest_panel(panel, 7, 3, [Recorder()])
    for window, (end, (values, _)) in zip(test.windows, calls(seen, "fit"), strict=True):
        assert end == window.cutoff
        assert np.array_equal(values, panel.until(window.cutoff).values)


@pytest.mark.parametrize("model", [YARDSTICK, "ets", Around()])
@pytest.mark.parametrize("refit", [True, False])
def test_corrupting_the_future_leaves_earlier_forecasts_unchanged(model, refit):
    panel = random_panel(steps=84, series=6)
    clean = backtest_panel(panel, 7, 3, [model], refit=refit)
    for k, window in enumerate(clean.windows):
        spoilt = panel.with_values(np.where(panel.ordinals > window.cutoff, panel.values * 50 + 999, panel.values))
        dirty = backtest_panel(spoilt, 7, 3, [model], refit=refit)
        for label in clean.models:
            for j in range(k + 1):
                assert np.array_equal(clean.outcomes[label, j].mean, dirty.outcomes[label, j].mean)
                assert np.array_equal(clean.outcomes[label, j].quantiles, dirty.outcomes[label, j].quantiles)
        assert np.array_equal(clean.windows[k].classes, dirty.windows[k].classes)
        assert np.array_equal(clean.windows[k].scale.absolute, dirty.windows[k].scale.absolute, equal_nan=True)
        assert not np.array_equal(window.actual, dirty.windows[k].actual)


def test_known_covariates_of_the_window_are_shown_and_past_ones_are_not(seen):
    steps = 40
    promotion = {"a": np.arange(steps), "b": np.arange(steps) * 10}
    panel = panel_of({n: [5.0] * steps for n in promotion}, known={"promotion": promotion})
    backtest_panel(panel, 3, 2, [Recorder()], gap=1)
    futures = [future["promotion"] for _, future in calls(seen, "predict")]
    assert futures[0].tolist() == [[33, 34, 35, 36], [330, 340, 350, 360]]
    assert futures[1].tolist() == [[36, 37, 38, 39], [360, 370, 380, 390]]


def test_refit_false_fits_once_and_then_updates(seen):
    backtest_panel(random_panel(steps=60), 5, 4, [Recorder()], refit=False)
    assert len(calls(seen, "fit")) == 1
    assert len(calls(seen, "update")) == 3


def test_refit_every_second_window(seen):
    backtest_panel(random_panel(steps=60), 5, 5, [Recorder()], refit=2)
    verbs = [what for what, _, _ in seen if what != "predict"]
    assert verbs == ["fit", "update", "fit", "update", "fit"]


def test_the_yardstick_always_takes_part_and_has_no_skill_against_itself():
    test = backtest_panel(random_panel(), 7, 2, ["ets"])
    assert test.models == ["ets", YARDSTICK]
    scores = {row["model"]: row for row in test.scores().iter_rows(named=True)}
    assert scores[YARDSTICK]["skill"] == pytest.approx(0.0)
    assert scores["ets"]["skill"] == pytest.approx(1 - scores["ets"]["wql"] / scores[YARDSTICK]["wql"])
    assert scores["ets"]["skill"] > 0


def test_series_that_begin_after_an_origin_are_left_out_of_its_window():
    test = backtest_panel(panel_of({"old": [3] * 40, "young": [4] * 10}), 7, 2, [Around()])
    assert [w.rows.tolist() for w in test.windows] == [[0], [0, 1]]
    assert [test.outcomes["around", k].mean.shape[0] for k in (0, 1)] == [1, 2]


@pytest.mark.parametrize("refit", [True, False])
def test_series_born_between_origins_are_forecast_by_every_first_model(refit):
    panel = panel_of({"old": [3, 4, 5, 6] * 10, "young": [9] * 10})
    test = backtest_panel(panel, 7, 2, ["ets"], refit=refit)
    assert not test.failures
    assert test.outcomes["ets", 1].mean[1] == pytest.approx(9, rel=0.2)


def test_sold_out_and_missing_cells_are_not_scored_but_counted():
    values = [5.0] * 40
    values[-1], values[-2] = NAN, 0.0
    in_stock = {"a": [True] * 38 + [False, True]}
    test = backtest_panel(panel_of({"a": values}, available=in_stock), 4, 1, [Around()])
    row = test.scores().row(0, named=True)
    assert (row["cells"], row["missing"], row["hidden"], row["zeros"]) == (2, 1, 1, 0)
    assert row["wape"] == pytest.approx(0.0)
    assert any("1 sold-out cells are not scored" in note for note in test.notes)
    assert any("1 cells without an actual value" in note for note in test.notes)


def test_zeros_bring_a_warning_about_mape():
    test = backtest_panel(panel_of({"a": [0, 3, 0, 0, 4] * 10}), 5, 2, [Around()])
    assert any("6 of 10 actuals are zero: MAPE leaves them out and sMAPE is unfair" in note for note in test.notes)
    assert test.scores()["zeros"].to_list() == [6, 6]


def test_a_model_that_fails_is_recorded_and_ranks_last():
    panel = random_panel(steps=60)
    test = backtest_panel(panel, 7, 3, [Around(), Broken(after=panel.end - 10)])
    assert test.failures == {("broken", 2): "'broken' broke."}
    assert test.leaderboard()["model"].to_list()[-1] == "broken"
    assert test.best() == "around"
    assert "broken failed in 1 of 3 windows and is averaged over the others." in test.notes
    assert "broken failed in window 3: 'broken' broke." in repr(test)


def test_a_test_without_any_model_left_is_an_error_with_the_reason():
    with pytest.raises(ModelError, match=r"No model could be tested. broken: 'broken' broke\."):
        backtest_panel(random_panel(), 7, 2, [Broken()])
    left = run_windows(random_panel(), 7, 2, [Broken()])
    assert left.models == [YARDSTICK]


def test_warnings_of_models_become_notes():
    test = backtest_panel(panel_of({"a": [2.0, 3, 4, 5]}), 2, 1, [Auto(members=("seasonal-naive", "ets"))])
    assert any("too few to test models" in note for note in test.notes)


def test_a_part_of_the_windows_scores_as_if_tested_alone():
    panel = random_panel(steps=90)
    whole = backtest_panel(panel, 7, 4, [Around(), Broken(after=panel.end - 10)])
    last = backtest_panel(panel, 7, 2, [Around(), Broken(after=panel.end - 10)])
    assert whole.part(2).scores().equals(last.scores())
    assert whole.part(2).failures == last.failures
    assert whole.part(2).notes == last.notes
    assert [w.cutoff for w in whole.part(0, 2).windows] == [w.cutoff for w in whole.windows[:2]]


def test_weights_let_a_sample_stand_for_the_whole():
    rows = {"a": [5, 6, 7, 8] * 10, "b": [1, 9, 2, 12] * 10}
    copies = {**rows, "b2": rows["b"], "b3": rows["b"]}
    sample = backtest_panel(panel_of(rows), 6, 2, [Around()], weights=[1, 3])
    whole = backtest_panel(panel_of(copies), 6, 2, [Around()])
    for name in ("wql", "mase", "rmsse", "wape", "coverage_80", "skill", "rmse"):
        assert sample.scores()[name].to_list() == pytest.approx(whole.scores()[name].to_list(), rel=1e-5)
    assert sample.scores()["cells"][0] == 24  # counts are of what was scored


@pytest.mark.parametrize("weights", [[1.0], [1.0] * 11 + [0.0], [1.0] * 11 + [NAN]])
def test_weights_that_do_not_fit_are_refused(weights):
    with pytest.raises(ConfigError, match="weights must be 12 numbers above zero"):
        backtest_panel(random_panel(), 7, 2, [Around()], weights=weights)


def test_forecasts_come_with_what_came():
    panel = random_panel(series=2, steps=40)
    frame = backtest_panel(panel, 3, 2, [Around()]).forecasts(["around"], [0.1, 0.9])
    assert frame.columns == ["unique_id", "ds", "cutoff", "model", "y", "mean", "0.1", "0.9"]
    assert frame.height == 2 * 3 * 2
    joined = frame.join(panel.to_frame(), on=["unique_id", "ds"], suffix="_history")
    assert joined["y"].to_list() == joined["y_history"].to_list()
    assert (frame["ds"] > frame["cutoff"]).all()
    with pytest.raises(ConfigError, match="no forecasts of 'ets'"):
        backtest_panel(panel, 3, 1, [Around()]).forecasts(["ets"])


def test_the_same_seed_gives_the_same_test():
    one, other = (backtest_panel(random_panel(), 7, 2, ["ets", Around()], seed=4) for _ in range(2))
    assert one.scores().equals(other.scores())


def test_windows_that_fit_leave_a_horizon_of_history():
    panel = random_panel(series=1, steps=30)
    assert windows_that_fit(panel, 10) == 2
    assert windows_that_fit(panel, 10, step=1) == 11
    assert windows_that_fit(panel, 10, gap=5) == 1
    assert windows_that_fit(panel, 16) == 0


def test_arguments_that_make_no_sense_are_refused():
    panel = random_panel(steps=30)
    for wrong in ({"horizon": 0}, {"horizon": 2.5}, {"windows": 0}, {"step": 0}, {"gap": -1}, {"horizon": True}):
        name = next(iter(wrong))
        with pytest.raises(ConfigError, match=f"{name} must be a whole number"):
            backtest_panel(panel, **{"horizon": 3, "windows": 2, "models": [Around()], **wrong})
    for refit in (0, -1, "yes", 1.5):
        with pytest.raises(ConfigError, match="refit must be"):
            backtest_panel(panel, 3, 2, [Around()], refit=refit)
    with pytest.raises(DataError, match=r"30 steps, too few for 3 backtest windows of 10 .*\(at most 2 fit\)"):
        backtest_panel(panel, 10, 3, [Around()])
    with pytest.raises(ConfigError, match=r"There is no model 'croton'; .* Did you mean 'croston'"):
        backtest_panel(panel, 3, 2, ["croton"])
    with pytest.raises(ConfigError, match="Name at least one model"):
        backtest_panel(panel, 3, 2, [])


def test_labels_tell_the_same_model_with_other_options_apart():
    found = named_specs([Ets(), Ets(season="none"), {"model": "seasonal-naive", "season": 1}])
    assert list(found) == ["ets", "ets(season=none)", "seasonal-naive"]
    assert list(named_specs({"mine": "ets"})) == ["mine", "seasonal-naive"]
    assert named_specs({"seasonal-naive": Ets()})["seasonal-naive"] == SeasonalNaive()
    assert list(named_specs([Around(), Around(), Doubled()])) == ["around", "doubled", "seasonal-naive"]


def test_progress_is_told_what_and_how_far():
    told = []
    backtest_panel(random_panel(), 7, 2, [Around()], progress=lambda what, done: told.append((what, done)))
    assert told[0] == ("around, window 1 of 2", 0.0)
    assert told[-1][1] == 1.0
    assert [done for _, done in told] == sorted(done for _, done in told)


def test_repr_shows_models_with_their_skill():
    text = repr(backtest_panel(random_panel(), 7, 2, ["ets"]))
    assert text.startswith("Backtest(2 models; 2 windows of 7 steps (D), cut 2024-06-16..2024-06-23; 12 series)")
    assert "seasonal-naive" in text
    assert "skill" in text


def test_a_user_metric_is_scored_beside_the_others():
    def largest_miss(y, mean, quantiles, levels, history):
        return np.nanmax(np.abs(y - mean))

    def history_length(y, mean, quantiles, levels, history):
        return (~np.isnan(history)).sum(axis=1)

    panel = random_panel(steps=40)
    test = backtest_panel(panel, 5, 2, [Around()], metrics=[largest_miss, history_length])
    scores = test.scores()
    by_hand = np.mean([np.abs(w.actual - test.outcomes["around", k].mean).max() for k, w in enumerate(test.windows)])
    assert scores["largest_miss"][0] == pytest.approx(by_hand)
    assert scores["history_length"][0] == pytest.approx((30 + 35) / 2)
    per_series = test.scores(("model", "series"))
    assert per_series.filter(pl.col("model") == "around")["history_length"].to_list() == [32.5] * 12
    with pytest.raises(ConfigError, match="return a number or one per series"):
        backtest_panel(panel, 5, 2, [Around()], metrics={"odd": lambda y, *_: y}).scores()
