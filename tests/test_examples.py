"""Every file in examples/ runs as it stands, without a warning, and says what it promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
FILES = sorted(path.name for path in EXAMPLES.glob("*.py"))


@cache
def output(name: str) -> str:
    threads = {"OMP_NUM_THREADS": "1", **os.environ}  # tests run side by side; OpenMP threads that wait for a core spin
    command = [sys.executable, "-W", "error", name]
    done = subprocess.run(command, cwd=EXAMPLES, env=threads, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_there_are_examples() -> None:
    assert "five_points.py" in FILES


@pytest.mark.parametrize("name", FILES)
def test_an_example_runs_and_speaks(name: str) -> None:
    pytest.importorskip("torch")
    assert output(name).strip()


def test_five_points_are_too_few_for_a_network_and_that_is_said() -> None:
    pytest.importorskip("torch")
    first, _ = output("five_points.py").split("\n2. ")
    assert "warning: 'lstm' finds 3 training windows in 1 series, too few to train a network" in first
    assert "'article' is forecast by: seasonal-naive (5 observations)" in first
    rows = re.findall(r"mean +(\d+) +80 % interval +(\d+) to +(\d+)", first)
    mean, low, high = zip(*(map(int, row) for row in rows), strict=True)
    assert mean == (160, 160, 160)  # what came last
    assert all(h - w > 50 for h, w in zip(high, low, strict=True))  # as wide as steps of 20 to 30 a month make it
    assert list(high) == sorted(high)
    assert list(low) == sorted(low, reverse=True)


def test_the_same_model_works_on_a_real_panel() -> None:
    pytest.importorskip("torch")
    _, second = output("five_points.py").split("\n2. ")
    skill = dict(re.findall(r"^ +(\S+) .*naive ([+-]\d+)%", second, flags=re.MULTILINE))
    assert set(skill) == {"lstm", "seasonal-naive"}
    assert int(skill["lstm"]) > 30
    assert int(skill["seasonal-naive"]) == 0


def test_weekly_orders_serve_most_of_what_is_asked_for() -> None:
    said = output("weekly_orders.py")
    assert len(re.findall(r"^2011-\d\d-\d\d  ordered", said, re.MULTILINE)) == 8
    served = re.search(r"Served: (\d+) %", said)
    assert served is not None
    assert int(served[1]) >= 85
