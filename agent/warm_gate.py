"""Which route tables wait for clusters to warm, and for how long. Pure; what is warm is Rollout's to know."""

from collections.abc import Mapping, Set

from agent.compiler.envoy_config import XdsResource

WARM_SECONDS = 15.0
"""Envoy's own patience for endpoints (`initial_fetch_timeout`)."""


class WarmGate:
    """A table waits while a cluster that it names is cold, at most `WARM_SECONDS` from when it first could have gone.

    Attributes:
        waiting: table → when it goes out whatever is cold.
    """

    def __init__(self) -> None:
        self.waiting: dict[str, float] = {}
        self._overdue: dict[str, frozenset[str]] = {}

    def __repr__(self) -> str:
        return f"<WarmGate {len(self.waiting)} waiting, {len(self._overdue)} overdue>"

    def must_wait(self, table: XdsResource, warm: Set[str], now: float) -> bool:
        """Whether *table* has to wait for a cluster that is not *warm* yet.

        It does not wait a second time for the same cluster, be it changed or sent again after a refusal.
        """
        cold = _cold(table.needs, warm)
        is_new = not cold <= self._overdue.get(table.name, frozenset())
        if is_new and now < self.waiting.setdefault(table.name, now + WARM_SECONDS):
            return True
        self.waiting.pop(table.name, None)
        self._overdue.pop(table.name, None)
        if cold:
            self._overdue[table.name] = cold
        return False

    def rest(self, table: str) -> None:
        """Nothing of *table* is to be sent."""
        self.waiting.pop(table, None)

    def forget(self, table: str) -> None:
        """*table* is not desired any more."""
        self.waiting.pop(table, None)
        self._overdue.pop(table, None)

    def open(self) -> None:
        """A new stream: whoever has to wait on it begins anew."""
        self.waiting.clear()
        self._overdue.clear()

    def deadline(self) -> float | None:
        """Return when the first table has waited long enough; None when none waits."""
        return min(self.waiting.values(), default=None)

    def overdue(self, warm: Set[str]) -> Mapping[str, frozenset[str]]:
        """Return table → clusters that were cold when it went out, and are not *warm* yet."""
        return {table: cold for table, late in self._overdue.items() if (cold := _cold(late, warm))}


def _cold(clusters: frozenset[str], warm: Set[str]) -> frozenset[str]:
    # Not `clusters - warm`: that would go through all warm clusters when *warm* is the keys of a dict.
    return frozenset(cluster for cluster in clusters if cluster not in warm)
