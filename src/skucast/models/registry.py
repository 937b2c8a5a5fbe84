"""Registry of models: names to specs, built-in and from third parties (entry points)."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from typing import Any

from ..errors import ConfigError, MissingExtraError, ModelError
from .spec import Spec

ENTRY_POINT_GROUP = "skucast.models"

# name -> where its spec lives; imported when first asked for, so that listing stays quick
_BUILT_IN: dict[str, str] = {
    "seasonal-naive": "skucast.models.naive:SeasonalNaive",
    "ets": "skucast.models.smoothing:Ets",
    "theta": "skucast.models.theta:Theta",
    "stl-ets": "skucast.models.stl_ets:StlEts",
    "mstl": "skucast.models.stl_ets:Mstl",
    "fourier": "skucast.models.fourier:Fourier",
    "croston": "skucast.models.intermittent:Croston",
    "sba": "skucast.models.intermittent:Sba",
    "tsb": "skucast.models.intermittent:Tsb",
    "adida": "skucast.models.aggregation:Adida",
    "imapa": "skucast.models.aggregation:Imapa",
    "negbin": "skucast.models.negbin:NegBin",
    "arimax": "skucast.models.arima:Arimax",
    "sarimax": "skucast.models.arima:Sarimax",
    "linear": "skucast.models.regression:Linear",
    "ridge": "skucast.models.regression:Ridge",
    "polynomial": "skucast.models.regression:Polynomial",
    "bagging": "skucast.models.bagging:Bagging",
    "lightgbm": "skucast.models.boosting:LightGbm",
    "lstm": "skucast.models.neural.lstm:Lstm",
    "gru": "skucast.models.neural.gru:Gru",
    "rnn": "skucast.models.neural.rnn:Rnn",
    "cnn": "skucast.models.neural.cnn:Cnn",
    "mlp": "skucast.models.neural.mlp:Mlp",
    "stl-lstm": "skucast.models.neural.stl_lstm:StlLstm",
    "stl-gru": "skucast.models.neural.stl_gru:StlGru",
    "vae": "skucast.models.neural.vae:Vae",
    "attention": "skucast.models.neural.attention:Attention",
    "seq2seq": "skucast.models.neural.seq2seq:Seq2Seq",
    "pretrained": "skucast.models.pretrained.model:Pretrained",
    "chronos-2": "skucast.models.adapters.chronos2:Chronos2",
    "chronos-bolt": "skucast.models.adapters.chronos_bolt:ChronosBolt",
    "timesfm": "skucast.models.adapters.timesfm:TimesFm",
    "tirex": "skucast.models.adapters.tirex:TiRex",
    "flowstate": "skucast.models.adapters.flowstate:FlowState",
    "toto": "skucast.models.adapters.toto:Toto",
    "ensemble": "skucast.portfolio.ensemble:Ensemble",
    "conformal": "skucast.portfolio.conformal:Conformal",
    "shared-season": "skucast.portfolio.shared_season:SharedSeason",
    "temporal": "skucast.portfolio.temporal:Temporal",
    "hierarchical": "skucast.portfolio.hierarchical:Hierarchical",
    "auto": "skucast.portfolio.auto:Auto",
}
# extra -> the package that it brings, where it is called otherwise
_PACKAGES = {"neural": "torch", "stats": "statsforecast", "flowstate": "tsfm_public"}


def names() -> list[str]:
    """Names of all registered models."""
    return [*_BUILT_IN, *(n for n in _third_party() if n not in _BUILT_IN)]


def spec_class(name: str) -> type[Spec]:
    """The spec class behind a name.

    Raises:
        ConfigError: no such model.
        MissingExtraError: its optional dependency is absent.
        ModelError: another package registered something that cannot be imported or is no spec.
    """
    target = _BUILT_IN.get(name) or _third_party().get(name)
    if target is None:
        import difflib

        close = difflib.get_close_matches(name, names(), 1)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        raise ConfigError(f"There is no model '{name}'; there are: {', '.join(names())}.{hint}")
    module, _, attribute = target.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        package = (getattr(error, "name", None) or "").partition(".")[0]
        extra = {brought: e for e, brought in _PACKAGES.items()}.get(package)
        if extra is not None and isinstance(error, ModuleNotFoundError):
            raise MissingExtraError(f"Model '{name}'", extra) from None
        if name in _BUILT_IN:
            raise
        raise ModelError(f"Model '{name}' ({target}) cannot be imported: {error}.") from error
    if not (isinstance(found, type) and issubclass(found, Spec)):
        raise ModelError(f"Model '{name}' ({target}) is no skucast Spec.")
    return found


def make(model: str | Mapping[str, Any] | Spec) -> Spec:
    """A spec from a name, a mapping such as ``{"model": "lstm", "hidden": 64}``, or itself."""
    if isinstance(model, Spec):
        return model
    return spec_class(model)() if isinstance(model, str) else spec_from_dict(model)


def spec_from_dict(fields: Mapping[str, Any]) -> Spec:
    """Read the JSON form of a spec.

    Raises:
        ConfigError: the model or one of its options is unknown.
    """
    if "model" not in fields:
        raise ConfigError("A model table needs the key 'model', for example model = 'lightgbm'.")
    return spec_class(str(fields["model"])).from_dict(fields)


def installed(name: str) -> bool:
    """True if the model's optional dependency (if any) is present."""
    try:
        extra = spec_class(name).capabilities.extra
    except (MissingExtraError, ModelError):
        return False
    return extra is None or _present(extra)


def require(name: str) -> None:
    """Raise `MissingExtraError` if the model's optional dependency is absent."""
    extra = spec_class(name).capabilities.extra
    if extra is not None and not _present(extra):
        raise MissingExtraError(f"Model '{name}'", extra)


def table() -> list[dict[str, Any]]:
    """What each model can do, one row per model, for the documentation and ``skucast models``.

    Returns:
        Rows with ``name``, ``summary``, ``probabilistic`` (where quantiles come from), ``covariates`` (roles
        that it uses), ``scope`` (a model per series or one for all), ``minimum`` (observations that a series
        needs), ``extra`` (optional dependency, empty for none) and ``installed``.
    """
    rows: list[dict[str, Any]] = []
    for name in names():
        try:
            found = spec_class(name).capabilities
        except (MissingExtraError, ModelError) as error:
            rows.append({
                "name": name, "summary": str(error), "probabilistic": "", "covariates": "", "scope": "",
                "minimum": None, "extra": getattr(error, "extra", ""), "installed": False,
            })  # fmt: skip
            continue
        roles = [role for role in ("known", "past", "static") if getattr(found, role)]
        rows.append({
            "name": name, "summary": found.summary, "probabilistic": found.probabilistic,
            "covariates": ", ".join(roles), "scope": found.scope, "minimum": found.min_length,
            "extra": found.extra or "", "installed": found.extra is None or _present(found.extra),
        })  # fmt: skip
    return rows


def _present(extra: str) -> bool:
    from importlib.util import find_spec

    return find_spec(_PACKAGES.get(extra, extra)) is not None


@cache
def _third_party() -> dict[str, str]:
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group=ENTRY_POINT_GROUP)}
