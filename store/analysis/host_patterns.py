"""Which of many host patterns overlap one: the narrower of two names that overlap is what is served."""

from bisect import bisect_left
from collections.abc import Iterable

from store.index import canonical
from store.resources.sni import HostSet


class HostPatterns:
    """Hosts and wildcards, of which one asks in the time of a look-up whether any of them overlaps another."""

    def __init__(self, hosts: Iterable[str]) -> None:
        names = list(map(canonical, hosts))
        self._above = HostSet(names)
        self._reversed = sorted(name[::-1] for name in names)

    def overlap(self, pattern: str) -> bool:
        """Return whether some host covers *pattern*, or is covered by it as a wildcard."""
        name = canonical(pattern)
        if self._above.covers(name):
            return True
        end = name[:0:-1]
        at = bisect_left(self._reversed, end)
        return name.startswith("*") and at < len(self._reversed) and self._reversed[at].startswith(end)
