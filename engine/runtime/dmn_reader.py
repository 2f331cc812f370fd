"""Reads DMN files (1.1 to 1.5) into the pure decision model, hardened like every other XML."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from lxml import etree

from engine.decisions import model as dmn
from engine.decisions.default_namespace import Merged, merge_unnamed
from engine.errors import DiagramRefused
from engine.runtime.dmn_expressions import (
    child,
    children,
    name_of,
    read_expression,
    read_function,
    read_parameters,
    type_ref_of,
)
from engine.runtime.xml import line_of, parse_hardened, problem

MODEL_NAMESPACES = frozenset(
    {
        "http://www.omg.org/spec/DMN/20151101/dmn.xsd",
        "http://www.omg.org/spec/DMN/20180521/MODEL/",
        "https://www.omg.org/spec/DMN/20191111/MODEL/",
        "https://www.omg.org/spec/DMN/20211108/MODEL/",
        "https://www.omg.org/spec/DMN/20230324/MODEL/",
        "https://www.omg.org/spec/DMN/20240513/MODEL/",
    }
)
_DEEPEST_IMPORT = 5
_REQUIREMENTS = (
    ("informationRequirement", "requiredInput"),
    ("informationRequirement", "requiredDecision"),
    ("knowledgeRequirement", "requiredKnowledge"),
)

LoadImport: TypeAlias = Callable[[str, str | None], bytes | None]
"""Gives the file of an imported model by its namespace and location, None when there is none."""


def read_decision_model(xml: bytes, load_import: LoadImport | None = None) -> dmn.DecisionModel:
    """Return the decision model of a DMN file.

    `load_import` gives imported files. Raises DiagramRefused with one problem: the codes of
    `parse_hardened`, not-dmn, dmn-import for an import that is absent or goes in circles, and
    dmn-reference for a requirement that points to nothing.
    """
    return _read(xml, load_import, ()).model


def namespace_of_model(xml: bytes) -> str:
    """Return the namespace that a DMN file declares for itself, by which others import it."""
    return parse_hardened(xml, root=None).get("namespace", "")


def _read(xml: bytes, load_import: LoadImport | None, trail: tuple[str, ...]) -> Merged:
    root = parse_hardened(xml, root=None)
    name = etree.QName(root)
    if name.localname != "definitions" or name.namespace not in MODEL_NAMESPACES:
        raise _refuse(
            root,
            "not-dmn",
            f"Root element is {name.localname}; expected definitions in a DMN namespace.",
            "Export the decision as DMN 1.1 to 1.5 XML.",
        )
    namespace = root.get("namespace", "")
    if namespace in trail or len(trail) > _DEEPEST_IMPORT:
        raise _refuse(
            root,
            "dmn-import",
            f"The models import each other in a circle or over {_DEEPEST_IMPORT} deep.",
            "Move what both need into a third model.",
        )
    imports = list(_read_imports(root, load_import, (*trail, namespace)))
    model = dmn.DecisionModel(
        id=root.get("id", ""),
        name=name_of(root),
        namespace=namespace,
        inputs=tuple(_read_input(element) for element in children(root, "inputData")),
        decisions=tuple(_read_decision(element) for element in children(root, "decision")),
        knowledge=tuple(
            _read_knowledge(element) for element in children(root, "businessKnowledgeModel")
        ),
        services=tuple(_read_service(element) for element in children(root, "decisionService")),
        items=tuple(_read_item(element) for element in children(root, "itemDefinition")),
        imports=tuple(
            dmn.Import(name, inner.model.namespace, inner.model) for name, inner in imports if name
        ),
    )
    merged = merge_unnamed(model, (inner for name, inner in imports if not name))
    if not _imports_back(root, trail):
        _require_references(root, merged)
    return merged


def _imports_back(root: etree._Element, trail: tuple[str, ...]) -> bool:
    """Tell whether a model shares the namespace of one that is still being read.

    What it refers to may be there, and is not known yet.
    """
    return any(
        not name_of(element) and element.get("namespace", "") in trail
        for element in children(root, "import")
    )


def _refuse(element: etree._Element, code: str, message: str, hint: str) -> DiagramRefused:
    found = problem(code, message, hint, element=element.get("id"), line=line_of(element))
    return DiagramRefused([found])


def _read_imports(
    root: etree._Element, load_import: LoadImport | None, trail: tuple[str, ...]
) -> Iterator[tuple[str, Merged]]:
    """Yield the imported models by the names they get here.

    A model imported without a name from inside itself adds nothing to what is there already.
    """
    for element in children(root, "import"):
        if element.get("importType") not in MODEL_NAMESPACES:
            continue
        namespace = element.get("namespace", "")
        if namespace in trail and not name_of(element):
            continue
        location = element.get("locationURI")
        xml = load_import(namespace, location) if load_import else None
        if xml is None:
            raise _refuse(
                element,
                "dmn-import",
                f"The imported model {namespace} ({location or 'no location'}) is not there.",
                "Put its file beside this one.",
            )
        yield name_of(element), _read(xml, load_import, trail)


def _read_input(element: etree._Element) -> dmn.InputData:
    return dmn.InputData(element.get("id", ""), name_of(element), _variable_type(element))


def _variable_type(element: etree._Element) -> str:
    variable = child(element, "variable")
    return type_ref_of(variable) if variable is not None else ""


def _read_required(element: etree._Element) -> tuple[dmn.Reference, ...]:
    return tuple(
        _reference(target)
        for requirement, kind in _REQUIREMENTS
        for holder in children(element, requirement)
        for target in children(holder, kind)
    )


def _reference(element: etree._Element) -> dmn.Reference:
    namespace, separator, identifier = element.get("href", "").rpartition("#")
    return dmn.Reference(identifier if separator else element.get("href", ""), namespace)


def _read_decision(element: etree._Element) -> dmn.Decision:
    return dmn.Decision(
        id=element.get("id", ""),
        name=name_of(element),
        expression=read_expression(element),
        type_ref=_variable_type(element),
        required=_read_required(element),
        line=line_of(element),
    )


def _read_knowledge(element: etree._Element) -> dmn.BusinessKnowledgeModel:
    logic = child(element, "encapsulatedLogic")
    return dmn.BusinessKnowledgeModel(
        id=element.get("id", ""),
        name=name_of(element),
        function=read_function(logic) if logic is not None else None,
        type_ref=_variable_type(element),
        required=_read_required(element),
        line=line_of(element),
    )


def _read_service(element: etree._Element) -> dmn.DecisionService:
    def references(kind: str) -> tuple[dmn.Reference, ...]:
        return tuple(_reference(target) for target in children(element, kind))

    return dmn.DecisionService(
        id=element.get("id", ""),
        name=name_of(element),
        outputs=references("outputDecision"),
        encapsulated=references("encapsulatedDecision"),
        input_decisions=references("inputDecision"),
        input_data=references("inputData"),
        type_ref=_variable_type(element),
    )


def _read_item(element: etree._Element) -> dmn.ItemDefinition:
    function = child(element, "functionItem")
    return dmn.ItemDefinition(
        name=name_of(element),
        type_ref=type_ref_of(element),
        is_collection=element.get("isCollection") in ("true", "1"),
        components=tuple(_read_item(part) for part in children(element, "itemComponent")),
        allowed=_text_of(element, "allowedValues"),
        constraint=_text_of(element, "typeConstraint"),
        parameters=read_parameters(function, "parameters") if function is not None else None,
        result_type_ref=_result_type(function) if function is not None else "",
    )


def _result_type(function: etree._Element) -> str:
    return " ".join((function.get("outputTypeRef") or "").split()).rpartition(":")[2]


def _text_of(element: etree._Element, kind: str) -> str:
    holder = child(element, kind)
    text = child(holder, "text") if holder is not None else None
    return (text.text or "").strip() if text is not None else ""


def _require_references(root: etree._Element, merged: Merged) -> None:
    """Refuse requirements that point to nothing: at run time they would silently be null."""
    for element in root.iter():
        href = element.get("href") if isinstance(element.tag, str) else None
        kind = etree.QName(element).localname
        if href is None or kind not in _REFERRING:
            continue
        reference = _reference(element)
        known = reference in merged.aliases or _is_there(reference, merged.model)
        if not known:
            raise _refuse(
                _holder_of(element),
                "dmn-reference",
                f"{kind} points to {href!r}, and nothing has that id.",
                "Draw the requirement again or remove it.",
            )


def _holder_of(element: etree._Element) -> etree._Element:
    """Return the element people see: references themselves have no id."""
    parent = element.getparent()
    return element if parent is None else parent


_REFERRING = frozenset(
    {
        "requiredInput",
        "requiredDecision",
        "requiredKnowledge",
        "outputDecision",
        "encapsulatedDecision",
        "inputDecision",
    }
)


def _is_there(reference: dmn.Reference, model: dmn.DecisionModel) -> bool:
    if reference.namespace in ("", model.namespace) and model.find(reference.id) is not None:
        return True
    return any(
        (reference.namespace == imported.namespace and imported.model.find(reference.id))
        or _is_there(reference, imported.model)
        for imported in model.imports
    )
