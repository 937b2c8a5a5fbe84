from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest

from skucast.features.price import price_features, with_price_features
from skucast.panel import Panel
from tests.prepare.panels import daily

NAN = float("nan")


def as_past(panel: Panel) -> Panel:
    return replace(panel, known={}, past=dict(panel.known))


def test_relative_price_compares_with_the_median_of_eight_weeks() -> None:
    rng = np.random.default_rng(0)
    price = np.round(rng.uniform(8, 12, 120), 2)
    price[[4, 50]] = NAN
    found = price_features(daily([1.0] * 120, known={"price": [price]})).known["price_relative"]
    held = pd.Series(price).ffill()
    usual = pd.Series(price).rolling(56, min_periods=1).median().shift(1)
    np.testing.assert_allclose(found, (held / usual).fillna(1.0), rtol=1e-5)


def test_changes_discounts_and_promotions_by_hand() -> None:
    price = [10.0, 10, 8, 8, 8, 10, 12, NAN, 9]
    found = price_features(daily([1.0] * 9, known={"price": [price]}), lookahead=3).known
    np.testing.assert_allclose(
        found["price_change"], [0, 0, np.log(0.8), 0, 0, np.log(1.25), np.log(1.2), 0, np.log(0.75)], atol=1e-6
    )
    np.testing.assert_allclose(found["discount_depth"], [0, 0, 0.2, 0.2, 0.2, 0, 0, 0, 0.25], atol=1e-6)
    assert found["on_promotion"].tolist() == [0, 0, 1, 1, 1, 0, 0, 0, 1]
    assert found["promotion_run"].tolist() == [0, 0, 1, 2, 3, 0, 0, 0, 1]
    assert found["promotion_since"].tolist() == [60, 60, 0, 0, 0, 1, 2, 3, 0]
    assert found["promotion_next"].tolist() == [2, 1, 0, 0, 0, 3, 2, 1, 0]


def test_given_discounts_list_prices_and_promotions_go_before_guesses() -> None:
    known = {"price": [[8.0, 8, 8]], "list_price": [[10.0, 10, 8]]}
    found = price_features(daily([1.0] * 3, known=known)).known
    np.testing.assert_allclose(found["discount_depth"], [0.2, 0.2, 0], atol=1e-6)
    found = price_features(daily([1.0] * 3, known={**known, "discount": [[0.5, 0, NAN]]})).known
    np.testing.assert_allclose(found["discount_depth"], [0.5, 0, 0])
    found = price_features(daily([1.0] * 3, known={**known, "promotion": [[0, 1, 0]]})).known
    assert found["on_promotion"].tolist() == [0, 1, 0]


def test_rank_runs_from_the_cheapest_to_the_dearest_of_the_category() -> None:
    panel = daily([1.0] * 2, [1.0] * 2, [1.0] * 2, [1.0] * 2, known={"price": [[1.0, 9], [2, 8], [3, 7], [5, 5]]})
    panel = replace(panel, static=panel.static.with_columns(pl.Series("category", ["a", "a", "a", "b"])))
    rank = panel.dense(price_features(panel).known["price_rank"])
    assert rank.tolist() == [[0, 1], [0.5, 0.5], [1, 0], [0.5, 0.5]]


def test_a_price_known_only_afterwards_is_used_a_step_later() -> None:
    panel = daily([1.0] * 60, known={"price": [np.linspace(10, 5, 60)], "promotion": [np.arange(60) % 9 == 0]})
    now, later = price_features(panel).known, price_features(as_past(panel)).past
    assert price_features(as_past(panel)).known == {}
    for name in ("price_change", "on_promotion", "promotion_since", "promotion_run"):
        np.testing.assert_array_equal(later[name][2:], now[name][1:-1], err_msg=name)


@pytest.mark.parametrize("role", ["known", "past"])
def test_features_up_to_a_step_ignore_later_prices_and_all_demand(role: str) -> None:
    rng = np.random.default_rng(1)
    panel = daily(*([1.0] * n for n in (90, 70)), known={"price": [rng.uniform(5, 9, n) for n in (90, 70)],
                  "promotion": [rng.random(n) < 0.1 for n in (90, 70)]})  # fmt: skip
    late = panel.ordinals > panel.end - 30
    spoiled = replace(panel, known={n: np.where(late, np.float32(3.3), c) for n, c in panel.known.items()})
    spoiled = spoiled.with_values(np.full(panel.values.size, 1e6))
    made = [price_features(p if role == "known" else as_past(p)) for p in (panel, spoiled)]
    one, other = (getattr(m, role) for m in made)
    assert set(one) == set(other)
    assert len(one) >= 6
    until = ~late if role == "known" else panel.ordinals <= panel.end - 29  # a past price tells of the next step
    for name in one:
        np.testing.assert_array_equal(one[name][until], other[name][until], err_msg=name)


def test_known_features_reach_into_the_future() -> None:
    rng = np.random.default_rng(2)
    history = {"price": [rng.uniform(5, 9, 80)], "promotion": [np.zeros(80)]}
    panel = daily([1.0] * 80, known=history)
    future = {"price": np.full((1, 14), 4.0, np.float32), "promotion": np.ones((1, 14), np.float32)}
    grown, ahead = with_price_features(panel, future)
    assert set(ahead) == set(grown.known)
    assert all(block.shape == (1, 14) and np.isfinite(block).all() for block in ahead.values())
    assert ahead["promotion_run"][0].tolist() == list(range(1, 15))
    assert ahead["price_relative"][0, 0] < 1
    whole = price_features(panel.append(np.full((1, 14), NAN), known=future)).known
    for name in whole:
        np.testing.assert_array_equal(whole[name], np.concatenate([grown.known[name], ahead[name][0]]), err_msg=name)


def test_past_features_stay_past_and_a_panel_without_prices_has_none() -> None:
    panel = daily([1.0] * 5, known={"price": [[1.0, 2, 3, 2, 1]]})
    grown, ahead = with_price_features(as_past(panel), None)
    assert ahead == {}
    assert {"price_relative", "price_change"} <= set(grown.past)
    bare = price_features(daily([1.0] * 5))
    assert (bare.known, bare.past) == ({}, {})


def test_unknown_prices_are_neutral() -> None:
    found = price_features(daily([1.0] * 4, known={"price": [[NAN, NAN, 0.0, NAN]]})).known
    assert found["price_relative"].tolist() == [1, 1, 1, 1]
    assert found["price_change"].tolist() == [0, 0, 0, 0]
    assert all(np.isfinite(column).all() for column in found.values())
