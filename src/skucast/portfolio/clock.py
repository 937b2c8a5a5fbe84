"""Clock: a time budget that a fit in progress can be held to."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ..errors import SkucastError
from ..models.spec import Progress


class OutOfTimeError(SkucastError):
    """A fit was stopped because its time budget is used up."""


@dataclass(frozen=True)
class Clock:
    """Seconds that run from its making.

    Attributes:
        seconds: the budget; 0 is no limit.
    """

    seconds: float = 0.0
    begun: float = field(default_factory=time.perf_counter)

    @property
    def spent(self) -> bool:
        """Whether the budget is used up."""
        return self.seconds > 0 and time.perf_counter() - self.begun > self.seconds

    def watching(self, progress: Progress | None) -> Progress | None:
        """A progress hook that stops the fit that reports to it once the budget is used up.

        Raises:
            OutOfTimeError: from within the hook.
        """
        if not self.seconds:
            return progress

        def hook(what: str, done: float) -> None:
            if self.spent:
                raise OutOfTimeError("the time budget is used up")
            if progress:
                progress(what, done)

        return hook
