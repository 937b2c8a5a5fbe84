"""Limits: what a budget, little room and suppliers' minimums cost, and what they make impossible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from ..config import Plan
from ..explain import sentences
from .wording import Text, known, money, number, plain, say, shorten

if TYPE_CHECKING:
    from ..decide.purchase_list import PurchaseList

ROWS = 20
"""Lines that cannot be ordered shown in the report."""
_SAFE = 0.005  # chances below are written as 0 %
_CLOSE = 1e-4  # shares of the best below are written as this
_OF_SUPPLIERS = ("filled", "supplier-minimum", "supplier-beyond-budget")  # reasons that name a supplier's rule


@dataclass(frozen=True)
class Limits:
    """How the order was fitted into its limits.

    Attributes:
        kept: which limits there are.
        facts: label, number and what it is to be seen beside.
        conflicts: name, code and reason of lines whose own constraints cannot be met together.
        more: how many more there are.
        nothing_fits: whether something is worth ordering and nothing of it can be.
    """

    kept: Text
    facts: Sequence[tuple[Text, Text, Text]]
    conflicts: Sequence[tuple[str, str, Text]]
    more: int
    nothing_fits: bool


def make_limits(joint: PurchaseList, plan: Plan, currency: str, names: Mapping[str, str]) -> Limits:
    """Put the figures of the joint order together.

    Args:
        joint: the order within its limits.
        plan: ``[plan]`` of the project file.
        currency: of all money.
        names: series -> name.
    """
    conflicts = _conflicts(joint)
    return Limits(
        kept=say("limit.intro", limits=_kept(joint, plan, currency)),
        facts=_facts(joint, plan, currency),
        conflicts=[
            (names.get(i) or shorten(i), shorten(i) if names.get(i, i) != i else "", Text(en, zh))
            for i, en, zh in conflicts.head(ROWS).select("id", "reason_en", "reason_zh").iter_rows()
        ],
        more=max(conflicts.height - ROWS, 0),
        nothing_fits=nothing_fits(joint),
    )


def nothing_fits(joint: PurchaseList | None) -> bool:
    """Whether items are worth ordering, or would be with other constraints, and none can be ordered."""
    if joint is None or (joint.table["packs"] > 0).any():
        return False
    return _conflicts(joint).height > 0 or bool((joint.table["wanted_packs"] > 0).any())


def _conflicts(joint: PurchaseList) -> pl.DataFrame:
    """Lines that cannot be ordered as asked, less those that will hardly run out and need no order anyhow."""
    return joint.conflicts().filter(pl.col("p_out").fill_nan(1.0) >= _SAFE)


def _kept(joint: PurchaseList, plan: Plan, currency: str) -> Text:
    parts = []
    if plan.budget:
        parts.append(say("limit.budget", value=money(plan.budget, currency)))
    if plan.max_volume_l:
        parts.append(say("limit.volume", n=number(plan.max_volume_l)))
    if plan.max_weight_kg:
        parts.append(say("limit.weight", n=number(plan.max_weight_kg)))
    if not parts or joint.order_cost > 0 or joint.table["reason"].is_in(_OF_SUPPLIERS).any():
        parts.append(say("limit.suppliers"))
    return Text(", ".join(p.en for p in parts), "、".join(p.zh for p in parts))


def _facts(joint: PurchaseList, plan: Plan, currency: str) -> list[tuple[Text, Text, Text]]:
    nothing = plain("")

    def amount(value: float) -> Text:
        return money(value, currency)

    of_it = say("limit.order_cost", cost=amount(joint.order_cost)) if joint.order_cost > 0 else nothing
    free = float(joint.ranking["gain"].sum())
    missed = joint.gain - joint.listed_gain
    facts = [
        (say("limit.spent"), amount(joint.spent), of_it),
        (say("limit.gain"), amount(joint.gain), _distance(joint.gap)),
        (
            say("limit.listed"), amount(joint.listed_gain),
            say("limit.less", value=amount(missed)) if missed > 0.005 else say("limit.as_much"),
        ),
    ]  # fmt: skip
    if free > joint.gain:
        facts.append(
            (
                say("limit.free"),
                amount(free),
                say("limit.free_cost", value=amount(float(joint.ranking["money"].sum()))),
            )
        )
    if plan.budget:
        found = amount(joint.step_gain) if known(joint.step_gain) else plain(None)
        note = say("limit.divisible" if known(joint.step_gain) else "limit.no_time")
        facts.append((say("limit.step", step=amount(joint.step)), found, note))
    return facts


def _distance(gap: float) -> Text:
    """How far the order may be from the best."""
    if not known(gap):
        return say("limit.no_bound")
    if gap <= 0:
        return say("limit.best")
    share = max(gap, _CLOSE)
    return say("limit.gap", share=Text(sentences.percent(share, "en", 2), sentences.percent(share, "zh", 2)))
