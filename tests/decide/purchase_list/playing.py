"""Orders played out unit by unit and enumerated: slow, and nothing of the code under test in them."""

from itertools import product

import numpy as np


def played(path, packs, arrival, until, line):
    """Money of one future: each unit on the shelf is a number, sold one by one; whole steps only."""
    stock, order, owed, money = max(line["position"], 0), 0, max(-line["position"], 0), 0.0
    expiry = arrival + line.get("shelf_life", 10**9)
    for step in range(until + 1):
        if step == arrival:
            order = packs * line["pack"]
            served = min(order, owed)
            money += (line["price"] + line["shortage"]) * served
            order, owed = order - served, 0 if packs else owed
        if step == until:
            break
        for _ in range(int(path[step])):
            if stock:
                stock -= 1
            elif step < arrival:
                owed += 0 if line["lost"] else 1
            elif order and step < expiry:
                order -= 1
                money += line["price"] + line["shortage"]
        if arrival <= step < min(until, expiry):
            money -= line["carrying"] * order
    return money + line["salvage"] * order - line["unit_cost"] * packs * line["pack"]


def expected_gain(paths, packs, arrival, until, line):
    """Mean over futures."""
    return float(np.mean([played(p, packs, a, u, line) for p, a, u in zip(paths, arrival, until, strict=True)]))


def best_of_all(gains, lines, limits):
    """Gain of the best order among all pack counts: ``gains[i][k]`` of ``k`` packs, constraints asked one by one."""
    best, at = 0.0, (0,) * len(gains)
    for packs in product(*(range(len(g)) for g in gains)):
        if allowed(packs, lines, limits):
            worth = sum(g[k] for g, k in zip(gains, packs, strict=True)) - fees(packs, lines)
            if worth > best:
                best, at = worth, packs
    return best, at


def fees(packs, lines):
    """What the suppliers with something on order charge."""
    on = {s for s, k in zip(lines.supplier, packs, strict=True) if k and s in lines.rules}
    return sum(lines.rules[s].order_cost for s in on)


def allowed(packs, lines, limits, slack=1e-6):
    """Whether an order is within all limits."""
    units = np.array(packs) * lines.pack
    money = units * lines.unit_cost
    if ((units > 0) & (units < lines.min_order - slack)).any():
        return False
    if money.sum() + fees(packs, lines) > limits.budget + slack:
        return False
    if any(units @ lines.uses[name] > room + slack for name, room in limits.capacity.items()):
        return False
    for name, rule in lines.rules.items():
        own = np.array([s == name for s in lines.supplier])
        if units[own].sum() and (
            money[own].sum() < rule.min_value - slack or units[own].sum() < rule.min_units - slack
        ):
            return False
    return True
