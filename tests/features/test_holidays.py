from __future__ import annotations

import datetime as dt

import holidays
import numpy as np
import pytest

from skucast.errors import ConfigError
from skucast.features.holidays import public_holidays

EPOCH = dt.date(1970, 1, 1)
YEAR = np.arange((dt.date(2024, 1, 1) - EPOCH).days, (dt.date(2025, 1, 1) - EPOCH).days)


def listed(days: np.ndarray) -> list[dt.date]:
    return [EPOCH + dt.timedelta(days=int(d)) for d in days]


@pytest.mark.parametrize("country", ["GB", "US", "DE", "FR", "CN", "JP", "IN", "BR", "ZA", "AU", "SA", "IL"])
def test_days_are_those_of_the_package_holidays(country: str) -> None:
    ours = public_holidays(country, "", 2010, 2030)
    theirs = sorted(holidays.country_holidays(country, years=range(2010, 2031)))
    assert listed(ours.days) == theirs
    flags = ours.columns(YEAR)["holiday"][0]
    assert listed(YEAR[flags == 1]) == [day for day in theirs if day.year == 2024]


def test_parts_of_a_country_have_their_own() -> None:
    corpus_christi = dt.date(2024, 5, 30)
    assert corpus_christi in listed(public_holidays("DE", "BY", 2024, 2024).days)
    assert corpus_christi not in listed(public_holidays("DE", "", 2024, 2024).days)


def test_distances_run_to_the_next_and_from_the_last_holiday() -> None:
    columns = public_holidays("GB", "", 2023, 2025).columns(YEAR)
    at = {name: columns[name][0][(dt.date(2024, 12, 20) - dt.date(2024, 1, 1)).days] for name in columns}
    assert at["holiday_next"] == 5
    assert at["holiday_since"] == 60  # capped: the August bank holiday is further away
    assert columns["holiday_since"][0][2] == 2  # 3 January
    christmas = (dt.date(2024, 12, 25) - dt.date(2024, 1, 1)).days
    assert columns["holiday_next"][0][christmas] == columns["holiday_since"][0][christmas] == 0


def test_names_fall_into_groups() -> None:
    columns = public_holidays("GB", "", 2023, 2025).columns(YEAR)
    counts = {name: columns[f"holiday_{name}"][0].sum() for name in ("new_year", "easter", "christmas", "labour")}
    assert counts == {"new_year": 1, "easter": 1, "christmas": 2, "labour": 1}


def test_weekends_that_are_worked_in_china_are_no_days_off() -> None:
    columns = public_holidays("CN", "", 2023, 2025).columns(YEAR)
    worked = dict(zip(listed(YEAR), columns["worked_weekend"][0], strict=True))
    off = dict(zip(listed(YEAR), columns["day_off"][0], strict=True))
    assert worked[dt.date(2024, 2, 4)] == 1  # a Sunday, in exchange for Spring Festival
    assert off[dt.date(2024, 2, 4)] == 0
    assert off[dt.date(2024, 2, 10)] == 1
    assert off[dt.date(2024, 2, 25)] == 1


def test_no_country_has_no_holidays() -> None:
    assert public_holidays("", "", 2024, 2024).days.size == 0


def test_unknown_places_are_named_with_what_is_close() -> None:
    with pytest.raises(ConfigError, match="country 'XX': use a two-letter ISO code"):
        public_holidays("XX", "", 2024, 2024)
    with pytest.raises(ConfigError, match=r"Country 'DE' has no subdivision 'XX'; it has: .*BY"):
        public_holidays("DE", "XX", 2024, 2024)
