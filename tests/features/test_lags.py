from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from coreforecast.grouped_array import GroupedArray
from coreforecast.lag_transforms import ExponentiallyWeightedMean, Lag, RollingMean

from skucast.errors import ConfigError
from skucast.features.lags import History, ewm, expanding, lag, rolling
from skucast.panel import Panel
from tests.prepare.panels import daily

STATISTICS = ["mean", "std", "min", "max"]


def panel_with_gaps() -> Panel:
    rng = np.random.default_rng(0)
    return daily(*(np.where(rng.random(n) < 0.15, np.nan, rng.poisson(9, n)) for n in (60, 45, 3)))


def by_series(panel: Panel) -> list[pd.Series]:
    return [pd.Series(panel.series(i).astype(float)) for i in range(len(panel))]


@pytest.mark.parametrize("steps", [1, 2, 7, 50])
def test_lags_agree_with_pandas_and_coreforecast(steps: int) -> None:
    panel = panel_with_gaps()
    expected = np.concatenate([s.shift(steps) for s in by_series(panel)])
    np.testing.assert_array_equal(lag(panel, steps), expected.astype(np.float32))
    grouped = GroupedArray(panel.values, panel.indptr.astype(np.int32))
    np.testing.assert_array_equal(lag(panel, steps), Lag(steps).transform(grouped))


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("window, back, least", [(7, 1, 1), (4, 3, 3), (2, 1, 2)])
def test_rolling_statistics_agree_with_pandas(statistic: str, window: int, back: int, least: int) -> None:
    panel = panel_with_gaps()
    expected = [
        getattr(s.shift(back).rolling(window, min_periods=max(least, 1 + (statistic == "std"))), statistic)()
        for s in by_series(panel)
    ]
    got = rolling(panel, window, statistic, lag=back, min_samples=least)
    np.testing.assert_allclose(got, np.concatenate(expected), rtol=1e-5, atol=1e-6)


def test_rolling_means_agree_with_coreforecast_where_nothing_is_missing() -> None:
    panel = daily(np.arange(40.0) ** 1.5, np.arange(30.0))
    grouped = GroupedArray(panel.values.astype(np.float64), panel.indptr.astype(np.int32))
    oracle = RollingMean(1, 5, min_samples=1).transform(grouped)
    np.testing.assert_allclose(rolling(panel, 5), oracle, rtol=1e-6)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_seasonal_windows_look_at_the_same_weekday(statistic: str) -> None:
    panel = panel_with_gaps()
    expected = []
    for s in by_series(panel):
        weeks = pd.DataFrame({s_lag: s.shift(7 * s_lag) for s_lag in range(1, 5)})
        enough = weeks.notna().sum(axis=1) >= (2 if statistic == "std" else 1)
        expected.append(getattr(weeks, statistic)(axis=1).where(enough))
    got = rolling(panel, 4, statistic, lag=7, season=7)
    np.testing.assert_allclose(got, np.concatenate(expected), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_expanding_statistics_agree_with_pandas(statistic: str) -> None:
    panel = panel_with_gaps()
    expected = [getattr(s.shift(2).expanding(1 + (statistic == "std")), statistic)() for s in by_series(panel)]
    np.testing.assert_allclose(expanding(panel, statistic, lag=2), np.concatenate(expected), rtol=1e-5, atol=1e-6)


def test_exponential_means_agree_with_pandas_and_coreforecast() -> None:
    panel = panel_with_gaps()
    expected = [
        s.shift(1).dropna().ewm(alpha=0.3, adjust=False).mean().reindex(s.index).ffill() for s in by_series(panel)
    ]
    np.testing.assert_allclose(ewm(panel, 0.3), np.concatenate(expected), rtol=1e-5)
    full = daily(np.arange(20.0))
    grouped = GroupedArray(full.values.astype(np.float64), full.indptr.astype(np.int32))
    np.testing.assert_allclose(ewm(full, 0.3), ExponentiallyWeightedMean(1, 0.3).transform(grouped), rtol=1e-6)


def test_sold_out_steps_are_hidden_and_other_columns_can_be_asked_for() -> None:
    panel = daily([5.0, 0.0, 7.0, 9.0], available=[[True, False, True, True]], known={"price": [[1.0, 2.0, 3.0, 4.0]]})
    np.testing.assert_array_equal(lag(panel, 1), [np.nan, 5, np.nan, 7])
    np.testing.assert_array_equal(rolling(panel, 2), [np.nan, 5, 5, 7])
    np.testing.assert_array_equal(lag(panel, 2, panel.known["price"]), [np.nan, np.nan, 1, 2])


def test_every_lag_feature_of_the_past_ignores_the_future_and_reaches_into_it() -> None:
    panel, horizon = panel_with_gaps(), 7
    features = {
        "lag": lambda p: lag(p, 7),
        "rolling": lambda p: rolling(p, 14, lag=7),
        "seasonal": lambda p: rolling(p, 3, lag=7, season=7),
        "expanding": lambda p: expanding(p, lag=7),
        "ewm": lambda p: ewm(p, 0.2, lag=7),
    }
    cut = panel.end - 20
    spoiled = panel.with_values(np.where(panel.ordinals > cut, 1e6, panel.values))
    ahead = panel.append(np.full((len(panel), horizon), np.nan))
    for name, make in features.items():
        known = panel.ordinals <= cut + 7
        np.testing.assert_array_equal(make(panel)[known], make(spoiled)[known], err_msg=name)
        grown = make(ahead)
        np.testing.assert_array_equal(grown[ahead.ordinals <= panel.end], make(panel), err_msg=name)
        dense = ahead.dense(grown, horizon)[:2]
        assert np.isfinite(dense).mean() > 0.7, name  # missing only where the week before is


def test_answers_at_an_origin_ignore_what_comes_after_it() -> None:
    panel = panel_with_gaps()
    matrix = panel.dense()
    origin, season = 40, 7
    spoiled = matrix.copy()
    spoiled[:, origin + 1 :] = 1e6

    def answers(values: np.ndarray) -> list[np.ndarray]:
        past = History(values)
        first, latest = past.since(lambda v: v > 0)
        total, count = past.running()
        summary = past.summary(origin, 28)
        return [
            past.at(origin, 3), past.window(origin, 14), past.mean(origin, 14), summary.mean, summary.std, summary.zeros,
            summary.top, summary.count, past.same_phase(origin, 10, season), past.same_phase(origin, 10, season, 1),
            past.same_phase_mean(origin, 10, season, 3), past.around_phase(origin, 10, season, 2),
            np.where(first <= origin, first, -1), latest[:, origin], total[:, origin], count[:, origin],
        ]  # fmt: skip

    for one, other in zip(answers(matrix), answers(spoiled), strict=True):
        np.testing.assert_array_equal(one, other)


def test_answers_at_an_origin_agree_with_pandas() -> None:
    panel = panel_with_gaps()
    frame = pd.DataFrame(panel.dense().astype(float).T)  # steps x series
    past, origin = History.of(panel), 44
    until = frame.iloc[: origin + 1]
    summary = past.summary(origin, 14)
    np.testing.assert_allclose(summary.mean, until.tail(14).mean(), rtol=1e-5)
    np.testing.assert_allclose(summary.std, until.tail(14).std(ddof=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(summary.top, until.tail(14).max())
    np.testing.assert_allclose(summary.count, until.tail(14).count())
    np.testing.assert_allclose(past.mean(origin, 28), until.tail(28).mean(), rtol=1e-5)
    phases = past.same_phase(origin, 9, 7)
    for ahead in range(1, 10):
        back = 7 if ahead <= 7 else 14
        np.testing.assert_array_equal(phases[:, ahead - 1], frame.iloc[origin + ahead - back].astype(np.float32))


def test_mistakes_are_named() -> None:
    panel = daily([1.0, 2.0])
    with pytest.raises(ConfigError, match="lag must be at least 1 step, not 0"):
        lag(panel, 0)
    with pytest.raises(ConfigError, match="window >= 1"):
        rolling(panel, 0)
    with pytest.raises(ConfigError, match=r"alpha in \(0, 1\]"):
        ewm(panel, 1.5)
    with pytest.raises(ConfigError, match="lag >= 0, not -1"):
        expanding(panel, lag=-1)
