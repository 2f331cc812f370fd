"""The bounds that keep every expression short, whatever its text or its data say."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from engine.feel.errors import FeelLimit

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.feel.types import FeelType

TEXT_CHARACTERS = 4_000
NESTING = 60
STEPS = 10_000
CALL_DEPTH = 60
STRING_CHARACTERS = 100_000
LIST_ITEMS = 50_000
CHARACTERS_PER_STEP = 100
ITEMS_PER_STEP = 10


class Meter:
    """Counts what one evaluation has spent: steps, and nested calls of FEEL functions."""

    __slots__ = ("depth", "find_type", "now", "steps")

    def __init__(
        self,
        steps: int = STEPS,
        now: datetime | None = None,
        find_type: Callable[[str], FeelType | None] | None = None,
    ):
        """Take the step budget, the moment that now() answers, and how named types are found."""
        self.steps = steps
        self.depth = 0
        self.now = now
        self.find_type = find_type

    def charge(self, steps: int) -> None:
        """Spend steps; raise FeelLimit when the budget is used up."""
        self.steps -= steps
        if self.steps < 0:
            raise FeelLimit("The expression takes too many steps; work on less data at once.")

    def charge_text(self, characters: int) -> None:
        """Spend what building a text of this length costs; refuse one that is too long."""
        if characters > STRING_CHARACTERS:
            raise FeelLimit(f"A text of the expression is over {STRING_CHARACTERS} characters.")
        self.charge(1 + characters // CHARACTERS_PER_STEP)

    def charge_items(self, items: int) -> None:
        """Spend what copying a list of this length costs; refuse one that is too long."""
        if items > LIST_ITEMS:
            raise FeelLimit(f"A list of the expression has over {LIST_ITEMS} items.")
        self.charge(1 + items // ITEMS_PER_STEP)

    def enter_call(self) -> None:
        """Count one more nested call; raise FeelLimit beyond the depth bound."""
        self.depth += 1
        if self.depth > CALL_DEPTH:
            raise FeelLimit(f"Functions of the expression call each other over {CALL_DEPTH} deep.")

    def leave_call(self) -> None:
        """Count one nested call less."""
        self.depth -= 1
