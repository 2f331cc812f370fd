"""Serves the gallery: `python -m tests.browser.gallery.site FOLDER` writes screenshots of it."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask, Response, render_template, request
from jinja2 import ChoiceLoader, FileSystemLoader
from werkzeug.datastructures import MultiDict
from werkzeug.serving import make_server

from engine.forms import coerce, read_form
from tests.browser.gallery import calendar, diagrams, samples
from webapp.render.bpmn_svg import Heat, render_diagram
from webapp.render.form_fields import view_form

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
PAGES = ("inbox", "task", "task?errors=1", "form", "form?errors=1", "schedule", "parts", "login")
WEBAPP = Path(__file__).resolve().parents[3] / "webapp"


def create_gallery() -> Flask:
    """Make an application that knows the page kit and the sample pages, and nothing else."""
    app = Flask("gallery", static_folder=str(WEBAPP / "static"))
    app.config["SECRET_KEY"] = "gallery"  # Flash messages need one; nothing else does.
    app.jinja_loader = ChoiceLoader(
        [FileSystemLoader(WEBAPP / "templates"), FileSystemLoader(Path(__file__).parent)]
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    @app.after_request
    def add_policy(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = CSP
        return response

    @app.get("/favicon.ico")
    @app.get("/quiet")
    def quiet() -> tuple[str, int]:
        return "", 304

    @app.get("/<page>")
    def show(page: str) -> str:
        template = "auth/sign_in.html" if page == "login" else f"{page}.html"
        return render_template(template, **_context(page, "errors" in request.args))

    return app


def _context(page: str, errors: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "csrf_token": "token",
        "counts": {"inbox": 5},
        "person": {
            "id": "mara",
            "name": "Mara Okafor",
            "role": "Change manager",
            "initials": "MO",
        },
        "criteria": samples.CRITERIA,
        "entries": samples.ENTRIES,
        "errors": {},
    }
    if page == "inbox":
        found["groups"] = samples.GROUPS
        found["criteria"] = [
            item | {"url": "/task", "link": "show"} if item.get("url") else item
            for item in samples.CRITERIA
        ]
    elif page == "task":
        found |= _task(errors)
    elif page == "form":
        found |= _form(errors)
    elif page == "schedule":
        found |= {"grid": calendar.grid(), "days": calendar.DAYS}
    elif page == "parts":
        found |= _parts()
    elif page == "login":
        people = [{"name": "Mara Okafor", "email": "mara@example.org", "role": "Change manager"}]
        found |= {"person": None, "people": people * 6, "demo_password": "assent"}
    return found


def _task(errors: bool) -> dict[str, Any]:
    tokens = {"auth": 2}
    done = {"s": 1, "check": 3, "f1": 1, "f2": 3, "plan": 2, "f5": 2, "f6": 2, "f3": 2}
    refused = {"conditions": "Enter the conditions"} if errors else {}
    return {
        "phases": samples.PHASES,
        "findings": samples.findings(),
        "svg": render_diagram(diagrams.release_layout(), tokens, done),
        "lesson_items": samples.LESSONS,
        "value": "authorize_with_conditions",
        "conditions": "" if errors else "Move to Fri 27 Nov, 22:00. Contract test is green first.",
        "comment": "",
        "errors": refused,
    }


def _form(errors: bool) -> dict[str, Any]:
    form = read_form(samples.FORM_SCHEMA)
    if not errors:
        values = {"title": "Payments API 4.2", "areas": ["Services"], "urgency": "high"}
        return {"view": view_form(form, values, zone=samples.ZONE)}
    posted = MultiDict([("title", ""), ("budget", "a lot"), ("service", "Identity")])
    _, wrong = coerce(form, posted, zone=samples.ZONE)
    view = view_form(form, None, wrong, posted=posted.to_dict(flat=False), zone=samples.ZONE)
    return {"view": view, "errors": wrong}


def _parts() -> dict[str, Any]:
    layout = diagrams.every_element()
    tokens = {"userTask": 1, "exclusiveGateway": 12, "startEvent-timer": 1}
    done = {"serviceTask": 1, "startEvent-": 1, "parallelGateway": 1, "m": 1}
    heat = {
        "check": Heat(0, "96× · p90 2 min"),
        "auth": Heat(4, "96× · p90 61 h"),
        "plan": Heat(2, "31× · p90 20 h"),
        "dep": Heat(3, "90× · p90 40 h"),
    }
    return {
        "board": samples.BOARD,
        "svg": render_diagram(layout, tokens, done, interrupted={"receiveTask"}),
        "heat": render_diagram(diagrams.release_layout(), heat=heat),
    }


@contextmanager
def serve_gallery() -> Iterator[str]:
    """Serve the gallery on a free port of this machine and give its address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, create_gallery(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


def take_screenshots(folder: Path) -> None:
    """Write one picture a page, width and color scheme to `folder`."""
    from playwright.sync_api import sync_playwright

    from tests.browser.gallery.browser import LAUNCH

    with serve_gallery() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**LAUNCH)
        for width in (1280, 390):
            for scheme in ("light", "dark"):
                context = browser.new_context(
                    viewport={"width": width, "height": 900}, color_scheme=scheme
                )
                page = context.new_page()
                for name in PAGES:
                    page.goto(f"{address}/{name}")
                    file = name.replace("?errors=1", "-errors")
                    page.screenshot(path=folder / f"{file}-{width}-{scheme}.png", full_page=True)
                context.close()
        browser.close()


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    take_screenshots(target)
