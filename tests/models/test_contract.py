"""What every registered model promises, whoever wrote it."""

from __future__ import annotations

import dataclasses
import json
import pickle
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from skucast.errors import ConfigError, DataError, ModelError
from skucast.forecast import LEVELS, Forecast
from skucast.models import registry
from skucast.models.spec import Fitted, Spec, load_fitted
from skucast.panel import Panel

from .adapters import tiny
from .series import degenerate, panel_of, shop

NAMES = registry.names()
HORIZON = 7
QUICK = {
    "lightgbm": {"trees": 12, "rows": 4000},
    "auto": {"members": ["seasonal-naive", "tsb"], "windows": 1},
    "arimax": {"models": 4, "workers": 1},
    "sarimax": {"models": 3, "workers": 1},
    "bagging": {"bags": 2},
    "lstm": {"hidden": 8, "train": {"steps": 20}},
    "gru": {"hidden": 8, "train": {"steps": 20}},
    "rnn": {"hidden": 8, "train": {"steps": 20}},
    "cnn": {"hidden": 8, "train": {"steps": 20}},
    "mlp": {"hidden": 8, "train": {"steps": 20}},
    "stl-lstm": {"hidden": 8, "train": {"steps": 20}},
    "stl-gru": {"hidden": 8, "train": {"steps": 20}},
    "vae": {"hidden": 8, "train": {"steps": 20}},
    "attention": {"hidden": 8, "train": {"steps": 20}},
    "seq2seq": {"hidden": 8, "train": {"steps": 20}},
    "temporal": {"base": "ets", "coarse": "ets"},
    "conformal": {"base": "ets", "windows": 2},
    "hierarchical": {"items": "ets", "groups": "ets"},
    "shared-season": {"base": "ets"},
}
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # models may warn of short series


def spec(name: str) -> Spec:
    if not registry.installed(name):
        pytest.skip(f"the extra of '{name}' is not installed")
    return registry.make({"model": name, **quick(name)})


def quick(name: str) -> dict[str, object]:
    """Options with which a model is tried in no time."""
    return QUICK.get(name) or tiny.options(name)


@cache
def on_shop(name: str) -> Fitted:
    return spec(name).fit(shop(), horizon=HORIZON)


@cache
def on_degenerate(name: str) -> Fitted:
    return spec(name).fit(degenerate(), horizon=HORIZON)


@cache
def with_promotion(name: str) -> Fitted:
    using = {
        "auto": {"members": ["lightgbm"]}, "conformal": {"base": "ridge"}, "temporal": {"base": "ridge", "coarse": "ets"},
        "hierarchical": {"items": "ridge", "groups": "ets"}, "shared-season": {"base": "ridge"},
    }  # fmt: skip
    made = registry.make({"model": name, **using[name]}) if name in using else spec(name)
    return made.fit(promoted(), horizon=HORIZON)


def promoted() -> Panel:
    panel = shop(4)
    return panel.with_known({"promotion": (np.arange(panel.values.size) % 5 == 0).astype(np.float32)})


def same(left: Forecast, right: Forecast) -> None:
    assert left.ids.to_list() == right.ids.to_list()
    np.testing.assert_array_equal(left.mean, right.mean)
    np.testing.assert_array_equal(left.quantiles, right.quantiles)
    assert dict(left.fallback) == dict(right.fallback)


def alike(name: str, left: Forecast, right: Forecast) -> None:
    """The same, but for rounding where torch computes series in batches of another size."""
    if name not in tiny.MAKERS:
        same(left, right)
        return
    assert left.ids.to_list() == right.ids.to_list()
    scale = 1e-4 * right.quantiles.max(axis=(1, 2))[:, None]
    assert (np.abs(left.mean - right.mean) <= scale).all()
    assert (np.abs(left.quantiles - right.quantiles) <= scale[:, :, None]).all()
    assert dict(left.fallback) == dict(right.fallback)


def sound(forecast: Forecast, panel: Panel, horizon: int = HORIZON) -> None:
    assert forecast.quantiles.shape == (len(panel), horizon, len(LEVELS))
    assert forecast.mean.shape == (len(panel), horizon)
    assert np.isfinite(forecast.mean).all()
    assert np.isfinite(forecast.quantiles).all()
    assert (forecast.mean >= 0).all()
    assert (forecast.quantiles >= 0).all()
    assert (np.diff(forecast.quantiles, axis=2) >= 0).all()
    assert forecast.start == panel.end + 1


@pytest.mark.parametrize("name", NAMES)
def test_forecasts_are_finite_ordered_and_in_the_range_of_demand(name: str) -> None:
    forecast = on_shop(name).predict(HORIZON)
    sound(forecast, shop())
    assert not forecast.fallback
    mean = np.array([np.nanmean(shop().series(i)) for i in range(len(shop()))])
    busy = mean > 1
    assert (np.abs(np.log(forecast.mean.mean(axis=1)[busy] / mean[busy])) < np.log(3)).all()


@pytest.mark.parametrize("name", NAMES)
def test_degenerate_series_get_sound_forecasts_and_do_not_spoil_others(name: str) -> None:
    panel = degenerate()
    forecast = on_degenerate(name).predict(HORIZON)
    sound(forecast, panel)
    row = {key: i for i, key in enumerate(panel.ids.to_list())}
    total = forecast.mean.mean(axis=1)
    assert 3e8 < total[row["huge"]] < 3e9
    assert 2e-4 < total[row["tiny"]] < 5e-3
    assert 3 < total[row["constant"]] < 15
    assert 1 < total[row["ordinary"]] < 15
    assert total[row["zeros"]] < 0.5
    assert total[row["unknown"]] == total[row["unknown_one"]] == 0
    if name != "seasonal-naive":  # which is what others fall back to
        assert forecast.fallback["unknown"] == forecast.fallback["unknown_one"] == "zero (no observations)"


@pytest.mark.parametrize("name", NAMES)
def test_a_panel_of_only_unknown_values_is_forecast_as_zero(name: str) -> None:
    panel = panel_of({"a": np.full(30, np.nan), "b": np.full(20, np.nan)})
    forecast = spec(name).fit(panel, horizon=HORIZON).predict(HORIZON)
    sound(forecast, panel)
    assert not forecast.mean.any()


@pytest.mark.parametrize("name", NAMES)
def test_a_panel_of_one_observation_is_forecast(name: str) -> None:
    panel = panel_of({"a": [4.0]})
    sound(spec(name).fit(panel, horizon=HORIZON).predict(HORIZON), panel)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_panel_is_an_error(name: str) -> None:
    with pytest.raises(ModelError, match="nothing to learn from"):
        spec(name).fit(shop().take([]))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_forecast(name: str) -> None:
    again = spec(name).fit(shop(), horizon=HORIZON)
    same(on_shop(name).predict(HORIZON), again.predict(HORIZON))
    same(again.predict(HORIZON, seed=3), again.predict(HORIZON, seed=3))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("panel", [shop, degenerate])
def test_a_series_forecast_does_not_depend_on_its_neighbours(name: str, panel: object) -> None:
    if spec(name).capabilities.joint:
        return  # sums are made to fit, so series are not independent
    whole, fitted = (shop(), on_shop(name)) if panel is shop else (degenerate(), on_degenerate(name))
    rows = np.array([5, 2, 7])
    all_of = fitted.predict(HORIZON)
    part = fitted.update(whole.take(rows)).predict(HORIZON)
    alike(name, part, all_of.take(rows))
    alone = fitted.update(whole.take([2])).predict(HORIZON)
    alike(name, alone, all_of.take([2]))


@pytest.mark.parametrize("name", [n for n in NAMES if registry.installed(n)])
def test_local_models_learn_each_series_by_itself(name: str) -> None:
    if spec(name).capabilities.scope == "global":
        return  # one model for all learns from all by design
    rows = np.array([6, 1])
    same(spec(name).fit(shop().take(rows), horizon=HORIZON).predict(HORIZON), on_shop(name).predict(HORIZON).take(rows))


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_model_forecasts_the_same_without_pickle(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("pickle was used")

    for verb in ("dump", "dumps", "load", "loads"):
        monkeypatch.setattr(pickle, verb, refuse)
    fitted = on_degenerate(name)
    fitted.save(tmp_path)
    kinds = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert kinds <= {".json", ".safetensors", ".parquet"}
    loaded = load_fitted(tmp_path)
    assert loaded.spec == fitted.spec
    same(loaded.predict(HORIZON), fitted.predict(HORIZON))
    longer = degenerate().append(np.ones((len(degenerate()), 3)))
    same(loaded.update(longer).predict(HORIZON), fitted.update(longer).predict(HORIZON))


@pytest.mark.parametrize("name", NAMES)
def test_update_moves_on_without_fitting_again(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = on_shop(name)
    before = {key: np.array(array) for key, array in fitted._state()[0].items()}

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("update fitted again")

    for other in NAMES:
        if registry.installed(other):
            monkeypatch.setattr(registry.spec_class(other), "_fit", refuse)
    longer = shop().append(np.full((len(shop()), 5), 200.0))
    moved = fitted.update(longer)
    forecast = moved.predict(HORIZON)
    sound(forecast, longer)
    assert moved.panel is longer
    assert fitted.panel.end == shop().end
    assert moved.spec == fitted.spec
    for key, array in fitted._state()[0].items():
        np.testing.assert_array_equal(array, before[key])
    assert forecast.mean.sum() > fitted.predict(HORIZON).mean.sum()  # it saw that sales rose


@pytest.mark.parametrize("name", NAMES)
def test_update_forecasts_series_that_were_not_there_at_the_fit(name: str) -> None:
    other = shop(10)
    forecast = on_shop(name).update(other).predict(HORIZON)
    sound(forecast, other)
    assert not forecast.fallback
    if spec(name).capabilities.joint:
        return
    alike(name, forecast.take(np.arange(3)), on_shop(name).update(shop(3)).predict(HORIZON))


@pytest.mark.parametrize("name", NAMES)
def test_a_spec_is_json_both_ways(name: str) -> None:
    for made in (spec(name), registry.make(name)):
        text = json.dumps(made.to_dict())
        assert registry.spec_from_dict(json.loads(text)) == made


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_option_is_an_error_that_lists_the_options(name: str) -> None:
    known = [f.name for f in dataclasses.fields(spec(name))]
    with pytest.raises(ConfigError, match=f"'{name}' has no option 'colour'; it has: {known[0]}"):
        registry.spec_from_dict({"model": name, "colour": "red"})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("freq", "stamps"),
    [
        ("W-WED", ["2024-04-10", "2024-04-17"]),
        ("MS", ["2024-04-01", "2024-05-01"]),
        ("h", ["2024-03-31T01:00", "2024-03-31T02:00"]),
    ],
)
def test_weeks_months_and_hours_are_forecast_on_their_own_grid(name: str, freq: str, stamps: list[str]) -> None:
    panel = shop(4, 40, freq)
    forecast = spec(name).fit(panel, horizon=3).predict(3)
    sound(forecast, panel, 3)
    assert [str(s)[: len(stamps[0])] for s in forecast.stamps[:2]] == stamps


@pytest.mark.parametrize("name", NAMES)
def test_a_known_covariate_that_is_missing_ahead_is_an_error_that_names_the_first_gap(name: str) -> None:
    fitted = with_promotion(name)
    panel = fitted.panel
    if not spec(name).capabilities.known:
        sound(fitted.predict(HORIZON), panel)  # not used, not needed
        return
    days = pl.date_range(pl.date(2024, 4, 1), pl.date(2024, 4, HORIZON), eager=True)
    plan = pl.DataFrame({"unique_id": panel.ids}).join(pl.DataFrame({"ds": days}), how="cross")
    plan = plan.with_columns(promotion=pl.lit(1.0))
    sound(fitted.predict(HORIZON, plan), panel)
    with pytest.raises(DataError, match="promotion"):
        fitted.predict(HORIZON)
    holes = plan.filter(~((pl.col("unique_id") == "item2") & (pl.col("ds") >= pl.date(2024, 4, 3))))
    with pytest.raises(DataError, match="'promotion' has 5 gaps in the future frame, the first at item2 on 2024-04-03"):
        fitted.predict(HORIZON, holes)
    with pytest.raises(DataError, match="'promotion' are missing"):
        fitted.predict(HORIZON, {"weather": np.zeros((4, HORIZON))})
    with pytest.raises(DataError, match=r"'promotion' has the shape \(4, 3\)"):
        fitted.predict(HORIZON, {"promotion": np.zeros((4, 3))})


@pytest.mark.parametrize("name", NAMES)
def test_further_than_the_fit_was_asked_for(name: str) -> None:
    sound(on_shop(name).predict(3 * HORIZON), shop(), 3 * HORIZON)


@pytest.mark.parametrize("name", NAMES)
def test_levels_are_those_asked_for_and_agree_with_the_default_ones(name: str) -> None:
    fitted = on_shop(name)
    few = fitted.predict(HORIZON, levels=(0.05, 0.5, 0.9))
    assert few.levels == (0.05, 0.5, 0.9)
    full = fitted.predict(HORIZON)
    at = [LEVELS.index(q) for q in few.levels]
    if not spec(name).capabilities.generative:
        np.testing.assert_allclose(few.quantiles, full.quantiles[:, :, at], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_horizon_or_level_that_makes_no_sense_is_an_error(name: str) -> None:
    fitted = on_shop(name)
    with pytest.raises(ConfigError, match="horizon must be at least 1"):
        fitted.predict(0)
    for levels in ((0.5, 0.1), (0.0, 0.5), (), (0.5, 0.5)):
        with pytest.raises(ConfigError, match="levels must rise"):
            fitted.predict(HORIZON, levels=levels)


@pytest.mark.parametrize("name", NAMES)
def test_sample_paths_follow_from_the_forecast(name: str) -> None:
    forecast = on_shop(name).predict(HORIZON)
    paths = forecast.paths(50, seed=1)
    assert paths.shape == (len(shop()), 50, HORIZON)
    assert np.isfinite(paths).all()
    assert (paths >= 0).all()
    np.testing.assert_array_equal(paths, on_shop(name).predict(HORIZON).paths(50, seed=1))


@pytest.mark.parametrize("name", NAMES)
def test_capabilities_describe_the_model(name: str) -> None:
    found = spec(name).capabilities
    assert found.summary.endswith(".")
    assert 20 < len(found.summary) < 160
    assert found.min_length >= 1
    assert spec(name).name == name
