import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.decide.inventory import (
    eoq,
    eoq_all_units,
    eoq_backorders,
    eoq_cost,
    eoq_disruptions,
    eoq_disruptions_cost,
    eoq_incremental,
)
from skucast.errors import ConfigError

money = st.floats(0.5, 500)
rate = st.floats(0.05, 5)
units = st.floats(5, 5000)


@given(money, rate, units)
def test_no_neighbour_of_the_eoq_is_cheaper(fixed, holding, demand):
    best = eoq(fixed, holding, demand)
    assert best.cost == pytest.approx(eoq_cost(best.quantity, fixed, holding, demand))
    for factor in (0.5, 0.99, 1.01, 2):
        assert eoq_cost(best.quantity * factor, fixed, holding, demand) >= best.cost * (1 - 1e-12)


@given(money, rate, rate, units)
def test_letting_customers_wait_never_costs_more(fixed, holding, shortage, demand):
    waiting = eoq_backorders(fixed, holding, shortage, demand)
    assert waiting.cost <= eoq(fixed, holding, demand).cost * (1 + 1e-12)
    # the cost written out for the fraction x that waits
    q, x = waiting.quantity, waiting.backordered
    written = fixed * demand / q + holding * q * (1 - x) ** 2 / 2 + shortage * q * x**2 / 2
    assert written == pytest.approx(waiting.cost)


def _all_units(q, fixed, share, demand, breaks, costs):
    c = np.asarray(costs)[np.searchsorted(breaks, q, side="right") - 1]
    return c * demand + fixed * demand / q + share * c * q / 2


def _incremental(q, fixed, share, demand, breaks, costs):
    paid = np.zeros_like(q)
    for low, high, c in zip(breaks, [*breaks[1:], np.inf], costs, strict=True):
        paid += c * np.clip(q - low, 0, high - low)
    return paid * demand / q + fixed * demand / q + share * paid / 2


@settings(deadline=None)
@given(
    money, st.floats(0.05, 0.6), units, st.lists(st.floats(5, 4000), min_size=1, max_size=4, unique=True),
    st.lists(st.floats(0.5, 9), min_size=5, max_size=5),
)  # fmt: skip
def test_discounts_are_never_beaten_by_a_search_over_quantities(fixed, share, demand, breaks, costs):
    breaks = [0.0, *sorted(breaks)]
    costs = sorted(costs, reverse=True)[: len(breaks)]
    grid = np.concatenate([np.geomspace(1, 50_000, 20_000), breaks[1:]])
    for solve, cost in ((eoq_all_units, _all_units), (eoq_incremental, _incremental)):
        best = solve(fixed, share, demand, breaks, costs)
        searched = cost(grid, fixed, share, demand, breaks, costs).min()
        assert best.cost <= searched * (1 + 1e-9)
        assert cost(np.array([best.quantity]), fixed, share, demand, breaks, costs)[0] == pytest.approx(best.cost)


def test_one_price_is_no_discount():
    plain = eoq(8, 0.3 * 0.75, 1300)
    for solve in (eoq_all_units, eoq_incremental):
        got = solve(8, 0.3, 1300, [0], [0.75])
        assert got.quantity == pytest.approx(plain.quantity)
        assert got.cost == pytest.approx(plain.cost + 0.75 * 1300)


@settings(deadline=None, max_examples=30)
@given(money, rate, st.floats(5, 60), units, st.floats(0.1, 3), st.floats(3, 30))
def test_no_quantity_beats_the_one_for_a_failing_supplier(fixed, holding, shortage, demand, fails, mends):
    best = eoq_disruptions(fixed, holding, shortage, demand, fails, mends)
    grid = best.quantity * np.geomspace(0.1, 10, 999)
    assert best.cost <= eoq_disruptions_cost(grid, fixed, holding, shortage, demand, fails, mends).min() * (1 + 1e-9)
    near = eoq_disruptions(fixed, holding, shortage, demand, fails, mends, approximate=True)
    grid = near.quantity * np.geomspace(0.1, 10, 999)
    trial = eoq_disruptions_cost(grid, fixed, holding, shortage, demand, fails, mends, approximate=True)
    assert near.cost <= trial.min() * (1 + 1e-9)


def test_a_supplier_who_hardly_fails_asks_for_the_plain_quantity():
    assert eoq_disruptions(8, 0.225, 5, 1300, 1e-9, 14).quantity == pytest.approx(
        eoq(8, 0.225, 1300).quantity, rel=1e-5
    )


def test_items_are_worked_on_together():
    fixed, demand = np.array([8.0, 20.0, 0.0]), np.array([1300.0, 40.0, 7.0])
    many = eoq(fixed, 0.225, demand)
    np.testing.assert_allclose(many.quantity, [eoq(k, 0.225, d).quantity for k, d in zip(fixed, demand, strict=True)])
    several = eoq_disruptions([8, 20], 0.2, 5, [1300, 300], 1.5, 14)
    np.testing.assert_allclose(several.quantity[1], eoq_disruptions(20, 0.2, 5, 300, 1.5, 14).quantity, rtol=1e-9)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: eoq(8, 0, 10), "Holding must be a number above zero, not 0"),
        (lambda: eoq(-1, 1, 10), "Fixed must be a number of at least zero, not -1"),
        (lambda: eoq(1, 1, [3, np.nan]), "Demand must be a number of at least zero, not nan"),
        (lambda: eoq_all_units(8, 0.3, 10, [10, 20], [2, 1]), "rise from 0"),
        (lambda: eoq_all_units(8, 0.3, 10, [0, 20], [1, 2]), "must not rise"),
        (lambda: eoq_incremental(8, 0.3, 10, [0, 20], [1]), "one unit cost each"),
    ],
)
def test_impossible_terms_are_said(call, says):
    with pytest.raises(ConfigError, match=says):
        call()
