"""The pages about networks and inventory: their examples run and say what the page says."""

import re
from pathlib import Path

import pytest

from skucast.models import registry

DOCS = Path(__file__).parent.parent / "docs"


def run(page: str) -> dict:
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.S):
        exec(compile(block, f"docs/{page}", "exec"), names)
    return names


def test_the_examples_about_inventory_run(capsys):
    names = run("inventory.md")
    assert names["played"].fill_rate > 0.98
    assert "perfect foresight" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore::UserWarning")  # few windows for a network
def test_the_examples_about_networks_run(capsys):
    if not registry.installed("gru"):
        pytest.skip("the extra 'neural' is not installed")
    names = run("neural.md")
    assert names["forecast"].height == 8 * 7
    assert "gru" in capsys.readouterr().out


def test_every_network_stands_on_the_page():
    page = (DOCS / "neural.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (.*?) \|", page.partition("All options stand")[0], re.M)
    names = {n for row in listed for n in re.findall(r"`([a-z0-9-]+)`", row)}
    assert names == {n for n in registry.names() if registry.spec_class(n).capabilities.extra == "neural"}
