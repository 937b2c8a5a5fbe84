"""Problems of textbooks and papers, with the answers printed there. FoSCT is Snyder & Shen (2019), Fundamentals of
Supply Chain Theory, 2nd edition; stockpyl is its companion package. Each test copies inputs, answer, tolerance, source.
"""

import numpy as np
import pytest

from skucast.decide.inventory import (
    Distribution,
    Gamma,
    Lognormal,
    LostSales,
    Normal,
    Perishable,
    best_base_stock,
    best_constant_order,
    constant_order_cost,
    eoq,
    eoq_all_units,
    eoq_backorders,
    eoq_disruptions,
    fund,
    lead_time_demand,
    lead_time_demand_moments,
    min_max_cost,
    min_max_exact,
    min_max_power,
    myopic_lost_sales,
    newsvendor,
    newsvendor_profit,
    normal_loss,
    optimal_lost_sales,
    reorder_point_for_cycle_service,
    reorder_point_for_fill_rate,
    rq_cost,
    rq_exact,
    rq_normal,
    wagner_whitin,
)


def near(value, tolerance):
    return pytest.approx(value, rel=0, abs=tolerance)


def test_eoq_basic():
    """FoSCT example 3.1."""
    got = eoq(fixed=8, holding=0.225, demand=1300)
    assert got.quantity == near(304.0467800264368, 1e-6)
    assert got.cost == near(68.41052550594829, 1e-6)


def test_eoq_all_units_discount():
    """FoSCT example 3.6."""
    got = eoq_all_units(8, 0.3, 1300, [0, 400, 800], [0.75, 0.72, 0.68])
    assert (got.quantity, got.tier) == (800, 2)
    assert got.cost == near(978.6, 0.01)


def test_eoq_backorders():
    """FoSCT example 3.8."""
    got = eoq_backorders(fixed=8, holding=0.225, shortage=5, demand=1300)
    assert got.quantity == near(310.8125551589646, 1e-6)
    assert got.backordered == near(0.043062200956938, 1e-6)
    assert got.cost == near(66.92136355097325, 1e-6)


def test_eoq_disruptions():
    """FoSCT example 9.1."""
    got = eoq_disruptions(8, 0.225, 5, 1300, disruption_rate=1.5, recovery_rate=14)
    assert got.quantity == near(772.8110631910017, 0.001)
    assert got.cost == near(173.9500025731971, 0.001)


def test_wagner_whitin_four_periods():
    """FoSCT example 3.9."""
    got = wagner_whitin([90, 120, 80, 70], fixed=500, holding=2)
    assert got.orders.tolist() == [210, 0, 150, 0]
    assert got.cost == near(1380, 1e-9)


def test_newsvendor_normal():
    """FoSCT example 4.3."""
    got = newsvendor(Normal(50, 8), holding=0.18, shortage=0.7)
    assert got.quantity == near(56.60395592743389, 1e-6)
    assert got.cost == near(1.9976051931766445, 1e-6)


def test_newsvendor_profit():
    """stockpyl documentation, tutorial."""
    got = newsvendor_profit(Normal(50, 8), price=1.0, unit_cost=0.3, salvage=0.12)
    assert got.quantity == near(56.60395592743389, 1e-6)
    assert got.profit == near(33.002394806823354, 1e-6)


def test_newsvendor_poisson():
    """stockpyl documentation."""
    got = newsvendor(Distribution.poisson(50), holding=0.18, shortage=0.7)
    assert got.quantity == 56
    assert got.cost == near(1.797235211809178, 1e-6)


def test_newsvendor_lognormal():
    """stockpyl documentation; 1e-4 in closed form."""
    got = newsvendor(Lognormal(mu=6, sigma=0.3), holding=1, shortage=4)
    assert got.quantity == near(519.3023987673176, 1e-4)
    assert got.cost == near(198.42277610622506, 1e-4)


def test_newsvendor_lognormal_from_samples():
    """The same problem from 400,000 draws, within 0.5 %."""
    got = newsvendor(np.random.default_rng(0).lognormal(6, 0.3, 400_000), holding=1, shortage=4)
    assert got.quantity == pytest.approx(519.3023987673176, rel=0.005)
    assert got.cost == pytest.approx(198.42277610622506, rel=0.005)


def test_newsvendor_macs_newsstand():
    """Nahmias, Production and Operations Analysis, examples 5.1 to 5.3 (the book rounds z to 0.74)."""
    got = newsvendor_profit(Normal(11.73, 4.74), price=0.75, unit_cost=0.25, salvage=0.10)
    assert got.ratio == near(0.77, 0.05)
    assert got.quantity == near(15.24, 0.05)


def test_rq_poisson_exact():
    """stockpyl documentation; algorithm of Federgruen & Zheng (1992)."""
    got = rq_exact(Distribution.poisson(1.5 * 2), rate=1.5, holding=20, shortage=150, fixed=100)
    assert (got.r, got.Q) == (3, 5)
    assert got.cost == near(107.92358063314975, 1e-6)


def test_rq_normal():
    """FoSCT example 5.1 and following: cost of a policy, and two approximations."""
    lead = 1 / 12
    demand = Normal(1300 * lead, 150 * np.sqrt(lead))
    assert rq_cost(126.8, 328.5, demand, 1300, 0.225, 7.5, 8) == near(78.07116250928294, 1e-4)
    got = rq_normal(1300, 150, lead, 0.225, 7.5, 8, "loss-function")
    assert (got.r, got.Q) == (near(126.8670634479628, 1e-4), near(328.4491421980451, 1e-4))
    got = rq_normal(1300, 150, lead, 0.225, 7.5, 8, "eoqb")
    assert (got.r, got.Q) == (near(128.63781442427097, 1e-4), near(308.5737801203754, 1e-4))


def test_rq_normal_by_the_other_approximations():
    """stockpyl documentation, FoSCT examples 5.2 and 5.5."""
    got = rq_normal(1300, 150, 1 / 12, 0.225, 7.5, 8, "expected-level")
    assert tuple(got) == (near(213.97044213580244, 1e-4), near(318.5901810768729, 1e-4), near(95.45114022285196, 1e-4))
    got = rq_normal(1300, 150, 1 / 12, 0.225, 7.5, 8, "eoq+ss")
    assert (got.r, got.Q) == (near(190.3369965715624, 1e-6), near(304.0467800264368, 1e-6))


def test_min_max_poisson_exact():
    """FoSCT example 4.7; algorithm of Zheng & Federgruen (1991)."""
    got = min_max_exact(Distribution.poisson(6), holding=1, shortage=4, fixed=5)
    assert (got.s, got.S) == (4, 10)
    assert got.cost == near(8.034111561471642, 1e-6)
    assert min_max_cost(4, 10, Distribution.poisson(6), 1, 4, 5) == near(8.034111561471642, 1e-6)


def test_min_max_power_approximation():
    """FoSCT example 4.8; Ehrhardt & Mosier (1984)."""
    got = min_max_power(50, 8, holding=0.18, shortage=0.7, fixed=2.5)
    assert (got.s, got.S) == (near(40.19461695647407, 1e-6), near(74.29017010980579, 1e-6))


def test_mustard_jars_type_1_and_type_2():
    """Nahmias, service levels in (Q,R) systems: N(100, 25) over the lead time, Q = 100, 98 %."""
    demand = Normal(100, 25)
    first = reorder_point_for_cycle_service(demand, 0.98)
    assert first == near(151, 0.6)
    assert (first - 100) / 25 == near(2.05, 0.01)
    for whole_cycle in (True, False):
        second = reorder_point_for_fill_rate(demand, 100, 0.98, whole_cycle)
        assert second == near(126, 0.6)
        assert (second - 100) / 25 == near(1.02, 0.01)


def test_normal_loss_table():
    """Silver, Pyke & Thomas (2017), appendix II."""
    got = normal_loss([0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0])
    np.testing.assert_allclose(got, [0.3989, 0.1978, 0.0833, 0.0293, 0.0085, 0.002, 0.0004], rtol=0, atol=1e-4)


def test_lead_time_demand_variance():
    """Law of total variance; Silver, Pyke & Thomas (2017); FoSCT 4.3.2.4: 43.0116, 0.5 % from paths."""
    law = lead_time_demand_moments(20, 5, 10, 2)
    assert law.mean == 200
    assert law.sd == near(43.01162633521314, 1e-9)
    # whole lead times with mean 10 and variance 4
    lead = Distribution.of_pairs({8: 0.5, 12: 0.5})
    paths = np.random.default_rng(1).normal(20, 5, (1, 100_000, 12))
    drawn = lead_time_demand(paths, lead).before
    assert drawn.mean() == pytest.approx(200, rel=0.005)
    assert drawn.std() == pytest.approx(43.01162633521314, rel=0.005)


ZIPKIN = "Zipkin (2008), Operations Research 56(5), 1256-1263, table 3: Poisson(5), h = 1, lead times 1 to 4"
PENALTY = (4, 9, 19, 39)


def system(penalty, lead_time):
    return LostSales(Distribution.poisson(5), holding=1, shortage=penalty, lead_time=lead_time)


@pytest.mark.parametrize(
    ("penalty", "costs"),
    [(4, [4.04, 4.4, 4.6, 4.73]), (9, [5.44, 6.09, 6.53, 6.84]), (19, [6.68, 7.66, 8.36, 8.89]), (39, [7.84, 9.11, 10.04, 10.79])],
)  # fmt: skip
def test_lost_sales_optimum(penalty, costs):
    assert [optimal_lost_sales(system(penalty, n)).cost for n in (1, 2, 3, 4)] == near(costs, 0.01), ZIPKIN


@pytest.mark.parametrize(
    ("penalty", "costs"),
    [(4, [4.16, 4.64, 4.98, 5.2]), (9, [5.55, 6.32, 6.86, 7.27]), (19, [6.73, 7.84, 8.6, 9.23]), (39, [7.86, 9.19, 10.22, 11.06])],
)  # fmt: skip
def test_lost_sales_best_base_stock(penalty, costs):
    assert [best_base_stock(system(penalty, n)).cost for n in (1, 2, 3, 4)] == near(costs, 0.02), ZIPKIN


@pytest.mark.parametrize(
    ("penalty", "costs"),
    [(4, [4.04, 4.41, 4.64, 4.82]), (9, [5.44, 6.1, 6.57, 6.92]), (19, [6.68, 7.67, 8.4, 8.96]), (39, [7.84, 9.12, 10.07, 10.84])],
)  # fmt: skip
def test_lost_sales_myopic_2(penalty, costs):
    assert [myopic_lost_sales(system(penalty, n)).cost for n in (1, 2, 3, 4)] == near(costs, 0.02), ZIPKIN


@pytest.mark.parametrize(("penalty", "quantity", "cost"), [(4, 4, 5.27), (9, 4, 10.27), (19, 5, 15.78), (39, 5, 18.21)])
def test_lost_sales_constant_order(penalty, quantity, cost):
    """Zipkin's table 3. At penalties 19 and 39 his figures are those of ordering 5, the mean itself, within his finite
    set of states: a shelf of the newsvendor level for five periods (33 and 35 units). Without its end stock would
    grow for ever, and 4 is the best order at all four penalties."""
    shelf = int(Distribution.poisson(25).quantile(penalty / (penalty + 1)))
    got = best_constant_order(system(penalty, 4), most=shelf)
    assert got.quantity == quantity
    assert got.cost == near(cost, 0.03)
    endless = best_constant_order(system(penalty, 4))
    assert endless.quantity == 4
    assert endless.cost == near(1.2748 + penalty, 0.001)
    assert constant_order_cost(system(penalty, 1), 4) == near(endless.cost, 1e-9)  # whatever the lead time


@pytest.mark.parametrize(("issue", "total", "level", "of_level"), [("lifo", 1553, 5, 1565.27), ("fifo", 1457, 7, 1474)])
def test_perishable_with_two_periods_of_shelf_life(issue, total, level, of_level):
    """De Moor, Gijsbrechts & Boute (2022), EJOR 301, 535; Farrington et al. (2025), Annals of OR, table 3.

    Gamma demand of mean 4 and coefficient of variation 0.5, rounded; costs of 365 days after 100 from empty,
    discounted by 0.99 a day. The cost of the LIFO base stock is a value iteration of our own, not printed there.
    """
    item = Perishable(
        Distribution.rounded(Gamma(4, 2)), shelf_life=2, lead_time=1, holding=1, shortage=5, waste=7, purchase=3,
        issue=issue, most_order=10, discount=0.99,
    )  # fmt: skip
    assert item.cost_of(item.optimal().orders, periods=365, warm_up=100) == near(total, 1.0)
    best = item.best_base_stock(periods=365, warm_up=100)
    assert best.level == level
    assert best.cost == near(of_level, 1.0)


def test_orders_to_fund_from_a_budget():
    """Google OR-Tools documentation, knapsack example: optimum 7534."""
    values = [360, 83, 59, 130, 431, 67, 230, 52, 93, 125, 670, 892, 600, 38, 48, 147, 78, 256, 63, 17, 120, 164, 432,
              35, 92, 110, 22, 42, 50, 323, 514, 28, 87, 73, 78, 15, 26, 78, 210, 36, 85, 189, 274, 43, 33, 10, 19,
              389, 276, 312]  # fmt: skip
    weights = [7, 0, 30, 22, 80, 94, 11, 81, 70, 64, 59, 18, 0, 36, 3, 8, 15, 42, 9, 0, 42, 47, 52, 32, 26, 48, 55, 6,
               29, 84, 2, 4, 18, 56, 7, 29, 93, 44, 71, 3, 86, 66, 31, 65, 0, 79, 20, 65, 52, 13]  # fmt: skip
    got = fund(values, weights, 850)
    assert got.value == 7534
    assert np.dot(weights, got.chosen) <= 850
    assert got.bound == near(7534, 1e-6)
