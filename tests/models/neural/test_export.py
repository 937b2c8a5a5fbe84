"""ONNX files say what the network says."""

import dataclasses
import json

import numpy as np
import polars as pl
import pytest
import torch

from skucast.errors import MissingExtraError, ModelError
from skucast.forecast import LEVELS
from skucast.models import registry
from skucast.models.naive import SeasonalNaive
from skucast.models.neural.export import feeds
from skucast.models.neural.transfer import ahead_names, patch_names
from skucast.models.neural.windows import Windows

from .panels import panel_of, weekly_pattern, yearly

pytestmark = pytest.mark.filterwarnings("ignore:'.*' learned from:UserWarning")
HORIZON = 7
NETWORKS = [n for n in registry.names() if registry.spec_class(n).capabilities.extra == "neural"]
SLOW = pytest.mark.slow  # an export takes seconds, most of them torch's own


def fitted(name, panel=None, **fields):
    spec = registry.make(
        {"model": name, "hidden": 8, "width": 8, "context": 42, "train": {"steps": 5, "batch": 8}, **fields}
    )
    return spec.fit(weekly_pattern(series=12, steps=140, promotion=True) if panel is None else panel, horizon=HORIZON)


def answers(model, folder, future=None):
    """What onnxruntime makes of the exported network, for three of the series, and the model on these."""
    import onnxruntime

    model.export(folder / "net.onnx")
    some = model.update(model.panel.take([3, 1, 2]))
    session = onnxruntime.InferenceSession(folder / "net.onnx", providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_outputs()]
    given = feeds(some, future)
    assert [entry.name for entry in session.get_inputs()] == list(given)
    return dict(zip(names, session.run(None, given), strict=True)), some


def described(model, future):
    """Mean and quantiles of the network itself, in units of demand."""
    windows = Windows(model.panel, model.inputs, {n: np.asarray(c, np.float32) for n, c in future.items()})
    batch = windows.gather(np.arange(len(model.panel)), windows.end - 1)
    with torch.no_grad():
        mean, quantiles = model.network.eval().describe(batch)
    unit = batch.scale[:, 0, None]
    return (mean[:, 0] * unit).numpy(), (quantiles[:, 0].clamp(min=0) * unit[..., None]).numpy()


PLAN = {"promotion": np.ones((3, HORIZON), np.float32)}


@pytest.mark.parametrize("name", [n if n == "rnn" else pytest.param(n, marks=SLOW) for n in NETWORKS])
def test_onnxruntime_agrees_with_every_network(name, tmp_path):
    said, some = answers(fitted(name), tmp_path, PLAN)
    mean, quantiles = described(some, PLAN)
    about = json.loads((tmp_path / "net.json").read_text())
    assert set(about["outputs"]) == set(said)
    if "quantiles" in said:
        np.testing.assert_allclose(said["quantiles"], quantiles, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(said["mean"], np.maximum(mean, 0), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(said["mean"], some.predict(HORIZON, PLAN).mean, rtol=1e-4, atol=1e-4)
    else:  # a network that draws futures: the head's parameters along each
        network, batch = some.network, Windows(some.panel, some.inputs, PLAN)
        batch = batch.gather(np.arange(3), batch.end - 1)
        with torch.no_grad():
            futures = network.head(network.imagine(batch, network.draws))[:, :, 0].movedim(0, 1)
        np.testing.assert_allclose(said["parameters"], futures.numpy(), rtol=1e-4, atol=1e-4)
        assert about["outputs"]["parameters"]["shape"] == ["series", "futures", HORIZON, "parameters"]
        assert "mixture over futures" in about["outputs"]["parameters"]["meaning"]


@SLOW
@pytest.mark.parametrize(
    "fields", [{"bidirectional": True, "embed": "static"}, {"normalise": True, "norm": True, "layers": 2}, {"scaling": "asinh"}],
    ids=lambda fields: next(iter(fields)),
)  # fmt: skip
def test_onnxruntime_agrees_whatever_the_options(fields, tmp_path):
    panel = weekly_pattern(series=12, steps=140)
    groups = pl.Series("brand", np.resize(["nord", "sud", "est"], 12))
    panel = dataclasses.replace(panel, static=panel.static.with_columns(groups))
    said, some = answers(fitted("lstm", panel, **fields), tmp_path)
    mean, quantiles = described(some, {})
    np.testing.assert_allclose(said["quantiles"], quantiles, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(said["mean"], np.maximum(mean, 0), rtol=1e-4, atol=1e-4)


@SLOW
def test_onnxruntime_agrees_where_networks_start_from_the_pretrained_model(tmp_path):
    model = fitted("mlp", yearly(series=12, steps=70))
    assert model.inputs.base
    said, some = answers(model, tmp_path)
    mean, quantiles = described(some, {})
    np.testing.assert_allclose(said["quantiles"], quantiles, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(said["mean"], np.maximum(mean, 0), rtol=1e-4, atol=1e-4)
    assert "told" in json.loads((tmp_path / "net.json").read_text())["inputs"]


@SLOW
@pytest.mark.parametrize("head", ["negbin", "student-t"])
def test_of_heads_whose_quantiles_are_worked_out_outside_the_parameters_come(head, tmp_path):
    said, some = answers(fitted("mlp", head=head), tmp_path, PLAN)
    windows = Windows(some.panel, some.inputs, PLAN)
    batch = windows.gather(np.arange(3), windows.end - 1)
    with torch.no_grad():
        parameters = some.network(batch)[:, 0]
        own = torch.from_numpy(said["parameters"])[:, None]
        quantiles = some.network.head.quantiles(own, LEVELS, batch.scale[..., None])[:, 0] * batch.scale[..., None]
    np.testing.assert_allclose(said["parameters"], parameters.numpy(), rtol=1e-4, atol=1e-4)
    theirs = described(some, PLAN)[1]
    np.testing.assert_allclose(quantiles.clamp(min=0).numpy(), theirs, rtol=1e-3, atol=1e-3)
    about = json.loads((tmp_path / "net.json").read_text())
    assert list(about["outputs"]) == ["parameters"]
    assert type(some.network.head).__name__ in about["outputs"]["parameters"]["meaning"]


def test_the_file_beside_it_tells_what_goes_in(tmp_path, capfd):
    model = fitted("mlp")
    model.export(tmp_path / "deep" / "net.onnx")
    assert capfd.readouterr() == ("", "")
    assert sorted(p.name for p in (tmp_path / "deep").iterdir()) == ["net.json", "net.onnx"]
    about = json.loads((tmp_path / "deep" / "net.json").read_text())
    assert about["model"] == json.loads(json.dumps(model.spec.to_dict()))
    assert (about["horizon"], about["frequency"], about["levels"]) == (HORIZON, "D", list(LEVELS))
    given = feeds(model, {"promotion": np.zeros((12, HORIZON))})
    assert {n: ["series", *a.shape[1:]] for n, a in given.items()} == {
        n: e["shape"] for n, e in about["inputs"].items()
    }
    assert {n: str(a.dtype) for n, a in given.items()} == {n: e["dtype"] for n, e in about["inputs"].items()}
    assert about["patch_columns"] == list(patch_names(model.inputs))
    assert about["ahead_columns"] == list(ahead_names(model.inputs))
    assert len(about["patch_columns"]) == given["patches"].shape[-1]
    assert len(about["ahead_columns"]) == given["ahead"].shape[-1]


def test_without_a_network_there_is_nothing_to_export(tmp_path):
    with pytest.warns(UserWarning, match="too few"):
        model = registry.make("lstm").fit(panel_of(np.ones((2, 20))), horizon=HORIZON)
    with pytest.raises(ModelError, match="'lstm' had too little to learn from: there is no network to export"):
        model.export(tmp_path / "net.onnx")
    assert not hasattr(SeasonalNaive().fit(panel_of(np.ones((2, 20)))), "export")


def test_what_onnx_has_no_word_for_is_said_in_one_sentence(tmp_path):
    model = fitted("mlp")

    class Host(torch.nn.Module):
        """Leaves torch on its way."""

        def forward(self, patches, forks):
            return torch.from_numpy(np.sin(self.encoder(patches, forks).numpy()))

    host = Host()
    host.encoder = model.network.encoder
    model.network.encoder = host
    with pytest.raises(ModelError, match="The network of 'mlp' cannot be written as ONNX: ") as caught:
        model.export(tmp_path / "net.onnx")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_without_the_packages_the_extra_is_named(tmp_path, monkeypatch):
    model = fitted("mlp")
    monkeypatch.setattr("skucast.models.neural.export.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'skucast\[onnx\]'"):
        model.export(tmp_path / "net.onnx")
