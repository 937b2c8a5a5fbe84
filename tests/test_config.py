from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from skucast.config import Config, load_config, make_config
from skucast.data import demo_config
from skucast.errors import ConfigError


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    file = folder / "skucast.toml"
    file.write_text(text, encoding=encoding)
    return file


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    made = load_config(write(tmp_path, ""))
    assert made.model_dump() == Config().model_dump()
    assert made.root == tmp_path.resolve()


def test_a_folder_stands_for_the_file_in_it(tmp_path: Path) -> None:
    write(tmp_path, '[project]\nname = "茶"\n')
    assert load_config(tmp_path).project.name == "茶"


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    assert load_config(write(tmp_path, "[demand]\nfreq = 'MS'\n", "utf-8-sig")).demand.freq == "MS"


def test_paths_start_at_the_file(tmp_path: Path) -> None:
    made = load_config(write(tmp_path, ""))
    assert made.resolve("data/orders.csv") == tmp_path.resolve() / "data" / "orders.csv"
    assert made.resolve(str(tmp_path / "x.csv")) == tmp_path / "x.csv"


def test_the_demo_project_is_valid() -> None:
    made = load_config(demo_config())
    assert made.source[0].table == "orders"
    assert made.resolve(made.source[0].path).is_file()


@pytest.mark.parametrize(
    ("sections", "place", "why"),
    [
        ({"demand": {"frequency": "D"}}, "demand.frequency", "there is no such key"),
        ({"sales": {}}, "'sales'", "there is no such key"),
        ({"forecast": {"horizon": -1}}, "forecast.horizon", "greater than or equal to 0"),
        ({"forecast": {"quantiles": [0.9, 0.1]}}, "forecast.quantiles", "must rise within"),
        ({"forecast": {"quantiles": []}}, "forecast.quantiles", "must rise within"),
        ({"forecast": {"windows": "many"}}, "forecast.windows", "integer"),
        ({"plan": {"margin": 1.5}}, "plan.margin", "less than 1"),
        ({"project": {"language": "de"}}, "project.language", "'en' or 'zh'"),
        ({"prepare": {"outliers": "magic"}}, "prepare.outliers", "iqr"),
        ({"source": [{"table": "stock", "path": "x"}]}, "orders", "one of them is required"),
        ({"source": [{"table": "receipts", "path": "x"}]}, "source.0.table", "orders"),
        ({"source": [{"table": "orders"}]}, "source.0.path", "required"),
        ({"clean": {"closed_days": 3}}, "clean.closed_days", ""),
    ],
)
def test_a_wrong_value_names_its_place_and_the_reason(sections: dict[str, Any], place: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_config(sections)
    text = str(caught.value)
    assert place in text
    assert why in text
    assert "\n" not in text


def test_further_mistakes_are_counted() -> None:
    with pytest.raises(ConfigError, match=r"and 1 more"):
        make_config({"plan": {"paths": 1, "budget": -1}})


def test_a_file_that_is_no_toml_or_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no valid TOML"):
        load_config(write(tmp_path, "[project\n"))
    with pytest.raises(ConfigError, match="skucast init"):
        load_config(tmp_path / "nowhere" / "skucast.toml")
    (tmp_path / "skucast.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="no valid TOML"):
        load_config(tmp_path)


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Config().demand.freq = "W"  # type: ignore[misc]


def test_every_key_says_what_it_means() -> None:
    for name, field in Config.model_fields.items():
        section = field.annotation
        for part in getattr(section, "__args__", (section,)):
            for key, inner in getattr(part, "model_fields", {}).items():
                assert inner.description or name in ("store",), f"[{name}] {key} has no description"
