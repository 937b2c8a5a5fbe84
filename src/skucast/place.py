"""Place: where a shop sells, hence which holidays and sale days move its demand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .config import Config, SaleEvent


@dataclass(frozen=True)
class Place:
    """A shop's country and its own sale days. A panel carries it, so that every model can look dates up.

    Attributes:
        country: ISO code, such as GB or CN; empty is unknown, and models then see no holidays.
        subdivision: state or province.
        events: the shop's own sale days.
        quiet_from: ISO date or time from which on no holiday or sale day is near, whatever the calendar says; empty
            is never. Explanations ask models so what holidays do.
    """

    country: str = ""
    subdivision: str = ""
    events: tuple[SaleEvent, ...] = ()
    quiet_from: str = ""

    @classmethod
    def of(cls, config: Config) -> Place:
        """The place that a project file names."""
        return cls(config.project.country, config.project.subdivision, tuple(config.event))

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        events = [event.model_dump() for event in self.events]
        quiet = {"quiet_from": self.quiet_from} if self.quiet_from else {}
        return {"country": self.country, "subdivision": self.subdivision, "events": events, **quiet}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Place:
        """Read the JSON form."""
        from .config import SaleEvent  # pydantic is slow to import, and few panels need it

        events = tuple(SaleEvent(**event) for event in fields["events"])
        return cls(fields["country"], fields["subdivision"], events, fields.get("quiet_from", ""))

    def __bool__(self) -> bool:
        return bool(self.country or self.events)
