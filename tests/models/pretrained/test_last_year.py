"""How much of last year the pretrained model repeats."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skucast.evaluate.metrics import measure
from skucast.models.naive import SeasonalNaive
from skucast.models.pretrained.last_year import LastYear, _better
from skucast.models.pretrained.model import FittedPretrained, Pretrained
from skucast.models.pretrained.reading import Reader
from skucast.models.pretrained.roles import Roles
from skucast.models.pretrained.size import LEVELS
from skucast.models.spec import load_fitted
from skucast.panel import Panel

from ..neural.panels import yearly
from ..series import panel_of

NONE = LastYear()


def of_noise(series: int, steps: int, seed: int) -> Panel:
    rng = np.random.default_rng(seed)
    level = rng.gamma(1, 5, (series, 1)) * np.exp(np.cumsum(0.05 * rng.standard_normal((1, steps)), axis=1))
    return panel_of({f"i{k}": row for k, row in enumerate(rng.poisson(level).astype(float))}, "W-SUN")


def fitted(panel: Panel, horizon: int) -> FittedPretrained:
    found = Pretrained().fit(panel, horizon=horizon)
    assert isinstance(found, FittedPretrained)
    return found


def wql(model: object, actual: np.ndarray) -> float:
    said = model.predict(actual.shape[1])  # type: ignore[attr-defined]
    return float(measure(actual, said.mean, said.quantiles, said.levels)["wql"])


@pytest.mark.parametrize(("freq", "year", "steps", "horizon"), [("W-SUN", 52, 91, 26), ("ME", 12, 36, 6)])
def test_where_years_look_alike_the_last_one_is_repeated(freq: str, year: int, steps: int, horizon: int) -> None:
    panel = yearly(40, steps, freq=freq, year=year, end="2025-03-31" if freq == "ME" else "2025-03-30")
    history, actual = panel.until(panel.end - horizon), panel.dense(steps=horizon)
    found = fitted(history, horizon)
    assert 0.2 < found.last_year.weight < 1
    assert f"last year's demand counts {100 * found.last_year.weight:.0f} %" in found.notes[0]
    with_it, alone = wql(found, actual), wql(replace(found, last_year=NONE), actual)
    assert with_it < 0.9 * alone
    assert with_it < wql(SeasonalNaive().fit(history), actual)


@pytest.mark.parametrize("series", [1, 2, 5, 30])
@pytest.mark.parametrize("steps", [66, 130])
def test_where_years_do_not_nothing_changes(series: int, steps: int) -> None:
    for seed in range(3):
        assert fitted(of_noise(series, steps, seed), 8).last_year == NONE


def test_it_counts_only_what_last_year_adds_at_all_times() -> None:
    """Choices: the network alone, the same with narrower intervals, last year mixed in."""
    rng = np.random.default_rng(0)
    without = np.array([True, True, False])

    def better(narrower: float, mixed: list[float]) -> bool:
        saved = np.array([[0.0] * 4, [narrower] * 4, mixed])[:, :, None]
        return _better(1 - saved + 0.02 * rng.standard_normal((3, 4, 60)), without)

    assert better(0.0, [0.1] * 4)
    assert better(0.1, [0.2] * 4)
    assert not better(0.1, [0.1] * 4)
    assert not better(0.0, [0.3, -0.1, -0.1, 0.1])
    assert not better(0.0, [0.0] * 4)


def test_days_and_histories_within_a_year_have_no_last_year() -> None:
    assert fitted(yearly(10, 52), 8).last_year == NONE
    assert fitted(yearly(10, 800, freq="D", year=365), 8).last_year == NONE


def test_what_is_read_is_the_last_year_that_is_known() -> None:
    values = np.arange(120, dtype=float)
    panel = panel_of({"a": values}, "W-SUN")
    reader = Reader(panel, {}, Roles.of(panel), 60)
    one = np.zeros(1, np.int64)
    before = reader.year_before(one, one)[0]
    np.testing.assert_array_equal(before[:52], values[68:])
    np.testing.assert_array_equal(before[52:], values[68:76])  # of the year before the forecast's own
    earlier = reader.year_before(one, one + 100)[0]
    assert np.isnan(earlier[:32]).all()
    np.testing.assert_array_equal(earlier[32:52], values[:20])


def test_sold_out_weeks_of_last_year_do_not_count() -> None:
    panel = panel_of({"a": np.full(80, 9.0)}, "W-SUN")
    out = np.ones(80, np.bool_)
    out[30:34] = False
    reader = Reader(replace(panel, available=out), {}, Roles.of(panel), 8)
    before = reader.year_before(np.zeros(1, np.int64), np.zeros(1, np.int64))[0]
    np.testing.assert_array_equal(np.isnan(before), [False, False, True, True, True, True, False, False])


def test_quantiles_stay_in_order_and_move_to_last_year() -> None:
    said = np.linspace(0, 10, len(LEVELS), dtype=np.float32)[None, None].repeat(2, axis=1)
    before = np.array([[20.0, np.nan]], np.float32)
    mixed = LastYear(0.5, 0.8).mixed(said, before)
    assert mixed[0, 0, LEVELS.index(0.5)] == pytest.approx(0.5 * (said[0, 0, LEVELS.index(0.5)] + 20))
    assert (np.diff(mixed[0, 0]) > 0).all()
    assert mixed[0, 0, -1] - mixed[0, 0, 0] == pytest.approx(8)
    np.testing.assert_array_equal(mixed[0, 1], said[0, 1])
    assert (LastYear(1.0, 1.0).mixed(said, np.zeros((1, 2), np.float32)) >= 0).all()


def test_it_is_saved_and_kept_by_updates(tmp_path: object) -> None:
    panel = yearly(40, 108)
    found = fitted(panel.until(panel.end - 8), 8)
    found.save(tmp_path / "model")  # type: ignore[operator]
    loaded = load_fitted(tmp_path / "model")  # type: ignore[operator]
    assert isinstance(loaded, FittedPretrained)
    assert loaded.last_year == found.last_year != NONE
    np.testing.assert_array_equal(loaded.update(panel).predict(8).quantiles, found.update(panel).predict(8).quantiles)
    assert LastYear.from_dict(None) == NONE  # as it was saved before there was one


def test_far_ahead_it_repeats_what_it_said_of_the_year_before() -> None:
    panel = yearly(40, 91)
    said = fitted(panel, 26).predict(110).quantile(0.5)
    high, low = said[:, :52].max(axis=1), said[:, :52].min(axis=1)
    assert (high > 1.5 * low).mean() > 0.8
    assert np.median([np.corrcoef(a[:52], a[52:104])[0, 1] for a in said]) > 0.5
