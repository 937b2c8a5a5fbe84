"""The plan as a file for spreadsheets."""

import csv
import io

import polars as pl
import pytest

from skucast.decide.plan_table import COLUMNS, safe_for_spreadsheets

from .making import certain, plan


def test_the_table_has_the_documented_columns_and_types():
    frame = plan(certain({"A": [2.0] * 28})).frame()
    assert dict(frame.schema) == COLUMNS


def test_the_file_reads_back_as_the_table_rounded_to_four_decimals(tmp_path):
    made = plan(certain({"A": [2.0] * 28, "B": [1 / 3] * 28}), stock={"sku": ["A"], "on_hand": [3.0]})
    made.write_csv(tmp_path / "plan.csv")
    assert (tmp_path / "plan.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    back = pl.read_csv(tmp_path / "plan.csv", schema_overrides={k: v for k, v in COLUMNS.items() if v != pl.Date()})
    expected = made.frame().with_columns(pl.col(pl.Float64).round(4), pl.col(pl.Date).cast(pl.String))
    assert back.with_columns(pl.col("run_out_date").cast(pl.String)).equals(expected)


@pytest.mark.parametrize(
    "code", ["=cmd()", "+1", "-2", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝cmd()", "=cmd|' /C calc'!A0"]
)
def test_texts_that_a_spreadsheet_would_run_are_disarmed(tmp_path, code):
    made = plan(certain({code: [2.0] * 28}), products={"sku": [code], "name": [code], "supplier": [code]})
    made.write_csv(tmp_path / "plan.csv")
    text = (tmp_path / "plan.csv").read_bytes().decode("utf-8-sig")
    (line,) = csv.DictReader(io.StringIO(text, newline=""))
    for column in ("unique_id", "sku", "name", "supplier"):
        assert line[column] == "'" + code
    assert float(line["order_qty"]) == 42
    assert made.frame()["sku"][0] == code


def test_numbers_and_ordinary_texts_stay_as_they_are():
    frame = pl.DataFrame({"a": ["tea", "../x", "a=b", None, ""], "n": [-1.0, 2, 3, 4, 5]})
    assert safe_for_spreadsheets(frame).equals(frame)


def test_the_plan_says_in_one_line_what_it_holds():
    made = plan(certain({"A": [2.0] * 28}), products={"sku": ["A"], "price": [10.0], "cost": [6.0]})
    assert repr(made) == "PurchasePlan(1 of 1 items to order on 2026-11-30; 252 GBP, expected gain 168 GBP)"
