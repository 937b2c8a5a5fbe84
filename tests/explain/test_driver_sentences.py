"""Drivers in words, English and Chinese: what people read, and that the numbers in it add up."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skucast.errors import ConfigError
from skucast.explain.circumstances import Circumstances, Occasion
from skucast.explain.driver_sentences import time_ahead
from skucast.explain.drivers import Drivers, drivers
from skucast.explain.parts import PARTS
from skucast.frequency import Frequency
from skucast.models import registry
from skucast.place import Place

from ..models.series import panel_of
from .known_model import Known

CHRISTMAS = Occasion(10, 11, "Christmas Day", "圣诞节")
NEW_YEAR = Occasion(17, 17, "New Year's Day", "元旦")


def made(units: dict[str, float], freq: str = "D", steps: int = 28, doubts: tuple[str, ...] = (), **about) -> Drivers:
    """Drivers of one series whose parts are spread evenly, holidays on Christmas Day and the next."""
    parts = np.zeros((1, steps, len(PARTS)))
    for name, amount in units.items():
        parts[0, :, PARTS.index(name)] = amount / steps
    if "holidays" in units and steps > 12:
        parts[0, :, 2] = 0
        parts[0, 10:12, 2] = units["holidays"] / 2
    said = {"price": np.array([np.nan]), "promoted": np.array([0]), "occasions": (CHRISTMAS, NEW_YEAR), **about}
    return Drivers(
        pl.DataFrame({"unique_id": ["a"]}), Frequency.parse(freq), 100, parts.sum(axis=2).astype(np.float32), parts,
        Circumstances(doubts=(doubts,), model="ets", covariates=((),), **said),
    )  # fmt: skip


def both(found: Drivers) -> tuple[str, str]:
    return found.sentences("en")[0], found.sentences("zh")[0]


def test_all_parts_are_told_with_their_reasons():
    found = made(
        {"level": 100, "season": 8, "holidays": 15, "promotion": 12, "price": -15, "weather": -4, "other": 4},
        price=np.array([0.1]), promoted=np.array([5]),
    )  # fmt: skip
    assert both(found) == (
        "Next 4 weeks: 120 units expected. Usual level 100, season +8, holidays +15 (Christmas Day), promotion +12 "
        "(5 of 28 days), price -15 (10 % dearer than usual), weather -4, other +4.",
        "未来 4 周预计售出 120 件：常态销量 100，季节 +8，节假日 +15（圣诞节），促销 +12（28 天中有 5 天），"
        "价格 -15（比平时贵 10%），天气 -4，其他因素 +4。",
    )


def test_nothing_special():
    assert both(made({"level": 1234.4, "season": 3})) == (
        "Next 4 weeks: 1,237 units expected, the usual level; nothing special lies ahead.",
        "未来 4 周预计售出 1,237 件，与常态持平，无特殊因素。",
    )


def test_next_to_no_demand():
    assert both(made({"level": 0.02}, "W", 13)) == (
        "Next 13 weeks: next to no demand is expected.",
        "未来 13 周预计几乎没有需求。",
    )


def test_small_forecasts_are_told_with_a_decimal():
    en, zh = both(made({"level": 4.0, "promotion": 1.26}, "W", 8, promoted=np.array([8])))
    assert en == "Next 8 weeks: 5.3 units expected. Usual level 4.0, promotion +1.3."
    assert zh == "未来 8 周预计售出 5.3 件：常态销量 4.0，促销 +1.3。"


def test_cheaper_and_several_holidays():
    found = made({"level": 100, "holidays": 20, "price": 30}, price=np.array([-0.25]))
    found.parts[0, 17, 2] = 10
    found = replace(found, mean=found.parts.sum(axis=2).astype(np.float32))
    en, zh = both(found)
    assert "holidays +30 (Christmas Day and New Year's Day), price +30 (25 % cheaper than usual)" in en
    assert "节假日 +30（圣诞节、元旦），价格 +30（比平时便宜 25%）" in zh


def test_a_holiday_that_moves_little_or_the_other_way_is_not_named():
    for units in (0.5, -6.0):
        found = made({"level": 100, "holidays": 20})
        found.parts[0, 17, 2] = units
        assert "(Christmas Day)" in found.sentences()[0]


def test_doubts_are_told():
    en, zh = both(made({"level": 50, "price": 10}, doubts=("price-steady-shared", "holidays-new")))
    assert en.endswith(
        " Mind that its price has not changed so far, so what a change does is taken from other items; it has been sold "
        "for less than a year, so these holidays are new to it."
    )
    assert zh.endswith("注意：该商品此前从未调价，价格的影响参照其他商品推算；该商品上市不足一年，尚未经历过这些节日。")
    en, zh = both(made({"level": 50}, doubts=("unused-promotion", "unused-price")))
    assert en.endswith(" Mind that the model 'ets' does not look at promotion and price, which will not be as usual.")
    assert zh.endswith("注意：届时促销、价格与平时不同，但模型 ets 不考虑这些因素。")
    en, zh = both(made({"level": 50}, doubts=("unlearned-promotion",)))
    assert "promotion will not be as usual, but the model 'ets' could learn nothing about that from the past." in en
    assert "未能从历史中学到其影响" in zh


@given(
    st.floats(0.1, 1e6),
    st.lists(st.floats(-0.9, 0.9), min_size=6, max_size=6),
)
def test_the_numbers_in_a_sentence_add_up(level, shares):
    effects = {n: level * x for n, x in zip(PARTS[1:], shares, strict=True)}
    short = level + sum(effects.values())
    units = {"level": level if short > 0 else level - short + 1, **effects}
    text = made(units, "W", 8).sentences()[0]
    if "Usual level" not in text:
        return
    total = float(re.search(r": ([\d,.]+) units? expected", text)[1].replace(",", ""))
    numbers = [
        float(x.replace(",", ""))
        for x in re.findall(r"(?:level |[a-z] )([+-]?[\d,]+(?:\.\d)?)(?=[,.( ])", text.split("expected. ")[1])
    ]
    assert sum(numbers) == pytest.approx(total, abs=0.051 if total < 20 else 0.5)
    assert numbers[0] >= 0


@pytest.mark.parametrize(
    ("freq", "steps", "en", "zh"),
    [
        ("D", 28, "Next 4 weeks", "未来 4 周"), ("D", 7, "Next week", "未来 1 周"), ("D", 30, "Next 30 days", "未来 30 天"),
        ("D", 1, "Next day", "未来 1 天"), ("W", 13, "Next 13 weeks", "未来 13 周"), ("MS", 6, "Next 6 months", "未来 6 个月"),
        ("h", 48, "Next 48 hours", "未来 48 小时"), ("QS", 4, "Next 4 quarters", "未来 4 个季度"), ("2D", 7, "Next 14 days", "未来 14 天"),
    ],
)  # fmt: skip
def test_the_time_ahead_in_words(freq, steps, en, zh):
    assert time_ahead(Frequency.parse(freq), steps, "en") == en
    assert time_ahead(Frequency.parse(freq), steps, "zh") == zh


def test_a_language_that_there_is_not_is_an_error():
    with pytest.raises(ConfigError, match="no language 'fr'"):
        made({"level": 5}).sentences("fr")


# ---- from a model ---------------------------------------------------------------------------------
def shop(days: int = 90, **columns: np.ndarray):
    flat = panel_of({"a": np.full(days, 10.0), "b": np.full(days, 10.0)}, end="2024-12-20")
    return replace(flat.with_known(columns), place=Place("GB"))


def test_what_the_past_does_not_hold_is_doubted():
    panel = shop(
        price=np.r_[np.full(90, 4.0), np.tile([4.0, 5.0, 4.0], 30)],
        promotion=np.r_[np.zeros(90), np.arange(90) % 9 == 0],
    )
    plan = {"price": np.full((2, 14), 3.0), "promotion": np.tile(np.arange(14) < 3, (2, 1)).astype(float)}
    found = drivers(Known().fit(panel), 14, plan)
    assert found.about.doubts == (("price-steady-shared", "promotion-new-shared", "holidays-new"), ("holidays-new",))
    np.testing.assert_allclose(found.about.price, [-0.25, -0.25])
    np.testing.assert_array_equal(found.about.promoted, [3, 3])
    en = found.sentences()[1]
    assert "holidays +" in en
    assert "(Christmas Day and New Year's Day)" in en
    assert "promotion +" in en
    assert "(3 of 14 days)" in en
    assert "(25 % cheaper than usual)" in en


def test_a_model_that_does_not_look_at_prices_says_so_only_where_they_move():
    panel = shop(price=np.tile(np.where(np.arange(90) % 20 < 3, 5.0, 4.0), 2))
    plan = {"price": np.stack([np.full(14, 4.0), np.full(14, 5.0)])}
    found = drivers(registry.make("seasonal-naive").fit(panel), 14, plan)
    assert list(found.about.doubts) == [(), ("unused-price",)]
    assert "seasonal-naive" in found.sentences()[1]


def test_a_series_that_fell_back_says_so():
    panel = panel_of({"a": np.full(60, 3.0), "b": [2.0, 3.0]})
    found = drivers(registry.make("arimax").fit(panel, horizon=7), 7) if registry.installed("arimax") else None
    if found is None:
        pytest.skip("the extra of 'arimax' is not installed")
    assert "simpler one stands in" in found.sentences()[1]
    assert "Mind" not in found.sentences()[0]
