"""Finding models by name: built in, from other packages, and those whose extra is absent."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any, ClassVar

import pytest

from skucast.errors import ConfigError, MissingExtraError, ModelError
from skucast.models import registry
from skucast.models.naive import SeasonalNaive
from skucast.models.spec import Capabilities


@dataclass(frozen=True)
class Foreign(SeasonalNaive):
    """A model of another package."""

    name: ClassVar[str] = "foreign"
    capabilities: ClassVar[Capabilities] = Capabilities(summary="Of another package.", extra="stats", past=True)


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    module = ModuleType("foreign_package")
    module.Foreign, module.Nothing = Foreign, dict  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "foreign_package", module)
    points = [
        EntryPoint("foreign", "foreign_package:Foreign", registry.ENTRY_POINT_GROUP),
        EntryPoint("nothing", "foreign_package:Nothing", registry.ENTRY_POINT_GROUP),
        EntryPoint("gone", "foreign_package:Gone", registry.ENTRY_POINT_GROUP),
        EntryPoint("ets", "foreign_package:Foreign", registry.ENTRY_POINT_GROUP),
    ]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points)
    registry._third_party.cache_clear()
    yield
    registry._third_party.cache_clear()


def absent(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """Pretend that a package is not installed."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == package else find(name, *more))


def test_built_in_models_are_listed_and_carry_their_names() -> None:
    assert {"seasonal-naive", "ets", "croston", "tsb", "lightgbm", "lstm", "auto"} <= set(registry.names())
    for name in registry.names():
        if registry.installed(name):
            assert registry.spec_class(name).name == name


def test_a_spec_comes_from_a_name_a_mapping_or_itself() -> None:
    spec = SeasonalNaive(season=3)
    assert registry.make(spec) is spec
    assert registry.make("seasonal-naive") == SeasonalNaive()
    assert registry.make({"model": "seasonal-naive", "season": 3}) == spec
    with pytest.raises(ConfigError, match="needs the key 'model'"):
        registry.make({"season": 3})


@pytest.mark.parametrize(
    ("asked", "meant"), [("lightgmb", "lightgbm"), ("seasonal_naive", "seasonal-naive"), ("etss", "ets")]
)
def test_a_name_that_is_nearly_right_gets_a_hint(asked: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=f"There is no model '{asked}'; there are: .*Did you mean '{meant}'?"):
        registry.make(asked)


def test_a_name_that_is_far_off_gets_the_list_only() -> None:
    with pytest.raises(ConfigError, match="There is no model 'zzzzzz'; there are: seasonal-naive, ") as caught:
        registry.make("zzzzzz")
    assert "Did you mean" not in str(caught.value)


@pytest.mark.usefixtures("foreign")
def test_other_packages_add_models_by_entry_points_but_replace_none() -> None:
    assert registry.names().count("ets") == 1
    assert registry.make({"model": "foreign", "season": 2}) == Foreign(2)
    assert registry.spec_class("ets").__module__.startswith("skucast.")
    with pytest.raises(ModelError, match=r"'nothing' \(foreign_package:Nothing\) is no skucast Spec"):
        registry.make("nothing")
    with pytest.raises(ModelError, match=r"'gone' \(foreign_package:Gone\) cannot be imported"):
        registry.make("gone")


@pytest.mark.usefixtures("foreign")
def test_a_model_without_its_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch, "statsforecast")
    assert not registry.installed("foreign")
    assert registry.installed("ets")
    registry.require("ets")
    with pytest.raises(
        MissingExtraError, match=r"Model 'foreign' needs the extra 'stats': pip install 'skucast\[stats\]'"
    ):
        registry.require("foreign")


def test_a_model_whose_module_needs_an_absent_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> Any:
        raise ModuleNotFoundError("No module named 'torch'", name="torch.nn")

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(MissingExtraError, match="Model 'lstm' needs the extra 'neural'"):
        registry.make("lstm")
    assert not registry.installed("lstm")
    row = next(r for r in registry.table() if r["name"] == "lstm")
    assert (row["extra"], row["installed"]) == ("neural", False)


def test_a_broken_module_is_not_taken_for_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> Any:
        raise ModuleNotFoundError("No module named 'skucast.gone'", name="skucast.gone")

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(ModuleNotFoundError, match="gone"):
        registry.make("ets")


@pytest.mark.usefixtures("foreign")
def test_the_table_has_a_row_per_model_made_from_its_capabilities() -> None:
    rows = {row["name"]: row for row in registry.table()}
    assert list(rows) == registry.names()
    assert list(rows["lightgbm"]) == [
        "name", "summary", "probabilistic", "covariates", "scope", "minimum", "extra", "installed",
    ]  # fmt: skip
    assert rows["lightgbm"]["covariates"] == "known, past, static"
    assert rows["lightgbm"]["scope"] == "global"
    assert rows["croston"]["covariates"] == ""
    assert rows["ets"]["extra"] == ""
    assert rows["ets"]["installed"] is True
    assert rows["foreign"]["covariates"] == "past"
    assert "is no skucast Spec" in rows["nothing"]["summary"]  # a broken package does not hide the others
    assert rows["nothing"]["installed"] is False
