"""Loads diagrams into definitions, once per content and OS process."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

from engine.errors import DiagramRefused, UnknownProcess
from engine.runtime import extensions as ext
from engine.runtime.compiler import ProcessCompiler
from engine.runtime.interface import Definition
from engine.runtime.process import Run
from engine.runtime.validation.diagram import Diagram, Scope
from engine.runtime.validation.document import check_ids, read_diagram
from engine.runtime.xml import parse_hardened, problem

_LARGEST_CACHE = 256
_cache: OrderedDict[tuple[str, str | None], Definition] = OrderedDict()
_cache_lock = threading.Lock()


def load_definition(xml: bytes, key: str | None = None) -> Definition:
    """Parse and compile a diagram, or return it from the cache.

    `key` chooses among several executable processes of the file; without it the first is taken.
    Raises `DiagramRefused` with every problem that keeps the process from being executed.
    """
    digest = hashlib.sha256(xml).hexdigest()
    with _cache_lock:
        cached = _cache.get((digest, key))
        if cached is not None:
            _cache.move_to_end((digest, key))
            return cached
    definition = _compile(xml, key, digest)
    with _cache_lock:
        _cache[digest, key] = definition
        while len(_cache) > _LARGEST_CACHE:
            _cache.popitem(last=False)
    return definition


def _compile(xml: bytes, key: str | None, digest: str) -> Definition:
    root = parse_hardened(xml)
    problems = check_ids(root)
    if problems:
        raise DiagramRefused([found.to_json() for found in problems])
    diagram = read_diagram(root)
    process = _choose_process(diagram, key)
    compiler = ProcessCompiler(diagram, process)
    compiled = compiler.compile()
    own_keys = tuple(scope.id for scope in diagram.processes)
    called = {
        info.reference.rpartition(":")[2]
        for info in compiled.elements.values()
        if info.kind == "callActivity" and info.reference and "${" not in info.reference
    }
    return Definition(
        key=process.id,
        name=process.name or process.id,
        digest=digest,
        xml=xml,
        process_ids=own_keys,
        elements=compiled.elements,
        starts=compiler.describer.starts(process),
        version_tag=ext.vendor(process.xml, "versionTag")
        or ext.zeebe(process.xml, "versionTag", "value"),
        called=tuple(sorted(name for name in called - set(own_keys) if name[:1] != "=")),
        compiled=compiled,
    )


def _choose_process(diagram: Diagram, key: str | None) -> Scope:
    for process in diagram.processes:
        if key is None or process.id == key:
            return process
    wanted = f"a process {key!r}" if key else "an executable process"
    raise DiagramRefused(
        [problem("no-process", f"The file holds not {wanted}.", 'Set isExecutable="true".')]
    )


def resolve_called(run: Run, key: str, digest: str | None) -> Definition:
    """Return a called process: one of the same file, else what the ports know by that key."""
    caller = run.definition
    if key in caller.process_ids and digest in (None, caller.digest):
        return load_definition(caller.xml, key)
    found = run.ports.load_called(key, digest)
    if digest is not None and found.digest != digest:
        raise UnknownProcess(f"The pinned version of {key!r} is not to be had.", field=key)
    return found
