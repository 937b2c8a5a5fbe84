"""HealthOptions: the thresholds and assumptions of a look at the stock."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import ConfigError


@dataclass(frozen=True)
class HealthOptions:
    """Thresholds and assumptions; days are calendar days, money is in the currency of the items.

    Attributes:
        abc: shares of the cumulated margin at which class A and class B end.
        xyz: forecast errors (sum of absolute errors per unit of demand) at which X and Y end.
        cover_days: stock beyond the demand of so many days is excess (of lead time plus review, if longer).
        excess_level: quantile of that demand.
        idle_days: without a sale for so long, an item may be dead.
        dead_days: cover within which a dead item's stock would have to be sold.
        dead_chance: an idle item is dead if the chance of selling its stock within ``dead_days`` and the expected
            share of it that sells are both below this.
        risk: chance of turning customers away from which a date is called risky, and a location short.
        exit_days: what a unit brings is counted for so long; what is left then is worth ``salvage``.
        elasticity: change of demand in percent per percent of price, below 0; an assumption, as the mean of published
            estimates is -2.6 and items differ widely. None leaves markdowns out. Source: Bijmolt, van Heerde & Pieters
            (2005), New empirical generalizations on the determinants of price elasticity, J. Marketing Research 42.
        markdowns: shares off the price that are compared.
        salvage: worth of a unit left at the end, as a share of its cost; below 0 where disposal costs money.
        holding_rate: cost of holding stock per year, as a share of its cost.
        transfer_cost: money per unit moved to another location.
        return_share: refund per unit returned to the supplier, as a share of its cost, where an item has no
            ``return_price``; None: no returns.
        backorders: customers wait; else an unmet sale is lost.
        whole_units: demand comes in whole units; False for goods sold by weight or length.
        paths: sample paths per item.
    """

    abc: tuple[float, float] = (0.8, 0.95)
    xyz: tuple[float, float] = (0.5, 1.0)
    cover_days: float = 90.0
    excess_level: float = 0.95
    idle_days: float = 180.0
    dead_days: float = 365.0
    dead_chance: float = 0.5
    risk: float = 0.1
    exit_days: float = 365.0
    elasticity: float | None = -2.0
    markdowns: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5)
    salvage: float = 0.0
    holding_rate: float = 0.25
    transfer_cost: float = 0.0
    return_share: float | None = None
    backorders: bool = False
    whole_units: bool = True
    paths: int = 300

    def __post_init__(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            ConfigError: the first option that is out of its range.
        """
        for name, (low, high) in (("abc", self.abc), ("xyz", self.xyz)):
            if not 0 < low <= high or (name == "abc" and high > 1):
                raise ConfigError(f"{name} must hold two rising numbers above 0{' up to 1' * (name == 'abc')}.")
        for name in ("cover_days", "idle_days", "dead_days", "exit_days"):
            if not 0 < getattr(self, name) <= 3650:
                raise ConfigError(f"{name} must lie above 0 and be 3650 days at most, not {getattr(self, name):g}.")
        for name in ("excess_level", "dead_chance", "risk"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError(f"{name} must lie between 0 and 1, not be {getattr(self, name):g}.")
        for name in ("holding_rate", "transfer_cost"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name} must be at least 0, not {getattr(self, name):g}.")
        if self.elasticity is not None and not self.elasticity < 0:
            raise ConfigError(f"elasticity must be below 0 (a lower price sells more), not {self.elasticity:g}.")
        if not all(0 < m < 1 for m in self.markdowns):
            raise ConfigError("markdowns must be shares of the price between 0 and 1, such as 0.2.")
        if self.salvage > 1 or (self.return_share is not None and not 0 <= self.return_share <= 1):
            raise ConfigError(
                "salvage and return_share are shares of the cost: 1 is all of it, salvage may be below 0."
            )
        if self.paths < 10:
            raise ConfigError(f"paths must be 10 at least, not {self.paths}.")
