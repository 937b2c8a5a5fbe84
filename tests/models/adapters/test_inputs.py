"""What a foundation model is given of a panel; needs none of the packages."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import polars as pl
import pytest

from skucast.models.adapters.adapter import Network
from skucast.models.adapters.inputs import Batch, Inputs, Takes, joined
from skucast.panel import Panel

from ..series import panel_of

NAN = np.nan


def told() -> Panel:
    """Two items, one of which begins later, with every role of covariate."""
    days = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]
    frame = pl.DataFrame(
        {
            "unique_id": ["a"] * 4 + ["b"] * 2,
            "ds": days + days[2:],
            "y": [1.0, 2.0, None, 4.0, 5.0, 6.0],
            "stock": [1, 0, 1, 1, 1, 1],
            "price": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            "event": ["sale", None, "none", "sale", "none", "sale"],
            "views": [10.0, 20.0, 30.0, 40.0, 50.0, 60.0],
            "brand": ["x", "x", "x", "x", "z", "z"],
        }
    ).with_columns(pl.col("ds").str.to_date())
    return Panel.from_frame(
        frame, "D", known=["price", "event"], past=["views"], static=["brand"], availability="stock"
    )


def test_what_is_not_used_is_recorded_with_its_reason() -> None:
    everything = Inputs.of(told(), Takes(known=True, past=True, text=True))
    assert (everything.known, everything.past) == (("price", "event"), ("views",))
    assert everything.ignored == (("brand", "static"),)
    numbers = Inputs.of(told(), Takes(known=True, past=True))
    assert (numbers.known, numbers.past) == (("price",), ("views",))
    assert dict(numbers.ignored) == {"brand": "static", "event": "text"}
    nothing = Inputs.of(told(), Takes())
    assert (nothing.known, nothing.past) == ((), ())
    assert dict(nothing.ignored)["price"] == "the model has no input for known covariates"
    assert dict(nothing.ignored)["views"] == "the model has no input for past covariates"


def test_a_batch_is_right_aligned_hides_sold_out_steps_and_shows_what_is_known_ahead() -> None:
    panel = told()
    ahead = {"price": np.array([[7.0, 8.0], [9.0, 9.5]], np.float32), "event": np.array([[0, NAN], [1, 0]], np.float32)}
    inputs = Inputs.of(panel, Takes(known=True, past=True, text=True))
    batch = Batch.of(panel, np.array([1, 0]), ahead, inputs, 4, 2)
    np.testing.assert_array_equal(batch.demand, [[NAN, NAN, 5, 6], [1, NAN, NAN, 4]])
    np.testing.assert_array_equal(batch.known["price"], [[NAN, NAN, 5, 6, 9, 9.5], [1, 2, 3, 4, 7, 8]])
    np.testing.assert_array_equal(batch.past["views"], [[NAN, NAN, 50, 60], [10, 20, 30, 40]])
    words = batch.words("event", batch.known["event"])
    texts = panel.categories["event"]
    assert words[1].tolist() == ["sale", "", "none", "sale", texts[0], None]  # the panel has a text for nothing
    assert words[0].tolist() == [None, None, "none", "sale", texts[1], texts[0]]
    assert batch.season == 7


def test_unknown_cells_lie_on_the_line_between_known_ones() -> None:
    made = joined(np.array([[NAN, 1, NAN, 3, NAN], [NAN] * 5, [1, 2, 3, 4, 5]], np.float32))
    np.testing.assert_array_equal(made, [[1, 1, 2, 3, 3], [0] * 5, [1, 2, 3, 4, 5]])


@pytest.mark.parametrize(("seen", "length"), [(1, 32), (32, 32), (33, 64), (700, 1024)])
def test_series_are_padded_to_few_lengths(seen: int, length: int) -> None:
    class Some(Network):
        def quantiles(self, batch: Batch, seed: int) -> np.ndarray:
            raise NotImplementedError

    assert Some().lengths(np.array([seen])).tolist() == [length]


def test_inputs_are_json_both_ways() -> None:
    inputs = Inputs.of(told(), Takes(known=True))
    assert Inputs.from_dict(json.loads(json.dumps(dataclasses.asdict(inputs)))) == inputs
    assert Inputs.of(panel_of({"a": [1.0]}), Takes()) == Inputs()
