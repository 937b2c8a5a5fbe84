"""Clock: a fit that reports its progress is stopped when the budget is used up."""

import itertools

import pytest

from skucast.portfolio import clock as clock_module
from skucast.portfolio.auto import Auto
from skucast.portfolio.clock import Clock, OutOfTimeError

from ..evaluate.planted import random_panel


def test_no_budget_never_ends_and_watches_nothing():
    assert not Clock().spent
    assert Clock().watching(None) is None


def test_the_hook_passes_progress_on_until_the_time_is_up(monkeypatch):
    ticks = itertools.count(1)
    monkeypatch.setattr(clock_module.time, "perf_counter", lambda: next(ticks))
    told = []
    hook = Clock(2.5, 0.0).watching(lambda what, done: told.append((what, done)))
    hook("a", 0.1)
    hook("a", 0.2)
    with pytest.raises(OutOfTimeError, match="budget is used up"):
        hook("a", 0.3)
    assert told == [("a", 0.1), ("a", 0.2)]


def test_a_slow_member_does_not_hold_up_the_forecast():
    """Boosting cannot grow in a thousandth of a second; the others make the forecast and it is said why."""
    fitted = Auto(members=("seasonal-naive", "lightgbm"), budget_seconds=0.002).fit(random_panel(20), horizon=7)
    assert list(fitted.members) == ["seasonal-naive"]
    assert any("lightgbm" in note and "time budget" in note for note in fitted.notes)
