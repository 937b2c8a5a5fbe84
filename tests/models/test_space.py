"""Search spaces: every default lies in its space, and every point of a space is a valid spec."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skucast.errors import ConfigError
from skucast.models import registry
from skucast.models.adapters.adapter import Adapter
from skucast.models.space import OneOf, Range, option, with_options

NAMES = registry.names()


def test_models_have_something_to_tune():
    ready = [name for name in NAMES if not issubclass(registry.spec_class(name), Adapter)]  # those come as they are
    without = [name for name in ready if not registry.spec_class(name).space]
    assert set(without) <= {"temporal", "shared-season"}  # tune what it is made of


@pytest.mark.parametrize("name", NAMES)
def test_defaults_lie_in_their_space(name):
    spec = registry.spec_class(name)()
    for key, values in spec.space.items():
        assert option(spec, key) in values, key


@pytest.mark.parametrize("name", NAMES)
def test_every_point_is_a_valid_spec_that_survives_json(name):
    spec = registry.spec_class(name)()
    rng = np.random.default_rng(0)
    corners = [dict.fromkeys(spec.space, share) for share in (0.0, 1.0)]
    inside = [dict(zip(spec.space, rng.random(len(spec.space)), strict=True)) for _ in range(40)]
    for shares in (*corners, *inside):
        made = with_options(spec, {key: spec.space[key].at(share) for key, share in shares.items()})
        assert registry.spec_from_dict(json.loads(json.dumps(made.to_dict()))) == made
        for key, share in shares.items():
            assert option(made, key) == spec.space[key].at(share)


@given(st.floats(0.001, 10), st.floats(1.5, 100), st.booleans(), st.floats(0, 1))
def test_points_of_a_range_lie_in_it(low, factor, log, share):
    values = Range(low, low * factor, log)
    assert values.at(share) in values
    assert values.at(0) == pytest.approx(low, rel=0.005)  # three significant digits
    assert values.at(1) == pytest.approx(low * factor, rel=0.005)


@given(st.integers(1, 50), st.integers(1, 200), st.booleans(), st.floats(0, 1))
def test_points_of_a_whole_range_are_whole(low, more, log, share):
    values = Range(low, low + more, log)
    assert isinstance(values.at(share), int)
    assert values.at(share) in values
    assert values.size == more + 1


def test_a_log_range_goes_by_factors():
    assert Range(1.0, 100.0, log=True).at(0.5) == 10
    assert Range(1.0, 101.0).at(0.5) == 51


def test_whole_ranges_hold_no_fractions_and_no_flags():
    assert 2 in Range(1, 3)
    assert 2.0 not in Range(1, 3)
    assert True not in Range(1, 3)
    assert 2 in Range(1.0, 3.0)
    assert "2" not in Range(1.0, 3.0)


def test_a_choice_tells_flags_from_numbers():
    assert True not in OneOf(0, 1)
    assert 1 not in OneOf(False, True)
    assert [0, 1, 1] in OneOf((), (0, 1, 1))  # as it comes from JSON


def test_spaces_grow_to_hold_what_is_there():
    assert Range(8, 128, log=True).including(300) == Range(8, 300, log=True)
    assert Range(8, 128, log=True).including(0) == Range(0, 128)
    assert Range(8, 128).including(20) == Range(8, 128)
    assert Range(1, 3).including(3.5) == Range(1.0, 3.5)
    assert OneOf("a", "b").including("c") == OneOf("a", "b", "c")
    assert OneOf("a", "b").including("a") == OneOf("a", "b")


def test_spaces_that_make_no_sense():
    for make in (lambda: Range(3, 3), lambda: Range(4, 1), lambda: Range(0, 1, log=True), OneOf):
        with pytest.raises(ConfigError):
            make()


def test_an_option_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match=r"'ets' has no option 'trend\.slope'"):
        option(registry.make("ets"), "trend.slope")


def test_several_options_of_an_option_are_set_together():
    made = with_options(registry.make("lstm"), {"train.steps": 500, "hidden": 40, "train.learning_rate": 0.002})
    assert (made.hidden, made.train.steps, made.train.learning_rate, made.train.batch) == (40, 500, 0.002, 64)


def test_spaces_read_well():
    assert str(Range(8, 128, log=True)) == "8 to 128 (by factors)"
    assert str(OneOf(True, False)) == "true, false"
    assert str(OneOf((), (0, 1, 1))) == "[], [0, 1, 1]"
