"""Console: how a run looks while it goes. Rich on a terminal, plain lines elsewhere, JSON for machines."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from .store.journal import Listener, Stage


class Console:
    """Prints stages, results and errors in one of three ways.

    Attributes:
        machine: JSON on standard output and nothing else.
        live: standard error is a terminal, so progress may move.
    """

    def __init__(self, machine: bool = False) -> None:
        self.machine = machine
        self.live = sys.stderr.isatty() and not machine

    def say(self, text: str = "") -> None:
        """A line for people; silent when talking to machines."""
        if not self.machine:
            print(text, flush=True)

    def result(self, value: dict[str, Any]) -> None:
        """The result for machines; people have read it already."""
        if self.machine:
            print(json.dumps(value, ensure_ascii=False, default=str), flush=True)

    def table(self, rows: list[dict[str, Any]], title: str = "") -> None:
        """A small table for people; numbers to the right."""
        if self.machine or not rows:
            return
        from rich import box
        from rich.console import Console as Terminal
        from rich.table import Table

        table = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
        for name, value in rows[0].items():
            table.add_column(name, justify="right" if isinstance(value, int | float) else "left")
        for row in rows:
            table.add_row(*(_cell(value) for value in row.values()))
        width = None if sys.stdout.isatty() else 140
        Terminal(width=width).print(table)

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """A listener for `Journal` that shows one line per stage and, on a terminal, what goes on."""
        if self.machine:
            yield _silent
        elif not self.live:
            yield _plain
        else:
            with self._moving() as listener:
                yield listener

    @contextmanager
    def _moving(self) -> Iterator[Listener]:
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(24), TimeElapsedColumn())
        with Progress(*columns, transient=True, console=_stderr()) as bar:
            task = bar.add_task("", total=None)

            def listener(event: Literal["begin", "progress", "end"], stage: Stage, fraction: float) -> None:
                if event == "end":
                    bar.console.print(_line(stage), highlight=False)
                elif event == "begin":
                    bar.reset(task, total=None, description=stage.name)
                else:
                    bar.update(task, description=stage.name, total=1.0, completed=fraction)

            yield listener


def _stderr() -> Any:
    from rich.console import Console as Terminal

    return Terminal(stderr=True)


def _silent(event: str, stage: Stage, fraction: float) -> None:
    """Machines are told at the end."""


def _plain(event: str, stage: Stage, fraction: float) -> None:
    if event == "end":
        print(_line(stage), file=sys.stderr, flush=True)


def _line(stage: Stage) -> str:
    return f"{stage.name:<9} {stage.seconds:6.1f} s  {stage.note}"


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
