"""Chart: fans of the projected stock, drawn with the parts of the package's other charts (extra ``plot``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import DataError
from ...frequency import Frequency
from ...plotting import OUT, PROMOTION, SOFT, Marks, at_level, draw_fan, finish_axes, label_fan, new_figure, shade_days

_FAN = ((0.1, 0.9), (0.25, 0.75))  # as the charts of forecasts: 80 % and 50 %
_SIZE = (8.0, 2.1)  # inches


def plot_stock(
    names: Sequence[Any],
    freq: Frequency,
    start: int,
    levels: Sequence[float],
    stock: npt.NDArray[Any],
    arrivals: npt.NDArray[Any],
    p_short: npt.NDArray[Any],
    *,
    risk: float = 0.1,
    marks: Marks = (),
    title: str = "",
    size: tuple[float, float] = _SIZE,
) -> Any:
    """Draw the projected stock of some items as fans, with arrivals and the date from which a shortage is likely.

    Args:
        names: of the items.
        freq: grid of time.
        start: ordinal of the first step.
        levels: ``(Q,)`` quantile levels.
        stock: ``(R, H, Q)`` units at the end of each step; below 0: owed to customers.
        arrivals: ``(R, H)`` units of open orders.
        p_short: ``(R, H)`` chance of a shortage by the end of each step.
        risk: chance from which a dashed line marks the date.
        marks: stretches of days to shade.
        title: above all.
        size: of one chart in inches.

    Raises:
        DataError: there is no item.
        MissingExtraError: matplotlib is not installed.
    """
    if not len(names):
        raise DataError("There are no items to draw.")
    figure, axes = new_figure(len(names), size, title)
    stamps, grid = freq.stamp(np.arange(start, start + stock.shape[1])), np.asarray(levels)
    for k, (ax, name) in enumerate(zip(axes, names, strict=True)):
        shade_days(ax, marks)
        median, fans = at_level(grid, stock[k], 0.5), [[at_level(grid, stock[k], q) for q in f[:2]] for f in _FAN]
        bands = [np.stack(fan, axis=-1) for fan in fans]
        draw_fan(ax, stamps, median, bands)
        came = arrivals[k] > 0
        ax.plot(stamps[came], median[came], "^", color=PROMOTION, markersize=5, zorder=5)
        for stamp, height, units in zip(stamps[came], median[came], arrivals[k][came], strict=True):
            above = {
                "xytext": (0, 7),
                "textcoords": "offset points",
                "ha": "center",
                "color": PROMOTION,
                "fontsize": 7.5,
            }
            ax.annotate(f"+{units:,.6g}", (stamp, height), **above)
        finish_axes(ax, str(name))
        likely = np.flatnonzero(p_short[k] >= risk)
        if likely.size:
            ax.axvline(stamps[likely[0]], color=OUT, linewidth=0.8, linestyle=(0, (3, 3)), zorder=1)
            said = f"{risk:.0%} chance of a shortage by {str(stamps[likely[0]])[:10]}"
            ax.set_title(said, loc="right", fontsize=7.5, color=SOFT, pad=4)
        if bands[0][-1, 1] > median[-1]:  # an empty shelf needs no names of intervals
            label_fan(ax, stamps[-1], median[-1], [band[-1] for band in bands])
    axes[0].set_xlim(*freq.stamp([start - 1, start + stock.shape[1]]))
    return figure
