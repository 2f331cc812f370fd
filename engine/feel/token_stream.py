"""Reads tokens one after the other, with the messages and bounds all FEEL parsers share."""

from __future__ import annotations

from engine.feel.errors import FeelLimit, FeelSyntaxError
from engine.feel.lexer import END, STRING, SYMBOL, WORD, Token, split_tokens
from engine.feel.limits import NESTING


class TokenStream:
    """The tokens of one text and the place reached in them."""

    def __init__(self, text: str) -> None:
        """Take the text; raises FeelSyntaxError or FeelLimit as `split_tokens` does."""
        self.text = text
        self.tokens = split_tokens(text)
        self.index = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        """The token that comes next."""
        return self.tokens[self.index]

    def peek(self, offset: int = 1) -> Token:
        """Return a token further on; the end when there are none."""
        return self.tokens[min(self.index + offset, len(self.tokens) - 1)]

    def advance(self, count: int = 1) -> Token:
        """Step over tokens and return the first of them."""
        token = self.token
        self.index += count
        return token

    def at(self, *texts: str) -> bool:
        """Tell whether the next token is one of these symbols or words."""
        token = self.token
        return token.text in texts and token.kind in (SYMBOL, WORD)

    def accept(self, *texts: str) -> bool:
        """Step over the next token if it is one of these."""
        if self.at(*texts):
            self.index += 1
            return True
        return False

    def expect(self, text: str, after: str) -> None:
        """Step over this token, or refuse the text."""
        if not self.accept(text):
            raise self.refuse(f"`{text}` is missing after {after}, before {self.describe()}")

    def describe(self) -> str:
        """Return the next token as a message names it."""
        token = self.token
        if token.kind == END:
            return "the end"
        return token.text if token.kind == STRING else f"`{token.text}`"

    def refuse(self, message: str, token: Token | None = None) -> FeelSyntaxError:
        """Return the error that says what is wrong at a token (the next one by default)."""
        column = (token or self.token).start + 1
        return FeelSyntaxError(f"Column {column}: {message}.", column=column, text=self.text)

    def enter(self) -> None:
        """Count one more level of nesting; raise FeelLimit beyond the bound."""
        self.depth += 1
        if self.depth > NESTING:
            raise FeelLimit(
                f"Column {self.token.start + 1}: the expression is nested over {NESTING} deep.",
                column=self.token.start + 1,
            )

    def leave(self) -> None:
        """Count one level less."""
        self.depth -= 1
