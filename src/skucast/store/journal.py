"""Journal: what a run did, stage by stage, with counts and seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal


@dataclass
class Stage:
    """One stage of a run.

    Attributes:
        name: such as ``read`` or ``forecast``.
        note: what came out, in words ("1,044,847 order lines").
        count: the same as a number, for machines.
        seconds: wall time.
    """

    name: str
    note: str = ""
    count: int = 0
    seconds: float = 0.0


Listener = Callable[[Literal["begin", "progress", "end"], Stage, float], None]
"""Called when a stage begins, moves on (with the fraction done) and ends."""


@dataclass
class Journal:
    """Collects stages and tells a listener (the console) about them."""

    listener: Listener | None = None
    stages: list[Stage] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Time one stage; fill in ``note`` and ``count`` of what is yielded."""
        stage = Stage(name)
        self._tell("begin", stage, 0.0)
        began = time.perf_counter()
        yield stage
        stage.seconds = time.perf_counter() - began
        self.stages.append(stage)
        self._tell("end", stage, 1.0)

    def progress(self, what: str, fraction: float) -> None:
        """Hook for long work inside the running stage."""
        self._tell("progress", Stage(what), fraction)

    def text(self) -> str:
        """The log as plain lines."""
        return "".join(f"{s.name:<10} {s.seconds:8.2f} s  {s.note}\n" for s in self.stages)

    def _tell(self, event: Literal["begin", "progress", "end"], stage: Stage, fraction: float) -> None:
        if self.listener is not None:
            self.listener(event, stage, fraction)
