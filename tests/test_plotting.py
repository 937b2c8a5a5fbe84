from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest

from skucast.errors import ConfigError, DataError, MissingExtraError
from skucast.evaluate.backtest import Backtest, backtest_panel
from skucast.forecast import Forecast
from skucast.panel import Panel
from skucast.plotting import FAN50, FAN80, HISTORY, MODEL, PROMOTION
from tests.prepare.panels import daily, weekly_shape

matplotlib = pytest.importorskip("matplotlib", reason="charts need the extra 'plot' (matplotlib)")
matplotlib.use("Agg")

from matplotlib.colors import to_hex  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)


def a_panel() -> Panel:
    return daily(*(weekly_shape(90, seed, level=20 * (seed + 1)) for seed in range(3)))


def a_forecast(panel: Panel, horizon: int = 14) -> Forecast:
    median = np.tile(panel.dense()[:, -7:], 2)[:, :horizon].astype(float)
    quantiles = median[:, :, None] * np.array([0.5, 0.8, 1.0, 1.2, 1.5])
    return Forecast.of(panel, median, quantiles, LEVELS)


@pytest.fixture(scope="module")
def tested() -> Backtest:
    return backtest_panel(a_panel(), 7, 3, ["seasonal-naive"])


def png(figure: Figure) -> bytes:
    out = BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()


def lines(ax: Any, colour: str) -> list[Any]:
    return [line for line in ax.lines if to_hex(line.get_color()) == colour]


def texts(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.texts]


def areas(ax: Any, colour: str) -> list[Any]:
    return [c for c in ax.collections if to_hex(c.get_facecolor()[0]) == colour]


def test_a_panel_shows_the_best_sellers_first_with_their_values() -> None:
    panel = a_panel()
    figure = panel.plot()
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["s2", "s1", "s0"]
    drawn = max(lines(figure.axes[0], HISTORY), key=lambda line: line.get_linewidth())
    np.testing.assert_array_equal(drawn.get_ydata(), panel.series(2))
    np.testing.assert_array_equal(drawn.get_xdata(), panel.stamps)
    assert png(figure).startswith(b"\x89PNG")


def test_series_can_be_named_and_history_cut() -> None:
    figure = a_panel().plot(["s1", "s0"], steps=30, title="Two items")
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["s1", "s0"]
    assert all(len(line.get_ydata()) == 30 for line in figure.axes[0].lines)
    assert figure.get_suptitle() == "Two items"


def test_stock_outs_promotions_and_holidays_are_marked() -> None:
    panel = a_panel()
    in_stock = np.ones(panel.values.size, dtype=bool)
    in_stock[10:15] = False
    promotion = np.zeros(panel.values.size, dtype=np.float32)
    promotion[[3, 40]] = 1
    panel = replace(panel, available=in_stock, past={"promotion": promotion})
    first = str(panel.stamps[20])[:10]
    ax = panel.plot(["s0"], marks=[(first, first, "Fair", "集市")]).axes[0]
    assert [patch.get_hatch() for patch in ax.patches] == ["////", None]
    days = lines(ax, PROMOTION)[0].get_xdata()
    np.testing.assert_array_equal(days, panel.stamps[[3, 40]])


def test_missing_steps_are_gaps_and_lonely_ones_are_dots() -> None:
    values = weekly_shape(30, 0)
    values[[9, 11]] = np.nan
    ax = daily(values).plot().axes[0]
    dots = [line for line in ax.lines if line.get_marker() == "."]
    assert [len(line.get_ydata()) for line in dots] == [1]
    assert dots[0].get_ydata()[0] == values[10]


def test_a_forecast_is_a_fan_after_its_history() -> None:
    panel = a_panel()
    forecast = a_forecast(panel)
    figure = forecast.plot(panel, ["s0", "s2"])
    ax = figure.axes[1]
    median = lines(ax, MODEL)[0]
    np.testing.assert_allclose(median.get_ydata(), forecast.quantile(0.5)[2])
    np.testing.assert_array_equal(median.get_xdata(), forecast.stamps)
    low, high = forecast.quantile(0.1)[2], forecast.quantile(0.9)[2]
    wide, narrow = (areas(ax, colour)[0].get_paths()[0].vertices[:, 1] for colour in (FAN80, FAN50))
    assert (wide.min(), wide.max()) == pytest.approx((low.min(), high.max()))
    assert narrow.max() == pytest.approx(forecast.quantile(0.75)[2].max())
    assert sorted(texts(ax)) == ["50 %", "80 %", "median"]
    assert len(lines(ax, HISTORY)[1].get_ydata()) == 56  # four horizons
    assert png(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize("horizon", [1, 2])
def test_short_forecasts_and_those_without_history_can_be_drawn(horizon: int) -> None:
    figure = a_forecast(a_panel(), horizon).plot()
    assert len(lines(figure.axes[0], MODEL)) == 1
    assert not lines(figure.axes[0], HISTORY)
    assert png(figure).startswith(b"\x89PNG")


def test_a_fallback_is_said() -> None:
    panel = a_panel()
    forecast = replace(a_forecast(panel), fallback={"s0": "seasonal-naive, too short"})
    title = forecast.plot(panel, ["s0"]).axes[0].get_title(loc="left")
    assert title == "s0   (fallback: seasonal-naive, too short)"


def test_a_backtest_shows_each_window_and_its_scores(tested: Backtest) -> None:
    figure = tested.plot(ids=["s1"])
    ax = figure.axes[0]
    medians = [line for line in lines(ax, MODEL) if len(line.get_ydata()) == 7]
    assert len(medians) == len(areas(ax, FAN80)) == 3
    panel = tested.panel
    for window, median in zip(tested.windows, medians, strict=True):
        np.testing.assert_array_equal(
            median.get_xdata(), panel.freq.stamp(np.arange(window.cutoff + 1, window.cutoff + 8))
        )
    wql = tested.leaderboard()["wql"][0]
    assert figure.get_suptitle().startswith(f"seasonal-naive:  WQL {wql:.3f}")
    assert png(figure).startswith(b"\x89PNG")


def test_series_born_between_the_windows_are_drawn_where_they_were_forecast() -> None:
    panel = daily(weekly_shape(60, 0), weekly_shape(10, 1))
    figure = backtest_panel(panel, 7, 2, ["seasonal-naive"]).plot(ids=["s1"])
    assert len(areas(figure.axes[0], FAN80)) == 1


def test_what_is_not_there_is_named(tested: Backtest) -> None:
    panel = a_panel()
    with pytest.raises(DataError, match=r"no series 'x9' to draw; there are: s0, s1, s2\."):
        panel.plot(["s0", "x9"])
    with pytest.raises(DataError, match="No series was named"):
        panel.plot([])
    with pytest.raises(DataError, match="no series 's2' to draw; there are: s0, s1"):
        a_forecast(panel).plot(panel.take([0, 1]))
    with pytest.raises(ConfigError, match="no model 'ets'; it has: seasonal-naive"):
        tested.plot(model="ets")
    with pytest.raises(DataError, match="There are no series to draw"):
        panel.take([]).plot()


@pytest.mark.parametrize("values", [[0.0] * 20, [5.0], [float("nan")] * 9, [-3.0, 2.0, -1.0], [1e12, 0.0]])
def test_degenerate_series_can_be_drawn(values: list[float]) -> None:
    assert png(daily(values).plot()).startswith(b"\x89PNG")


def test_notebooks_show_figures_by_themselves_and_nothing_is_kept_open() -> None:
    assert a_panel().plot()._repr_png_().startswith(b"\x89PNG")
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from skucast import plotting

    plotting._chart_class.cache_clear()
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(
        MissingExtraError, match=r"Drawing charts needs the extra 'plot': pip install 'skucast\[plot\]'"
    ):
        a_panel().plot()
    plotting._chart_class.cache_clear()


def test_matplotlib_is_imported_only_where_something_is_drawn() -> None:
    code = "import sys, skucast.panel, skucast.forecast, skucast.plotting; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
