"""Conversion functions (DMN 1.5, table 74) and `not`."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from engine.feel.builtins.registry import built_in
from engine.feel.civil import is_date
from engine.feel.errors import FeelSyntaxError
from engine.feel.limits import Meter
from engine.feel.literals import write_display, write_number
from engine.feel.operators import make_one_sided_range
from engine.feel.operators import make_range as join_endpoints
from engine.feel.parser import Parser
from engine.feel.syntax import Call, Literal, Name, Node, RangeLiteral
from engine.feel.temporal import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    DayTimeDuration,
    Duration,
    FeelDate,
    FeelDateTime,
    FeelTime,
    Temporal,
    YearMonthDuration,
    Zone,
    at_midnight,
    datetime_of_instant,
)
from engine.feel.temporal_text import (
    read_date,
    read_datetime,
    read_duration,
    read_time,
    write_temporal,
)
from engine.feel.values import DECIMAL128, Value, calculate, whole_number

_NUMERAL = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_GROUPING = (" ", ",", ".")
_LARGEST_OFFSET = 18 * HOUR
READ_STEPS = 20
"""What it costs to read a date or time from text, and to find its zone."""


@built_in("date", "from: string|date|datetime")
def make_date(meter: Meter, source: str | FeelDate | FeelDateTime) -> Value:
    """Return the date of a text, or of a date and time."""
    if isinstance(source, str):
        meter.charge(READ_STEPS)
        return read_date(source)
    return source.date if isinstance(source, FeelDateTime) else source


@built_in("date", "year: number, month: number, day: number")
def make_date_of_parts(meter: Meter, year: Decimal, month: Decimal, day: Decimal) -> Value:
    """Return the date of three numbers; null for a day that does not exist."""
    parts = whole_number(year), whole_number(month), whole_number(day)
    if None in parts or not is_date(*parts):  # type: ignore[arg-type]
        return None
    return FeelDate(*parts)  # type: ignore[arg-type]


@built_in("time", "from: string|time|datetime|date")
def make_time(meter: Meter, source: str | Temporal) -> Value:
    """Return the time of a text, or of a date and time; a date gives midnight UTC."""
    if isinstance(source, str):
        meter.charge(READ_STEPS)
        return read_time(source)
    if isinstance(source, FeelDate):
        return FeelTime(0, Zone())
    return source.time if isinstance(source, FeelDateTime) else source


@built_in("time", "hour: number, minute: number, second: number, offset?")
def make_time_of_parts(
    meter: Meter, hour: Decimal, minute: Decimal, second: Decimal, offset: Value = None
) -> Value:
    """Return the time of numbers and an offset from UTC as a days and time duration."""
    hours, minutes = whole_number(hour), whole_number(minute)
    if hours is None or minutes is None or not 0 <= hours < 24 or not 0 <= minutes < 60:
        return None
    if not 0 <= second < 60:
        return None
    zone = None
    if offset is not None:
        if not isinstance(offset, DayTimeDuration) or abs(offset.nanoseconds) > _LARGEST_OFFSET:
            return None
        zone = Zone(int(offset.nanoseconds / SECOND))
    clock = hours * HOUR + minutes * MINUTE + int(DECIMAL128.multiply(second, Decimal(SECOND)))
    return FeelTime(clock, zone)


@built_in("date and time", "from: string|date|datetime")
def make_datetime(meter: Meter, source: str | FeelDate | FeelDateTime) -> Value:
    """Return the date and time of a text; a date gives its midnight."""
    if isinstance(source, str):
        meter.charge(READ_STEPS)
        return read_datetime(source)
    return at_midnight(source) if isinstance(source, FeelDate) else source


@built_in("date and time", "date: date|datetime, time: time")
def join_date_and_time(meter: Meter, date: FeelDate | FeelDateTime, time: FeelTime) -> Value:
    """Return the date and time of both."""
    return FeelDateTime(date.date if isinstance(date, FeelDateTime) else date, time)


@built_in("date and time", "date and time: datetime, timezone: string")
@built_in("date and time", "date: datetime, timezone: string")
def move_to_zone(meter: Meter, moment: FeelDateTime, timezone: str) -> Value:
    """Return the same instant in another zone, named as in `@Europe/Paris` or `+02:00`."""
    meter.charge(READ_STEPS)
    sample = read_time("00:00:00@" + timezone) or read_time("00:00:00" + timezone)
    if sample is None or sample.zone is None or moment.time.zone is None:
        return None
    return datetime_of_instant(moment.instant(), sample.zone)


@built_in("duration", "from: string|duration")
def make_duration(meter: Meter, source: str | Duration) -> Value:
    """Return the duration of a text such as `P1DT2H` or `P1Y6M`."""
    if not isinstance(source, str):
        return source
    meter.charge(READ_STEPS)
    return read_duration(source)


@built_in("years and months duration", "from: date|datetime, to: date|datetime")
def months_between(
    meter: Meter, start: FeelDate | FeelDateTime, end: FeelDate | FeelDateTime
) -> Value:
    """Return the whole months from one date to another, negative when it is the earlier."""
    first, last = _month_place(start), _month_place(end)
    if first <= last:
        return YearMonthDuration(_whole_months(first, last))
    return YearMonthDuration(-_whole_months(last, first))


def _month_place(value: FeelDate | FeelDateTime) -> tuple[int, int]:
    """Return the number of the month and the nanoseconds into it."""
    date = value.date if isinstance(value, FeelDateTime) else value
    clock = value.time.nanoseconds if isinstance(value, FeelDateTime) else 0
    return date.year * 12 + date.month, date.day * DAY + clock


def _whole_months(first: tuple[int, int], last: tuple[int, int]) -> int:
    return last[0] - first[0] - (last[1] < first[1])


@built_in("number", "from: string|number")
@built_in("number", "from: string, grouping separator, decimal separator")
@built_in("number", "from: string, grouping separator")
def make_number(
    meter: Meter, source: str | Decimal, grouping: Value = None, point: Value = None
) -> Value:
    """Return the number of a text; null separators mean none and a dot."""
    if isinstance(source, Decimal):
        return source
    if grouping not in (*_GROUPING, None) or point not in (".", ",", None):
        return None
    if grouping is not None and grouping == (point or "."):
        return None
    meter.charge_text(len(source))
    if grouping is not None:
        source = source.replace(grouping, "")
    if point == ",":
        if "." in source:
            return None
        source = source.replace(",", ".")
    if len(source) > 1_000 or not _NUMERAL.fullmatch(source):
        return None
    return calculate(DECIMAL128.create_decimal, source)


@built_in("string", "from")
def make_string(meter: Meter, value: Value) -> Value:
    """Return the text of a value; a text as it is, null as null."""
    if value is None:
        return None
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is Decimal:
        return write_number(value)
    if isinstance(value, FeelDate | FeelTime | FeelDateTime | DayTimeDuration | YearMonthDuration):
        return write_temporal(value)
    return write_display(meter, value)


@built_in("range", "from: string")
def make_range(meter: Meter, source: str) -> Value:
    """Return the range of a text such as `[1..3]`, `(1..)` or `>= 1` whose endpoints are literals.

    A side without an endpoint is open, so `[..3]` gives null as DMN 1.5 has it.
    """
    try:
        tree = Parser(_one_sided(source)).parse_whole()
    except FeelSyntaxError:
        return None
    if not isinstance(tree, RangeLiteral):
        return None
    if tree.high is None and tree.low is not None:
        low = _read_endpoint(meter, tree.low)
        return make_one_sided_range(low, above=True, included=tree.low_included)
    high = _read_endpoint(meter, tree.high) if tree.high is not None else None
    if tree.low is None:
        return make_one_sided_range(high, above=False, included=tree.high_included)
    low = _read_endpoint(meter, tree.low)
    return join_endpoints(low, high, tree.low_included, tree.high_included)


_NO_START = re.compile(r"\s*[(\]]\s*\.\.(.+)([\])\[])\s*", re.DOTALL)
_NO_END = re.compile(r"\s*([\[(\]])(.+)\.\.\s*[)\[]\s*", re.DOTALL)


def _one_sided(source: str) -> str:
    """Return a range without one endpoint as `(> 1)`, as FEEL writes it; others as they are."""
    if source.lstrip()[:1] in ("<", ">"):
        return f"({source})"
    if found := _NO_START.fullmatch(source):
        return f"({'<=' if found[2] == ']' else '<'}{found[1]})"
    if found := _NO_END.fullmatch(source):
        return f"({'>=' if found[1] == '[' else '>'}{found[2]})"
    return source


def _read_endpoint(meter: Meter, node: Node) -> Value:
    """Return the value of a literal or of a call such as `date("2027-01-18")`, else null."""
    if isinstance(node, Literal):
        return node.value
    if not isinstance(node, Call) or not isinstance(node.function, Name) or node.names:
        return None
    name, arguments = node.function.text, node.arguments
    if name == "date and time" and len(arguments) == 2:
        day, time = (_read_endpoint(meter, argument) for argument in arguments)
        is_both = isinstance(day, FeelDate) and isinstance(time, FeelTime)
        return join_date_and_time(meter, day, time) if is_both else None
    make = _LITERAL_FUNCTIONS.get(name)
    texts = [part.value for part in arguments if isinstance(part, Literal)]
    if make is None or len(texts) != 1 or len(arguments) != 1 or type(texts[0]) is not str:
        return None
    return make(meter, texts[0])


_LITERAL_FUNCTIONS: dict[str, Callable[[Meter, str], Value]] = {
    "date": make_date,
    "time": make_time,
    "date and time": make_datetime,
    "duration": make_duration,
}


@built_in("not", "negand")
def negate_boolean(meter: Meter, value: Value) -> Value:
    """Return the opposite of a boolean, null of anything else."""
    return (not value) if type(value) is bool else None
