"""`fleet`: many twins ranked by urgency."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from corrotwin.twin.core.arguments import checked, renaming
from corrotwin.twin.fleets.fleet import FleetMember, check_consequences, members, ranked, twins_in, with_consequences
from corrotwin.twin.fleets.making import OutlookSettings, check_zones
from corrotwin.twin.forecast.remaining_life import Rule


@checked(required="{'all': 5.0}")
def fleet(
    folder: str | Path,
    *,
    years: float = 10.0,
    required: Mapping[str, float] = MappingProxyType({}),
    rule: Rule = "api510",
    consequences: Mapping[str, float] | None = None,
    category_measured: bool = False,
    seed: int = 0,
    workers: int = 1,
) -> list[FleetMember]:
    """Rank the twins below a folder by the chance that some place is thinner than required.

    Each has its outlook, with chances, remaining life, dates and what to do; or the reason why it has none. What was
    found is kept in the folder of each twin.

    Parameters
    ----------
    folder : that holds the folders of twins, at any depth.
    years : to look ahead.
    required : thickness in mm that must be left, by zone; "all" for the zones not named. If the register of a twin
        requires more of a zone, that counts.
    rule : bounds on the time until thickness is measured again.
    consequences : of the failure of twins by their names, by which the chance is multiplied.
    category_measured : the corrosivity category was measured on specimens (ISO 9226), not estimated.
    seed : of the histories.
    workers : processes; more than 1 need ``if __name__ == "__main__":`` in a script.

    Raises
    ------
    InputError
        There is no twin below the folder, a consequence is impossible or of a twin that is not there, or a requirement
        of a zone that no twin has.
    WorkError
        A process was killed.
    """
    settings = OutlookSettings.of(years, required, rule, category_measured=category_measured, seed=seed)
    home = Path(folder)
    twins = twins_in(home)
    check_zones(twins, settings)
    with renaming({"consequence": "consequences"}):
        check_consequences(home, twins, consequences or {})
    found = list(members(home, twins, settings, workers=workers))
    return ranked(found if not consequences else with_consequences(found, consequences))
