"""Tuning a project: better settings for its model, written into its file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .collect.project_edit import write_value
from .collect.project_file import NAME
from .config import load_config
from .errors import ConfigError
from .models import registry
from .models.spec import Spec
from .portfolio.auto import Auto
from .portfolio.tune import tune_panel
from .portfolio.tuned import Tuned, brief
from .run import read_panel
from .store.journal import Journal

MEMBER = "lightgbm"
"""The member that is tuned where a project forecasts with `auto` and nothing else is said."""

_SECONDS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}


@dataclass(frozen=True, eq=False)
class TunedProject:
    """What tuning a project came to.

    Attributes:
        tuned: the search.
        model: what ``[forecast] model`` should be: a name, or a table of a model and its options.
        path: of the project file.
        storage: file that keeps the search.
        written: the project file holds ``model`` now.
    """

    tuned: Tuned
    model: str | dict[str, Any]
    path: Path
    storage: Path
    written: bool


def tune_project(
    config: str | Path,
    model: str = "",
    *,
    budget: float | str = "5m",
    trials: int = 0,
    windows: int = 4,
    storage: str | Path | None = None,
    restart: bool = False,
    write: bool = True,
    seed: int | None = None,
    journal: Journal | None = None,
) -> TunedProject:
    """Look for better settings of a project's model and write them into its file.

    A project that forecasts with `auto` gets the settings as those of a member. The file is left as it is unless the
    settings are better by more than chance explains.

    Args:
        config: project file, or the folder that holds it.
        model: name of the model to tune; by default that of the project (of `auto`, LightGBM).
        budget: seconds, or a text such as ``90s``, ``5m`` or ``1h``; 0 is no limit.
        trials: most settings tried; 0 is no limit.
        windows: past windows to test on.
        storage: file that keeps the search, so that it can go on where it was stopped; by default in the project's store.
        restart: begin anew whatever ``storage`` holds.
        write: False leaves the project file alone.
        seed: of search and fits; the project's by default.
        journal: told of the stages.

    Raises:
        ConfigError: an argument makes no sense, or the file must be edited by hand.
        DataError: the records cannot be used, or the history is too short.
        ModelError: the model cannot be tested as it is.
        MissingExtraError: optuna is not installed.
    """
    path = Path(config) / NAME if Path(config).is_dir() else Path(config)
    project = load_config(path)
    seconds = seconds_of(budget)
    start = target(project.forecast.model, model)
    keeper = journal or Journal()
    kept = Path(storage) if storage is not None else project.resolve(project.store.path) / f"tune-{start.name}.jsonl"
    panel = read_panel(project, keeper)
    with keeper.stage("tune") as stage:
        tuned = tune_panel(
            panel, project.forecast.horizon or panel.freq.default_horizon, start, budget=seconds, trials=trials,
            windows=windows, storage=kept, restart=restart, seed=project.forecast.seed if seed is None else seed,
            progress=keeper.progress,
        )  # fmt: skip
        stage.count = tuned.trials.height
        stage.note = tuned.sentence()
    chosen = with_settings(project.forecast.model, tuned.spec) if tuned.improved else project.forecast.model
    if tuned.improved and write:
        write_value(path, "forecast", "model", chosen)
    return TunedProject(tuned, chosen, path, kept, tuned.improved and write)


def target(present: str | Mapping[str, Any], name: str = "") -> Spec:
    """The model to tune, with the settings that a project gives it.

    Args:
        present: ``[forecast] model`` of the project.
        name: of the model; empty takes the project's own (of `auto`, LightGBM).

    Raises:
        ConfigError: the project does not use such a model.
    """
    spec = registry.make(present)
    if isinstance(spec, Auto) and name != spec.name:
        wanted = name or MEMBER
        return next((one for one in spec.tuned if one.name == wanted), registry.make(wanted))
    if name and name != spec.name:
        registry.spec_class(name)  # an unknown name is said to be one
        raise ConfigError(
            f"The project forecasts with '{spec.name}', so '{name}' would not be used: set [forecast] model to 'auto' or "
            f"'{name}' first, or tune '{spec.name}'."
        )
    return spec


def with_settings(present: str | Mapping[str, Any], tuned: Spec) -> dict[str, Any]:
    """``[forecast] model`` of a project, with a tuned model in it: its own, or a member of `auto`."""
    spec = registry.make(present)
    if not isinstance(spec, Auto) or isinstance(tuned, Auto):
        return brief(tuned)
    others = tuple(one for one in spec.tuned if one.name != tuned.name)
    auto = brief(replace(spec, tuned=(*others, tuned)))
    return {**auto, "tuned": [brief(one) for one in (*others, tuned)]}


def seconds_of(budget: float | str) -> float:
    """Seconds of a time budget such as ``90``, ``90s``, ``5m`` or ``1.5h``.

    Raises:
        ConfigError: it is none.
    """
    if not isinstance(budget, str):
        return float(budget)
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|m|min|h|)\s*", budget)
    if match is None:
        raise ConfigError(f"The time budget must be like 90s, 5m or 1h, not '{budget}'.")
    return float(match[1]) * _SECONDS[match[2]]
