import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.decide.timeline import Timeline, demand_within
from skucast.forecast import Forecast
from skucast.panel import Panel


def timeline(freq, last, steps):
    panel = Panel.from_frame(pl.DataFrame({"unique_id": ["A"], "ds": [last], "y": [1.0]}), freq=freq)
    return Timeline.of(Forecast.of(panel, np.ones((1, steps)), np.ones((1, steps, 1)), [0.5]))


def test_a_daily_forecast_begins_the_day_after_the_last_one():
    line = timeline("D", dt.date(2026, 11, 29), 3)
    assert line.today == dt.date(2026, 11, 30)
    assert line.edges.tolist() == [0, 1, 2, 3]


def test_a_week_begins_six_days_before_its_stamp():
    line = timeline("W-SUN", dt.date(2026, 11, 29), 2)  # a Sunday
    assert line.today == dt.date(2026, 11, 30)
    assert line.edges.tolist() == [0, 7, 14]


def test_months_have_their_own_lengths_whichever_end_is_stamped():
    starts = timeline("MS", dt.date(2026, 12, 1), 3)
    ends = timeline("ME", dt.date(2026, 12, 31), 3)
    assert starts.today == ends.today == dt.date(2027, 1, 1)
    assert starts.edges.tolist() == ends.edges.tolist() == [0, 31, 59, 90]


def test_hours_are_fractions_of_a_day():
    line = timeline("h", dt.datetime(2026, 11, 29, 23), 24)
    assert line.today == dt.date(2026, 11, 30)
    assert line.days == pytest.approx(1.0)


def test_steps_are_counted_pro_rata_and_beyond_the_horizon_by_the_mean_step():
    line = timeline("W-SUN", dt.date(2026, 11, 29), 2)
    np.testing.assert_allclose(line.steps(np.array([0.0, 3.5, 7.0, 10.5, 14.0, 21.0])), [0, 0.5, 1, 1.5, 2, 3])
    assert line.date_after(10.9) == dt.date(2026, 12, 10)


def test_demand_counts_whole_steps_parts_of_steps_and_the_mean_beyond():
    paths = np.array([[[1, 2, 3, 4], [0, 0, 8, 8]]], dtype=np.float32)  # (1, 2, 4)

    def within(steps):
        return demand_within(paths, np.array([[steps]]), season=2)[0].tolist()

    assert within(0.0) == [0, 0]
    assert within(2.0) == [3, 0]
    assert within(2.5) == [4.5, 4]
    assert within(4.0) == [10, 16]
    assert within(6.0) == [10 + 2 * 3.5, 16 + 2 * 8]


@settings(deadline=None)
@given(st.lists(st.floats(0, 12), min_size=3, max_size=3), st.integers(0, 100))
def test_a_lead_time_per_path_and_one_for_all_agree(steps, seed):
    paths = np.random.default_rng(seed).poisson(4, (2, 3, 7)).astype(np.float32)
    drawn = demand_within(paths, np.array([steps, steps]), season=3)
    for k, one in enumerate(steps):
        single = demand_within(paths, np.full((2, 1), one), season=3)
        np.testing.assert_allclose(drawn[:, k], single[:, k], rtol=1e-5, atol=1e-4)


@settings(deadline=None)
@given(st.floats(0, 15), st.floats(0, 15), st.integers(0, 100))
def test_demand_never_falls_with_time(a, b, seed):
    paths = np.random.default_rng(seed).poisson(2, (1, 5, 6)).astype(np.float32)
    early, late = (demand_within(paths, np.array([[s]]), 6) for s in sorted((a, b)))
    assert np.all(late >= early - 1e-4)
