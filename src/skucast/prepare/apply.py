"""What the project file asks of preparation, done to a panel and told to the repair report."""

from __future__ import annotations

from dataclasses import replace

from ..collect.repairs import Repairs
from ..config import Prepare
from ..panel import Bool, Panel
from .impute import Impute
from .outliers import PEAK, Outliers
from .step import Pipeline, Step
from .unconstrain import Unconstrain


def pipeline(prepare: Prepare) -> Pipeline:
    """The steps that ``[prepare]`` switches on, in order; by default only the estimate of demand behind stock-outs.

    Its values are drawn from the distribution of demand, because the run judges its forecasts on the same panel:
    means in their place would make forecasts look better than they are.
    """
    steps: list[Step] = []
    if prepare.stockouts != "mask":
        steps.append(Unconstrain(method=prepare.stockouts, fill="drawn", before=prepare.before_stockouts))
    if prepare.outliers != "none":
        steps.append(Outliers(method=prepare.outliers, treatment=prepare.treatment))
    if prepare.impute != "none":
        steps.append(Impute(method=prepare.impute))
    return Pipeline(tuple(steps))


def prepare_panel(panel: Panel, prepare: Prepare, repairs: Repairs, protected: Bool | None = None) -> Panel:
    """Do what ``[prepare]`` asks for and record how many cells each rule touched, with an example.

    Args:
        panel: demand as collected.
        prepare: the section of the project file.
        repairs: grows by one row per rule that touched a cell.
        protected: ``(N,)`` cells near holidays and sales, which are no outliers whatever they hold; cells
            in which one of the panel's own covariates marks a promotion are none either.

    Returns:
        The panel with other values, its covariates as they were; the same object where nothing changed.
    """
    steps = pipeline(prepare)
    known = panel.known
    marked = (
        panel
        if protected is None
        else panel.with_known({PEAK: protected | (known[PEAK] > 0 if PEAK in known else False)})
    )
    prepared, changes = steps.fit_apply(marked)
    if not len(changes):
        return panel
    repairs.extend(changes.repairs())
    return replace(prepared, known=known)
