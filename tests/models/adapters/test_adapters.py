"""Every adapter against its real package, with a tiny model of random weights in a folder."""

from __future__ import annotations

import json
import shutil
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from skucast.errors import ModelError
from skucast.forecast import LEVELS, Forecast
from skucast.models import registry
from skucast.models.adapters.adapter import Adapter, FittedAdapter, _opened
from skucast.models.adapters.inputs import Batch
from skucast.models.adapters.weights import quiet
from skucast.models.spec import Fitted, load_fitted
from skucast.panel import Panel

from ..series import degenerate, panel_of, shop
from . import tiny

KINDS = list(tiny.MAKERS)
KNOWN = ["chronos-2", "timesfm", "toto"]  # kinds that take covariates
HORIZON = 7


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is enough."""

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def spec(kind: str, **options: Any) -> Adapter:
    name = kind.partition(" ")[0]
    if not registry.installed(name):
        pytest.skip(f"the extra of '{name}' is not installed")
    made = registry.make({"model": name, "weights": tiny.folder(kind), **tiny.MORE.get(name, {}), **options})
    assert isinstance(made, Adapter)
    return made


def fitted(kind: str, panel: Panel, **options: Any) -> FittedAdapter:
    made = spec(kind, **options).fit(panel, horizon=HORIZON)
    assert isinstance(made, FittedAdapter)
    return made


def told(count: int = 6, steps: int = 60) -> Panel:
    """Items with a promotion and an event that are known ahead, views and weather that are not, and brands."""
    panel = shop(count, steps)
    rng = np.random.default_rng(7)
    size = panel.values.size
    return replace(
        panel,
        known={
            "promotion": (rng.random(size) < 0.2).astype(np.float32),
            "event": rng.integers(0, 3, size).astype(np.float32),
        },
        past={
            "views": rng.poisson(20, size).astype(np.float32),
            "weather": rng.integers(0, 2, size).astype(np.float32),
        },
        categories={"event": ("", "fair", "strike"), "weather": ("dry", "wet")},
        static=panel.static.with_columns(brand=pl.Series(["x", "y"] * (count // 2))),
        available=rng.random(size) < 0.9,
    )


def ahead(panel: Panel, horizon: int = HORIZON) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(8)
    shape = (len(panel), horizon)
    return {
        "promotion": (rng.random(shape) < 0.3).astype(np.float32),
        "event": rng.integers(0, 3, shape).astype(np.float32),
    }


def moved(left: Forecast, right: Forecast) -> bool:
    scale = right.quantiles.max(axis=(1, 2))[:, None, None]
    return bool((np.abs(left.quantiles - right.quantiles) > 2e-4 * scale).any())


def close(left: Forecast, right: Forecast) -> None:
    scale = 1e-4 * right.quantiles.max(axis=(1, 2))[:, None]
    assert left.ids.to_list() == right.ids.to_list()
    assert (np.abs(left.mean - right.mean) <= scale).all()
    assert (np.abs(left.quantiles - right.quantiles) <= scale[:, :, None]).all()


def sound(forecast: Forecast, panel: Panel, horizon: int) -> None:
    assert forecast.quantiles.shape == (len(panel), horizon, len(LEVELS))
    assert np.isfinite(forecast.quantiles).all()
    assert (forecast.quantiles >= 0).all()
    assert (np.diff(forecast.quantiles, axis=2) >= 0).all()
    assert (forecast.mean >= forecast.quantiles[:, :, 0] - 1e-6).all()
    assert (forecast.mean <= forecast.quantiles[:, :, -1] * (1 + 1e-5) + 1e-6).all()


@pytest.mark.parametrize("kind", KINDS)
def test_series_of_all_lengths_get_sound_forecasts(kind: str) -> None:
    panel = degenerate()
    forecast = fitted(kind, panel).predict(HORIZON)
    sound(forecast, panel, HORIZON)
    assert set(forecast.fallback) == {"unknown", "unknown_one"}
    ragged = panel_of({f"of {n}": np.arange(n) % 7 + 1.0 for n in (1, 2, 3, 7, 8, 9, 31, 32, 33, 127, 128, 129, 400)})
    made = fitted(kind, ragged).predict(HORIZON)
    sound(made, ragged, HORIZON)
    assert not made.fallback
    assert (np.abs(np.log(made.mean.mean(axis=1) / 4)) < 1.5).all()  # roughly the level of what it saw


@pytest.mark.parametrize("kind", KINDS)
def test_covariates_are_used_where_the_model_takes_them_and_else_said_to_be_ignored(kind: str) -> None:
    horizon = 20 if kind == "toto" else HORIZON  # it sees what is known ahead from its second patch on
    panel, plan = told(), ahead(told(), horizon)
    model = fitted(kind, panel)
    as_planned = model.predict(horizon, plan)
    sound(as_planned, panel, horizon)
    ignored = dict(model.inputs.ignored)
    assert ignored["brand"] == "static"
    for name in ("promotion", "event"):
        changed = model.predict(horizon, {**plan, name: (plan[name] + 1) % 2})
        assert moved(changed, as_planned) == (name in model.inputs.known) == (name not in ignored)
    for name in ("views", "weather"):
        other = replace(panel, past={**panel.past, name: np.roll(panel.past[name], 1)})
        changed = model.update(other).predict(horizon, plan)
        assert moved(changed, as_planned) == (name in model.inputs.past) == (name not in ignored)
    assert ("promotion" in model.inputs.known) == ("views" in model.inputs.past) == (kind in KNOWN)
    if not model.inputs.known:
        sound(model.predict(horizon), panel, horizon)  # what is not used need not be given
    assert ("event" in model.inputs.known) == ("weather" in model.inputs.past) == (kind == "chronos-2")


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_sold_out_is_not_seen(kind: str) -> None:
    panel = told()
    assert panel.available is not None
    model = fitted(kind, panel)
    hidden = np.where(panel.available, panel.values, np.float32(500))
    close(model.update(panel.with_values(hidden)).predict(HORIZON, ahead(panel)), model.predict(HORIZON, ahead(panel)))
    shown = replace(panel.with_values(hidden), available=None)
    assert moved(model.update(shown).predict(HORIZON, ahead(panel)), model.predict(HORIZON, ahead(panel)))


@pytest.mark.parametrize("kind", KINDS)
def test_series_do_not_influence_each_other(kind: str) -> None:
    panel, plan = told(8, 75), ahead(told(8, 75))
    model = fitted(kind, panel)
    together = model.predict(HORIZON, plan)
    for rows in ([3], [5, 0], [7, 6, 2]):
        some = {name: column[rows] for name, column in plan.items()}
        close(model.update(panel.take(rows)).predict(HORIZON, some), together.take(rows))
    if kind != "toto":  # whose futures meet other noise when fewer are drawn at once
        close(fitted(kind, panel, memory=1e-9).predict(HORIZON, plan), together)  # one after the other
    gaps = panel.values.copy()
    gaps[(panel.row_of % 2 == 0) & (panel.ordinals <= panel.end - 12)] = np.nan  # nothing seen where the context begins
    short = fitted(kind, panel.with_values(gaps), context=32)
    close(short.update(short.panel.take([2])).predict(HORIZON, {n: c[[2]] for n, c in plan.items()}),
          short.predict(HORIZON, plan).take([2]))  # fmt: skip
    mixed = fitted(kind, degenerate())
    alone = mixed.update(degenerate().take([12])).predict(HORIZON)
    close(alone, mixed.predict(HORIZON).take([12]))


@pytest.mark.parametrize("kind", KINDS)
def test_horizons_beyond_the_models_own(kind: str) -> None:
    panel = told(4)
    model = fitted(kind, panel)
    plan = ahead(panel, 45)
    long = model.predict(45, plan)
    sound(long, panel, 45)
    assert not long.fallback
    if kind in KNOWN:  # what is known of the far future is seen too
        later = {name: np.concatenate([c[:, :38], (c[:, 38:] + 1) % 2], axis=1) for name, c in plan.items()}
        assert moved(model.predict(45, later), long)


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_context_is_looked_at(kind: str) -> None:
    panel = shop(4, 84)
    older = panel.values.copy()
    older[panel.ordinals <= panel.end - 32] = 77.0
    for context, changes in ((32, False), (0, True)):
        model = fitted(kind, panel, context=context)
        changed = model.update(panel.with_values(older)).predict(HORIZON)
        assert moved(changed, model.predict(HORIZON)) == changes
    silent = panel.values.copy()
    silent[(panel.row_of == 1) & (panel.ordinals > panel.end - 32)] = np.nan  # last seen before the context
    forecast = fitted(kind, panel.with_values(silent), context=32).predict(HORIZON)
    assert list(forecast.fallback) == ["item1"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_models_own_quantiles_come_out_as_they_are(kind: str) -> None:
    series = np.random.default_rng(3).poisson(9, 64).astype(np.float32)
    model = fitted(kind, panel_of({"a": series}))
    with quiet():
        own = ORACLES[kind](tiny.folder(kind), series)
    made = model.predict(HORIZON, levels=tiny.DECILES).quantiles[0]
    np.testing.assert_allclose(made, np.maximum(np.sort(own, axis=1), 0), rtol=1e-4)
    assert np.ptp(own, axis=1).min() > 1e-3  # or it would show nothing
    between = model.predict(HORIZON, levels=(0.1, 0.15, 0.2)).quantiles[0]
    assert ((between[:, 0] <= between[:, 1]) & (between[:, 1] <= between[:, 2])).all()


def chronos_2(folder: str, series: np.ndarray) -> np.ndarray:
    from chronos import BaseChronosPipeline

    found = BaseChronosPipeline.from_pretrained(folder).predict([series], prediction_length=HORIZON)
    return np.sort(found[0][0].numpy().T, axis=1)[:, 2:-2]


def chronos_bolt(folder: str, series: np.ndarray) -> np.ndarray:
    import torch
    from chronos import BaseChronosPipeline

    pipeline = BaseChronosPipeline.from_pretrained(folder)
    found, _ = pipeline.predict_quantiles(
        torch.from_numpy(series), prediction_length=HORIZON, quantile_levels=tiny.DECILES
    )
    return found[0].numpy()


def timesfm_3(folder: str, series: np.ndarray) -> np.ndarray:
    from timesfm3 import TimesFM3Forecaster

    return TimesFM3Forecaster.from_pretrained(folder).predict(series, HORIZON, return_quantiles=True).quantiles


def timesfm_25(folder: str, series: np.ndarray) -> np.ndarray:
    from timesfm import ForecastConfig, TimesFM_2p5_200M_torch

    model = TimesFM_2p5_200M_torch.from_pretrained(folder, torch_compile=False)
    model.compile(
        ForecastConfig(
            max_context=64, max_horizon=128, normalize_inputs=True, use_continuous_quantile_head=True,
            fix_quantile_crossing=True,
        )
    )  # fmt: skip
    return model.forecast(HORIZON, [series])[1][0][:, 1:]


def tirex(folder: str, series: np.ndarray) -> np.ndarray:
    from tirex.models.tirex import TiRexZero

    model = TiRexZero.from_pretrained(f"{folder}/model.ckpt", backend="torch", device="cpu")
    return model.forecast([series], prediction_length=HORIZON, output_type="numpy")[0][0]


def flowstate(folder: str, series: np.ndarray) -> np.ndarray:
    import torch
    from tsfm_public.models.flowstate import FlowStateForPrediction
    from tsfm_public.models.flowstate.utils.utils import get_fixed_factor

    model = FlowStateForPrediction.from_pretrained(folder).eval()
    with torch.no_grad():
        found = model(
            torch.from_numpy(series)[None, :, None],
            prediction_length=HORIZON,
            scale_factor=get_fixed_factor("D", "Sales"),
        )
    return found.quantile_outputs[0, :, :, 0].numpy().T


def toto(folder: str, series: np.ndarray) -> np.ndarray:
    import torch
    from toto.data.util.dataset import MaskedTimeseries
    from toto.inference.forecaster import TotoForecaster
    from toto.model.toto import Toto

    values = torch.from_numpy(series)[None]
    inputs = MaskedTimeseries(
        series=values, padding_mask=torch.ones_like(values, dtype=torch.bool), id_mask=torch.zeros_like(values),
        timestamp_seconds=torch.zeros_like(values), time_interval_seconds=torch.tensor([86_400]),
    )  # fmt: skip
    forecaster = TotoForecaster(Toto.load_from_checkpoint(folder).model)
    torch.manual_seed(0)
    found = forecaster.forecast(inputs, HORIZON, num_samples=32, samples_per_batch=32)
    return np.stack([found.quantile(q)[0, 0].numpy() for q in tiny.DECILES], axis=1)


ORACLES = {
    "chronos-2": chronos_2, "chronos-bolt": chronos_bolt, "timesfm": timesfm_3, "timesfm 2.5": timesfm_25,
    "tirex": tirex, "flowstate": flowstate, "toto": toto,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_keeps_the_name_of_the_weights_and_what_was_ignored(kind: str, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    shutil.copytree(spec(kind).weights, weights)
    panel, plan = told(4), ahead(told(4))
    model = fitted(kind, panel, weights=str(weights))
    assert model.licence == "apache-2.0"
    model.save(tmp_path / "saved")
    about = json.loads((tmp_path / "saved" / "model.json").read_text())
    assert about["spec"]["weights"] == str(weights)
    assert about["about"]["licence"] == "apache-2.0"
    assert ["brand", "static"] in about["about"]["inputs"]["ignored"]
    assert (tmp_path / "saved" / "model.safetensors").stat().st_size < 100
    loaded: Fitted = load_fitted(tmp_path / "saved")
    np.testing.assert_array_equal(loaded.predict(HORIZON, plan).quantiles, model.predict(HORIZON, plan).quantiles)
    shutil.rmtree(weights)
    _opened.cache_clear()
    loaded = load_fitted(tmp_path / "saved")  # which does not read them
    with pytest.raises(ModelError, match=r"there is no folder '.*weights' with weights"):
        loaded.predict(HORIZON, plan)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_are_not_the_models_own_are_one_sentence(kind: str, tmp_path: Path) -> None:
    made = spec(kind)
    shutil.copytree(made.weights, tmp_path, dirs_exist_ok=True)
    target = tmp_path / made.files[-1]
    target.write_bytes(target.read_bytes()[:100])  # a download that broke off
    with pytest.raises(
        ModelError, match=f"Model '{made.name}' cannot read the weights in '.*' .*another version of it"
    ):
        replace(made, weights=str(tmp_path)).fit(shop())
    target.unlink()
    with pytest.raises(ModelError, match=f"{target.name} is missing"):
        replace(made, weights=str(tmp_path)).fit(shop())


@pytest.mark.parametrize(("kind", "other"), [("chronos-2", "chronos-bolt"), ("chronos-bolt", "chronos-2")])
def test_weights_of_a_sister_model_are_refused(kind: str, other: str) -> None:
    with pytest.raises(ModelError, match=f"Model '{kind}' cannot read the weights"):
        spec(kind, weights=spec(other).weights).fit(shop())


def test_with_cross_learning_series_of_a_batch_learn_from_each_other() -> None:
    panel = shop()
    for crossed in (True, False):
        model = fitted("chronos-2", panel, cross_learning=crossed)
        assert model.spec.capabilities.joint == crossed
        alone = model.update(panel.take([3])).predict(HORIZON)
        assert moved(alone, model.predict(HORIZON).take([3])) == crossed


def test_drawn_futures_follow_the_seed() -> None:
    model = fitted("toto", shop())
    np.testing.assert_array_equal(model.predict(5, seed=1).quantiles, model.predict(5, seed=1).quantiles)
    assert moved(model.predict(5, seed=1), model.predict(5, seed=2))


def test_the_clock_of_flowstate_follows_the_season() -> None:
    panel = shop()
    by_week = fitted("flowstate", panel).predict(HORIZON)
    np.testing.assert_array_equal(fitted("flowstate", panel, season=7).predict(HORIZON).quantiles, by_week.quantiles)
    assert moved(fitted("flowstate", panel, season=30).predict(HORIZON), by_week)


@pytest.mark.parametrize("kind", KINDS)
def test_batches_are_as_large_as_memory_allows(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    panel = shop(12, 84)
    sizes: dict[float, list[int]] = {}
    for memory in (1e-9, 50.0):
        model = fitted(kind, panel, memory=memory)
        network = type(model.spec.network())
        asked = network.quantiles
        seen = sizes.setdefault(memory, [])

        def counted(self: Any, batch: Batch, seed: int, asked: Any = asked, seen: list[int] = seen) -> Any:
            seen.append(len(batch.demand))
            return asked(self, batch, seed)

        with monkeypatch.context() as patch:
            patch.setattr(network, "quantiles", counted)
            model.predict(HORIZON)
    assert set(sizes[1e-9]) == {1}
    assert sum(sizes[50.0]) == 12
    assert max(sizes[50.0]) >= 4
