"""Editing a project file: one value changes, and not a byte beside it."""

import os
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skucast.collect.project_edit import toml, with_value, write_value
from skucast.errors import ConfigError

MODEL = {"model": "lightgbm", "learning_rate": 0.05, "groups": True, "order": (0, 1, 1)}
LINE = 'model = { model = "lightgbm", learning_rate = 0.05, groups = true, order = [0, 1, 1] }'


def changed(before: str, after: str) -> list[tuple[str, str]]:
    """Lines that differ, of texts with as many lines."""
    old, new = before.split("\n"), after.split("\n")
    assert len(old) == len(new)
    return [(a, b) for a, b in zip(old, new, strict=True) if a != b]


def test_a_value_is_replaced_and_its_comment_stays():
    text = '# mine\n[forecast]\nhorizon = 14\nmodel = "auto"   # name, or table\n\n# next\n[plan]\nmargin = 0.4\n'
    assert changed(text, with_value(text, "forecast", "model", MODEL)) == [
        ('model = "auto"   # name, or table', f"{LINE}   # name, or table")
    ]


@pytest.mark.parametrize("value", ['"a # b"', "'a # b'", '"say \\"#\\" # "'])
def test_a_mark_within_a_text_is_no_comment(value):
    text = f"[forecast]\nmodel = {value} # real\n"
    assert with_value(text, "forecast", "model", "x") == '[forecast]\nmodel = "x" # real\n'


@pytest.mark.parametrize(
    "value", ["[\n  1, # one\n  2,\n]", '"""\nlong\n[forecast]\nmodel = 1\n"""', "{ a = 1, b = [\n 2 ] }"]
)
def test_values_of_several_lines_are_replaced_whole(value):
    text = f"[project]\nname = 'x'\n[forecast]\nmodel = {value} # real\nhorizon = 3\n"
    assert with_value(text, "forecast", "model", "x") == (
        "[project]\nname = 'x'\n[forecast]\nmodel = \"x\" # real\nhorizon = 3\n"
    )


def test_a_missing_key_is_added_after_the_last_of_its_section():
    text = "[forecast]\nhorizon = 3\n\n# about the plan\n[plan]\nmargin = 0.4\n"
    assert with_value(text, "forecast", "model", "ets") == (
        '[forecast]\nhorizon = 3\nmodel = "ets"\n\n# about the plan\n[plan]\nmargin = 0.4\n'
    )


def test_an_empty_section_gets_the_key():
    assert with_value("[forecast]\n\n[plan]\n", "forecast", "model", "ets") == '[forecast]\nmodel = "ets"\n\n[plan]\n'
    assert with_value("[forecast]", "forecast", "model", "ets") == '[forecast]\nmodel = "ets"\n'


def test_a_missing_section_is_added_at_the_end():
    assert with_value("[plan]\nmargin = 0.4\n", "forecast", "model", "ets") == (
        '[plan]\nmargin = 0.4\n\n[forecast]\nmodel = "ets"\n'
    )
    assert with_value("", "forecast", "model", "ets") == '[forecast]\nmodel = "ets"\n'


def test_the_key_of_another_section_is_left_alone():
    text = '[other]\nmodel = "a"\n[forecast]\nmodel = "b"\n[[event]]\nname = "x"\nmodel = "c"\n'
    assert changed(text, with_value(text, "forecast", "model", "z")) == [('model = "b"', 'model = "z"')]


def test_a_header_within_a_text_is_no_header():
    text = '[project]\nname = """\n[forecast]\nmodel = "a"\n"""\n[forecast]\nmodel = "b"\n'
    made = with_value(text, "forecast", "model", "z")
    assert made == text.replace('"b"', '"z"')


def test_a_model_with_a_section_of_its_own_is_changed_there():
    text = '[forecast]\nhorizon = 3\n[forecast.model]  # mine\nmodel = "lightgbm"\nleaves = 31 # few\n[plan]\n'
    made = with_value(text, "forecast", "model", {"model": "lightgbm", "leaves": 63, "trees": 90})
    assert made == (
        '[forecast]\nhorizon = 3\n[forecast.model]  # mine\nmodel = "lightgbm"\nleaves = 63 # few\ntrees = 90\n[plan]\n'
    )


def test_what_only_a_person_can_change_is_said_with_the_line_to_write(tmp_path):
    file = tmp_path / "skucast.toml"
    for text in (
        'forecast = { model = "a" }\n',
        'forecast.model = "a"\n',
        "[forecast.model]\nmodel = 'a'\nextra = 1\n",
    ):
        file.write_text(text)
        with pytest.raises(
            ConfigError, match=r"edited by hand: under \[forecast\], write model = \{ model = \"ets\" \}"
        ):
            write_value(file, "forecast", "model", {"model": "ets"})
        assert file.read_text() == text


def test_line_ends_byte_order_mark_rights_and_links_stay(tmp_path):
    file, link = tmp_path / "real.toml", tmp_path / "skucast.toml"
    file.write_bytes('\ufeff[forecast]\r\nmodel = "auto" # größer\r\n'.encode())
    file.chmod(0o640)
    link.symlink_to(file)
    write_value(link, "forecast", "model", "ets")
    assert file.read_bytes() == '\ufeff[forecast]\r\nmodel = "ets" # größer\r\n'.encode()
    assert file.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()
    write_value(link, "forecast", "windows", 2)
    assert file.read_bytes().endswith(b"\r\nwindows = 2\r\n")
    assert sorted(os.listdir(tmp_path)) == ["real.toml", "skucast.toml"]


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="cannot be edited"):
        write_value(tmp_path / "none.toml", "forecast", "model", "ets")


values = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(values)
def test_values_are_read_back_as_they_were(value):
    assert tomllib.loads(f"x = {toml(value)}")["x"] == value


@given(values, st.text())
def test_any_value_can_take_the_place_of_any_text(value, before):
    text = f"# top\n[forecast]\nmodel = {toml(before)} # why\nhorizon = 3\n"
    made = with_value(text, "forecast", "model", value)
    assert tomllib.loads(made) == {"forecast": {"model": value, "horizon": 3}}
    assert made.startswith("# top\n[forecast]\nmodel = ")
    assert made.endswith(" # why\nhorizon = 3\n")
