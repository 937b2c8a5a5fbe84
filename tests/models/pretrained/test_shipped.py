"""The weights that the package holds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from skucast.errors import ConfigError, ModelError
from skucast.models.pretrained import prior, shipped


def test_shipped_weights_are_small_synthetic_and_documented() -> None:
    assert "small" in shipped.names()
    assert sum(p.stat().st_size for p in shipped.FOLDER.iterdir()) <= 8e6
    about = shipped.manifest("small")
    assert about["data"] == "synthetic only"
    assert about["prior"] <= prior.VERSION
    assert about["steps"] > 0
    assert about["core_hours"] > 0
    assert len(about["commit"]) == 40
    assert {"m5_daily", "uci_weekly", "walmart"} <= set(about["evaluation"])
    assert 0 <= about["steps"] - about["curve"][-1]["step"] <= about["recipe"]["report"]
    weights = shipped.load("small").weights
    assert sum(w.size for w in weights.values()) == about["parameters"]
    assert 1e6 < about["parameters"] < 3e6
    assert all(np.isfinite(w).all() for w in weights.values())


def test_an_unknown_name_is_an_error_that_lists_the_others() -> None:
    with pytest.raises(ConfigError, match=r"no pretrained weights 'large'; there are: .*small"):
        shipped.load("large")


def test_weights_of_ones_own_are_loaded_by_their_path(tmp_path: Path) -> None:
    for suffix in ("safetensors", "json"):
        (tmp_path / f"mine.{suffix}").write_bytes((shipped.FOLDER / f"small.{suffix}").read_bytes())
    mine = str(tmp_path / "mine.safetensors")
    assert shipped.manifest(mine) == shipped.manifest("small")
    np.testing.assert_equal(dict(shipped.load(mine).weights), dict(shipped.load("small").weights))
    with pytest.raises(ConfigError, match=r"no pretrained weights '.*other.safetensors'.*beside its .json"):
        shipped.load(str(tmp_path / "other.safetensors"))
    (tmp_path / "mine.safetensors").rename(tmp_path / "moved.safetensors")
    shipped.load.cache_clear()
    with pytest.raises(ConfigError, match=r"no file '.*mine.safetensors'"):
        shipped.load(mine)


def test_damaged_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about = shipped.manifest("small")
    content = bytearray((shipped.FOLDER / "small.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "damaged.safetensors").write_bytes(bytes(content))
    (tmp_path / "damaged.json").write_text(json.dumps(about))
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    with pytest.raises(ModelError, match="'damaged' are damaged"):
        shipped.load("damaged")
