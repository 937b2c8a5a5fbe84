"""What an order sells: stock played through the lead time, what is on its way received, lost sales or waiting customers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skucast.decide.inventory import order_through_lead_time
from skucast.decide.purchase_list import Lines, gain_curves, order_sales
from skucast.errors import ConfigError


def one(**columns):
    return Lines(["a"], 9.0, 4.0, **columns)


def look(demand, arrival=2, until=4, on_hand=0.0, arrivals=None, lost=True, moments=1, **more):
    """One item, one path."""
    paths = np.array(demand, dtype=float)[None, None]
    return order_sales(
        one(position=on_hand, lost=lost), paths, arrival, until, moments=moments, arrivals=arrivals, **more
    )


def test_what_is_lost_before_the_arrival_is_not_asked_of_the_order_but_what_waits_is():
    demand = [5, 5, 3, 4]
    lost, waits = (look(demand, on_hand=6.0, lost=x) for x in (True, False))
    assert (lost.asked.item(), waits.asked.item()) == (7, 4 + 7)
    assert (lost.early.item(), waits.early.item()) == (4, 4)
    assert (lost.unmet.item(), waits.unmet.item()) == (4 + 7, 4 + 7)
    assert lost.p_early.item() == lost.p_out.item() == 1.0


def test_open_orders_come_when_they_are_due():
    demand = [5, 5, 3, 4]
    soon = look(demand, arrivals=[[0, 6]])  # 5 lost, 5 of 6 sold, 1 left
    assert (soon.early.item(), soon.asked.item(), soon.left.item()) == (5, 6, 0)
    late = look(demand, arrivals=[[0, 0, 0, 2]])  # in the second week after the order's arrival
    assert (late.early.item(), late.asked.item()) == (10, 5)
    after = look(demand, arrivals=[[0, 0, 0, 0, 9]], until=3)
    assert after.asked.item() == 3


def test_a_unit_that_arrives_too_late_saves_no_sale_that_was_lost_before():
    found = look([0, 0, 5, 0], arrivals=[[0, 0, 0, 4]], moments=2)
    assert found.asked[0, 0].tolist() == [5, 5]
    assert found.left.item() == 4


def test_units_on_the_shelf_are_added_up_over_time():
    found = look([0, 0, 1, 1], on_hand=10.0, moments=2)
    assert found.kept.item() == 9 + 8
    assert found.sold(np.array([3.0])).item() == 0
    assert found.carried(np.array([3.0])).item() == 6


def test_customers_who_are_owed_are_served_first_even_where_other_sales_are_lost():
    found = look([2, 2, 2, 2], on_hand=-3.0, arrivals=[[5]])
    assert (found.early.item(), found.asked.item()) == (2, 4)  # 5 come, 3 are owed, 2 sold, 2 lost


def test_arrivals_must_be_units_per_item():
    with pytest.raises(ConfigError, match="Arrivals must be units per item"):
        look([1, 1, 1, 1], arrivals=[[-1.0]])
    with pytest.raises(ConfigError, match="Arrivals"):
        look([1, 1, 1, 1], arrivals=[1.0])


@given(st.integers(0, 10_000), st.integers(0, 3), st.integers(1, 3), st.booleans(), st.sampled_from([1.0, 4.0]))
def test_the_best_order_is_that_of_the_whole_game_played_step_by_step(seed, lead, review, waits, pack):
    rng = np.random.default_rng(seed)
    items, paths, steps = 3, 40, lead + review
    demand = rng.poisson(rng.gamma(1, 4, (items, 1, 1)), (items, paths, steps)).astype(float)
    on_hand, coming = rng.integers(0, 9, items).astype(float), rng.integers(0, 5, (items, lead)).astype(float)
    holding, shortage, cost = rng.uniform(0.05, 0.5, items), rng.uniform(0.5, 4, items), np.full(items, 3.0)
    # the step by step game charges a unit short once and what is left at the end of each step
    lines = Lines(
        ["a", "b", "c"], cost + shortage, cost, position=on_hand, carrying=holding, lost=not waits, pack=pack
    )  # fmt: skip
    sales = order_sales(lines, demand, lead, lead + review, moments=review, arrivals=coming)
    expected = order_through_lead_time(
        demand, on_hand, coming, holding, shortage, lead_time=lead, review=review, backorders=waits, pack=pack
    )  # fmt: skip
    got = gain_curves(lines, sales, 0.0).best() * pack
    np.testing.assert_array_equal(got, expected)


@given(st.integers(0, 10_000))
def test_what_an_order_sells_never_exceeds_it_nor_what_was_unmet(seed):
    rng = np.random.default_rng(seed)
    demand = rng.poisson(2.0, (2, 30, 8)).astype(float)
    lines = Lines(["a", "b"], 9.0, 4.0, position=rng.integers(-3, 9, 2), lost=[True, False])
    begin = rng.uniform(0, 4, (2, 30))
    sales = order_sales(lines, demand, begin, begin + 2.5, arrivals=rng.integers(0, 4, (2, 8)))
    q = rng.uniform(0, 30, 2)
    assert (sales.sold(q) <= np.minimum(q, sales.unmet + 1e-5) + 1e-5).all()
    assert (np.diff(sales.asked, axis=2) >= 0).all()
    assert (sales.p_early <= sales.p_out).all()


def test_what_a_later_order_has_no_use_for_goes_on_to_cost():
    # four are asked for in each of two weeks, then one: of seven units, one is too much for the second week
    lines = one(carrying=0.5, lost=True)
    paths = np.array([[[4.0, 4.0, 1.0]]])
    now = order_sales(lines, paths, 0, 1, moments=1)
    ahead = order_sales(lines, paths, 0, 1, moments=1, later=2, target=0.5)
    assert now.asked[0, 0].tolist() == [4]
    assert ahead.asked[0, 0].tolist() == [4, 8, 9]
    q = np.array([10.0])
    assert now.carried(q).item() == 6
    assert ahead.carried(q).item() == 6 + 2 + 1
    assert now.sold(q).item() == ahead.sold(q).item() == 4
    assert (ahead.kept.item(), ahead.left.item()) == (now.kept.item(), now.left.item())


def test_a_later_order_would_bring_its_whole_lot_as_well():
    paths = np.array([[[4.0, 4.0, 1.0]]])
    found = order_sales(one(min_order=20.0), paths, 0, 1, moments=1, later=1)
    assert found.asked[0, 0].tolist() == [4, 24]
