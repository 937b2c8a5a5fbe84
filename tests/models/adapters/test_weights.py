"""Where weights are looked for, and what is said when they are not there; needs none of the packages."""

from __future__ import annotations

import json
import logging
import sys
import types
import warnings
from pathlib import Path

import pytest

from skucast.errors import ConfigError, MissingExtraError, ModelError
from skucast.models import registry
from skucast.models.adapters.adapter import Adapter
from skucast.models.adapters.weights import licence, located, quiet

from ..series import shop

NAMES = ("chronos-2", "chronos-bolt", "timesfm", "tirex", "flowstate", "toto")
FILES = ("config.json", "model.safetensors")


def hub(monkeypatch: pytest.MonkeyPatch, answer: Path | Exception) -> None:
    """A hub that gives a folder or fails."""

    class RepositoryNotFoundError(OSError):
        pass

    class GatedRepoError(RepositoryNotFoundError):
        pass

    def snapshot_download(name: str, allow_patterns: list[str]) -> str:
        assert name == "someone/model"
        assert "*.safetensors" in allow_patterns
        if isinstance(answer, Exception):
            raise answer
        if answer.name == "unknown":
            raise RepositoryNotFoundError("404 Client Error")
        return str(answer)

    module, errors = types.ModuleType("huggingface_hub"), types.ModuleType("huggingface_hub.errors")
    vars(module).update(snapshot_download=snapshot_download, errors=errors)
    vars(errors).update(RepositoryNotFoundError=RepositoryNotFoundError, GatedRepoError=GatedRepoError)
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", errors)


def filled(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for name in FILES:
        (folder / name).write_text("{}")
    return folder


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert located("x", str(filled(tmp_path)), FILES) == tmp_path


def test_an_id_is_asked_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub(monkeypatch, filled(tmp_path))
    assert located("x", "someone/model", FILES) == tmp_path


def test_a_folder_that_is_not_there_or_lacks_files_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"'x': there is no folder '.*/gone/deep' with weights; name one that exists"):
        located("x", str(tmp_path / "gone" / "deep"), FILES)
    with pytest.raises(
        ModelError, match=r"does not hold its weights, config.json is missing; it needs config.json and"
    ):
        located("x", str(tmp_path), FILES)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"model\.safetensors is missing"):
        located("x", str(tmp_path), FILES)
    with pytest.raises(ModelError, match=r"weights must name a folder, and '.*config\.json' is a file"):
        located("x", str(tmp_path / "config.json"), FILES)


@pytest.mark.parametrize("error", [ConnectionError("no route"), ValueError("offline"), RuntimeError("client closed")])
def test_a_hub_that_cannot_be_reached_is_one_sentence_with_the_remedy(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub(monkeypatch, error)
    with pytest.raises(ModelError) as caught:
        located("x", "someone/model", FILES)
    assert "no such folder, and the Hugging Face hub cannot be reached; give weights = the path" in str(caught.value)
    assert "hf download someone/model --local-dir FOLDER" in str(caught.value)


def test_a_model_that_the_hub_does_not_have_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    hub(monkeypatch, Path("unknown"))
    with pytest.raises(ModelError, match="the Hugging Face hub has no such model"):
        located("x", "someone/model", FILES)


def test_the_licence_is_read_from_readme_config_or_text(tmp_path: Path) -> None:
    assert licence(tmp_path) == "unknown"
    (tmp_path / "LICENSE").write_text("\n  NXAI COMMUNITY LICENSE AGREEMENT\n\nPreamble")
    assert licence(tmp_path) == "NXAI COMMUNITY LICENSE AGREEMENT"
    (tmp_path / "config.json").write_text(json.dumps({"license": "mit"}))
    assert licence(tmp_path) == "mit"
    (tmp_path / "config.json").write_text("[no json")
    (tmp_path / "README.md").write_text(
        "---\ntags:\n- a\nlicense: 'apache-2.0'\n---\n# Model\nlicense: none of these\n"
    )
    assert licence(tmp_path) == "apache-2.0"
    (tmp_path / "README.md").write_text("---\nlicense: other\nlicense_name: community-1\n---\n")
    assert licence(tmp_path) == "community-1"


def test_what_packages_print_warn_and_set_up_is_kept_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    with quiet():
        print("Loading weights")
        print("10 %", file=sys.stderr)
        warnings.warn("old", FutureWarning, stacklevel=1)
        root.addHandler(logging.StreamHandler())
        root.setLevel(logging.DEBUG)
    assert (list(root.handlers), root.level) == before
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", NAMES)
def test_without_its_package_a_model_says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_present", lambda extra: False)
    spec = registry.make(name)
    extra = spec.capabilities.extra
    assert not registry.installed(name)
    with pytest.raises(
        MissingExtraError, match=rf"Model '{name}' needs the extra '{extra}': pip install 'skucast\[{extra}\]'"
    ):
        spec.fit(shop())


def test_a_package_that_is_there_in_part_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def open_without_torch(folder: Path, device: str) -> None:
        raise ImportError("cannot import name 'TimesFM_2p5_200M_torch'")

    spec = registry.make({"model": "timesfm", "weights": str(filled(tmp_path)), "device": "cpu"})
    monkeypatch.setattr(registry, "_present", lambda extra: True)
    monkeypatch.setattr(type(spec), "open", open_without_torch)
    with pytest.raises(MissingExtraError, match="Model 'timesfm' needs the extra 'timesfm'"):
        spec.fit(shop())


@pytest.mark.parametrize("name", NAMES)
def test_options_that_make_no_sense_are_errors(name: str) -> None:
    for options, what in (
        ({"weights": ""}, "weights must name a folder or an id"),
        ({"memory": 0}, "memory must be more than 0 GB"),
        ({"context": -1}, "context must be a whole number from 0"),
        ({"context": 1.5}, "context must be a whole number from 0"),
    ):
        with pytest.raises(ConfigError, match=f"Model '{name}': {what}"):
            registry.make({"model": name, **options})


@pytest.mark.parametrize(("name", "option", "value"), [("toto", "samples", 1), ("flowstate", "season", -7)])
def test_options_of_one_model_that_make_no_sense_are_errors(name: str, option: str, value: int) -> None:
    with pytest.raises(ConfigError, match=f"Model '{name}': {option} must be a whole number from"):
        registry.make({"model": name, option: value})


def test_the_published_weights_are_the_default() -> None:
    for name in NAMES:
        spec = registry.make(name)
        assert isinstance(spec, Adapter)
        assert spec.weights.count("/") == 1
    assert registry.make({"model": "chronos-2", "cross_learning": True}).capabilities.joint
    assert not registry.make("chronos-2").capabilities.joint
