"""Lead times from records: recovery of known truths, censoring, shrinkage, and use by simulator and policies."""

import datetime as dt
import math

import numpy as np
import polars as pl
import pytest

from skucast.decide.inventory import lead_time_demand
from skucast.decide.simulate.costs import Costs
from skucast.decide.simulate.policies import OrderUpTo
from skucast.decide.simulate.setting import Opening, Setting
from skucast.decide.simulate.simulator import simulate
from skucast.decide.simulate.supply import Supply
from skucast.decide.supply import learned_lead_times
from skucast.errors import ConfigError, DataError

from ..making import certain, noted, plan, row, said
from .making import START, records, shop


def median(pmf):
    return int(np.searchsorted(np.cumsum(pmf), 0.5))


@pytest.fixture(scope="module")
def six():
    table, medians = shop()
    return learned_lead_times(table), medians


def test_every_supplier_gets_its_own_lead_time_back(six):
    learned, medians = six
    assert learned.suppliers == sorted(medians)
    for name, truth in medians.items():
        days = learned.of(name).days
        assert float(days.quantile(0.5)) == pytest.approx(truth, rel=0.12)
        assert math.sqrt(float(days.var)) == pytest.approx(truth * 0.26, rel=0.35)
        assert learned.of(name).deliveries > 50


def test_open_orders_are_waits_of_at_least_their_age():
    """Seen on a day on which nearly half is open, received orders alone look too quick; the truth comes back."""
    rng = np.random.default_rng(1)
    rows = [("Acme", int(o), round(float(40 * np.exp(0.5 * rng.standard_normal())))) for o in rng.integers(0, 90, 500)]
    as_of = START + dt.timedelta(days=90)
    learned = learned_lead_times(records(rows), as_of=as_of)
    naive = np.mean([days for _, o, days in rows if o + days <= 90])
    found = float(learned.of("Acme").days.mean)
    truth = float(np.mean([days for _, _, days in rows]))
    assert naive < 0.85 * truth
    assert abs(found - truth) < 0.5 * (truth - naive)


def test_the_pool_stands_in_for_new_suppliers_and_few_records_lean_on_it(six):
    learned, _ = six
    pool = learned.of("Nobody")
    assert pool.names == ()
    assert learned.of(None).names == ()
    table, _ = shop()
    once = learned_lead_times(pl.concat([table, records([("New", 600, 60)])]))
    shrunk = float(once.of("New").days.mean)
    assert float(once.of("Nobody").days.mean) < shrunk < 60


def test_one_large_supplier_does_not_speak_for_all():
    large = [("Large", 3 * k, 10 + k % 2) for k in range(300)]
    small = [(f"S{k}", 90 * j + k, 30 + j % 2) for k in range(8) for j in range(10)]
    learned = learned_lead_times(records(large + small))
    assert (
        float(learned.of("New").days.cdf(20)) < 0.4
    )  # four in five deliveries are that quick, one supplier in nine is
    assert float(learned.of("Large").days.cdf(20)) > 0.95


def test_alike_suppliers_are_shrunk_more_than_unlike_ones():
    alike = learned_lead_times(shop(12, 12, seed=2, spread=0.0)[0])
    unlike = learned_lead_times(shop(12, 12, seed=2, spread=1.0, log_sd=0.15)[0])
    assert alike.strengths.learned
    assert unlike.strengths.learned
    assert alike.strengths.levels[0] > 4 * unlike.strengths.levels[0]


def test_a_supplier_that_never_varies_is_certain():
    learned = learned_lead_times(records([("Clock", 5 * k, 14) for k in range(100)]))
    assert float(learned.of("Clock").days.cdf(13)) < 0.02
    assert learned.of("Clock").pmf[14] > 0.95


def test_a_punctual_supplier_stays_certain_among_others_that_vary():
    table, _ = shop(5, 40)
    learned = learned_lead_times(pl.concat([table, records([("Clock", 23 * k, 14) for k in range(30)])]))
    assert learned.strengths.width > 0
    assert learned.of("Clock").pmf[14] > 0.8
    assert learned.of("S0").pmf.max() < 0.2


def test_lines_of_one_truck_are_one_delivery():
    table, _ = shop(2, 30)
    many = pl.concat([table] * 5)
    assert learned_lead_times(many).of("S0").deliveries == learned_lead_times(table).of("S0").deliveries
    np.testing.assert_array_equal(learned_lead_times(many).of("S0").pmf, learned_lead_times(table).of("S0").pmf)


def test_items_have_lead_times_of_their_own_and_means_of_transport_too():
    rows = [("Acme", "slow" if k % 2 else "quick", 5 * k, 40 + k % 3 if k % 2 else 8 + k % 3) for k in range(120)]
    table = records(rows, ("supplier", "sku", "ordered", "days"))
    learned = learned_lead_times(table)
    assert learned.by == ("supplier", "sku")
    assert median(learned.of("Acme", "slow").pmf) == 41
    assert median(learned.of("Acme", "quick").pmf) == 9
    assert learned.of("Acme", "unheard").names == ("Acme",)
    by_mode = learned_lead_times(table.rename({"sku": "mode"}), by=("supplier", "mode"))
    np.testing.assert_array_equal(by_mode.of("Acme", "slow").pmf, learned.of("Acme", "slow").pmf)


def test_what_was_learned_does_not_depend_on_the_order_of_records(six):
    learned, _ = six
    table, _ = shop()
    mixed = learned_lead_times(table.sample(fraction=1, shuffle=True, seed=3))
    for name in learned.suppliers:
        np.testing.assert_allclose(mixed.of(name).pmf, learned.of(name).pmf, atol=1e-12)


def test_the_past_is_forgotten_where_it_says_nothing_of_the_present():
    rng = np.random.default_rng(4)
    before = [(f"S{k % 3}", int(o), int(rng.integers(50, 60))) for k, o in enumerate(rng.integers(0, 900, 200))]
    after = [(f"S{k % 3}", int(o), int(rng.integers(18, 24))) for k, o in enumerate(rng.integers(900, 1500, 130))]
    learned = learned_lead_times(records(before + after))
    assert learned.strengths.half_life < 1000
    assert float(learned.of("S0").days.mean) < 28


def test_an_order_that_is_open_has_waited_at_least_so_long(six):
    learned, _ = six
    whole, left = learned.of("S1"), learned.of("S1").after(20)
    assert left.pmf[:20].sum() == 0
    assert left.pmf.sum() == pytest.approx(1)
    np.testing.assert_allclose(left.pmf[20:], whole.pmf[20:] / whole.pmf[20:].sum())
    np.testing.assert_allclose(whole.after(0).pmf, whole.pmf, rtol=1e-12)
    assert float(whole.after(5000).days.mean) == 5000  # beyond all that was seen: any day now
    with pytest.raises(ConfigError, match="cannot have been open for -1 days"):
        whole.after(-1)


def test_days_become_whole_periods_rounded_up(six):
    learned, _ = six
    lead = learned.of("S0")
    weeks = lead.periods(7)
    for k in range(5):
        assert float(weeks.cdf(k)) == pytest.approx(float(lead.days.cdf(7 * k)))
    cut = lead.periods(7, longest=2)
    assert float(cut.support[-1]) == 2
    assert cut.pmf.sum() == pytest.approx(1)
    np.testing.assert_allclose(lead.periods(1).pmf, lead.pmf, atol=1e-15)
    with pytest.raises(ConfigError, match="longer than nothing, not 0 days"):
        lead.periods(0)
    with pytest.raises(ConfigError, match="must not be negative"):
        lead.periods(7, -1)


def test_the_simulator_draws_from_the_table_and_policies_from_the_distribution(six):
    learned, _ = six
    table = learned.table([("S0",), ("S5",), ("Nobody",)], step_days=7, longest=8)
    assert table.shape == (3, 9)
    np.testing.assert_allclose(table.sum(axis=1), 1)
    demand = np.full((3, 20, 52), 2.0)
    setting = Setting(Supply(lead_pmf=table), Costs(holding=0.1, shortage=1.0), Opening(on_hand=np.full(3, 20.0)))
    assert simulate(demand, OrderUpTo(np.full(3, 16.0)), setting).fill_rate > 0.5
    lead = learned.of("S0").periods(7, longest=8)
    drawn = lead_time_demand(demand, lead, review=1)
    assert drawn.before.mean() == pytest.approx(2 * float(lead.mean), rel=0.05)
    assert learned.table([]).shape == (0, 1)


def test_the_purchase_plan_takes_what_was_learned_as_its_table_of_suppliers(six):
    learned, _ = six
    given = pl.DataFrame({"supplier": ["S0", "Other"], "lead_time_days": [3.0, 4.0], "review_days": [7.0, 7.0]})
    filled = learned.fill_suppliers(given)
    known = {r["supplier"]: r for r in filled.iter_rows(named=True)}
    assert known["S0"]["lead_time_days"] == pytest.approx(float(learned.of("S0").days.mean))
    assert known["S0"]["lead_time_sd_days"] > 0
    assert known["S0"]["review_days"] == 7
    assert known["Other"]["lead_time_days"] == 4
    assert known["Other"]["lead_time_sd_days"] is None
    assert set(known) == {*learned.suppliers, "Other"}
    gaps = learned.fill_suppliers(given, replace=False)
    assert gaps.filter(supplier="S0")["lead_time_days"][0] == 3
    products = {"sku": ["A"], "supplier": ["S0"], "price": [10.0], "cost": [6.0]}
    made = plan(certain({"A": [2.0] * 90}), stock={"sku": ["A"], "on_hand": [5.0]}, products=products, suppliers=filled)
    assert row(made)["lead_days"] == pytest.approx(known["S0"]["lead_time_days"])
    assert "lead-time-default" not in said(made)
    assert not noted(made)
    with pytest.raises(DataError, match="'suppliers' has no column 'supplier'"):
        learned.fill_suppliers(pl.DataFrame({"name": ["S0"]}))


def test_wrong_questions_are_refused(six):
    learned, _ = six
    with pytest.raises(ConfigError, match="give at most 1 names"):
        learned.of("S0", "A1")
    table, _ = shop(2, 5)
    for by in ((), ("sku",), ("supplier", "sku"), ("supplier", "supplier")):
        with pytest.raises(ConfigError, match="by 'supplier' first"):
            learned_lead_times(table, by=by)


def test_one_record_is_enough_to_answer():
    learned = learned_lead_times(records([("Acme", 0, 10)]))
    assert learned.strengths.learned == 0
    assert 3 < median(learned.of("Acme").pmf) < 15
    assert learned_lead_times(records([("Acme", 0, 0)])).of("Acme").pmf[0] > 0.5


def test_a_column_of_names_that_is_empty_leaves_the_suppliers_own_lead_time():
    table = shop(2, 25)[0].with_columns(mode=pl.lit(None, pl.String))
    learned = learned_lead_times(table, by=("supplier", "mode"))
    assert learned.of("S0", "air").names == ("S0",)
    np.testing.assert_array_equal(learned.of("S0", "air").pmf, learned_lead_times(table).of("S0").pmf)
