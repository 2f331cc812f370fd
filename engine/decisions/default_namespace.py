"""Merges models imported without a name: their elements are the importing model's own (DMN 1.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from engine.decisions import model as dmn

Referring = TypeVar("Referring", dmn.Decision, dmn.BusinessKnowledgeModel)
Named = TypeVar("Named", dmn.ItemDefinition, dmn.Import)

Aliases = Mapping[dmn.Reference, str]
"""The id in the merged model of every element that came from elsewhere, by its full reference."""


@dataclass(frozen=True, slots=True)
class Merged:
    """A model with what it imports without a name, and where that came from."""

    model: dmn.DecisionModel
    aliases: Aliases = field(default_factory=dict)


def merge_unnamed(model: dmn.DecisionModel, unnamed: Iterable[Merged]) -> Merged:
    """Return the model with the elements of the models that it imports without a name.

    Where two elements share a name the importing model's own stands, then that of the first
    import; whoever requires the other one gets the one that stands.
    """
    aliases: dict[dmn.Reference, str] = {}
    merged = model
    for imported in unnamed:
        merged = _merge(merged, imported, aliases)
    return Merged(_redirect_all(merged, model.namespace, aliases), aliases)


def _merge(
    model: dmn.DecisionModel, imported: Merged, aliases: dict[dmn.Reference, str]
) -> dmn.DecisionModel:
    inner = imported.model
    standing = {element.name: element.id for element in model.elements()}
    ids = set(standing.values())
    moved = {
        element.id: standing.get(element.name)
        or (f"{inner.namespace}#{element.id}" if element.id in ids else element.id)
        for element in inner.elements()
    }
    aliases.update(
        {dmn.Reference(old, inner.namespace): new for old, new in moved.items()}
        | {origin: moved.get(old, old) for origin, old in imported.aliases.items()}
    )
    inner = _redirect_all(inner, inner.namespace, aliases)
    kept = [element for element in inner.elements() if element.name not in standing]
    renamed = [replace(element, id=moved[element.id]) for element in kept]
    return replace(
        model,
        inputs=(*model.inputs, *(one for one in renamed if isinstance(one, dmn.InputData))),
        decisions=(*model.decisions, *(one for one in renamed if isinstance(one, dmn.Decision))),
        knowledge=(
            *model.knowledge,
            *(one for one in renamed if isinstance(one, dmn.BusinessKnowledgeModel)),
        ),
        services=(
            *model.services,
            *(one for one in renamed if isinstance(one, dmn.DecisionService)),
        ),
        items=(*model.items, *_not_yet_in(model.items, inner.items)),
        imports=(*model.imports, *_not_yet_in(model.imports, inner.imports)),
    )


def _not_yet_in(standing: tuple[Named, ...], further: tuple[Named, ...]) -> Iterator[Named]:
    names = {one.name for one in standing}
    return (one for one in further if one.name not in names)


def _redirect_all(model: dmn.DecisionModel, home: str, aliases: Aliases) -> dmn.DecisionModel:
    """Return the model with its references pointing to where the elements now stand."""
    if not aliases:
        return model
    own = {element.id for element in model.elements()}
    by_id = {origin.id: new for origin, new in reversed(list(aliases.items()))}

    def redirect(reference: dmn.Reference) -> dmn.Reference:
        full = dmn.Reference(reference.id, reference.namespace or home)
        if full in aliases:
            return dmn.Reference(aliases[full])
        if reference.namespace in ("", home) and reference.id not in own and reference.id in by_id:
            return dmn.Reference(by_id[reference.id])
        return reference

    return replace(
        model,
        decisions=tuple(_redirect(one, redirect) for one in model.decisions),
        knowledge=tuple(_redirect(one, redirect) for one in model.knowledge),
        services=tuple(
            replace(
                one,
                outputs=tuple(map(redirect, one.outputs)),
                encapsulated=tuple(map(redirect, one.encapsulated)),
                input_decisions=tuple(map(redirect, one.input_decisions)),
                input_data=tuple(map(redirect, one.input_data)),
            )
            for one in model.services
        ),
    )


def _redirect(element: Referring, redirect: Callable[[dmn.Reference], dmn.Reference]) -> Referring:
    return replace(element, required=tuple(map(redirect, element.required)))
