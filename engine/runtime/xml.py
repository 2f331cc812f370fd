"""Reads untrusted XML: no DOCTYPE, bounded size, depth and element count, comments dropped."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from engine.errors import DiagramRefused

BPMN_NAMESPACE = "http://www.omg.org/spec/BPMN/20100524/MODEL"
MAXIMUM_BYTES = 2 * 1024 * 1024
MAXIMUM_ELEMENTS = 20_000
MAXIMUM_DEPTH = 256

_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_DECLARATION = re.compile(rb"^\s*<\?xml\b[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._:-]+)[\"']")
_DECLARATION_TEXT = re.compile(r"^\s*<\?xml\b[^>]*?\?>")
_LATIN = re.compile(
    rb"\s*<\?xml\b[^>]*?encoding\s*=\s*[\"'](iso-8859-1|latin-?1|windows-1252)[\"']",
    re.IGNORECASE,
)
_PLAIN_TEXT = re.compile(r"<!--.*?-->|<!\[CDATA\[.*?\]\]>", re.DOTALL)
_TAG = re.compile(r"""<(/?)[^\W\d](?:[^<>"']|"[^"<]*"|'[^'<]*')*?(/?)>""")
_REFERENCE = re.compile(r"&#(?:x([0-9A-Fa-f]{1,6})|([0-9]{1,7}));")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_UNSHOWN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters, lone surrogates, and marks that reverse the order of letters."""


def problem(
    code: str, message: str, hint: str, *, element: str | None = None, line: int | None = None
) -> dict[str, Any]:
    """Return one problem in the shape that `DiagramRefused` carries."""
    return {"code": code, "element": element, "line": line, "message": message, "hint": hint}


def line_of(element: etree._Element) -> int | None:
    """Return the line of the file on which an element begins, counted from 1."""
    line: Any = element.sourceline
    return int(line) if line else None


def parse_hardened(
    xml: bytes, *, root: str | None = "definitions", allow_latin_1: bool = False
) -> etree._Element:
    """Parse a BPMN document and return its root element, without comments and instructions.

    `root` is the local name the root must have in the BPMN 2.0 namespace; `None` takes any root,
    which is how DMN documents are read. `allow_latin_1` also reads files that declare ISO-8859-1,
    as older tools write them; it is meant for import, not for publishing.

    Raises `DiagramRefused` with one problem whose code is empty-file, not-xml, not-bpmn,
    doctype-refused, too-large, too-complex, encoding or bad-character.
    """
    _require_size(xml)
    text = _decode(xml, allow_latin_1)
    markup = _drop_plain_text(text)
    _require_no_doctype(markup)
    _require_depth(markup)
    element = _parse(text)
    if root is not None:
        _require_bpmn(element, root)
    _require_clean_characters(element)
    return element


def _refuse(code: str, message: str, hint: str, **where: Any) -> DiagramRefused:
    return DiagramRefused([problem(code, message, hint, **where)])


def _require_size(xml: bytes) -> None:
    if not xml.strip(b" \t\r\n\x00"):
        raise _refuse("empty-file", "The file has no content.", "Send the diagram's XML.")
    if len(xml) > MAXIMUM_BYTES:
        raise _refuse(
            "too-large",
            f"The file has {len(xml):,} bytes; the limit is {MAXIMUM_BYTES:,}.",
            "Split the process into called processes.",
        )


def _decode(xml: bytes, allow_latin_1: bool) -> str:
    encoding = _detect_encoding(xml, allow_latin_1)
    try:
        text = xml.decode(encoding)
    except UnicodeDecodeError as error:
        if not xml.lstrip(b" \t\r\n\x00\xef\xbb\xbf\xff\xfe").startswith(b"<"):
            raise _refuse(
                "not-xml",
                "The file is not XML: it does not begin with a tag.",
                "Send the diagram's XML.",
                line=1,
            ) from None
        raise _refuse(
            "encoding",
            f"Byte {error.start} is not valid {encoding}.",
            "Save the diagram as UTF-8.",
        ) from None
    # The declaration is dropped because the parser gets text, not bytes.
    return _DECLARATION_TEXT.sub(
        lambda match: "\n" * match.group().count("\n"), text.lstrip("\ufeff"), count=1
    )


def _detect_encoding(xml: bytes, allow_latin_1: bool) -> str:
    if xml.startswith(_BYTE_ORDER_MARKS[1:]):
        return "utf-16"
    if xml.startswith(b"<\x00"):
        return "utf-16-le"
    if xml.startswith(b"\x00<"):
        return "utf-16-be"
    declared = _DECLARATION.match(xml.removeprefix(_BYTE_ORDER_MARKS[0]))
    name = declared.group(1).decode("ascii").lower() if declared else "utf-8"
    if allow_latin_1 and name in ("iso-8859-1", "latin-1", "latin1"):
        return "iso-8859-1"
    if name not in ("utf-8", "utf8", "us-ascii", "ascii"):
        raise _refuse(
            "encoding",
            f"The encoding {name} is not accepted; only UTF-8 and UTF-16 are.",
            "Save the diagram as UTF-8.",
        )
    return "utf-8"


def _drop_plain_text(text: str) -> str:
    """Blank comments and CDATA sections, in which tags mean nothing; lines stay where they are."""
    return _PLAIN_TEXT.sub(lambda match: "\n" * match.group().count("\n"), text)


def _require_no_doctype(text: str) -> None:
    found = text.upper().find("<!DOCTYPE")
    if found >= 0:
        raise _refuse(
            "doctype-refused",
            "The file has a DOCTYPE, which a diagram does not need.",
            "Remove the <!DOCTYPE …> declaration.",
            line=text.count("\n", 0, found) + 1,
        )


def _require_depth(text: str) -> None:
    # Counted on the text first: the parser itself stops at about 256 levels with an error that
    # does not tell depth from a mistake.
    depth = deepest = elements = 0
    for match in _TAG.finditer(text):
        closing, empty = match.groups()
        elements += not closing
        depth += -1 if closing else (0 if empty else 1)
        deepest = max(deepest, depth)
    _require_count("nested elements", deepest, MAXIMUM_DEPTH)
    _require_count("elements", elements, MAXIMUM_ELEMENTS)


def _require_count(what: str, count: int, limit: int) -> None:
    if count > limit:
        raise _refuse(
            "too-complex",
            f"The file has {count:,} {what}; the limit is {limit:,}.",
            "Split the process into called processes.",
        )


def _parse(text: str) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    found = _CONTROL.search(text)
    if found:
        raise _bad_character(found.group(), None, text.count("\n", 0, found.start()) + 1)
    _require_no_control_references(text)
    try:
        element = etree.fromstring(text, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise _refuse(
            "not-xml",
            f"The file is not well-formed XML: {error.msg}.",
            f"Look at line {line}, column {column}.",
            line=line,
        ) from None
    except ValueError as error:
        raise _refuse("not-xml", str(error), "Send the diagram's XML.") from None
    _require_count("elements", sum(1 for _ in element.iter()), MAXIMUM_ELEMENTS)
    return element


def _require_no_control_references(text: str) -> None:
    """Name the character that a reference such as `&#0;` stands for; XML has no place for it."""
    for found in _REFERENCE.finditer(text):
        hexadecimal, decimal = found.groups()
        code = int(hexadecimal, 16) if hexadecimal else int(decimal)
        if code < 0x20 and code not in (9, 10, 13):
            raise _bad_character(chr(code), None, text.count("\n", 0, found.start()) + 1)


def _require_bpmn(element: etree._Element, root: str) -> None:
    name = etree.QName(element)
    if name.localname != root or name.namespace != BPMN_NAMESPACE:
        raise _refuse(
            "not-bpmn",
            f"Root element is {name.localname}; expected {root} in the BPMN 2.0 namespace.",
            "Export the diagram as BPMN 2.0 XML.",
            line=line_of(element),
        )


def _require_clean_characters(root: etree._Element) -> None:
    for element in root.iter():
        for text in (element.text, *element.attrib.values()):
            found = _UNSHOWN.search(str(text or ""))
            if found:
                raise _bad_character(found.group(), element.get("id"), line_of(element))


def _bad_character(character: str, element: str | None, line: int | None) -> DiagramRefused:
    return _refuse(
        "bad-character",
        f"The text holds the character U+{ord(character):04X}, which can't be shown.",
        "Remove the character.",
        element=element,
        line=line,
    )


def recode_latin(xml: bytes) -> bytes:
    """Return a file that declares Latin-1, as many tools did, in UTF-8; any other as it is."""
    declared = _LATIN.match(xml) if len(xml) <= MAXIMUM_BYTES else None
    if declared is None:
        return xml
    return xml.replace(declared.group(1), b"UTF-8", 1).decode("iso-8859-1").encode("utf-8")
