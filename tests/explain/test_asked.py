"""Asking models what they would forecast if something were as usual, and combinations member by member."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
import pytest

from skucast.errors import ModelError
from skucast.explain.asked import Ahead, Alone, Together, oracle, without_holidays
from skucast.explain.drivers import drivers
from skucast.models import registry
from skucast.models.spec import Fitted
from skucast.panel import Panel
from skucast.place import Place

from ..models.series import panel_of, shop
from ..models.test_contract import quick

STEPS = 7
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def covered(count: int = 4) -> Panel:
    flat = panel_of({f"s{i}": shop(count).series(i) for i in range(count)}, end="2024-12-20")
    promotion = (np.arange(flat.values.size) % 5 == 0).astype(float)
    return replace(flat.with_known({"promotion": promotion}), place=Place("GB"))


def ahead(count: int = 4) -> Ahead:
    promotion = np.tile(np.arange(STEPS) % 2.0, (count, 1)).astype(np.float32)
    return Ahead(STEPS, {"promotion": promotion}, {"promotion": 0 * promotion}, {"promotion": "promotion"})


def ensemble(**options: object) -> Fitted:
    members = ["tsb", "ridge", "fourier"]
    return registry.make({"model": "ensemble", "members": members, **options}).fit(covered(), horizon=STEPS)


PLAYERS = frozenset({"promotion", "holidays"})


@pytest.mark.parametrize("how", ["mean", "median", "pool"])
def test_members_asked_one_by_one_say_what_the_whole_says(how):
    fitted = ensemble(how=how, weights=(0.2, 0.5, 0.3))
    whole = fitted.predict(STEPS, ahead().planned).mean
    together = oracle(fitted, ahead(), PLAYERS, whole)
    assert isinstance(together, Together)
    alone = Alone(fitted, ahead(), PLAYERS)
    for present in (PLAYERS, {"promotion"}, {"holidays"}, frozenset()):
        np.testing.assert_allclose(together.mean(frozenset(present)), alone.mean(frozenset(present)), rtol=1e-5)
    assert together.used() == alone.used() == {"promotion", "holidays"}


def test_parts_of_an_average_are_the_averages_of_the_parts():
    fitted = ensemble(weights=(0.2, 0.5, 0.3))
    found = drivers(fitted, STEPS, ahead().planned)
    members = [drivers(m, STEPS, ahead().planned) for m in fitted.members.values()]  # type: ignore[attr-defined]
    for name in ("holidays", "promotion"):
        mixed = sum(w * m.part(name) for w, m in zip((0.2, 0.5, 0.3), members, strict=True))
        np.testing.assert_allclose(found.part(name), mixed, atol=1e-4 * found.mean.max())


def test_a_member_that_looks_at_nothing_special_is_asked_no_further(monkeypatch):
    fitted = ensemble(weights=(0.2, 0.5, 0.3))
    tsb = fitted.members["tsb"]  # type: ignore[attr-defined]
    asked = []
    usual = type(tsb)._predict
    monkeypatch.setattr(type(tsb), "_predict", lambda self, *a: asked.append(1) or usual(self, *a))
    drivers(fitted, STEPS, ahead().planned)
    assert len(asked) == 3  # the forecast itself, by itself, and in a place without holidays


def test_a_member_that_cannot_forecast_is_left_to_the_whole(monkeypatch):
    fitted = ensemble(weights=(0.2, 0.5, 0.3))
    ridge = fitted.members["ridge"]  # type: ignore[attr-defined]

    def fail(*args: object) -> None:
        raise ModelError("it broke")

    monkeypatch.setattr(type(ridge), "_predict", fail)
    found = drivers(fitted, STEPS, ahead().planned)
    np.testing.assert_allclose(found.parts.sum(axis=2), fitted.predict(STEPS, ahead().planned).mean, rtol=1e-5)
    assert found.part("promotion").any()


@pytest.mark.parametrize("name", ["fourier", "linear", "arimax", "lightgbm", "lstm", "pretrained"])
def test_without_holidays_the_past_is_as_it_was_and_only_days_ahead_differ(name):
    if not registry.installed(name):
        pytest.skip(f"the extra of '{name}' is not installed")
    fitted = registry.make({"model": name, **quick(name)}).fit(covered(), horizon=STEPS)
    quiet = without_holidays(fitted)
    assert quiet.panel.place.quiet_from.startswith("2024-12-21")
    assert fitted.panel.place.quiet_from == ""
    known = ahead().planned
    before, after = fitted.predict(STEPS, known).mean, quiet.predict(STEPS, known).mean
    assert np.isfinite(after).all()
    # with the calendar quiet from far ahead on, nothing changes
    first = fitted.panel.freq.stamp(fitted.panel.end + 500)
    later = dataclasses.replace(fitted.panel, place=replace(fitted.panel.place, quiet_from=str(first)))
    np.testing.assert_array_equal(fitted.update(later).predict(STEPS, known).mean, before)
    if name in ("fourier", "linear"):
        assert not np.array_equal(before, after)


def test_a_model_in_no_place_has_no_holidays_to_lose():
    fitted = registry.make("fourier").fit(shop(), horizon=STEPS)
    assert without_holidays(fitted) is fitted


def test_places_are_found_wherever_a_model_keeps_them():
    made = registry.make({"model": "ensemble", "members": ["ridge", "fourier"], "weights": (1, 1)}).fit(covered())
    quiet = without_holidays(made)
    ridge, fourier = quiet.members["ridge"], quiet.members["fourier"]  # type: ignore[attr-defined]
    assert ridge.regressors.place.quiet_from
    assert fourier.calendar.place.quiet_from
    assert ridge.panel.place.quiet_from
    if registry.installed("arimax"):
        bagged = registry.make({"model": "bagging", "base": "arimax", "bags": 2}).fit(covered(2), horizon=STEPS)
        assert all(m.regressors.place.quiet_from for m in without_holidays(bagged).members)  # type: ignore[attr-defined]
