"""Planted models under names that `Auto` can be given."""

import pytest

from skucast.models import registry

HOME = "tests.evaluate.planted"


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registers ``around``, ``doubled``, ``recorder`` and ``broken``."""
    for name, spec in {"around": "Around", "doubled": "Doubled", "recorder": "Recorder", "broken": "Broken"}.items():
        monkeypatch.setitem(registry._BUILT_IN, name, f"{HOME}:{spec}")
