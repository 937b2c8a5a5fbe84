"""Bundled data: real orders for the demo, with their licence in ``ATTRIBUTION.md``."""

from __future__ import annotations

from pathlib import Path


def demo_config() -> Path:
    """Path of the demo's project file; the orders lie beside it."""
    return Path(__file__).with_name("skucast.toml")
