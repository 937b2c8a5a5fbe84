import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skucast.decide.health import ACTIONS, Prospects, Returns, best_exits
from skucast.decide.health.value import PARTS

NAN = np.nan


def prospects(demand, *, days=300.0, price=10.0, margin=4.0, holding=0.0, salvage=0.0, protect=0.0):
    """Items whose demand comes evenly: ``demand`` per path by the end, one list per item."""
    whole = np.array(demand, dtype=float)
    rows = whole.shape[0]
    each = lambda x: np.broadcast_to(np.asarray(x, float), (rows,)).copy()  # noqa: E731
    grid = whole[:, :, None] * PARTS
    return Prospects(
        grid, np.broadcast_to(np.asarray(protect, float), whole.shape).copy(), each(days), each(price), each(margin),
        each(holding), each(salvage),
    )  # fmt: skip


def no_returns(rows):
    return Returns(np.full(rows, NAN), np.zeros(rows), np.full(rows, np.inf))


def decide(p, stock, units, needs=None, groups=None, returns=None, elasticity=NAN, markdowns=(0.2,), cost=0.0):
    rows = len(stock)
    return best_exits(
        p, np.array(stock, float), np.array(units, float), np.zeros(rows) if needs is None else np.array(needs, float),
        np.arange(rows) if groups is None else np.array(groups), returns or no_returns(rows),
        np.full(rows, float(elasticity)), markdowns, cost,
    )  # fmt: skip


def test_a_stock_is_worth_what_it_sells_less_holding_plus_salvage():
    # 60 asked for in 300 days, 100 in stock: 60 x 10, 40 left x 1; held from 100 to 40, 70 on average for 300 days
    p = prospects([[60.0]], holding=0.01, salvage=1.0)
    assert p.value(np.array([100.0])) == pytest.approx([600 + 40 - 0.01 * 70 * 300])


def test_demand_after_the_stock_earns_the_margin_of_new_orders_unless_it_comes_too_early():
    p = prospects([[60.0]], protect=30.0)
    # 20 in stock: 20 x 10; 40 more asked for, 10 of them before an order could arrive
    assert p.value(np.array([20.0])) == pytest.approx([200 + 4 * 30])
    assert p.value(np.array([60.0])) == pytest.approx([600])


def test_a_markdown_sells_the_stock_sooner_and_then_the_old_price_is_back():
    # elasticity -2 at 50 % off: four times as fast; 80 in stock are gone after demand for 20 at the old price
    p = prospects([[60.0]])
    assert p.value(np.array([80.0]), 0.5, 4.0) == pytest.approx([80 * 5 + 4 * 40])
    assert p.value(np.array([80.0])) == pytest.approx([600])


def test_dead_stock_goes_back_to_the_supplier_where_terms_allow_it():
    p = prospects([[0.0], [0.0]], holding=0.01)
    terms = Returns(np.array([2.0, NAN]), np.array([5.0, 0.0]), np.array([8.0, np.inf]))
    found = decide(p, [10, 10], [10, 10], returns=terms, elasticity=-2)
    # 8 of 10 go back: 8 x 2 - 5 = 11, and holding 8 x 300 x 0.01 = 24 is saved
    assert [ACTIONS[a] for a in found.action] == ["return", "keep"]
    assert found.gain == pytest.approx([35, 0])
    assert found.units.tolist() == [8, 0]
    assert found.keep == pytest.approx([-30, -30])
    assert np.isnan(found.gains["return"][1])


def test_a_return_that_pays_less_than_keeping_is_not_taken():
    p = prospects([[10.0]], margin=0.0)
    found = decide(p, [10], [10], returns=Returns(np.array([3.0]), np.zeros(1), np.array([np.inf])))
    assert ACTIONS[found.action[0]] == "keep"
    assert found.gains["return"][0] == pytest.approx(30 - 100)


def test_a_markdown_pays_where_much_would_be_left_and_not_where_all_would_sell():
    p = prospects([[20.0], [100.0]], margin=0.0)
    found = decide(p, [100, 100], [80, 10], elasticity=-2, markdowns=(0.2, 0.5))
    # 20 x 10 = 200 kept; 20 % off: 31.25 x 8 = 250; 50 % off: 80 x 5 = 400
    assert [ACTIONS[a] for a in found.action] == ["markdown", "keep"]
    assert found.markdown[0] == 0.5
    assert found.gain[0] == pytest.approx(200)
    assert found.gains["markdown"][1] == pytest.approx(-200)  # 20 % off all 100, none sold more


def test_without_an_elasticity_no_markdown_is_compared():
    found = decide(prospects([[20.0]], margin=0.0), [100], [80])
    assert np.isnan(found.gains["markdown"][0])
    assert ACTIONS[found.action[0]] == "keep"


def test_units_move_where_they_save_sales_and_a_location_that_was_served_needs_less():
    # two donors that sell nothing, one location that lacks 30 before its order could arrive
    p = prospects([[0.0], [0.0], [100.0]], protect=np.array([[0.0], [0.0], [30.0]]))
    found = decide(p, [50, 20, 0], [50, 20, 0], needs=[0, 0, 30], groups=[7, 7, 7], cost=1.0)
    # without: 70 from new orders x 4. With 30 more: 300 + 70 x 4. So 300 - 30 for freight
    assert [ACTIONS[a] for a in found.action] == ["transfer", "keep", "keep"]
    assert (found.to[0], found.moved[0]) == (2, 30)
    assert found.gain[0] == pytest.approx(270)
    assert found.to[1] == -1  # nothing is lacking any more


def test_a_transfer_stays_within_the_product():
    p = prospects([[0.0], [100.0]], protect=np.array([[0.0], [30.0]]))
    assert decide(p, [50, 0], [50, 0], needs=[0, 30], groups=[1, 2]).to.tolist() == [-1, -1]


@given(st.integers(0, 9999))
def test_the_best_way_out_is_never_worse_than_keeping_and_units_are_never_invented(seed):
    rng = np.random.default_rng(seed)
    rows = 5
    p = prospects(
        rng.gamma(1, 20, (rows, 6)), price=rng.uniform(2, 9, rows), margin=rng.uniform(0, 2, rows),
        holding=rng.uniform(0, 0.02, rows), protect=rng.gamma(1, 5, (rows, 6)),
    )  # fmt: skip
    stock = rng.integers(0, 80, rows).astype(float)
    units = np.floor(stock * rng.random(rows)) * (rng.random(rows) < 0.6)
    needs = np.where(units > 0, 0, rng.integers(0, 20, rows))
    terms = Returns(np.where(rng.random(rows) < 0.5, NAN, 1.5), np.ones(rows), np.full(rows, 30.0))
    found = decide(p, stock, units, needs, rng.integers(0, 2, rows), terms, -2.0, (0.1, 0.3))
    assert (found.gain >= 0).all()
    assert (found.action[units == 0] == 0).all()
    for name in ACTIONS:
        possible = (units > 0) & ~np.isnan(found.gains[name])
        assert (found.gain[possible] >= found.gains[name][possible] - 0.005 - 1e-9).all()
    assert ((found.units >= 0) & (found.units <= units)).all()
    assert (found.returned <= np.minimum(units, 30)).all()
    sent = found.action == ACTIONS.index("transfer")
    for receiver in range(rows):
        assert found.moved[sent & (found.to == receiver)].sum() <= needs[receiver] + 1e-9
