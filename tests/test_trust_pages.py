"""The pages about forecasts that add up and intervals that cover what they say: their examples run."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from skucast.config import make_config
from skucast.models import registry
from skucast.portfolio.reconcile import METHODS

DOCS = Path(__file__).parent.parent / "docs"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.S)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_examples_about_levels_run(capsys):
    names: dict = {}
    for block in blocks("hierarchies.md", "python"):
        exec(compile(block, "docs/hierarchies.md", "exec"), names)
    found = names["found"]
    assert found.frame().columns == ["level", "node", "ds", "mean", *(f"0.{k}" for k in range(1, 10))]
    assert found.paths.shape == (1 + 2 + 4, 200, 14)
    np.testing.assert_allclose(found.paths[0], found.paths[3:].sum(axis=0), rtol=1e-4)
    assert names["weeks"].horizon == 4
    assert names["months"].horizon == 1


def test_every_method_of_the_page_exists():
    page = (DOCS / "hierarchies.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z-]+)` \|", page, re.M)) == set(METHODS)


def test_the_project_file_of_the_page_is_one():
    (text,) = blocks("hierarchies.md", "toml")
    spec = registry.make(make_config(tomllib.loads(text)).forecast.model)
    assert spec.levels == ("total", "category")


def test_the_examples_about_intervals_run(capsys):
    names: dict = {}
    for block in blocks("calibration.md", "python"):
        exec(compile(block, "docs/calibration.md", "exec"), names)
    assert names["forecast"].height == 42
    assert "calibrated" in capsys.readouterr().out
