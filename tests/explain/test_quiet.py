"""A place that is quiet from a day on: its calendar as if no holiday and no sale day came any more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skucast.config import SaleEvent
from skucast.features.calendar import GROUPS, place_calendar, quiet_steps
from skucast.features.nearness import nearness
from skucast.features.occasion import CAP
from skucast.frequency import Frequency
from skucast.models.pretrained.occasions import FAR, on_days
from skucast.place import Place

EVENT = SaleEvent(name="Anniversary", dates=["2024-12-22"], days_before=0, days_after=0)


def around(alias: str, place: Place) -> tuple[Frequency, int, int, int]:
    freq = Frequency.parse(alias)
    first, start, last = freq.floor(np.array(["2024-10-01", "2024-12-16", "2025-01-20"], "datetime64[us]"))
    return freq, int(first), int(start), int(last)


@pytest.mark.parametrize("country", ["GB", "CN"])
@pytest.mark.parametrize("alias", ["D", "W-SUN", "MS", "h", "2D"])
def test_before_that_day_all_is_as_it_was_and_after_it_no_occasion_is_near(alias, country):
    place = Place(country, events=(EVENT,))
    freq, first, start, last = around(alias, place)
    quiet = replace(place, quiet_from=str(freq.stamp(start)))
    np.testing.assert_array_equal(quiet_steps(freq, first, last, quiet), np.arange(first, last + 1) >= start)
    was, now = (nearness(freq, first, last, p) for p in (place, quiet))
    assert now.names == was.names
    cut = start - first
    np.testing.assert_array_equal(now.values[:cut], was.values[:cut])
    for name in now.names:
        ahead = now.column(name)[cut:]
        if name.startswith("near_"):
            np.testing.assert_array_equal(np.abs(ahead), CAP)
        elif name != "day_off":
            assert not ahead.any(), name
    assert (was.values[cut:] != now.values[cut:]).any()


def test_weekends_go_on():
    place = Place("GB", quiet_from="2024-12-16")
    freq = Frequency.parse("D")
    first, last = freq.floor(np.array(["2024-12-16", "2025-01-12"], "datetime64[us]"))
    off = nearness(freq, int(first), int(last), place).column("day_off")
    np.testing.assert_array_equal(off, np.tile([0, 0, 0, 0, 0, 1, 1], 4))
    week = Frequency.parse("W-SUN")
    first, last = week.floor(np.array(["2024-12-16", "2025-01-12"], "datetime64[us]"))
    np.testing.assert_array_equal(nearness(week, int(first), int(last), place).column("day_off"), [2, 2, 2, 2])


def test_the_season_is_not_touched():
    freq = Frequency.parse("D")
    place = Place("CN", quiet_from="2024-12-16")
    was, now = (place_calendar(freq, 20_000, 20_200, p, GROUPS) for p in (replace(place, quiet_from=""), place))
    for name in place_calendar(freq, 20_000, 20_200, place, ("season",)).names:
        np.testing.assert_array_equal(was.column(name), now.column(name))


def test_a_place_is_json_both_ways_and_its_json_has_nothing_new_unless_it_is_quiet():
    place = Place("GB", events=(EVENT,))
    assert set(place.to_dict()) == {"country", "subdivision", "events"}
    for made in (place, replace(place, quiet_from="2024-12-16")):
        assert Place.from_dict(made.to_dict()) == made


def test_occasions_of_the_network_can_be_left_out():
    found = on_days(20_000, 20_400, "GB")
    steps = np.arange(401) >= 200
    left = found.without(steps)
    np.testing.assert_array_equal(left.distance[:200], found.distance[:200])
    assert (left.distance[200:] == FAR).all()
    assert not left.channels()[200:].any()
    assert not left.ago[200:].any()
    assert found.channels()[200:].any()
