"""``corrotwin twin watch``: take readings in from a watched folder and from an MQTT broker."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_text, reading
from corrotwin.twin.core.text import counted, quoted, say, say_error

USER, PASSWORD = "CORROTWIN_MQTT_USER", "CORROTWIN_MQTT_PASSWORD"
_MOST_SETTLE_SECONDS = 3600.0


def watch(
    fleet_or_twin: Positional[Path],
    inbox: Positional[Path],
    once: bool = False,
    settle: float = 5.0,
    column_map: Annotated[Path | None, arg(name="map")] = None,
    dates: Literal["day", "month"] | None = None,
    unit: str = "",
    zone: str = "",
    tool: str = "",
    mqtt: str = "",
    topic: tuple[str, ...] = (),
    login: Path | None = None,
    tls: bool = False,
    ca: Path | None = None,
) -> None:
    """Import thickness readings as they arrive: files in a folder and optionally messages of an MQTT broker.

    Each is checked as by twin inspect --readings. Files whose readings were stored move to done/ in the folder,
    refused ones to quarantine/ with a text file that gives the reason. Stop it with Ctrl-C.

    Example: corrotwin twin watch fleet inbox, or once, from cron: corrotwin twin watch fleet inbox --once, or:
    corrotwin twin watch fleet inbox --mqtt broker.plant --topic plant/readings/+

    Parameters
    ----------
    fleet_or_twin
        folder of a twin; or a folder of twins, where a reading belongs to the twin whose folder is named after
        its asset.
    inbox
        existing folder for workbooks, CSV files, and JSON files with one reading each.
    once
        import the files that are there and stop; the exit status is 2 if any was refused.
    unit
        unit of readings that do not state one: mm, inch or mil.
    zone
        zone of readings that do not state one and whose place is unknown.
    tool
        name of the instrument for readings that do not state one.
    mqtt
        HOST or HOST:PORT of a broker whose messages are single readings in JSON; requires paho-mqtt.

    Other Parameters
    ----------------
    settle
        seconds for which a file must stay unchanged before it is read; use more for slow drives.
    column_map
        JSON file that says which column holds what, as for twin inspect.
    dates
        whether the day or the month comes first in dates such as 05/06/2016.
    topic
        topics to subscribe to; + stands for one level, a final # for all levels below.
    login
        file with two lines, user and password; by default CORROTWIN_MQTT_USER and CORROTWIN_MQTT_PASSWORD, if
        they are set.
    tls
        connect with TLS, on port 8883 unless another is given.
    ca
        certificate (PEM) of the authority that signed the broker's certificate, instead of those of the system;
        implies --tls.
    """
    from corrotwin.twin.incoming.inbox import Inbox
    from corrotwin.twin.incoming.known_twins import known_twins
    from corrotwin.twin.incoming.mqtt import Broker, address_of
    from corrotwin.twin.incoming.storing import Intent
    from corrotwin.twin.incoming.watch import Watch
    from corrotwin.twin.workbooks.columns import ColumnMap, read_map, unit_of

    if not 0 <= settle <= _MOST_SETTLE_SECONDS:
        raise InputError(f"--settle {settle}: give 0 to {_MOST_SETTLE_SECONDS:g} seconds")
    if unit and not unit_of(unit):
        raise InputError(f"--unit {unit}: give mm, inch or mil")
    if not mqtt and (topic or login or tls or ca):
        raise InputError("watch: --topic, --login, --tls and --ca require --mqtt")
    twins = known_twins(fleet_or_twin)
    given = ColumnMap() if column_map is None else read_map(column_map)
    intent = Intent(
        twins=twins, given=given if dates is None else replace(given, dates=dates), unit=unit, zone=zone, tool=tool,
    )  # fmt: skip
    user, password = _login(login) if mqtt else ("", "")
    address = address_of(mqtt, topic, user=user, password=password, tls=tls, ca=ca) if mqtt else None
    folder = Inbox(inbox, settle_seconds=settle)
    if inbox.resolve() in {path.resolve() for path in (fleet_or_twin, *twins.folders)}:
        raise InputError(f"{inbox}: holds twins; choose a separate folder for incoming files")
    if address is not None and address.password and not (address.tls or address.host in ("localhost", "127.0.0.1")):
        say_error(f"broker {address}: the password is sent unencrypted; --tls encrypts it")
    with folder.held():
        broker = None if address is None else Broker(address, folder.state)
        watched = Watch(intent, folder, broker)
        try:
            if once:
                watched.once()
                return
            say(f"{inbox}: watching for readings of {counted(len(twins.folders), 'twin')}; press Ctrl-C to stop")
            watched.forever()
        finally:
            if broker is not None:
                broker.close()


def _login(path: Path | None) -> tuple[str, str]:
    """Return user and password: from a file of two lines, or from the environment; empty where neither has them."""
    if path is None:
        return os.environ.get(USER, ""), os.environ.get(PASSWORD, "")
    with reading(path):
        try:
            lines = read_text(path, most_bytes=4096).splitlines()
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: is not in UTF-8; give two lines, user and password") from error
    if len(lines) != 2 or not all(lines):
        raise InputError(f"{path}: give two lines, user and password")
    if path.stat().st_mode & 0o077:
        say_error(f"{path}: others can read it; protect it with chmod 600 {quoted(path)}")
    return lines[0], lines[1]
