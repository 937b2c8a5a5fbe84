import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.decide.inventory import Distribution, Perishable, newsvendor
from skucast.errors import ConfigError

DEMAND = Distribution.of_pairs({0: 0.2, 1: 0.3, 2: 0.3, 4: 0.2})


def item(**terms):
    return Perishable(DEMAND, **{"shelf_life": 2, "holding": 1, "shortage": 5, "waste": 7, "most_order": 5, **terms})


def simulated(it, orders, periods=30_000):
    g = np.random.default_rng(3)
    demand = g.choice(DEMAND.pmf.size, periods, p=DEMAND.pmf)
    ages, pipeline, cost = [0] * it.shelf_life, [0] * (it.lead_time - 1), 0.0
    for d in demand:
        order = int(orders[(*ages, *pipeline)])
        cost += it.purchase * order
        for age in range(it.shelf_life) if it.issue == "fifo" else reversed(range(it.shelf_life)):
            sold = min(ages[age], d)
            ages[age] -= sold
            d -= sold  # noqa: PLW2901
        cost += it.shortage * d + it.waste * ages[0] + it.holding * sum(ages[1:])
        pipeline.append(order)
        ages = [*ages[1:], pipeline.pop(0)]
    return cost / periods


@pytest.mark.parametrize("issue", ["fifo", "lifo"])
@pytest.mark.parametrize(("shelf_life", "lead_time"), [(2, 1), (3, 2), (1, 2)])
def test_cost_is_what_a_simulation_shows(issue, shelf_life, lead_time):
    it = item(shelf_life=shelf_life, lead_time=lead_time, issue=issue, purchase=2)
    best = it.optimal()
    assert simulated(it, best.orders) == pytest.approx(best.cost, rel=0.03)
    assert it.cost_of(best.orders, 400, warm_up=50) / 400 == pytest.approx(best.cost, rel=1e-3)


@settings(deadline=None, max_examples=10)
@given(st.floats(0.5, 20), st.floats(0, 10), st.sampled_from(["fifo", "lifo"]))
def test_no_base_stock_beats_the_optimum_and_dearer_waste_never_costs_less(shortage, waste, issue):
    it = item(shortage=shortage, waste=waste, issue=issue)
    best, base = it.optimal(), it.best_base_stock(200, 100)
    assert (best.orders >= 0).all()
    assert best.cost <= base.cost / 200 + 1e-3
    assert item(shortage=shortage, waste=waste + 1, issue=issue).optimal().cost >= best.cost - 1e-4


def test_selling_the_oldest_first_costs_no_more():
    assert item(issue="fifo").optimal().cost < item(issue="lifo").optimal().cost


def test_keeping_longer_costs_no_more():
    costs = [item(shelf_life=m, holding=0).optimal().cost for m in (1, 2, 3)]
    assert costs == sorted(costs, reverse=True)


@pytest.mark.parametrize("lead_time", [1, 2, 3])
def test_one_period_of_shelf_life_is_a_newsvendor_every_period(lead_time):
    got = item(shelf_life=1, lead_time=lead_time, holding=0).optimal()
    best = newsvendor(DEMAND, 7, 5)
    assert (got.orders == best.quantity).all()
    assert got.cost == pytest.approx(best.cost, abs=1e-5)


def test_discounted_cost_is_the_share_of_its_total():
    it = item(discount=0.9, purchase=1)
    best = it.optimal()
    assert it.cost_of(best.orders, 300) * 0.1 == pytest.approx(best.cost, abs=1e-5)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: item(shelf_life=0), "Shelf life must be a whole number of at least 1"),
        (lambda: item(discount=1.5), "at most 1"),
        (lambda: item(issue="random"), "fifo or lifo, not 'random'"),
        (lambda: item(shelf_life=9), "Too many ages"),
        (lambda: item().cost_of(np.zeros((2, 2), dtype=int), 10), "shape \\(6, 6\\)"),
    ],
)
def test_impossible_items_are_said(call, says):
    with pytest.raises(ConfigError, match=says):
        call()
