import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skucast.decide.health import abc_classes, expected_error, nine_cells, xyz_classes


def test_the_item_that_crosses_the_border_still_belongs_to_the_better_class():
    # shares 60, 15, 10, 10, 5 %; cumulated before each 0, 60, 75, 85, 95 %
    letters, share = abc_classes([10, 60, 15, 5, 10])
    assert letters == ["A", "A", "A", "C", "A"]  # both 10s begin at 75 %: a tie shares a class
    assert share == pytest.approx([0.1, 0.6, 0.15, 0.05, 0.1])
    assert abc_classes([60, 15, 11, 9, 5])[0] == ["A", "A", "A", "B", "C"]


def test_a_border_that_is_met_exactly_ends_the_class():
    # 4 x 20 % are 80 %, but equal margins stand together; unequal ones that add up to 80 % end A
    assert abc_classes([20] * 5)[0] == ["A"] * 5
    assert abc_classes([50, 30, 15, 5])[0] == ["A", "A", "B", "C"]
    assert abc_classes([50, 30, 15, 5], (0.5, 0.8))[0] == ["A", "B", "C", "C"]


def test_losses_are_c_and_do_not_lessen_the_total():
    letters, share = abc_classes([90, -1000, 10, 0, math.nan])
    assert letters == ["A", "C", "B", "C", None]
    assert share[:4].tolist() == [0.9, 0.0, 0.1, 0.0]
    assert np.isnan(share[4])


def test_where_nobody_earns_anything_all_are_c():
    assert abc_classes([0, -1])[0] == ["C", "C"]
    assert abc_classes([])[0] == []


@given(st.lists(st.one_of(st.just(float("nan")), st.integers(-50, 1000).map(float)), max_size=30), st.randoms())
def test_classes_fall_with_margin_ties_agree_and_order_does_not_matter(margin, random):
    letters, share = abc_classes(margin)
    known = [(m, c) for m, c in zip(margin, letters, strict=True) if not math.isnan(m)]
    for m, c in known:
        assert all(d >= c for n, d in known if n < m)
        assert all(d == c for n, d in known if n == m)
    assert np.nansum(share) == pytest.approx(1.0 if any(m > 0 for m, _ in known) else 0.0)
    order = list(range(len(margin)))
    random.shuffle(order)
    assert abc_classes([margin[k] for k in order])[0] == [letters[k] for k in order]


def test_xyz_follows_the_error_and_what_does_not_sell_is_z():
    assert xyz_classes([0.0, 0.5, 0.51, 1.0, 1.01, math.nan]) == ["X", "X", "Y", "Y", "Z", "Z"]
    assert xyz_classes([0.2, 0.4], (0.1, 0.3)) == ["Y", "Z"]


def test_expected_error_is_distance_from_the_medians_per_unit_of_demand():
    # step 1: 2, 4, 6 (median 4: 2 + 0 + 2); step 2: always 4; mean demand 4 + 4
    paths = np.array([[[2, 4], [4, 4], [6, 4]], [[0, 0]] * 3], dtype=np.float32)
    found = expected_error(paths)
    assert found[0] == pytest.approx((4 / 3) / 8)
    assert np.isnan(found[1])


def test_a_season_that_is_foreseen_is_no_error():
    season = np.tile(np.array([0, 100, 0, 100], dtype=np.float32), (1, 5, 1))  # varies wildly, known for sure
    assert xyz_classes(expected_error(season)) == ["X"]


def test_the_nine_cells_hold_all_items_and_all_money():
    money = {
        name: [1.0, 2.0, None, 4.0] for name in ("margin", "stock_value", "lost_margin", "excess_value", "dead_value")
    }
    cells = nine_cells(pl.DataFrame({"abc": ["A", "A", "C", None], "xyz": ["X", "X", "Z", "Y"], **money}))
    assert cells.height == 10
    assert cells["abc"].to_list()[:9] == list("AAABBBCCC")
    assert cells["items"].sum() == 4
    assert cells["margin"].to_list() == [3.0, 0, 0, 0, 0, 0, 0, 0, 0, 4.0]
    assert cells.row(9, named=True)["abc"] is None
