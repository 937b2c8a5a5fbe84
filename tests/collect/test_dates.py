"""Dates and moments as people and programs write them, against the standard library."""

import datetime as dt
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.collect.dates import date_order, has_zone, order_votes, read_header_dates, read_moments
from skucast.errors import ConfigError

D = dt.datetime


def moment(text: object, order: str = "dmy", timezone: str = "", date_format: str = "") -> dt.datetime | None:
    return read_moments(pl.Series([text]), date_format, order, timezone)[0][0]


@pytest.mark.parametrize(
    "text, value",
    [
        ("2024-03-05", D(2024, 3, 5)), ("2024-03-05 14:05:06", D(2024, 3, 5, 14, 5, 6)),
        ("2024-03-05T14:05:06Z", D(2024, 3, 5, 14, 5, 6)), ("2024/3/5 7:05", D(2024, 3, 5, 7, 5)),
        ("2024年3月5日", D(2024, 3, 5)), ("2024年3月5日 14时05分06秒", D(2024, 3, 5, 14, 5, 6)), ("2024年3月", D(2024, 3, 1)),
        ("05.03.2024", D(2024, 3, 5)), ("5/3/24", D(2024, 3, 5)), ("05-03-2024 23:59", D(2024, 3, 5, 23, 59)),
        ("20240305", D(2024, 3, 5)), ("20240305T140506", D(2024, 3, 5, 14, 5, 6)), ("2024-03", D(2024, 3, 1)),
        ("5 Mar 2024", D(2024, 3, 5)), ("March 5, 2024", D(2024, 3, 5)), ("Mar 5, 2024, 3:45:12 PM", D(2024, 3, 5, 15, 45, 12)),
        ("Tue, 5 Mar 2024 14:05:06 +0100", D(2024, 3, 5, 14, 5, 6)), ("5. März 2024", D(2024, 3, 5)),
        ("5 mars 2024", D(2024, 3, 5)), ("5 de marzo de 2024", D(2024, 3, 5)), ("14 juillet 2024", D(2024, 7, 14)),
        ("1 juin 2024", D(2024, 6, 1)), ("12/31/1999 12:30 AM", None), ("2024-03-05 14:05:06.123456", D(2024, 3, 5, 14, 5, 6, 123456)),
        ("1709647506", D(2024, 3, 5, 14, 5, 6)), ("1709647506000", D(2024, 3, 5, 14, 5, 6)), ("45356", D(2024, 3, 5)),
        ("２０２４-03-05", D(2024, 3, 5)),
    ],
)  # fmt: skip
def test_texts_of_many_kinds(text: str, value: dt.datetime | None) -> None:
    assert moment(text) == value


def test_month_first_where_that_is_the_order() -> None:
    assert moment("03/05/24", "mdy") == D(2024, 3, 5)
    assert moment("12/31/1999 12:30 AM", "mdy") == D(1999, 12, 31, 0, 30)
    assert moment("1/2/2024 12:30 pm", "mdy") == D(2024, 1, 2, 12, 30)


@pytest.mark.parametrize("text", ["31.02.2024", "yesterday", "2024-13-01", "45/45/2024", "x"])
def test_what_is_no_date_is_empty_and_marked(text: str) -> None:
    values, bad = read_moments(pl.Series([text, "2024-01-01", "", None]))
    assert values.to_list() == [None, D(2024, 1, 1), None, None]
    assert bad.to_list() == [True, False, False, False]


@settings(deadline=None)
@given(
    st.lists(st.datetimes(D(1971, 1, 1), D(2068, 12, 31)), min_size=1, max_size=10),
    st.sampled_from(
        ["%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%Y年%m月%d日 %H:%M:%S", "%Y%m%dT%H%M%S",
         "%d %b %Y %H:%M:%S", "%B %d, %Y %I:%M:%S %p", "%d/%m/%y %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]
    ),
)  # fmt: skip
def test_dates_written_by_strftime_read_back(moments: list[dt.datetime], form: str) -> None:
    expected = [m.replace(microsecond=0) for m in moments]
    values, bad = read_moments(pl.Series([m.strftime(form) for m in moments]))
    assert values.to_list() == expected
    assert not bad.any()


def test_a_column_may_mix_formats() -> None:
    values, bad = read_moments(pl.Series(["2024-03-05", "06.03.2024", "2024年3月7日", "8 Mar 2024"]))
    assert values.to_list() == [D(2024, 3, d) for d in (5, 6, 7, 8)]
    assert not bad.any()


@pytest.mark.parametrize("text", ["2024-07-01T23:30:00+00:00", "2024-07-01 23:30:00 UTC", "2024-07-02 07:30:00 +0800"])
def test_stamps_with_a_zone_move_to_the_shop(text: str) -> None:
    expected = D(2024, 7, 1, 23, 30, tzinfo=dt.UTC).astimezone(ZoneInfo("Europe/Berlin")).replace(tzinfo=None)
    assert moment(text, timezone="Europe/Berlin") == expected


def test_stamps_with_a_zone_keep_their_local_time_without_one_of_the_shop() -> None:
    assert moment("2024-07-02 07:30:00 +0800") == D(2024, 7, 2, 7, 30)


def test_typed_columns_move_too() -> None:
    aware = pl.Series([D(2024, 7, 1, 23, 30)]).dt.replace_time_zone("UTC")
    assert read_moments(aware, timezone="Asia/Shanghai")[0].to_list() == [D(2024, 7, 2, 7, 30)]
    assert read_moments(pl.Series([dt.date(2024, 7, 1)]))[0].to_list() == [D(2024, 7, 1)]


def test_numbers_are_told_by_their_size() -> None:
    values, bad = read_moments(pl.Series([20240305, 202403, 2024, 45356, 1709647506, 7, None]))
    assert values.to_list()[:5] == [D(2024, 3, 5), D(2024, 3, 1), D(2024, 1, 1), D(2024, 3, 5), D(2024, 3, 5, 14, 5, 6)]
    assert bad.to_list() == [False] * 5 + [True, False]


def test_a_stated_format_is_believed() -> None:
    assert moment("05-2024-03", date_format="%d-%Y-%m") == D(2024, 3, 5)
    assert moment("05-2024-03 14:05", date_format="%d-%Y-%m %H:%M") == D(2024, 3, 5, 14, 5)


def test_wrong_formats_and_zones_are_errors_of_the_project_file() -> None:
    with pytest.raises(ConfigError, match="date_format '%H' is no valid format"):
        moment("2024-01-01", date_format="%H")
    with pytest.raises(ConfigError, match=r"date_format '%d.%m.%Y' fits no date, such as '2024-01-01'"):
        moment("2024-01-01", date_format="%d.%m.%Y")
    with pytest.raises(ConfigError, match="timezone 'Mars/North' is unknown"):
        moment("2024-07-01T23:30:00Z", timezone="Mars/North")


@pytest.mark.parametrize(
    "texts, expected",
    [
        (["13/01/2024", "01/02/2024"], ("dmy", True)), (["01/13/2024", "01/02/2024"], ("mdy", True)),
        (["01/02/2024"], ("dmy", False)), (["2024-01-02"], ("dmy", True)), (["03/03/2024"], ("dmy", True)),
    ],
)  # fmt: skip
def test_order_is_proved_by_days_above_twelve(texts: list[str], expected: tuple[str, bool]) -> None:
    assert date_order([order_votes(pl.Series(texts))]) == expected


def test_zones_are_noticed() -> None:
    assert has_zone(pl.Series(["2024-07-01T23:30:00+00:00"]))
    assert not has_zone(pl.Series(["2024-07-01", "2024-07-01 10:00:00"]))


def test_headers_that_are_dates() -> None:
    found = read_header_dates(["Store", "2024-01-01", "08.01.2024", "7", "SKU-1"])
    assert found.to_list() == [None, D(2024, 1, 1), D(2024, 1, 8), None, None]
