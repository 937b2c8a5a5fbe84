"""Comparison: policies side by side on the same demand, against what nobody can beat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
import polars as pl

from .foresight import perfect_foresight
from .setting import Setting
from .simulator import simulate
from .state import Policy

FORESIGHT = "perfect foresight"


def compare(
    demand: npt.NDArray[Any], policies: Mapping[str, Policy], setting: Setting, *, seed: int = 0, foresight: bool = True
) -> pl.DataFrame:
    """Policies on the same demand, opening stock and lead times.

    Args:
        demand: as for `simulate`.
        policies: by name.
        setting: rules, costs and opening stock.
        seed: of uncertain lead times.
        foresight: add perfect foresight (lost sales only; see `perfect_foresight`).

    Returns:
        One row per policy, the most profitable first: ``policy``, the columns of `Outcome.summary`, and with foresight
        ``regret`` (its profit less the policy's) and ``exact`` (whether foresight is the optimum, or only a bound).
    """
    rows = [{"policy": n, **simulate(demand, p, setting, seed=seed).summary()} for n, p in policies.items()]
    table = pl.DataFrame(rows)
    if foresight:
        best = perfect_foresight(demand, setting, seed)
        known = pl.DataFrame([{"policy": FORESIGHT, **best.outcome.summary()}])
        profit = float(best.outcome.profit.mean())
        table = pl.concat([table, known]).with_columns(regret=profit - pl.col("profit"), exact=pl.lit(best.exact))
    return table.sort("profit", descending=True, maintain_order=True)
