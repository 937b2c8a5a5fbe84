import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.decide.inventory import (
    Distribution,
    Normal,
    base_stock_for_cost,
    base_stock_for_cycle_service,
    base_stock_for_fill_rate,
    newsvendor,
    service_of_base_stock,
)
from skucast.errors import ConfigError

POISSON = Distribution.poisson(3)
target = st.floats(0.3, 0.999)


def simulated(level, lead_time, review, periods=60_000):
    """Base stock with backorders and a review every few periods: cycle service level and fill rate."""
    demand = np.random.default_rng(5).poisson(3, periods)
    net, due, short, waited, cycles, clean = float(level), [0.0] * lead_time, 0.0, False, 0, 0
    for t in range(periods):
        if t % review == 0:
            due.append(level - net - sum(due))
        else:
            due.append(0)
        net += due.pop(0)
        fresh = max(demand[t] - max(net, 0.0), 0.0)
        net -= demand[t]
        short += fresh
        waited |= net < 0
        if (t - lead_time) % review == review - 1:
            cycles, clean, waited = cycles + 1, clean + (not waited), False
    return clean / cycles, 1 - short / demand.sum()


@pytest.mark.parametrize(("level", "lead_time", "review"), [(15, 2, 2), (9, 2, 1), (14, 0, 4)])
def test_service_is_what_a_simulation_shows(level, lead_time, review):
    before = POISSON.times(lead_time)
    got = service_of_base_stock(POISSON.times(lead_time + review), before, level)
    cycle, fill = simulated(level, lead_time, review)
    assert got.cycle_service == pytest.approx(cycle, abs=0.015)
    assert got.fill_rate == pytest.approx(fill, abs=0.01)


@settings(deadline=None)
@given(target)
def test_levels_are_the_least_that_keep_the_promise(wanted):
    protected, before = POISSON.times(3), POISSON.times(2)
    first = base_stock_for_cycle_service(protected, wanted)
    assert service_of_base_stock(protected, before, first).cycle_service >= wanted - 1e-9
    assert service_of_base_stock(protected, before, first - 1).cycle_service < wanted
    second = base_stock_for_fill_rate(protected, before, wanted)
    assert second == round(second)
    assert service_of_base_stock(protected, before, second).fill_rate >= wanted - 1e-9
    assert service_of_base_stock(protected, before, second - 1).fill_rate < wanted or second == 0
    assert base_stock_for_fill_rate(protected, None, wanted) <= first  # the share served exceeds the chance of no wait


@settings(deadline=None)
@given(target, st.floats(0, 0.0009))
def test_more_service_never_takes_less_stock(wanted, more):
    for law, before in ((POISSON.times(3), POISSON.times(2)), (Normal(9, 3), Normal(6, 2.4))):
        assert base_stock_for_cycle_service(law, wanted + more) >= base_stock_for_cycle_service(law, wanted)
        assert (
            base_stock_for_fill_rate(law, before, wanted + more) >= base_stock_for_fill_rate(law, before, wanted) - 1e-9
        )


def test_many_items_from_draws():
    draws = np.random.default_rng(0).negative_binomial(2, 0.2, (5, 300)).astype(float)
    wanted = np.array([0.5, 0.8, 0.9, 0.95, 0.99])
    levels = base_stock_for_fill_rate(draws, None, wanted)
    for row, level, p in zip(draws, levels, wanted, strict=True):
        served = [1 - np.maximum(row - y, 0).mean() / row.mean() for y in (level - 1, level)]
        assert served[0] < p <= served[1] + 1e-12
    np.testing.assert_array_equal(
        base_stock_for_cycle_service(draws, wanted),
        [base_stock_for_cycle_service(r, p) for r, p in zip(draws, wanted, strict=True)],
    )


def test_continuous_fill_rate_is_met_exactly():
    level = base_stock_for_fill_rate(Normal(90, 20), Normal(60, 15), 0.97)
    assert service_of_base_stock(Normal(90, 20), Normal(60, 15), level).fill_rate == pytest.approx(0.97, abs=1e-9)


def test_for_cost_it_is_the_newsvendor_of_the_protection_interval():
    law = POISSON.times(4)
    assert base_stock_for_cost(law, 1, 9).quantity == newsvendor(law, 1, 9).quantity


def test_a_service_of_all_demand_is_refused():
    with pytest.raises(ConfigError, match="Target must lie between 0 and 1, not be 1"):
        base_stock_for_cycle_service(POISSON, 1.0)
