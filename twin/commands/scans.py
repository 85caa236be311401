"""``corrotwin twin scan``: a scan grid of thickness as readings of one visit."""

from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from corrotwin.twin.commands.inspections import store_records
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import counted, say


def scan(
    folder: Positional[Path],
    file: Positional[Path],
    place: str,
    date: str,
    tool: str,
    unit: Literal["mm", "inch", "mil"],
    zone: str = "",
    dry_run: bool = False,
    category_measured: bool = False,
    seed: int = 0,
) -> None:
    """Import a C-scan of thickness as readings of one visit: the minimum of each of at most 6 x 6 blocks.

    Remove false echoes first: the minimum of a block counts, as the codes prescribe for a CML.

    Example: corrotwin twin scan spool cscan.csv --place S-1 --zone body --date 2020-05-31 --tool PAUT-2 --unit mm

    Parameters
    ----------
    folder
        folder of the twin.
    file
        CSV file or workbook: a matrix, with or without its axes, or rows of x, y and thickness; empty cells and
        0 mean not measured.
    place
        name of the scanned area; its blocks are named PLACE/A1, PLACE/A2 ... by rows A to F and columns 1 to 6.
    date
        date of the scan, such as 2020-05-31.
    tool
        name of the instrument; readings by one instrument on one day share an unknown bias.
    unit
        unit of the values.
    zone
        zone that was scanned; by default that of the CML of this name in the twin's register.
    dry_run
        print what would be stored, and stop.
    category_measured
        the corrosivity category was measured on specimens (ISO 9226) rather than estimated; give this option to
        forecast as well.
    seed
        random seed of the update that compares new records with earlier ones.
    """
    from corrotwin.twin import store, twin_state
    from corrotwin.twin.core.arguments import check_seed
    from corrotwin.twin.inspection import log
    from corrotwin.twin.inspection import register as registers
    from corrotwin.twin.workbooks.readings import check_units
    from corrotwin.twin.workbooks.scans import read_scan, records_of_scan

    check_seed(seed)
    twin, register = store.read(folder), registers.read(folder)
    cml = register.find(place)
    if register and cml is None:
        raise InputError(f"--place {place}: is not in the twin's register of CML; add it with corrotwin twin register")
    if not zone and cml is None:
        raise InputError("scan: give --zone; corrotwin twin show lists the zones")
    if cml is not None and zone not in ("", cml.zone):
        raise InputError(f"--zone {zone}: the register has {cml.id} on {cml.zone}; correct one of them")
    found = read_scan(file, unit)
    records = records_of_scan(
        found, place=place, zone=zone or (cml.zone if cml else ""), date=date, tool=tool, source=f"{file}"
    )
    check_units(records, twin_state.asset(twin))
    say(found.summary)
    if dry_run:
        new = log.would_add(folder, records)
        for record in new:
            say(f"{record.place}: {record.value:.2f} mm")
        say(f"would store {len(new)} of {counted(len(records), 'reading')}; nothing was stored")
        return
    store_records(folder, records, b"", "", seed=seed, category_measured=category_measured)
