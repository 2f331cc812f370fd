"""Turns what was posted or sent into checked values: the same rules for browser and API."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from engine.errors import InvalidInput
from engine.forms import messages
from engine.forms.conditions import find_hidden, offered_options
from engine.forms.model import Form, FormField
from engine.forms.patterns import matches
from engine.local_time import read_date, read_moment
from engine.texts import find_unreadable

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]{1,63}(?:\.[^@\s.]{1,63}){1,8}")
_PHONE = re.compile(r"\+?[0-9 ()/-]{4,30}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,16}(?:\.[0-9]{0,12})?|\.[0-9]{1,12})")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")


class Posted(Protocol):
    """What a posted form offers: all texts given for a name (werkzeug's MultiDict does)."""

    def getlist(self, key: str) -> list[str]:
        """Give the texts posted under a name, an empty list when there are none."""


class _Wrong(Exception):
    """A value that cannot be taken; the message is for the person who typed it."""


def coerce(
    form: Form,
    posted: Posted,
    data: Mapping[str, Any] | None = None,
    *,
    zone: str = "UTC",
    now: datetime | None = None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Turn a posted form into JSON values and error messages by key.

    Values that are in order are given even when others are not. Optional fields left empty give
    null (or an empty list), hidden, read-only and disabled ones give nothing. `data` is what the
    task knows (for conditions and answers), `zone` the IANA zone that typed times are meant in;
    `now` (an aware moment, the clock's by default) is what "not in the past" is measured by.
    """
    known, at = data or {}, (now or datetime.now(UTC)).astimezone(ZoneInfo(zone))
    typed: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    asked = [field for field in form.fields if not field.readonly and not field.disabled]
    for field in asked:
        try:
            typed[field.key] = _read_posted(field, posted.getlist(field.key), known, zone)
        except _Wrong as error:
            wrong[field.key] = str(error)
    hidden = find_hidden(form, _carried(form, known) | typed, known)
    values, errors = {}, {}
    for field in asked:
        if field.key in hidden:
            continue
        if field.key in wrong:
            errors[field.key] = wrong[field.key]
        elif problem := _find_problem(field, typed[field.key], known, at):
            errors[field.key] = problem
        else:
            values[field.key] = typed[field.key]
    return values, errors


def validate_json(
    form: Form,
    sent: Any,
    data: Mapping[str, Any] | None = None,
    *,
    zone: str = "UTC",
    now: datetime | None = None,
) -> dict[str, Any]:
    """Check a JSON object sent for a form and give its values; the API's counterpart of `coerce`.

    Raises `InvalidInput` with a message for every field in `fields`: wrong types, broken rules,
    missing ones, undeclared ones and values for fields that are hidden or cannot be changed.
    """
    if not isinstance(sent, Mapping):
        raise InvalidInput("The values of a form must be a JSON object.")
    known, at = data or {}, (now or datetime.now(UTC)).astimezone(ZoneInfo(zone))
    errors = {str(key): "This form has no such field" for key in sent if key not in form.keys}
    hidden = find_hidden(form, _carried(form, known) | dict(sent), known)
    values: dict[str, Any] = {}
    for field in form.fields:
        value = sent.get(field.key)
        problem = _find_json_problem(field, value, field.key in hidden, known, at)
        if problem:
            errors[field.key] = problem
        elif field.key in sent and field.key not in hidden:
            values[field.key] = _normalize(field, value)
    if errors:
        first = next(iter(errors))
        raise InvalidInput(f"{first}: {errors[first]}.", fields=errors)
    return values


def _carried(form: Form, known: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the data already holds for fields that this person cannot change."""
    return {
        field.key: known.get(field.key) for field in form.fields if field.readonly or field.disabled
    }


def _normalize(field: FormField, value: Any) -> Any:
    if field.kind == "checkbox":
        return value is True
    return list(value) if field.is_list and value is not None else value


def _read_posted(field: FormField, texts: list[str], data: Mapping[str, Any], zone: str) -> Any:
    """Turn the posted texts of one field into a JSON value of its type, null when empty."""
    if field.kind == "checkbox":
        return bool(texts) and texts[-1] not in {"", "false", "off"}
    if field.options or field.options_from:
        by_text = {str(option.value): option.value for option in offered_options(field, data)}
        chosen = [by_text.get(text, text) for text in dict.fromkeys(texts) if text]
        return chosen if field.is_list else (chosen[0] if chosen else None)
    text = texts[0] if texts else ""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.rstrip() if field.kind == "textarea" else text.strip()
    if not text:
        return [] if field.is_list else None
    reader = _READERS.get(field.kind)
    return reader(field, text, zone) if reader else text


def _read_number(field: FormField, text: str, zone: str) -> int | float | str:
    compact = text.replace(" ", "").replace("\u00a0", "").replace("\u202f", "")
    compact = compact.replace(",", "") if _GROUPED.fullmatch(compact) else compact
    number = Decimal(compact) if _NUMBER.fullmatch(compact) else None
    if number is None or abs(number) >= 2**53:
        raise _Wrong(f"{messages.subject(field)} must be a number")
    if field.as_text:
        return format(number, "f")
    return int(number) if number == number.to_integral_value() else float(number)


def _read_moment(field: FormField, text: str, zone: str) -> str:
    try:
        if field.format == "date":
            return read_date(text, field.key).isoformat()
        moment = read_moment(text, zone, field.key)
    except InvalidInput as error:
        if "does not exist" in error.message:
            raise _Wrong(error.message.rstrip(".")) from None
        raise _Wrong(_moment_message(field)) from None
    return moment.astimezone(ZoneInfo(zone)).isoformat(timespec="minutes")


_READERS: dict[str, Callable[[FormField, str, str], Any]] = {
    "number": _read_number,
    "datetime": _read_moment,
}


def _moment_message(field: FormField) -> str:
    if field.format == "date":
        return f"{messages.subject(field)} must be a date, like 2027-01-18"
    return f"{messages.subject(field)} must be a date and time, like 2027-01-18T22:00"


def _find_json_problem(
    field: FormField, value: Any, hidden: bool, data: Mapping[str, Any], now: datetime
) -> str:
    if hidden:
        return "" if value is None or value == [] else "This field does not apply here"
    if field.readonly or field.disabled:
        same = value is None or value == data.get(field.key)
        return "" if same else f"{messages.subject(field)} cannot be changed here"
    return _find_problem(field, value, data, now)


def _find_problem(field: FormField, value: Any, data: Mapping[str, Any], now: datetime) -> str:
    """Say what is wrong with the JSON value of a shown field; empty when nothing is."""
    if field.kind == "checkbox":
        if value is not None and not isinstance(value, bool):
            return f"{messages.subject(field)} must be true or false"
        return messages.ask(field) if field.required and value is not True else ""
    if value is None or value == "" or (field.is_list and value == []):
        return messages.ask(field) if field.required else ""
    check = _CHECKS.get(field.kind, _check_choice)
    return check(field, value, data, now)


def _check_text(field: FormField, value: Any, data: Mapping[str, Any], now: datetime) -> str:
    if not isinstance(value, str):
        return f"{messages.subject(field)} must be a text"
    if field.required and not value.strip():
        return messages.ask(field)
    if said := find_unreadable(value):
        return f"{messages.subject(field)}: {said.removesuffix('.')}"
    if field.maximum_length is not None and len(value) > field.maximum_length:
        return messages.too_long(field, len(value))
    if field.minimum_length is not None and len(value) < field.minimum_length:
        return messages.too_short(field)
    if field.kind == "textfield" and "\n" in value:
        return f"{messages.subject(field)} must be one line"
    return _check_format(field, value)


def _check_format(field: FormField, value: str) -> str:
    if field.format == "email" and not _EMAIL.fullmatch(value):
        return f"{messages.subject(field)} must be an email address, like name@example.com"
    if field.format == "phone" and not _PHONE.fullmatch(value):
        return f"{messages.subject(field)} must be a telephone number, like +49 30 901820"
    if field.pattern and not matches(field.pattern, value):
        return field.pattern_message or f"{messages.subject(field)} is not in the right format"
    return ""


def _check_number(field: FormField, value: Any, data: Mapping[str, Any], now: datetime) -> str:
    number = _as_decimal(field, value)
    if number is None:
        return f"{messages.subject(field)} must be a number"
    places = -int(number.normalize().as_tuple().exponent)
    if field.decimals == 0 and places > 0:
        return f"{messages.subject(field)} must be a whole number"
    if field.decimals is not None and places > field.decimals:
        return f"{messages.subject(field)} must have at most {field.decimals} decimals"
    low, high = field.minimum, field.maximum
    if (low is not None and number < Decimal(str(low))) or (
        high is not None and number > Decimal(str(high))
    ):
        return messages.bounds(field)
    return ""


def _as_decimal(field: FormField, value: Any) -> Decimal | None:
    if field.as_text and isinstance(value, str):
        return Decimal(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or field.as_text:
        return None
    return Decimal(str(value)) if math.isfinite(value) else None


def _check_moment(field: FormField, value: Any, data: Mapping[str, Any], now: datetime) -> str:
    if not isinstance(value, str):
        return _moment_message(field)
    try:
        if field.format == "date":
            past = read_date(value, field.key) < now.date()
        else:
            if datetime.fromisoformat(value).tzinfo is None:
                return f"{messages.subject(field)} must have an offset, like 2027-01-18T22:00+01:00"
            past = read_moment(value, "UTC", field.key) < now
    except (InvalidInput, ValueError):
        return _moment_message(field)
    if field.not_past and past:
        when = "today or later" if field.format == "date" else "in the future"
        return f"{messages.subject(field)} must be {when}"
    return ""


def _check_choice(field: FormField, value: Any, data: Mapping[str, Any], now: datetime) -> str:
    offered = {_typed(option.value) for option in offered_options(field, data)}
    if not field.is_list:
        return "" if _typed(value) in offered else _not_offered(field)
    if not isinstance(value, list):
        return f"{messages.subject(field)} must be a list"
    given = [_typed(item) for item in value]
    if len(set(given)) != len(given):
        return f"{messages.subject(field)} names an answer twice"
    return "" if offered.issuperset(given) else _not_offered(field)


def _typed(value: Any) -> tuple[str, str]:
    """Tell 1 from true and from "1", which Python's own comparison does not always do."""
    kind = "number" if isinstance(value, int | float) and not isinstance(value, bool) else ""
    return kind or type(value).__name__, repr(value) if kind != "number" else repr(float(value))


def _not_offered(field: FormField) -> str:
    return f"{messages.subject(field)} must be one of the offered answers"


_CHECKS: dict[str, Callable[[FormField, Any, Mapping[str, Any], datetime], str]] = {
    "textfield": _check_text,
    "textarea": _check_text,
    "number": _check_number,
    "datetime": _check_moment,
}
