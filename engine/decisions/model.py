"""A decision model as DMN draws it: decisions, tables, business knowledge, services, types.

Immutable and free of XML; `engine.runtime.dmn_reader` makes it from a file. Names follow DMN 1.5,
chapters 6 to 8 and 10.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Cell:
    """The text of one table cell and where it stands in the file."""

    text: str
    id: str = ""
    line: int | None = None
    language: str = ""


@dataclass(frozen=True, slots=True)
class InputClause:
    """A condition column; `allowed` is the text of its allowed values."""

    expression: Cell
    label: str = ""
    id: str = ""
    type_ref: str = ""
    allowed: str = ""


@dataclass(frozen=True, slots=True)
class OutputClause:
    """An output column; the order of its allowed values is their priority."""

    name: str = ""
    label: str = ""
    id: str = ""
    type_ref: str = ""
    allowed: str = ""
    default: Cell | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of a table."""

    id: str
    conditions: tuple[Cell, ...]
    outputs: tuple[Cell, ...]
    annotation: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class DecisionTable:
    """A decision table; hit_policy is spelled as in the file, aggregation only for COLLECT."""

    inputs: tuple[InputClause, ...]
    outputs: tuple[OutputClause, ...]
    rules: tuple[Rule, ...]
    hit_policy: str = "UNIQUE"
    aggregation: str = ""
    id: str = ""
    label: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class LiteralExpression:
    """FEEL text."""

    cell: Cell
    type_ref: str = ""


@dataclass(frozen=True, slots=True)
class ContextEntry:
    """An entry of a boxed context; the one without a name is the result."""

    name: str | None
    type_ref: str
    expression: BoxedExpression | None


@dataclass(frozen=True, slots=True)
class Context:
    """A boxed context."""

    entries: tuple[ContextEntry, ...]


@dataclass(frozen=True, slots=True)
class Invocation:
    """A boxed invocation: a function and its arguments by parameter name."""

    function: BoxedExpression | None
    bindings: tuple[tuple[str, BoxedExpression | None], ...]


@dataclass(frozen=True, slots=True)
class ListExpression:
    """A boxed list."""

    items: tuple[BoxedExpression, ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """A boxed relation: a list of contexts, written as a table."""

    columns: tuple[str, ...]
    rows: tuple[tuple[BoxedExpression, ...], ...]


@dataclass(frozen=True, slots=True)
class FormalParameter:
    """A parameter of a function."""

    name: str
    type_ref: str = ""


@dataclass(frozen=True, slots=True)
class FunctionDefinition:
    """A boxed function; only kind FEEL is run."""

    parameters: tuple[FormalParameter, ...]
    body: BoxedExpression | None
    kind: str = "FEEL"
    type_ref: str = ""


@dataclass(frozen=True, slots=True)
class Conditional:
    """A boxed `if`."""

    condition: BoxedExpression | None
    then: BoxedExpression | None
    otherwise: BoxedExpression | None


@dataclass(frozen=True, slots=True)
class FilterExpression:
    """A boxed filter."""

    source: BoxedExpression | None
    match: BoxedExpression | None


@dataclass(frozen=True, slots=True)
class IterationExpression:
    """A boxed `for`, `some` or `every`; kind is that word."""

    kind: str
    variable: str
    source: BoxedExpression | None
    body: BoxedExpression | None


BoxedExpression: TypeAlias = (
    LiteralExpression
    | DecisionTable
    | Context
    | Invocation
    | ListExpression
    | Relation
    | FunctionDefinition
    | Conditional
    | FilterExpression
    | IterationExpression
)


@dataclass(frozen=True, slots=True)
class Reference:
    """What a requirement points to: an element id, and the namespace when it is imported."""

    id: str
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class ItemDefinition:
    """A type of the model."""

    name: str
    type_ref: str = ""
    is_collection: bool = False
    components: tuple[ItemDefinition, ...] = ()
    allowed: str = ""
    constraint: str = ""
    parameters: tuple[FormalParameter, ...] | None = None
    result_type_ref: str = ""


@dataclass(frozen=True, slots=True)
class InputData:
    """Data that a caller gives."""

    id: str
    name: str
    type_ref: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision, its logic and what it requires."""

    id: str
    name: str
    expression: BoxedExpression | None
    type_ref: str = ""
    required: tuple[Reference, ...] = ()
    line: int | None = None


@dataclass(frozen=True, slots=True)
class BusinessKnowledgeModel:
    """Reusable logic with parameters."""

    id: str
    name: str
    function: FunctionDefinition | None
    type_ref: str = ""
    required: tuple[Reference, ...] = ()
    line: int | None = None


@dataclass(frozen=True, slots=True)
class DecisionService:
    """Decisions offered as one function."""

    id: str
    name: str
    outputs: tuple[Reference, ...]
    encapsulated: tuple[Reference, ...]
    input_decisions: tuple[Reference, ...]
    input_data: tuple[Reference, ...]
    type_ref: str = ""


@dataclass(frozen=True, slots=True)
class Import:
    """Another model whose elements are known here under a name."""

    name: str
    namespace: str
    model: DecisionModel


Element: TypeAlias = InputData | Decision | BusinessKnowledgeModel | DecisionService


@dataclass(frozen=True, slots=True, eq=False)
class DecisionModel:
    """All elements of one file; compared and cached by identity."""

    id: str
    name: str
    namespace: str
    inputs: tuple[InputData, ...] = ()
    decisions: tuple[Decision, ...] = ()
    knowledge: tuple[BusinessKnowledgeModel, ...] = ()
    services: tuple[DecisionService, ...] = ()
    items: tuple[ItemDefinition, ...] = ()
    imports: tuple[Import, ...] = ()

    def elements(self) -> Iterator[Element]:
        """Yield everything a requirement can point to."""
        yield from self.inputs
        yield from self.decisions
        yield from self.knowledge
        yield from self.services

    def find(self, element_id: str) -> Element | None:
        """Return the element of that id in this model."""
        return next((element for element in self.elements() if element.id == element_id), None)


def parts_of(expression: BoxedExpression | None) -> Iterator[BoxedExpression]:
    """Yield a boxed expression and all that are inside it."""
    if expression is None:
        return
    yield expression
    for part in _inner_parts(expression):
        yield from parts_of(part)


def _inner_parts(expression: BoxedExpression) -> Iterator[BoxedExpression | None]:
    match expression:
        case Context(entries):
            yield from (entry.expression for entry in entries)
        case Invocation(function, bindings):
            yield function
            yield from (argument for _, argument in bindings)
        case ListExpression(items):
            yield from items
        case Relation(_, rows):
            yield from (cell for row in rows for cell in row)
        case FunctionDefinition(_, body):
            yield body
        case Conditional(condition, then, otherwise):
            yield from (condition, then, otherwise)
        case FilterExpression(first, second) | IterationExpression(_, _, first, second):
            yield first
            yield second
