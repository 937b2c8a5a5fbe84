from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from skucast.errors import DataError
from skucast.panel import Panel

NAN = float("nan")
MAKE: dict[str, Any] = {"polars": pl.DataFrame, "pandas": pd.DataFrame, "pyarrow": pa.table}


def long(*rows: tuple[Any, ...], columns: str = "unique_id ds y") -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=columns.split(), orient="row")
    return frame.with_columns(pl.col("ds").str.to_date()) if "ds" in frame.columns else frame


GOOD = long(("b", "2024-01-02", 5.0), ("a", "2024-01-03", 3.0), ("a", "2024-01-01", 1.0))


def day(text: str) -> np.datetime64:
    return np.datetime64(text, "us")


# ---- from frames and back -------------------------------------------------------------------------


def test_rows_in_any_order_become_sorted_series_with_gaps_missing() -> None:
    panel = Panel.from_frame(GOOD, "D")
    assert panel.ids.to_list() == ["a", "b"]
    assert panel.indptr.tolist() == [0, 3, 5]
    np.testing.assert_array_equal(panel.values, np.array([1, NAN, 3, 5, NAN], dtype=np.float32))
    assert panel.values.dtype == np.float32
    assert panel.stamps[[0, -1]].tolist() == [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 3)]


@pytest.mark.parametrize("kind", MAKE)
def test_the_same_kind_of_frame_comes_back_with_the_same_names(kind: str) -> None:
    data = {
        "item": ["a", "a", "b"], "when": [dt.datetime(2024, 1, d) for d in (1, 2, 2)], "sold": [1.0, 2.0, 3.0],
        "price": [9.0, 8.0, 7.0], "shelf": ["top", "top", "low"],
    }  # fmt: skip
    panel = Panel.from_frame(
        MAKE[kind](data), "D", id="item", time="when", target="sold", known=["price"], past=["shelf"]
    )
    back = panel.to_frame()
    assert type(back) is type(MAKE[kind](data))
    table = pl.DataFrame(pl.from_arrow(back) if kind == "pyarrow" else back)
    assert table.select("item", "sold", "price", "shelf").to_dict(as_series=False) == {
        k: data[k] for k in ("item", "sold", "price", "shelf")
    }
    assert table["when"].cast(pl.Datetime("us")).to_list() == data["when"]


def test_a_frame_survives_the_way_through_a_panel() -> None:
    panel = Panel.from_frame(GOOD, "D")
    assert_frame_equal(
        panel.to_frame().drop_nulls().with_columns(pl.col("y").cast(pl.Float64)), GOOD.sort("unique_id", "ds")
    )


def test_a_pandas_index_with_a_name_is_a_column() -> None:
    frame = GOOD.to_pandas().set_index("unique_id")
    assert Panel.from_frame(frame, "D").ids.to_list() == ["a", "b"]


@pytest.mark.parametrize("ids", [[2, 10, 1], [1.5, 2.5, 0.5], pd.Categorical(["x", "y", "a"])])
def test_identifiers_may_be_numbers_or_categories(ids: Any) -> None:
    frame = pd.DataFrame({"unique_id": ids, "ds": pd.to_datetime(["2024-01-01"] * 3), "y": [1.0, 2.0, 3.0]})
    panel = Panel.from_frame(frame, "D")
    assert panel.ids.to_list() == sorted(ids)
    assert panel.values.tolist() == [3.0, 1.0, 2.0]


def test_stamps_may_be_texts_and_may_have_a_zone() -> None:
    texts = GOOD.with_columns(pl.col("ds").cast(pl.String))
    assert Panel.from_frame(texts, "D").fingerprint() == Panel.from_frame(GOOD, "D").fingerprint()
    zoned = GOOD.with_columns(pl.col("ds").cast(pl.Datetime("us")).dt.replace_time_zone("Asia/Shanghai"))
    panel = Panel.from_frame(zoned, "D")
    assert str(panel.stamps[0])[:10] == "2024-01-01"
    assert panel.to_frame().schema["ds"] == zoned.schema["ds"]


def test_null_and_nan_are_missing_and_whole_numbers_are_fine() -> None:
    frame = long(("a", "2024-01-01", 1), ("a", "2024-01-02", None), ("a", "2024-01-03", 2))
    np.testing.assert_array_equal(Panel.from_frame(frame).values, np.array([1, NAN, 2], dtype=np.float32))


def test_the_frequency_is_inferred_from_the_stamps() -> None:
    weeks = long(*[("a", f"2024-01-{d:02d}", 1.0) for d in (3, 10, 17, 31)])
    panel = Panel.from_frame(weeks)
    assert panel.freq.alias == "W-WED"
    assert panel.lengths.tolist() == [5]


def test_covariates_static_columns_and_availability_find_their_place() -> None:
    frame = GOOD.with_columns(
        price=pl.Series([1.0, 2.0, 3.0]), weather=pl.Series(["sun", "rain", "sun"]), brand=pl.Series(["m", "n", "n"]),
        stocked=pl.Series([1, 0, 1]), note=pl.lit("x"),
    )  # fmt: skip
    panel = Panel.from_frame(frame, "D", static=["brand"], known=["price"], past=["weather"], availability="stocked")
    np.testing.assert_array_equal(panel.known["price"], np.array([3, NAN, 2, 1, NAN], dtype=np.float32))
    assert panel.categories == {"weather": ("rain", "sun")}
    np.testing.assert_array_equal(panel.past["weather"], np.array([1, NAN, 0, 1, NAN], dtype=np.float32))
    assert panel.static.to_dict(as_series=False) == {"unique_id": ["a", "b"], "brand": ["n", "m"]}
    assert panel.available is not None
    assert panel.available.tolist() == [True, True, False, True, True]
    np.testing.assert_array_equal(panel.observed, np.array([1, NAN, NAN, 5, NAN], dtype=np.float32))
    assert panel.layout is not None
    assert panel.layout.ignored == ("note",)


def test_a_static_frame_is_joined_by_identifier() -> None:
    static = pd.DataFrame({"unique_id": ["b", "zz"], "brand": ["m", "q"]})
    assert Panel.from_frame(GOOD, "D", static=static).static["brand"].to_list() == [None, "m"]


def test_an_empty_text_covariate_comes_back_as_text() -> None:
    frame = GOOD.with_columns(weather=pl.Series(["sun", None, "rain"]))
    back = Panel.from_frame(frame, "D", past=["weather"]).to_frame()
    assert set(back["weather"].drop_nulls()) <= {"sun", "rain", ""}


# ---- what cannot be a panel -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (GOOD.drop("y"), {}, r"Column 'y' is missing; the frame has: unique_id, ds"),
        (GOOD, {"known": ["price"]}, "Column 'price' is missing"),
        (GOOD.clear(), {}, "no rows"),
        (pl.concat([GOOD, GOOD[:1]]), {}, r"2 rows share a series and date, the first 'b' on 2024-01-02"),
        (GOOD.with_columns(y=pl.Series([1.0, float("inf"), 2.0])), {}, r"infinite in 1 rows \(series 'a' on 2024-01-03\)"),
        (GOOD.with_columns(y=pl.Series([1.0, -float("inf"), 2.0])), {}, "infinite"),
        (GOOD.with_columns(y=pl.Series(["1", "x", "2"])), {}, "text where a number is expected: 'x'"),
        (GOOD.with_columns(ds=pl.Series(["2024-01-01", "soon", "2024-01-02"])), {}, "no date: 'soon'"),
        (GOOD.with_columns(ds=pl.Series([1, 2, 3])), {}, "must hold dates, but holds Int64"),
        (GOOD.with_columns(ds=pl.Series([None, dt.date(2024, 1, 1), dt.date(2024, 1, 1)])), {}, "'ds' is empty in 1 rows"),
        (GOOD.with_columns(unique_id=pl.Series([None, "a", "b"])), {}, "'unique_id' is empty in 1 rows"),
        (GOOD.with_columns(y=pl.Series([[1], [2], [3]])), {}, "must be numeric, but holds List"),
        (GOOD.with_columns(brand=pl.Series(["m", "n", "o"])), {"static": ["brand"]}, "change within series 'a'"),
        (long(("a", "2024-01-01", 1.0), ("a", "2024-01-03", 1.0), ("b", "2024-01-09", 1.0)), {"freq": "W-MON"}, r"2024-01-03.*series 'a'"),
        (long(("a", "1024-01-01", 1.0), ("b", "9024-01-02", 1.0)), {"freq": "h"}, "wrong date"),
    ],
)  # fmt: skip
def test_a_frame_that_cannot_be_used_is_one_sentence(
    frame: pl.DataFrame, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        Panel.from_frame(frame, **{"freq": "D", **options})
    assert "\n" not in str(caught.value)


def test_what_is_no_frame_is_said() -> None:
    with pytest.raises(DataError, match="got list"):
        Panel.from_frame([1, 2], "D")


def test_one_date_does_not_tell_the_frequency() -> None:
    with pytest.raises(DataError, match="name it with freq="):
        Panel.from_frame(GOOD[:1])


def test_columns_of_the_wrong_length_are_refused() -> None:
    panel = Panel.from_frame(GOOD, "D")
    with pytest.raises(DataError, match="'x' has 2 cells where 5"):
        panel.with_known({"x": np.zeros(2)})


# ---- invariants of any panel -----------------------------------------------------------------------


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    """Ragged panels with a covariate of each role and an availability mask."""
    rows: list[dict[str, Any]] = []
    for name in draw(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True)):
        begin = draw(st.integers(0, 6))
        for step in range(begin, draw(st.integers(begin, 9)) + 1):
            y = draw(st.one_of(st.none(), st.integers(0, 9).map(float)))
            rows.append({"unique_id": name, "ds": dt.date(2024, 1, 1) + dt.timedelta(days=step), "y": y, "k": float(step), "p": step * 2.0, "s": name.upper(), "ok": draw(st.booleans())})  # fmt: skip
    frame = pl.DataFrame(rows, schema_overrides={"y": pl.Float64})
    return Panel.from_frame(frame, "D", static=["s"], known=["k"], past=["p"], availability="ok")


def same(a: Panel, b: Panel) -> None:
    assert a.fingerprint() == b.fingerprint()


@given(panels())
def test_every_series_ends_at_the_last_step(panel: Panel) -> None:
    assert panel.values.size == panel.lengths.sum() == panel.indptr[-1]
    ends = panel.ordinals[panel.indptr[1:] - 1]
    assert (ends == panel.end).all()
    np.testing.assert_array_equal(np.bincount(panel.row_of, minlength=len(panel)), panel.lengths)


@given(panels())
def test_a_dense_view_is_right_aligned(panel: Panel) -> None:
    dense = panel.dense()
    assert dense.shape == (len(panel), panel.n_steps) == (len(panel), panel.stamps.size)
    for i in range(len(panel)):
        row = panel.series(i)
        np.testing.assert_array_equal(dense[i, panel.n_steps - row.size :], row)
        assert np.isnan(dense[i, : panel.n_steps - row.size]).all()
    for steps in (1, 3, panel.n_steps + 2):
        padded = np.concatenate([np.full((len(panel), 2), np.nan), dense], axis=1)
        np.testing.assert_array_equal(panel.dense(steps=steps), padded[:, padded.shape[1] - steps :])


@given(panels(), st.data())
def test_taking_series_keeps_them_whole_in_the_order_asked(panel: Panel, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(panel) - 1), max_size=5))
    part = panel.take(rows)
    assert part.ids.to_list() == [panel.ids[i] for i in rows]
    for k, i in enumerate(rows):
        np.testing.assert_array_equal(part.series(k), panel.series(i))
        np.testing.assert_array_equal(
            part.known["k"][part.indptr[k] : part.indptr[k + 1]],
            panel.known["k"][panel.indptr[i] : panel.indptr[i + 1]],
        )
    mask = np.isin(np.arange(len(panel)), rows)
    same(panel.take(mask), panel.take(sorted(set(rows))))


@given(panels(), st.integers(0, 11))
def test_until_is_what_was_known_then(panel: Panel, steps: int) -> None:
    last = panel.end - steps
    early = panel.until(last)
    assert early.end == min(last, panel.end)
    keep = panel.ordinals <= last
    np.testing.assert_array_equal(early.values, panel.values[keep])
    np.testing.assert_array_equal(early.past["p"], panel.past["p"][keep])
    same(panel.until(panel.freq.stamp(last)), early)


@given(panels(), st.integers(1, 4))
def test_appending_what_came_after_gives_the_whole_again(panel: Panel, steps: int) -> None:
    early = panel.until(panel.end - steps)
    if len(early) < len(panel):
        return
    full = early.append(panel.dense(steps=steps), {"k": panel.dense(panel.known["k"], steps)})
    np.testing.assert_array_equal(full.values, panel.values)
    np.testing.assert_array_equal(full.known["k"], panel.known["k"])
    assert (full.end, full.indptr.tolist()) == (panel.end, panel.indptr.tolist())
    assert np.isnan(full.past["p"].reshape(-1)[full.ordinals > early.end]).all()
    same(full.until(early.end), early)


@given(panels(), st.integers(1, 12))
def test_the_tail_is_the_end_of_the_dense_view(panel: Panel, steps: int) -> None:
    tail = panel.tail(steps)
    assert (tail.lengths == np.minimum(panel.lengths, steps)).all()
    np.testing.assert_array_equal(tail.dense(steps=steps), panel.dense(steps=steps))
    assert tail.end == panel.end


@given(panels())
def test_the_long_frame_makes_the_same_panel_again(panel: Panel) -> None:
    frame = panel.to_frame().with_columns(ok=pl.col("available"))
    again = Panel.from_frame(frame, "D", static=panel.static, known=["k"], past=["p"], availability="ok")
    np.testing.assert_array_equal(again.values, panel.values)
    np.testing.assert_array_equal(again.known["k"], panel.known["k"])
    np.testing.assert_array_equal(again.available, panel.available)
    assert again.ids.to_list() == panel.ids.to_list()


@given(panels())
def test_the_fingerprint_is_of_the_content(panel: Panel) -> None:
    assert panel.fingerprint() == panel.take(np.arange(len(panel))).fingerprint()
    other = panel.values.copy()
    other[0] = 77
    assert panel.with_values(other).fingerprint() != panel.fingerprint()
    assert panel.with_known({"k": panel.known["k"] + 1}).fingerprint() != panel.fingerprint()


def test_until_takes_dates_and_leaves_out_what_was_not_born() -> None:
    panel = Panel.from_frame(GOOD, "D")
    assert panel.until("2024-01-01").ids.to_list() == ["a"]
    assert panel.until("2030-01-01") is panel
    assert len(panel.until("2020-01-01")) == 0


# ---- files, torch, future ---------------------------------------------------------------------------


def test_saving_and_loading_keeps_everything(tmp_path: Path) -> None:
    frame = GOOD.to_pandas().assign(price=[1.0, 2.0, 3.0], kind=["x", "y", "x"], ok=[True, False, True])
    panel = Panel.from_frame(
        frame,
        "D",
        known=["price"],
        past=["kind"],
        availability="ok",
        static=pd.DataFrame({"unique_id": ["a"], "brand": ["茶"]}),
    )
    panel.save(tmp_path / "panel")
    again = Panel.load(tmp_path / "panel")
    same(again, panel)
    assert again.categories == panel.categories
    pd.testing.assert_frame_equal(again.to_frame(), panel.to_frame())
    assert sorted(p.suffix for p in (tmp_path / "panel").iterdir()) == [".json", ".parquet", ".parquet", ".safetensors"]


def test_torch_sees_the_same_memory() -> None:
    pytest.importorskip("torch")
    panel = Panel.from_frame(GOOD, "D")
    tensor = panel.to_torch()
    assert tensor.data_ptr() == panel.values.ctypes.data
    tensor[0] = 42
    assert panel.values[0] == 42


def known_panel() -> Panel:
    return Panel.from_frame(GOOD.with_columns(price=pl.lit(2.0)), "D", known=["price"])


def test_future_values_are_read_per_series_or_shared() -> None:
    panel = known_panel()
    each = long(
        *[
            (i, d, p)
            for i, p in (("b", 5.0), ("a", 4.0), ("zz", 9.0))
            for d in ("2024-01-03", "2024-01-04", "2024-01-05")
        ],
        columns="unique_id ds price",
    )
    assert panel.future(each, 2)["price"].tolist() == [[4, 4], [5, 5]]
    shared = long(("2024-01-05", 7.0), ("2024-01-04", 6.0), columns="ds price")
    assert panel.future(shared.to_pandas(), 2)["price"].tolist() == [[6, 7], [6, 7]]
    assert Panel.from_frame(GOOD, "D").future(None, 3) == {}


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (None, "from 2024-01-04 to 2024-01-05"),
        (
            long(("a", "2024-01-04", 4.0), columns="unique_id ds price"),
            r"3 gaps in the future frame, the first at a on 2024-01-05; b on 2024-01-04",
        ),
        (long(("a", "2024-01-04", 4.0), columns="unique_id ds cost"), "Column 'price' is missing"),
    ],
)
def test_gaps_in_the_future_are_named(frame: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        known_panel().future(frame, 2)


def test_a_panel_tells_what_it_holds() -> None:
    assert (
        repr(known_panel())
        == "Panel(2 series x up to 3 steps (D); 2024-01-01..2024-01-03; 40.0% missing; known: price)"
    )
    assert repr(known_panel().take([])) == "Panel(no series)"
