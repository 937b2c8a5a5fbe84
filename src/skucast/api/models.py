"""The verbs that look into models: tune, explain, reconcile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..evaluate.candidates import Model
from ..models import registry
from ..models.spec import Progress
from .asked import read_panel, steps_ahead, whole

if TYPE_CHECKING:
    from ..explain.drivers import Drivers
    from ..models.space import Space
    from ..portfolio.coherent import Coherent
    from ..portfolio.reconcile import Method
    from ..portfolio.tuned import Tuned


def tune(
    df: Any,
    horizon: int | None = None,
    freq: str | None = None,
    model: Model = "lightgbm",
    *,
    budget: float | str = "5m",
    trials: int = 0,
    windows: int = 4,
    space: Space | None = None,
    storage: str | Path | None = None,
    restart: bool = False,
    id: str = "unique_id",
    time: str = "ds",
    target: str = "y",
    static: Any = None,
    known: Sequence[str] = (),
    past: Sequence[str] = (),
    availability: str | None = None,
    country: str = "",
    seed: int = 0,
    progress: Progress | None = None,
) -> Tuned:
    """Look for better settings of a model on the last windows of a long frame (extra ``tune``).

    The settings given are kept unless others are better there by more than chance explains. To see what was gained,
    keep later rows out of the frame and `backtest` both on them. `skucast.tuning.tune_project` does it for a project.

    Args:
        df: as in `forecast`.
        horizon: as in `forecast`.
        freq: as in `forecast`.
        model: name, mapping or spec: the settings to start from.
        budget: seconds, or a text such as ``90s``, ``5m`` or ``1h``, over all sessions with one ``storage``; 0 is no limit.
        trials: most settings tried; 0 is no limit.
        windows: past windows that each setting is tested on, fitted anew before every second one.
        space: option -> `skucast.models.space.Range` or ``OneOf``, in place of the model's own search space.
        storage: file that keeps the search; the same call goes on where it was stopped or killed.
        restart: begin anew whatever ``storage`` holds.
        id: as in `forecast`.
        time: as in `forecast`.
        target: as in `forecast`.
        static: as in `forecast`.
        known: as in `forecast`.
        past: as in `forecast`.
        availability: as in `forecast`.
        country: as in `forecast`.
        seed: of search and fits.
        progress: hook ``progress(what, fraction_done)``.

    Returns:
        A `Tuned`: ``.spec`` to use, ``.sentence()``, ``.frame()`` of all trials.

    Raises:
        DataError: the frame cannot be used or is too short.
        ConfigError: an argument makes no sense, or ``storage`` holds another search.
        ModelError: the model cannot be tested as it is.
        MissingExtraError: optuna is not installed.
    """
    from ..portfolio.tune import tune_panel
    from ..tuning import seconds_of

    panel = read_panel(df, freq, id, time, target, static, known, past, availability, country)
    steps = steps_ahead(panel, horizon)
    return tune_panel(
        panel, steps, model, budget=seconds_of(budget), trials=trials, windows=windows, space=space, storage=storage,
        restart=restart, seed=seed, progress=progress,
    )  # fmt: skip


def explain(
    df: Any,
    horizon: int | None = None,
    freq: str | None = None,
    model: Model = "auto",
    *,
    id: str = "unique_id",
    time: str = "ds",
    target: str = "y",
    future: Any = None,
    static: Any = None,
    known: Sequence[str] = (),
    past: Sequence[str] = (),
    availability: str | None = None,
    country: str = "",
    groups: Mapping[str, Sequence[str] | str] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Drivers:
    """Say what drives the forecast of every series of a long frame: its parts in units, and in words.

    The parts are level, season, holidays, promotion, price, weather and other; they add up to the forecast's mean.
    `skucast.explain.drivers.drivers` does it for a model that is fitted already.

    Args:
        df: as in `forecast`.
        horizon: as in `forecast`.
        freq: as in `forecast`.
        model: as in `forecast`.
        id: as in `forecast`.
        time: as in `forecast`.
        target: as in `forecast`.
        future: as in `forecast`.
        static: as in `forecast`.
        known: as in `forecast`; their names tell which part each belongs to (``price``, ``promo``, ``rain``...).
        past: as in `forecast`.
        availability: as in `forecast`.
        country: as in `forecast`.
        groups: part -> its ``known`` columns, where their names do not tell, such as ``{"weather": ["tmax", "mm"]}``.
        seed: as in `forecast`.
        progress: hook ``progress(what, fraction_done)``.

    Returns:
        `Drivers`: ``.frame()`` with a column per part, ``.sentences("en")`` or ``("zh")``, one per series.

    Raises:
        DataError: the frame cannot be used.
        ConfigError: an argument makes no sense.
        MissingExtraError: the model needs an optional dependency.
    """
    from ..explain.drivers import drivers

    spec = registry.make(model)
    if spec.name in registry.names():
        registry.require(spec.name)
    panel = read_panel(df, freq, id, time, target, static, known, past, availability, country)
    steps = steps_ahead(panel, horizon)
    if future is not None and panel.known:
        future = panel.future(future, steps)
    fitted = spec.fit(panel, horizon=steps, seed=seed, progress=progress)
    return drivers(fitted, steps, future, groups=groups, progress=progress)


def reconcile(
    df: Any,
    horizon: int | None = None,
    freq: str | None = None,
    levels: Sequence[str] = (),
    *,
    items: Model | None = None,
    groups: Model | None = None,
    method: Method = "wls-level",
    kept: str = "",
    paths: int = 200,
    id: str = "unique_id",
    time: str = "ds",
    target: str = "y",
    future: Any = None,
    static: Any = None,
    known: Sequence[str] = (),
    past: Sequence[str] = (),
    availability: str | None = None,
    country: str = "",
    seed: int = 0,
    progress: Progress | None = None,
) -> Coherent:
    """Forecast items, groups and the total of a long frame so that they add up, in every sample path.

    Args:
        df: as in `forecast`.
        horizon: as in `forecast`.
        freq: as in `forecast`.
        levels: columns of ``static`` by which items are grouped: ``"category"``, ``"store/category"`` for groups in
            two ways, ``"total"`` for everything. By default the total and each static text column.
        items: model of the items; the pretrained network by default.
        groups: model of the groups; by default the plain average of three that see different things.
        method: how forecasts are reconciled, one of `skucast.portfolio.reconcile.METHODS`.
        kept: level whose forecasts ``middle-out`` keeps.
        paths: sample paths that quantiles come from.
        id: as in `forecast`.
        time: as in `forecast`.
        target: as in `forecast`.
        future: as in `forecast`.
        static: as in `forecast`.
        known: as in `forecast`.
        past: as in `forecast`.
        availability: as in `forecast`.
        country: as in `forecast`.
        seed: of fits and paths.
        progress: hook ``progress(what, fraction_done)``.

    Returns:
        `Coherent`: ``.frame()`` of all levels, ``.level("category")``, ``.paths``.

    Raises:
        DataError: the frame cannot be used.
        ConfigError: an argument makes no sense, or a level is no column of ``static``.
        MissingExtraError: a model needs an optional dependency.
    """
    from ..portfolio.hierarchical import FittedHierarchical, Hierarchical

    chosen: dict[str, Any] = {
        name: registry.make(m).to_dict() for name, m in (("items", items), ("groups", groups)) if m is not None
    }
    spec = Hierarchical(
        levels=tuple(levels) if not isinstance(levels, str) else (levels,), method=method, kept=kept, **chosen
    )
    panel = read_panel(df, freq, id, time, target, static, known, past, availability, country)
    steps = steps_ahead(panel, horizon)
    if future is not None and panel.known:
        future = panel.future(future, steps)
    fitted = spec.fit(panel, horizon=steps, seed=seed, progress=progress)
    assert isinstance(fitted, FittedHierarchical)
    return fitted.coherent(steps, future, n=whole(paths, "number of paths"), seed=seed)
