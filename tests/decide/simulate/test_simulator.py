import numpy as np
import pytest

from skucast.decide.simulate import simulator
from skucast.decide.simulate.costs import Costs
from skucast.decide.simulate.lanes import Lanes
from skucast.decide.simulate.limits import Limit
from skucast.decide.simulate.policies import Constant, GivenOrders, OrderUpTo, TopUp
from skucast.decide.simulate.setting import Opening, Setting
from skucast.decide.simulate.simulator import simulate
from skucast.decide.simulate.supply import Supply
from skucast.errors import ConfigError, DataError


def test_an_order_at_the_end_of_week_X_is_sold_from_week_X_plus_3():
    """The VN2 rules: two weeks of transit, 0.2 per unit left at the end of a week, 1 per unit lost."""
    demand = np.full((1, 6), 2.0)
    setting = Setting(
        Supply(lead_time=3),
        Costs(holding=0.2, shortage=1.0),
        Opening(on_hand=3, pipeline=[[0, 4, 0]]),
        decide="after-count",
    )
    out = simulate(demand, GivenOrders([[5, 0, 0, 0, 0, 0]]), setting, keep="periods")
    np.testing.assert_array_equal(out.trace["received"][0, 0], [0, 4, 0, 5, 0, 0])
    np.testing.assert_array_equal(out.trace["closing"][0, 0], [1, 3, 1, 4, 2, 0])
    assert out.cost[0] == pytest.approx(0.2 * 11)


def test_service_and_turns_by_hand():
    # receipts of 10 in periods 2 and 4; short by 2 in period 1 and by 1 in period 5
    demand = np.array([[3.0, 4, 6, 4, 5, 6]])
    out = simulate(
        demand, GivenOrders([[0, 10, 0, 10, 0, 0]]),
        Setting(Supply(lead_time=1), Costs(unit_cost=2, holding=1, price=3, co2e=1), Opening(on_hand=5), periods_per_year=12),
    )  # fmt: skip
    # closing: 2, 0, 4, 0, 5, 0
    assert out.units["short"][0] == 3
    assert out.fill_rate == pytest.approx(25 / 28)
    assert out.cycle_service == pytest.approx(1 / 3)  # opening: short; from 2: none; from 4: short
    assert out.period_service == pytest.approx(4 / 6)
    assert out.capital == pytest.approx(2 * 11 / 6)
    assert out.turns == pytest.approx(25 * 2 / (2 * 11 / 6) * 12 / 6)
    assert out.profit[0] == pytest.approx(3 * 25 - 2 * 20 - 11)
    row = out.frame().row(0, named=True)
    assert (row["units_served"], row["orders"], row["holding"]) == (25, 2, 11)


def test_waste_is_told_in_units_money_and_co2e():
    setting = Setting(Supply(lead_time=1), Costs(waste=0.5, co2e=2.5), Opening(on_hand=8), shelf_life=2)
    out = simulate(np.ones((1, 4)), Constant(0), setting)
    assert out.units["wasted"][0] == 6
    assert out.summary()["waste"] == 3.0
    assert out.summary()["co2e"] == 15.0


def test_a_path_and_an_item_do_not_depend_on_their_neighbours(monkeypatch):
    rng = np.random.default_rng(0)
    demand = rng.poisson(4, (7, 5, 20)).astype(float)
    supply = Supply(lead_pmf=rng.dirichlet(np.ones(5), 7), review=[1, 2, 3, 1, 2, 3, 1], pack=rng.integers(1, 5, 7))
    level = rng.integers(10, 30, 7)
    setting = Setting(supply, Costs(holding=1, shortage=rng.uniform(1, 5, 7)), Opening(on_hand=level), shelf_life=6)
    whole = simulate(demand, OrderUpTo(level), setting, keep="totals")
    monkeypatch.setattr(simulator, "_CELLS", 10)
    by_function = simulate(lambda rows: demand[rows], OrderUpTo(level), setting, keep="totals", shape=demand.shape)
    for name, total in whole.totals.items():
        np.testing.assert_allclose(by_function.totals[name], total, err_msg=name)
    np.testing.assert_allclose(by_function.cost, whole.cost)


def test_lead_times_are_drawn_from_their_distribution_and_orders_cross():
    pmf = np.array([0.2, 0.5, 0.0, 0.3])
    orders = np.arange(1.0, 401.0)[None]  # every order has a size of its own, so that it is known again
    setting = Setting(Supply(lead_pmf=pmf))
    trace = simulate(np.zeros((1, 50, 400)), GivenOrders(orders), setting, keep=("received", "ordered")).trace
    delays = setting.supply.delays(slice(0, 1), 1, 50, 400, 0)
    drawn = delays.table[:390, 0]
    np.testing.assert_allclose(np.bincount(drawn.ravel(), minlength=4) / drawn.size, pmf, atol=0.01)
    expected = np.zeros((50, 404))
    for p in range(50):
        np.add.at(expected[p], np.arange(400) + delays.table[:, 0, p], orders[0])
    np.testing.assert_array_equal(trace["received"][0], expected[:, :400])
    assert (np.diff(np.arange(390)[:, None] + drawn, axis=0) < 0).any()  # a later order came earlier


def test_items_of_one_supplier_are_late_together():
    supply = Supply(lead_pmf=[0.5, 0.5], late_together=[7, 7, 8])
    table = supply.delays(slice(0, 3), 3, 4, 30, 1).table
    np.testing.assert_array_equal(supply.delays(slice(1, 3), 3, 4, 30, 1).table, table[:, 1:])
    np.testing.assert_array_equal(table[:, 0], table[:, 1])
    assert (table[:, 0] != table[:, 2]).any()


def test_certain_arrivals_are_known_and_uncertain_ones_are_not():
    seen = []

    class Looks:
        def order(self, state):
            seen.append([float(state.due(k)[0, 0]) for k in (1, 2, 3)])
            return np.array([[float(state.period + 1)]])

    simulate(np.zeros((1, 4)), Looks(), Setting(Supply(lead_time=2), opening=Opening(pipeline=[[9, 8]])))
    assert seen == [[8, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0]]
    with pytest.raises(ConfigError, match="certain lead times"):
        simulate(np.zeros((1, 4)), Looks(), Setting(Supply(lead_pmf=[0.5, 0.5])))


def test_a_policy_sees_what_it_has_and_cannot_change_it():
    class Peeks:
        def order(self, state):
            if state.period == 1:
                np.testing.assert_array_equal(state.by_life()[:, 0, 0], [2, 0, 6])
                assert (state.sold[0, 0], state.short[0, 0]) == (3, 0)
                with pytest.raises(ValueError, match="read-only"):
                    state.on_hand[:] = 100
            return np.array([[6.0]])

    setting = Setting(Supply(lead_time=1), opening=Opening(by_life=[[1, 4, 0]]), shelf_life=3)
    out = simulate(np.array([[3.0, 0.0]]), Peeks(), setting)
    assert out.units["wasted"][0] == 2


def test_a_fixed_cost_of_the_supplier_is_paid_once_for_all_its_items():
    orders = np.array([[1.0, 0, 1], [1, 1, 0], [0, 1, 1]])
    setting = Setting(costs=Costs(per_order=10, per_line=1), supplier=["a", "a", "b"])
    out = simulate(np.zeros((3, 3)), GivenOrders(orders), setting)
    assert out.by_path["ordering"][0] == 10 * (3 + 2) + 6
    np.testing.assert_allclose(out.by_item["ordering"], [5 + 10 + 2, 5 + 10 + 2, 20 + 2])


def test_a_budget_is_never_overspent_and_packs_are_kept():
    rng = np.random.default_rng(2)
    demand, cost, pack = rng.poisson(5, (20, 3, 30)).astype(float), rng.uniform(1, 9, 20), rng.integers(1, 6, 20)
    for ration in ("pro-rata", "in-order"):
        setting = Setting(Supply(lead_time=1, pack=pack), limits=(Limit(200, cost, ration=ration),))
        ordered = simulate(demand, OrderUpTo(20), setting, keep=("ordered",)).trace["ordered"]
        spent = (ordered * cost[:, None, None]).sum(axis=0)
        assert spent.max() <= 200 + 1e-9
        assert spent.mean() > 150
        np.testing.assert_allclose(ordered / pack[:, None, None], np.rint(ordered / pack[:, None, None]))


def test_a_warehouse_is_never_overfilled():
    rng = np.random.default_rng(2)
    volume = rng.uniform(1, 3, 8)
    setting = Setting(Supply(lead_pmf=[0, 0.5, 0.5], pack=1), limits=(Limit(150, volume, on="stock"),))
    trace = simulate(rng.poisson(3, (8, 4, 40)), OrderUpTo(30), setting, keep=("opening", "received")).trace
    held = ((trace["opening"] + trace["received"]) * volume[:, None, None]).sum(axis=0)
    assert 120 < held.max() <= 150


def test_stores_share_what_the_warehouse_has():
    # row 0 is the warehouse with 9 units, the stores want 8 each: 4 each, 1 stays
    setting = Setting(opening=Opening(on_hand=[9, 0, 0]), lanes=Lanes([0, 0], [1, 2], lead_time=[0, 1], cost=0.5))
    out = simulate(
        np.array([[0.0, 0], [3, 3], [3, 3]]), Constant(0), setting, transfers=TopUp([1, 2], 8), keep="periods"
    )
    np.testing.assert_array_equal(out.trace["closing"][:, 0, 0], [1, 1, 0])
    np.testing.assert_array_equal(out.trace["short"][:, 0], [[0, 0], [0, 2], [3, 0]])
    assert out.by_path["transfer"][0] == 4.0


def test_more_stock_never_sells_less_and_no_lead_time_never_sells_less_than_one():
    demand = np.random.default_rng(4).poisson(6, (1, 200, 60)).astype(float)
    sold = [simulate(demand, OrderUpTo(s), Setting(Supply(lead_time=2))).units["served"][0] for s in range(0, 40, 4)]
    assert (np.diff(sold) >= 0).all()
    by_lead = [simulate(demand, OrderUpTo(12), Setting(Supply(lead_time=k))).units["served"][0] for k in range(5)]
    assert (np.diff(by_lead) <= 0).all()


BAD = {
    "minimum order .* above its maximum": Setting(Supply(min_order=[0, 7], pack=[1, 5], max_order=9), names=["A", "B"]),
    "lead time that is no whole number": Setting(Supply(lead_time=[1, -1]), names=["A", "B"]),
    "'B' has holding = nan": Setting(costs=Costs(holding=[1, np.nan]), names=["A", "B"]),
    "'B' has an impossible opening stock": Setting(opening=Opening(on_hand=[1, -3]), names=["A", "B"]),
    "review period that is no whole number": Setting(Supply(review=[1, 1.5])),
    "phase that is no whole number": Setting(Supply(phase=-1)),
    "lead_time has the shape": Setting(Supply(lead_time=[1, 2, 3])),
    "holds 3 paths, but demand has 1": Setting(Supply(lead_time=np.ones((2, 3, 4)))),
    "one code for each of 2": Setting(Supply(lead_pmf=[1.0], late_together=[1])),
    "from 0 to 1": Setting(lanes=Lanes([0], [2])),
    "share of customers": Setting(newest=2),
    "Item number 1 .* uses less": Setting(limits=(Limit(1, [1, -1]),)),
    "opening pipeline has the shape": Setting(opening=Opening(pipeline=[1, 2])),
    "lead time of 0 is too short": Setting(Supply(lead_time=0), decide="after-count"),
    "add up to 1": Setting(Supply(lead_pmf=[[0.5, 0.5], [0.5, 0.4]])),
    "sales are lost": Setting(opening=Opening(backorders=1)),
    "leaves none": Setting(warm_up=4),
    "order_days has the shape": Setting(Supply(order_days=[True, False])),
    "shelf life of at least": Setting(opening=Opening(by_life=[[1, 1], [1, 1]]), shelf_life=[2, 1]),
    "amount from 0 on": Setting(limits=(Limit(-1),)),
    "to itself": Setting(lanes=Lanes([0], [0])),
    "need both": Setting(lanes=Lanes([0], [1])),
    "one for each of 2 items": Setting(Supply(pack=[1, 2, 3])),
}


@pytest.mark.parametrize("message", BAD)
def test_what_cannot_be_is_refused_with_a_sentence(message):
    with pytest.raises(ConfigError, match=message):
        simulate(np.ones((2, 4)), Constant(1), BAD[message])


def test_impossible_demand_and_orders_name_item_and_period():
    setting = Setting(names=["A", "B"])
    with pytest.raises(DataError, match="item 'B' in period 1"):
        simulate(np.array([[1.0, 2], [3, np.nan]]), Constant(1), setting)
    with pytest.raises(DataError, match="item 'A' in period 0"):
        simulate(np.array([[-1.0, 2], [3, 0]]), Constant(1), setting)
    with pytest.raises(ConfigError, match="of item 'B' in period 1"):
        simulate(np.ones((2, 2)), GivenOrders([[1, 1], [1, -1]]), setting)
    with pytest.raises(ConfigError, match="must hold 2 items and reach period 1"):
        simulate(np.ones((2, 2)), GivenOrders([[1], [1]]), setting)
    with pytest.raises(ConfigError, match="must hold 2 items"):
        simulate(np.ones((2, 2)), OrderUpTo([1, 2, 3]), setting)
    with pytest.raises(ConfigError, match="cannot be kept"):
        simulate(np.ones((2, 2)), Constant(1), setting, keep=("stock",))
