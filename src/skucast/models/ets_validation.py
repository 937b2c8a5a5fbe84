"""Choice between exponential smoothing models by how well they forecast steps that they have not seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .ets_recursion import Parameters, States, project, smooth
from .ets_search import Form, estimate, suits

F64 = npt.NDArray[np.float64]
_ORIGINS = 3
_LEAST = 10  # observations that a series must have before the first origin


def validation_scores(y: F64, forms: Sequence[Form], m: int, phase: int, horizon: int) -> F64:
    """Mean squared error of each form's forecasts from three origins in the last two horizons, ``(F, S)``.

    Parameters are learned once, before the first origin; the states go on to the later ones.

    Args:
        y: ``(T, S)``, time first, scaled to a mean of about one; NaN is missing.
        forms: candidates.
        m: season's length.
        phase: of the first row.
        horizon: steps forecast from each origin; at most a fifth of the history.

    Returns:
        Infinite for a form that does not suit a series, and for series too short to be tested.
    """
    steps = min(horizon, max(len(y) // 5, 1))
    out = np.full((len(forms), y.shape[1]), np.inf)
    first = len(y) - 2 * steps
    if first < _LEAST:
        return out
    learn = np.ascontiguousarray(y[:first])
    enough = (~np.isnan(learn)).sum(axis=0) >= _LEAST
    origins = np.unique(np.linspace(first, first + steps, _ORIGINS).astype(np.int64))
    for k, form in enumerate(forms):
        columns = np.flatnonzero(enough & suits(learn, form.season, m))
        if columns.size:
            out[k, columns] = _score(y[:, columns], form, m, phase, origins, steps)
    return out


def _score(y: F64, form: Form, m: int, phase: int, origins: npt.NDArray[np.int64], steps: int) -> F64:
    found = estimate(np.ascontiguousarray(y[: origins[0]]), [form], m, phase)
    multiplicative = form.season == "multiplicative"
    parameters = Parameters(
        found.parameters.alpha,
        None if form.trend == "none" else found.parameters.beta,
        None if form.season == "none" else found.parameters.gamma,
        found.parameters.phi if form.trend == "damped" else None,
    )
    states = States(
        found.states.level,
        None if form.trend == "none" else found.states.slope,
        None if form.season == "none" else found.states.season,
    )
    total, number, at = np.zeros(y.shape[1]), np.zeros(y.shape[1]), 0
    for origin in origins:
        between = np.ascontiguousarray(y[at:origin])
        if origin > at:
            _, states = smooth(between, parameters, states, multiplicative=multiplicative, phase=(phase + at) % m)
        at = int(origin)
        ahead = project(steps, parameters, states, multiplicative=multiplicative, phase=(phase + at) % m)
        came = y[at : at + steps]
        seen = ~np.isnan(came)
        total += np.where(seen, (came - np.maximum(ahead, 0.0)) ** 2, 0.0).sum(axis=0)
        number += seen.sum(axis=0)
    return np.where((number > 0) & np.isfinite(total), total / np.maximum(number, 1), np.inf)
