"""The impact graph: which CIs a change reaches, how surely, and the shortest path that proves it.

Impact flows from a CI to those that depend on it. A hard relation carries it as it is; a soft one
carries it as soft; a redundant one only when too few targets of its group are left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import rustworkx as rx
from pyroaring import BitMap

from workers.conflicts.landscape import Ci, Relation, Service


@dataclass(frozen=True)
class Impact:
    """The nodes a change touches: changed itself, surely impacted, and impacted in any way.

    `reached` contains `hard`, which contains `changed`.
    """

    changed: BitMap
    hard: BitMap
    reached: BitMap


@dataclass(frozen=True)
class RedundancyGroup:
    """A node that loses its redundant targets once `needed` of them are impacted."""

    source: int
    targets: BitMap
    needed: int


class ImpactGraph:
    """CIs as numbered nodes with one graph for hard impact and one for impact of any kind."""

    def __init__(
        self,
        cis: Mapping[str, Ci],
        services: Mapping[str, Service],
        relations: Iterable[Relation],
        extra_ids: Iterable[str] = (),
    ):
        """Take the CIs, their services and relations; `extra_ids` are CIs known only by name."""
        self.ids = [*cis, *sorted(set(extra_ids) - set(cis))]
        self.nodes = {ci_id: node for node, ci_id in enumerate(self.ids)}
        self._cis = cis
        self._services = services
        self._hard = self._empty_graph()
        self._any = self._empty_graph()
        self._groups: list[RedundancyGroup] = []
        self._groups_of_target: dict[int, list[int]] = {}
        self._groups_of_source: dict[int, list[int]] = {}
        self._add_relations(relations)
        self._redundant_targets = BitMap(self._groups_of_target)
        self._below: dict[tuple[bool, int], BitMap] = {}
        self._needs: dict[tuple[bool, int], list[int]] = {}
        self._standing_on: dict[int, int] = {}

    def nodes_of(self, ci_ids: Iterable[str]) -> BitMap:
        """Return the nodes of the CIs; a CI that the graph does not hold is left out."""
        return BitMap(self.nodes[ci_id] for ci_id in ci_ids if ci_id in self.nodes)

    def impact_of(self, ci_ids: Iterable[str]) -> Impact:
        """Return what a change of these CIs reaches."""
        changed = self.nodes_of(ci_ids)
        return Impact(
            changed=changed,
            hard=self._close(changed, hard=True),
            reached=self._close(changed, hard=False),
        )

    def shortest_proof(
        self, roots: BitMap, goals: BitMap, impacted: BitMap, *, hard: bool
    ) -> tuple[int, ...]:
        """Return the shortest chain from a root to a goal along relations that carry the impact.

        Among equally short chains the end is chosen by `prominence`, then each step back to the
        root: a choice by the shape of the graph, which neither names nor the order of lists change.
        Empty if no goal is impacted.
        """
        goals = goals & impacted
        # Searching from the goals looks at what they depend on, which is little for each; from
        # the roots, at what depends on them, which for a core node is a large part of everything.
        if len(goals) * 4 <= len(impacted):
            layers = self._layers_from_goals(roots, goals, impacted, hard)
        else:
            layers = self._layers_from_roots(roots, goals, impacted, hard)
        if not layers:
            return ()
        chain = [self.best_of(layers[0])]
        for layer in layers[1:]:
            carriers = self._carriers_of(chain[-1], impacted, hard)
            chain.append(self.best_of(node for node in carriers if node in layer))
        return tuple(reversed(chain))

    def prominence(self, node: int) -> tuple[int, int, int, str]:
        """Rank a CI, most prominent first, for choices between equally good proofs.

        The better tier of its service, then its criticality, then the number of CIs it stands on:
        who stands on more is nearer to the customer. The identifier settles what is left.
        """
        ci = self._cis.get(self.ids[node])
        service = self._services.get(ci.service or "") if ci else None
        return (
            service.tier if service else 99,
            ci.criticality if ci else 99,
            -self._count_below(node),
            self.ids[node],
        )

    def best_of(self, nodes: Iterable[int]) -> int:
        """Return the most prominent of the nodes."""
        choices = list(nodes)
        return choices[0] if len(choices) == 1 else min(choices, key=self.prominence)

    def find_lost_group(self, node: int, changed: BitMap) -> tuple[int, int] | None:
        """Return how many redundant targets of a node are changed, of how many; None if none is."""
        for index in self._groups_of_source.get(node, ()):
            group = self._groups[index]
            lost = group.targets.intersection_cardinality(changed)
            if lost:
                return lost, len(group.targets)
        return None

    def redundant_dependents(self, changed: BitMap) -> list[int]:
        """Return the nodes that depend on one of these as one of several redundant targets."""
        touched = (changed & self._redundant_targets).to_array()
        groups = {index for target in touched for index in self._groups_of_target[target]}
        return sorted({self._groups[index].source for index in groups})

    def _empty_graph(self) -> rx.PyDiGraph[int, None]:
        graph: rx.PyDiGraph[int, None] = rx.PyDiGraph()
        graph.add_nodes_from(list(range(len(self.ids))))
        return graph

    def _add_relations(self, relations: Iterable[Relation]) -> None:
        hard: set[tuple[int, int]] = set()
        soft: set[tuple[int, int]] = set()
        groups: dict[tuple[int, str], tuple[BitMap, int]] = {}
        for relation in relations:
            source, target = self.nodes.get(relation.source), self.nodes.get(relation.target)
            if source is None or target is None or source == target:
                continue
            if relation.propagation == "redundant":
                key = (source, relation.redundancy_group or "")
                targets, quorum = groups.setdefault(key, (BitMap(), 1))
                targets.add(target)
                groups[key] = (targets, max(quorum, relation.quorum))
            elif relation.propagation == "hard":
                hard.add((target, source))
            elif relation.propagation == "soft":
                soft.add((target, source))
        self._hard.add_edges_from_no_data(sorted(hard))
        self._any.add_edges_from_no_data(sorted(hard | soft))
        for (source, _), (targets, quorum) in groups.items():
            self._add_group(source, targets, quorum)

    def _add_group(self, source: int, targets: BitMap, quorum: int) -> None:
        needed = max(1, len(targets) - quorum + 1)
        index = len(self._groups)
        self._groups.append(RedundancyGroup(source, targets, needed))
        self._groups_of_source.setdefault(source, []).append(index)
        for target in targets:
            self._groups_of_target.setdefault(target, []).append(index)

    def _close(self, changed: BitMap, *, hard: bool) -> BitMap:
        impacted = BitMap()
        fresh = list(changed)
        while fresh:
            grown = BitMap.union(impacted, *(self._reach(node, hard=hard) for node in fresh))
            new_targets = (grown - impacted) & self._redundant_targets
            impacted = grown
            fresh = self._newly_lost(new_targets, impacted)
        return impacted

    def _newly_lost(self, new_targets: BitMap, impacted: BitMap) -> list[int]:
        lost: set[int] = set()
        for target in new_targets:
            for index in self._groups_of_target[target]:
                group = self._groups[index]
                if group.source in impacted or group.source in lost:
                    continue
                if self._is_lost(group, impacted):
                    lost.add(group.source)
        return sorted(lost)

    def _reach(self, node: int, *, hard: bool) -> BitMap:
        """Return the node and all that follow by hard (or any plain) relations; remembered."""
        known = self._below.get((hard, node))
        if known is None:
            known = BitMap(rx.descendants(self._hard if hard else self._any, node))
            known.add(node)
            self._below[hard, node] = known
        return known

    def _count_below(self, node: int) -> int:
        count = self._standing_on.get(node)
        if count is None:
            count = self._standing_on[node] = len(rx.ancestors(self._any, node))
        return count

    def _layers_from_goals(
        self, roots: BitMap, goals: BitMap, impacted: BitMap, hard: bool
    ) -> list[set[int]]:
        """Search from the goals to the nearest root; keep only nodes of shortest chains."""
        layers = [set(goals)]
        seen = set(goals)
        while layers[-1] and not any(node in roots for node in layers[-1]):
            carriers = {
                carrier
                for node in layers[-1]
                for carrier in self._carriers_of(node, impacted, hard)
            }
            layers.append(carriers - seen)
            seen |= carriers
        layers[-1] = {node for node in layers[-1] if node in roots}
        for depth in range(len(layers) - 2, -1, -1):
            layers[depth] = {
                node
                for node in layers[depth]
                if not layers[depth + 1].isdisjoint(self._carriers_of(node, impacted, hard))
            }
        return layers if layers[-1] else []

    def _layers_from_roots(
        self, roots: BitMap, goals: BitMap, impacted: BitMap, hard: bool
    ) -> list[set[int]]:
        """Search from the roots to the nearest goals; the layers come back goals first."""
        layers = [set(roots)]
        seen = set(roots)
        while layers[-1] and not any(node in goals for node in layers[-1]):
            impacted_next = {
                follower
                for node in layers[-1]
                for follower in self._followers_of(node, impacted, hard)
            }
            layers.append(impacted_next - seen)
            seen |= impacted_next
        layers[-1] = {node for node in layers[-1] if node in goals}
        return layers[::-1] if layers[-1] else []

    def _carriers_of(self, node: int, impacted: BitMap, hard: bool) -> list[int]:
        """Return the impacted nodes that `node` depends on and that pass the impact to it."""
        carriers = [each for each in self._needs_of(node, hard) if each in impacted]
        for index in self._groups_of_source.get(node, ()):
            if self._is_lost(self._groups[index], impacted):
                carriers.extend(self._groups[index].targets & impacted)
        return carriers

    def _needs_of(self, node: int, hard: bool) -> list[int]:
        """Return what `node` depends on without redundancy; remembered, as it is asked often."""
        needs = self._needs.get((hard, node))
        if needs is None:
            graph = self._hard if hard else self._any
            needs = self._needs[hard, node] = list(graph.predecessor_indices(node))
        return needs

    def _followers_of(self, node: int, impacted: BitMap, hard: bool) -> list[int]:
        """Return the nodes that depend on `node` and to which it passes the impact."""
        graph = self._hard if hard else self._any
        followers = list(graph.successor_indices(node))
        for index in self._groups_of_target.get(node, ()):
            if self._is_lost(self._groups[index], impacted):
                followers.append(self._groups[index].source)
        return followers

    def _is_lost(self, group: RedundancyGroup, impacted: BitMap) -> bool:
        return group.targets.intersection_cardinality(impacted) >= group.needed
