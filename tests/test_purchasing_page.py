"""The page about the purchase list names every column, reason and assumption, in their order."""

import re
from pathlib import Path

from skucast.decide.assumptions import _TEXT
from skucast.decide.plan_table import COLUMNS
from skucast.decide.reasons import REASONS

PAGE = Path(__file__).parent.parent / "docs" / "purchasing.md"


def table(heading: str) -> list[list[str]]:
    """The rows of the table under a heading, cells without back quotes."""
    part = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("| `")]
    return [[re.sub(r"^`(.*)`$", r"\1", row[0]), *row[1:]] for row in rows]


def test_the_page_lists_the_columns_in_their_order():
    assert [row[0] for row in table("Columns")] == list(COLUMNS)
    assert all(row[1] and row[2] for row in table("Columns"))


def test_texts_dates_and_numbers_are_called_so():
    kinds = {row[0]: row[1] for row in table("Columns")}
    for name, dtype in COLUMNS.items():
        assert (kinds[name] in ("text", "code")) == (str(dtype) == "String"), name
        assert (kinds[name] == "date") == (str(dtype) == "Date"), name


def test_the_page_lists_every_reason_with_its_meaning():
    assert {row[0]: row[1] for row in table("Reasons")} == REASONS


def test_the_page_lists_every_assumption():
    assert [row[0] for row in table("What is taken for granted")] == list(_TEXT)
