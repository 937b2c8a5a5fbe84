from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsRegressor

from skucast.errors import ConfigError, DataError
from skucast.features.marks import with_peaks
from skucast.panel import Panel
from skucast.prepare.outliers import METHODS, Outliers
from skucast.prepare.step import step_from_dict

from .panels import DEGENERATE, daily, degenerate, sparse, weekly_shape

DAYS = 280
HIGH, LOW, LONE = 100, 187, 151  # cells that are planted in the series of `planted`


def planted() -> tuple[Panel, list[int]]:
    """A week-shaped and a sparse series, each with outliers; and the flat cells that these are in."""
    busy, quiet = weekly_shape(DAYS, 1), sparse(DAYS, 2)
    busy[HIGH], busy[LOW], quiet[LONE] = 900.0, 0.0, 80.0
    return daily(busy, quiet), [HIGH, LOW, DAYS + LONE]


def touched(panel: Panel, after: Panel) -> list[int]:
    return np.flatnonzero(~np.isclose(panel.values, after.values, equal_nan=True)).tolist()


@pytest.mark.parametrize("method", METHODS)
def test_planted_outliers_are_found_and_little_else(method: str) -> None:
    panel, cells = planted()
    after, changes = Outliers(method).fit_apply(panel)
    found = touched(panel, after)
    assert set(cells) <= set(found)
    assert len(found) <= len(cells) + 3  # of 560 ordinary cells
    assert len(changes) == len(found)


@pytest.mark.parametrize("method", METHODS)
def test_a_strong_week_alone_has_no_outliers(method: str) -> None:
    panel = daily(*(weekly_shape(DAYS, seed) for seed in range(4)))
    assert len(Outliers(method).fit_apply(panel).changes) <= 0.003 * panel.values.size


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("covariate", ["promotion", "on_promotion", "discount", "peak"])
def test_a_promoted_peak_is_no_outlier(method: str, covariate: str) -> None:
    values = weekly_shape(DAYS, 3)
    promotion = np.zeros(DAYS)
    values[120:123], promotion[120:123] = 800.0, 0.3
    values[200] = 800.0  # the same without a reason
    panel = daily(values, known={covariate: [promotion]})
    found = touched(panel, Outliers(method).fit_apply(panel).panel)
    assert not {120, 121, 122} & set(found)
    assert 200 in found


@pytest.mark.parametrize("method", METHODS)
def test_holiday_and_sale_peaks_are_no_outliers(method: str) -> None:
    start = dt.date(2023, 9, 4)
    values = weekly_shape(DAYS, 4)
    friday, new_year, anniversary, plain = (
        (day - start).days
        for day in (dt.date(2023, 11, 24), dt.date(2023, 12, 24), dt.date(2024, 5, 6), dt.date(2024, 4, 17))
    )
    values[[friday, new_year, anniversary, plain]] = 900.0
    panel = with_peaks(daily(values, start=start), "GB")  # 6 May 2024 was a bank holiday
    found = touched(panel, Outliers(method).fit_apply(panel).panel)
    assert plain in found
    assert not {friday, new_year, anniversary} & set(found)


def test_promotions_given_as_text_protect_where_they_have_a_name() -> None:
    values = weekly_shape(DAYS, 3)
    values[[120, 200]] = 800.0
    frame = daily(values).to_frame()
    names = ["" if k != 120 else "spring sale" for k in range(DAYS)]
    panel = Panel.from_frame(frame.with_columns(deal=np.array(names)).rename({"deal": "promotion"}), past=["promotion"])
    found = touched(panel, Outliers().fit_apply(panel).panel)
    assert 200 in found
    assert 120 not in found


@pytest.mark.parametrize("method", METHODS)
def test_winsorising_stops_at_the_limit_and_keeps_the_direction(method: str) -> None:
    panel, _ = planted()
    after = Outliers(method).fit_apply(panel).panel
    usual = {cell: np.median(panel.series(0)[cell % 7 :: 7]) for cell in (HIGH, LOW)}  # of the weekday
    assert usual[HIGH] < after.values[HIGH] < 450
    assert 0 < after.values[LOW] < usual[LOW]
    assert after.values[DAYS + LONE] > 4  # still the largest order of the sparse series


def test_treatments_remove_and_note() -> None:
    panel, cells = planted()
    removed = Outliers("iqr", "remove").fit_apply(panel)
    assert np.isnan(removed.panel.values[cells]).all()
    assert removed.changes.frame["after"].null_count() == len(removed.changes)
    noted = Outliers("iqr", "note").fit_apply(panel)
    assert noted.panel.values is panel.values
    assert noted.changes.frame["ds"].to_list() == removed.changes.frame["ds"].to_list()
    assert noted.changes.repairs().rows[0]["action"] == "noted"


def test_only_one_side_is_judged_if_asked() -> None:
    panel, _ = planted()
    assert LOW not in touched(panel, Outliers(side="high").fit_apply(panel).panel)
    assert touched(panel, Outliers(side="low").fit_apply(panel).panel) == [LOW]


@pytest.mark.parametrize("method", METHODS)
def test_changes_name_every_cell_and_undo_restores_it(method: str) -> None:
    panel, _ = planted()
    fitted = Outliers(method).fit(panel)
    after, changes = fitted.prepare(panel)
    cells = touched(panel, after)
    rows = changes.frame
    assert rows["unique_id"].to_list() == [panel.ids[int(panel.row_of[c])] for c in cells]
    assert rows["ds"].to_list() == [panel.freq.stamp(panel.ordinals[c]).astype("datetime64[D]").item() for c in cells]
    np.testing.assert_array_equal(rows["before"].to_numpy(), panel.values[cells])
    np.testing.assert_array_equal(rows["after"].to_numpy(), after.values[cells])
    np.testing.assert_array_equal(fitted.invert(after, changes).values, panel.values)


@pytest.mark.parametrize("treatment", ["winsorise", "remove"])
@pytest.mark.parametrize("method", METHODS)
def test_a_fit_on_the_past_does_not_know_the_future(method: str, treatment: str) -> None:
    panel, _ = planted()
    cut = panel.end - 60
    spoiled = panel.values.copy()
    late = panel.ordinals > cut
    spoiled[late] = np.random.default_rng(0).integers(0, 10_000, int(late.sum()))
    step = Outliers(method, treatment)
    one, other = step.fit(panel.until(cut)), step.fit(panel.with_values(spoiled).until(cut))
    np.testing.assert_array_equal(one.apply(panel).values, other.apply(panel).values)
    np.testing.assert_array_equal(
        one.apply(panel.until(cut)).values, other.apply(panel.with_values(spoiled).until(cut)).values
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_fitted_step_judges_newer_history(method: str) -> None:
    values = weekly_shape(DAYS, 5)
    fitted = Outliers(method).fit(daily(values))
    more = weekly_shape(DAYS + 35, 5)
    more[:DAYS] = values
    more[DAYS + 20] = 1_000.0
    longer = daily(more)
    assert DAYS + 20 in touched(longer, fitted.apply(longer))


@pytest.mark.parametrize("method", ["iqr", "hampel", "knn", "tree"])
def test_the_verdict_on_a_series_does_not_depend_on_the_others(method: str) -> None:
    panel, _ = planted()
    together = Outliers(method).fit_apply(panel).panel
    for i in range(len(panel)):
        alone = Outliers(method).fit_apply(panel.take([i])).panel
        np.testing.assert_array_equal(alone.series(0), together.series(i))


def test_iqr_in_units_is_tukeys_rule() -> None:
    rng = np.random.default_rng(8)
    values = rng.normal(100.25, 10, 27)  # too short for a season
    values[5] = 190
    low, high = np.quantile(values.astype(np.float32).astype(float), [0.25, 0.75])
    fence = high + 1.5 * (high - low)
    after = Outliers("iqr", threshold=1.5, on="units").fit_apply(daily(values)).panel
    assert after.values[5] == pytest.approx(fence, rel=1e-6)
    beyond = (values > fence) | (values < low - 1.5 * (high - low))
    assert touched(daily(values), after) == np.flatnonzero(beyond).tolist()


def test_hampel_is_the_textbook_filter() -> None:
    rng = np.random.default_rng(9)
    values = np.round(rng.normal(0, 1, 200).cumsum() + rng.normal(0, 3, 200) + 200.5, 2)
    values[[40, 90]] += 60
    panel = daily(values, step=7, freq="W-MON")  # weeks: no season is taken out of two hundred of them
    x, width = panel.values.astype(float), 4.0
    windows = [x[max(t - 6, 0) : t + 7] for t in range(len(x))]
    middle = np.array([np.median(w) for w in windows])
    mad = 1.4826 * np.array([np.median(np.abs(w - m)) for w, m in zip(windows, middle, strict=True)])
    floor = max(0.5 * 1.4826 * np.median(np.abs(x - middle)), 0.05 * np.median(x))
    flagged = np.abs(x - middle) > width * np.maximum(mad, floor)
    found = touched(panel, Outliers("hampel", threshold=width, on="units").fit_apply(panel).panel)
    assert found == np.flatnonzero(flagged).tolist()
    assert {40, 90} <= set(found)


def test_knn_finds_a_value_that_is_ordinary_but_in_the_wrong_place() -> None:
    rng = np.random.default_rng(10)
    values = np.resize([20.0, 20, 90, 90], 300) + rng.normal(0, 1.0, 300).round()  # a cycle of four days
    values[152] = 90  # normal on every other day, not on this one
    panel = daily(values)
    assert 152 in touched(panel, Outliers("knn").fit_apply(panel).panel)
    assert 152 not in touched(panel, Outliers("iqr").fit_apply(panel).panel)


def test_knn_expects_what_scikit_learn_expects() -> None:
    from skucast.prepare.neighbours import Library

    rng = np.random.default_rng(11)
    values = rng.normal(size=60)
    panel = daily(values)
    x = panel.values.astype(float)
    library = Library.of(panel, x, reach=2)
    whole = np.arange(2, 58)
    around = np.stack([np.concatenate([x[t - 2 : t], x[t + 1 : t + 3]]) for t in whole])
    got = library.expected(panel, x, np.ones(60, dtype=bool), neighbours=5)
    for t in (10, 30, 50):
        others = whole != t
        distance = ((around[others] - around[t - 2]) ** 2).mean(axis=1)
        # windows at the edges compare on fewer cells, so leave out the few cells for which one of them is near
        oracle = KNeighborsRegressor(5).fit(around[others], x[whole[others]])
        near = oracle.kneighbors(around[[t - 2]], return_distance=False)[0]
        edges = [np.nanmean((np.r_[[np.nan] * 2, x, [np.nan] * 2][[e, e + 1, e + 3, e + 4]] - around[t - 2]) ** 2)
                 for e in (0, 1, 58, 59)]  # fmt: skip
        if min(edges) > np.sort(distance)[4]:
            assert got[t] == pytest.approx(np.median(x[whole[others]][near]))


def test_the_forest_gives_the_same_verdict_again() -> None:
    panel, _ = planted()
    one, other = (Outliers("forest", seed=3).fit_apply(panel).panel.values for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_hampel_follows_a_change_of_level() -> None:
    rng = np.random.default_rng(12)
    values = np.r_[rng.poisson(20, 140), rng.poisson(200, 140)].astype(float)
    values[200] = 20  # ordinary half a year ago
    panel = daily(values)
    found = touched(panel, Outliers("hampel").fit_apply(panel).panel)
    assert 200 in found
    assert len(found) <= 4
    assert 200 not in touched(panel, Outliers("iqr").fit_apply(panel).panel)


@pytest.mark.parametrize("method", METHODS)
def test_degenerate_series_stay_finite_and_restorable(method: str) -> None:
    panel = degenerate()
    fitted = Outliers(method).fit(panel)
    after, changes = fitted.prepare(panel)
    np.testing.assert_array_equal(np.isnan(after.values), np.isnan(panel.values))
    np.testing.assert_array_equal(fitted.invert(after, changes).values, panel.values)
    same = [i for i, name in enumerate(DEGENERATE) if name not in ("huge", "negative")]
    for i in same:
        np.testing.assert_array_equal(after.series(i), panel.series(i))


@pytest.mark.parametrize("method", METHODS)
def test_a_single_extreme_in_a_constant_series_is_found(method: str) -> None:
    values = np.full(90, 5.0)
    values[44] = 70
    panel = daily(values)
    assert touched(panel, Outliers(method).fit_apply(panel).panel) == [44]


def test_sold_out_cells_are_neither_judged_nor_learned_from() -> None:
    values = weekly_shape(DAYS, 6)
    in_stock = np.ones(DAYS, dtype=bool)
    values[50:90], in_stock[50:90] = 0.0, False
    panel = daily(values, available=[in_stock])
    after = Outliers().fit_apply(panel).panel
    assert not set(range(50, 90)) & set(touched(panel, after))
    np.testing.assert_array_equal(after.available, in_stock)


def test_a_second_pass_of_the_same_step_changes_nothing() -> None:
    panel, _ = planted()
    fitted = Outliers().fit(panel)
    once = fitted.apply(panel)
    assert len(fitted.prepare(once).changes) == 0


def test_unknown_options_and_series_are_named() -> None:
    with pytest.raises(ConfigError, match="no method 'zscore'; there are: iqr, hampel, knn, forest, tree"):
        Outliers("zscore")
    with pytest.raises(ConfigError, match="threshold of at least 0, not -1"):
        Outliers(threshold=-1)
    fitted = Outliers().fit(daily([1.0] * 20))
    with pytest.raises(DataError, match="without the series 's1'"):
        fitted.apply(daily([1.0] * 20, [2.0] * 20))


def test_the_step_is_json_both_ways() -> None:
    step = Outliers("tree", "remove", threshold=2.5, protect=("deal",))
    assert step_from_dict(step.to_dict()) == step


@pytest.mark.parametrize("method", METHODS)
def test_promoted_days_do_not_widen_what_is_usual(method: str) -> None:
    rng = np.random.default_rng(13)
    promotion = rng.random(DAYS) < 0.35
    values = rng.poisson(np.where(promotion, 400, 30)).astype(float)
    plain = int(np.flatnonzero(~promotion)[60])
    values[plain] = 400  # as on promoted days, but without a promotion
    panel = daily(values, known={"promotion": [promotion]})
    assert plain in touched(panel, Outliers(method).fit_apply(panel).panel)
