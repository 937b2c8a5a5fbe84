import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.decide.inventory import (
    Distribution,
    Gamma,
    Lognormal,
    Normal,
    expected_cost,
    newsvendor,
    newsvendor_profit,
)
from skucast.errors import ConfigError

cost = st.floats(0.05, 50)
LAWS = [
    Normal(50, 8),
    Lognormal(3, 0.5),
    Gamma(20, 9),
    Distribution.poisson(7),
    Distribution.negative_binomial(4, 11),
    np.random.default_rng(3).gamma(2, 10, 200),
]


@pytest.mark.parametrize("law", LAWS)
@given(cost, cost)
def test_no_neighbour_costs_less(law, holding, shortage):
    best = newsvendor(law, holding, shortage)
    assert best.quantity >= 0
    for step in (-1, 1, -0.3, 0.3):
        assert expected_cost(law, best.quantity + step, holding, shortage) >= best.cost - 1e-9


@pytest.mark.parametrize("law", LAWS)
@given(cost, cost, cost)
def test_dearer_shortage_orders_more_and_dearer_holding_less(law, holding, shortage, more):
    best = newsvendor(law, holding, shortage)
    short, held = newsvendor(law, holding, shortage + more), newsvendor(law, holding + more, shortage)
    assert held.quantity <= best.quantity <= short.quantity
    assert min(short.cost, held.cost) >= best.cost - 1e-9


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=15), st.floats(2, 20), st.floats(0.1, 0.95), st.floats(-0.5, 0.9),
    st.floats(0, 5),
)  # fmt: skip
def test_profit_is_that_of_enumerating_every_order(draws, price, share, rest, goodwill):
    unit_cost = share * price
    salvage = rest * unit_cost
    got = newsvendor_profit(np.array(draws), price, unit_cost, salvage, goodwill)

    def profit(q):
        d = np.array(draws, dtype=float)
        sold = np.minimum(d, q)
        return (price * sold + salvage * (q - sold) - unit_cost * q - goodwill * (d - sold)).mean()

    assert got.profit == pytest.approx(max(profit(q) for q in range(42)))
    assert got.profit == pytest.approx(profit(got.quantity))


def test_items_are_worked_on_together():
    draws = np.random.default_rng(0).poisson(9, (3, 400)).astype(float)
    many = newsvendor(draws, [1, 2, 1], [4, 4, 9])
    for i, (h, p) in enumerate([(1, 4), (2, 4), (1, 9)]):
        one = newsvendor(draws[i], h, p)
        assert (many.quantity[i], many.cost[i]) == (one.quantity, pytest.approx(one.cost))
    alike = newsvendor(draws[0], [1, 2], [4, 9])  # one demand, several terms
    assert alike.quantity.tolist() == [newsvendor(draws[0], 1, 4).quantity, newsvendor(draws[0], 2, 9).quantity]
    law = newsvendor(Normal(np.array([10.0, 20.0]), 3.0), 1, 4)
    np.testing.assert_allclose(law.quantity, [newsvendor(Normal(m, 3), 1, 4).quantity for m in (10, 20)])


def test_a_sale_at_a_loss_orders_nothing():
    got = newsvendor_profit(Normal(50, 8), price=3, unit_cost=5, salvage=1)
    assert got.quantity == 0
    assert got.profit == pytest.approx(0, abs=1e-6)


def test_a_free_shortage_orders_nothing():
    assert newsvendor(Normal(50, 8), 1, 0).quantity == 0
    assert newsvendor([3.0, 4.0], 1, 0).quantity == 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: newsvendor(Normal(5, 1), 0, 0), "both be zero"),
        (lambda: newsvendor(Normal(5, 1), 0, 3), "no best quantity"),
        (lambda: newsvendor(Normal(5, 1), -1, 3), "Holding must be a number of at least zero, not -1"),
        (lambda: newsvendor_profit(Normal(5, 1), 9, 3, 3), "Salvage must be below the unit cost"),
    ],
)
def test_impossible_terms_are_said(call, says):
    with pytest.raises(ConfigError, match=says):
        call()
