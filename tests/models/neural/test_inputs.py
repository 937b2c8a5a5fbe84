import json

import numpy as np
import pytest

from skucast.models.neural.inputs import Covariate, Inputs

from .panels import panel_of, weekly_pattern


@pytest.mark.parametrize(("freq", "patch", "patches"), [("D", 7, 20), ("W-SUN", 4, 26), ("MS", 1, 36), ("h", 24, 6)])
def test_a_recurrent_step_is_what_people_plan_by(freq, patch, patches):
    end = "2025-03-30T00:00" if freq != "MS" else "2025-03-01"
    inputs = Inputs.of(panel_of(np.ones((2, 140)), freq, end=end), 4)
    assert (inputs.patch, inputs.patches) == (patch, patches)


def test_sizes_asked_for_are_kept():
    inputs = Inputs.of(weekly_pattern(), 7, patch=14, context=56)
    assert (inputs.patch, inputs.patches, inputs.context) == (14, 4, 56)


def test_json_both_ways():
    known = {"promotion": np.arange(280) % 3 == 0, "colour": np.arange(280) % 2}
    panel = panel_of(
        np.ones((2, 140)), known={n: np.reshape(c, (2, 140)) for n, c in known.items()},
        past={"views": np.random.default_rng(0).random((2, 140))}, categories={"colour": ("blue", "red")},
    )  # fmt: skip
    inputs = Inputs.of(panel, 7)
    assert Inputs.from_dict(json.loads(json.dumps(inputs.to_dict()))) == inputs
    assert [c.name for c in inputs.covariates] == ["promotion", "colour", "views"]
    assert (inputs.known_width, inputs.width) == (3, 4)


def test_numbers_are_standardised_and_missing_ones_are_average():
    values = np.array([[1.0, 3.0, np.nan, 5.0]])
    panel = panel_of(np.ones((1, 4)), known={"price": values})
    covariate = Covariate.of(panel, "price")
    np.testing.assert_allclose(
        covariate.channels(panel)[:, 0], np.array([-2.0, 0.0, 0.0, 2.0]) / np.std([1, 3, 5]), rtol=1e-6
    )


def test_texts_become_channels_and_follow_their_name_not_their_code():
    trained = panel_of(np.ones((1, 3)), known={"colour": [[0, 1, 1]]}, categories={"colour": ("blue", "red")})
    covariate = Covariate.of(trained, "colour")
    np.testing.assert_array_equal(covariate.channels(trained), [[1, 0], [0, 1], [0, 1]])
    other = panel_of(
        np.ones((1, 4)), known={"colour": [[0, 1, 2, np.nan]]}, categories={"colour": ("green", "red", "blue")}
    )
    np.testing.assert_array_equal(covariate.channels(other), [[0, 0], [0, 1], [1, 0], [0, 0]])


def test_columns_that_say_nothing_are_left_out():
    texts = tuple(f"t{i}" for i in range(40))
    panel = panel_of(
        np.ones((1, 40)), known={"flat": np.ones((1, 40)), "empty": np.full((1, 40), np.nan), "name": [np.arange(40)]},
        categories={"name": texts},
    )  # fmt: skip
    assert Inputs.of(panel, 7).covariates == ()
