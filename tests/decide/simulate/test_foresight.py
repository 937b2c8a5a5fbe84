import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.decide.simulate.compare import compare
from skucast.decide.simulate.costs import Costs
from skucast.decide.simulate.foresight import perfect_foresight
from skucast.decide.simulate.policies import Constant, GivenOrders, OrderUpTo
from skucast.decide.simulate.setting import Opening, Setting
from skucast.decide.simulate.simulator import simulate
from skucast.decide.simulate.supply import Supply
from skucast.errors import ConfigError

PERIODS, MOST = 4, 3
# all orders there are: one of them may have to serve every period
PLANS = np.array(list(itertools.product(range(PERIODS * MOST + 1), repeat=PERIODS)), dtype=float)


@st.composite
def cases(draw):
    def each(low, high, n=PERIODS):
        return draw(st.lists(st.integers(low, high), min_size=n, max_size=n))

    decide = draw(st.sampled_from(["before-demand", "after-count"]))
    supply = Supply(
        lead_time=np.array(each(int(decide == "after-count"), 2))[None], review=draw(st.integers(1, 2)),
        order_days=draw(st.lists(st.booleans(), min_size=PERIODS, max_size=PERIODS)),
    )  # fmt: skip
    costs = Costs(
        holding=draw(st.floats(0.1, 2)), shortage=draw(st.floats(0, 3)), unit_cost=draw(st.floats(0, 2)),
        price=draw(st.floats(0, 3)), waste=draw(st.floats(0, 1)),
    )  # fmt: skip
    count = draw(st.sampled_from(["closing", "before-waste", "average"]))
    life = draw(st.integers(0, 3))
    pipeline = [each(0, 2, 1 if life else 2)]
    opening = Opening(on_hand=draw(st.integers(0, 4)), pipeline=pipeline)
    return np.array([each(0, MOST)], dtype=float), Setting(
        supply, costs, opening, decide=decide, count=count, shelf_life=[life]
    )


@settings(deadline=None, max_examples=60)
@given(cases())
def test_no_plan_at_all_earns_more_than_perfect_foresight(case):
    demand, setting = case
    best = perfect_foresight(demand, setting)
    paths = np.broadcast_to(demand[:, None], (1, len(PLANS), PERIODS))
    lead = np.broadcast_to(np.asarray(setting.supply.lead_time)[:, None], paths.shape)
    everything = Setting(
        Supply(lead_time=lead, review=setting.supply.review, order_days=setting.supply.order_days), setting.costs,
        setting.opening, decide=setting.decide, count=setting.count, shelf_life=setting.shelf_life,
    )  # fmt: skip
    profits = simulate(paths, GivenOrders(PLANS[None]), everything).profit
    assert best.exact
    assert best.outcome.profit[0] == pytest.approx(profits.max(), abs=1e-9)


def test_packs_and_fixed_costs_make_it_a_bound():
    demand = np.random.default_rng(0).poisson(3, (4, 20, 15)).astype(float)
    costs = Costs(holding=0.2, shortage=3, per_line=1)
    setting = Setting(Supply(lead_pmf=[0, 0.6, 0.4], pack=5), costs, Opening(on_hand=9))
    best = perfect_foresight(demand, setting, seed=3)
    assert not best.exact
    for level in (4, 8, 12, 16):
        assert (simulate(demand, OrderUpTo(level), setting, seed=3).profit <= best.outcome.profit + 1e-9).all()


def test_lead_times_are_those_that_the_simulator_draws():
    demand = np.random.default_rng(1).poisson(3, (3, 10, 30)).astype(float)
    setting = Setting(Supply(lead_pmf=[0, 0.5, 0, 0.5]), Costs(holding=1e-3, shortage=10), Opening(on_hand=60))
    best = perfect_foresight(demand, setting, seed=8)
    again = simulate(demand, GivenOrders(best.orders), setting, seed=8)
    np.testing.assert_allclose(again.cost, best.outcome.cost)
    assert again.units["short"].sum() == 0


def test_policies_are_compared_with_what_nobody_can_beat():
    demand = np.random.default_rng(2).poisson(5, (6, 30, 40)).astype(float)
    setting = Setting(Supply(lead_time=2), Costs(holding=1, shortage=9), Opening(on_hand=10))
    table = compare(demand, {"nothing": Constant(0), "base stock": OrderUpTo(21)}, setting)
    assert table["policy"].to_list() == ["perfect foresight", "base stock", "nothing"]
    assert table["regret"][0] == 0
    assert (table["regret"][1:] > 0).all()
    assert table["exact"].all()
    assert compare(demand, {"nothing": Constant(0)}, setting, foresight=False).height == 1


def test_what_it_is_not_worked_out_for_is_refused():
    with pytest.raises(ConfigError, match="'A': it expires"):
        perfect_foresight(np.ones((1, 3)), Setting(opening=Opening(pipeline=[[0, 1]]), shelf_life=2, names=["A"]))
    with pytest.raises(ConfigError, match="lost sales"):
        perfect_foresight(np.ones((1, 3)), Setting(backorders=True))
