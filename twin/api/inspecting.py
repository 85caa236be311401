"""Inspections of a `Twin`: records, suspect readings and their acceptance, and renewed parts."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from corrotwin.twin import twin_state
from corrotwin.twin.api.facts import TwinFacts
from corrotwin.twin.core.arguments import checked, one_or_more
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.inspection import entry, plausibility, readers
from corrotwin.twin.inspection.events import Event, admit_events
from corrotwin.twin.inspection.records import Record, check_text, spoken
from corrotwin.twin.inspection.register import Register
from corrotwin.twin.workbooks.columns import ColumnMap, read_map
from corrotwin.twin.workbooks.readings import Defaults, intake
from corrotwin.twin.workbooks.register_file import COLUMNS, read_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)


class TwinInspections(TwinFacts):
    """Inspections of a twin: suspect readings, new inspections, accepted ones, events; part of `Twin`."""

    @property
    def suspects(self) -> dict[Record, str]:
        """Thickness readings that a forecast leaves out until `Twin.accept` takes them, each with the reason.

        They are thicker than nominal plus tolerance, or thicker than the same place was before.
        """
        records = self.records
        named = dict(enumerate(self._register.applied(records)))
        found = plausibility.suspects(named, twin_state.asset(self._state), self._register.named(self.events))
        return {records[number]: why for number, why in found.items()}

    @checked()
    def inspect(
        self,
        csv: str | Path | None = None,
        *,
        date: str = "",
        kind: str = "",
        zone: str = "",
        value: float | None = None,
        unit: str = "",
        tool: str = "",
        place: str = "",
        uv: tuple[float, float] | None = None,
        at: tuple[float, float, float] | None = None,
        photo: str | Path | Sequence[str | Path] = (),
        uvmap: str | Path | Sequence[str | Path] = (),
        scatter: float | None = None,
        bias: float | None = None,
        echo: str = "",
        coated: bool = False,
        evaluation: str | Path | None = None,
        detection: float | None = None,
        false_calls: float | None = None,
    ) -> tuple[Record, ...]:
        """Record what an inspection found, and return the records that were not there yet.

        Parameters
        ----------
        csv : table of readings, and maybe of events, with columns date, zone, kind, value, tool; instead of all other
            arguments.
        date, kind, zone, value, unit, tool, place, uv, at, echo, coated : one reading, as ``corrotwin twin inspect``
            takes it.
        photo : masks (PNG, 0 where there is no rust) of the photographs of a day, with `date` and `tool`.
        uvmap : of each mask, from ``corrotwin synth uvmap``; without it one mask, of a photograph that shows nothing
            but `zone`.
        scatter, bias, detection, false_calls : errors of the tool, in place of what is usual for the kind.
        evaluation : evaluation.json of the model that made the masks: its recall and false calls, where `detection` and
            `false_calls` are not given.

        Raises
        ------
        InputError
            A reading is impossible or cannot be of this twin. Nothing has changed then.
        """
        found = entry.records_of(
            self._state,
            csv=None if csv is None else Path(csv),
            date=date, kind=kind, zone=zone, value=value, unit=unit, tool=tool, place=place, uv=uv, at=at,
            photo=[Path(path) for path in one_or_more(photo)], uvmap=[Path(path) for path in one_or_more(uvmap)],
            scatter=scatter, bias=bias, echo=echo, coated=coated,
            evaluation=None if evaluation is None else Path(evaluation), detection=detection, false_calls=false_calls,
        )  # fmt: skip
        new = plausibility.admit(found.records, self._records, self._records, self._state, self._register)
        self._events += self._happened(found.events, new) if found.events else []
        self._photos |= {record.seen: found.photo for record in new if record.seen}
        if found.note:
            logger.info(found.note)
        return self._taken(new)

    @checked()
    def import_readings(
        self,
        path: str | Path,
        *,
        column_map: str | Path | None = None,
        asset: str = "",
        unit: str = "",
        zone: str = "",
        tool: str = "",
        dates: Literal["day", "month"] | None = None,
    ) -> tuple[Record, ...]:
        """Take in thickness readings as a contractor sends them, and return the records that were not there yet.

        Parameters
        ----------
        path : workbook (XLSX, XLSM, XLS, XLSB, ODS) or CSV file: a row a reading, a row a place with a column a survey,
            or sheets of assets, groups, places and readings.
        column_map : JSON that says which column holds what, for headings that are not usual.
        asset : which of the assets in the file this twin is.
        unit, zone, tool : what no column says.
        dates : what comes first in days such as 05/06/2016.

        Raises
        ------
        InputError
            The file cannot be read or a reading is wrong: file, sheet, row, column, value and what would be right.
            Nothing has changed then.
        """
        given = ColumnMap() if column_map is None else read_map(Path(column_map))
        given = given if dates is None else replace(given, dates=dates)
        defaults = Defaults.of(self._records, self._register, unit=unit, zone=zone, tool=tool, asset=asset)
        found = intake(Path(path), given, defaults, twin_state.asset(self._state))
        for note in found.notes:
            logger.info("%s: %s", path, note)
        new = plausibility.admit(found.records, self._records, self._records, self._state, self._register)
        return self._taken(new)

    @checked()
    def import_register(
        self, path: str | Path, *, column_map: str | Path | None = None, asset: str = "", unit: str = ""
    ) -> Register:
        """Take in a register of condition monitoring locations (CML), and return all that the twin has then.

        Parameters
        ----------
        path : workbook or CSV file with a row each, as ``corrotwin twin register`` takes it.
        column_map : JSON that says which column holds what, for headings that are not usual.
        asset : which of the assets in the file this twin is.
        unit : of thicknesses where no heading says it.

        Raises
        ------
        InputError
            The file cannot be read or a row is wrong. Nothing has changed then.
        """
        given = ColumnMap() if column_map is None else read_map(Path(column_map), COLUMNS)
        change = read_file(
            Path(path), given, self._register, self._state, self._records, unit=unit, asset_name=asset
        )  # fmt: skip
        self._register = change.register
        return self._register

    def _taken(self, new: Sequence[Record]) -> tuple[Record, ...]:
        """Take in records that were admitted, and say which of them are suspect."""
        self._records += new
        for record, why in self.suspects.items():
            if record in new:
                logger.warning("%s: left out until accepted: %s", spoken(record), why)
        return tuple(new)

    @checked()
    def accept(self, record: Record, *, why: str) -> Self:
        """Let forecasts take a suspect reading as it is, and return the twin.

        Parameters
        ----------
        record : one of `suspects`.
        why : the reason, which is kept beside the reading.

        Raises
        ------
        InputError
            The reading is not suspect, or no reason is given, or one that is not in UTF-8.
        """
        if record not in self.suspects:
            raise InputError(f"{spoken(record)}: is not suspect; choose one of Twin.suspects")
        if not why:
            raise InputError("accept: give `why`; the reason is stored with the reading")
        check_text("why", why)
        self._records = [replace(known, accepted=True) if known == record else known for known in self._records]
        self._accepted[record] = why
        return self

    @checked()
    def record_event(
        self,
        kind: Literal["replacement", "repair", "recoating"],
        *,
        date: str,
        zone: str,
        place: str = "",
        why: str = "",
    ) -> Event:
        """Record that a part of the asset was made new, and return the event; one that is known is not taken twice.

        Parameters
        ----------
        kind : replacement of a zone, whose steel and coating are new from that day on; recoating of a zone, whose
            coating is new; or repair of a measured place, whose wall is new.
        date : day, as 2016-05-31; what is read on that day counts as read afterwards.
        zone : zone of the asset, or "all".
        place : of a repair, the place as its readings name it; it is kept under its present name in the register.
        why : remark that is kept with it.

        Raises
        ------
        InputError
            The event cannot be of this twin, or contradicts another. Nothing has changed then.
        """
        [event] = self._register.named([Event(date=date, kind=kind, zone=zone, place=place, why=why)])
        self._events += self._happened([event], ())
        return event

    def _happened(self, events: Sequence[Event], new: Sequence[Record]) -> list[Event]:
        """Return those of some events that are not there yet, held against the records and new ones."""
        known, records = self._register.named(self._events), self._register.applied([*self._records, *new])
        asset = twin_state.asset(self._state)
        return admit_events(self._register.named(events), known, known, records, self._state, asset)

    def _counting(self, left_out: Collection[Record]) -> tuple[tuple[Record, ...], tuple[Event, ...]]:
        """Return the records that a forecast takes and the events, by the present names of their places."""
        counting = self.register.applied(record for record in self.records if record not in left_out)
        return tuple(counting), tuple(self.register.named(self.events))

    def _seen_by(self, record: Record, shape: tuple[int, int]) -> "NDArray[np.bool_]":
        return readers.seen_in(self._photos[record.seen], Path(record.seen), record, shape)
