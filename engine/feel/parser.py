"""Parses FEEL expressions into nodes (DMN 1.5, 10.3.1.2), bounded in length and nesting."""

from __future__ import annotations

from collections.abc import Iterable

from engine.feel.lexer import END, NUMBER, STRING, WORD, Token, read_string
from engine.feel.names import (
    INFIX_WORDS,
    KEYWORDS,
    NameTable,
    find_label,
    unknown_name_length,
)
from engine.feel.syntax import (
    Arithmetic,
    Between,
    Call,
    Compare,
    ContextLiteral,
    Filter,
    For,
    FunctionLiteral,
    If,
    In,
    InstanceOf,
    Iterator,
    ListLiteral,
    Literal,
    Logic,
    Name,
    Negate,
    Node,
    OperatorTest,
    Path,
    Quantified,
    RangeLiteral,
    Tests,
    ValueTest,
)
from engine.feel.temporal_text import read_any
from engine.feel.token_stream import TokenStream
from engine.feel.type_parser import parse_type
from engine.feel.values import DECIMAL128, Parameter, calculate

_OR, _AND, _COMPARISON, _SUM, _PRODUCT, _POWER = range(1, 7)
_PRECEDENCE = {
    "or": _OR,
    "and": _AND,
    "between": _COMPARISON,
    "in": _COMPARISON,
    "+": _SUM,
    "-": _SUM,
    "*": _PRODUCT,
    "/": _PRODUCT,
    "**": _POWER,
}
_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
_PRECEDENCE.update(dict.fromkeys(_COMPARISONS, _COMPARISON))
_LITERAL_WORDS = {"true": True, "false": False, "null": None}
_FUNCTIONS_NAMED_WITH_AND = NameTable(("date and time", "years and months duration"))
_CLOSING = (")", "]", "}", ",", "..", ":", ">", "<", "=", "+", "*", "/", "**", ">=", "<=", "!=")
_MOST_ITERATORS = 20
INPUT = "?"


class Parser(TokenStream):
    """A recursive descent over one text; binary operators by precedence climbing."""

    def __init__(self, text: str, names: Iterable[str] = ()) -> None:
        """Take the text and the names of which some hold spaces or operators."""
        super().__init__(text)
        self.known = NameTable(names)
        self.input_uses = 0
        self._before_range_end = False

    def parse_whole(self) -> Node:
        """Parse an expression that takes the whole text."""
        node = self.parse_expression()
        self.expect_end()
        return node

    def expect_end(self) -> None:
        """Refuse the text if anything is left of it."""
        if self.token.kind != END:
            raise self.refuse(f"{self.describe()} is not expected here{self._advise()}")

    def _advise(self) -> str:
        if self.at("=") and self.tokens[self.index - 1].text == "=":
            return "; FEEL compares with a single `=`"
        return ""

    def parse_expression(self) -> Node:
        """Parse any expression at the next token."""
        self.enter()
        outer, self._before_range_end = self._before_range_end, False
        node = self._parse_binary(_OR)
        self._before_range_end = outer
        self.leave()
        return node

    # Binary operators

    def _parse_binary(self, minimum: int) -> Node:
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
            operands.append(self._parse_binary(precedence + 1))
        return Logic(precedence == _AND, tuple(operands))

    def _parse_arithmetic(self, left: Node, precedence: int) -> Node:
        rest: list[tuple[str, Node]] = []
        while self._precedence() == precedence:
            operator = self.advance().text
            rest.append((operator, self._parse_binary(precedence + 1)))
        return Arithmetic(left, tuple(rest))

    def _parse_comparison(self, left: Node) -> Node:
        operator = self.advance().text
        if operator == "between":
            low = self._parse_binary(_SUM)
            self.expect("and", "the lower bound of `between`")
            return Between(left, low, self._parse_binary(_SUM))
        if operator == "in":
            return In(left, self._parse_in_tests())
        return Compare(operator, left, self._parse_binary(_SUM))

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
        if self.at(*_COMPARISONS):
            operator = self.advance().text
            self.enter()
            operand = self._parse_binary(_SUM)
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
        if self.at(*_COMPARISONS):
            return Tests((self._parse_test(),))
        self.enter()
        operand = self._parse_binary(_SUM)
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
            literal = self._parse_number()
            node = self._parse_postfix(Literal(literal.value.copy_negate()))
        else:
            node = Negate(self._parse_unary())
        self.leave()
        return node

    def _parse_postfix(self, start: Node | None = None) -> Node:
        node = start or self._parse_primary()
        while True:
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

    def _parse_member(self, node: Node) -> Node:
        self.advance()
        if self.token.kind != WORD:
            raise self.refuse(f"a name is expected after the dot, before {self.describe()}")
        name, _ = self._take_name()
        return Path(node, name)

    def _closes_range(self) -> bool:
        """Tell whether `[` ends an open range such as `]1..5[` rather than starting a filter."""
        if not self._before_range_end:
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

    def _parse_primary(self) -> Node:
        token = self.token
        if token.kind == NUMBER:
            return self._parse_number()
        if token.kind == STRING:
            return Literal(read_string(self.advance()))
        if token.kind == WORD:
            return self._parse_word()
        if token.text in _BRACKETS:
            return _BRACKETS[token.text](self)
        raise self.refuse(f"an expression is expected before {self.describe()}{self._advise()}")

    def _parse_number(self) -> Literal:
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
        if token.text in _CONSTRUCTS and not (token.text == "function" and not self._opens(1)):
            return _CONSTRUCTS[token.text](self)
        if token.text in KEYWORDS:
            raise self.refuse(f"an expression is expected before {self.describe()}")
        if token.text == "not" and self.peek().kind == WORD:
            raise self.refuse("`not` takes its operand in parentheses: not(…)")
        return self._parse_name()

    def _opens(self, offset: int) -> bool:
        return self.peek(offset).text == "("

    def _parse_name(self) -> Node:
        column = self.token.start + 1
        name, _ = self._take_name()
        if name == INPUT:
            self.input_uses += 1
        return Name(name, column)

    def _take_name(self) -> tuple[str, int]:
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
        return found if found and self._opens(found[1]) else None

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
            if token.kind not in (WORD, NUMBER) and token.text not in "+-*/'.":
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
        if self.at(*_COMPARISONS):
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
        outer, self._before_range_end = self._before_range_end, True
        high = self._parse_binary(_SUM)
        self._before_range_end = outer
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
