"""FEEL's own functions, all of DMN 1.3 to 1.5 (10.3.4), by name."""

from __future__ import annotations

from engine.feel.builtins import (
    aggregates,
    contexts,
    conversions,
    intervals,
    lists,
    numbers,
    strings,
    times,
)
from engine.feel.builtins.registry import make_functions

BUILT_INS = make_functions()
BUILT_IN_NAMES = frozenset(BUILT_INS)

__all__ = [
    "BUILT_INS",
    "BUILT_IN_NAMES",
    "aggregates",
    "contexts",
    "conversions",
    "intervals",
    "lists",
    "numbers",
    "strings",
    "times",
]
