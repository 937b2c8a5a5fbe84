"""A model whose best settings are known, and a search over it that can be killed; run as a program by the tests."""

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from skucast.errors import ModelError
from skucast.models.space import Range, Space
from skucast.portfolio.tune import tune_panel

from ..evaluate.planted import Around, random_panel

HORIZON = 7
TRIALS = 14


@dataclass(frozen=True)
class Knob(Around):
    """Says the mean of the past times a factor: best at a factor of 1 and a long span."""

    name: ClassVar[str] = "knob"
    space: ClassVar[Space] = {
        "span": Range(7, 56),
        "factor": Range(0.4, 2.5, log=True),
        "spread": Range(0.1, 1.0),
    }
    seconds: float = 0.0

    def _fit(self, panel, horizon, seed, progress):
        for step in range(10):
            if progress:
                progress("turning", step / 10)
            time.sleep(self.seconds / 10)
        return super()._fit(panel, horizon, seed, progress)


@dataclass(frozen=True)
class Brittle(Knob):
    """Breaks where the factor is below 1."""

    name: ClassVar[str] = "brittle"

    def _fit(self, panel, horizon, seed, progress):
        if self.factor < 1:
            raise ModelError("a factor below 1 is too little")
        return super()._fit(panel, horizon, seed, progress)


def search(storage: Path | None = None, progress=None, seconds: float = 0.0, **more):
    """The same search each time."""
    options = {"budget": 0, "trials": TRIALS, "windows": 4, "seed": 5, **more}
    start = Knob(factor=1.8, seconds=seconds)
    return tune_panel(random_panel(8, 90), HORIZON, start, storage=storage, progress=progress, **options)


if __name__ == "__main__":
    file, moment, seconds = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])

    def deadly(what: str, done: float) -> None:
        """Kills this very process, as a power cut would, when the search comes to a certain moment."""
        if moment and moment in what:
            os.kill(os.getpid(), signal.SIGKILL)

    search(file, deadly, seconds)
