"""The page on foundation models says of each what the code does."""

from __future__ import annotations

from pathlib import Path

from skucast.models import registry
from skucast.models.adapters.adapter import Adapter

PAGE = (Path(__file__).parents[3] / "docs" / "foundation-models.md").read_text(encoding="utf-8")


def test_every_adapter_is_on_the_page_with_its_extra_and_weights() -> None:
    adapters = [made for made in (registry.spec_class(name) for name in registry.names()) if issubclass(made, Adapter)]
    assert len(adapters) == 6
    for made in adapters:
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{made.name}` |"))
        assert f"`skucast[{made.capabilities.extra}]`" in row
        assert f"`{made().weights}`" in row
        assert ("| none |" in row) == (not made.capabilities.known and not made.capabilities.past)


def test_every_option_is_on_the_page() -> None:
    for name in registry.names():
        if issubclass(registry.spec_class(name), Adapter):
            for option in registry.make(name).to_dict():
                assert option == "model" or f"| `{option}` |" in PAGE
