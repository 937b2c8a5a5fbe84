"""The synthetic prior: repeatable by block number, and like the demand of real shops in its moments."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from skucast.models.pretrained.grid import HORIZON, Kind
from skucast.models.pretrained.prior.axis import FIRST_DAY, Axis, nearest_within
from skucast.models.pretrained.prior.block import Block, draw
from skucast.models.pretrained.prior.counts import counts
from skucast.models.pretrained.prior.festivity import festivity
from skucast.models.pretrained.prior.level import level
from skucast.models.pretrained.prior.promotion import promotion
from skucast.models.pretrained.prior.stream import stream

FEW = ("GB", "US")
# 10 %, 50 % and 90 % quantiles over series of sets of real demand, well before their ends: zero share, squared
# coefficient of variation of sales, autocorrelation at one step and at a week of days
REAL_DAILY = {
    "hierarchical": {"zero": (0.05, 0.21, 0.50), "cv2": (0.37, 0.57, 2.64), "ac1": (0.00, 0.17, 0.66), "week": (0.06, 0.17, 0.31)},
    "m5": {"zero": (0.19, 0.61, 0.90), "cv2": (0.10, 0.30, 0.53), "ac1": (-0.04, 0.07, 0.38), "week": (-0.03, 0.07, 0.29)},
}  # fmt: skip
REAL_WEEKLY = {
    "hierarchical": {"zero": (0.0, 0.0, 0.02), "cv2": (0.11, 0.36, 3.2), "ac1": (0.15, 0.33, 0.56)},
    "m5": {"zero": (0.0, 0.10, 0.48), "cv2": (0.12, 0.25, 0.46), "ac1": (-0.10, 0.22, 0.67)},
    "walmart": {"zero": (0.0, 0.0, 0.0), "cv2": (0.0, 0.03, 0.34), "ac1": (0.09, 0.48, 0.79)},
    "uci": {"zero": (0.01, 0.53, 0.93), "cv2": (0.12, 0.93, 4.04), "ac1": (-0.06, 0.16, 0.61)},
}


@cache
def block(kind: Kind, number: int = 0) -> Block:
    return draw(7, number, 256, kind, FEW)


def arrays(made: Block) -> list[np.ndarray]:
    w = made.window
    return [w.demand, w.sold_out, w.calendar, w.price, w.promotion, w.occasion, w.ago, w.slots, made.future]


def moments(kind: Kind) -> dict[str, np.ndarray]:
    found: dict[str, list[float]] = {"zero": [], "cv2": [], "ac1": [], "week": []}
    for number in range(2):
        for row in block(kind, number).window.demand.astype(np.float64):
            seen = row[~np.isnan(row)]
            if seen.size < 40 or not seen.any():
                continue
            found["zero"].append((seen == 0).mean())
            found["cv2"].append((seen[seen > 0].std() / seen[seen > 0].mean()) ** 2)
            log = np.log1p(row / seen.mean())
            log -= np.nanmean(log)
            for name, lag in (("ac1", 1), ("week", 7)):
                found[name].append(np.nanmean(log[lag:] * log[:-lag]) / max(np.nanvar(log), 1e-9))
    return {name: np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95]) for name, values in found.items()}


def test_a_block_depends_on_its_number_only() -> None:
    again = draw(7, 3, 16, "W", FEW)
    draw(7, 4, 16, "D", FEW)
    for left, right in zip(arrays(again), arrays(draw(7, 3, 16, "W", FEW)), strict=True):
        np.testing.assert_array_equal(left, right)
    assert not np.array_equal(again.window.demand, draw(7, 5, 16, "W", FEW).window.demand[:, : again.window.context])
    assert not np.array_equal(stream(1, 0).random(4), stream(1, 0, 2).random(4))
    assert not np.array_equal(stream(1, 0).random(4), stream(2, 0).random(4))


@pytest.mark.parametrize("kind", ["h", "D", "W", "M"])
def test_blocks_have_the_shapes_of_their_frequency_and_sound_numbers(kind: Kind) -> None:
    made = block(kind)
    w = made.window
    assert w.grid.kind == kind
    assert w.horizon == HORIZON
    assert made.future.shape == (256, HORIZON)
    for array in (w.demand, made.future, w.price, w.promotion, w.slots):
        assert not np.isinf(array).any()
    assert np.nanmin(w.demand) >= 0
    assert np.nanmin(w.price) > 0
    assert set(np.unique(w.promotion[~np.isnan(w.promotion)])) <= {0.0, 1.0}


def test_histories_of_any_length_occur_down_to_none() -> None:
    drawn = [draw(7, number, 48, kind, FEW).window.demand for kind in ("D", "W") for number in range(10, 16)]
    seen = np.concatenate([(~np.isnan(d)).sum(axis=1) for d in drawn])
    full = np.concatenate([(~np.isnan(d)).mean(axis=1) > 0.95 for d in drawn])
    assert (seen == 0).mean() > 0.005
    assert 0.1 < (seen < 40).mean() < 0.5
    assert 0.2 < full.mean() < 0.6
    assert (seen == 512).any()


def test_stock_outs_that_are_flagged_are_hidden_and_others_are_zeros() -> None:
    w = block("D").window
    assert w.sold_out.any()
    assert np.isnan(w.demand[w.sold_out]).all()


@pytest.mark.parametrize("kind", ["D", "W"])
def test_moments_cover_those_of_real_shops(kind: Kind) -> None:
    ours = moments(kind)
    for name, theirs in (REAL_DAILY if kind == "D" else REAL_WEEKLY).items():
        for moment, (_, middle, _) in theirs.items():
            low, *_, high = ours[moment]
            assert low - 0.03 <= middle <= high + 0.03, (name, moment, ours[moment])
    # and the middle half of ours lies within what real sets show
    for moment in ("zero", "ac1"):
        real = np.array([t[moment] for t in (REAL_DAILY if kind == "D" else REAL_WEEKLY).values()])
        assert ours[moment][1] >= real[:, 0].min() - 0.1
        assert ours[moment][3] <= real[:, 2].max() + 0.1


def test_dates_are_real_christmas_and_easter_fall_where_they_do() -> None:
    near = nearest_within("GB", "D")
    christmas = int(np.datetime64("2023-12-25", "D").astype(int)) - FIRST_DAY
    assert near.distance[christmas] == 0
    assert near.keys[near.which[christmas]] == "christmas"
    assert near.distance[christmas - 3] == -3
    assert near.ago[christmas] == 365
    easter = int(np.datetime64("2024-03-31", "D").astype(int)) - FIRST_DAY
    assert near.keys[near.which[easter]] == "easter"
    assert near.ago[easter] == (np.datetime64("2024-03-31") - np.datetime64("2023-04-09")).astype(int)
    weekly = nearest_within("GB", "W")
    assert weekly.distance[christmas - 3] == 0  # the week around that Friday contains it


def test_occasions_that_are_not_told_still_move_demand() -> None:
    rng = np.random.default_rng(0)
    axis = Axis.draw(rng, "D", 200, FEW)
    feast = festivity(rng, axis)
    told = feast.channels[:, :, 0].any(axis=1)
    moved = np.abs(feast.log).sum(axis=1) > 0
    assert 0.5 < told.mean() < 0.9
    assert (moved & ~told).mean() > 0.1
    assert not feast.ago[~told].any()
    assert (np.abs(feast.log).max(axis=1) < 6).all()


def test_promotions_sell_more_and_rivals_promotions_less() -> None:
    rng = np.random.default_rng(1)
    axis = Axis.draw(rng, "D", 400, FEW)
    offer = promotion(rng, axis, np.zeros((400, axis.steps), np.float32))
    on = offer.flag == 1
    assert on.any()
    assert offer.log[on].mean() > 0.3
    quiet = offer.flag == 0
    alone, beside = quiet & (offer.rivals == 0), quiet & (offer.rivals > 0)
    assert offer.log[beside].mean() < offer.log[alone].mean()


def test_prices_are_hidden_stale_or_follow_demand_in_some_series() -> None:
    rng = np.random.default_rng(2)
    axis = Axis.draw(rng, "W", 600, FEW)
    surprise = rng.standard_normal((600, axis.steps)).astype(np.float32)
    price = promotion(rng, axis, surprise).price
    hidden = np.isnan(price).all(axis=1)
    assert 0.2 < hidden.mean() < 0.7
    shown = np.log(price[~hidden])
    ahead = shown[:, axis.context - 1 :]
    assert (np.ptp(ahead, axis=1) == 0).mean() > 0.1
    x, y = surprise[~hidden][:, : axis.context], shown[:, : axis.context]
    r = [np.corrcoef(a, b)[0, 1] for a, b in zip(x, y, strict=True) if np.ptp(b) > 0]
    assert (np.array(r) < -0.4).mean() > 0.03


def test_counts_keep_the_mean_that_they_are_given() -> None:
    rng = np.random.default_rng(3)
    base = np.repeat(np.log([0.5, 5.0, 50.0]), 400)[:, None].astype(np.float32)
    mean = np.exp(np.broadcast_to(base, (1200, 400))).astype(np.float32)
    units = counts(rng, mean, base)
    ratio = (units.mean(axis=1) / mean[:, 0]).reshape(3, 400)
    assert (np.abs(np.median(ratio, axis=1) - 1) < 0.1).all()
    whole = (units % 1 == 0).all(axis=1).reshape(3, 400)
    assert whole[0].all()
    assert 0.05 < (~whole[1:]).mean() < 0.3


def test_levels_begin_at_the_launch_and_wander_about_their_base() -> None:
    rng = np.random.default_rng(4)
    axis = Axis.draw(rng, "W", 500, FEW)
    made = level(rng, axis)
    assert np.isfinite(made.log).all()
    away = made.log[:, axis.context - 1] - made.base[:, 0]
    assert abs(np.median(away)) < 0.1
    assert 0.1 < (made.launch > 0).mean() < 0.35


def test_some_items_sleep_and_wake_and_some_have_zeros_before_their_launch() -> None:
    rng = np.random.default_rng(5)
    axis = Axis.draw(rng, "W", 800, FEW)
    log = level(rng, axis).log[:, : axis.context]
    falls, rises = (np.diff(log, axis=1) < -2).any(axis=1), (np.diff(log, axis=1) > 2).any(axis=1)
    assert 0.05 < (falls & rises).mean() < 0.3
    late, dormant = 0.0, 0.0
    for number in range(4):
        demand = draw(8, number, 256, "D", FEW).window.demand
        sold = np.nan_to_num(demand) > 0
        first, listed = np.where(sold.any(axis=1), sold.argmax(axis=1), 0), (~np.isnan(demand)).argmax(axis=1)
        steady = np.array([k and np.nanmedian(row[k : k + 14]) > 0 for row, k in zip(demand, first, strict=True)])
        late += (steady & (first == listed) & (first > 30)).mean() / 4
        dormant += (steady & (first - listed > 30)).mean() / 4
    assert late > 0.05
    assert dormant > 0.01


def test_some_launches_are_slow_and_some_are_hyped() -> None:
    rng = np.random.default_rng(6)
    axis = Axis.draw(rng, "W", 2000, FEW)
    made = level(rng, axis)
    begins = made.launch[:, 0]
    early = (begins > 0) & (begins < axis.context - 8)
    rows = np.flatnonzero(early)
    grew = np.array([made.log[k, begins[k] + 8] - made.log[k, begins[k]] for k in rows])
    assert 0.1 < (grew > 0.7).mean() < 0.5
    assert 0.1 < (grew < -0.7).mean() < 0.5
