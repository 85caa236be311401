"""`Twin`: an asset with its history, in memory."""

import logging
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from corrotwin.twin import assets, creation, export, store, twin_state
from corrotwin.twin.api import saving
from corrotwin.twin.api.asset import Asset
from corrotwin.twin.api.inspecting import TwinInspections
from corrotwin.twin.bayes import session
from corrotwin.twin.core.arguments import check_seed, checked, renaming
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import counted
from corrotwin.twin.creation import ClimateValues
from corrotwin.twin.fleets import outlook
from corrotwin.twin.forecast import result
from corrotwin.twin.forecast.pipe_design import PipeDesign
from corrotwin.twin.forecast.rates import RateBasis
from corrotwin.twin.forecast.remaining_life import Rule
from corrotwin.twin.forecast.result import Forecast
from corrotwin.twin.inspection import log, readers
from corrotwin.twin.inspection import register as registers
from corrotwin.twin.mechanisms.mechanism import Mechanism
from corrotwin.twin.view import page, surface

logger = logging.getLogger(__name__)


class Twin(TwinInspections):
    """An asset with its history: where it has stood, what protects it, and what inspections found.

    A twin lives in memory; `save` writes it into a folder that the commands and `Twin.load` read.

    Parameters
    ----------
    asset : an `Asset`; with `random` the name of a kind will do.
    name : on pages, plots and exports; by default its kind and a number drawn by the seed.
    built : date on which service began, such as "2010-05-31"; by default `years` ago.
    years : of service so far; by default those from `built` to today, and without either none.
    category : ISO 9223 corrosivity, C1 to CX.
    climate : in place of a category: mean temperature in °C, relative humidity in %, deposition of SO2 and of chloride
        in mg/(m² d).
    splash : heights in m above the lowest point, from and to, between which sea water splashes.
    debris : times as many weak spots of the paint on ledges, where dirt and water lie, 1 to 100.
    coating_life : painted: years by which most weak spots of the paint have opened.
    zinc_um : galvanised: thickness of the zinc in µm.
    bare : neither painted nor galvanised. One of these three must be given.
    mechanisms : of corrosion beside the open air, as ``corrotwin twin new --mechanism`` accepts them, such as
        ["co2 temperature_c=60 co2_bar=2"]; by default an unknown process fluid inside a pipe or vessel; [] for none.
    random : draw what is not given: place, coating and, without `built`, the years.
    seed : of the history; by default that of the asset.

    Raises
    ------
    InputError
        A value is impossible, two contradict each other, or the place or the coating is missing.
    """

    @checked(built="'2010-05-31'")
    def __init__(
        self,
        asset: Asset | str,
        /,
        *,
        name: str = "",
        built: str | date | None = None,
        years: float | None = None,
        category: str | None = None,
        climate: ClimateValues | None = None,
        splash: tuple[float, float] | None = None,
        debris: float = 1.0,
        coating_life: float | None = None,
        zinc_um: float | None = None,
        bare: bool = False,
        mechanisms: Sequence[str | Mechanism] | None = None,
        random: bool = False,
        seed: int | None = None,
    ) -> None:
        if isinstance(asset, str):
            asset = Asset(asset, seed=0 if seed is None else seed, random=random)
        drawn = asset.drawn
        if seed is not None and seed != asset.seed:
            drawn = creation.with_seed(drawn, seed)
        with renaming({"mechanism": "mechanisms"}):
            state = creation.specify(
                drawn, name=name, years=years, built=built, category=category, climate=climate, splash=splash,
                debris=debris, coating_life=coating_life, zinc_um=zinc_um, bare=bare, mechanisms=mechanisms,
                random=random,
            )  # fmt: skip
        self._begin(state)

    @staticmethod
    @checked()
    def load(folder: str | Path) -> "Twin":
        """Read a twin with its inspections from a folder.

        Parameters
        ----------
        folder : that `save` or ``corrotwin twin new`` wrote.

        Raises
        ------
        InputError
            No twin there, or it or its records are damaged.
        """
        folder = Path(folder)
        state, fields = store.load(folder)
        twin = Twin.__new__(Twin)
        twin._begin(state)
        twin._fields, twin._folder = fields, folder.absolute()
        listed = log.read_log(folder)
        known = listed.in_force
        twin._records, twin._events = list(known.values()), list(listed.events_in_force.values())
        twin._accepted = {known[line]: ruling.why for line, ruling in listed.accepted.items() if line in known}
        twin._register = registers.read(folder)
        twin._kept = {twin._folder: [saving.SavedTwin.of(state, twin._register)]}
        if listed.note:
            logger.warning(listed.note)
        shape = fields.rust_cover.shape
        for record in twin._records:
            if record.seen and record.seen not in twin._photos:
                content = readers.photo_content(folder, record)
                readers.seen_in(content, folder / record.seen, record, (shape[0], shape[1]))
                twin._photos[record.seen] = content
        return twin

    @checked()
    def save(self, folder: str | Path | None = None) -> Path:
        """Write the twin and its inspections into a folder.

        Parameters
        ----------
        folder : new or empty, or the one that this twin was saved to or loaded from, which is the default.

        Raises
        ------
        InputError
            The folder holds something else or another twin, another process is writing to it, or others have changed
            its twin or register since they were loaded or saved.
        """
        if folder is None and self._folder is None:
            raise InputError(f"{self!r}: not saved yet; give the `folder` to save it to")
        out = Path(folder) if folder is not None else self._folder
        assert out is not None  # noqa: S101  one of both is there
        saving.write(
            out, self._state, self._register, lambda: self.fields, self._kept,
            records=self._records, events=self._events, photos=self._photos,
        )  # fmt: skip
        self._folder = out.absolute()
        saving.accept(out, self._accepted)
        return out

    @checked(until="'2031-01-31'")
    def grow(
        self,
        years: float | None = None,
        *,
        until: str | date | None = None,
        category: str | None = None,
        climate: ClimateValues | None = None,
        splash: tuple[float, float] | None = None,
    ) -> "Twin":
        """Let years pass, here or at another place, and return the twin.

        Parameters
        ----------
        years : to add, at least 0.
        until : date to go on to, instead of `years`.
        category, climate, splash : of the place where it stands from now on, if another; as for `Twin`.

        Raises
        ------
        InputError
            Time would run backwards, or a value is impossible. The twin is unchanged then.
        """
        to, move = creation.growth(years=years, until=until, category=category, climate=climate, splash=splash)
        self._state = store.aged(self._state, to(self._state.clock), move=move)
        self._fields = None
        return self

    @checked(required="{'body': 6.0}")
    def forecast(
        self,
        years: float = 20.0,
        *,
        required: Mapping[str, float] = MappingProxyType({}),
        rule: Rule = "api510",
        design: PipeDesign | None = None,
        basis: RateBasis | None = None,
        chosen_by: str = "",
        category_measured: bool = False,
        seed: int = 0,
    ) -> Forecast:
        """Say what is to come, with P5, P50 and P95, from the model and all inspections.

        Parameters
        ----------
        years : to look ahead, from the twin's clock or its last inspection, whichever is later.
        required : thickness in mm that must be left, by zone; "all" for the zones not named. What the register of
            CML requires of a zone holds beside it: the greater of both.
        rule : bounds on the time until thickness is measured again: api510, api570-class1 to api570-class3.
        design : of a process pipe: the thickness by ASME B31.3 of the zones of its wall that `required` does not name;
            `corrotwin.twin.forecast.pipe_design.mawp` gives the MAWP of the forecast.
        basis, chosen_by : corrosion rate of measured places, long-term or short-term, that a person chose in place of
            the shorter life, and who.
        category_measured : the corrosivity category was measured on specimens (ISO 9226), not estimated.
        seed : of the histories.

        Raises
        ------
        InputError
            An unknown zone or rule, or a thickness that no place of the zone ever had.
        """
        check_seed(seed)
        if left_out := self.suspects:
            logger.warning(
                "%s: %s left out; Twin.suspects says why", self.id, counted(len(left_out), "suspect reading")
            )
        records, events = self._counting(left_out)
        known = session.session_of(
            self._state, records, self._seen_by, ahead_years=result.ahead_of(years), seed=seed,
            category_measured=category_measured, register=self.register, events=events,
        )  # fmt: skip
        for item in known.conflicts:
            logger.warning("%s: %s disagrees with what was known before (p = %.2g)", self.id, item.record, item.chance)
        limits = required if design is None else design.limits(known.asset, required)
        return result.make(known, years=years, required=limits, rule=rule, basis=basis, chosen_by=chosen_by)

    @checked()
    def view(self, path: str | Path, forecast: Forecast | None = None, *, units: Literal["mm", "inch"] = "mm") -> None:
        """Write a page that shows the twin in 3D over the years, its forecast and its inspections: one HTML file.

        Parameters
        ----------
        path : .html file.
        forecast : of this twin, whose years and numbers the page shows; by default 20 years, nothing required.
        units : of lengths at first; the page has a switch.

        Raises
        ------
        InputError
            The suffix is another, the forecast is not of the twin as it is now, or the file cannot be written.
        """
        page.check(Path(path), units)
        made = self._of_now(forecast)
        shown = surface.surface_history(made.known.twin, made.known.now_years, made.years[-1])
        page.write(Path(path), made, shown, units=units)

    @checked()
    def export(
        self,
        path: str | Path,
        forecast: Forecast | None = None,
        *,
        look: Literal["rust", "loss", "zones"] = "rust",
        asset_id: str = "",
    ) -> None:
        """Write the twin as a textured mesh, a table of zones, or an Asset Administration Shell (AAS).

        Parameters
        ----------
        path : file to write; its suffix chooses the format: .glb mesh, .csv table, .aasx package of a shell with the
            mesh, .json the same shell without it.
        forecast : of this twin, which a shell holds; by default 20 years, nothing required.
        look : texture of the mesh: rust as it looks, wall loss, or a colour for each zone.
        asset_id : global id of the asset, which a shell holds; by default one that follows from the twin.

        Raises
        ------
        InputError
            The suffix is another, the forecast is not of the twin as it is now, or the file cannot be written.
        """
        path = Path(path)
        export.check_suffix(path)
        is_shell = path.suffix in export.SHELLS
        if not is_shell and (forecast is not None or asset_id):
            raise InputError(f"{path}: only a shell, {' or '.join(export.SHELLS)}, has a `forecast` and an `asset_id`")
        geometry = twin_state.asset(self._state)
        texels = assets.texels(geometry)
        if not is_shell:
            export.write(path, geometry, texels, self._state, self.fields, look=look)
            return
        from corrotwin.twin.aas import package

        package.check_id(asset_id)
        made = self._of_now(forecast)
        suspects = {
            f"of {record.date} on {record.zone} {record.place}".rstrip(): why for record, why in self.suspects.items()
        }
        source = package.ShellSource(
            twin=self._state, outlook=outlook.of_forecast(made, suspects),
            name="" if self._folder is None else self._folder.name, asset_id=asset_id,
        )  # fmt: skip
        package.write(path, source, lambda: export.mesh(geometry, texels, self._state, self.fields, look=look))

    def _of_now(self, forecast: Forecast | None) -> Forecast:
        """Return a forecast of the twin as it is now: the one given, or by default one of 20 years."""
        made = self.forecast() if forecast is None else forecast
        known, counting = made.known, self._counting(self.suspects)
        if (known.twin, known.register, known.records, known.events) != (self._state, self.register, *counting):
            raise InputError(
                f"`forecast`: belongs to another twin than {self.id}, or is older than a change of its clock, records, "
                "events or register; make it again"
            )
        return made
