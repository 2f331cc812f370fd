"""The three ways an expression is refused: it does not parse, it costs too much, it cannot run."""

from __future__ import annotations

from engine.errors import ExpressionFailed


class FeelFailed(ExpressionFailed):
    """The expression could not be evaluated on this data."""

    code = "feel-failed"


class FeelSyntaxError(ExpressionFailed):
    """The expression is not FEEL."""

    code = "feel-syntax"

    def __init__(self, message: str, *, column: int, text: str | None = None):
        """Take what is wrong, the column (1 is the first character) and the whole text."""
        super().__init__(message, column=column, text=text)
        self.column = column


class FeelLimit(ExpressionFailed):
    """The expression is larger, deeper or more expensive than allowed."""

    code = "feel-limit"

    def __init__(self, message: str | None = None, *, column: int | None = None):
        """Take which bound was passed and, when it was found by the parser, the column."""
        super().__init__(message, column=column)
        self.column = column
