"""Codes that are sold but are no products: postage, fees, vouchers, corrections, trials."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

_CODES = re.compile(
    r"POST(AGE)?|DOT|C2|SHIPPING([-_ ].*)?|DELIVERY|CARRIAGE|FREIGHT|BANK ?CHARGES?|AMAZON ?FEES?|CRUK|ADJUST(MENT)?\d*"
    r"|MANUAL|DISCOUNT|SAMPLES?|GIFT|GIFT[-_]\d+[-_]\d+|GIFT[-_ ]?(CARD|VOUCHER)([-_ ].*)?|FEES?|运费|邮费|快递费|差价|补差价|赠品券",
    re.IGNORECASE,
)
_LETTERS = re.compile(r"[BDMS]", re.IGNORECASE)  # UCI: bad debt, discount, manual, samples
_TEST_CODES = re.compile(r"TEST[-_ ]?(\d+|SKU|PRODUCT|ITEM)?", re.IGNORECASE)

_WORDS = (
    r"(?i)^\s*(?:"
    r"(?:dotcom\s+)?postage(?:\s+(?:and|&)\s+packing)?|carriage|manual(?:\s+entry)?|samples?|discounts?|bank charges?"
    r"|(?:shipping|delivery|freight|postage|handling|service|amazon)(?:\s+(?:fees?|costs?|charges?))"
    r"|shipping|cruk commission|commission|adjust bad debt|bad debt|adjustment(?: by .*)?"
    r"|.*\bgift (?:voucher|card)s?(?:\s*[£$€¥]?\s*[\d.,]+)?"
    r"|[【\[(（]?(?:补|补拍|补收|另付|加收)?(?:运费|邮费|快递费|差价).*"
    r"|.*(?:补差价|补运费|补邮费|运费补差|邮费补差|运费链接|邮费链接|差价链接|赠品券).*"
    r")\s*$"
)
_TEST_WORDS = r"(?i)^\s*(?:this is a )?test (?:product|item|order)\b.*$|^\s*测试(?:商品|产品|订单|链接).*$"
_SHORT = 3  # where codes are usually that long, a single letter is no product


@dataclass(frozen=True)
class NonProducts:
    """The codes of a shop that are no products, as sorted lists.

    Attributes:
        codes: postage, fees, vouchers, corrections and what the user named.
        tests: items made to try the shop out.
    """

    codes: pl.Series
    tests: pl.Series


def find_non_products(lines: pl.DataFrame, patterns: list[str]) -> NonProducts:
    """Tell non-products from products by code, by description, and by the user's own patterns.

    A description counts only if most lines of the code carry such a one, so that a note on a single
    line ("postage paid") does not take a product away.

    Args:
        lines: order lines with ``sku`` and perhaps ``description``.
        patterns: the user's codes; ``*`` stands for anything, case does not matter.
    """
    described = "description" in lines.columns
    pairs = lines.group_by("sku", "description").len() if described else lines.select(pl.col("sku").unique())
    texts = [str(code) for code in pairs["sku"].unique().drop_nulls().sort()]
    letters_too = bool(texts) and sorted(map(len, texts))[len(texts) // 2] >= _SHORT
    own = re.compile("|".join(_glob(p) for p in patterns) or r"(?!)", re.IGNORECASE)
    codes, tests = set(), set()
    for text in texts:
        code = text.strip()
        if own.fullmatch(code) or _CODES.fullmatch(code) or (letters_too and _LETTERS.fullmatch(code)):
            codes.add(text)
        elif _TEST_CODES.fullmatch(code):
            tests.add(text)
    if described:
        codes |= _described(pairs, _WORDS)
        tests |= _described(pairs, _TEST_WORDS)
    tests -= codes
    return NonProducts(pl.Series(sorted(codes), dtype=pl.String), pl.Series(sorted(tests), dtype=pl.String))


def _described(pairs: pl.DataFrame, words: str) -> set[str]:
    """Codes most of whose described lines match; ``pairs`` are codes, descriptions and the lines with both."""
    lines, matches = pl.col("len"), pl.col("description").str.contains(words)
    share = pairs.drop_nulls().group_by("sku").agg((lines.filter(matches).sum() / lines.sum()).alias("share"))
    return set(share.filter(pl.col("share") > 0.5)["sku"])


def _glob(pattern: str) -> str:
    return ".*".join(re.escape(part) for part in pattern.strip().split("*"))
