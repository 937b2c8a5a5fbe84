"""The page about tuning: its examples run, and what it says of commands and files is so."""

import re
import tomllib
from pathlib import Path

import pytest

from skucast.config import make_config
from skucast.models import registry

PAGE = (Path(__file__).parent.parent / "docs" / "tuning.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)


def test_the_examples_run(capsys):
    names: dict = {}
    for block in blocks("python"):
        exec(compile(block, "docs/tuning.md", "exec"), names)
    assert names["tuned"].trials.height == 6
    assert names["forecast"].height == 21
    assert "WQL" in capsys.readouterr().out


def test_the_project_file_of_the_page_is_one():
    (text,) = blocks("toml")
    spec = registry.make(make_config(tomllib.loads(text)).forecast.model)
    assert spec.candidates()["lightgbm"].leaves == 63


@pytest.mark.parametrize("option", sorted(set(re.findall(r"(?<!-)--[a-z][a-z-]+", PAGE))))
def test_options_named_on_the_page_exist(option):
    from typer.main import get_command

    from skucast.cli import app

    command = get_command(app).commands["tune"]
    assert option in {o for parameter in command.params for o in (*parameter.opts, *parameter.secondary_opts)}


def test_every_option_of_the_command_is_on_the_page():
    from typer.main import get_command

    from skucast.cli import app

    flags = {p.opts[0] for p in get_command(app).commands["tune"].params if p.opts[0].startswith("--")}
    assert sorted(f for f in flags - {"--json", "--write"} if f"`{f}`" not in PAGE) == []
