"""Read-only properties of a `Twin`: age, dates, records, fields and zones."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from corrotwin.twin import assets, export, store, twin_state
from corrotwin.twin.api import saving
from corrotwin.twin.core.text import counted
from corrotwin.twin.inspection.events import Event
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.inspection.register import NO_REGISTER, Register
from corrotwin.twin.mechanisms.mechanism import Mechanism
from corrotwin.twin.model.coating import Paint
from corrotwin.twin.model.corrosion import Fields


class TwinFacts:
    """The state of a twin, and what can be read from it; `Twin` changes it."""

    def _begin(self, state: twin_state.TwinState) -> None:
        self._state = state
        self._records: list[Record] = []
        self._events: list[Event] = []
        self._accepted: dict[Record, str] = {}  # suspect records that were accepted, with the reason
        self._photos: dict[str, bytes] = {}  # content of the files that records of photographs name
        self._register = NO_REGISTER
        self._fields: Fields | None = None
        self._folder: Path | None = None
        self._kept: dict[Path, list[saving.SavedTwin]] = {}  # what folders may hold of it, as `saving.write` has it

    def __copy__(self) -> Self:
        """Return a twin with inspections and folders of its own; what never changes is shared."""
        twin = type(self).__new__(type(self))
        twin.__dict__.update(
            {name: value.copy() if isinstance(value, (dict, list)) else value for name, value in vars(self).items()}
        )
        twin._kept = {path: list(held) for path, held in self._kept.items()}
        return twin

    @property
    def folder(self) -> Path | None:
        """The folder that it was saved to or loaded from; None for none."""
        return self._folder

    @property
    def is_saved(self) -> bool:
        """True if a folder holds the twin as it is now, apart from its inspections."""
        if self._folder is None or not store.is_twin(self._folder):
            return False
        return store.plain(store.read(self._folder)) == store.plain(self._state)

    @property
    def id(self) -> str:
        """Its name: as given, else the kind and a number that follows from the seed."""
        return self._state.id

    @property
    def kind(self) -> str:
        """The kind of asset."""
        return self._state.kind

    @property
    def parameters(self) -> Mapping[str, Any]:
        """All dimensions and features of the asset by name."""
        return MappingProxyType(deepcopy(dict(self._state.parameters)))

    @property
    def mechanisms(self) -> tuple[Mechanism, ...]:
        """The mechanisms of corrosion beside the open air."""
        return self._state.mechanisms

    @property
    def years(self) -> float:
        """Its age in years of 365.25 days."""
        return self._state.years

    @property
    def built(self) -> datetime:
        """When its service began, UTC."""
        return self._state.built

    @property
    def clock(self) -> datetime:
        """The time up to which it has grown, UTC."""
        return self._state.clock

    @property
    def records(self) -> tuple[Record, ...]:
        """Records of inspections and counts, oldest first; suspect ones too."""
        return tuple(sorted(self._records, key=lambda record: record.date))

    @property
    def register(self) -> Register:
        """Its condition monitoring locations (CML), which ``corrotwin twin register`` reads from a file."""
        return self._register

    @property
    def events(self) -> tuple[Event, ...]:
        """Events that count, such as replacements of zones, oldest first."""
        return tuple(sorted(self._events, key=lambda event: event.date))

    @property
    def fields(self) -> Fields:
        """Its state on the surface now: rust cover, wall loss, begin and age of corrosion, (H, W) each."""
        if self._fields is None:
            self._fields = twin_state.fields(self._state)
        return self._fields

    def zones(self) -> list[export.ZoneRow]:
        """Return area, rusted share, grade, wall loss and remaining thickness by part, by facing and by height."""
        geometry = twin_state.asset(self._state)
        splash = self._state.exposure.periods[-1].splash_m
        return export.zone_table(geometry, assets.texels(geometry), self.fields, splash)

    def __repr__(self) -> str:
        coating = self._state.coating
        cover = "bare" if coating is None else "paint" if isinstance(coating, Paint) else "zinc"
        records = f", {counted(len(self._records), 'record')}" if self._records else ""
        where = self._state.exposure.periods[-1]
        return f"Twin({self.id!r}, {self.kind}, {counted(self.years, 'year')}, {where}, {cover}{records})"
