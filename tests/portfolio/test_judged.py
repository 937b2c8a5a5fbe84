"""The verdict is honest: what is judged had no part in the choice."""

import numpy as np
import polars as pl
import pytest

from skucast.errors import ConfigError
from skucast.models.naive import SeasonalNaive
from skucast.portfolio import trial as trial_module
from skucast.portfolio.auto import Auto
from skucast.portfolio.judged import SCORES, judge, score_rows, verdict
from skucast.report.content import SCORE_COLUMNS

from ..evaluate.planted import Around, Broken, panel_of, random_panel
from .planted import planted  # noqa: F401

pytestmark = pytest.mark.usefixtures("planted")
SMALL = Auto(members=("seasonal-naive", "ets"))
PAIR = Auto(members=("around", "doubled"))


def after(panel, cutoff, change):
    return panel.with_values(np.where(panel.ordinals > cutoff, change(panel.values), panel.values))


def test_scores_have_the_columns_of_the_report_with_the_model_first_and_the_yardstick_last():
    forecast, judged = judge(random_panel(steps=120), 7, SMALL, {})
    assert SCORES == SCORE_COLUMNS
    assert judged.scores.schema == pl.Schema(SCORES)
    assert judged.scores["model"].unique(maintain_order=True).to_list() == ["auto", "ets", "seasonal-naive"]
    assert judged.scores.filter(pl.col("model") == "auto")["class"].to_list() == ["smooth", "all"]
    assert judged.scores["n_series"].unique().to_list() == [12]
    assert forecast.mean.shape == (12, 7)


def test_the_verdict_says_what_the_scores_say():
    _, judged = judge(random_panel(steps=120), 7, SMALL, {})
    rows = {r["model"]: r for r in judged.scores.filter(pl.col("class") == "all").iter_rows(named=True)}
    ours, naive = rows["auto"]["wql"], rows["seasonal-naive"]["wql"]
    assert judged.verdict == (
        f"auto is {100 * (1 - ours / naive):.0f} % better than seasonal naive (WQL {ours:.2f} against {naive:.2f}) "
        "on 3 windows of 7 days that it did not choose on."
    )


def test_the_judged_windows_are_the_last_and_not_those_of_the_choice():
    panel = random_panel(steps=120)
    _, judged = judge(panel, 7, SMALL, {}, windows=2)
    assert [w.cutoff - panel.end for w in judged.backtest.windows] == [-14, -7]
    assert any("a choice made on 3 windows before the judged ones" in note for note in judged.notes)


@pytest.mark.parametrize("sample", [1000, 8])
def test_corrupting_a_judged_window_leaves_its_forecast_and_the_choice_unchanged(monkeypatch, sample):
    monkeypatch.setattr(trial_module, "SAMPLE", sample)
    panel = random_panel(20, steps=84)
    members = Auto(members=("around", "doubled", "seasonal-naive"))
    _, clean = judge(panel, 7, members, {})
    for k, window in enumerate(clean.backtest.windows):
        spoilt = after(panel, window.cutoff, lambda v: v * 40 + 500)
        _, dirty = judge(spoilt, 7, members, {})
        for j in range(k + 1):
            one, other = clean.backtest.outcomes["auto", j], dirty.backtest.outcomes["auto", j]
            assert np.array_equal(one.mean, other.mean)
            assert np.array_equal(one.quantiles, other.quantiles)
        assert dirty.scores["wql"][0] != clean.scores["wql"][0]


def test_a_choice_that_turns_out_wrong_is_judged_as_wrong():
    """Demand doubles in the judged windows: ``doubled`` would have been right, but nobody could know."""
    panel = random_panel(30, steps=120)
    doubled = after(panel, panel.end - 21, lambda v: v * 2)
    _, judged = judge(doubled, 7, Auto(members=("around", "doubled"), windows=3), {})
    first = {r["model"]: r["wql"] for r in judged.backtest.part(0, 1).scores().iter_rows(named=True)}
    assert first["doubled"] < first["around"]
    assert first["auto"] == pytest.approx(first["around"], rel=0.05)  # but for the stretch of its intervals


def test_the_forecast_rests_on_all_windows_and_the_whole_history():
    panel = random_panel(30, steps=120)
    forecast, judged = judge(panel, 7, PAIR, {})
    assert judged.choices == {"smooth": "around"}
    assert forecast.start == panel.end + 1
    assert np.array_equal(forecast.mean, Around().fit(panel).predict(7).mean)


def test_choices_are_words():
    mixed = Auto(members=("around", "doubled", "ets"))
    _, judged = judge(random_panel(30, steps=120, seed=3), 7, mixed, {})
    for words in judged.choices.values():
        shares = [int(part.split(" % ")[0]) if " % " in part else 100 for part in words.split(" + ")]
        assert sum(shares) == pytest.approx(100, abs=1)
        assert shares == sorted(shares, reverse=True)


def test_a_plain_model_is_judged_on_windows_it_had_not_seen():
    panel = random_panel(20, steps=120)
    forecast, judged = judge(panel, 7, "ets", {}, windows=2)
    assert judged.model == "ets"
    assert judged.verdict.startswith("ets is ")
    assert judged.verdict.endswith("on 2 windows of 7 days that it had not seen.")
    assert judged.choices == {}
    assert set(judged.scores["model"]) == {"ets", "seasonal-naive"}
    assert forecast.copula.shape[1] == 7  # residuals of the test


def test_a_model_with_options_may_be_a_mapping_or_a_spec():
    panel = random_panel(steps=90)
    by_mapping, _ = judge(panel, 7, {"model": "ets", "season": "none"}, {})
    by_name, _ = judge(panel, 7, "ets", {})
    assert not np.array_equal(by_mapping.mean, by_name.mean)
    assert judge(panel, 7, Around(), {})[1].model == "around"


def test_the_yardstick_itself_has_nothing_to_be_compared_with():
    _, judged = judge(random_panel(steps=90), 7, "seasonal-naive", {})
    assert judged.verdict.startswith("seasonal-naive is the yardstick itself (WQL ")


def test_a_worse_model_is_called_worse():
    _, judged = judge(random_panel(steps=90), 7, {"model": "around", "factor": 6.0}, {})
    assert " % worse than seasonal naive (WQL " in judged.verdict


def test_an_equal_model_is_called_as_good():
    _, judged = judge(random_panel(steps=90), 7, Auto(members=("seasonal-naive",)), {})
    assert judged.verdict.startswith("auto is as good as seasonal naive")


def test_a_short_history_is_judged_on_shorter_windows_and_says_so():
    _, judged = judge(panel_of({"a": [3.0, 4, 5, 6, 7, 8, 9, 8, 7, 6, 5, 4]}), 10, SMALL, {})
    assert "on 1 window of 3 days that it did not choose on" in judged.verdict
    assert judged.notes[0] == "Short history: models were tested on 2 windows of 3 steps."


def test_a_history_too_short_for_a_test_says_that_nothing_is_known():
    forecast, judged = judge(panel_of({"a": [3.0, 4, 5]}), 4, SMALL, {})
    assert judged.verdict == (
        "auto could not be tested: 3 days of history are too few to hold some back, "
        "so nothing is known of its accuracy yet."
    )
    assert judged.scores.is_empty()
    assert judged.scores.schema == pl.Schema(SCORES)
    assert judged.backtest is None
    assert np.isfinite(forecast.quantiles).all()
    assert judge(panel_of({"a": [3.0]}), 4, "ets", {})[1].backtest is None


def test_where_nothing_was_sold_there_is_no_verdict():
    _, judged = judge(panel_of({"a": [3, 4, 5, 4] * 10 + [0] * 80}), 7, SMALL, {})
    assert judged.verdict == "auto cannot be judged: nothing was sold in the last 3 windows of 7 days."


def test_a_model_that_fails_only_in_the_test_is_said_to_be_untested():
    panel = random_panel(steps=90)
    test = trial_module.run_trial({"broken": Broken()}, panel, 7, 2).backtest
    assert verdict(test, "broken") == "broken could not be tested on 2 windows of 7 days: 'broken' broke."
    assert score_rows(test, "broken")["model"].unique().to_list() == ["seasonal-naive"]


def test_weeks_are_called_weeks():
    rng = np.random.default_rng(0)
    _, judged = judge(panel_of({"a": rng.poisson(9, 104)}, freq="W-SUN"), 8, "ets", {})
    assert "on 3 windows of 8 weeks" in judged.verdict


def test_a_sample_is_said_and_its_scores_stand_for_all(monkeypatch):
    rng = np.random.default_rng(0)
    rows = {f"smooth{i:03d}": rng.poisson(20, 120) for i in range(300)}
    rows |= {f"lumpy{i:03d}": rng.binomial(1, 0.3, 120) * rng.geometric(0.2, 120) for i in range(40)}
    panel = panel_of(rows)
    whole = judge(panel, 7, Around(), {})[1].scores
    monkeypatch.setattr(trial_module, "SAMPLE", 60)
    judged = judge(panel, 7, Around(), {})[1]
    assert "Models were tested on 100 of 340 series" in judged.notes[0]
    total, expected = (s.filter(pl.col("class") == "all", pl.col("model") == "around") for s in (judged.scores, whole))
    assert total["n_series"].item() == 100
    assert total["wql"].item() == pytest.approx(expected["wql"].item(), rel=0.03)


def test_the_same_seed_gives_the_same_judgement():
    panel = random_panel(steps=120)
    one, other = (judge(panel, 7, SMALL, {}, seed=5) for _ in range(2))
    assert one[1].scores.equals(other[1].scores)
    assert one[1].verdict == other[1].verdict
    assert np.array_equal(one[0].mean, other[0].mean)
    assert np.array_equal(one[0].paths(20), other[0].paths(20))


def test_progress_rises_to_the_end():
    told = []
    judge(random_panel(steps=120), 7, SMALL, {}, progress=lambda what, done: told.append(done))
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_unknown_models_are_refused():
    with pytest.raises(ConfigError, match="There is no model 'arima'"):
        judge(random_panel(), 7, "arima", {})


def test_the_yardstick_has_no_skill_against_itself():
    _, judged = judge(random_panel(steps=120), 7, SeasonalNaive(), {})
    assert judged.scores["skill"].to_list() == pytest.approx([0.0] * judged.scores.height)
