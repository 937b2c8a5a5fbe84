"""The public verbs on frames: whatever goes in comes back in kind, and nothing is dropped in silence."""

import datetime as dt
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import skucast as sc
from skucast.errors import ConfigError, DataError

NAN = float("nan")
QUANTILES = [f"0.{k}" for k in range(1, 10)]
SMALL = {"model": "auto", "members": ["seasonal-naive", "ets"]}


def long(series: int = 3, days: int = 60, end: dt.date = dt.date(2024, 6, 30), **more) -> pl.DataFrame:
    """Daily Poisson demand of a few items."""
    rng = np.random.default_rng(0)
    dates = pl.date_range(end - dt.timedelta(days=days - 1), end, "1d", eager=True)
    return pl.concat(
        pl.DataFrame(
            {"unique_id": [f"s{i}"] * days, "ds": dates, "y": rng.poisson(5 + 3 * i, days).astype(float), **more}
        )
        for i in range(series)
    )


def ahead(days: int, series: int = 3, start: dt.date = dt.date(2024, 7, 1), **columns) -> pl.DataFrame:
    """The next days of the same items."""
    dates = pl.date_range(start, start + dt.timedelta(days=days - 1), "1d", eager=True)
    return pl.concat(pl.DataFrame({"unique_id": [f"s{i}"] * days, "ds": dates, **columns}) for i in range(series))


def of_kind(frame: pl.DataFrame, kind: str):
    if kind == "pandas":
        return pd.DataFrame(
            {
                "unique_id": frame["unique_id"].to_list(),
                "ds": pd.to_datetime(frame["ds"].to_list()),
                "y": frame["y"].to_numpy(),
            }
        )
    return frame.to_arrow() if kind == "pyarrow" else frame


# ---- frames -------------------------------------------------------------------------------------
@pytest.mark.parametrize(("kind", "type_"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame), ("pyarrow", pa.Table)])
def test_the_same_kind_of_frame_comes_back(kind, type_):
    made = sc.forecast(of_kind(long(), kind), 7, "D", "ets")
    assert isinstance(made, type_)
    names = list(made.columns) if kind != "pyarrow" else made.column_names
    assert names == ["unique_id", "ds", "mean", *QUANTILES]
    assert len(made) == 21


def test_the_kind_of_frame_does_not_change_the_numbers():
    kinds = [sc.forecast(of_kind(long(), kind), 7, "D", SMALL) for kind in ("pandas", "polars", "pyarrow")]
    numbers = [kinds[0]["mean"].to_numpy(), kinds[1]["mean"].to_numpy(), kinds[2]["mean"].to_numpy()]
    assert np.array_equal(numbers[0], numbers[1])
    assert np.array_equal(numbers[1], numbers[2])


def test_a_lazy_frame_will_do():
    assert sc.forecast(long().lazy(), 7, "D", "ets").height == 21


def test_columns_may_have_any_names_and_keep_them():
    frame = long().rename({"unique_id": "商品编码", "ds": "日期", "y": "销量"})
    made = sc.forecast(frame, 3, "D", "ets", id="商品编码", time="日期", target="销量")
    assert made.columns[:3] == ["商品编码", "日期", "mean"]
    assert made["日期"].dtype == pl.Date


def test_rows_may_come_in_any_order():
    shuffled = long().sample(fraction=1.0, shuffle=True, seed=1)
    assert sc.forecast(shuffled, 7, "D", "ets").equals(sc.forecast(long(), 7, "D", "ets"))


def test_identifiers_may_be_numbers():
    frame = long().with_columns(pl.col("unique_id").str.strip_prefix("s").cast(pl.Int64))
    made = sc.forecast(frame, 2, "D", "ets")
    assert made["unique_id"].to_list() == [0, 0, 1, 1, 2, 2]


def test_stamps_keep_their_type():
    stamped = long().with_columns(pl.col("ds").cast(pl.Datetime("ms")))
    assert sc.forecast(stamped, 2, "D", "ets")["ds"].dtype == pl.Datetime("ms")


# ---- dates --------------------------------------------------------------------------------------
def test_forecasts_start_right_after_the_last_date():
    made = sc.forecast(long(), 3, "D", "ets")
    assert made["ds"].to_list()[:3] == [dt.date(2024, 7, d) for d in (1, 2, 3)]


@pytest.mark.parametrize("freq", ["W", "1w", "W-WED", None])
def test_weeks_keep_the_anchor_of_the_history(freq):
    wednesdays = pl.date_range(dt.date(2023, 1, 4), dt.date(2024, 6, 26), "1w", eager=True)
    frame = pl.DataFrame({"unique_id": "a", "ds": wednesdays, "y": np.arange(len(wednesdays)) % 5 + 1.0})
    made = sc.forecast(frame, 2, freq, "ets")
    assert made["ds"].to_list() == [dt.date(2024, 7, 3), dt.date(2024, 7, 10)]


@pytest.mark.parametrize(("freq", "day"), [("MS", 1), ("ME", 31), ("1mo", 1)])
def test_months_keep_the_anchor_of_the_history(freq, day):
    months = pl.date_range(dt.date(2022, 1, 1), dt.date(2024, 6, 1), "1mo", eager=True)
    if day == 31:
        months = months.dt.month_end()
    frame = pl.DataFrame({"unique_id": "a", "ds": months, "y": np.arange(len(months)) % 4 + 1.0})
    assert sc.forecast(frame, 1, freq, "ets")["ds"].to_list() == [dt.date(2024, 7, day)]


def test_the_frequency_is_inferred_by_default():
    assert sc.forecast(long(), 2, model="ets").equals(sc.forecast(long(), 2, "D", "ets"))


def test_the_usual_horizon_of_the_frequency_is_taken_by_default():
    assert sc.forecast(long(), None, "D", "ets").height == 3 * 28
    assert sc.forecast(long(), model="ets").height == 3 * 28
    test = sc.backtest(long(days=90), None, windows=2, models="ets")
    assert test.horizon == 28


def test_all_series_are_forecast_from_the_last_date_of_the_frame():
    frame = long().filter(~((pl.col("unique_id") == "s1") & (pl.col("ds") > dt.date(2024, 6, 20))))
    made = sc.forecast(frame, 2, "D", "ets")
    assert made["ds"].n_unique() == 2


def test_or_each_from_its_own_end():
    frame = long().filter(~((pl.col("unique_id") == "s1") & (pl.col("ds") > dt.date(2024, 6, 20))))
    made = sc.forecast(frame, 2, "D", "ets", origin="series")
    first = made.group_by("unique_id", maintain_order=True).agg(pl.col("ds").min())["ds"].to_list()
    assert first == [dt.date(2024, 7, 1), dt.date(2024, 6, 21), dt.date(2024, 7, 1)]
    both = sc.forecast(frame, 2, "D", "ets")
    keep = pl.col("unique_id") != "s1"
    assert made.filter(keep)["mean"].to_list() == pytest.approx(both.filter(keep)["mean"].to_list())


def test_from_its_own_end_a_series_is_forecast_as_if_it_were_alone():
    frame = long().filter(~((pl.col("unique_id") == "s1") & (pl.col("ds") > dt.date(2024, 6, 20))))
    made = sc.forecast(frame, 2, "D", "seasonal-naive", origin="series").filter(pl.col("unique_id") == "s1")
    alone = sc.forecast(frame.filter(pl.col("unique_id") == "s1"), 2, "D", "seasonal-naive")
    assert made.equals(alone)


# ---- missing, zero, sold out --------------------------------------------------------------------
@pytest.mark.parametrize("gap", ["absent", "null", "nan"])
def test_a_missing_day_is_never_zero(gap):
    """Open every other day and always selling ten: the mean is ten, not five."""
    days = long(1).with_columns(pl.lit(10.0).alias("y"))
    closed = pl.col("ds").dt.ordinal_day() % 2 == 0
    frame = {
        "absent": days.filter(~closed),
        "null": days.with_columns(pl.when(~closed).then("y").alias("y")),
        "nan": days.with_columns(pl.when(closed).then(NAN).otherwise("y").alias("y")),
    }[gap]
    made = sc.forecast(frame, 7, "D", "ets")
    assert made["mean"].to_numpy() == pytest.approx(10.0, rel=0.05)


def test_sold_out_days_do_not_pull_the_forecast_down():
    frame = long(1).with_columns(pl.lit(10.0).alias("y"), pl.lit(True).alias("in_stock"))
    empty = pl.col("ds") > dt.date(2024, 6, 20)
    frame = frame.with_columns(
        pl.when(empty).then(0.0).otherwise("y").alias("y"),
        pl.when(empty).then(False).otherwise("in_stock").alias("in_stock"),
    )
    told = sc.forecast(frame, 7, "D", "ets", availability="in_stock")["mean"].mean()
    untold = sc.forecast(frame.drop("in_stock"), 7, "D", "ets")["mean"].mean()
    assert told == pytest.approx(10.0, rel=0.05)
    assert untold < 5


def test_a_target_without_any_number_is_refused():
    for frame in (
        long().with_columns(pl.lit(None, pl.Float64).alias("y")),
        long().with_columns(pl.lit(NAN).alias("y")),
    ):
        with pytest.raises(DataError, match="Column 'y' holds no number at all"):
            sc.forecast(frame, 3, "D", "ets")


def test_forecasts_are_finite_ordered_and_non_negative():
    frame = pl.concat([long(), pl.DataFrame({"unique_id": "one", "ds": [dt.date(2024, 6, 30)], "y": [4.0]})])
    table = sc.forecast(frame, 5, "D", SMALL).select(QUANTILES).to_numpy()
    assert np.isfinite(table).all()
    assert (np.diff(table, axis=1) >= 0).all()
    assert (table >= 0).all()


# ---- quantiles ----------------------------------------------------------------------------------
def test_quantiles_are_columns_named_by_their_level():
    made = sc.forecast(long(), 2, "D", "ets", quantiles=[0.05, 0.5, 0.995])
    assert made.columns == ["unique_id", "ds", "mean", "0.05", "0.5", "0.995"]
    usual = sc.forecast(long(), 2, "D", "ets")
    assert made["0.5"].to_list() == pytest.approx(usual["0.5"].to_list())


@pytest.mark.parametrize("quantiles", [[0.0, 0.5], [0.9, 0.1], [0.5, 0.5], ["low"], [1.5]])
def test_quantiles_that_make_no_sense_are_refused(quantiles):
    with pytest.raises(ConfigError, match="quantiles must"):
        sc.forecast(long(), 2, "D", "ets", quantiles=quantiles)


# ---- covariates ---------------------------------------------------------------------------------
def promoted(days: int = 60) -> pl.DataFrame:
    return long(days=days).with_columns((pl.col("ds").dt.day() % 5 == 0).cast(pl.Float64).alias("promotion"))


@pytest.mark.parametrize("model", ["ets", SMALL])
def test_gaps_of_a_known_column_are_named_whatever_the_model(model):
    future = ahead(7, promotion=1.0).with_columns(
        pl.when((pl.col("unique_id") == "s1") & (pl.col("ds").dt.day() == 3))
        .then(None)
        .otherwise("promotion")
        .alias("promotion")
    )
    with pytest.raises(DataError, match=r"'promotion' has 1 gaps in the future frame, the first at s1 on 2024-07-03"):
        sc.forecast(promoted(), 7, "D", model, known=["promotion"], future=future)


def test_a_future_that_is_too_short_is_named():
    with pytest.raises(DataError, match=r"'promotion' has 9 gaps .* s0 on 2024-07-05"):
        sc.forecast(promoted(), 7, "D", "ets", known="promotion", future=ahead(4, promotion=0.0))


def test_a_future_without_the_column_is_named():
    with pytest.raises(DataError, match="Column 'promotion' is missing"):
        sc.forecast(promoted(), 7, "D", "ets", known=["promotion"], future=ahead(7))


TREES = {"model": "lightgbm", "trees": 30, "threads": 1}


def doubling_promotions(days: int = 120) -> pl.DataFrame:
    """Ten a day, thirty on promotion days."""
    frame = promoted(days)
    noise = pl.Series(np.random.default_rng(1).uniform(-1, 1, frame.height))
    return frame.with_columns((10 + 20 * pl.col("promotion") + noise).alias("y"))


def test_a_known_promotion_raises_the_forecast_of_its_day():
    future = ahead(10).with_columns((pl.col("ds").dt.day() == 4).cast(pl.Float64).alias("promotion"))
    made = sc.forecast(doubling_promotions(), 10, "D", TREES, known=["promotion"], future=future)
    on = made.filter(pl.col("ds").dt.day() == 4)["mean"]
    off = made.filter(pl.col("ds").dt.day() != 4)["mean"]
    assert on.min() > 1.8 * off.max()


def test_a_model_that_uses_known_columns_needs_their_future():
    with pytest.raises(DataError, match="The future values of promotion are needed: pass future="):
        sc.forecast(doubling_promotions(), 3, "D", TREES, known=["promotion"])


def test_from_its_own_end_a_series_sees_the_known_rows_of_the_frame():
    ended = dt.date(2024, 6, 20)
    frame = doubling_promotions().with_columns(
        pl.when((pl.col("unique_id") == "s1") & (pl.col("ds") > ended)).then(None).otherwise("y").alias("y")
    )
    future = ahead(6, promotion=0.0)
    made = sc.forecast(frame, 6, "D", TREES, known=["promotion"], future=future, origin="series")
    mine = made.filter(pl.col("unique_id") == "s1")
    assert mine["ds"].to_list() == [dt.date(2024, 6, d) for d in range(21, 27)]
    assert mine.filter(pl.col("ds").dt.day() == 25)["mean"][0] > 1.5 * mine["mean"].median()
    gone = frame.filter(pl.col("y").is_not_null())  # without rows after its end nothing is known there
    with pytest.raises(DataError, match=r"'promotion' has .* gaps in the future frame, the first at s1 on 2024-06-21"):
        sc.forecast(gone, 6, "D", TREES, known=["promotion"], future=future, origin="series")


def test_static_columns_may_stand_in_the_frame_or_in_one_of_their_own():
    frame = long().with_columns(pl.col("unique_id").replace({"s0": "tea", "s1": "tea", "s2": "cup"}).alias("group"))
    own = frame.select("unique_id", "group").unique(maintain_order=True)
    inside = sc.forecast(frame, 3, "D", "ets", static="group")
    outside = sc.forecast(frame.drop("group"), 3, "D", "ets", static=own)
    assert inside.equals(outside)
    with pytest.raises(DataError, match=r"Static columns \['group'\] change within series 's0'"):
        sc.forecast(frame.with_columns(pl.col("y").cast(pl.String).alias("group")), 3, "D", "ets", static=["group"])


def test_columns_without_a_role_are_ignored_and_listed():
    frame = long().with_columns(pl.lit(1).alias("colour"), pl.lit("x").alias("size"))
    with pytest.warns(UserWarning, match="No role was given to 'colour', 'size', so the forecast ignores them"):
        made = sc.forecast(frame, 3, "D", "ets")
    assert made.equals(sc.forecast(long(), 3, "D", "ets"))
    with pytest.warns(UserWarning, match="'colour', 'size'"):
        sc.backtest(frame, 3, 2, "ets")


def test_many_ignored_columns_are_counted():
    frame = long().with_columns(pl.lit(0).alias(f"c{k}") for k in range(30))
    with pytest.warns(UserWarning, match="'c7' and 22 more columns"):
        sc.forecast(frame, 3, "D", "ets")


def test_a_frame_without_further_columns_is_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sc.forecast(long(), 3, "D", "ets")


# ---- errors -------------------------------------------------------------------------------------
@pytest.mark.parametrize("horizon", [0, -1, 2.5, "7", True])
def test_horizons_that_make_no_sense_are_refused(horizon):
    with pytest.raises(ConfigError, match="horizon must be a whole number of at least 1"):
        sc.forecast(long(), horizon, "D", "ets")


def test_missing_columns_are_named_with_those_there_are():
    with pytest.raises(DataError, match="Column 'sku' is missing; the frame has: unique_id, ds, y"):
        sc.forecast(long(), 3, "D", id="sku")


def test_unknown_models_and_origins_are_refused():
    with pytest.raises(ConfigError, match="Did you mean 'ets'"):
        sc.forecast(long(), 3, "D", "etz")
    with pytest.raises(ConfigError, match="origin must be 'panel' or 'series'"):
        sc.forecast(long(), 3, "D", "ets", origin="sku")


def test_what_is_no_frame_is_refused():
    with pytest.raises(DataError, match="Expected a pandas, polars or pyarrow frame, got list"):
        sc.forecast([1, 2, 3], 3, "D", "ets")


def test_an_empty_frame_is_refused():
    with pytest.raises(DataError, match="no rows"):
        sc.forecast(long().clear(), 3, "D", "ets")


def test_a_key_that_occurs_twice_is_refused():
    with pytest.raises(DataError, match="rows share a series and date, the first 's0'"):
        sc.forecast(pl.concat([long(), long(1)]), 3, "D", "ets")


# ---- models -------------------------------------------------------------------------------------
def test_a_model_may_be_a_name_a_mapping_or_a_spec():
    from skucast.models.smoothing import Ets

    named = sc.forecast(long(), 3, "D", "ets")
    assert sc.forecast(long(), 3, "D", {"model": "ets"}).equals(named)
    assert sc.forecast(long(), 3, "D", Ets()).equals(named)
    assert not sc.forecast(long(), 3, "D", {"model": "ets", "season": "additive"}).equals(named)


def test_the_same_seed_gives_the_same_forecast():
    assert sc.forecast(long(), 3, "D", SMALL, seed=2).equals(sc.forecast(long(), 3, "D", SMALL, seed=2))


def test_progress_is_told():
    told = []
    sc.forecast(long(), 3, "D", SMALL, progress=lambda what, done: told.append(what))
    assert any("ets" in what for what in told)


# ---- backtest -----------------------------------------------------------------------------------
def test_backtest_scores_models_against_the_yardstick():
    test = sc.backtest(long(), 7, 3, ["ets"])
    assert isinstance(test, sc.Backtest)
    assert set(test.leaderboard()["model"]) == {"ets", "seasonal-naive"}
    assert [w.actual.shape for w in test.windows] == [(3, 7)] * 3


def test_backtest_takes_names_gap_step_refit_metrics_and_quantiles():
    frame = long().rename({"unique_id": "sku", "ds": "day", "y": "sold"}).to_pandas()
    test = sc.backtest(
        frame, 5, 2, {"mine": {"model": "ets", "trend": "none"}}, step=3, gap=2, refit=False, id="sku", time="day", target="sold",
        metrics={"worst": lambda y, mean, *_: float(np.nanmax(np.abs(y - mean)))}, quantiles=[0.01, 0.99],
    )  # fmt: skip
    assert test.gap == 2
    assert test.windows[1].cutoff - test.windows[0].cutoff == 3
    assert "worst" in test.scores().columns
    assert {0.01, 0.99} <= set(test.levels)
    made = test.forecasts(["mine"], [0.01, 0.99])
    assert isinstance(made, pd.DataFrame)
    assert made.columns.tolist() == ["sku", "day", "cutoff", "model", "sold", "mean", "0.01", "0.99"]


def test_backtest_of_too_short_a_frame_says_how_many_windows_fit():
    with pytest.raises(DataError, match=r"60 steps, too few for 9 backtest windows of 10 .* \(at most 5 fit\)"):
        sc.backtest(long(), 10, 9, ["ets"])


def test_backtest_does_not_need_the_future_of_known_columns():
    test = sc.backtest(promoted(), 7, 2, ["ets"], known=["promotion"])
    assert not test.failures


# ---- two lines ----------------------------------------------------------------------------------
def test_a_plain_frame_needs_no_arguments_but_the_horizon():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = sc.forecast(long(), 7, model=SMALL)
    assert made.shape == (21, 12)


def test_a_country_tells_models_its_holidays() -> None:
    days = pl.date_range(pl.date(2023, 1, 1), pl.date(2025, 4, 13), eager=True)
    frame = pl.DataFrame({"unique_id": "a", "ds": days, "y": [float(d.toordinal() % 5) for d in days]})
    plain = sc.forecast(frame, 14, model="seasonal-naive")
    assert plain.equals(sc.forecast(frame, 14, model="seasonal-naive", country="GB"))  # it has no use for them
    with pytest.raises(ConfigError, match="country 'XX'"):
        sc.forecast(frame, 14, model={"model": "lightgbm", "trees": 2, "rows": 500}, country="XX")
