"""Classical decomposition for many series at once: centred moving average, seasonal means, and a test of season.

Sources: Hyndman & Athanasopoulos, Forecasting: Principles and Practice (3rd ed.), sections 3.3 and 3.4; the test is
that of Fiorucci et al. (2016), Models for optimising the theta method, IJF 32.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
_LEAST_INDEX = 0.01  # a multiplicative season below it is no season but a closed day


def centred_mean(y: F64, m: int) -> F64:
    """Moving average over one whole season around each step, ``(T, S)``.

    An even season takes ``m + 1`` steps, the outer two by half. Missing steps are left out where at least half
    of the season is there.

    Args:
        y: ``(T, S)``, time first; NaN is missing.
        m: season's length.

    Returns:
        NaN in the first and last half season of each series.
    """
    steps, count = y.shape
    out = np.full((steps, count), np.nan)
    reach = m // 2
    if steps < 2 * reach + 1:
        return out
    seen = ~np.isnan(y)
    total, number = _windows(np.where(seen, y, 0.0), m), _windows(seen.astype(np.float64), m)
    first, last = ends(y)
    row = np.arange(reach, steps - reach)[:, None]
    whole = (row >= first + reach) & (row <= last - reach) & (number * 2 >= m)
    out[reach : steps - reach] = np.where(whole, total / np.maximum(number, 1e-9), np.nan)
    return out


def seasonal_means(y: F64, m: int, phase: int = 0, *, multiplicative: bool = False) -> F64:
    """Mean deviation from (or ratio to) the centred moving average at each phase, ``(m, S)``.

    Args:
        y: ``(T, S)``, time first; NaN is missing.
        m: season's length.
        phase: of the first row.
        multiplicative: ratios, which average one; else differences, which average zero.

    Returns:
        By phase. A phase that was never seen, or a series shorter than a season, gets one (or zero).
    """
    trend = centred_mean(y, m)
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = y / trend if multiplicative else y - trend
    usable = np.isfinite(moved)
    steps, count = y.shape
    cube = np.zeros((-(-steps // m) * m, count))
    cube[:steps] = np.where(usable, moved, 0.0)
    number = np.zeros_like(cube)
    number[:steps] = usable
    n = number.reshape(-1, m, count).sum(axis=0)
    neutral = 1.0 if multiplicative else 0.0
    known = n > 0
    found = np.where(known, cube.reshape(-1, m, count).sum(axis=0) / np.maximum(n, 1), 0.0)
    middle = found.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    found = found / np.where(middle > 0, middle, 1.0) if multiplicative else found - middle
    return np.asarray(np.roll(np.where(known, found, neutral), phase, axis=0))


def seasonal_pattern(y: F64, m: int, phase: int = 0) -> tuple[F64, Bool]:
    """Seasonal means by phase ``(m, S)``, and for which series they multiply.

    A season multiplies where all demand is positive and no phase falls below one percent; elsewhere it adds.
    """
    positive = (np.where(np.isnan(y), 1.0, y) > 0).all(axis=0)
    pattern = seasonal_means(y, m, phase)
    multiplies = np.zeros(y.shape[1], dtype=np.bool_)
    if positive.any():
        ratio = seasonal_means(y[:, positive], m, phase, multiplicative=True)
        usable = (ratio >= _LEAST_INDEX).all(axis=0)
        multiplies[positive] = usable
        pattern[:, multiplies] = ratio[:, usable]
    return pattern, multiplies


def is_seasonal(y: F64, m: int, z: float = 1.6448536269514722) -> Bool:
    """Which series have an autocorrelation at lag ``m`` beyond chance (a 90 % test), ``(S,)``.

    Series that span less than two seasons, and constant ones, have no season. Pairs with a missing step are
    left out.
    """
    steps, count = y.shape
    if m < 2 or steps < 2 * m:
        return np.zeros(count, dtype=np.bool_)
    seen = ~np.isnan(y)
    n = np.maximum(seen.sum(axis=0), 1)
    first, last = ends(y)
    span = np.maximum(last - first + 1, 1)
    centred = np.where(seen, y - np.where(seen, y, 0.0).sum(axis=0) / n, 0.0)
    variance = (centred**2).sum(axis=0) / n
    flat = variance <= 1e-12 * np.maximum(np.abs(np.where(seen, y, 0.0)).sum(axis=0) / n, 1e-12) ** 2
    here = seen.astype(np.float32)
    squares = np.zeros(count)
    r = np.zeros(count)
    for lag in range(1, m + 1):
        pairs = np.einsum("ts,ts->s", here[lag:], here[:-lag]).astype(np.float64)
        product = np.einsum("ts,ts->s", centred[lag:], centred[:-lag])
        share = np.maximum(span - lag, 0) / span
        r = np.where(pairs > 0, product / np.maximum(pairs, 1), 0.0) / np.where(flat, 1.0, variance) * share
        if lag < m:
            squares += r**2
    limit = z * np.sqrt((1 + 2 * squares) / n)
    return np.asarray((np.abs(r) > limit) & ~flat & (span >= 2 * m))


def ends(y: F64) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Row of each series' first and last observation, ``(S,)`` each; 0 and -1 for series without any."""
    seen = ~np.isnan(y)
    some = seen.any(axis=0)
    first = np.where(some, seen.argmax(axis=0), 0)
    last = np.where(some, y.shape[0] - 1 - seen[::-1].argmax(axis=0), -1)
    return first.astype(np.int64), last.astype(np.int64)


def _windows(values: F64, m: int) -> F64:
    """Sums over ``m`` steps around each step that has a whole window, the outer two of an even one by half."""
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    sums = total[m:] - total[:-m]
    return np.asarray(sums if m % 2 else (sums[:-1] + sums[1:]) / 2)
