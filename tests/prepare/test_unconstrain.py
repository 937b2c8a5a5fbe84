"""Demand behind stock-outs: known answers, simulated shops with known demand, and panels that say little."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from skucast.collect.repairs import Repairs
from skucast.config import Prepare
from skucast.errors import ConfigError, DataError
from skucast.panel import Panel
from skucast.prepare.apply import pipeline, prepare_panel
from skucast.prepare.step import step_from_dict
from skucast.prepare.unconstrain import BEHIND, LAST, UNKNOWN, Unconstrain

from .panels import DEGENERATE, daily

METHODS = ("normal", "poisson", "negbin", "kaplan-meier")
CONSTANT = 10**9  # a memory without end: the level does not move


def in_order(demand: np.ndarray) -> np.ndarray:
    """Rows in the order of the panel's, which is that of the texts s0, s1, s10, s11, s2, ..."""
    return demand[np.argsort([f"s{k}" for k in range(len(demand))])]


def cut_off(demand: np.ndarray, stock: np.ndarray | float, sold_out: np.ndarray | None = None) -> Panel:
    """Sales of demand ``(S, T)`` that stock cuts off, days sold out flagged."""
    out = demand >= stock if sold_out is None else sold_out
    return daily(*np.where(out, np.minimum(demand, stock), demand), available=~out)


def shop(seed: int, phi: float = 2.0, series: int = 40, days: int = 280) -> tuple[np.ndarray, Panel]:
    """Counts with a week and days of the whole shop; stock is scarce, whatever the demand of the day."""
    rng = np.random.default_rng(seed)
    rate = np.exp(rng.normal(1.5, 0.7, (series, 1))) * np.resize([0.6, 0.7, 0.8, 0.9, 1.2, 1.7, 1.1], days)
    rate = rate * np.exp(rng.normal(0, 0.15, days))
    demand = rng.negative_binomial(rate / (phi - 1), 1 / phi)
    stock = np.where(rng.random(demand.shape) < 0.5, np.ceil(rate.mean(axis=1, keepdims=True) * 1.3), 10**6)
    return in_order(demand), cut_off(demand, stock)


def filled(panel: Panel, **options) -> Panel:
    return Unconstrain(**options).fit_apply(panel).panel


# ---- known answers ------------------------------------------------------------------------------------------------
def test_normal_demand_behind_a_cap_is_recovered_as_in_the_textbook() -> None:
    """N(100, 25) cut off at 110: the mean of sales is 94.239 (closed form), EM finds 100 and 25 within 1 %.

    Source: Talluri & van Ryzin (2004), The Theory and Practice of Revenue Management, section 9.4.
    """
    mean, sd, cap, n = 100.0, 25.0, 110.0, 20_000
    demand = np.random.default_rng(0).normal(mean, sd, (1, n))
    panel = cut_off(demand, cap)
    assert (~panel.available).mean() == pytest.approx(0.34, abs=0.01)
    assert panel.values.mean() == pytest.approx(94.23902907631367, rel=0.01)
    step = Unconstrain(method="normal", memory=CONSTANT)
    fitted = step.fit(panel)
    after = fitted.apply(panel).values
    assert after.mean() == pytest.approx(mean, rel=0.01)
    assert np.sqrt(fitted.learned.phi[0] * after.mean()) == pytest.approx(sd, rel=0.01)
    spread = filled(panel, method="normal", memory=CONSTANT, fill="drawn").values
    assert spread.std() == pytest.approx(sd, rel=0.01)
    assert spread.mean() == pytest.approx(mean, rel=0.01)


def test_a_constant_level_is_the_estimate_of_greatest_likelihood() -> None:
    rng = np.random.default_rng(3)
    demand = rng.normal(60, 12, (1, 800))
    stock = rng.uniform(50, 90, demand.shape)
    panel = cut_off(demand, stock)
    data = stats.CensoredData.right_censored(panel.values.astype(float), ~panel.available)
    mean, sd = stats.norm.fit(data)
    fitted = Unconstrain(method="normal", memory=CONSTANT, rounds=200).fit(panel)
    after = fitted.apply(panel).values
    assert after.mean() == pytest.approx(mean, rel=1e-3)
    assert np.sqrt(fitted.learned.phi[0] * mean) == pytest.approx(sd, rel=0.03)  # drawn a little by the prior


# ---- simulated demand ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", METHODS)
def test_the_bias_of_sales_and_of_masking_is_removed(method: str) -> None:
    demand, panel = shop(1, phi=1.0 + 1e-9 if method == "poisson" else 2.0)
    truth = demand.mean()
    raw = panel.values.mean() / truth - 1
    masked = (panel.dense(panel.values) * panel.dense(panel.available)).sum(1) / panel.dense(panel.available).sum(1)
    mask = masked.mean() / truth - 1
    after = filled(panel, method=method)
    bias = after.values.mean() / truth - 1
    assert raw < -0.04
    assert mask < -0.08
    assert abs(bias) < 0.015
    kept = panel.available | (panel.values == 0)  # without a sale nothing is known
    np.testing.assert_array_equal(after.available, kept | ~panel.available & (panel.values > 0))


def test_estimates_follow_the_season_and_the_days_of_the_shop() -> None:
    demand, panel = shop(2, phi=1.5)
    after = filled(panel).dense()
    hidden = ~panel.dense(panel.available)
    day = np.arange(demand.shape[1]) % 7
    for k in range(7):
        cells = hidden & (day == k)[None]
        assert after[cells].mean() == pytest.approx(demand[cells].mean(), rel=0.06), k
    often = np.flatnonzero(hidden.sum(axis=0) >= 12)
    told, true = (np.array([a[hidden[:, t], t].mean() for t in often]) for a in (after, demand))
    assert np.corrcoef(told, true)[0, 1] > 0.85


def test_series_with_a_week_of_their_own_are_told_apart() -> None:
    rng = np.random.default_rng(11)
    week = np.resize([0.5, 0.6, 0.7, 0.9, 1.3, 1.8, 1.2], 280)
    rate = 20 * np.where(np.arange(10)[:, None] % 2, week, week[::-1])  # half of the shop sells when the others do not
    demand = rng.poisson(rate)
    stock = np.where(rng.random(demand.shape) < 0.2, np.ceil(rate), 10**6)
    panel = cut_off(demand, stock)
    after, hidden = filled(panel, method="poisson").dense(), ~panel.dense(panel.available)
    for half in (0, 1):
        for k in range(7):
            cells = hidden & (np.arange(10)[:, None] % 2 == half) & (np.arange(280) % 7 == k)
            assert after[cells].mean() == pytest.approx(demand[cells].mean(), rel=0.08), (half, k)


def test_drawn_values_keep_the_spread_that_means_take_away() -> None:
    demand, panel = shop(4, phi=3.0)
    true = demand.std(axis=1).mean()
    mean, drawn = (filled(panel, fill=fill).dense().std(axis=1).mean() for fill in ("mean", "drawn"))
    assert mean < 0.97 * true
    assert drawn == pytest.approx(true, rel=0.025)


def test_the_step_before_a_stock_out_is_a_lower_bound_where_asked_for() -> None:
    rng = np.random.default_rng(5)
    demand = rng.poisson(8, (30, 200)).astype(float)
    out = np.zeros(demand.shape, bool)
    sales = demand.copy()
    for i, t in ((row, day) for row in range(30) for day in range(10 + row % 9, 195, 12)):
        sales[i, t] = min(demand[i, t], 7)
        if sales[i, t] == 7:  # the stock ran out: nothing to buy for three days
            sales[i, t + 1 : t + 4], out[i, t + 1 : t + 4] = 0, True
    panel = daily(*sales, available=~out)
    left, changes = Unconstrain(method="poisson").fit_apply(panel)
    assert len(changes) == 0
    assert left is panel
    after, changes = Unconstrain(method="poisson", before=True).fit_apply(panel)
    assert set(changes.frame["rule"]) == {LAST}
    touched = after.dense() != panel.dense()
    assert (panel.dense()[touched] == 7).all()
    out, demand = in_order(out), in_order(demand)
    assert not (touched & out).any()
    last = (panel.dense() == 7) & np.roll(out, -1, axis=1) & ~out
    assert after.dense()[last].mean() == pytest.approx(demand[last].mean(), rel=0.02)


# ---- what must hold for every panel -------------------------------------------------------------------------------
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6), method=st.sampled_from(METHODS), fill=st.sampled_from(["mean", "drawn"]),
    unsold=st.sampled_from(["leave", "fill"]), before=st.booleans(), whole=st.booleans(),
)  # fmt: skip
def test_sales_are_never_lowered_and_other_cells_never_touched(seed, method, fill, unsold, before, whole) -> None:
    rng = np.random.default_rng(seed)
    series = []
    flags = []
    for _ in range(5):
        n = int(rng.integers(1, 60))
        values = rng.poisson(rng.choice([0.2, 3, 50]), n) * (1.0 if whole else 0.37)
        series.append(np.where(rng.random(n) < 0.1, np.nan, values))
        flags.append(rng.random(n) < rng.choice([0.05, 0.5, 0.9]))
    panel = daily(*series, available=flags)
    step = Unconstrain(method=method, fill=fill, unsold=unsold, before=before)
    fitted = step.fit(panel)
    after, changes = fitted.prepare(panel)
    known = ~np.isnan(panel.values)
    assert (after.values[known] >= panel.values[known]).all()
    assert np.isfinite(after.values[known]).all()
    assert (after.available >= panel.available).all()
    touched = ~np.array_equal(after.values, panel.values, equal_nan=True)
    if not before:
        np.testing.assert_array_equal(after.values[panel.available], panel.values[panel.available])
    if whole:
        assert (after.values[known] % 1 == 0).all()
    assert not touched or len(changes)
    back = fitted.invert(after, changes)
    np.testing.assert_array_equal(back.values, panel.values)
    np.testing.assert_array_equal(back.available, panel.available)


def test_cells_of_which_nothing_is_known_are_left_and_listed() -> None:
    always_out = [3.0] * 30
    mostly_out = [2.0, 4.0, 3.0] + [1.0] * 27
    fine = [5.0, 2.0, 4.0] * 10
    panel = daily(
        always_out, mostly_out, fine, [0.0] * 30,
        available=[[False] * 30, [True] * 3 + [False] * 27, [k % 3 != 1 for k in range(30)], [k % 2 == 0 for k in range(30)]],
    )  # fmt: skip
    after, changes = Unconstrain().fit_apply(panel)
    unknown = changes.frame.filter(changes.frame["rule"] == UNKNOWN)
    assert unknown["unique_id"].unique().sort().to_list() == ["s0", "s1"]
    assert len(unknown) == 57
    np.testing.assert_array_equal(after.series(0), panel.series(0))
    np.testing.assert_array_equal(after.series(3), panel.series(3))
    assert not after.available[:57].any() or after.available[30:33].all()
    assert after.available[60:90].all()
    report = changes.repairs().frame()
    assert dict(report.select("rule", "action").iter_rows()) == {
        BEHIND: "changed", UNKNOWN: "noted",
    }  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_degenerate_series_pass_through(method: str) -> None:
    values = list(DEGENERATE.values())
    flags = [[k % 3 != 2 for k in range(len(v))] for v in values]
    for unsold in ("leave", "fill"):
        after = filled(daily(*values, available=flags), method=method, unsold=unsold, least=1)
        seen = ~np.isnan(np.concatenate([np.asarray(v, float) for v in values]))
        assert np.isfinite(after.values[seen]).all()
    everything_out = daily(*values, available=[[False] * len(v) for v in values])
    assert filled(everything_out, method=method, unsold="fill") is not None


def test_a_panel_without_stock_outs_stays_the_very_same() -> None:
    panel = daily([1.0, 2.0, 3.0] * 9)
    assert filled(panel) is panel
    flagged = daily([1.0, 2.0, 3.0] * 9, available=[[True] * 27])
    assert filled(flagged, unsold="fill", before=True) is flagged


def test_empty_days_are_filled_with_the_rate_where_asked_for_but_closed_days_are_not() -> None:
    rng = np.random.default_rng(6)
    demand = rng.poisson(20, (6, 140)).astype(float)
    out = rng.random(demand.shape) < 0.1
    sales = np.where(out, 0.0, demand)
    sales[:, 50] = np.nan  # the shop was closed
    out[:, 50] = True
    after = filled(daily(*sales, available=~out), unsold="fill")
    dense = after.dense()
    assert np.isnan(dense[:, 50]).all()
    hidden = out.copy()
    hidden[:, 50] = False
    assert dense[hidden].mean() == pytest.approx(20, rel=0.03)
    assert after.dense(after.available)[hidden].all()


def test_drawn_values_depend_on_seed_series_and_step_alone() -> None:
    _, panel = shop(7, series=12, days=100)
    step = Unconstrain(fill="drawn")
    fitted = step.fit(panel)
    once, again = fitted.apply(panel), fitted.apply(panel)
    np.testing.assert_array_equal(once.values, again.values)
    turned = fitted.apply(panel.take(np.arange(12)[::-1]))
    np.testing.assert_array_equal(turned.dense()[::-1], once.dense())
    other = dataclasses.replace(fitted, spec=Unconstrain(fill="drawn", seed=1)).apply(panel)
    assert (other.values != once.values).any()


def test_a_fit_serves_later_history_but_no_strange_series() -> None:
    demand, panel = shop(8, series=10, days=200)
    fitted = Unconstrain().fit(panel.until(panel.end - 50))
    after = fitted.apply(panel)
    hidden = ~panel.available & (panel.values > 0)
    assert after.values[hidden].mean() == pytest.approx(demand.ravel()[hidden].mean(), rel=0.08)
    with pytest.raises(DataError, match="'s9'"):
        Unconstrain().fit(panel.take(np.arange(9))).apply(panel)


def test_nothing_after_a_panels_end_is_learned() -> None:
    _, panel = shop(9, series=10, days=150)
    early = panel.until(panel.end - 40)
    changed = panel.with_values(np.where(panel.ordinals > early.end, 500.0, panel.values))
    np.testing.assert_array_equal(filled(early).values, filled(changed.until(early.end)).values)


# ---- project file -------------------------------------------------------------------------------------------------
def test_the_project_file_estimates_by_default_and_masks_where_asked_to() -> None:
    assert pipeline(Prepare()).steps == (Unconstrain("negbin", fill="drawn"),)
    assert pipeline(Prepare(stockouts="mask")).steps == ()
    asked = Prepare(stockouts="kaplan-meier", before_stockouts=True)
    assert pipeline(asked).steps == (Unconstrain("kaplan-meier", fill="drawn", before=True),)
    _, panel = shop(10, series=10, days=120)
    repairs = Repairs()
    after = prepare_panel(panel, Prepare(), repairs)
    assert after.values.sum() > panel.values.sum()
    table = repairs.frame()
    assert table["rule"].to_list() == [BEHIND]
    assert table["rows"][0] == (~panel.available & (panel.values > 0)).sum()
    assert table["remedy"][0].startswith("if sales in such steps were not cut short")
    assert prepare_panel(panel, Prepare(stockouts="mask"), Repairs()) is panel


def test_the_step_is_json_both_ways_and_refuses_nonsense() -> None:
    step = Unconstrain(method="kaplan-meier", fill="drawn", before=True, seed=3)
    assert step_from_dict(step.to_dict()) == step
    with pytest.raises(ConfigError, match="has no method 'tobit'"):
        Unconstrain(method="tobit")
    with pytest.raises(ConfigError, match="least of at least 1"):
        Unconstrain(least=0)
