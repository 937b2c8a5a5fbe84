"""The page about the pretrained model: its example runs, and its facts are those of the code."""

import re
from importlib.util import find_spec
from pathlib import Path

from skucast.models.pretrained import shipped
from skucast.models.pretrained.grid import CONTEXT, HORIZON
from skucast.models.pretrained.prior.axis import COUNTRIES
from skucast.models.pretrained.window import SLOTS

PAGE = (Path(__file__).parent.parent / "docs" / "pretrained.md").read_text(encoding="utf-8")


def test_the_example_runs_and_the_promotion_shows():
    names: dict = {}
    forecast, tuned = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    for block in (forecast, tuned) if find_spec("torch") else (forecast,):
        exec(compile(block, "docs/pretrained.md", "exec"), names)
    mean = names["forecast"]["mean"].to_numpy()
    assert mean.size == 14
    assert mean[:3].mean() > mean[7:10].mean() + 2  # the same weekdays without it
    if "fitted" in names:
        assert "left out: it learns from 6 windows" in names["fitted"].notes[0]


def test_numbers_on_the_page_are_those_of_the_code():
    assert f"none to {CONTEXT['D']} days ({CONTEXT['W']} weeks, {CONTEXT['M']} months)" in PAGE
    assert f"{HORIZON} steps at once" in PAGE
    assert SLOTS == 3
    assert "three more columns of numbers" in PAGE
    assert f"{len(COUNTRIES)} countries" in PAGE
    assert f"{shipped.manifest('small')['parameters'] / 1e6:.1f} million weights" in PAGE
