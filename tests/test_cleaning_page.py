"""The page about cleaning names every rule and every switch, and no rule that is not there."""

import ast
import re
from pathlib import Path

import pytest

import skucast.collect
from skucast.collect.orders import REMEDIES
from skucast.config import Clean

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "cleaning.md"
_KEBAB = re.compile(r"[a-z]+(-[a-z]+)+")
_PARTS = {"own-sale", "own-date", "carried-back"}  # remedies of `cancellations` and `returns-...`


def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def rules(path: Path) -> set[str]:
    """Names of rules in a module: texts where a repair is added, and firsts of pairs such as ("no-sku", mask)."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and len(node.args) >= 4 and _adds(node):
            found |= _texts(node.args[2:3])
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("_reject", "_drop", "_note")
        ):
            found |= {t for t in _texts(node.args) if _KEBAB.fullmatch(t)}
        elif isinstance(node, ast.Tuple) and len(node.elts) >= 2:
            found |= {t for t in _texts(node.elts[:1]) if _KEBAB.fullmatch(t)}
    return found


def _adds(call: ast.Call) -> bool:
    stage = call.args[0]
    return isinstance(stage, ast.Constant) and stage.value in ("read", "clean", "demand")


def _texts(nodes) -> set[str]:
    return {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def modules() -> list[Path]:
    folder = Path(skucast.collect.__file__).parent
    return sorted(p for p in folder.glob("*.py") if "repairs.add(" in p.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.stem)
def test_every_rule_of_a_module_is_on_the_page(path):
    text = page()
    assert sorted(r for r in rules(path) - _PARTS if f"`{r}`" not in text) == []


def test_every_rule_with_a_remedy_is_on_the_page():
    assert sorted(r for r in REMEDIES.keys() - _PARTS if f"`{r}`" not in page()) == []
    assert all(f"`returns-{r}`" in page() for r in _PARTS - {"own-sale"})


def test_every_switch_is_on_the_page():
    assert sorted(name for name in Clean.model_fields if f"`{name}" not in page()) == []


def test_the_page_names_no_rule_that_the_code_does_not_have():
    code = "\n".join(p.read_text(encoding="utf-8") for p in modules())
    named = {
        r
        for line in page().splitlines()
        if line.startswith("| `")
        for r in re.findall(r"`([a-z-]+)`", line.split("|")[1])
    }
    assert len(named) > 40
    assert sorted(r for r in named if f'"{r}"' not in code and not r.startswith("returns-")) == []
