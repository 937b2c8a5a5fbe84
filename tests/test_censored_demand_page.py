"""The page about demand behind stock-outs: its examples run and show what it says; options and rules exist."""

import dataclasses
import re
import tomllib
from pathlib import Path

import numpy as np

from skucast.config import make_config
from skucast.prepare.apply import pipeline
from skucast.prepare.unconstrain import BEHIND, UNKNOWN, Unconstrain

PAGE = (Path(__file__).parent.parent / "docs" / "censored-demand.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)


def test_the_examples_run_and_find_the_true_demand(capsys):
    names: dict = {}
    for block in blocks("python"):
        exec(compile(block, "docs/censored-demand.md", "exec"), names)
    said = capsys.readouterr().out
    sales, masked, estimated, true = map(float, re.findall(r"(?:sales|stock|estimated|true) (\d+\.\d)", said)[:4])
    assert sales < true - 0.5
    assert masked < true - 0.5
    assert abs(estimated - true) <= 0.2
    assert "demand-behind-stock-out" in said
    truth = names["wanted"].mean()
    assert np.mean(names["sold"]) < 0.92 * truth
    assert np.nanmean(names["tea"].observed) < 0.97 * truth
    assert abs(np.nanmean(names["tea_estimated"].observed) / truth - 1) < 0.015


def test_the_project_file_of_the_page_holds_the_defaults():
    (text,) = blocks("toml")
    asked = make_config(tomllib.loads(text)).prepare
    assert asked == make_config({}).prepare
    assert pipeline(asked).steps == (Unconstrain("negbin", fill="drawn"),)


def test_every_option_is_on_the_page_with_its_default():
    rows = dict(re.findall(r"^\| `(\w+)` \| `(.*?)` \|", PAGE, re.M))
    assert rows == {f.name: repr(f.default).replace("'", '"') for f in dataclasses.fields(Unconstrain)}


def test_rules_named_on_the_page_are_those_of_the_code():
    assert f"`{BEHIND}`" in PAGE
    assert f"`{UNKNOWN}`" in PAGE
