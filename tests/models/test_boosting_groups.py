"""How groups of items behave: what is learned of them, what may not be seen, and how they are looked up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from skucast.errors import ConfigError
from skucast.models.boosting import FittedLightGbm, LightGbm
from skucast.models.boosting_groups import ALL, Groups, group_parts
from skucast.models.boosting_matrix import Columns, Matrix
from skucast.models.boosting_sample import draw, past_origins
from skucast.models.spec import load_fitted
from skucast.panel import Panel

from .series import panel_of, shop
from .test_boosting import rows_at
from .test_contract import same, sound

SPEC = LightGbm(objective="tweedie", trees=20, rows=8000, threads=1, groups=True)


def with_kinds(panel: Panel, kinds: list[str | None]) -> Panel:
    return replace(panel, static=panel.static.with_columns(pl.Series("kind", kinds, dtype=pl.String)))


def grouped(freq: str = "D", steps: int = 120) -> Panel:
    return with_kinds(shop(8, steps, freq), ["cool", "warm"] * 4)


def groups_of(panel: Panel) -> Groups:
    columns = Columns.of(panel, groups=True)
    return Groups.learn(panel, {name: columns.texts[name] for name in columns.groups if name})


def test_means_are_over_the_items_that_were_observed() -> None:
    panel = with_kinds(panel_of({"a": [1, 2, np.nan], "b": [3.0, 6.0], "c": [10, np.nan, np.nan]}), ["x", "x", None])
    found = Groups.learn(panel, {"kind": ("x", "y")})
    np.testing.assert_array_equal(
        found.means, [[5.5, 2.5, 6], [1, 2.5, 6], [np.nan, np.nan, np.nan]]
    )  # all items, 'x', 'y'
    rows = found.rows(panel)
    assert rows["kind"].tolist() == [1, 1, 0]  # what belongs to no group takes all items
    assert rows[ALL].tolist() == [0, 0, 0]
    assert found.rows(panel_of({"new": [1.0]}))["kind"].tolist() == [0]
    two = replace(panel, static=panel.static.with_columns(size=pl.Series(["L", "M", None])))
    rows = Groups.learn(two, {"kind": ("x", "y"), "size": ("L", "M")}).rows(two)
    assert rows["size"].tolist() == [3, 4, 0]


def test_steps_out_of_stock_do_not_count() -> None:
    panel = panel_of({"a": [4, 0], "b": [8, 6]}, available=np.array([True, False, True, True]))
    np.testing.assert_array_equal(Groups.learn(panel, {}).means, [[6, 6]])


def test_season_year_growth_and_trend_are_ratios_of_the_group() -> None:
    week, days = np.array([1.0, 1, 1, 1, 2, 3, 0.5]), np.arange(840)
    swell = np.where(days % 364 < 28, 3.0, 1.0)  # four strong weeks a year, growth by a half from year to year
    values = 10 * np.tile(week, 120) * swell * 1.5 ** (days // 364)
    panel = panel_of({"a": values})
    found = groups_of(panel)
    origin = found.start + 727  # the next day begins the third year
    season, year, growth, trend = (part[0] for part in found.ahead(origin, 28, 7, 364, 3, (7, 28, 91)))
    np.testing.assert_allclose(season, np.tile(week / week.mean(), 4), rtol=1e-5)
    np.testing.assert_allclose(year[3:25], 3 * 1.5, rtol=0.01)  # against the four weeks before, still at the old size
    np.testing.assert_allclose(growth, 1.5, rtol=1e-5)
    np.testing.assert_allclose(trend, 1, rtol=1e-5)
    early = found.ahead(found.start + 200, 5, 7, 364, 3, (7, 28, 91))
    assert np.isnan(early[1]).all()  # no year before
    assert np.isfinite(early[0]).all()


@pytest.mark.parametrize("freq", ["D", "W-SUN", "MS", "h"])
def test_features_do_not_look_beyond_their_origin(freq: str) -> None:
    panel = grouped(freq)
    columns = Columns.of(panel, groups=True)
    size = len(columns.group_parts) * len(columns.groups)
    origin = panel.n_steps - 20
    later = panel.ordinals - (panel.end - panel.n_steps + 1) > origin
    spoiled = panel.with_values(np.where(later, 1e6, panel.values))
    clean, dirty = (rows_at(Matrix(p, columns, None, groups_of(p)), origin, 9) for p in (panel, spoiled))
    np.testing.assert_array_equal(clean, dirty)
    assert np.isfinite(clean[:, -size:]).any(axis=0).sum() >= len(columns.groups)
    assert not np.array_equal(
        clean[:, -size:], rows_at(Matrix(spoiled, columns, None, groups_of(spoiled)), origin + 3, 9)[:, -size:]
    )


def test_training_rows_do_not_see_targets_after_the_step_they_may_be_drawn_from() -> None:
    panel = grouped()
    columns, until = Columns.of(panel, groups=True), 80
    spoiled = panel.with_values(np.where(panel.ordinals > panel.end - panel.n_steps + 1 + until, 1e6, panel.values))
    clean, dirty = (
        draw(Matrix(p, columns, None, groups_of(p)), past_origins(20, until - 1, 20), 7, until, 2000, rng)
        for p, rng in ((panel, np.random.default_rng(0)), (spoiled, np.random.default_rng(0)))
    )
    assert len(clean) > 200
    np.testing.assert_array_equal(clean.x, dirty.x)
    np.testing.assert_array_equal(clean.y, dirty.y)


def test_after_an_update_groups_are_those_of_the_fit_at_the_phase_of_the_later_steps() -> None:
    panel = grouped()
    found = groups_of(panel)
    at_end = found.ahead(panel.end, 12, 7, 0, 0, (7, 28))
    later = found.ahead(panel.end + 5, 7, 7, 0, 0, (7, 28))
    for before, after in zip(at_end, later, strict=True):
        np.testing.assert_array_equal(after, before[:, 5:])
    long = with_kinds(shop(8, 500), ["cool", "warm"] * 4)
    cut = groups_of(long.until(long.end - 30))
    index = [g.ahead(long.end, 14, 7, 364, 3, (7, 28))[1] for g in (groups_of(long), cut)]
    assert np.isfinite(index[0]).all()
    np.testing.assert_allclose(index[1], index[0], rtol=1e-5)  # of a year ago all was known at the fit
    for part in found.ahead(found.start - 1, 7, 7, 364, 3, (7, 28)):
        assert np.isnan(part).all()


def test_the_finest_three_columns_are_groups_beside_all_items() -> None:
    panel = shop(40)
    table = panel.static.with_columns(
        *(pl.Series(f"c{n}", [f"t{k % n}" for k in range(40)]) for n in (2, 3, 4, 5)), one=pl.lit("same")
    )
    columns = Columns.of(replace(panel, static=table), groups=True)
    assert columns.groups == (ALL, "c5", "c4", "c3")
    assert Columns.from_dict(columns.to_dict()) == columns
    assert "group_c5_season" in columns.names
    assert "all_items_trend" in columns.names
    assert group_parts(7, 0) == ["season", "trend"]
    assert not any("group" in name or "all_items" in name for name in Columns.of(panel, groups=False).names)
    with pytest.raises(ValueError, match="give the groups"):
        Matrix(panel, columns)
    with pytest.raises(ConfigError, match="groups must be true or false, not 3"):
        LightGbm.from_dict({"groups": 3})


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_a_series_forecast_does_not_depend_on_the_group_members_at_hand(strategy: str, tmp_path: Path) -> None:
    panel = grouped()
    fitted = replace(SPEC, strategy=strategy).fit(panel, horizon=14)  # type: ignore[arg-type]
    forecast = fitted.predict(14)
    sound(forecast, panel, 14)
    for rows in ([2], [5, 2, 7]):
        same(fitted.update(panel.take(rows)).predict(14), forecast.take(np.array(rows)))
    fitted.save(tmp_path)
    loaded = load_fitted(tmp_path)
    same(loaded.predict(14), forecast)
    longer = panel.append(np.ones((8, 4)))
    same(loaded.update(longer).predict(14), fitted.update(longer).predict(14))
    strange = with_kinds(shop(8, 120), ["unseen"] * 4 + [None] * 4)
    sound(fitted.update(strange).predict(14), strange, 14)
    sound(fitted.update(shop(8, 120)).predict(14), shop(8, 120), 14)  # the column is not there at all


def test_new_items_take_the_week_of_their_group() -> None:
    rng = np.random.default_rng(0)
    week = {"early": np.array([3.0, 3, 1, 1, 1, 0.5, 0.5]), "late": np.array([0.5, 0.5, 1, 1, 1, 3, 3])}
    kinds: list[str | None] = ["early", "late"] * 15
    series = {
        f"i{k:02d}": rng.poisson(np.tile(30 * week[str(kind)], 30 if k < 24 else 1)) for k, kind in enumerate(kinds)
    }
    fitted = replace(SPEC, trees=60, rows=20_000).fit(with_kinds(panel_of(series), kinds), horizon=14)
    assert isinstance(fitted, FittedLightGbm)
    young = fitted.predict(7).mean[24:]
    shape = young / young.mean(axis=1, keepdims=True)
    for kind, row in zip(kinds[24:], shape, strict=True):
        expected = week[str(kind)] / week[str(kind)].mean()
        assert np.corrcoef(row, expected)[0, 1] > 0.8
