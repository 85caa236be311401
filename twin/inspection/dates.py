"""Days of records and events: checks, and conversion to years of service."""

import functools
from datetime import UTC, date, datetime, timedelta

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.twin_state import SECONDS_PER_YEAR, TwinState


def is_day(text: str) -> bool:
    """Return whether a text is a day such as 2016-05-31; 20160531, although ISO 8601 too, is not accepted."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except (ValueError, TypeError):
        return False


def service_years(day: str, twin: TwinState) -> float:
    """Return a day as years since a twin was built; 0 on that day, even if it was built in the afternoon."""
    years = (moment(day) - twin.built).total_seconds() / SECONDS_PER_YEAR
    return max(years, 0.0) if day == f"{twin.built:%Y-%m-%d}" else years


def check_not_yet_to_come(day: str, what: str, twin: TwinState) -> None:
    """Raise InputError if a day is after both the twin's clock and tomorrow, as other time zones may be a day ahead."""
    today = datetime.now(UTC).date()
    if day > max(today + timedelta(days=1), twin.clock.date()).isoformat():
        raise InputError(
            f"{what}: is in the future (today is {today}, the twin's clock stands at {twin.clock:%Y-%m-%d}); "
            "correct the date, or grow the twin first"
        )


@functools.lru_cache(maxsize=4096)  # a table has many readings from the same day
def moment(day: str) -> datetime:
    """Return noon of a day, UTC."""
    return datetime.strptime(day, "%Y-%m-%d").replace(hour=12, tzinfo=UTC)
