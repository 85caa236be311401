"""Thickness in the unit that a reader prefers: mm or inch."""

from dataclasses import dataclass
from typing import Literal

from corrotwin.twin.inspection.records import UNITS_MM

Unit = Literal["mm", "inch"]


@dataclass(frozen=True, kw_only=True)
class ThicknessUnit:
    """A unit of thickness, and the number of decimals shown."""

    name: Unit
    digits: int

    def of(self, mm: float | None) -> float | None:
        """Return a thickness in this unit; None stays None."""
        return None if mm is None else mm / UNITS_MM[self.name]

    def text(self, mm: float | None, *, more: int = 0) -> str:
        """Return a thickness as text, with `more` further decimals; a dash for None."""
        value = self.of(mm)
        return "–" if value is None else f"{value:.{self.digits + more}f}"


UNITS: dict[Unit, ThicknessUnit] = {
    "mm": ThicknessUnit(name="mm", digits=2), "inch": ThicknessUnit(name="inch", digits=3)
}  # fmt: skip
