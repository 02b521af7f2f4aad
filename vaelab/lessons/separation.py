"""Which nodes of a graph can tell us about each other: every path between two nodes, and where it is blocked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

Parents = Mapping[str, tuple[str, ...]]
Path = tuple[str, ...]


def neighbours_of(edges: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Who is joined to whom, whatever the direction."""
    found: dict[str, set[str]] = {}
    for a, b in edges:
        found.setdefault(a, set()).add(b)
        found.setdefault(b, set()).add(a)
    return found


def edges_of(parents: Parents) -> list[tuple[str, str]]:
    """(parent, child) for every arrow of a directed graph."""
    return [(parent, child) for child, above in parents.items() for parent in above]


def paths(edges: Iterable[tuple[str, str]], a: str, b: str) -> list[Path]:
    """Every way from a to b along the edges, in either direction, that visits no node twice; the shortest first."""
    joined = neighbours_of(edges)
    found: list[Path] = []
    unfinished: list[Path] = [(a,)]
    while unfinished:
        path = unfinished.pop(0)
        if path[-1] == b:
            found.append(path)
        else:
            unfinished += [(*path, node) for node in sorted(joined.get(path[-1], ())) if node not in path]
    return found


def descendants(parents: Parents, node: str) -> set[str]:
    """Everything below a node."""
    children = {child for child, above in parents.items() if node in above}
    return children.union(*(descendants(parents, child) for child in children))


def blocked_at(parents: Parents, path: Path, known: Collection[str]) -> str | None:
    """The first node that blocks a path of a directed graph, None if the path is open. Pearl 1988, d-separation.

    Where two arrows meet (a collider) the path is blocked unless the node or something below it is known; at every
    other node it is blocked if the node is known.
    """
    for before, node, after in zip(path, path[1:], path[2:], strict=False):
        if before in parents[node] and after in parents[node]:
            if node not in known and not descendants(parents, node) & set(known):
                return node
        elif node in known:
            return node
    return None


def cut_at(path: Path, known: Collection[str]) -> str | None:
    """The first known node between the ends of a path of an undirected graph, None if the path is open."""
    return next((node for node in path[1:-1] if node in known), None)


def d_separated(parents: Parents, a: str, b: str, known: Collection[str]) -> bool:
    """Whether every path between a and b is blocked: then a and b are independent given `known`, whatever the tables say."""
    return all(blocked_at(parents, path, known) is not None for path in paths(edges_of(parents), a, b))


def separated(edges: Collection[tuple[str, str]], a: str, b: str, known: Collection[str]) -> bool:
    """Whether the known nodes cut every path between a and b of an undirected graph."""
    return all(cut_at(path, known) is not None for path in paths(edges, a, b))
