"""Score tables by model, class, window, series and step, and the leaderboard."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.metrics import mean_pinball_loss

from skucast.errors import ConfigError
from skucast.evaluate.backtest import backtest_panel
from skucast.evaluate.candidates import YARDSTICK
from skucast.evaluate.metrics import SCORED, measure
from skucast.forecast import SHOWN
from skucast.panel import Panel

from .planted import Around, Broken, Doubled, panel_of, random_panel

ROWS = {
    "calm": [5, 6, 4, 5] * 20,
    "rare": [0, 0, 7, 0, 0, 0, 8, 0] * 10,
    "wild": [0, 0, 90, 0, 1, 0, 2, 0] * 10,
}


@pytest.fixture(scope="module")
def test_():
    return backtest_panel(panel_of(ROWS), 8, 3, [Around(), Doubled()])


def by_hand(test, model, window, rows=slice(None), steps=slice(None)):
    w, said = test.windows[window], test.outcomes[model, window]
    return measure(w.actual[rows, steps], said.mean[rows, steps], said.quantiles[rows, steps], SCORED)


def cell(frame, column, **where):
    found = frame.filter(*(pl.col(k) == v for k, v in where.items()))
    assert found.height == 1
    return found[column][0]


def test_overall_scores_are_the_mean_over_windows(test_):
    for name in ("wql", "wape", "rmse", "coverage_80"):
        expected = np.mean([by_hand(test_, "around", k)[name] for k in range(3)])
        assert cell(test_.scores(), name, model="around") == pytest.approx(expected, rel=1e-5)


def test_scores_by_window_are_those_of_each_window(test_):
    table = test_.scores(("model", "window"))
    assert table.columns[:3] == ["model", "cutoff", "windows"]
    for k in range(3):
        stamp = test_.cutoff_stamp(k).astype("datetime64[D]").item()
        assert cell(table, "wql", model="around", cutoff=stamp) == pytest.approx(
            by_hand(test_, "around", k)["wql"], rel=1e-5
        )


def test_scores_by_step_are_those_of_each_step(test_):
    table = test_.scores("step")
    assert table["step"].unique().to_list() == list(range(1, 9))
    expected = np.mean([by_hand(test_, "around", k, steps=slice(3, 4))["mae"] for k in range(3)])
    assert cell(table, "mae", model="around", step=4) == pytest.approx(expected, rel=1e-5)


def test_scores_by_series_pool_the_windows(test_):
    table = test_.scores("series")
    assert table.columns[1] == "unique_id"
    actual = np.concatenate([w.actual[1] for w in test_.windows])
    mean = np.concatenate([test_.outcomes["around", k].mean[1] for k in range(3)])
    assert cell(table, "wape", model="around", unique_id="rare") == pytest.approx(
        np.abs(actual - mean).sum() / actual.sum(), rel=1e-5
    )
    assert cell(table, "windows", model="around", unique_id="rare") == 3


def test_scores_by_class_are_those_of_the_series_of_the_class(test_):
    table = test_.scores(("model", "class"))
    assert table["class"].unique(maintain_order=True).to_list() == ["intermittent", "lumpy", "smooth"]
    expected = np.mean([by_hand(test_, "around", k, rows=slice(0, 1))["wql"] for k in range(3)])
    assert cell(table, "wql", model="around", **{"class": "smooth"}) == pytest.approx(expected, rel=1e-5)


def test_skill_is_the_share_of_the_yardsticks_loss_that_is_saved_in_every_group(test_):
    for by, key in (
        (("model",), []),
        (("model", "class"), ["class"]),
        (("model", "window"), ["cutoff"]),
        (("step",), ["step"]),
    ):
        table = test_.scores(by)
        naive = table.filter(pl.col("model") == YARDSTICK).select(*key, pl.col("wql").alias("naive"))
        joined = table.join(naive, on=key, how="left") if key else table.with_columns(naive=pl.lit(naive["naive"][0]))
        expected = 1 - joined["wql"] / joined["naive"]
        assert joined["skill"].to_list() == pytest.approx(expected.to_list(), rel=1e-9, nan_ok=True)


def test_pinball_losses_of_each_level_on_request(test_):
    table = test_.scores(pinball=True)
    names = [f"pinball_{q:g}" for q in SHOWN]
    assert set(names) <= set(table.columns)
    assert not set(names) & set(test_.scores().columns)
    for level in (0.1, 0.5, 0.8):
        at = SCORED.index(level)
        expected = np.mean(
            [
                mean_pinball_loss(w.actual.ravel(), test_.outcomes["around", k].quantiles[..., at].ravel(), alpha=level)
                for k, w in enumerate(test_.windows)
            ]
        )
        assert cell(table, f"pinball_{level:g}", model="around") == pytest.approx(expected, rel=1e-5)


def test_groups_where_nothing_was_sold_have_no_wql_but_an_error():
    test = backtest_panel(panel_of({"dead": [3] * 30 + [0] * 50}), 5, 2, [Around()])
    row = test.scores().filter(pl.col("model") == "around").row(0, named=True)
    assert row["wql"] is None
    assert row["skill"] is None
    assert row["mae"] == pytest.approx(0.0)
    assert test.leaderboard()["model"].to_list()  # MAE decides


def test_where_nothing_was_sold_the_smaller_error_is_best():
    history = [3] * 40 + [0] * 20
    test = backtest_panel(panel_of({"dead": history}), 5, 1, [Around(span=60), Doubled(span=60)])
    board = test.leaderboard()
    assert board["model"].to_list() == [YARDSTICK, "around", "doubled"]


def test_leaderboard_ranks_by_wql(test_):
    board = test_.leaderboard()
    assert board["rank"].to_list() == [1, 2, 3]
    assert board["wql"].to_list() == sorted(board["wql"])
    assert board["model"][0] == test_.best()
    assert (board["seconds"] >= 0).all()


def test_leaderboard_by_class_ranks_within_each(test_):
    board = test_.leaderboard(by_class=True)
    for (_,), part in board.group_by("class"):
        assert part["rank"].to_list() == [1, 2, 3]
        assert part["wql"].to_list() == sorted(part["wql"])


def test_a_better_average_over_fewer_windows_does_not_win():
    panel = random_panel(steps=80)
    lucky = backtest_panel(panel, 7, 3, {"lucky": Broken(after=panel.end - 10), "steady": Doubled()})
    scores = {r["model"]: r for r in lucky.scores().iter_rows(named=True)}
    assert scores["lucky"]["wql"] < scores["steady"]["wql"]
    assert scores["lucky"]["windows"] == 2
    assert lucky.leaderboard()["model"][-1] == "lucky"


def test_unknown_groups_are_refused(test_):
    with pytest.raises(ConfigError, match="cannot be grouped by 'sku'; groups are: model, class, window, series, step"):
        test_.scores("sku")


def test_names_and_kind_of_frame_follow_the_user():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "item": np.repeat(["x", "y"], 40),
            "day": np.tile(pd.date_range("2024-01-01", periods=40), 2),
            "sold": rng.poisson(4, 80),
        }
    )
    panel = Panel.from_frame(frame, "D", id="item", time="day", target="sold")
    test = backtest_panel(panel, 5, 2, [Around()])
    made = test.forecasts()
    assert isinstance(made, pd.DataFrame)
    assert made.columns[:6].tolist() == ["item", "day", "cutoff", "model", "sold", "mean"]
    assert test.scores("series").columns[1] == "item"
