"""What drives a forecast: exact for a model whose rule is known, close for models that learned planted effects."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pytest

from skucast.errors import ConfigError, DataError
from skucast.explain.drivers import Drivers, drivers
from skucast.explain.parts import PARTS
from skucast.explain.shapley import shapley
from skucast.models import registry
from skucast.models.spec import Fitted
from skucast.panel import Panel
from skucast.place import Place

from ..models.series import degenerate, panel_of, shop
from ..models.test_contract import quick, spec
from .known_model import ELASTICITY, LIFT, WEEK, FittedKnown, Known
from .planted import HORIZON, planted

NAMES = registry.names()
STEPS = 7


# ---- a model whose rule is known ------------------------------------------------------------------
def known_shop(end: str = "2024-12-20") -> Panel:
    """Three items, 90 days; the usual price is 4, it rained 8 mm on every day."""
    flat = panel_of({key: np.full(90, 10.0) for key in "abc"}, end=end)
    size = flat.values.size
    columns = {"promotion": np.arange(size) % 9 == 0, "price": np.full(size, 4.0), "rain": np.full(size, 8.0)}
    return replace(flat.with_known({n: c.astype(float) for n, c in columns.items()}), place=Place("GB"))


def planned(horizon: int = 14) -> dict[str, np.ndarray]:
    promotion, price, rain = np.zeros((3, horizon)), np.full((3, horizon), 4.0), np.full((3, horizon), 8.0)
    promotion[0, 2:9] = 1
    price[:2, 4:] = 3.0
    rain[2] = np.arange(horizon)
    return {"promotion": promotion, "price": price, "rain": rain}


@cache
def known_drivers() -> Drivers:
    return drivers(Known().fit(known_shop()), 14, planned())


def test_parts_of_a_known_rule_are_exact():
    fitted, known = Known().fit(known_shop()), planned()
    usual = {"promotion": np.zeros((3, 14)), "price": np.full((3, 14), 4.0), "rain": np.full((3, 14), 8.0)}
    part = {"promotion": "promotion", "price": "price", "rain": "weather"}

    def rule(present: frozenset[str]) -> np.ndarray:
        asked = {n: known[n] if part[n] in present else usual[n] for n in known}
        return fitted.rule(14, asked, "holidays" in present)

    truth = shapley(["holidays", "promotion", "price", "weather"], rule)
    for name, units in truth.items():
        np.testing.assert_allclose(known_drivers().part(name), units, atol=1e-4)
    assert not known_drivers().part("other").any()
    plain = rule(frozenset())
    start = fitted.panel.end + 1
    np.testing.assert_allclose(known_drivers().part("level"), np.full((3, 14), 10.4), atol=1e-5)
    np.testing.assert_allclose(known_drivers().part("season"), plain - 10.4, atol=1e-5)
    np.testing.assert_allclose(plain[0] - 0.4, 10 * WEEK[(start + np.arange(14)) % 7])


def test_what_is_as_usual_for_a_series_is_exactly_nothing():
    found = known_drivers()
    assert not found.part("promotion")[1:].any()
    assert not found.part("price")[2].any()
    assert not found.part("weather")[:2].any()
    holidays = [str(s)[:10] for s, x in zip(found.stamps, found.part("holidays")[2], strict=True) if x]
    assert holidays == ["2024-12-25", "2024-12-26", "2025-01-01"]


def test_a_single_cause_gets_all_that_it_brings():
    found = known_drivers()
    first = 10 * WEEK[(found.start + 2) % 7]  # before the price falls and Christmas comes
    assert found.part("promotion")[0, 2] == pytest.approx(first * (LIFT - 1), rel=1e-5)
    later = 10 * WEEK[(found.start + 13) % 7]
    assert found.part("price")[1, 13] == pytest.approx(later * ((3 / 4) ** ELASTICITY - 1), rel=1e-5)


def test_a_model_is_asked_for_each_combination_of_what_matters_to_it_and_little_more():
    fitted = Known().fit(known_shop())
    assert isinstance(fitted, FittedKnown)
    counts = []
    for known in (planned(), {**planned(), "rain": np.full((3, 14), 8.0)}):
        fitted.asked.clear()
        drivers(fitted, 14, known)
        counts.append(len(fitted.asked))
    assert counts == [2**4, 2**3]
    fitted.asked.clear()
    drivers(fitted, 10, planned(10))
    assert sorted(set(fitted.asked)) == [10, 14]  # once over whole weeks, to tell the season
    assert fitted.asked.count(14) == 1


def test_without_a_place_and_covariates_one_question_is_enough():
    fitted = Known().fit(panel_of({"a": np.full(40, 10.0)}))
    assert isinstance(fitted, FittedKnown)
    found = drivers(fitted, 7)
    assert len(fitted.asked) == 1
    np.testing.assert_allclose(found.parts[:, :, 2:], 0)


def test_a_covariate_of_an_unknown_kind_is_other_unless_it_is_given_a_part():
    panel = known_shop().with_known({"visitors": np.ones(270)})
    known = {**planned(), "visitors": np.full((3, 14), 2.0)}
    fitted = Known().fit(panel)
    found = drivers(fitted, 14, known)
    np.testing.assert_allclose(found.part("other"), 3.0, atol=1e-4)
    assert "other +42 (visitors)" in found.sentences()[2]
    given = drivers(fitted, 14, known, groups={"weather": ["visitors"]})
    assert not given.part("other").any()
    np.testing.assert_allclose(given.part("weather")[0], 3.0, atol=1e-4)
    season = drivers(fitted, 14, known, groups={"season": "visitors"})  # taken as it is
    np.testing.assert_allclose(season.parts[0, :, 2:].sum(), found.parts[0, :, 2:6].sum(), rtol=1e-6)
    with pytest.raises(ConfigError, match="no known covariate 'x'"):
        drivers(fitted, 14, known, groups={"weather": ["x"]})


def test_missing_plans_and_horizons_that_make_no_sense_are_errors():
    fitted = Known().fit(known_shop())
    with pytest.raises(DataError, match="'promotion'"):
        drivers(fitted, 14, {"price": np.ones((3, 14))})
    with pytest.raises(ConfigError, match="horizon must be at least 1"):
        drivers(fitted, 0, planned())


# ---- frames ---------------------------------------------------------------------------------------
def test_the_frame_has_a_column_per_part_which_add_up():
    table = known_drivers().to_polars()
    assert table.columns == ["unique_id", "ds", "mean", *PARTS]
    assert table.height == 42
    np.testing.assert_allclose(table.select(PARTS).to_numpy().sum(axis=1), table["mean"].to_numpy(), rtol=1e-6)
    total = known_drivers().to_polars(total=True)
    expected = table.group_by("unique_id", maintain_order=True).agg(pl.col("mean", *PARTS).sum())
    np.testing.assert_allclose(total.drop("unique_id").to_numpy(), expected.drop("unique_id").to_numpy(), rtol=1e-6)


def test_frames_come_back_as_they_came():
    frame = pd.DataFrame({"sku": ["a"] * 60, "day": pd.date_range("2025-01-01", periods=60), "sold": 5.0})
    panel = Panel.from_frame(frame, id="sku", time="day", target="sold")
    found = drivers(registry.make("seasonal-naive").fit(panel), 7)
    table = found.frame()
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns[:3]) == ["sku", "day", "mean"]
    assert str(table["day"].iloc[0])[:10] == "2025-03-02"


def test_some_series_can_be_taken():
    part = known_drivers().take([2, 0])
    assert part.ids.to_list() == ["c", "a"]
    np.testing.assert_array_equal(part.parts, known_drivers().parts[[2, 0]])
    assert part.sentences() == [known_drivers().sentences()[i] for i in (2, 0)]
    assert known_drivers().take(np.array([True, False, False])).ids.to_list() == ["a"]


# ---- what every registered model promises ---------------------------------------------------------
def covered() -> Panel:
    """Four items with price and promotion, in a place whose Christmas is ahead; one is new."""
    flat = panel_of(dict(zip("abcd", (shop(4).series(i) for i in range(4)), strict=True)), end="2024-12-20")
    size = flat.values.size
    columns = {"price": 3.0 + (np.arange(size) // 20 % 3), "promotion": (np.arange(size) % 5 == 0).astype(float)}
    return replace(flat.with_known(columns), place=Place("GB"))


AHEAD = {"price": np.full((4, STEPS), 3.0), "promotion": np.tile(np.arange(STEPS) % 2.0, (4, 1))}


@cache
def on_covered(name: str) -> Fitted:
    made = spec(name)
    if name == "auto":
        made = registry.make({"model": "auto", "members": ["tsb", "ridge", "fourier"], "windows": 1})
    if name == "ensemble":
        made = registry.make({"model": "ensemble", "members": ["ets", "ridge", "fourier"]})
    return made.fit(covered(), horizon=STEPS)


def adds_up(found: Drivers, mean: np.ndarray) -> None:
    np.testing.assert_array_equal(found.mean, mean)
    assert np.isfinite(found.parts).all()
    total = found.parts.sum(axis=2)
    assert (np.abs(total - mean) <= 1e-4 * np.maximum(np.abs(mean), 1e-6)).all()
    assert (found.part("level") + found.part("season") >= -1e-4 * np.maximum(mean.max(), 1)).all()


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", NAMES)
def test_parts_of_every_model_add_up_to_its_forecast(name):
    fitted = on_covered(name)
    found = drivers(fitted, STEPS, AHEAD)
    adds_up(found, fitted.predict(STEPS, AHEAD).mean)
    again = drivers(fitted, STEPS, AHEAD)
    np.testing.assert_array_equal(found.parts, again.parts)
    uses = fitted.spec.capabilities.known
    assert uses or not found.parts[:, :, 3:].any()  # promotion, price, weather, other
    assert all(sentence for sentence in [*found.sentences("en"), *found.sentences("zh")])


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", NAMES)
def test_parts_of_a_series_do_not_depend_on_its_neighbours(name):
    fitted, rows = on_covered(name), np.array([2, 0])
    if fitted.spec.capabilities.joint:
        return  # sums are made to fit, so series are not independent
    whole = drivers(fitted, STEPS, AHEAD)
    part = drivers(fitted.update(covered().take(rows)), STEPS, {n: a[rows] for n, a in AHEAD.items()})
    scale = np.maximum(whole.mean[rows], 1e-6)[:, :, None]
    np.testing.assert_allclose(part.parts / scale, whole.parts[rows] / scale, atol=1e-6)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", NAMES)
def test_degenerate_series_have_sound_parts(name):
    fitted = spec(name).fit(degenerate(), horizon=STEPS)
    adds_up(drivers(fitted, STEPS), fitted.predict(STEPS).mean)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("freq", ["W-WED", "MS", "h"])
@pytest.mark.parametrize("name", ["ets", "ridge", "lightgbm", "pretrained"])
def test_parts_add_up_at_any_frequency(name, freq):
    panel = replace(shop(4, 40 if freq != "h" else 80, freq), place=Place("DE"))
    made = registry.make({"model": name, **quick(name)}).fit(panel, horizon=3)
    adds_up(drivers(made, 5), made.predict(5).mean)


# ---- planted effects ------------------------------------------------------------------------------
def recovered(name: object, **shop_of: object) -> dict[str, float]:
    made = planted(**shop_of)  # type: ignore[arg-type]
    found = drivers(registry.make(name).fit(made.panel, horizon=HORIZON), HORIZON, made.known)  # type: ignore[arg-type]
    assert found.part("level").sum() == pytest.approx(made.level.sum() * HORIZON, rel=0.06)
    return {part: float(found.part(part).sum() / units.sum()) for part, units in made.truth.items()}


def test_regression_gives_planted_effects_that_add_up_back():
    for part, share in recovered("fourier", steps=1100, adding=True).items():
        assert share == pytest.approx(1, abs=0.15), part


def test_boosting_gives_planted_factors_back():
    model = {"model": "lightgbm", "objective": "tweedie"}
    for part, share in recovered(model, items=60, seed=4).items():
        assert share == pytest.approx(1, abs=0.15), part
