"""Which clusters the route tables in Envoy's hands name. A cluster in use must not go. Pure; who decides is Rollout."""

from collections import Counter, defaultdict


class Holdings:
    """Tables that Envoy holds, and versions of them that are on their way to it."""

    def __init__(self) -> None:
        self._held: dict[str, frozenset[str] | None] = {}
        self._sent: defaultdict[str, dict[str, frozenset[str]]] = defaultdict(dict)
        self._counted: dict[str, frozenset[str]] = {}
        self._uses: Counter[str] = Counter()
        self._unknown: set[str] = set()

    def __repr__(self) -> str:
        return f"<Holdings {len(self._held)} tables, {len(self._unknown)} unknown, {len(self._uses)} clusters>"

    def is_used(self, cluster: str) -> bool:
        """Whether a table that Envoy holds, or is about to, may name *cluster*."""
        return bool(self._unknown) or cluster in self._uses

    def report(self, table: str, needs: frozenset[str] | None) -> None:
        """Envoy says that it holds *table*, which names *needs* (None: a version that we do not know)."""
        self._held[table] = needs
        self._recount(table)

    def send(self, table: str, nonce: str, needs: frozenset[str]) -> None:
        """A version is on the way: until Envoy answers, either may be in force."""
        self._sent[table][nonce] = needs
        self._recount(table)

    def accept(self, table: str, nonce: str) -> None:
        """The version that *nonce* carried is in force, and none that was sent before it."""
        needs = self._sent[table].get(nonce)
        if needs is None:
            return
        while next(iter(self._sent[table])) != nonce:
            del self._sent[table][next(iter(self._sent[table]))]
        del self._sent[table][nonce]
        self._held[table] = needs
        self._recount(table)

    def refuse(self, table: str, nonce: str) -> None:
        """The version that *nonce* carried is not in force: refused by itself, or not asked for any more."""
        self._sent[table].pop(nonce, None)
        self._recount(table)

    def doubt(self, table: str, nonce: str) -> None:
        """*nonce* was refused as a whole, but Envoy may have applied this part of it."""
        needs = self._sent[table].pop(nonce, frozenset())
        held = self._held.get(table, frozenset())
        self._held[table] = None if held is None else held | needs
        self._recount(table)

    def drop(self, table: str) -> None:
        """Envoy has unsubscribed *table*. What is on the way may still meet a subscription that follows."""
        self._held.pop(table, None)
        self._recount(table)

    def _recount(self, table: str) -> None:
        held = self._held.get(table, frozenset())
        if held is None:
            self._unknown.add(table)
        else:
            self._unknown.discard(table)
        before = self._counted.pop(table, frozenset())
        after = frozenset().union(held or (), *self._sent[table].values())
        self._uses.update(after)
        self._uses.subtract(before)
        for cluster in before:
            if self._uses[cluster] <= 0:
                del self._uses[cluster]
        if after:
            self._counted[table] = after
        if not self._sent[table]:
            del self._sent[table]
