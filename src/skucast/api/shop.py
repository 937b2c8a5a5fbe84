"""The verbs on a shop's records: load, plan, run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..evaluate.candidates import Model
from ..models import registry
from ..models.spec import Progress
from ..panel_frame import to_polars
from .asked import read_panel, steps_ahead

if TYPE_CHECKING:
    from ..collect.shop import Shop
    from ..config import Config
    from ..decide.plan_table import PurchasePlan
    from ..store.journal import Journal
    from ..store.runs import Run


def load(what: Any, config: Config | Mapping[str, Any] | None = None) -> Shop:
    """Read a shop's records: a project file or folder, or frames by table name (with ``config`` for their rules).

    See `skucast.collect.shop.load_shop`.
    """
    from ..collect.shop import load_shop

    return load_shop(what, config)


def plan(
    df: Any,
    horizon: int | None = None,
    freq: str | None = None,
    model: Model = "auto",
    *,
    stock: Any = None,
    products: Any = None,
    suppliers: Any = None,
    prices: Any = None,
    open_orders: Any = None,
    deliveries: Any = None,
    id: str = "unique_id",
    time: str = "ds",
    target: str = "y",
    future: Any = None,
    static: Any = None,
    known: Sequence[str] = (),
    past: Sequence[str] = (),
    availability: str | None = None,
    country: str = "",
    currency: str = "EUR",
    seed: int = 0,
    progress: Progress | None = None,
    **terms: Any,
) -> PurchasePlan:
    """Decide what to order now: forecast a long frame, then weigh shortage against holding cost.

    Frames may be pandas, polars or pyarrow; their columns are those of `skucast.collect.tables`.

    Args:
        df: history, as in `forecast`; the order is placed right after its last date.
        horizon: steps ahead; the frequency's usual one by default. Lead times that reach further extend it.
        freq: as in `forecast`.
        model: as in `forecast`.
        stock: table ``stock`` (``sku, on_hand, on_order``); None plans as if shelves were empty, and says so.
        products: table ``products`` (``sku, cost, price, pack_size, min_order, supplier``...).
        suppliers: table ``suppliers`` (``supplier, lead_time_days, review_days``...).
        prices: ``unique_id, price`` and optionally ``cost``, where products say nothing.
        open_orders: table ``open_orders`` (``sku, quantity, due``): what is on its way, and when it should be there.
        deliveries: table ``deliveries`` (``supplier, ordered_at, received_at``): lead times are learned from it.
        id: as in `forecast`; it is matched with ``sku``.
        time: as in `forecast`.
        target: as in `forecast`, in units.
        future: as in `forecast`.
        static: as in `forecast`; a column ``sku`` among them is matched in place of the identifier.
        known: as in `forecast`.
        past: as in `forecast`.
        availability: as in `forecast`.
        country: as in `forecast`.
        currency: ISO code of all money.
        seed: makes the result repeatable.
        progress: hook ``progress(what, fraction_done)``.
        **terms: keys of the section ``[plan]`` of the project file, such as ``lead_time_days=21``,
            ``margin=0.35`` or ``budget=5000``, used where the tables say nothing. ``shortage_cost`` and ``holding_cost``
            (per unit and day) stand in for prices and costs where only these are known.

    For an order each week, call it with the history so far, the stock of now and what is on its way: orders of the past
    weeks as ``open_orders``. The order reckons with what will have been sold, or lost, until it arrives.

    Returns:
        A `PurchasePlan`: ``.frame()``, ``.lines()``, ``.summary()``, ``.write_csv(path)``.

    Raises:
        DataError: a frame cannot be used.
        ConfigError: an argument makes no sense.
    """
    from ..config import make_config
    from ..decide.purchase import purchase_plan

    wanted = make_config({"plan": terms}, where="the arguments of plan").plan
    panel = read_panel(df, freq, id, time, target, static, known, past, availability, country)
    steps = steps_ahead(panel, horizon)
    spec = registry.make(model)
    expected = spec.fit(panel, horizon=steps, seed=seed, progress=progress).predict(steps, future)
    tables = {
        name: None if table is None else to_polars(table)[0]
        for name, table in {
            "stock": stock, "products": products, "suppliers": suppliers, "prices": prices, "open_orders": open_orders,
            "deliveries": deliveries,
        }.items()
    }  # fmt: skip
    return purchase_plan(expected, plan=wanted, currency=currency, seed=seed, **tables)


def run(config: Config | str | Path, *, store: str | Path | None = None, journal: Journal | None = None) -> Run:
    """Do the whole job of a project file; see `skucast.run.run`."""
    from ..run import run as run_project

    return run_project(config, store=store, journal=journal)
