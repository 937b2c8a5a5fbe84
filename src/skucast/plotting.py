"""Charts for notebooks: history, fans and backtests, with matplotlib (extra ``plot``).

A calm look: history grey, the model blue with lighter fans for 50 % and 80 %, promotions orange, stock-outs
hatched, holidays as light bands; labels stand beside the lines. Figures are made without pyplot, so nothing is
kept behind the scenes and no display is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from .errors import ConfigError, DataError, MissingExtraError

if TYPE_CHECKING:  # types only: this file draws what it is handed, and stands below the nouns that call it
    from .evaluate.backtest import Backtest
    from .forecast import Forecast
    from .frequency import Frequency
    from .panel import Panel

INK, SOFT, RULE, HISTORY = "#171b20", "#57606a", "#dfe2e5", "#6c747d"
MODEL, FAN50, FAN80 = "#1d5fae", "#9dbfe6", "#d3e2f4"
PROMOTION, BAND, OUT = "#d96f0e", "#eceeef", "#8a929b"

SHOWN = 6
"""Series drawn where none are named: those that sell most."""

_FANS = ((0.1, 0.9, FAN80, "80 %"), (0.25, 0.75, FAN50, "50 %"))
_CHINESE = ("Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "Source Han Sans SC", "WenQuanYi Micro Hei")
_AXES_SIZE = (8.0, 2.1)  # inches
_LINE = 0.13  # height of a line of text, share of a chart
_CONTEXT = 4  # horizons of history before a forecast

Marks = Iterable[tuple[Any, Any, str, str]]
"""First day, last day, English and Chinese name, as `skucast.features.marks.holiday_marks` gives."""


def plot_panel(
    panel: Panel,
    ids: Sequence[Any] | None = None,
    *,
    steps: int | None = None,
    marks: Marks = (),
    title: str = "",
    size: tuple[float, float] = _AXES_SIZE,
) -> Any:
    """Draw the history of some series, one under another.

    Missing steps are gaps in the line; out-of-stock steps are hatched; steps with a ``promotion`` above
    zero have an orange mark.

    Args:
        panel: the series.
        ids: which, in this order; the six with most units by default.
        steps: the last steps only.
        marks: stretches of days to shade.
        title: above all.
        size: of one chart in inches.

    Returns:
        A matplotlib figure.

    Raises:
        DataError: a series is not there, or there is none.
        MissingExtraError: matplotlib is not installed.
    """
    rows = _rows(panel.ids, ids, _units(panel))
    figure, axes = new_figure(len(rows), size, title)
    first = panel.end - panel.n_steps + 1 if steps is None else panel.end - max(steps, 2) + 1
    for ax, row in zip(axes, rows, strict=True):
        _history(ax, panel, row, first)
        shade_days(ax, marks)
        finish_axes(ax, str(panel.ids[row]))
    _span(axes, panel.freq, max(first, panel.end - int(panel.lengths[rows].max()) + 1), panel.end)
    return figure


def plot_forecast(
    forecast: Forecast,
    panel: Panel | None = None,
    ids: Sequence[Any] | None = None,
    *,
    steps: int | None = None,
    marks: Marks = (),
    title: str = "",
    size: tuple[float, float] = _AXES_SIZE,
) -> Any:
    """Draw forecasts as fans after their history: median, 50 % and 80 % intervals.

    Args:
        forecast: of the series.
        panel: their history; without it the fans stand alone.
        ids: which series, in this order; the six with the highest mean by default.
        steps: steps of history; four horizons by default.
        marks: stretches of days to shade.
        title: above all.
        size: of one chart in inches.

    Returns:
        A matplotlib figure.

    Raises:
        DataError: a series is not in the forecast or its history not in the panel, or there is none.
        MissingExtraError: matplotlib is not installed.
    """
    rows = _rows(forecast.ids, ids, forecast.mean.sum(axis=1))
    figure, axes = new_figure(len(rows), size, title)
    chosen = forecast.take(rows)
    stamps = forecast.stamps
    median, fans = chosen.quantile(0.5), [chosen.quantile([low, high]) for low, high, _, _ in _FANS]
    back = max(_CONTEXT * forecast.horizon if steps is None else steps, 2)
    for k, (ax, row) in enumerate(zip(axes, rows, strict=True)):
        shade_days(ax, marks)
        if panel is not None:
            place = _rows(panel.ids, [forecast.ids[int(row)]])[0]
            _history(ax, panel, int(place), forecast.start - back)
        draw_fan(ax, stamps, median[k], [fan[k] for fan in fans])
        why = forecast.fallback.get(forecast.ids[int(row)])
        name = str(forecast.ids[int(row)]) + (f"   (fallback: {why})" if why else "")
        finish_axes(ax, name)
        label_fan(ax, stamps[-1], median[k, -1], [fan[k, -1] for fan in fans])
    last = forecast.start + forecast.horizon - 1
    _span(axes, forecast.freq, forecast.start - (back if panel is not None else 0), last)
    return figure


def plot_backtest(
    backtest: Backtest,
    model: str | None = None,
    ids: Sequence[Any] | None = None,
    *,
    steps: int | None = None,
    marks: Marks = (),
    title: str | None = None,
    size: tuple[float, float] = _AXES_SIZE,
) -> Any:
    """Draw what a model said at each origin against what came.

    Args:
        backtest: of one or more models.
        model: which; the best by default.
        ids: which series, in this order; the six with most units by default.
        steps: steps of history before the first origin; two horizons by default.
        marks: stretches of days to shade.
        title: above all; the model and its scores by default.
        size: of one chart in inches.

    Returns:
        A matplotlib figure.

    Raises:
        ConfigError: the model was not tested.
        DataError: a series is not there.
        MissingExtraError: matplotlib is not installed.
    """
    panel = backtest.panel
    name = backtest.best() if model is None else model
    if name not in backtest.models:
        raise ConfigError(f"The backtest has no model '{name}'; it has: {', '.join(backtest.models)}.")
    rows = _rows(panel.ids, ids, _units(panel))
    figure, axes = new_figure(len(rows), size, _scored(backtest, name) if title is None else title)
    back = max(2 * backtest.horizon if steps is None else steps, 2)
    first = backtest.windows[0].cutoff - back + 1
    for ax, row in zip(axes, rows, strict=True):
        shade_days(ax, marks)
        _history(ax, panel, row, first)
        last: tuple[Any, ...] = ()
        for number, window in enumerate(backtest.windows):
            outcome, at = backtest.outcomes.get((name, number)), np.flatnonzero(window.rows == row)
            if outcome is None or not at.size:
                continue
            levels, said = np.asarray(backtest.levels), outcome.quantiles[int(at[0])]  # (H, Q)
            start = window.cutoff + 1 + backtest.gap
            stamps = panel.freq.stamp(np.arange(start, start + backtest.horizon))
            median = at_level(levels, said, 0.5)
            fans = [np.stack([at_level(levels, said, q) for q in pair[:2]], axis=-1) for pair in _FANS]
            draw_fan(ax, stamps, median, fans)
            ax.axvline(panel.freq.stamp([window.cutoff])[0], color=OUT, linewidth=0.7, linestyle=(0, (2, 3)), zorder=1)
            last = (stamps[-1], median[-1], [fan[-1] for fan in fans])
        finish_axes(ax, str(panel.ids[int(row)]))
        if last:
            label_fan(ax, *last)
    _span(axes, panel.freq, max(first, panel.end - int(panel.lengths[rows].max()) + 1), panel.end)
    return figure


# ---- parts of a chart -----------------------------------------------------------------------------
def _history(ax: Any, panel: Panel, row: int, first: int) -> None:
    """Observed demand of one series from step ``first`` on."""
    begin, end = int(panel.indptr[row]), int(panel.indptr[row + 1])
    begin = max(begin, end - (panel.end - first + 1))
    if begin >= end:
        return
    ordinals = np.arange(panel.end - (end - begin) + 1, panel.end + 1)
    stamps, values = panel.freq.stamp(ordinals), panel.values[begin:end].astype(np.float64)
    known = ~np.isnan(values)
    ax.plot(stamps[known], values[known], color=HISTORY, linewidth=0.5, alpha=0.45, zorder=2.5)  # across the gaps
    ax.plot(stamps, values, color=HISTORY, linewidth=1.1, zorder=3)
    lonely = known & ~np.concatenate([[False], known[:-1]]) & ~np.concatenate([known[1:], [False]])
    if lonely.any():  # between two gaps a line would not show them
        ax.plot(stamps[lonely], values[lonely], ".", color=HISTORY, markersize=3, zorder=3)
    if panel.available is not None:
        for low, high in _runs(~panel.available[begin:end]):
            ends = panel.freq.stamp([ordinals[low], ordinals[high] + 1])
            ax.axvspan(*ends, facecolor="none", edgecolor=OUT, hatch="////", linewidth=0, alpha=0.5, zorder=1)
    promotion = panel.known.get("promotion", panel.past.get("promotion"))
    if promotion is not None:
        on = np.nan_to_num(promotion[begin:end]) > 0
        foot = np.zeros(int(on.sum()))
        ax.plot(
            stamps[on], foot, "|", color=PROMOTION, markersize=6, markeredgewidth=1.4, zorder=4,
            transform=ax.get_xaxis_transform(), clip_on=False, in_layout=False,
        )  # fmt: skip


def draw_fan(ax: Any, stamps: Any, median: npt.NDArray[Any], fans: Sequence[npt.NDArray[Any]]) -> None:
    """Intervals and median of one series; a single step becomes a bar with a dot."""
    for (_, _, colour, _), fan in zip(_FANS, fans, strict=True):
        if len(stamps) > 1:
            ax.fill_between(stamps, fan[:, 0], fan[:, 1], color=colour, linewidth=0, zorder=2)
        else:
            ax.vlines(stamps, fan[:, 0], fan[:, 1], color=colour, linewidth=6, zorder=2)
    ax.plot(stamps, median, "-" if len(stamps) > 1 else "o", color=MODEL, linewidth=1.5, markersize=3.5, zorder=4)


def label_fan(ax: Any, stamp: Any, median: float, ends: Sequence[npt.NDArray[Any]]) -> None:
    """Name median and intervals where they end, moved apart where they would overlap; the axes are final."""
    texts = [(float(median), "median", MODEL)]
    texts += [(float(end[1]), name, SOFT) for end, (_, _, _, name) in zip(ends, _FANS, strict=True)]
    low, high = ax.get_ylim()
    room = _LINE * (high - low)
    floor = -np.inf
    for height, text, colour in sorted(texts, key=lambda t: t[0]):
        at = max(height, floor)
        floor = at + room
        ax.annotate(
            text, (stamp, at), xytext=(5, 0), textcoords="offset points", va="center", ha="left", color=colour,
            fontsize=7.5, annotation_clip=False,
        )  # fmt: skip


def shade_days(ax: Any, marks: Marks) -> None:
    """Light bands for holidays and sales."""
    for first, last, *_ in marks:
        low, high = np.datetime64(str(first)[:10]), np.datetime64(str(last)[:10]) + 1
        ax.axvspan(low, high, facecolor=BAND, linewidth=0, zorder=0)


def finish_axes(ax: Any, name: str) -> None:
    """Axis, name and grid, the same for all charts."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    dates: Any = import_module("matplotlib.dates")
    drawn = [line.get_ydata() for line in ax.lines if len(line.get_ydata()) > 2 or line.get_marker() == "o"]
    least = min((float(np.nanmin(y)) for y in drawn if np.isfinite(np.asarray(y, dtype=float)).any()), default=0.0)
    if least >= 0:
        ax.set_ylim(bottom=0)
    ax.set_title(name, loc="left", fontsize=9, color=INK, pad=4)
    locator = dates.AutoDateLocator(minticks=3, maxticks=8)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, show_offset=False))
    ax.yaxis.set_major_locator(MaxNLocator(4))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    ax.grid(axis="y", color=RULE, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(length=0, labelsize=7.5, labelcolor=SOFT)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_color(RULE)


def _span(axes: Sequence[Any], freq: Frequency, first: int, last: int) -> None:
    """The same stretch of time for all charts, named above the first."""
    begin, end = freq.stamp([first, last]).astype("datetime64[D]" if freq.is_calendar else "datetime64[m]")
    axes[0].set_xlim(*freq.stamp([first - 1, last + 1]))
    said = f"{begin} to {end}".replace("T", " ")
    axes[0].set_title(said, loc="right", fontsize=7.5, color=SOFT, pad=4)


def new_figure(charts: int, size: tuple[float, float], title: str) -> tuple[Any, list[Any]]:
    """An empty figure with one chart under another, in fonts that know Chinese where there are any."""
    made = _chart_class()
    import matplotlib as mpl
    from matplotlib.font_manager import get_font_names

    there = set(get_font_names())
    fonts = ["DejaVu Sans", *(name for name in _CHINESE if name in there)]
    with mpl.rc_context({"font.family": fonts}):
        figure = made(figsize=(size[0], size[1] * charts + (0.4 if title else 0.0)), layout="constrained", dpi=110)
        axes = figure.subplots(charts, 1, squeeze=False, sharex=True)[:, 0]
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=10, color=INK, fontfamily=fonts)
    return figure, list(axes)


@cache
def _chart_class() -> Any:
    """A figure that notebooks show by itself, without pyplot."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("Drawing charts", "plot") from None

    class Chart(Figure):
        def _repr_png_(self) -> bytes:
            out = BytesIO()
            self.savefig(out, format="png", bbox_inches="tight")
            return out.getvalue()

    return Chart


# ---- what to draw ---------------------------------------------------------------------------------
def _rows(there: pl.Series, ids: Sequence[Any] | None, weight: npt.NDArray[Any] | None = None) -> list[int]:
    """Numbers of the series named, or of the heaviest ones."""
    if not len(there):
        raise DataError("There are no series to draw.")
    if ids is None:
        order = np.argsort(-np.zeros(len(there)) if weight is None else -weight, kind="stable")
        return [int(i) for i in order[:SHOWN]]
    wanted = [ids] if isinstance(ids, str) else list(ids)
    place = {name: i for i, name in enumerate(there.to_list())}
    unknown = [name for name in wanted if name not in place]
    if unknown or not wanted:
        some = ", ".join(str(name) for name in there.head(5)) + ("..." if len(there) > 5 else "")
        what = f"There is no series '{unknown[0]}'" if unknown else "No series was named"
        raise DataError(f"{what} to draw; there are: {some}.")
    return [place[name] for name in wanted]


def _units(panel: Panel) -> npt.NDArray[Any]:
    return np.bincount(panel.row_of, np.nan_to_num(panel.values), len(panel))


def _runs(marked: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last position of each run of True."""
    edges = np.diff(np.concatenate([[0], marked.astype(np.int8), [0]]))
    return [(int(a), int(b) - 1) for a, b in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True)]


def at_level(levels: npt.NDArray[Any], quantiles: npt.NDArray[Any], level: float) -> npt.NDArray[Any]:
    """One quantile of each step, linear between the levels kept: ``(H,)``."""
    above = int(np.clip(np.searchsorted(levels, level), 1, len(levels) - 1))
    share = float(np.clip((level - levels[above - 1]) / (levels[above] - levels[above - 1]), 0.0, 1.0))
    return np.asarray((1 - share) * quantiles[:, above - 1] + share * quantiles[:, above])


def _scored(backtest: Backtest, model: str) -> str:
    """The model with its scores, as a title."""
    row = backtest.leaderboard().filter(pl.col("model") == model).row(0, named=True)
    parts = [f"{label} {row[key]:.3f}" for key, label in (("wql", "WQL"), ("mase", "MASE")) if row[key] is not None]
    if row["skill"] is not None:
        parts.append(f"{row['skill']:+.1%} against seasonal naive")
    return f"{model}:  {',  '.join(parts)}" if parts else model
