"""Demand classes on series made by hand, at the limits of Syntetos, Boylan and Croston."""

import numpy as np
import pytest

from skucast.evaluate.classes import CLASSES, demand_classes, demand_profile, since_first_sale

from .planted import panel_of

NAN = float("nan")


def class_of(values, **more):
    return CLASSES[demand_classes(panel_of({"a": values}, **more))[0]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5, 6, 4, 5] * 10, "smooth"),
        ([1, 40, 2, 3] * 10, "erratic"),
        ([0, 5, 0, 6, 0, 5] * 8, "intermittent"),
        ([0, 1, 0, 60, 0, 2] * 8, "lumpy"),
        ([3, 4], "new"),
    ],
)
def test_each_class_is_recognised(values, expected):
    assert class_of(values) == expected


def test_adi_and_cv2_worked_by_hand():
    profile = demand_profile(panel_of({"a": [2, 0, 4, 0, 0, 6, 0, 4]}))
    assert profile.adi[0] == pytest.approx(8 / 4)
    assert profile.cv2[0] == pytest.approx(np.var([2, 4, 6, 4]) / 4**2)
    assert profile.steps[0] == 8
    assert profile.names == ["intermittent"]


def test_the_limits_belong_to_the_upper_class():
    demands, steps = 25, 33  # ADI 1.32 exactly
    at_limit = [1.0] * demands + [0.0] * (steps - demands)
    assert class_of(at_limit) == "intermittent"
    assert class_of(at_limit[:-1]) == "smooth"


def test_zeros_before_the_first_sale_are_not_waiting():
    assert class_of([0] * 100 + [5, 6, 4, 5] * 5) == "smooth"


def test_missing_and_sold_out_steps_are_neither_demand_nor_waiting():
    assert class_of([5, NAN, 6, NAN, 4, NAN] * 5) == "smooth"
    empty_shelf = {"a": [True, False] * 15}
    assert class_of([5, 0] * 15, available=empty_shelf) == "smooth"
    assert class_of([5, 0] * 15) == "intermittent"


def test_series_that_never_sold_have_no_interval_and_no_variation():
    profile = demand_profile(panel_of({"a": [0] * 30}))
    assert np.isinf(profile.adi[0])
    assert profile.cv2[0] == 0
    assert profile.names == ["intermittent"]


def test_series_without_any_observation_are_new():
    panel = panel_of({"a": [NAN] * 20, "b": [4] * 20})
    assert [CLASSES[c] for c in demand_classes(panel)] == ["new", "smooth"]


def test_weekly_series_are_new_for_a_quarter_of_a_year():
    assert class_of([3, 4, 3] * 4, freq="W-SUN") == "new"
    assert class_of([3, 4, 3] * 4 + [3], freq="W-SUN") == "smooth"


def test_classes_do_not_depend_on_the_company_a_series_keeps():
    rows = {"a": [5, 6, 4, 5] * 10, "b": [0, 1, 0, 60, 0, 2] * 8, "c": [3, 4]}
    together = demand_classes(panel_of(rows))
    alone = [demand_classes(panel_of({name: values}))[0] for name, values in rows.items()]
    assert together.tolist() == alone


def test_live_cells_begin_with_the_first_sale():
    panel = panel_of({"a": [0, 0, 3, 0], "b": [0, 0], "c": [1, 0]})
    assert since_first_sale(panel).tolist() == [False, False, True, True, True, True, True, True]
