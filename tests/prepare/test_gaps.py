from __future__ import annotations

import numpy as np
import pytest

from skucast.prepare.gaps import KINDS, StockOuts, cell_kinds, closed_steps, gap_summary, suspicious_zeros

from .panels import daily, degenerate, sparse, weekly_shape

NAN = float("nan")


def test_closed_missing_zero_and_out_of_stock_are_told_apart() -> None:
    values = [weekly_shape(84, seed) + 1 for seed in range(6)]
    for series in values:
        series[6::7] = NAN
    values[0][10], values[0][11], values[0][12] = 0.0, NAN, 5.0
    in_stock = np.ones((6, 84), dtype=bool)
    in_stock[0, 12] = False
    kinds = cell_kinds(daily(*values, available=in_stock.tolist()))
    named = [KINDS[k] for k in kinds[[10, 11, 12, 13, 14]]]
    assert named == ["zero", "missing", "out_of_stock", "closed", "sold"]


def test_a_weekday_without_trade_is_closed_even_in_one_series() -> None:
    values = weekly_shape(84, 0)
    values[6::7] = NAN
    assert np.flatnonzero(closed_steps(daily(values))).tolist() == list(range(6, 84, 7))
    values[40] = NAN  # may be a gap: one series does not tell
    assert not closed_steps(daily(values))[40]


def test_the_summary_counts_every_cell_once_and_finds_the_longest_gap() -> None:
    panel = daily([NAN, 1.0, NAN, NAN, 0.0, 2.0, NAN, 3.0, NAN], [1.0, 2.0])
    table = gap_summary(panel)
    row = table.row(0, named=True)
    assert [row[k] for k in ("steps", "sold", "zero", "missing", "leading", "trailing", "longest_gap")] == [
        9, 3, 1, 5, 1, 1, 2,
    ]  # fmt: skip
    assert table.select(KINDS).sum_horizontal().to_list() == panel.lengths.tolist()


def test_a_run_of_zeros_too_long_for_chance_is_found() -> None:
    rng = np.random.default_rng(0)
    busy = np.maximum(rng.poisson(3, 200), 1).astype(float)
    busy[100:115] = 0
    runs = suspicious_zeros(daily(busy, sparse(200, 1)))
    assert runs.height == 1
    row = runs.row(0, named=True)
    assert (row["unique_id"], row["first_cell"], row["last_cell"], row["trailing"]) == ("s0", 100, 114, False)
    assert row["usual"] == pytest.approx(3, rel=0.3)
    assert row["lost"] == pytest.approx(15 * row["usual"])


def test_noting_changes_nothing_and_censoring_hides_the_cells() -> None:
    busy = np.maximum(np.random.default_rng(0).poisson(3, 200), 1).astype(float)
    busy[100:115] = 0
    panel = daily(busy)
    noted = StockOuts().fit_apply(panel)
    assert noted.panel is panel
    assert len(noted.changes) == 15
    hidden = StockOuts("censor").fit_apply(panel)
    assert np.flatnonzero(np.isnan(hidden.panel.observed)).tolist() == list(range(100, 115))
    np.testing.assert_array_equal(hidden.panel.values, panel.values)


def test_a_discontinued_item_is_censored_only_if_asked() -> None:
    busy = np.maximum(np.random.default_rng(0).poisson(3, 200), 1).astype(float)
    busy[180:] = 0
    panel = daily(busy)
    assert StockOuts("censor").fit_apply(panel).panel.available.all()
    assert (~StockOuts("censor", trailing=True).fit_apply(panel).panel.available).sum() == 20


def test_degenerate_series_have_no_suspicious_zeros() -> None:
    assert suspicious_zeros(degenerate()).height == 0
    assert gap_summary(degenerate())["steps"].to_list() == degenerate().lengths.tolist()
