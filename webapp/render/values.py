"""Writes JSON values for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def say_value(value: Any) -> str:
    """Write a value in words: yes and no, a dash for nothing, lists with commas."""
    if value is None or value == "" or value == []:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(say_value(item) for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {say_value(item)}" for key, item in value.items())
    return str(value)
