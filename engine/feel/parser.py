"""Parses FEEL expressions into nodes (DMN 1.5, 10.3.1.2), bounded in length and nesting."""

from __future__ import annotations

from engine.feel.lexer import NUMBER, STRING, WORD, Token, read_string
from engine.feel.names import (
    KEYWORDS,
    find_label,
)
from engine.feel.operator_parser import COMPARISONS, INPUT, SUM, OperatorParser
from engine.feel.syntax import (
    ContextLiteral,
    For,
    FunctionLiteral,
    If,
    Iterator,
    ListLiteral,
    Literal,
    Name,
    Node,
    Quantified,
    RangeLiteral,
)
from engine.feel.temporal_text import read_any
from engine.feel.type_parser import parse_type
from engine.feel.values import DECIMAL128, Parameter, calculate

_LITERAL_WORDS = {"true": True, "false": False, "null": None}
_SYMBOLS_OF_NAMES = ("+", "-", "*", "/", "'", ".")
_MOST_ITERATORS = 20


class Parser(OperatorParser):
    """Parses operands: literals, names, constructs with keywords, lists, contexts and ranges."""

    def parse_primary(self) -> Node:
        """Parse a literal, a name, or what starts with a keyword or bracket."""
        token = self.token
        if token.kind == NUMBER:
            return self.parse_number()
        if token.kind == STRING:
            return Literal(read_string(self.advance()))
        if token.kind == WORD:
            return self._parse_word()
        if token.text in _BRACKETS:
            return _BRACKETS[token.text](self)
        raise self.refuse(f"an expression is expected before {self.describe()}{self.advise()}")

    def parse_number(self) -> Literal:
        """Parse a number without its sign."""
        value = calculate(DECIMAL128.create_decimal, self.token.text)
        if value is None:
            raise self.refuse("the number is out of range")
        self.advance()
        return Literal(value)

    def _parse_at_literal(self) -> Node:
        self.advance()
        if self.token.kind != STRING:
            raise self.refuse('a text is expected after `@`, for example @"2027-01-18"')
        value = read_any(read_string(self.token))
        if value is None:
            raise self.refuse(f"{self.token.text} is no date, time or duration")
        self.advance()
        return Literal(value)

    # Words: names, literals and the constructs that start with a keyword

    def _parse_word(self) -> Node:
        token = self.token
        known = self.known.find(self.tokens, self.index)
        if known is not None and known[1] > 1:
            return self._parse_name()
        if token.text in _LITERAL_WORDS:
            self.advance()
            return Literal(_LITERAL_WORDS[token.text])
        if token.text in _CONSTRUCTS and not (token.text == "function" and not self.opens(1)):
            return _CONSTRUCTS[token.text](self)
        if token.text in KEYWORDS:
            raise self.refuse(f"an expression is expected before {self.describe()}")
        if token.text == "not" and self.peek().kind == WORD:
            raise self.refuse("`not` takes its operand in parentheses: not(…)")
        return self._parse_name()

    def _parse_name(self) -> Node:
        column = self.token.start + 1
        name, _ = self.take_name()
        if name == INPUT:
            self.input_uses += 1
        return Name(name, column)

    def _parse_if(self) -> Node:
        self.advance()
        condition = self.parse_expression()
        self.expect("then", "the condition of `if`")
        then = self.parse_expression()
        self.expect("else", "`then`")
        return If(condition, then, self.parse_expression())

    def _parse_for(self) -> Node:
        self.advance()
        iterators = self._parse_iterators()
        self.expect("return", "`for`")
        self.known.add("partial")
        return For(iterators, self.parse_expression())

    def _parse_quantified(self) -> Node:
        every = self.advance().text == "every"
        iterators = self._parse_iterators()
        self.expect("satisfies", "`every`" if every else "`some`")
        return Quantified(every, iterators, self.parse_expression())

    def _parse_iterators(self) -> tuple[Iterator, ...]:
        iterators = [self._parse_iterator()]
        while self.accept(","):
            iterators.append(self._parse_iterator())
            if len(iterators) > _MOST_ITERATORS:
                raise self.refuse(f"over {_MOST_ITERATORS} iterators are more than allowed")
        return tuple(iterators)

    def _parse_iterator(self) -> Iterator:
        name = self._parse_declared_name("in")
        self.expect("in", "the name of the iterator")
        source = self.parse_expression()
        end = self.parse_expression() if self.accept("..") else None
        return Iterator(name, source, end)

    def _parse_declared_name(self, *stops: str) -> str:
        """Parse a new name up to one of the stop tokens and make it known."""
        name, start = "", self.token
        while not self.at(*stops):
            token: Token = self.token
            if token.kind not in (WORD, NUMBER) and token.text not in _SYMBOLS_OF_NAMES:
                raise self.refuse(f"a name is expected before {self.describe()}")
            name += (" " if token.spaced and name else "") + self.advance().text
        if start.kind != WORD:
            raise self.refuse("a name is expected", start)
        self.known.add(name)
        return name

    def _parse_function(self) -> Node:
        self.advance(2)
        parameters: list[Parameter] = []
        while not self.at(")"):
            name = self._parse_declared_name(":", ",", ")")
            declared = parse_type(self) if self.accept(":") else None
            parameters.append(Parameter(name, declared))
            if not self.accept(","):
                break
        self.expect(")", "the parameters")
        if self.at("external"):
            raise self.refuse("external functions are not run; write the function in FEEL")
        return FunctionLiteral(tuple(parameters), self.parse_expression())

    # Brackets

    def _parse_round(self) -> Node:
        self.advance()
        if self.at(*COMPARISONS):
            return self._parse_one_sided_range()
        node = self.parse_expression()
        if self.accept(".."):
            return self._parse_range_end(node, low_included=False)
        self.expect(")", "the expression in parentheses")
        return node

    def _parse_one_sided_range(self) -> Node:
        operator = self.advance().text
        endpoint = self.parse_expression()
        self.expect(")", "the endpoint")
        if operator == "!=":
            raise self.refuse("`!=` makes no range")
        included = operator in ("<=", ">=", "=")
        if operator in ("<", "<="):
            return RangeLiteral(None, endpoint, False, included)
        if operator in (">", ">="):
            return RangeLiteral(endpoint, None, included, False)
        return RangeLiteral(endpoint, endpoint, True, True)

    def _parse_square(self) -> Node:
        self.advance()
        if self.accept("]"):
            return ListLiteral(())
        first = self.parse_expression()
        if self.accept(".."):
            return self._parse_range_end(first, low_included=True)
        items = [first]
        while self.accept(","):
            items.append(self.parse_expression())
        self.expect("]", "the list")
        return ListLiteral(tuple(items))

    def _parse_open_range(self) -> Node:
        self.advance()
        low = self.parse_expression()
        self.expect("..", "the start of the range")
        return self._parse_range_end(low, low_included=False)

    def _parse_range_end(self, low: Node, *, low_included: bool) -> Node:
        self.enter()
        outer, self.before_range_end = self.before_range_end, True
        high = self.parse_binary(SUM)
        self.before_range_end = outer
        self.leave()
        if not self.at("]", ")", "["):
            raise self.refuse(f"the range is not closed before {self.describe()}")
        return RangeLiteral(low, high, low_included, self.advance().text == "]")

    def _parse_context(self) -> Node:
        self.advance()
        entries: list[tuple[str, Node]] = []
        while not self.at("}"):
            key = self._parse_key()
            self.known.add(key)
            entries.append((key, self.parse_expression()))
            if not self.accept(","):
                break
        self.expect("}", "the entries of the context")
        return ContextLiteral(tuple(entries))

    def _parse_key(self) -> str:
        if self.token.kind == STRING:
            key = read_string(self.advance())
            self.expect(":", "the key")
            return key
        label = find_label(self.tokens, self.index)
        if label is None:
            raise self.refuse(f"a key and a colon are expected before {self.describe()}")
        self.advance(label[1] + 1)
        return label[0]


_BRACKETS = {
    "(": Parser._parse_round,
    "[": Parser._parse_square,
    "]": Parser._parse_open_range,
    "{": Parser._parse_context,
    "@": Parser._parse_at_literal,
}
_CONSTRUCTS = {
    "if": Parser._parse_if,
    "for": Parser._parse_for,
    "some": Parser._parse_quantified,
    "every": Parser._parse_quantified,
    "function": Parser._parse_function,
}
