from __future__ import annotations

import polars as pl
import pytest

from skucast.collect.non_products import find_non_products

from .typed import bundled


def find(*rows: tuple[str, str | None], patterns: list[str] | None = None) -> tuple[list[str], list[str]]:
    lines = pl.DataFrame(rows, schema={"sku": pl.String, "description": pl.String}, orient="row")
    found = find_non_products(lines, patterns or [])
    return found.codes.to_list(), found.tests.to_list()


@pytest.mark.parametrize(
    "code",
    ["POST", "post", "DOT", "BANK CHARGES", "AMAZONFEE", "Manual", "gift_0001_20", "SHIPPING-DE", "运费", "差价", "C2"],
)
def test_codes_of_postage_fees_and_vouchers_are_no_products(code: str) -> None:
    assert find((code, None), ("85123A", None)) == ([code], [])


@pytest.mark.parametrize("code", ["POSTER1", "SAMPLER", "TESTER-9", "GIFTBOX", "MANUALS-2", "DOT1", "FREIGHTER"])
def test_products_whose_code_only_begins_like_one_stay(code: str) -> None:
    assert find((code, "Poster of a ship"), ("85123A", None)) == ([], [])


@pytest.mark.parametrize(
    "words", ["Postage", "Shipping costs", "Bank Charges", "补运费专用链接", "【补差价】", "£10 Gift Voucher £10"]
)
def test_a_description_tells_a_non_product(words: str) -> None:
    assert find(("X99", words), ("85123A", "Lamp")) == (["X99"], [])


def test_a_note_on_one_line_does_not_take_a_product_away() -> None:
    assert find(("LAMP", "Lamp"), ("LAMP", "Lamp"), ("LAMP", "postage")) == ([], [])


def test_single_letters_are_products_where_codes_are_short() -> None:
    assert find(("M", None), ("85123A", None), ("85123B", None))[0] == ["M"]
    assert find(("M", None), ("S", None), ("L", None))[0] == []


def test_tests_are_told_by_code_or_words() -> None:
    assert find(("TEST001", None), ("X1", "This is a test product."), ("X2", "测试商品"), ("85123A", "Lamp")) == (
        [],
        ["TEST001", "X1", "X2"],
    )


def test_own_patterns_take_stars_and_no_regular_expressions() -> None:
    rows = (("PACK-1", None), ("pack-2", None), ("A.C", None), ("ABC", None))
    assert find(*rows, patterns=["pack-*", "A.C"])[0] == ["A.C", "PACK-1", "pack-2"]


def test_bundled_orders_hold_the_known_non_products_and_no_lamp() -> None:
    found = find_non_products(bundled(), [])
    codes = set(found.codes)
    assert {"POST", "DOT", "M", "D", "BANK CHARGES", "AMAZONFEE", "CRUK", "S", "B"} <= codes
    assert {"TEST001", "TEST002"} <= set(found.tests)
    assert not {"85123A", "22423", "85099B"} & codes
