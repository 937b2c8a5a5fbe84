"""The public names, and that importing them is light."""

import ast
import subprocess
import sys

import pytest

import skucast

NAMES = {
    "Backtest", "Config", "Forecast", "Frequency", "Panel", "Run", "Shop", "SkucastError", "__version__", "backtest", "explain",
    "forecast", "load", "plan", "reconcile", "run", "tune",
}  # fmt: skip


def test_the_exported_names_are_these():
    assert set(skucast.__all__) == NAMES
    assert {name for name in dir(skucast) if name in NAMES} == NAMES


def test_every_exported_name_can_be_had():
    for name in NAMES:
        assert getattr(skucast, name) is not None


def test_functions_stay_functions_after_their_modules_are_imported():
    import skucast.explain.sentences
    import skucast.forecast
    import skucast.run

    assert callable(skucast.explain)
    assert callable(skucast.forecast)
    assert callable(skucast.run)


def test_import_and_help_load_nothing_heavy():
    code = (
        "import sys, skucast, skucast.cli\n"
        "heavy = {'torch', 'lightgbm', 'sklearn', 'scipy', 'pandas', 'matplotlib', 'duckdb', 'pydantic', 'rich.console'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ast.literal_eval(done.stdout))
    assert loaded <= {"rich.console"}  # typer brings it for the help text


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nothing"):
        _ = skucast.nothing
