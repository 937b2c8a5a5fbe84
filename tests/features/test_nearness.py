"""Nearness of occasions: one column each, the same names for past and future, nothing without a place."""

import numpy as np
import pytest

from skucast.config import SaleEvent
from skucast.features.nearness import nearness
from skucast.frequency import Frequency
from skucast.place import Place


def ordinal(freq, date):
    return int(freq.floor(np.array([date], "datetime64[us]"))[0])


def test_days_count_down_to_christmas_and_up_again():
    freq = Frequency.parse("D")
    first = ordinal(freq, "2025-12-20")
    found = nearness(freq, first, first + 10, Place("GB"))
    assert found.column("near_christmas").tolist()[:6] == [-5, -4, -3, -2, -1, 0]
    assert found.column("near_christmas")[-1] > 0
    assert found.column("holiday").sum() == 2  # 25 and 26 December


def test_weeks_that_hold_the_day_are_zero():
    freq = Frequency.parse("W-SUN")
    week = ordinal(freq, "2024-02-10")  # Spring Festival
    found = nearness(freq, week - 2, week + 2, Place("CN"))
    near = found.column("near_spring_festival")
    assert near[2] == 0
    assert near[1] < 0 < near[3]
    assert found.column("near_double_11").min() == -60


def test_names_do_not_depend_on_the_range():
    freq = Frequency.parse("D")
    first = ordinal(freq, "2025-06-01")
    place = Place("DE", "BY", (SaleEvent(name="Birthday", dates=["07-08"]),))
    short, long = nearness(freq, first, first + 3, place), nearness(freq, first - 900, first + 300, place)
    assert short.names == long.names
    assert "near_event_birthday" in short.names
    np.testing.assert_array_equal(short.values, long.at(np.arange(first, first + 4)))


def test_an_unknown_place_has_no_columns():
    found = nearness(Frequency.parse("D"), 0, 9, Place())
    assert found.names == ()
    assert found.values.shape == (10, 0)


def test_own_events_alone_bring_sale_days_only():
    found = nearness(Frequency.parse("D"), 20_000, 20_400, Place(events=(SaleEvent(name="Open day", dates=["05-05"]),)))
    assert "near_event_open_day" in found.names
    assert not any("christmas" in name for name in found.names)


@pytest.mark.parametrize("country", ["GB", "CN", "US", "IT", "DE", "BR"])
def test_values_are_finite_and_bounded(country):
    values = nearness(Frequency.parse("D"), 15_000, 21_000, Place(country)).values
    assert np.isfinite(values).all()
    assert np.abs(values).max() <= 60
