"""Hierarchies: groups, sums and the panel of the groups."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skucast.errors import ConfigError
from skucast.frequency import Frequency
from skucast.panel import Panel
from skucast.portfolio.grouped import coarser, group_known, group_panel, whole_periods
from skucast.portfolio.hierarchy import Hierarchy

SHOP = pl.DataFrame({
    "sku": ["a", "b", "c", "d"], "category": ["x", "x", "y", "y"], "store": ["n", "s", "n", "s"],
})  # fmt: skip


def panel_of(
    rows: list[list[float]], static: pl.DataFrame = SHOP, freq: str = "D", **known: list[list[float]]
) -> Panel:
    values = np.array(rows, dtype=np.float32)
    stamps = np.arange("2024-01-01", np.datetime64("2024-01-01") + values.shape[1], dtype="datetime64[D]")
    grid = Frequency.parse(freq)
    return Panel(
        freq=grid,
        end=int(grid.ordinal(stamps[-1:].astype("datetime64[us]"))[0]),
        values=values.ravel(),
        indptr=np.arange(len(values) + 1) * values.shape[1],
        static=static,
        known={name: np.array(column, dtype=np.float32).ravel() for name, column in known.items()},
    )


def test_groups_are_summed_level_after_level() -> None:
    hierarchy = Hierarchy.of(SHOP, ["total", "category", ("category", "store")])
    assert hierarchy.keys["node"].to_list() == ["total", "x", "y", "x/n", "x/s", "y/n", "y/s"]
    np.testing.assert_array_equal(hierarchy.up(np.array([1, 2, 3, 4])), [10, 3, 7, 1, 2, 3, 4])
    np.testing.assert_array_equal(hierarchy.count, [4, 2, 2, 1, 1, 1, 1])
    assert len(hierarchy) == 11
    assert hierarchy.rows(1) == slice(1, 3)


@given(st.integers(0, 10_000))
def test_sums_and_their_transpose_fit_together(seed: int) -> None:
    rng = np.random.default_rng(seed)
    static = pl.DataFrame({"id": np.arange(9).astype(str), **{
        name: rng.integers(0, 3, 9).astype(str) for name in ("a", "b", "c")
    }})  # fmt: skip
    hierarchy = Hierarchy.of(static, ["total", "a", "b", "a/b", "a/b/c", "c"])
    bottom, upper = rng.normal(size=(9, 2)), rng.normal(size=(hierarchy.n_upper, 2))
    np.testing.assert_allclose((hierarchy.up(bottom) * upper).sum(), (bottom * hierarchy.down(upper)).sum())
    members = np.concatenate(hierarchy.members).reshape(6, 9)
    for k in range(6):
        wanted = [bottom[members[k] == g].sum(axis=0) for g in range(hierarchy.sizes[k])]
        np.testing.assert_allclose(hierarchy.up(bottom)[hierarchy.rows(k)], wanted, atol=1e-12)


def test_a_series_may_belong_to_no_group_where_that_is_wanted() -> None:
    static = SHOP.with_columns(pl.Series("brand", ["p", None, "p", "q"]))
    with pytest.raises(ConfigError, match="Column 'brand' is empty for 1 series"):
        Hierarchy.of(static, ["brand"])
    hierarchy = Hierarchy.of(static, ["total", "brand"], partial=True)
    np.testing.assert_array_equal(hierarchy.up(np.array([1.0, 2, 3, 4])), [10, 4, 4])
    np.testing.assert_array_equal(hierarchy.down(np.array([1.0, 10, 100])), [11, 1, 11, 101])


@pytest.mark.parametrize(
    ("levels", "message"), [(["colour"], "needs the column 'colour'"), (["store", "store"], "is given twice")]
)
def test_impossible_levels_are_named(levels: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Hierarchy.of(SHOP, levels)


def test_the_panel_of_the_groups_adds_demand_and_averages_covariates() -> None:
    panel = panel_of(
        [[1, 2, 3], [3, 2, 1], [10, 10, 10], [0, 0, 0]],
        price=[[4, 4, 2], [8, 8, 8], [1, 1, 1], [5, 5, 5]], promotion=[[0, 0, 1], [0, 0, 0], [1, 1, 1], [0, 0, 0]],
    )  # fmt: skip
    groups = group_panel(Hierarchy.of(SHOP, ["total", "category"]), panel)
    np.testing.assert_allclose(groups.dense(), [[14, 14, 14], [4, 4, 4], [10, 10, 10]], rtol=1e-5)
    # two items of equal volume in x: prices relative to the items' usual ones, marks as they are
    np.testing.assert_allclose(groups.dense(groups.known["price"])[1], [1, 1, 0.75], rtol=1e-5)
    np.testing.assert_allclose(groups.dense(groups.known["promotion"])[1], [0, 0, 0.5], rtol=1e-5)
    ahead = group_known(Hierarchy.of(SHOP, ["category"]), panel, {
        "price": np.array([[2], [8], [1], [5]], np.float32), "promotion": np.ones((4, 1), np.float32),
    })  # fmt: skip
    np.testing.assert_allclose(ahead["price"][0], [0.75], rtol=1e-5)


def test_a_group_is_known_where_most_of_its_volume_is() -> None:
    nan = np.nan
    panel = panel_of([[9, nan, 9, nan], [1, 1, nan, nan], [5, 5, 5, 5], [5, 5, 5, 5]])
    groups = group_panel(Hierarchy.of(SHOP, ["category"]), panel)
    np.testing.assert_allclose(groups.dense()[0], [10, nan, 10, nan], rtol=1e-4)


def test_days_are_added_up_to_whole_weeks_and_closed_days_count_as_no_demand() -> None:
    rows = np.ones((4, 17))  # 2024-01-01 is a Monday
    rows[:, 5] = np.nan  # the shop was closed
    rows[1, 7:13] = np.nan  # mostly unknown
    panel = panel_of(rows.tolist(), promotion=rows.tolist())
    in_stock = np.ones((4, 17), bool)
    in_stock[0, 8:10] = False  # sales there say little of demand
    weeks = coarser(panel.with_values(panel.values, in_stock.ravel()), Frequency.parse("W-SUN"))
    np.testing.assert_allclose(weeks.dense(), [[6, 7], [6, np.nan], [6, 7], [6, 7]])
    assert str(weeks.stamps[-1])[:10] == "2024-01-14"
    with pytest.raises(ConfigError, match="not longer"):
        coarser(panel_of(rows.tolist()), Frequency.parse("h"))


def test_periods_that_reach_beyond_the_steps_are_not_whole() -> None:
    day = Frequency.parse("D")
    start = int(day.ordinal(np.array(["2024-01-03"], "datetime64[us]"))[0])
    period = whole_periods(day, start, 14, Frequency.parse("W-SUN"))
    assert (period[:5] == -1).all()
    assert len(set(period[5:12])) == 1
    assert (period[12:] == -1).all()
