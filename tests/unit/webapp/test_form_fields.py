"""Forms are shown with what was typed, their errors and their answers; text is never markup."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask, render_template_string
from werkzeug.datastructures import MultiDict

from engine.forms import Form, coerce, read_form
from tests.browser.gallery.site import create_gallery
from webapp.render.form_fields import FormView, view_form
from webapp.render.markdown import render_text

ATTACK = '<script>alert("x")</script>'
PAGE = (
    '{% from "parts/form.html" import error_summary, form_fields %}'
    "{{ error_summary(view.errors) }}{{ form_fields(view) }}"
)


@pytest.fixture(scope="module")
def gallery() -> Flask:
    return create_gallery()


def form_of(*components: dict[str, Any]) -> Form:
    return read_form({"components": list(components)})


def show(gallery: Flask, view: FormView) -> str:
    with gallery.test_request_context("/"):
        return render_template_string(PAGE, view=view)


def test_a_refused_form_shows_what_was_typed_and_links_errors_to_fields(gallery: Flask) -> None:
    # given a form that was posted with a mistake
    form = form_of(
        {"type": "number", "key": "cost", "label": "Cost", "description": "In euro"},
        {
            "type": "radio",
            "key": "risk",
            "label": "Risk",
            "values": ["low", "high"],
            "validate": {"required": True},
        },
    )
    posted = MultiDict([("cost", "a lot")])
    _, errors = coerce(form, posted)
    # when it is shown again
    html = show(gallery, view_form(form, None, errors, posted=posted.to_dict(flat=False)))
    # then the text is kept and both the summary and the field say the same
    assert 'value="a lot"' in html
    assert '<a href="#input-cost">Cost must be a number</a>' in html
    assert '<a href="#input-risk">Choose the risk</a>' in html
    assert 'aria-describedby="hint-cost error-cost" aria-invalid="true"' in html
    assert 'id="error-cost"' in html
    assert html.count('id="input-risk"') == 1


def test_saved_values_and_defaults_are_shown(gallery: Flask) -> None:
    form = form_of(
        {"type": "textfield", "key": "a", "defaultValue": "first"},
        {"type": "select", "key": "b", "values": [{"value": 1, "label": "One"}, "two"]},
        {"type": "checklist", "key": "c", "values": ["x", "y"]},
        {"type": "checkbox", "key": "d", "defaultValue": True},
        {"type": "datetime", "subtype": "datetime", "key": "e"},
    )
    saved = {"b": 1, "c": ["y"], "e": "2027-01-18T21:00+00:00"}
    html = show(gallery, view_form(form, saved, zone="Europe/Berlin"))
    assert 'value="first"' in html
    assert '<option value="1" selected>One</option>' in html
    assert 'value="y" checked' in html
    assert 'value="x" checked' not in html
    assert 'name="d" value="true" checked' in html
    assert 'type="datetime-local" name="e" value="2027-01-18T22:00"' in html
    assert "Times are in Europe/Berlin." in html


def test_text_of_schema_and_data_is_escaped_everywhere(gallery: Flask) -> None:
    # given attacks in every place that holds text
    form = form_of(
        {"type": "text", "text": f"{ATTACK} {{{{ evil }}}}"},
        {
            "type": "textfield",
            "key": "a",
            "label": ATTACK,
            "description": ATTACK,
            "appearance": {"prefixAdorner": ATTACK},
        },
        {"type": "textarea", "key": "b", "label": ATTACK},
        {"type": "select", "key": "c", "label": ATTACK, "values": [ATTACK]},
        {"type": "radio", "key": "d", "label": ATTACK, "values": [ATTACK]},
        {
            "type": "group",
            "label": ATTACK,
            "components": [
                {
                    "type": "table",
                    "label": ATTACK,
                    "dataSource": "=rows",
                    "columns": [{"key": "x", "label": ATTACK}],
                }
            ],
        },
    )
    data = {"evil": ATTACK, "rows": [{"x": ATTACK}], "a": ATTACK, "b": f"</textarea>{ATTACK}"}
    # when the form is shown with errors
    html = show(gallery, view_form(form, None, {"a": ATTACK}, data))
    # then none of it is markup
    assert "<script" not in html
    assert html.count("</textarea>") == 1
    assert html.count("&lt;script&gt;") >= 12


def test_hidden_fields_are_left_out_until_they_apply(gallery: Flask) -> None:
    form = form_of(
        {"type": "checkbox", "key": "big", "label": "Big"},
        {
            "type": "group",
            "label": "Board",
            "conditional": {"hide": "=not(big)"},
            "components": [{"type": "textfield", "key": "chair", "label": "Chair"}],
        },
    )
    assert "Chair" not in show(gallery, view_form(form, {"big": False}))
    assert "Chair" in show(gallery, view_form(form, {"big": True}))
    assert "Some answers lead to further questions" in show(gallery, view_form(form))


def test_tables_show_data_read_only(gallery: Flask) -> None:
    form = form_of(
        {
            "type": "table",
            "label": "Rows",
            "dataSource": "=rows",
            "columns": [{"key": "n", "label": "Number"}, {"key": "ok", "label": "Fine"}],
        }
    )
    rows = [{"n": 1.5, "ok": True}, {"n": None}, "no row"]
    html = show(gallery, view_form(form, data={"rows": rows}))
    assert "<td>1.5</td><td>yes</td>" in html
    assert "<td>–</td><td>–</td>" in html
    assert "Nothing to show" in show(gallery, view_form(form))


def test_locked_fields_cannot_be_typed_in(gallery: Flask) -> None:
    form = form_of(
        {"type": "textfield", "key": "a", "readonly": True},
        {"type": "select", "key": "b", "values": ["x"], "disabled": True},
    )
    html = show(gallery, view_form(form, data={"a": "kept", "b": "x"}))
    assert re.search(r'value="kept"[^>]* readonly>', html)
    assert re.search(r"<select[^>]* disabled>", html)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain", "<p>plain</p>"),
        ("one\ntwo\n\nthree", "<p>one<br>two</p><p>three</p>"),
        ("**bold** and *soft*", "<p><strong>bold</strong> and <em>soft</em></p>"),
        ("# Head\n- a\n- b\n1. c", "<h3>Head</h3><ul><li>a</li><li>b</li></ul><ol><li>c</li></ol>"),
        ("snake_case_name stays", "<p>snake_case_name stays</p>"),
        (
            "[doc](https://example.org/a?b=1&c=2)",
            '<p><a href="https://example.org/a?b=1&amp;c=2" rel="noreferrer">doc</a></p>',
        ),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ("[x](//evil.example)", "<p>[x](//evil.example)</p>"),
        (
            '[x](https://e.org/"onx=1)',
            '<p><a href="https://e.org/&#34;onx=1" rel="noreferrer">x</a></p>',
        ),
        ("a < b & c", "<p>a &lt; b &amp; c</p>"),
        ("{{ 1 + 2 }} of {{ missing }}{{ 1 + }}", "<p>3 of</p>"),
        ("{{ name }}", "<p>*not* bold</p>"),
        ("", ""),
    ],
)
def test_small_text_becomes_safe_html(text: str, html: str) -> None:
    assert render_text(text, {"name": "*not* bold"}) == html
