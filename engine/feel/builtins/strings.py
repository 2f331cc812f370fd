"""String functions (DMN 1.5, table 76); patterns run on a matcher of our own with a step budget."""

from __future__ import annotations

from decimal import Decimal

from engine.feel.builtins.registry import built_in
from engine.feel.limits import Meter
from engine.feel.patterns import find_all, find_first, replace_all
from engine.feel.values import Value, number, whole_number


@built_in("substring", "string: string, start position: number, length?: number")
def substring(meter: Meter, text: str, start: Decimal, length: Decimal | None = None) -> Value:
    """Return a part of the text; positions count from 1, or from -1 at the end."""
    place = whole_number(start)
    if place is None or place == 0 or abs(place) > len(text):
        return None
    first = place - 1 if place > 0 else len(text) + place
    if length is None:
        return text[first:]
    count = whole_number(length.to_integral_value("ROUND_DOWN"))
    return None if count is None or count < 1 else text[first : first + count]


@built_in("string length", "string: string")
def string_length(meter: Meter, text: str) -> Value:
    """Return the number of characters (code points)."""
    return number(len(text))


@built_in("upper case", "string: string")
def upper_case(meter: Meter, text: str) -> Value:
    """Return the text in capitals."""
    meter.charge_text(len(text))
    return text.upper()


@built_in("lower case", "string: string")
def lower_case(meter: Meter, text: str) -> Value:
    """Return the text in small letters."""
    meter.charge_text(len(text))
    return text.lower()


@built_in("substring before", "string: string, match: string")
def substring_before(meter: Meter, text: str, match: str) -> Value:
    """Return what stands before the first match; nothing when there is none."""
    meter.charge_text(len(text))
    before, found, _ = text.partition(match) if match else ("", "", "")
    return before if found else ""


@built_in("substring after", "string: string, match: string")
def substring_after(meter: Meter, text: str, match: str) -> Value:
    """Return what stands after the first match; nothing when there is none."""
    meter.charge_text(len(text))
    return text.partition(match)[2] if match else text


@built_in("contains", "string: string, match: string")
def contains_text(meter: Meter, text: str, match: str) -> Value:
    """Tell whether the text holds the match."""
    meter.charge_text(len(text))
    return match in text


@built_in("starts with", "string: string, match: string")
def starts_with(meter: Meter, text: str, match: str) -> Value:
    """Tell whether the text begins with the match."""
    return text.startswith(match)


@built_in("ends with", "string: string, match: string")
def ends_with(meter: Meter, text: str, match: str) -> Value:
    """Tell whether the text ends with the match."""
    return text.endswith(match)


@built_in("matches", "input: string, pattern: string, flags?: string")
def matches_pattern(meter: Meter, text: str, pattern: str, flags: str | None = None) -> Value:
    """Tell whether the pattern is found in the text; null for a pattern that is not one."""
    found = find_first(meter, text, pattern, flags or "")
    return None if found is None else found is not False


@built_in("replace", "input: string, pattern: string, replacement: string, flags?: string")
def replace_pattern(
    meter: Meter, text: str, pattern: str, replacement: str, flags: str | None = None
) -> Value:
    """Replace every match; `$1` stands for the first group (XPath `fn:replace`)."""
    return replace_all(meter, text, pattern, replacement, flags or "")


@built_in("split", "string: string, delimiter: string")
def split_text(meter: Meter, text: str, delimiter: str) -> Value:
    """Split the text at every match of a pattern."""
    found = find_all(meter, text, delimiter, "")
    if found is None:
        return None
    meter.charge_items(len(found))
    meter.charge_text(len(text))
    parts, start = [], 0
    for first, last in found:
        if last > first:
            parts.append(text[start:first])
            start = last
    return [*parts, text[start:]]


@built_in("string join", "list: list, delimiter?")
@built_in("string join", "list: list, delimiter, prefix, suffix")
def join_texts(
    meter: Meter,
    items: list[Value],
    delimiter: Value = None,
    prefix: Value = None,
    suffix: Value = None,
) -> Value:
    """Join texts with a delimiter between; nulls are left out, other kinds give null."""
    texts = [item for item in items if item is not None]
    ends = [part for part in (delimiter, prefix, suffix) if part is not None]
    if not all(type(text) is str for text in (*texts, *ends)):
        return None
    between = delimiter or ""
    size = sum(map(len, texts)) + len(between) * len(texts)
    meter.charge_text(size + sum(map(len, ends)))
    return (prefix or "") + between.join(texts) + (suffix or "")
