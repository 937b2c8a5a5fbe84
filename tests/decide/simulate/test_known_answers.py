"""Long simulations against published costs."""

import numpy as np
import pytest

from skucast.decide.simulate.costs import Costs
from skucast.decide.simulate.policies import Constant, MinMax, OrderUpTo, ReorderPoint
from skucast.decide.simulate.setting import Opening, Setting
from skucast.decide.simulate.simulator import simulate
from skucast.decide.simulate.supply import Supply


def poisson(mean, items, paths, periods, seed=1):
    """The same demand for every item: each item is one candidate policy."""
    drawn = np.random.default_rng(seed).poisson(mean, (1, paths, periods)).astype(np.float32)
    return np.broadcast_to(drawn, (items, paths, periods))


# Zipkin (2008), Old and New Methods for Lost-Sales Inventory Systems, Operations Research 56(5), table 3:
# Poisson demand of 5, h = 1; the cost of the best base-stock policy for lead times 1, 2, 3, 4
ZIPKIN_BASE_STOCK = {
    4: [4.16, 4.64, 4.98, 5.20], 9: [5.55, 6.32, 6.86, 7.27], 19: [6.73, 7.84, 8.60, 9.23], 39: [7.86, 9.19, 10.22, 11.06],
}  # fmt: skip


@pytest.mark.parametrize("lead", [1, 2, 3, 4])
def test_best_base_stock_for_lost_sales_costs_what_zipkin_says(lead):
    levels = np.arange(5 * (lead + 1) - 4, 5 * (lead + 1) + 12)
    setting = Setting(Supply(lead_time=lead), opening=Opening(on_hand=levels), warm_up=100)
    out = simulate(poisson(5, len(levels), 128, 3100), OrderUpTo(levels), setting)
    held, lost = out.units["stock"], out.units["short"] / out.periods
    for penalty, costs in ZIPKIN_BASE_STOCK.items():
        assert (held + penalty * lost).min() == pytest.approx(costs[lead - 1], rel=0.006)


def test_the_constant_order_for_lost_sales_costs_what_zipkin_says():
    setting = Setting(Supply(lead_time=3), Costs(holding=1, shortage=4), Opening(on_hand=10), warm_up=200)
    out = simulate(poisson(5, 1, 256, 4200), Constant(4), setting)
    assert out.cost.mean() / out.periods == pytest.approx(5.27, rel=0.006)


def test_the_optimal_s_S_costs_what_zheng_and_federgruen_say():
    """Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., example 4.7."""
    costs = Costs(holding=1, waiting=4, per_line=5)
    setting = Setting(Supply(lead_time=0), costs, Opening(on_hand=10), backorders=True, warm_up=20)
    out = simulate(poisson(6, 1, 400, 1020), MinMax(4, 10), setting)
    assert out.cost.mean() / out.periods == pytest.approx(8.034111561471642, rel=0.004)


def test_lead_time_demand_of_a_reorder_point_is_that_of_the_lead_time():
    """(s, Q) with unit demands: the position is uniform on s + 1 ... s + Q (Zipkin 2000, Foundations, section 6.2)."""
    s, q, lead, mean = 4, 3, 2, 0.9
    drawn = (np.random.default_rng(3).random((1, 500, 2100)) < mean).astype(float)
    setting = Setting(Supply(lead_time=lead), opening=Opening(on_hand=s + q), backorders=True, warm_up=100)
    out = simulate(drawn, ReorderPoint(s, q), setting, keep="periods")
    # decided at the beginning of t, seen after the demand of t + lead: lead + 1 demands later
    net = (out.trace["closing"] - out.trace["backorders"])[..., 100:]
    assert net.mean() == pytest.approx(s + (q + 1) / 2 - (lead + 1) * mean, abs=0.02)


# De Moor, Gijsbrechts & Boute (2022), Reward shaping to improve the performance of deep reinforcement learning in
# perishable inventory management, EJOR 301(2); with the returns of Farrington et al. (2025), Annals of Operations
# Research, table 3: shelf life 2, lead time 1, gamma demand with mean 4 and coefficient of variation 0.5 rounded to whole
# units, orders of at most 10, holding 1, shortage 5, waste 7, purchase 3; discounted by 0.99 over 365 days after 100
@pytest.mark.parametrize(("newest", "level", "published"), [(1.0, 5, -1565.27), (0.0, 7, -1474.55)])
def test_perishables_under_base_stock_return_what_de_moor_says(newest, level, published):
    drawn = np.rint(np.random.default_rng(5).gamma(4.0, 1.0, (1, 3000, 465)))
    setting = Setting(Supply(lead_time=1, max_order=10), shelf_life=2, newest=newest)
    trace = simulate(drawn, OrderUpTo(level), setting, keep=("ordered", "closing", "short", "wasted")).trace
    paid = 3 * trace["ordered"] + trace["closing"] + 5 * trace["short"] + 7 * trace["wasted"]
    returns = -(paid[0, :, 100:] * 0.99 ** np.arange(365)).sum(axis=1)
    assert returns.mean() == pytest.approx(published, abs=4 * returns.std() / np.sqrt(3000) + 1)
