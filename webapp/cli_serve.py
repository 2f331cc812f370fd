"""The commands `assent serve` and `assent demo`: web, API, workers and timers in one process."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from typing import Any

from flask import Flask
from waitress.server import create_server  # type: ignore[import-untyped]

from engine.commands.archive import keep_archiving
from engine.commands.context import execute
from engine.context import SYSTEM
from models.queries.people import list_people
from models.wakeups import Wakeups
from webapp.app import create_app
from webapp.config import Settings
from webapp.demo.loader import DEMO_PASSWORD, deploy_processes, load_demo
from webapp.installation import (
    add_broker_option,
    add_place_option,
    log_to_operator,
    make_ports,
    make_workers,
    open_prepared,
    settings_of,
)
from webapp.keys import read_web_keys, require_same_keys
from webapp.reachability import check_broker_of, mask_password
from webapp.services import EXTENSION, Services, open_services
from workers.topics import TOPICS

SERVE_EXAMPLES = """examples:
  assent serve                        serve what is in ./var; an empty one gets the processes
  assent serve --demo                 with the example organization, loaded on first start
  assent serve --port 9000 --data-dir /srv/assent
  assent serve --no-worker --database postgresql://assent:…@db/assent
                                      one of several web processes; see assent worker --help

Ctrl-C or SIGTERM stops cleanly: no new work, running jobs finished or handed back.
exit codes: 0 stopped, 1 the address cannot be listened on, 2 a setting is wrong, 3 in use
"""
DEMO_EXAMPLES = """examples:
  assent demo                         load the example organization into ./var
  assent serve                        and serve it

exit codes: 0 loaded (or there already), 2 a setting is wrong, 3 the database is being served
"""
UNUSABLE_ADDRESS = 1
HIGHEST_PORT = 65_535


def register(subparsers: Any) -> None:
    """Add the commands `serve` and `demo`."""
    raw = argparse.RawDescriptionHelpFormatter
    serve = subparsers.add_parser(
        "serve",
        help="serve web, API, workers and timers",
        epilog=SERVE_EXAMPLES,
        formatter_class=raw,
    )
    add_place_option(serve)
    serve.add_argument("--host", help="address to listen on (default: $ASSENT_HOST or 127.0.0.1)")
    serve.add_argument(
        "--port", type=_read_port, help="port (default: $ASSENT_PORT or 8080; 0: any)"
    )
    serve.add_argument(
        "--demo", action="store_true", default=None, help="load and show the example organization"
    )
    add_broker_option(serve)
    serve.add_argument(
        "--no-worker", action="store_true", help="leave jobs and timers to `assent worker`"
    )
    serve.set_defaults(run=run_serve)
    demo = subparsers.add_parser(
        "demo", help="load the example organization", epilog=DEMO_EXAMPLES, formatter_class=raw
    )
    add_place_option(demo)
    demo.set_defaults(run=run_demo)


def _read_port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= HIGHEST_PORT):
        raise argparse.ArgumentTypeError(f"{text!r} is no port; write 0 to {HIGHEST_PORT}")
    return int(text)


def run_serve(arguments: argparse.Namespace) -> int:
    """Serve until stopped."""
    log_to_operator()
    settings = settings_of(
        arguments,
        broker_url=arguments.broker,
        host=arguments.host,
        port=arguments.port,
        demo=arguments.demo,
        workers=0 if arguments.no_worker else None,
    )
    if settings.workers:  # Without workers of its own it publishes nothing.
        check_broker_of(settings)
    app = create_app(settings)
    services: Services = app.extensions[EXTENSION]
    try:
        ports = prepare(services)
        if settings.workers:
            services.workers = make_workers(services, ports)
        return _serve(app, services)
    finally:
        services.database.close()


def run_demo(arguments: argparse.Namespace) -> int:
    """Load the example organization into an installation that is not being served."""
    services = open_services(settings_of(arguments))
    try:
        services.database.hold_exclusively()
        with services.database.starting():
            open_prepared(services.database)
            require_same_keys(services.database, services.clock, read_web_keys(services.settings))
            loaded = load_demo(services, make_ports(services), TOPICS)
        print("The example organization was loaded." if loaded else "It was loaded already.")
        _print_logins(services)
    finally:
        services.database.close()
    return 0


def prepare(services: Services) -> Any:
    """Take the database, bring it up to date and fill in what a first start needs.

    Gives the ports of the workers. Raises DatabaseInUse when another process serves this file,
    BadSetting when this process has other keys than those before it.
    """
    services.database.hold_exclusively()
    with services.database.starting():
        open_prepared(services.database)
        require_same_keys(services.database, services.clock, read_web_keys(services.settings))
        ports = make_ports(services)
        ports.sweep_quarantine()
        if services.settings.demo:
            load_demo(services, ports, TOPICS)
        else:
            deploy_processes(services)
        days = services.settings.archive_after_days
        execute(services.database, services.clock, SYSTEM, keep_archiving, days=days)
    return ports


def _serve(app: Flask, services: Services) -> int:
    settings = services.settings
    try:
        server: Any = create_server(
            app,
            host=settings.host,
            port=settings.port,
            threads=settings.threads,
            connection_limit=1000,
            channel_request_lookahead=1,  # Notices when a client leaves while it waits.
            max_request_body_size=settings.media_limit_bytes + 1024 * 1024,
            ident="assent",
        )
    except (OSError, ValueError) as error:  # ValueError: the host has no address.
        place = f"{settings.host}:{settings.port}"
        reason = getattr(error, "strerror", None) or "there is no such address"
        print(f"assent: cannot listen on {place}: {reason}", file=sys.stderr)
        return UNUSABLE_ADDRESS
    _stop_on_signals(services)
    wakeups = Wakeups(services.database)
    wakeups.start()
    _start_workers(services)
    _print_welcome(settings, services, server.effective_port)
    try:
        server.run()  # Returns after SystemExit or KeyboardInterrupt, requests at hand answered.
    finally:
        print("Stopping…", flush=True)
        server.close()
        if services.workers is not None:
            services.workers.stop()
        wakeups.stop()
    print("Stopped.", flush=True)
    return 0


def _start_workers(services: Services) -> None:
    if services.workers is not None:
        services.workers.start()


def _stop_on_signals(services: Services) -> None:
    def stop(_signal: int, _frame: object) -> None:
        # The thread that gets the signal may hold any lock, so another one empties the room.
        threading.Thread(target=services.waiting_room.close, name="closing").start()
        raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def _print_welcome(settings: Settings, services: Services, port: int) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    print(f"Assent is at http://{host}:{port}")
    print(f"The API is described at http://{host}:{port}/api/v1/docs")
    if not services.database.is_sqlite:
        _print_shared(settings, services)
    if settings.demo:
        _print_logins(services)
    print("Ctrl-C stops.", flush=True)


def _print_shared(settings: Settings, services: Services) -> None:
    database = services.database.url.render_as_string(hide_password=True)
    print("Every web and worker process of this installation must have the same:")
    print(f"  database {database}, media library {mask_password(settings.resolved_media_url)},")
    print(f"  data folder {settings.data_dir.absolute()} (or copies of its secret.key and keys/)")
    if not settings.workers:
        print("Jobs and timers run in `assent worker`, started beside this.")


def _print_logins(services: Services) -> None:
    with services.database.read() as session:
        people = [row for row in list_people(session) if row.person.password_hash]
    print(f"Demo logins (password {DEMO_PASSWORD}):")
    for row in people:
        roles = ", ".join(row.roles).replace("_", " ")
        print(f"  {row.person.email:<42} {row.person.name:<22} {roles}")
