"""Inputs of the network: what they say, and what they must not depend on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skucast.models.pretrained.effects import COLUMNS, effects
from skucast.models.pretrained.grid import HORIZON, Grid
from skucast.models.pretrained.inputs import attended, inputs, scale_of
from skucast.models.pretrained.occasions import none_on
from skucast.models.pretrained.prior.block import draw
from skucast.models.pretrained.window import CALENDAR, SLOTS, Window, calendar


def window(demand: np.ndarray, kind: str = "D", **more: np.ndarray) -> Window:
    rows, length = demand.shape
    grid = Grid.of(kind)  # type: ignore[arg-type]
    steps = length + HORIZON
    empty = np.full((rows, steps), np.nan, np.float32)
    given = {
        "price": empty,
        "promotion": empty,
        "occasion": none_on(steps).channels()[None],
        "ago": np.zeros((1, steps), np.int16),
        "slots": np.full((rows, steps, SLOTS), np.nan, np.float32),
    } | more
    days = calendar(grid, 19_000 + np.arange(steps) * round(grid.days))[None]
    return Window(grid, demand.astype(np.float32), np.zeros(demand.shape, bool), days, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["h", "D", "W", "M"])
def test_inputs_are_finite_and_bounded_for_every_synthetic_series(kind: str) -> None:
    made = inputs(draw(3, 0, 64, kind, ("GB",)).window)  # type: ignore[arg-type]
    for array in (made.history, made.tokens, made.steps):
        assert np.isfinite(array).all()
    assert np.abs(made.history).max() <= 12
    assert (made.scale > 0).all()


def test_a_series_does_not_depend_on_its_neighbours() -> None:
    w = draw(3, 1, 32, "D", ("GB",)).window
    turned = np.random.default_rng(0).permutation(32)
    fields = ("demand", "sold_out", "calendar", "price", "promotion", "occasion", "ago", "slots")
    other = replace(w, **{name: getattr(w, name)[turned] for name in fields})
    one, two = inputs(w), inputs(other)
    for name in ("history", "tokens", "steps", "scale"):
        np.testing.assert_array_equal(getattr(one, name)[turned], getattr(two, name))


def test_money_and_weight_look_the_same_in_any_unit() -> None:
    rng = np.random.default_rng(0)
    demand = np.exp(rng.normal(0, 0.4, (4, 200)))
    one, two = inputs(window(demand)), inputs(window(demand * 1000))
    np.testing.assert_allclose(two.scale / one.scale, 1000, rtol=1e-5)
    for name in ("history", "tokens", "steps"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), atol=2e-3)


def scale(demand: np.ndarray) -> np.ndarray:
    seen = ~np.isnan(demand)
    return scale_of(np.where(seen, demand, 0).astype(np.float32), seen.astype(np.float32), 56)


def test_the_scale_follows_recent_demand_but_does_not_vanish_with_it() -> None:
    rising = np.concatenate([np.full((1, 300), 1.0), np.full((1, 200), 100.0)], axis=1)
    assert 85 < scale(rising)[0] < 100
    asleep = np.concatenate([np.full((1, 300), 100.0), np.full((1, 200), 0.0)], axis=1)
    assert scale(asleep)[0] == pytest.approx(0.3 * 60)
    assert scale(np.zeros((1, 9)))[0] == 1
    assert scale(np.full((1, 9), np.nan))[0] == 1


def test_history_that_is_not_observed_changes_nothing() -> None:
    rng = np.random.default_rng(1)
    demand = rng.poisson(5, (3, 128)).astype(float)
    demand[:, :64] = np.nan
    long, short = (
        inputs(window(demand)),
        inputs(replace(window(demand[:, 64:]), calendar=window(demand).calendar[:, 64:])),
    )
    np.testing.assert_allclose(long.steps, short.steps, atol=1e-5)
    share = [
        k for k in range(long.history.shape[1]) if not np.allclose(long.history[:, k], short.history[:, k], atol=1e-4)
    ]
    assert len(share) <= COLUMNS  # shares of the context in which a covariate is known
    np.testing.assert_allclose(long.tokens[:, -64:], short.tokens[:, -64:], atol=1e-5)


def test_the_same_day_of_last_year_and_last_week_are_found() -> None:
    rng = np.random.default_rng(2)
    demand = rng.poisson(20, (1, 512)).astype(float)
    made = inputs(window(demand))
    space = made.squash(demand.astype(np.float32))[0]
    columns = made.steps[0].T
    week = [
        c for c in columns if np.allclose(c[:7], space[-7:], atol=1e-5) and np.allclose(c[7:14], space[-7:], atol=1e-5)
    ]
    year = [c for c in columns if np.allclose(c, space[512 - 364 : 512 - 364 + HORIZON], atol=1e-5)]
    assert len(week) == 1
    assert len(year) == 1


def test_the_last_time_of_a_moving_occasion_is_found() -> None:
    demand = np.full((1, 512), 10.0)
    demand[0, 512 + 5 - 380] = 60
    ago = np.zeros((1, 512 + HORIZON), np.int16)
    ago[0, 512 + 5] = 380
    made = inputs(window(demand, ago=ago))
    told = [c for c in made.steps[0].T if c[5] != 0 and not c[np.arange(HORIZON) != 5].any()]
    assert len(told) == 4  # above its level, itself, whether known, above its level in units of noise
    assert min(c[5] for c in told) >= 1


def test_effects_of_price_and_promotion_are_found_and_shrunk() -> None:
    rng = np.random.default_rng(3)
    promotion = (rng.random((2, 300 + HORIZON)) < 0.1).astype(np.float32)
    promotion[1] = np.nan
    price = np.exp(np.cumsum(rng.normal(0, 0.05, (2, 300 + HORIZON)) * (rng.random((2, 300 + HORIZON)) < 0.05), axis=1))
    residual = (0.8 * np.nan_to_num(promotion) + 0.05 * rng.normal(size=promotion.shape))[:, :300].astype(np.float32)
    w = window(np.ones((2, 300)), promotion=promotion, price=price.astype(np.float32))
    found = effects(w, residual - residual.mean(axis=1, keepdims=True), np.ones((2, 300), np.float32))
    ahead = found.ahead[0, :, 1]
    on = promotion[0, 300:] == 1
    assert 0.5 < ahead[on].mean() - ahead[~on].mean() < 0.85
    assert np.abs(found.ahead[1, :, 1]).max() == 0
    assert np.abs(found.ahead[:, :, 0]).max() < 0.3
    assert found.present[1, 1].sum() == 0


def test_a_series_without_covariates_reads_the_same_beside_one_that_has_some() -> None:
    demand = np.random.default_rng(5).poisson(6, (2, 90)).astype(float)
    promotion = np.full((2, 90 + HORIZON), np.nan, np.float32)
    promotion[1] = np.arange(90 + HORIZON) % 9 == 0
    mixed, alone = inputs(window(demand, promotion=promotion)), inputs(window(demand[:1]))
    for name in ("history", "tokens", "steps"):
        np.testing.assert_array_equal(getattr(mixed, name)[0], getattr(alone, name)[0])


def test_a_constant_covariate_says_nothing_even_if_it_changes_ahead() -> None:
    slots = np.full((1, 100 + HORIZON, SLOTS), np.nan, np.float32)
    slots[:, :, 0] = 7.0
    slots[:, 100:, 0] = 1e6
    w = window(np.random.default_rng(4).poisson(3, (1, 100)).astype(float), slots=slots)
    assert np.abs(effects(w, np.ones((1, 100), np.float32), np.ones((1, 100), np.float32)).shown[3]).max() == 0


def test_tokens_are_the_last_steps_and_the_season_before_the_forecast() -> None:
    picked = attended(Grid.of("D"), 512)
    assert set(range(512 - 64, 512)) <= set(picked.tolist())
    assert set(range(512 - 364, 512 - 364 + HORIZON)) <= set(picked.tolist())
    assert attended(Grid.of("M"), 64).tolist() == list(range(64))


def test_the_calendar_knows_weekdays_and_waves() -> None:
    monday = np.array([int(np.datetime64("2024-01-01", "D").astype(int))])
    row = calendar(Grid.of("D"), monday)[0]
    assert row.shape == (CALENDAR,)
    assert row[6:13].tolist() == [1, 0, 0, 0, 0, 0, 0]
    np.testing.assert_allclose(row[:4], [0, 1, 0, 1], atol=1e-6)
    assert not calendar(Grid.of("W"), monday)[0, 4:].any()
