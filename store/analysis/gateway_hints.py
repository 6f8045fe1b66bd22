"""Which Gateway a name that leads nowhere was meant for."""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cached_property

from store.analysis.mesh import MAX_HINTS, Mesh

MAX_LISTED = 5
"""Of no more Gateways all are named to who names one that is not there."""

VERY_LIKE = 0.8
"""`difflib`'s ratio from which one name is taken for another: names of Gateways often end alike (`-gateway`)."""


class GatewayHints:
    """The Gateways of a mesh by name, and what was found among them: looking through all of them takes its time."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._like: dict[str, str | None] = {}

    def hint(self, name: str) -> str | None:
        """Return which Gateway *name* (`namespace/name`) was meant for: one of that name elsewhere, or one very like
        it; else all there are, if they are few. None when there is nothing to say. What is like a name is looked for
        MAX_HINTS times.
        """
        short = name.partition("/")[2]
        near = self._names.get(short) or self._near(short)
        if near is not None:
            return f'did you mean "{near}"?'
        return f"there are {', '.join(sorted(self._all))}" if 0 < len(self._all) <= MAX_LISTED else None

    def _near(self, short: str) -> str | None:
        if short not in self._like and len(self._like) < MAX_HINTS:
            found = get_close_matches(short, self._names, n=1, cutoff=VERY_LIKE)
            self._like[short] = self._names[found[0]] if found else None
        return self._like.get(short)

    @cached_property
    def _all(self) -> list[str]:
        return sorted((f"{key.namespace}/{key.name}" for key, _ in self._mesh.gateways), reverse=True)

    @cached_property
    def _names(self) -> Mapping[str, str]:
        """Name → `namespace/name`, of several the first."""
        return {written.partition("/")[2]: written for written in self._all}
