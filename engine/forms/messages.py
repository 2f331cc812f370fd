"""The words of field errors, the same beside the field and in the summary."""

from __future__ import annotations

from engine.forms.model import CHOICE_KINDS, FormField

#: Labels that begin with these need no article before them.
_NO_ARTICLE = frozenset({"the", "a", "an", "your", "how", "what", "when", "where", "who", "why"})


def ask(field: FormField) -> str:
    """Say that an answer is missing."""
    if field.label.endswith("?"):
        return f"Answer “{field.label}”"
    if field.kind == "checkbox":
        return f"Confirm “{field.label}”"
    verb = "Choose" if field.kind in CHOICE_KINDS else "Enter"
    noun = lower_first(field.label)
    article = "" if noun.split(" ")[0] in _NO_ARTICLE else "the "
    return f"{verb} {article}{noun}"


def subject(field: FormField) -> str:
    """Name the field at the beginning of a sentence."""
    return field.label.rstrip("?:. ") if not field.label.endswith("?") else f"“{field.label}”"


def lower_first(text: str) -> str:
    """Write the first letter small unless the first word is an abbreviation such as RFC."""
    first = text.split(" ")[0]
    plain = first[:1].isupper() and not any(letter.isupper() for letter in first[1:])
    return text[:1].lower() + text[1:] if plain and len(first) > 1 else text


def bounds(field: FormField) -> str:
    """Say which numbers are accepted."""
    low, high = field.minimum, field.maximum
    if low is not None and high is not None:
        return f"{subject(field)} must be between {show(low)} and {show(high)}"
    if low is not None:
        return f"{subject(field)} must be {show(low)} or more"
    return f"{subject(field)} must be {show(high or 0)} or less"


def show(number: float) -> str:
    """Write a bound without needless decimals and with separators."""
    return f"{number:,.10g}"


def too_short(field: FormField) -> str:
    """Say how long a text must be at least."""
    return f"{subject(field)} must be at least {field.minimum_length} characters"


def too_long(field: FormField, length: int) -> str:
    """Say how long a text may be, and how long it is."""
    return (
        f"{subject(field)} must be {field.maximum_length:,} characters or fewer; it has {length:,}"
    )
