import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skucast.decide.health import project_stock
from skucast.errors import DataError


def one(demand, on_hand, arrivals=None, expiring=None, **more):
    paths = np.array(demand, dtype=np.float32)
    paths = paths.reshape(1, *(paths.shape if paths.ndim == 2 else (1, paths.size)))
    lay = lambda x: None if x is None else np.array([x], dtype=float)  # noqa: E731
    return project_stock(paths, np.array([float(on_hand)]), lay(arrivals), lay(expiring), **more)


def test_one_path_by_hand():
    p = one([4, 4, 4, 4], 10, [0, 0, 3, 5])
    # 10-4=6; 6-4=2; 2+3-4=1; 1+5-4=2
    assert p.shelf[0].tolist() == [6, 2, 1, 2]
    assert p.unmet[0].tolist() == [0, 0, 0, 0]
    assert p.p_short[0].tolist() == [0, 0, 0, 0]


def test_lost_sales_are_gone_and_backorders_wait():
    lost = one([4, 4, 1], 6, [0, 0, 5])
    assert lost.mean[0].tolist() == [2, 0, 4]
    assert lost.unmet[0].tolist() == [0, 2, 0]
    waits = one([4, 4, 1], 6, [0, 0, 5], backorders=True)
    assert waits.mean[0].tolist() == [2, -2, 2]
    assert waits.owed[0].tolist() == [0, 2, 0]
    assert waits.sold[0].tolist() == [4, 2, 3]


def test_stock_below_zero_is_owed_and_served_first():
    p = one([1, 1, 1], -3, [0, 4, 2])
    # owed 3, 1 lost; 4 arrive: 3 to those who wait, 1 sold; 2 arrive: 1 sold
    assert p.mean[0].tolist() == [-3, 0, 1]
    assert p.unmet[0].tolist() == [1, 0, 0]
    assert p.sold[0].tolist() == [0, 4, 1]


def test_the_oldest_units_are_sold_first_and_what_expires_is_wasted():
    # 10 on hand for 2 steps, 5 arrive in step 2 and keep for 2 steps; demand 3 a step
    p = one([3, 3, 3, 3], 10, [0, 5, 0, 0], [0, 10, 5, 0])
    # after 2 steps 6 sold of the first 10: 4 wasted; then 5: 3 sold, 2 wasted; then nothing
    assert p.wasted[0].tolist() == [0, 4, 2, 0]
    assert p.shelf[0].tolist() == [7, 5, 0, 0]
    assert p.unmet[0].tolist() == [0, 0, 0, 3]


def test_chances_count_paths():
    p = one([[1, 1], [2, 2], [3, 0], [9, 0]], 3)
    assert p.p_short[0].tolist() == [0.25, 0.5]  # 9 at once; 2 + 2 later
    assert p.p_empty[0].tolist() == [0.5, 0.75]
    assert p.levels[3] == 0.5
    assert p.fan[0, 0, 3] == pytest.approx(np.median([2, 1, 0, 0]))


def aged(demand, on_hand, arrivals, keeps):
    """The stock unit by unit: a list of ages, as a check of the running total."""
    shelf, wasted, lost, sizes = [keeps] * on_hand, [], [], []
    for d, a in zip(demand, arrivals, strict=True):
        shelf += [keeps] * a
        sold = min(d, len(shelf))
        shelf = [left - 1 for left in shelf[sold:]]
        lost.append(d - sold)
        wasted.append(sum(left == 0 for left in shelf))
        shelf = [left for left in shelf if left]
        sizes.append(len(shelf))
    return sizes, wasted, lost


steps = st.integers(1, 7)


@given(st.data())
def test_the_running_total_agrees_with_ages_unit_by_unit(data):
    horizon, keeps = data.draw(steps), data.draw(st.integers(1, 4))
    amounts = st.lists(st.integers(0, 6), min_size=horizon, max_size=horizon)
    demand, arrivals, on_hand = data.draw(amounts), data.draw(amounts), data.draw(st.integers(0, 12))
    from skucast.decide.health.projection import expiring_steps

    old = expiring_steps(
        np.array([float(on_hand)]),
        np.array([arrivals], float),
        np.array([keeps * 7.0]),
        np.array([keeps * 7.0]),
        7.0,
        horizon,
    )
    p = project_stock(np.array([[demand]], np.float32), [on_hand], [arrivals], old)
    sizes, wasted, lost = aged(demand, on_hand, arrivals, keeps)
    assert p.shelf[0].tolist() == sizes
    assert p.wasted[0].tolist() == wasted
    assert p.unmet[0].tolist() == lost


@given(st.data(), st.booleans())
def test_units_balance_chances_are_chances_and_the_fan_is_ordered(data, waits):
    items, n, horizon = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 5)), data.draw(steps)
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    paths = rng.gamma(0.5, 4, (items, n, horizon)).astype(np.float32)
    on_hand, arrivals = rng.integers(-5, 20, items).astype(float), rng.poisson(2, (items, horizon)).astype(float)
    old = np.zeros((items, horizon))
    old[:, horizon // 2] = np.maximum(on_hand, 0) * rng.random(items)
    p = project_stock(paths, on_hand, arrivals, old, backorders=waits)
    opening = np.maximum(on_hand, 0)[:, None]
    flow = np.cumsum(p.arrived - p.sold - p.wasted, axis=1)
    assert np.allclose(opening + flow, p.shelf, atol=1e-6)
    asked = paths.mean(axis=1, dtype=float)
    owed_before = np.concatenate([np.maximum(-on_hand, 0)[:, None], p.owed[:, :-1]], axis=1)
    lost = 0 if waits else p.unmet
    assert np.allclose(owed_before + asked - p.sold - lost, p.owed, atol=1e-5)
    assert (p.shelf >= -1e-6).all()
    for chance in (p.p_short, p.p_empty):
        assert ((chance >= 0) & (chance <= 1)).all()
    assert (np.diff(p.p_short, axis=1) >= 0).all()
    assert (np.diff(p.fan, axis=2) >= -1e-9).all()


@given(st.integers(0, 999))
def test_without_arrivals_an_empty_shelf_only_grows_likelier_and_more_stock_never_hurts(seed):
    rng = np.random.default_rng(seed)
    paths = rng.poisson(2, (2, 20, 8)).astype(np.float32)
    bare = project_stock(paths, [6.0, 9.0])
    assert (np.diff(bare.p_empty, axis=1) >= 0).all()
    more = project_stock(paths, [8.0, 11.0])
    helped = project_stock(paths, [6.0, 9.0], np.eye(8)[[3, 3]] * 5)
    for better in (more, helped):
        assert (better.p_short <= bare.p_short).all()
        assert (better.p_empty <= bare.p_empty).all()


def test_impossible_amounts_are_refused():
    with pytest.raises(DataError, match="arrivals"):
        one([1, 1], 3, [-1, 0])
    with pytest.raises(DataError, match="More units expire"):
        one([1, 1], 3, None, [4, 0])
    with pytest.raises(DataError, match="on_hand"):
        one([1, 1], np.nan)
