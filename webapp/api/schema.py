"""JSON Schema in few words, and rows of tables as the JSON that a schema describes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from jsonschema import FormatChecker

from models.vocabulary import Word

Schema = dict[str, Any]

#: What `format` means here; what the library itself takes varies with what is installed.
FORMATS = FormatChecker(())
MAXIMUM_TEXT = 20_000


def text(description: str = "", *, maximum: int = MAXIMUM_TEXT, minimum: int = 0) -> Schema:
    """Give the schema of a text."""
    schema: Schema = {"type": "string", "maxLength": maximum}
    if minimum:
        schema["minLength"] = minimum
    return _described(schema, description)


def whole(
    description: str = "", *, minimum: int | None = None, maximum: int | None = None
) -> Schema:
    """Give the schema of a whole number."""
    schema: Schema = {"type": "integer"}
    if minimum is not None:
        schema["minimum"] = minimum
    if maximum is not None:
        schema["maximum"] = maximum
    return _described(schema, description)


def flag(description: str = "") -> Schema:
    """Give the schema of a truth value."""
    return _described({"type": "boolean"}, description)


def instant(description: str = "") -> Schema:
    """Give the schema of a UTC time, as RFC 3339 text that ends in Z."""
    return _described({"type": "string", "format": "date-time"}, description)


def day(description: str = "") -> Schema:
    """Give the schema of a date."""
    return _described({"type": "string", "format": "date"}, description)


def choice(*values: str, description: str = "") -> Schema:
    """Give the schema of one of these texts."""
    return _described({"type": "string", "enum": list(values)}, description)


def word(words: type[Word]) -> Schema:
    """Give the schema of a word of the house, with the meaning of each value."""
    meanings = "; ".join(f"`{w.value}`: {w.meaning}" for w in words)
    return {"type": "string", "enum": [w.value for w in words], "description": meanings}


def list_of(item: Schema, description: str = "") -> Schema:
    """Give the schema of a list."""
    return _described({"type": "array", "items": item}, description)


def mapping(description: str = "") -> Schema:
    """Give the schema of an object with any members."""
    return _described({"type": "object"}, description)


def maybe(schema: Schema) -> Schema:
    """Give the schema of a value that may be null."""
    if "enum" in schema:
        return {**schema, "type": [schema["type"], "null"], "enum": [*schema["enum"], None]}
    if isinstance(schema.get("type"), str) and "title" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def record(title: str, members: dict[str, Schema], *, optional: tuple[str, ...] = ()) -> Schema:
    """Give the schema of an object; its title names it in the description of the API."""
    return {
        "title": title,
        "type": "object",
        "properties": members,
        "required": [name for name in members if name not in optional],
        "additionalProperties": False,
    }


def page_of(item: Schema) -> Schema:
    """Give the schema of a page of a long list."""
    return record(
        f"{item['title']}Page",
        {
            "items": list_of(item),
            "next": maybe(text("The `after` of the next page, or null at the end.")),
        },
    )


@FORMATS.checks("date", raises=ValueError)
def _is_date(value: Any) -> bool:
    return not isinstance(value, str) or date.fromisoformat(value) is not None


@FORMATS.checks("date-time", raises=ValueError)
def _is_instant(value: Any) -> bool:
    """Tell whether a text is a time with an offset; a time without one names no moment."""
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def present(row: Any, shape: Schema, **computed: Any) -> dict[str, Any]:
    """Give a row as the JSON that the shape describes; members the row lacks are computed."""
    return {
        name: plain(computed[name] if name in computed else getattr(row, name))
        for name in shape["properties"]
    }


def plain(value: Any) -> Any:
    """Give a value as JSON has it: times in UTC ending in Z, dates as ISO 8601."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple | list | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def _described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description} if description else schema
