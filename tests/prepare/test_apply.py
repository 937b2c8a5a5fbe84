from __future__ import annotations

import numpy as np
import pytest

from skucast.collect.repairs import Repairs
from skucast.config import Prepare
from skucast.errors import ConfigError
from skucast.prepare.apply import pipeline, prepare_panel
from skucast.prepare.changes import Changes
from skucast.prepare.gaps import StockOuts
from skucast.prepare.impute import Impute
from skucast.prepare.outliers import Outliers
from skucast.prepare.scale import Scale
from skucast.prepare.step import Pipeline, step_from_dict, step_names
from skucast.prepare.unconstrain import Unconstrain

from .panels import daily, degenerate, weekly_shape


def spoiled(days: int = 210) -> np.ndarray:
    values = weekly_shape(days, 1)
    values[[50, 120]], values[[80, 81]] = 900.0, np.nan
    return values


def test_nothing_is_done_unless_the_project_file_asks_or_something_was_sold_out() -> None:
    panel, repairs = daily(spoiled()), Repairs()
    assert prepare_panel(panel, Prepare(), repairs) is panel
    assert repairs.rows == []


def test_each_rule_is_counted_with_an_example_and_a_remedy() -> None:
    panel, repairs = daily(spoiled()), Repairs()
    after = prepare_panel(panel, Prepare(outliers="iqr", impute="seasonal"), repairs)
    assert not np.isnan(after.values).any()
    table = repairs.frame()
    assert table["rule"].to_list() == ["outlier-winsorised-iqr", "impute-seasonal"]
    assert table["rows"].to_list() == [2, 2]
    assert table["series"].to_list() == [1, 1]
    assert (table["stage"] == "prepare").all()
    assert table["example"][0].startswith("s0 on 2023-02-21: 900 -> ")
    assert table["example"][1].startswith("s0 on 2023-03-23: missing -> ")
    assert all(table["remedy"])
    moved = after.values[[50, 120]] - panel.values[[50, 120]]
    assert table["units"][0] == pytest.approx(moved.sum(), rel=1e-5)


def test_removed_outliers_are_imputed_where_both_are_asked_for() -> None:
    after = prepare_panel(daily(spoiled()), Prepare(outliers="hampel", treatment="remove", impute="linear"), Repairs())
    assert not np.isnan(after.values).any()
    assert after.values[50] < 200


def test_protected_cells_are_left_alone_and_leave_no_covariate() -> None:
    panel = daily(spoiled(), known={"promotion": [[0.0] * 210]})
    protected = np.zeros(210, dtype=bool)
    protected[50] = True
    after = prepare_panel(panel, Prepare(outliers="iqr"), Repairs(), protected)
    assert after.values[50] == 900
    assert after.values[120] < 900
    assert list(after.known) == ["promotion"]


def test_the_pipeline_follows_the_project_file() -> None:
    made = pipeline(Prepare(stockouts="normal", outliers="tree", treatment="remove", impute="knn"))
    assert made.steps == (Unconstrain("normal", fill="drawn"), Outliers("tree", "remove"), Impute("knn"))


def test_a_whole_pipeline_is_undone_in_one_go() -> None:
    panel = daily(spoiled(), weekly_shape(120, 3))
    steps = Pipeline((StockOuts(), Outliers(), Impute("seasonal"), Scale("asinh")))
    fitted = steps.fit(panel)
    after, changes = fitted.prepare(panel)
    again = steps.fit_apply(panel)
    np.testing.assert_array_equal(again.panel.values, after.values)
    assert again.changes.frame.equals(changes.frame)
    back = fitted.invert(after, changes)
    np.testing.assert_allclose(back.values, panel.values, rtol=1e-5, atol=1e-3)
    cells = [50, 80, 81, 120]  # what was recorded comes back exactly
    np.testing.assert_array_equal(back.values[cells], panel.values[cells])


def test_a_cell_changed_twice_goes_back_to_the_first_value() -> None:
    panel = daily(spoiled())
    fitted = Pipeline((Outliers(treatment="remove"), Impute("linear"))).fit(panel)
    after, changes = fitted.prepare(panel)
    assert len(changes) == 6  # two removed; these and two gaps filled
    np.testing.assert_array_equal(fitted.invert(after, changes).values, panel.values)


def test_changes_of_series_or_days_that_a_panel_lacks_are_skipped() -> None:
    panel = daily(spoiled(), weekly_shape(100, 2))
    _, changes = Outliers().fit_apply(panel)
    shorter = panel.take([1]).tail(20)
    np.testing.assert_array_equal(changes.undo(shorter).values, shorter.values)
    assert repr(Changes.none(panel)) == "Changes(none)"
    assert "outlier-winsorised-iqr" in repr(changes)


def test_a_degenerate_panel_passes_through_everything() -> None:
    panel = degenerate()
    for method in ("iqr", "forest"):
        after = prepare_panel(panel, Prepare(outliers=method, impute="knn"), Repairs())
        np.testing.assert_array_equal(np.isnan(after.values), np.isnan(panel.values))


def test_steps_are_found_by_name() -> None:
    assert step_names() == ("stock-outs", "unconstrain", "outliers", "impute", "scale")
    for step in (StockOuts("censor"), Outliers("knn"), Impute("linear"), Scale("robust")):
        assert step_from_dict(step.to_dict()) == step
    with pytest.raises(ConfigError, match="no preparation step 'smooth'"):
        step_from_dict({"step": "smooth"})
    with pytest.raises(ConfigError, match="Step 'scale' has no option 'kind'"):
        step_from_dict({"step": "scale", "kind": "minmax"})
