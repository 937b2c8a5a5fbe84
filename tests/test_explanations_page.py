"""The page about explanations: its examples run, it names all parts, and its claims hold."""

import json
import re
from pathlib import Path

from skucast.explain.parts import PARTS

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "explanations.md"


def test_the_examples_run_one_after_the_other(capsys):
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    shown = capsys.readouterr().out
    assert "Next 2 weeks: " in shown
    assert "promotion +" in shown
    assert "(4 of 14 days)" in shown
    assert "未来 2 周预计售出" in shown


def test_the_page_lists_the_parts_in_their_order():
    table = PAGE.read_text(encoding="utf-8").split("## In Python")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", table, re.M)) == PARTS


def test_what_was_measured_keeps_its_promises():
    found = json.loads((ROOT / "benchmarks" / "results" / "explanations.json").read_text(encoding="utf-8"))
    assert all(row["largest_gap"] < 1e-4 for row in found["cost"])
    for model in ("fourier", "lightgbm"):
        shares = [row["mean"] for row in found["recovery"] if row["model"] == model]
        assert len(shares) == 3
        assert all(abs(share - 1) < 0.15 for share in shares)
    assert len(found["sentences"]) == 10
