"""Ensemble: members that the user names, put together as the user says."""

import json
from dataclasses import replace

import numpy as np
import pytest

from skucast.errors import ConfigError, DataError, ModelError
from skucast.forecast import LEVELS
from skucast.models import registry
from skucast.models.spec import load_fitted
from skucast.portfolio.auto import Auto
from skucast.portfolio.ensemble import Ensemble
from skucast.portfolio.judged import judge
from skucast.portfolio.pool import linear_pool

from ..evaluate.planted import Around, Broken, Doubled, panel_of, random_panel
from .planted import Dice, planted  # noqa: F401

pytestmark = pytest.mark.usefixtures("planted")
TWO = ("around", "doubled")


def same(one, other):
    return np.array_equal(one.mean, other.mean) and np.array_equal(one.quantiles, other.quantiles)


def alone(panel, horizon=7, **options):
    """What the two members say by themselves."""
    return [spec.fit(panel).predict(horizon, **options) for spec in (Around(), Doubled())]


def test_equal_weights_average_the_members_at_each_level():
    panel = random_panel()
    fitted = Ensemble(TWO, "equal").fit(panel, horizon=7)
    made, (one, two) = fitted.predict(7), alone(panel)
    assert made.mean == pytest.approx((one.mean + two.mean) / 2, rel=1e-5)
    assert made.quantiles == pytest.approx((one.quantiles + two.quantiles) / 2, rel=1e-5)
    assert fitted.choices == {"smooth": {"around": 0.5, "doubled": 0.5}}


def test_given_weights_need_not_add_up_to_one():
    panel = random_panel()
    made, (one, two) = Ensemble(TWO, (3, 1)).fit(panel).predict(7), alone(panel)
    assert made.quantiles == pytest.approx(0.75 * one.quantiles + 0.25 * two.quantiles, rel=1e-5)


def test_a_member_with_weight_zero_is_not_fitted():
    fitted = Ensemble(TWO, (0, 2)).fit(random_panel())
    assert list(fitted.members) == ["doubled"]


def test_the_median_ignores_a_member_that_is_far_off():
    panel = random_panel()
    made = Ensemble(("around", "doubled", "dice"), (2, 3, 2), "median").fit(panel, seed=1).predict(7)
    around, doubled = alone(panel)
    dice = Dice().fit(panel, seed=1).predict(7)
    assert made.mean == pytest.approx(np.median([around.mean, doubled.mean, dice.mean], axis=0), rel=1e-6)


def test_the_pool_mixes_the_distributions_whatever_levels_are_asked_for():
    panel = random_panel()
    fitted = Ensemble(TWO, (1, 3), "pool").fit(panel)
    made, members = fitted.predict(7), alone(panel)
    mixed = linear_pool([m.quantiles for m in members], np.array([0.25, 0.75]), LEVELS)
    assert made.quantiles == pytest.approx(mixed, rel=1e-5)
    assert made.mean == pytest.approx(0.25 * members[0].mean + 0.75 * members[1].mean, rel=1e-5)
    for levels in ((0.9,), (0.05, 0.5, 0.9)):
        few = fitted.predict(7, levels=levels)
        assert few.levels == levels
        assert np.array_equal(few.quantiles, made.quantiles[:, :, [LEVELS.index(q) for q in levels]])


def test_selected_weights_are_those_of_auto():
    panel = random_panel(30)
    members = ("around", "doubled", "seasonal-naive")
    ours, auto = Ensemble(members).fit(panel, horizon=7), Auto(members).fit(panel, horizon=7)
    for steps in (7, 12):
        one, other = ours.predict(steps), auto.predict(steps)
        assert np.array_equal(one.mean, other.mean)
        assert np.array_equal(np.rint(one.quantiles), other.quantiles)  # auto brings whole demand to whole quantiles
    assert ours.notes == ("Without weight by the test, so not in use: doubled.", *auto.notes)
    assert ours.choices == auto.choices
    board = ours.leaderboard().with_columns(model=ours.leaderboard()["model"].replace("ensemble", "auto"))
    assert board.drop("seconds", strict=False).equals(auto.leaderboard().drop("seconds", strict=False))
    assert np.array_equal(ours.predict(7).copula, auto.predict(7).copula)


def test_intervals_are_stretched_around_the_median_even_if_it_is_not_asked_for():
    fitted = Ensemble(TWO).fit(random_panel(30), horizon=7)
    fitted = replace(fitted, choice=replace(fitted.choice, stretch=(0.5, 2.0)))
    assert not np.allclose(fitted.choice.calibration.factors, 1)
    upper = fitted.predict(7, levels=(0.9, 0.95)).quantiles
    assert upper == pytest.approx(fitted.predict(7).quantiles[:, :, [LEVELS.index(0.9), LEVELS.index(0.95)]], rel=1e-6)


def test_members_that_depend_on_chance_are_fitted_with_every_seed_and_averaged():
    panel = random_panel()
    Dice.fitted_with.clear()
    fitted = Ensemble(("dice", "around"), "equal", seeds=3).fit(panel, seed=5)
    seeds = list(Dice.fitted_with)
    assert len(set(seeds)) == 3
    assert seeds[0] == 5
    dice = np.mean([Dice().fit(panel, seed=s).predict(7).quantiles for s in seeds], axis=0)
    around = Around().fit(panel).predict(7).quantiles
    assert fitted.predict(7).quantiles == pytest.approx((dice + around) / 2, rel=1e-5)
    assert isinstance(fitted.members["around"].spec, Around)


def test_neighbouring_seeds_share_no_fits():
    Dice.fitted_with.clear()
    for seed in range(3):
        Ensemble(("dice",), seeds=4).fit(random_panel(2), seed=seed)
    assert len(set(Dice.fitted_with)) == 12


def test_the_test_is_of_members_with_all_their_seeds():
    Dice.fitted_with.clear()
    fitted = Ensemble(("dice", "around"), seeds=2).fit(random_panel(30), horizon=7)
    used = "dice" in fitted.members
    assert len(Dice.fitted_with) == (4 if used else 2)  # for the test, and for the forecast
    assert "dice" in fitted.leaderboard()["model"].to_list()


@pytest.mark.parametrize("how", ["mean", "median", "pool"])
@pytest.mark.parametrize("weights", ["selected", "equal", (1.0, 2.0)])
def test_saved_and_loaded_it_forecasts_the_same(tmp_path, how, weights):
    panel = random_panel()
    fitted = Ensemble(("dice", "around"), weights, how, windows=1, seeds=2).fit(panel, horizon=7, seed=2)
    fitted.save(tmp_path)
    loaded = load_fitted(tmp_path)
    assert loaded.spec == fitted.spec
    assert same(loaded.predict(7), fitted.predict(7))
    assert loaded.notes == fitted.notes
    assert loaded.choices == fitted.choices
    longer = panel.append(np.ones((len(panel), 3)))
    assert same(loaded.update(longer).predict(7), fitted.update(longer).predict(7))
    assert not same(fitted.update(longer).predict(7), fitted.predict(7))


def test_update_fits_nothing_that_has_learned():
    panel = random_panel(steps=120)
    fitted = Ensemble(("dice", "around"), "equal", seeds=2).fit(panel.until(panel.end - 7))
    Dice.fitted_with.clear()
    later = fitted.update(panel)
    assert later.predict(7).start == panel.end + 1
    assert not Dice.fitted_with
    assert [one.luck for one in later.members["dice"].fits] == [one.luck for one in fitted.members["dice"].fits]


def test_a_member_that_cannot_be_fitted_is_left_out_and_noted(monkeypatch):
    def refuse(self, panel, horizon, seed, progress):
        raise DataError("too much.")

    panel = random_panel()
    monkeypatch.setattr(Dice, "_fit", refuse)
    fitted = Ensemble(("dice", "around"), (9, 1)).fit(panel)
    assert fitted.notes == ("dice could not be fitted to all data and is left out: too much.",)
    assert same(fitted.predict(7), Around().fit(panel).predict(7))
    with pytest.raises(ModelError, match=r"^No member of 'ensemble' could be fitted. dice could not be fitted"):
        Ensemble(("dice",)).fit(panel)


def test_a_member_that_fails_in_the_test_gets_no_weight_and_is_noted():
    fitted = Ensemble(("broken", "around")).fit(random_panel(), horizon=7)
    assert list(fitted.members) == ["around"]
    assert "broken failed in test window 1: 'broken' broke." in fitted.notes


def test_a_member_that_cannot_forecast_is_left_out_with_a_warning():
    panel = random_panel()
    fitted = Ensemble(("broken", *TWO), (5, 1, 1)).fit(panel)
    with pytest.warns(UserWarning, match=r"'ensemble': broken cannot forecast and is left out: 'broken' broke\."):
        made = fitted.predict(7)
    assert same(made, Ensemble(TWO, "equal").fit(panel).predict(7))
    with pytest.raises(ModelError, match="No member of 'ensemble' can forecast: 'broken' broke"):
        Ensemble(("broken",)).fit(panel).predict(7)


def test_a_panel_too_short_for_a_test_takes_members_alike_with_a_warning():
    with pytest.warns(UserWarning, match="too few to test models: they are weighed alike"):
        fitted = Ensemble(TWO).fit(panel_of({"a": [100.0]}), horizon=3)
    assert fitted.notes[0] == "The longest series has 1 step, too few to test models: they are weighed alike."
    assert fitted.predict(3).mean == pytest.approx(np.full((1, 3), 150.0))
    assert fitted.leaderboard().is_empty()


def test_series_without_data_fall_back_and_are_named():
    rows = {"a": [3.0, 4, 5, 6] * 20, "empty": [float("nan")] * 80}
    made = Ensemble(("ets", "theta"), "equal").fit(panel_of(rows)).predict(7)
    assert made.mean[1] == pytest.approx(np.zeros(7))
    assert made.fallback == {"empty": "zero (no observations)"}


def test_known_covariates_are_asked_for_only_if_a_member_uses_them():
    panel = panel_of({"a": [5.0, 6] * 30}, known={"promotion": {"a": [0.0, 1] * 30}})
    assert Ensemble(TWO, "equal").fit(panel).predict(4).mean.shape == (1, 4)
    fitted = Ensemble(("around", "ridge"), "equal").fit(panel, horizon=4)
    with pytest.raises(DataError, match="promotion"):
        fitted.predict(4)
    assert np.isfinite(fitted.predict(4, {"promotion": np.ones((1, 4), np.float32)}).quantiles).all()


def test_a_judged_ensemble_tells_its_weights_and_notes():
    forecast, judged = judge(random_panel(30), 7, Ensemble(TWO, (0.25, 0.75)))
    assert judged.choices == {"smooth": "75 % doubled + 25 % around"}
    assert judged.verdict.startswith("ensemble is ")
    assert forecast.mean.shape == (30, 7)


def test_levels_and_horizons_that_make_no_sense_are_refused_in_the_words_of_every_model():
    for how in ("mean", "pool"):
        fitted = Ensemble(TWO, "equal", how).fit(random_panel(2))
        with pytest.raises(ConfigError, match=r"levels must rise within \(0, 1\), not \[0.5, 0.1\]"):
            fitted.predict(7, levels=(0.5, 0.1))
        with pytest.raises(ConfigError, match="horizon must be at least 1"):
            fitted.predict(0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"members": ()}, "members must be names of models"),
        ({"members": (Around(),)}, "members must be names of models"),
        ({"members": ("ets", "auto")}, "'auto' cannot be a member"),
        ({"members": ("ensemble",)}, "'ensemble' cannot be a member"),
        ({"members": ("ets", "tsb", "ets")}, "'ets' is named twice"),
        ({"weights": "best"}, "weights must be selected, equal or one number per member, not 'best'"),
        ({"weights": (1.0, 2.0)}, "3 members need as many weights, not 2"),
        ({"weights": (1.0, -1.0, 2.0)}, "weights must not be negative"),
        ({"weights": (0.0, 0.0, 0.0)}, "some must be above zero"),
        ({"weights": (1.0, float("nan"), 1.0)}, "weights must not be negative"),
        ({"weights": ("a", "b", "c")}, "weights must be numbers"),
        ({"how": "mode"}, "how must be mean, median or pool, not 'mode'"),
        ({"windows": 0}, "windows must be a whole number from 1, not 0"),
        ({"seeds": True}, "seeds must be a whole number from 1, not True"),
    ],
)
def test_options_that_make_no_sense_are_refused_in_a_sentence(options, said):
    with pytest.raises(ConfigError, match="^Model 'ensemble': .*" + said):
        Ensemble(**options)


def test_a_member_that_does_not_exist_is_refused_with_a_hint():
    with pytest.raises(ConfigError, match=r"There is no model 'etss'.*Did you mean 'ets'"):
        Ensemble(("etss",)).fit(random_panel(2))


def test_spec_is_json_both_ways():
    for spec in (Ensemble(), Ensemble(("ets", "tsb"), (1, 2), "pool", 2, 3), Ensemble("ets", "equal")):
        assert registry.spec_from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_repr_shows_the_weights():
    assert "smooth: 75% doubled + 25% around" in repr(Ensemble(TWO, (1, 3)).fit(random_panel()))
    assert repr(Ensemble(TWO, (1, 3)).fit(random_panel())).startswith("FittedEnsemble(")


def test_progress_goes_from_nothing_to_the_end():
    told = []
    Ensemble(TWO).fit(random_panel(), horizon=7, progress=lambda what, done: told.append(done))
    assert told == sorted(told)
    assert 0 <= told[0] < 0.1
    assert 0.6 <= told[-1] <= 1


def test_a_member_that_breaks_only_with_later_data_forecasts_until_then():
    panel = random_panel()
    fitted = Ensemble(("broken", "around"), "equal").fit(panel)
    whole = replace(fitted.members["broken"], spec=Broken(after=panel.end + 1))
    fitted = replace(fitted, members={**fitted.members, "broken": whole})
    assert same(fitted.predict(7), Around().fit(panel).predict(7))
    with pytest.warns(UserWarning, match="broken cannot forecast"):
        fitted.update(panel.append(np.ones((len(panel), 1)))).predict(7)
