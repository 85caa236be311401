"""Dates as people write them; the whole column decides whether day or month comes first."""

import datetime
import re
from collections.abc import Iterable
from typing import Literal

from corrotwin.twin.workbooks.sheets import Value

Order = Literal["day", "month"]

_TIME = r"(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AP]M|Z|[+-]\d{2}:?\d{2})?)?"
_ISO = re.compile(rf"(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}}){_TIME}", re.IGNORECASE)
_LOCAL = re.compile(rf"(\d{{1,2}})([-/. ])(\d{{1,2}})\2(\d{{4}}){_TIME}", re.IGNORECASE)
_NAMED = (
    "%d-%b-%Y",
    "%d %b %Y",
    "%d. %b %Y",
    "%d %B %Y",
    "%d. %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%b %d %Y",
    "%d-%B-%Y",
)
_EARLIEST = 1900


def order_of(values: Iterable[Value]) -> Order | None:
    """Return which comes first in the days of a column: None where each could be read either way.

    Points are of countries that put the day first.

    Raises
    ------
    TwoOrdersError
        Some can only be read the one way, some only the other.
    TwoKindsError
        Texts that say an order stand beside cells that are days, all of them possibly read in the other order.
    """
    found: dict[Order, str] = {}
    values = list(values)
    for value in values:
        if not isinstance(value, str) or not (match := _LOCAL.fullmatch(value)):
            continue
        first, second = int(match[1]), int(match[3])
        if match[2] == "." or (first > 12 >= second):
            found.setdefault("day", value)
        elif second > 12 >= first:
            found.setdefault("month", value)
    if len(found) == 2:
        raise TwoOrdersError(*found.values())
    cells = [value for value in values if isinstance(value, datetime.date)]
    if found and cells and all(cell.day <= 12 for cell in cells):
        raise TwoKindsError(next(iter(found.values())), cells[0])
    return next(iter(found), None)


class TwoOrdersError(Exception):
    """Days of a column are written in two orders; its arguments are one of each."""


class TwoKindsError(Exception):
    """Some days are text that a spreadsheet did not take for days, the others may be read by the wrong order.

    So does a spreadsheet that puts the month first read days that were written day first: what can be a month becomes
    one, the rest stays text. Its arguments are one of each.
    """


class AmbiguousDayError(Exception):
    """A day could be either of two."""


def day_of(value: Value, order: Order | None) -> datetime.date:
    """Return the day of a cell.

    Raises
    ------
    ValueError
        It is none.
    AmbiguousDayError
        It could be either of two, and `order` does not tell.
    """
    if isinstance(value, datetime.date):
        return _plausible(value)
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a day")
    if match := _ISO.fullmatch(value):
        return _plausible(datetime.date(int(match[1]), int(match[2]), int(match[3])))
    if match := _LOCAL.fullmatch(value):
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        if order is None and match[2] != "." and first != second and max(first, second) <= 12:
            raise AmbiguousDayError
        day, month = (second, first) if order == "month" or (order is None and second > 12) else (first, second)
        return _plausible(datetime.date(year, month, day))
    for pattern in _NAMED:
        try:
            return _plausible(datetime.datetime.strptime(value, pattern).date())
        except ValueError:
            continue
    raise ValueError(f"{value!r} is not a day")


def _plausible(day: datetime.date) -> datetime.date:
    if not _EARLIEST <= day.year < 2200:
        raise ValueError(f"{day} is not a day of an inspection")
    return day
