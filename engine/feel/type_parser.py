"""Parses types: `number`, `list<string>`, `context<a: date>`, `function<Any> -> number`."""

from __future__ import annotations

from engine.feel.errors import FeelSyntaxError
from engine.feel.lexer import SYMBOL, WORD
from engine.feel.names import find_label, unknown_name_length
from engine.feel.token_stream import TokenStream
from engine.feel.types import BUILT_IN_TYPES, FeelType, simple_type

_WORDS_OF_TYPES = tuple((name, tuple(name.split())) for name in BUILT_IN_TYPES)


def parse_type(stream: TokenStream) -> FeelType:
    """Parse a type at the next token."""
    stream.enter()
    name = _parse_name(stream)
    parsed = _PARAMETERIZED.get(name, _parse_plain)(stream, name)
    stream.leave()
    return parsed


def read_type(text: str) -> FeelType | None:
    """Return the type that a `typeRef` names, None when the text is no type."""
    try:
        stream = TokenStream(text)
        parsed = parse_type(stream)
    except FeelSyntaxError:
        return None
    return parsed if stream.token.kind == "end" else None


def _parse_name(stream: TokenStream) -> str:
    if stream.token.kind != WORD:
        raise stream.refuse(f"a type is expected before {stream.describe()}")
    for name, words in _WORDS_OF_TYPES:
        if all(stream.peek(place).text == word for place, word in enumerate(words)):
            stream.advance(len(words))
            return name
    name = _parse_words(stream)
    while stream.at(".") and stream.peek().kind == WORD:
        stream.advance()
        name += "." + _parse_words(stream)
    return name


def _parse_words(stream: TokenStream) -> str:
    length = unknown_name_length(stream.tokens, stream.index)
    words = [stream.advance().text for _ in range(length)]
    return " ".join(words)


def _parse_plain(stream: TokenStream, name: str) -> FeelType:
    return simple_type(name)


def _parse_element(stream: TokenStream, name: str) -> FeelType:
    if not stream.accept("<"):
        return FeelType(name)
    element = parse_type(stream)
    stream.expect(">", "the element type")
    return FeelType(name, element=element)


def _parse_context(stream: TokenStream, name: str) -> FeelType:
    if not stream.accept("<"):
        return FeelType(name)
    fields: list[tuple[str, FeelType]] = []
    while not stream.at(">"):
        label = find_label(stream.tokens, stream.index)
        if label is None:
            raise stream.refuse("a field name and a colon are expected")
        stream.advance(label[1] + 1)
        fields.append((label[0], parse_type(stream)))
        if not stream.accept(","):
            break
    stream.expect(">", "the fields")
    return FeelType(name, fields=tuple(fields))


def _parse_function(stream: TokenStream, name: str) -> FeelType:
    if not stream.accept("<"):
        return FeelType(name)
    parameters: list[FeelType] = []
    while not stream.at(">"):
        parameters.append(parse_type(stream))
        if not stream.accept(","):
            break
    stream.expect(">", "the parameter types")
    result = None
    if stream.token.kind == SYMBOL and stream.accept("->"):
        result = parse_type(stream)
    return FeelType(name, parameters=tuple(parameters), result=result)


_PARAMETERIZED = {
    "list": _parse_element,
    "range": _parse_element,
    "context": _parse_context,
    "function": _parse_function,
}
