"""Orders for when they arrive: every future played through the lead time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.decide.inventory import newsvendor, order_through_lead_time
from skucast.errors import ConfigError

RNG = np.random.default_rng(5)


def played(path, quantity, on_hand, arrivals, holding, shortage, lead_time, review, backorders):
    """Cost over the covered steps of one path, in plain Python."""
    stock, cost = float(on_hand), 0.0
    for step in range(lead_time + review):
        if step < len(arrivals):
            stock += arrivals[step]
        if step == lead_time:
            stock += quantity
        stock -= path[step]
        if step >= lead_time:
            cost += holding * max(stock, 0.0)
            if not backorders:
                cost += shortage * max(-stock, 0.0)
        if not backorders:
            stock = max(stock, 0.0)
    return cost + (shortage * max(-stock, 0.0) if backorders else 0.0)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000), st.integers(0, 3), st.integers(1, 3), st.integers(1, 5), st.floats(0.05, 2), st.floats(0.1, 5),
    st.integers(0, 12),
)  # fmt: skip
def test_no_other_number_of_packs_is_cheaper(seed, lead_time, review, pack, holding, shortage, on_hand):
    rng = np.random.default_rng(seed)
    paths = rng.poisson(rng.uniform(0.2, 5), (1, 15, lead_time + review)).astype(float)
    arrivals = rng.integers(0, 6, (1, lead_time))
    found = order_through_lead_time(
        paths, on_hand, arrivals, holding, shortage, lead_time=lead_time, review=review, pack=pack
    )[0]
    costs = [
        np.mean([played(p, k * pack, on_hand, arrivals[0], holding, shortage, lead_time, review, False) for p in paths[0]])
        for k in range(60)
    ]  # fmt: skip
    # lost sales in the middle of the covered steps count as lost at their end: nothing arrives in between
    assert found % pack == 0
    assert costs[round(found / pack)] == pytest.approx(min(costs), abs=1e-9)


def test_without_lead_time_and_stock_it_is_the_newsvendor():
    demand = RNG.negative_binomial(2, 0.3, (40, 199, 1)).astype(float)
    ours = order_through_lead_time(demand, 0, None, 0.2, 1.0, lead_time=0)
    np.testing.assert_array_equal(ours, newsvendor(demand[:, :, 0], holding=0.2, shortage=1.0).quantity)


def test_customers_who_wait_need_more_than_those_who_leave():
    paths = RNG.poisson(4.0, (30, 300, 4)).astype(float)
    lost, waiting = (
        order_through_lead_time(paths, 5, None, 0.2, 1.0, lead_time=3, backorders=b) for b in (False, True)
    )
    assert (waiting >= lost).all()
    assert (waiting > lost).any()


def test_more_stock_is_never_more_to_order_and_dearer_shortage_never_less():
    paths = RNG.poisson(3.0, (20, 200, 3)).astype(float)

    def order(on_hand=4, shortage=1.0):
        return order_through_lead_time(paths, on_hand, None, 0.2, shortage, lead_time=2)

    assert (order(on_hand=8) <= order()).all()
    assert (order(shortage=5.0) >= order()).all()


def test_paths_that_end_too_early_are_an_error():
    with pytest.raises(ConfigError, match="paths end after 2 steps, but the order has to last until step 4"):
        order_through_lead_time(np.ones((1, 5, 2)), 0, None, 0.2, 1.0, lead_time=3)
