"""Parses operators: binary by precedence, unary tests, and what follows an operand.

DMN 1.5, 10.3.1.2; what the operands themselves are is `engine.feel.parser`'s matter.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from engine.feel.errors import FeelLimit
from engine.feel.lexer import END, NUMBER, STRING, WORD, Token
from engine.feel.names import (
    INFIX_WORDS,
    NameTable,
    find_label,
    unknown_name_length,
)
from engine.feel.syntax import (
    Arithmetic,
    Between,
    Call,
    Compare,
    Filter,
    FunctionLiteral,
    In,
    InstanceOf,
    Literal,
    Logic,
    Name,
    Negate,
    Node,
    OperatorTest,
    Path,
    RangeLiteral,
    Tests,
    ValueTest,
)
from engine.feel.token_stream import TokenStream
from engine.feel.type_parser import parse_type

_OR, _AND, _COMPARISON, SUM, _PRODUCT, _POWER = range(1, 7)
_PRECEDENCE = {
    "or": _OR,
    "and": _AND,
    "between": _COMPARISON,
    "in": _COMPARISON,
    "+": SUM,
    "-": SUM,
    "*": _PRODUCT,
    "/": _PRODUCT,
    "**": _POWER,
}
COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
_PRECEDENCE.update(dict.fromkeys(COMPARISONS, _COMPARISON))
_LITERAL_WORDS = {"true": True, "false": False, "null": None}
_FUNCTIONS_NAMED_WITH_AND = NameTable(("date and time", "years and months duration"))
_CLOSING = (")", "]", "}", ",", "..", ":", ">", "<", "=", "+", "*", "/", "**", ">=", "<=", "!=")
LONGEST_CHAIN = 120
INPUT = "?"


class OperatorParser(TokenStream, ABC):
    """A recursive descent over one text; binary operators by precedence climbing."""

    def __init__(self, text: str, names: Iterable[str] = ()) -> None:
        """Take the text and the names of which some hold spaces or operators."""
        super().__init__(text)
        self.known = NameTable(names)
        self.input_uses = 0
        self.before_range_end = False

    def parse_whole(self) -> Node:
        """Parse an expression that takes the whole text."""
        node = self.parse_expression()
        self.expect_end()
        return node

    def expect_end(self) -> None:
        """Refuse the text if anything is left of it."""
        if self.token.kind != END:
            raise self.refuse(f"{self.describe()} is not expected here{self.advise()}")

    def advise(self) -> str:
        """Return what to do instead, for mistakes of people used to other languages."""
        if self.at("=") and self.tokens[self.index - 1].text == "=":
            return "; FEEL compares with a single `=`"
        return ""

    def parse_expression(self) -> Node:
        """Parse any expression at the next token."""
        self.enter()
        outer, self.before_range_end = self.before_range_end, False
        node = self.parse_binary(_OR)
        self.before_range_end = outer
        self.leave()
        return node

    # Binary operators

    def parse_binary(self, minimum: int) -> Node:
        """Parse operators of at least this precedence."""
        left = self._parse_unary()
        while True:
            precedence = self._precedence()
            if precedence < minimum:
                return left
            if precedence == _COMPARISON:
                left = self._parse_comparison(left)
            elif precedence in (_OR, _AND):
                left = self._parse_logic(left, precedence)
            else:
                left = self._parse_arithmetic(left, precedence)

    def _precedence(self) -> int:
        token = self.token
        if token.kind in (STRING, NUMBER, END):
            return 0
        return _PRECEDENCE.get(token.text, 0)

    def _parse_logic(self, left: Node, precedence: int) -> Node:
        operands = [left]
        while self._precedence() == precedence:
            self.advance()
            operands.append(self.parse_binary(precedence + 1))
        return Logic(precedence == _AND, tuple(operands))

    def _parse_arithmetic(self, left: Node, precedence: int) -> Node:
        rest: list[tuple[str, Node]] = []
        while self._precedence() == precedence:
            operator = self.advance().text
            rest.append((operator, self.parse_binary(precedence + 1)))
        return Arithmetic(left, tuple(rest))

    def _parse_comparison(self, left: Node) -> Node:
        equals = self.advance()
        operator = equals.text
        if operator == "between":
            low = self.parse_binary(SUM)
            self.expect("and", "the lower bound of `between`")
            return Between(left, low, self.parse_binary(SUM))
        if operator == "in":
            return In(left, self._parse_in_tests())
        if operator in ("=", "!=") and self._is_range_beside(equals):
            return Compare(operator, left, self._parse_bare_range())
        return Compare(operator, left, self.parse_binary(SUM))

    def _is_range_beside(self, equals: Token) -> bool:
        """Tell whether a range such as `>= 2` is compared; `=<` without a space is a mistake."""
        return self.at("<", "<=", ">", ">=") and self.token.start > equals.start + len(equals.text)

    def _parse_bare_range(self) -> Node:
        operator = self.advance().text
        endpoint = self.parse_binary(SUM)
        included = operator in ("<=", ">=")
        if operator in ("<", "<="):
            return RangeLiteral(None, endpoint, False, included)
        return RangeLiteral(endpoint, None, included, False)

    # Unary tests

    def parse_unary_tests(self) -> Tests:
        """Parse the text of a decision table cell: `-`, `not(…)` or tests with commas between."""
        if self.at("-") and self.peek().kind == END:
            self.advance()
            return Tests(())
        negated = self._parse_negated_tests()
        if negated is not None:
            return negated
        tests = self._parse_test_list()
        self.expect_end()
        return Tests(tests)

    def _parse_negated_tests(self) -> Tests | None:
        """Parse `not(tests)` if it is all there is; `not(a) and b` is an expression instead."""
        if not (self.at("not") and self.peek().text == "("):
            return None
        if self._end_of_brackets(self.index + 1) != len(self.tokens) - 2:
            return None
        self.advance(2)
        tests = self._parse_test_list()
        self.expect(")", "the tests of `not`")
        return Tests(tests, negated=True)

    def _end_of_brackets(self, start: int) -> int:
        """Return the index of the token that closes the bracket at start."""
        depth = 0
        for index in range(start, len(self.tokens)):
            token = self.tokens[index]
            if token.kind == "symbol" and token.text in "()":
                depth += 1 if token.text == "(" else -1
                if depth == 0:
                    return index
        return -1

    def _parse_test_list(self) -> tuple[Node, ...]:
        tests = [self._parse_test()]
        while self.accept(","):
            tests.append(self._parse_test())
        return tuple(tests)

    def _parse_test(self) -> Node:
        if self.at(*COMPARISONS):
            operator = self.advance().text
            self.enter()
            operand = self.parse_binary(SUM)
            self.leave()
            return OperatorTest(operator, operand)
        uses = self.input_uses
        operand = self.parse_expression()
        return ValueTest(operand, uses_input=self.input_uses > uses)

    def _parse_in_tests(self) -> Tests:
        """Parse what follows `in`: tests in parentheses, or one test, which may be `(1..5)`."""
        if self.at("(") and not self._is_range_ahead():
            self.advance()
            tests = self._parse_test_list()
            self.expect(")", "the tests of `in`")
            return Tests(tests)
        if self.at(*COMPARISONS):
            return Tests((self._parse_test(),))
        self.enter()
        operand = self.parse_binary(SUM)
        self.leave()
        return Tests((ValueTest(operand, uses_input=False),))

    def _is_range_ahead(self) -> bool:
        """Tell whether the bracket at the next token opens a range: `..` comes before it closes."""
        depth = 0
        for token in self.tokens[self.index + 1 :]:
            if token.kind != "symbol":
                continue
            if token.text == ".." and depth == 0:
                return True
            if token.text in ("(", "[", "{"):
                depth += 1
            elif token.text in (")", "]", "}"):
                depth -= 1
                if depth < 0:
                    return False
        return False

    # Operands

    def _parse_unary(self) -> Node:
        if not self.at("-"):
            return self._parse_postfix()
        self.enter()
        self.advance()
        if self.token.kind == NUMBER:
            literal = self.parse_number()
            node = self._parse_postfix(Literal(literal.value.copy_negate()))
        else:
            node = Negate(self._parse_unary())
        self.leave()
        return node

    def _parse_postfix(self, start: Node | None = None) -> Node:
        node = start or self.parse_primary()
        for _ in range(LONGEST_CHAIN):
            if self.at("."):
                node = self._parse_member(node)
            elif self.at("[") and not self._closes_range():
                self.advance()
                node = Filter(node, self.parse_expression())
                self.expect("]", "the filter")
            elif self.at("(") and isinstance(node, Name | Path | Call | FunctionLiteral | Filter):
                node = self._parse_call(node)
            elif self.at("instance") and self.peek().text == "of":
                self.advance(2)
                node = InstanceOf(node, parse_type(self))
            else:
                return node
        raise FeelLimit(f"Column {self.token.start + 1}: the path is over {LONGEST_CHAIN} long.")

    @abstractmethod
    def parse_primary(self) -> Node:
        """Parse a literal, a name, or what starts with a keyword or bracket."""

    @abstractmethod
    def parse_number(self) -> Literal:
        """Parse a number without its sign."""

    def _parse_member(self, node: Node) -> Node:
        self.advance()
        if self.token.kind != WORD:
            raise self.refuse(f"a name is expected after the dot, before {self.describe()}")
        name, _ = self.take_name()
        return Path(node, name)

    def _closes_range(self) -> bool:
        """Tell whether `[` ends an open range such as `]1..5[` rather than starting a filter."""
        if not self.before_range_end:
            return False
        after = self.peek()
        return after.kind == END or after.text in _CLOSING or after.text in INFIX_WORDS

    def _parse_call(self, function: Node) -> Node:
        self.enter()
        self.advance()
        arguments: list[Node] = []
        names: list[str] = []
        while not self.at(")"):
            label = find_label(self.tokens, self.index)
            if label is not None:
                names.append(label[0])
                self.advance(label[1] + 1)
            arguments.append(self.parse_expression())
            if not self.accept(","):
                break
        self.expect(")", "the arguments")
        if names and len(names) != len(arguments):
            raise self.refuse("arguments are either all named or none is")
        self.leave()
        return Call(function, tuple(arguments), tuple(names) if names else None)

    # Names

    def opens(self, offset: int) -> bool:
        """Tell whether the token at an offset is an opening parenthesis."""
        return self.peek(offset).text == "("

    def take_name(self) -> tuple[str, int]:
        """Step over the longest known name, else over all words up to an operator or keyword."""
        known = self.known.find(self.tokens, self.index)
        if known is None or known[1] == 1:
            known = self._find_function_with_and() or known
        if known is None or known[1] == 1:
            length = unknown_name_length(self.tokens, self.index)
            words = self.tokens[self.index : self.index + length]
            known = " ".join(word.text for word in words), length
        self.advance(known[1])
        return known

    def _find_function_with_and(self) -> tuple[str, int] | None:
        found = _FUNCTIONS_NAMED_WITH_AND.find(self.tokens, self.index)
        return found if found and self.opens(found[1]) else None
