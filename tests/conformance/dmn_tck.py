"""Reads test cases of the DMN compatibility kit: inputs and expected values of decisions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from lxml import etree

from engine.decisions import DecisionModel, call_knowledge, evaluate_decision, evaluate_service
from engine.feel.temporal_text import read_date, read_datetime, read_duration, read_time
from engine.runtime.dmn_reader import read_decision_model
from engine.runtime.xml import parse_hardened

LEVEL_2 = Path(__file__).resolve().parents[2] / "../shared/conformance/dmn-tck-level-2"
_NAMESPACE = "{http://www.omg.org/spec/DMN/20160719/testcase}"
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_READERS: dict[str, Callable[[str], Any]] = {
    "decimal": Decimal,
    "double": Decimal,
    "integer": Decimal,
    "string": str,
    "boolean": lambda text: text == "true",
    "date": read_date,
    "time": read_time,
    "dateTime": read_datetime,
    "duration": read_duration,
}


@dataclass(frozen=True)
class Case:
    """One expected result of one test case."""

    folder: str
    case: str
    kind: str
    name: str
    invocable: str
    inputs: dict[str, Any]
    expected: Any
    expects_error: bool
    model: Path


def read_cases(folder: Path) -> Iterator[Case]:
    """Yield every expected result of the test files in a folder."""
    for file in sorted(folder.glob("*/*-test-*.xml")):
        root = parse_hardened(file.read_bytes(), root=None)
        model = file.parent / (root.findtext(f"{_NAMESPACE}modelName") or "")
        for case in root.iter(f"{_NAMESPACE}testCase"):
            inputs = {
                node.get("name", ""): _read_value(node)
                for node in case.iterchildren(f"{_NAMESPACE}inputNode")
            }
            for result in case.iterchildren(f"{_NAMESPACE}resultNode"):
                expected = result.find(f"{_NAMESPACE}expected")
                yield Case(
                    folder=file.parent.name,
                    case=case.get("id", ""),
                    kind=result.get("type") or case.get("type") or "decision",
                    name=result.get("name", ""),
                    invocable=case.get("invocableName", ""),
                    inputs=inputs,
                    expected=None if expected is None else _read_value(expected),
                    expects_error=result.get("errorResult") == "true",
                    model=model,
                )


def _read_value(node: etree._Element) -> Any:
    listing = node.find(f"{_NAMESPACE}list")
    if listing is not None:
        return [_read_value(item) for item in listing.iterchildren(f"{_NAMESPACE}item")]
    components = list(node.iterchildren(f"{_NAMESPACE}component"))
    if components:
        return {component.get("name", ""): _read_value(component) for component in components}
    value = node.find(f"{_NAMESPACE}value")
    if value is None or value.get(_NIL) == "true":
        return None
    kind = (value.get(_TYPE) or "xsd:string").rpartition(":")[2]
    return _READERS[kind](value.text or "")


def read_model(path: Path) -> DecisionModel:
    """Return a model, its imports found beside it by their namespace."""
    files = {other.name: other.read_bytes() for other in path.parent.glob("*.dmn")}

    def load_import(namespace: str, location: str | None) -> bytes | None:
        for content in files.values():
            if parse_hardened(content, root=None).get("namespace") == namespace:
                return content
        return None

    return read_decision_model(files[path.name], load_import)


def run_case(model: DecisionModel, case: Case) -> Any:
    """Return what we answer to a case, as a FEEL value."""
    if case.kind == "decisionService":
        return evaluate_service(model, case.invocable or case.name, case.inputs).feel_value
    if case.kind == "bkm":
        return call_knowledge(model, case.invocable or case.name, case.inputs).feel_value
    return evaluate_decision(model, case.name, case.inputs).feel_value


def same(expected: Any, actual: Any) -> bool:
    """Compare an expected with an actual value; numbers as the kit does, to 8 decimal places."""
    if isinstance(expected, Decimal) and isinstance(actual, Decimal):
        return abs(expected - actual) < Decimal("0.00000001")
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(same, expected, actual))
    if isinstance(expected, dict) and isinstance(actual, dict):
        return expected.keys() == actual.keys() and all(
            same(value, actual[key]) for key, value in expected.items()
        )
    return bool(expected == actual)
