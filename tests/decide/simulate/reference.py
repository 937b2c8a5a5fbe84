"""A slow simulator in plain Python, one item and path after the other, unit counts in dictionaries: the oracle."""

import math
from fractions import Fraction

FOREVER = 10**6


def play(demand, order, case):
    """The same events as skucast.decide.simulate, from a dictionary of settings; rows per period of each path."""
    periods = len(demand[0][0])
    shops = [_Shop(case, order, p, periods) for p in range(len(demand[0]))]
    return [[shop.period(t, [d[shop.path][t] for d in demand]) for t in range(periods)] for shop in shops]


class _Shop:
    """All items on one path."""

    def __init__(self, case, order, path, periods):
        self.case, self.order, self.path, self.periods = case, order, path, periods
        self.items = range(len(case["on_hand"]))
        self.shelf = [{} for _ in self.items]  # expiry period -> units
        self.due = [dict(enumerate(units)) for units in case["pipeline"]]  # period -> units
        self.last = [max([k for k, units in due.items() if units], default=0) for due in self.due]
        self.transit = []  # (arrival, target, expiry, units)
        self.owed = list(case["backorders_open"])
        for i in self.items:
            _put(self.shelf[i], case["on_hand"][i], 0, case["life"][i])

    def period(self, t, demand):
        names = [
            "received",
            "cleared",
            "ordered",
            "served",
            "short",
            "wasted",
            "closing",
            "owed",
            "moved_in",
            "moved_out",
            "available",
        ]
        self.t, self.row = t, {n: [0] * len(self.items) for n in names}
        self.receive()
        if self.case["lanes"]:
            self.move()
        if self.case["decide"] == "before-demand":
            self.decide()
            self.receive()
        for i in self.items:
            self.sell_and_count(i, demand[i])
        if self.case["decide"] == "after-count":
            self.decide()
        return self.row

    def on_hand(self, i):
        return sum(self.shelf[i].values())

    def on_order(self, i):
        return sum(self.due[i].values()) + sum(x[3] for x in self.transit if x[1] == i)

    def position(self, i):
        return self.on_hand(i) + self.on_order(i) - self.owed[i]

    def receive(self):
        for i in self.items:
            got = self.due[i].pop(self.t, 0)
            self.row["received"][i] += got
            _put(self.shelf[i], got, self.t, self.case["life"][i])
        self.clear()

    def clear(self):
        for i in self.items:
            taken = _serve(self.shelf[i], self.owed[i], self.case["newest"][i])
            self.owed[i] -= taken
            self.row["cleared"][i] += taken

    def arrive(self):
        for parcel in [x for x in self.transit if x[0] == self.t]:
            self.transit.remove(parcel)
            _, target, expiry, units = parcel
            self.shelf[target][expiry] = self.shelf[target].get(expiry, 0) + units
            self.row["moved_in"][target] += units
        self.clear()

    def move(self):
        self.arrive()
        lanes = self.case["lanes"]
        asked = [max(0, lane["level"] - self.position(lane["target"])) for lane in lanes]
        stock = [self.on_hand(i) for i in self.items]
        for lane, want in zip(lanes, asked, strict=True):
            source = lane["source"]
            total = sum(a for a, other in zip(asked, lanes, strict=True) if other["source"] == source)
            left = math.floor(want * min(Fraction(1), Fraction(stock[source], total))) if total else 0
            self.row["moved_out"][source] += left
            for expiry in sorted(self.shelf[source]):
                taken = min(left, self.shelf[source][expiry])
                self.shelf[source][expiry] -= taken
                left -= taken
                self.transit.append((self.t + lane["lead"], lane["target"], expiry, taken))
        self.arrive()

    def decide(self):
        case, t, units = self.case, self.t, []
        for i in self.items:
            reviewing = t >= case["phase"][i] and (t - case["phase"][i]) % case["review"][i] == 0
            ask = reviewing and case["order_days"][t]
            units.append(_lots(self.order(i, self.position(i)), case, i) if ask else 0)
        for limit in case["limits"]:
            units = _ration(units, limit, [self.on_hand(i) + self.on_order(i) for i in self.items], case, t)
        for i, q in enumerate(units):
            arrival = t + case["lead"][i][self.path][t]
            while arrival < self.periods and not case["receive_days"][arrival]:
                arrival += 1
            arrival = min(arrival, self.periods)
            if not case["crossing"]:
                arrival = max(arrival, self.last[i])
                self.last[i] = arrival if q > 0 else self.last[i]
            self.due[i][arrival] = self.due[i].get(arrival, 0) + q
            self.row["ordered"][i] = q

    def sell_and_count(self, i, wanted):
        row = self.row
        row["available"][i] = self.on_hand(i)
        row["served"][i] = _serve(self.shelf[i], wanted, self.case["newest"][i])
        row["short"][i] = wanted - row["served"][i]
        if self.case["backorders"]:
            self.owed[i] += row["short"][i]
        row["wasted"][i] = self.shelf[i].pop(self.t, 0)
        for parcel in [x for x in self.transit if x[1] == i and x[2] == self.t]:
            self.transit.remove(parcel)
            row["wasted"][i] += parcel[3]
        row["closing"][i], row["owed"][i] = self.on_hand(i), self.owed[i]


def _put(shelf, units, t, life):
    expiry = t + life - 1 if life else FOREVER
    shelf[expiry] = shelf.get(expiry, 0) + units


def _take(shelf, units, newest):
    total = 0
    for expiry in sorted(shelf, reverse=newest):
        taken = min(units - total, shelf[expiry])
        shelf[expiry] -= taken
        total += taken
    return total


def _serve(shelf, units, newest):
    first = min(units, math.floor(units * newest + 0.5))
    return _take(shelf, first, newest=True) + _take(shelf, units - first, newest=False)


def _lots(q, case, i):
    pack, least, most = case["pack"][i], case["min_order"][i], case["max_order"][i]
    if pack:
        least = math.ceil(Fraction(least, pack)) * pack
        q = {"up": math.ceil, "down": math.floor, "nearest": lambda x: math.floor(x + Fraction(1, 2))}[
            case["rounding"]
        ](Fraction(q, pack)) * pack
        q = min(q, most // pack * pack)
    q = min(q, most)
    if 0 < q < least:
        q = least if case["below_min"] == "raise" else 0
    return q


def _ration(units, limit, held, case, t):
    uses = limit["uses"]
    room = limit["amount"][t]
    if limit["on"] == "stock":
        room = max(0, room - sum(u * h for u, h in zip(uses, held, strict=True)))
    total = sum(u * q for u, q in zip(uses, units, strict=True))
    if total <= room:
        return units
    cut, lost, left = [], [], room
    for i, q in enumerate(units):
        if uses[i] == 0:
            cut.append(q)
            continue
        kept = Fraction(q * room, total) if limit["ration"] == "pro-rata" else min(Fraction(q), Fraction(left, uses[i]))
        left = max(0, left - uses[i] * q)
        whole = kept
        if kept < q:
            pack = case["pack"][i]
            least = math.ceil(Fraction(case["min_order"][i], pack)) * pack
            whole = math.floor(kept / pack) * pack
            whole = whole if whole >= least else 0
            step = pack if whole else max(pack, least)
            lost.append((-round(float((kept - whole) / step), 9), i, step))
        cut.append(whole)
    if limit["ration"] == "pro-rata":
        left = room - sum(u * q for u, q in zip(uses, cut, strict=True))
        for _, i, step in sorted(lost):
            if step * uses[i] > left:
                break
            left -= step * uses[i]
            cut[i] += step
    return cut
