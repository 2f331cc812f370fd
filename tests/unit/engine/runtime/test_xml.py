"""Untrusted XML: every refusal has its code, and what is right is read."""

from __future__ import annotations

import pytest

from engine.errors import DiagramRefused
from engine.runtime.xml import line_of, parse_hardened

HEAD = '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL">'


def bpmn(inside: str) -> bytes:
    return f"{HEAD}{inside}</definitions>".encode()


BILLION = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        (b"", "empty-file"),
        (b" \n\t", "empty-file"),
        (b"just text", "not-xml"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 20, "not-xml"),
        (b"<definitions>", "not-xml"),
        (b"<html><body/></html>", "not-bpmn"),
        (b"<definitions/>", "not-bpmn"),
        (b'<!DOCTYPE d [<!ENTITY x "y">]>' + bpmn("&x;"), "doctype-refused"),
        (b'<!DOCTYPE d SYSTEM "http://x/y.dtd">' + bpmn(""), "doctype-refused"),
        (
            b'<!doctype d [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + bpmn("&x;"),
            "doctype-refused",
        ),
        (f"<!DOCTYPE d [<!ENTITY l0 'ha'>{BILLION}]>".encode() + bpmn("&l9;"), "doctype-refused"),
        (b"<!-- x --><!DOCTYPE d>" + bpmn(""), "doctype-refused"),
        (b"x" * (2 * 1024 * 1024 + 1), "too-large"),
        (bpmn("<a>" * 300 + "</a>" * 300), "too-complex"),
        (bpmn("<a/>" * 20_000), "too-complex"),
        (b'<?xml version="1.0" encoding="UTF-7"?><a/>', "encoding"),
        (b'<?xml version="1.0" encoding="EBCDIC-US"?><a/>', "encoding"),
        (bpmn("").replace(b"<def", b'<?xml version="1.0" encoding="ISO-8859-1"?><def'), "encoding"),
        (bpmn("\xe4").decode().encode("latin-1"), "encoding"),
        (bpmn('<task id="t" name="a\x01b"/>'), "bad-character"),
        (bpmn('<task id="t" name="a\x00b"/>'), "bad-character"),
        (bpmn('<task id="t" name="a&#x202E;b"/>'), "bad-character"),
        (bpmn('<task id="t" name="a&#0;b"/>'), "bad-character"),
        (bpmn('<task id="t" name="a&#x1b;b"/>'), "bad-character"),
        (bpmn('<task id="t">a&#x85;b</task>'), "bad-character"),
    ],
)
def test_a_hostile_file_is_refused_with_its_code(xml: bytes, code: str) -> None:
    with pytest.raises(DiagramRefused) as raised:
        parse_hardened(xml)
    (problem,) = raised.value.problems
    assert problem["code"] == code
    assert problem["message"]
    assert problem["hint"]


def test_a_bad_character_names_its_element_and_code_point() -> None:
    with pytest.raises(DiagramRefused) as raised:
        parse_hardened(bpmn('\n<task id="t" name="a&#x202E;b"/>'))
    (problem,) = raised.value.problems
    assert (problem["element"], problem["line"]) == ("t", 2)
    assert "U+202E" in problem["message"]


def test_comments_and_instructions_are_dropped_and_lines_are_kept() -> None:
    root = parse_hardened(
        b'<?xml version="1.0"\n encoding="UTF-8"?>\n<!-- <!DOCTYPE x> -->\n'
        + bpmn("<?run me?><!-- c -->\n<task/>")
    )
    assert [child.tag.rpartition("}")[2] for child in root] == ["task"]
    assert line_of(root[0]) == 5


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_encodings_are_read(encoding: str) -> None:
    text = '<?xml version="1.0" encoding="UTF-16"?>' if "16" in encoding else ""
    root = parse_hardened((text + bpmn('<task name="ä"/>').decode()).encode(encoding))
    assert root[0].get("name") == "ä"


def test_latin_1_is_read_for_import_only() -> None:
    xml = b'<?xml version="1.0" encoding="ISO-8859-1"?>' + bpmn(
        '<task name="\xe4"/>'
    ).decode().encode("latin-1")
    assert parse_hardened(xml, allow_latin_1=True)[0].get("name") == "ä"


def test_a_greater_sign_inside_attributes_and_text_does_not_confuse_the_counting() -> None:
    inside = '<task name="a > b"><x>c > d</x></task><![CDATA[ <a><b><c> ]]>' * 200
    assert len(parse_hardened(bpmn(inside))) == 200
