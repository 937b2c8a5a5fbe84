"""The vectorised simulator against a slow one in plain Python, over random settings."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.decide.simulate.costs import Costs
from skucast.decide.simulate.lanes import Lanes
from skucast.decide.simulate.limits import Limit
from skucast.decide.simulate.policies import Constant, MinMax, OrderUpTo, ReorderPoint, TopUp
from skucast.decide.simulate.setting import Opening, Setting
from skucast.decide.simulate.simulator import simulate
from skucast.decide.simulate.supply import Supply

from . import reference


@st.composite
def worlds(draw):
    items, paths, periods = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(1, 10))

    def each(element):
        return draw(st.lists(element, min_size=items, max_size=items))

    def table(element, *shape):
        count = int(np.prod(shape))
        return np.array(draw(st.lists(element, min_size=count, max_size=count)), dtype=int).reshape(shape)

    decide = draw(st.sampled_from(["before-demand", "after-count"]))
    shortest = 1 if decide == "after-count" else 0
    backorders = draw(st.booleans())
    kind = draw(st.sampled_from(["constant", "item", "table"]))
    shape = {"constant": (1, 1, 1), "item": (items, 1, 1), "table": (items, paths, periods)}[kind]
    lead = table(st.integers(shortest, 4), *shape)
    perishable = draw(st.booleans())
    packed = each(st.integers(1, 4))
    limits = [
        {
            "amount": table(st.integers(0, 30), periods).tolist(), "uses": each(st.integers(0, 3)),
            "on": draw(st.sampled_from(["orders", "stock"])), "ration": draw(st.sampled_from(["pro-rata", "in-order"])),
        }
        for _ in range(draw(st.integers(0, 2)))
    ]  # fmt: skip
    lanes = []
    if items > 1 and draw(st.booleans()):
        for _ in range(draw(st.integers(1, 3))):
            source, target = draw(st.permutations(range(items)))[:2]
            lanes.append(
                {"source": source, "target": target, "lead": draw(st.integers(0, 3)), "level": draw(st.integers(0, 12))}
            )
    case = {
        "items": items, "paths": paths, "periods": periods, "decide": decide, "backorders": backorders, "kind": kind,
        "lead": np.broadcast_to(lead, (items, paths, periods)).tolist(), "lead_given": lead,
        "crossing": draw(st.booleans()) or kind != "table",
        "life": each(st.integers(0, 4)) if perishable else [0] * items,
        "newest": each(st.sampled_from([0.0, 1.0, 0.5])),
        "pack": packed, "min_order": each(st.integers(0, 6)), "max_order": each(st.integers(9, 20)),
        "rounding": draw(st.sampled_from(["up", "nearest", "down"])), "below_min": draw(st.sampled_from(["raise", "drop"])),
        "review": each(st.integers(1, 3)), "phase": each(st.integers(0, 2)),
        "order_days": table(st.booleans(), periods).astype(bool).tolist(),
        "receive_days": table(st.booleans(), periods).astype(bool).tolist() if draw(st.booleans()) else [True] * periods,
        "on_hand": each(st.integers(0, 12)), "backorders_open": each(st.integers(0, 4)) if backorders else [0] * items,
        "pipeline": table(st.integers(0, 6), items, draw(st.integers(1, 3))).tolist(),
        "limits": limits, "lanes": lanes, "count": draw(st.sampled_from(["closing", "before-waste", "average"])),
        "warm_up": draw(st.integers(0, periods - 1)),
    }  # fmt: skip
    demand = table(st.integers(0, 9), items, paths, periods)
    a, b = each(st.integers(0, 15)), each(st.integers(1, 15))
    policy = draw(st.sampled_from(["base", "capped", "minmax", "point", "constant"]))
    return case, demand, (policy, a, b)


def setting_of(case):
    lead = {"constant": lambda x: int(x.ravel()[0]), "item": lambda x: x.ravel(), "table": lambda x: x}[case["kind"]]
    supply = Supply(
        lead_time=lead(case["lead_given"]), crossing=case["crossing"], review=case["review"], phase=case["phase"],
        order_days=case["order_days"], receive_days=None if all(case["receive_days"]) else case["receive_days"],
        pack=case["pack"], min_order=case["min_order"], max_order=case["max_order"], rounding=case["rounding"],
        below_min=case["below_min"],
    )  # fmt: skip
    lanes = case["lanes"]
    return Setting(
        supply=supply,
        costs=Costs(holding=0.5, shortage=3.0, waiting=0.25, per_line=2.0, waste=1.5, unit_cost=1.0, price=4.0),
        opening=Opening(on_hand=case["on_hand"], backorders=case["backorders_open"], pipeline=case["pipeline"]),
        backorders=case["backorders"], decide=case["decide"], count=case["count"], shelf_life=case["life"],
        newest=case["newest"], warm_up=case["warm_up"],
        limits=tuple(Limit(x["amount"], x["uses"], x["on"], ration=x["ration"]) for x in case["limits"]),
        lanes=Lanes([x["source"] for x in lanes], [x["target"] for x in lanes], [x["lead"] for x in lanes]) if lanes else None,
    )  # fmt: skip


def policy_of(kind, a, b):
    high = np.add(a, b)
    ours = {
        "base": OrderUpTo(high), "capped": OrderUpTo(high, cap=b), "minmax": MinMax(a, high), "point": ReorderPoint(a, b),
        "constant": Constant(a),
    }[kind]  # fmt: skip
    theirs = {
        "base": lambda i, x: max(0, a[i] + b[i] - x),
        "capped": lambda i, x: min(b[i], max(0, a[i] + b[i] - x)),
        "minmax": lambda i, x: a[i] + b[i] - x if x <= a[i] else 0,
        "point": lambda i, x: ((a[i] - x) // b[i] + 1) * b[i] if x <= a[i] else 0,
        "constant": lambda i, x: a[i],
    }[kind]
    return ours, theirs


@settings(deadline=None, max_examples=300)
@given(worlds())
def test_every_period_is_as_a_simulator_in_plain_python_says(world):
    case, demand, (kind, a, b) = world
    ours, theirs = policy_of(kind, a, b)
    transfers = (
        TopUp([x["target"] for x in case["lanes"]], [x["level"] for x in case["lanes"]]) if case["lanes"] else None
    )
    outcome = simulate(demand, ours, setting_of(case), transfers=transfers, keep="periods")
    expected = reference.play(demand.tolist(), theirs, case)
    names = {"owed": "backorders"} | {
        n: n
        for n in ("received", "cleared", "ordered", "served", "short", "wasted", "closing", "moved_in", "moved_out")
    }
    for reference_name, name in names.items():
        table = [[row[reference_name] for row in path] for path in expected]  # (P, T, I)
        np.testing.assert_allclose(
            outcome.trace[name], np.array(table, dtype=float).transpose(2, 0, 1), atol=1e-9, err_msg=name
        )
    _money_is_the_same(outcome, expected, case)


def _money_is_the_same(outcome, expected, case):
    for p, path in enumerate(expected):
        rows = path[case["warm_up"] :]

        def total(name, rows=rows):
            return float(sum(Fraction(x) for row in rows for x in row[name]))

        stock = {
            "closing": total("closing"),
            "average": (total("available") + total("closing")) / 2,
            "before-waste": total("closing") + total("wasted"),
        }[case["count"]]
        money = {n: outcome.by_path[n][p] for n in outcome.by_path}
        lines = sum(q > 0 for row in rows for q in row["ordered"])
        assert np.isclose(money["holding"], 0.5 * stock)
        assert np.isclose(money["shortage"], 3.0 * total("short") + 0.25 * (total("owed") if case["backorders"] else 0))
        assert np.isclose(money["ordering"], 2.0 * lines)
        assert np.isclose(money["waste"], 1.5 * total("wasted"))
        assert np.isclose(money["purchase"], total("ordered"))
        assert np.isclose(money["revenue"], 4.0 * (total("served") + total("cleared")))
