"""Reads the logic inside DMN elements: literal expressions, tables, and the other boxed forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lxml import etree

from engine.decisions import model as dmn
from engine.feel.juel import is_juel, translate_juel
from engine.runtime.xml import line_of


def children(element: etree._Element, name: str) -> Iterator[etree._Element]:
    """Yield the child elements of a local name in the namespace of their parent."""
    namespace = etree.QName(element).namespace
    return element.iterchildren(f"{{{namespace}}}{name}" if namespace else name)


def child(element: etree._Element, name: str) -> etree._Element | None:
    """Return the first child of a local name."""
    return next(children(element, name), None)


def name_of(element: etree._Element) -> str:
    """Return the name attribute with single spaces, as FEEL compares names."""
    return " ".join((element.get("name") or "").split())


def type_ref_of(element: etree._Element) -> str:
    """Return the type an element refers to, without the prefix of FEEL's or its own namespace.

    DMN 1.1 writes types as child elements or attributes with a namespace prefix, later versions as
    plain names; an imported type keeps the name of its import.
    """
    holder = child(element, "typeRef")
    text = element.get("typeRef") or (holder.text if holder is not None else "") or ""
    text = " ".join(text.split())
    prefix, colon, name = text.partition(":")
    if not colon or "<" in prefix:
        return text
    namespace = element.nsmap.get(prefix)
    root = element.getroottree().getroot()
    for imported in children(root, "import"):
        if namespace and imported.get("namespace") == namespace and name_of(imported):
            return f"{name_of(imported)}.{name}"
    return name


def read_expression(holder: etree._Element | None) -> dmn.BoxedExpression | None:
    """Return the boxed expression inside an element, None when there is none."""
    if holder is None:
        return None
    for element in holder.iterchildren():
        reader = _READERS.get(etree.QName(element).localname)
        if reader is not None:
            return reader(element)
    return None


def _read_cell(element: etree._Element | None) -> dmn.Cell:
    """Return the text of a cell; `${…}` of older tools is translated to FEEL."""
    if element is None:
        return dmn.Cell("")
    text_element = child(element, "text")
    text = (text_element.text or "") if text_element is not None else ""
    language = element.get("expressionLanguage", "")
    if is_juel(text):
        text, language = translate_juel(text), ""
    return dmn.Cell(text.strip(), element.get("id", ""), line_of(element), _foreign(language))


def _foreign(language: str) -> str:
    """Return the name of an expression language that is not FEEL, else nothing."""
    return "" if "feel" in language.lower() or not language else language


def _read_literal(element: etree._Element) -> dmn.LiteralExpression:
    return dmn.LiteralExpression(_read_cell(element), type_ref_of(element))


def _read_table(element: etree._Element) -> dmn.DecisionTable:
    return dmn.DecisionTable(
        inputs=tuple(_read_input(clause) for clause in children(element, "input")),
        outputs=tuple(_read_output(clause) for clause in children(element, "output")),
        rules=tuple(
            _read_rule(rule, row) for row, rule in enumerate(children(element, "rule"), start=1)
        ),
        hit_policy=element.get("hitPolicy", "UNIQUE"),
        aggregation=element.get("aggregation", ""),
        id=element.get("id", ""),
        label=element.get("outputLabel", ""),
        line=line_of(element),
    )


def _read_input(element: etree._Element) -> dmn.InputClause:
    expression = child(element, "inputExpression")
    return dmn.InputClause(
        expression=_read_cell(expression),
        label=" ".join((element.get("label") or "").split()),
        id=element.get("id", ""),
        type_ref=type_ref_of(expression) if expression is not None else "",
        allowed=_read_cell(child(element, "inputValues")).text,
    )


def _read_output(element: etree._Element) -> dmn.OutputClause:
    default = child(element, "defaultOutputEntry")
    return dmn.OutputClause(
        name=name_of(element),
        label=" ".join((element.get("label") or "").split()),
        id=element.get("id", ""),
        type_ref=type_ref_of(element),
        allowed=_read_cell(child(element, "outputValues")).text,
        default=_read_cell(default) if default is not None else None,
    )


def _read_rule(element: etree._Element, row: int) -> dmn.Rule:
    notes = [_inner_text(note) for note in children(element, "annotationEntry")]
    description = child(element, "description")
    if description is not None:
        notes.insert(0, (description.text or "").strip())
    return dmn.Rule(
        id=element.get("id") or f"row-{row}",
        conditions=tuple(_read_cell(cell) for cell in children(element, "inputEntry")),
        outputs=tuple(_read_cell(cell) for cell in children(element, "outputEntry")),
        annotation=" ".join(note for note in notes if note),
        line=line_of(element),
    )


def _inner_text(element: etree._Element) -> str:
    text = child(element, "text")
    return (text.text or "").strip() if text is not None else ""


def _read_context(element: etree._Element) -> dmn.Context:
    entries = []
    for entry in children(element, "contextEntry"):
        variable = child(entry, "variable")
        name = name_of(variable) if variable is not None else None
        type_ref = type_ref_of(variable) if variable is not None else ""
        entries.append(dmn.ContextEntry(name, type_ref, read_expression(entry)))
    return dmn.Context(tuple(entries))


def _read_invocation(element: etree._Element) -> dmn.Invocation:
    bindings = []
    for binding in children(element, "binding"):
        parameter = child(binding, "parameter")
        name = name_of(parameter) if parameter is not None else ""
        bindings.append((name, read_expression(binding)))
    return dmn.Invocation(read_expression(element), tuple(bindings))


def _read_list(element: etree._Element) -> dmn.ListExpression:
    return dmn.ListExpression(tuple(_expressions(element)))


def _expressions(element: etree._Element) -> Iterator[dmn.BoxedExpression]:
    for part in element.iterchildren():
        reader = _READERS.get(etree.QName(part).localname)
        if reader is not None:
            yield reader(part)


def _read_relation(element: etree._Element) -> dmn.Relation:
    columns = tuple(name_of(column) for column in children(element, "column"))
    rows = tuple(tuple(_expressions(row)) for row in children(element, "row"))
    return dmn.Relation(columns, rows)


def read_parameters(element: etree._Element, name: str) -> tuple[dmn.FormalParameter, ...]:
    """Return the parameters that child elements of a name declare."""
    return tuple(
        dmn.FormalParameter(name_of(parameter), type_ref_of(parameter))
        for parameter in children(element, name)
    )


def read_function(element: etree._Element) -> dmn.FunctionDefinition:
    """Return a function definition: a boxed one, or the logic of a business knowledge model."""
    return dmn.FunctionDefinition(
        parameters=read_parameters(element, "formalParameter"),
        body=read_expression(element),
        kind=element.get("kind", "FEEL"),
        type_ref=type_ref_of(element),
    )


def _read_conditional(element: etree._Element) -> dmn.Conditional:
    return dmn.Conditional(
        *(read_expression(child(element, part)) for part in ("if", "then", "else"))
    )


def _read_filter(element: etree._Element) -> dmn.FilterExpression:
    return dmn.FilterExpression(
        read_expression(child(element, "in")), read_expression(child(element, "match"))
    )


def _read_iteration(element: etree._Element) -> dmn.IterationExpression:
    kind = etree.QName(element).localname
    body = child(element, "return" if kind == "for" else "satisfies")
    variable = " ".join((element.get("iteratorVariable") or "").split())
    return dmn.IterationExpression(
        kind, variable, read_expression(child(element, "in")), read_expression(body)
    )


_READERS: dict[str, Callable[[etree._Element], dmn.BoxedExpression]] = {
    "literalExpression": _read_literal,
    "decisionTable": _read_table,
    "context": _read_context,
    "invocation": _read_invocation,
    "list": _read_list,
    "relation": _read_relation,
    "functionDefinition": read_function,
    "conditional": _read_conditional,
    "filter": _read_filter,
    "for": _read_iteration,
    "some": _read_iteration,
    "every": _read_iteration,
}
