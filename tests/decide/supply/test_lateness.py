"""Lateness: shares and days against known truths, intervals, shrinkage, sentences in both languages."""

import datetime as dt
import re

import numpy as np
import polars as pl
import pytest

from skucast.decide.supply import Lateness, learned_lead_times
from skucast.errors import ConfigError

from .making import START, records

NAMES = ("supplier", "ordered", "days", "promised")


def late_rows(name, share, n, late_days=10, seed=0):
    rng = np.random.default_rng(seed)
    return [
        (name, 4 * k, 20 + (late_days if rng.uniform() < share else -int(rng.integers(0, 3))), 20) for k in range(n)
    ]


@pytest.fixture(scope="module")
def three():
    rows = late_rows("Bad", 0.5, 150, seed=1) + late_rows("Good", 0.05, 150, seed=2) + late_rows("Rare", 1.0, 2, seed=3)
    return learned_lead_times(records(rows, NAMES))


def test_shares_and_days_are_those_of_the_records_and_early_is_on_time(three):
    bad, good = three.lateness("Bad"), three.lateness("Good")
    assert bad.deliveries == 150
    assert bad.late == pytest.approx(0.5, abs=0.08)
    assert bad.days == pytest.approx(5, abs=0.9)
    assert good.late == pytest.approx(0.05, abs=0.04)
    assert bad.days_when_late == pytest.approx(10, abs=1)
    for found in (bad, good):
        assert found.late_low < found.late < found.late_high
        assert found.days_low < found.days < found.days_high


def test_two_late_deliveries_do_not_make_a_supplier_always_late(three):
    rare = three.lateness("Rare")
    assert three.lateness("Nobody").late < rare.late < 0.9
    assert rare.late_high - rare.late_low > 2 * (three.lateness("Bad").late_high - three.lateness("Bad").late_low)


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(9)
    truth = {f"S{k:02d}": float(rng.beta(2, 6)) for k in range(60)}
    rows = [row for k, (name, share) in enumerate(truth.items()) for row in late_rows(name, share, 30, seed=100 + k)]
    learned = learned_lead_times(records(rows, NAMES))
    found = [learned.lateness(name) for name in truth]
    held = np.mean([f.late_low <= truth[f.supplier] <= f.late_high for f in found])
    assert 0.68 <= held <= 0.92
    error = [(f.late - truth[f.supplier]) ** 2 for f in found]
    own = [
        (np.mean([days > promised for s, _, days, promised in rows if s == name]) - share) ** 2
        for name, share in truth.items()
    ]
    assert np.mean(error) < 0.9 * np.mean(own)  # shrunk towards the others, they are nearer to the truth


def test_only_promises_that_have_come_due_count_and_overdue_orders_are_late():
    rows = [("Acme", k, 10, 10) for k in range(30)] + [("Acme", 30 + k, None, 10) for k in range(10)]
    as_of = START + dt.timedelta(
        days=45
    )  # of the ten open orders five are overdue, by 1 to 5 days, and one is due today
    found = learned_lead_times(records(rows, NAMES), as_of=as_of).lateness("Acme")
    assert found.deliveries == 36
    assert found.late == pytest.approx(5 / 35, abs=0.05)
    assert found.days > 15 / 36  # at least what they are late already
    without = learned_lead_times(records(rows[:30], NAMES), as_of=as_of).lateness("Acme")
    assert without.late < found.late


def test_without_promises_nothing_is_said(three):
    learned = learned_lead_times(records([("Acme", 5 * k, 10) for k in range(9)]))
    assert learned.lateness("Acme") is None
    assert learned.risks().is_empty()
    assert learned.risks().columns == list(Lateness.COLUMNS)
    with pytest.raises(ConfigError, match="between 0 and 1, not be 1"):
        three.lateness("Bad", level=1)


def test_the_table_of_risks_begins_with_the_worst(three):
    table = three.risks()
    assert table["supplier"].to_list()[-1] == "Good"
    assert table.height == 3
    assert table["days_late"].is_sorted(descending=True)
    assert table["risk_en"][2] == three.lateness("Good").sentence()
    assert three.risks().equals(three.risks())


LATE = Lateness("Acme {Ltd}", 40, 0.8, 0.25, 0.182, 0.331, 2.5, 1.6, 3.62)


@pytest.mark.parametrize(
    ("late", "en", "zh"),
    [
        (
            LATE,
            "Acme {Ltd} comes later than promised in 25 % of deliveries (80 % interval 18 % to 33 %, from 40 "
            "deliveries), then by 10 days on average; expect 2.5 days (1.6 to 3.6) late per delivery.",
            "Acme {Ltd} 有 25%的到货晚于承诺日期（80% 区间 18% 至 33%，依据 40 次到货记录），迟到时平均晚 10 天；"
            "平均每次到货预计晚 2.5 天（1.6 至 3.6）。",
        ),
        (
            Lateness("B", 1, 0.8, 0.02, 0.004, 0.05, 0.02, 0.0, 0.06),
            "B is seldom late: 2 % of deliveries come later than promised (80 % interval <1 % to 5 %, from 1 delivery), "
            "and hardly a day is lost by it. Doubtful: only 1 delivery.",
            "B 很少迟到：2%的到货晚于承诺日期（80% 区间 <1% 至 5%，依据 1 次到货记录），平均几乎不耽误时间。"
            "注意：仅有 1 次到货记录，结果仅供参考。",
        ),
        (
            Lateness("C", 0, 0.8, 0.1, float("nan"), float("nan"), 1.0, float("nan"), float("nan")),
            "C has no promised day that has come due; across all suppliers 10 % of deliveries come later than promised, "
            "1 day late on average.",
            "C 尚无已到期的承诺交期；所有供应商平均有 10%的到货晚于承诺日期，平均晚 1 天。",
        ),
    ],
)
def test_the_sentence_says_it_in_both_languages(late, en, zh):
    assert late.sentence("en") == en
    assert late.sentence("zh") == zh
    assert not re.search(r"\{(?!Ltd)", late.sentence("en") + late.sentence("zh"))


def test_intervals_are_seeded_and_do_not_depend_on_other_suppliers_records(three):
    again = three.lateness("Bad")
    assert again == three.lateness("Bad")
    assert isinstance(three.risks(), pl.DataFrame)
