"""Repairs: the count of everything that was rejected or changed on the way in. Nothing is silent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import polars as pl

Action = Literal["rejected", "changed", "noted"]

COLUMNS: dict[str, pl.DataType] = {
    "stage": pl.String(),
    "table": pl.String(),
    "rule": pl.String(),
    "action": pl.String(),
    "rows": pl.Int64(),
    "units": pl.Float64(),
    "series": pl.Int64(),
    "example": pl.String(),
    "remedy": pl.String(),
}


@dataclass
class Repairs:
    """A growing list of what was done to the data.

    Rows are added in order; `frame` gives the table that goes into the run folder and the report.
    """

    rows: list[dict[str, object]] = field(default_factory=list)

    def add(
        self,
        stage: Literal["read", "clean", "demand", "prepare", "forecast", "plan"],
        table: str,
        rule: str,
        action: Action,
        rows: int,
        *,
        units: float = 0.0,
        series: int = 0,
        example: str = "",
        remedy: str = "",
    ) -> None:
        """Record one repair; one that touched nothing is not recorded.

        Args:
            stage: where it happened.
            table: which table.
            rule: short kebab-case name, the same as the switch in ``[clean]`` where there is one.
            action: ``rejected`` (left out), ``changed`` (value altered) or ``noted`` (kept as it is).
            rows: rows, or cells of the panel, touched.
            units: net units in the rejected rows (for conservation) or the net change.
            series: series touched.
            example: one of them, in words.
            remedy: what the user can do about it.
        """
        if rows or units:
            self.rows.append(
                {
                    "stage": stage,
                    "table": table,
                    "rule": rule,
                    "action": action,
                    "rows": int(rows),
                    "units": float(units),
                    "series": int(series),
                    "example": example,
                    "remedy": remedy,
                }
            )

    def extend(self, other: Repairs) -> None:
        """Append all of another list."""
        self.rows.extend(other.rows)

    def frame(self) -> pl.DataFrame:
        """The list as a table with the columns of ``COLUMNS``."""
        return pl.DataFrame(self.rows, schema=COLUMNS)

    def rejected_units(self, stage: str | None = None) -> float:
        """Net units in rejected rows, of one stage or all."""
        return float(
            sum(float(str(r["units"])) for r in self.rows if r["action"] == "rejected" and stage in (None, r["stage"]))
        )


def merged(repairs: Repairs) -> Repairs:
    """The same repairs with rows put together that differ only in the file; the first example stays."""
    rows: dict[tuple[object, ...], dict[str, object]] = {}
    for row in repairs.rows:
        key = tuple(row[name] for name in ("stage", "table", "rule", "action", "remedy"))
        if key not in rows:
            rows[key] = dict(row)
            continue
        for name in ("rows", "series"):
            rows[key][name] = int(str(rows[key][name])) + int(str(row[name]))
        rows[key]["units"] = float(str(rows[key]["units"])) + float(str(row["units"]))
    return Repairs(list(rows.values()))
