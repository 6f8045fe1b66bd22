"""The same result as `compile`, at the cost of what changed.

Each unit keeps the questions that it asked (`View.reads`). A changed record touches tokens; units that asked one of
them are computed again, all others keep their resources, the very same objects. `tests/paths` holds this equal to
`compile` over random edits.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable

from attrs import frozen

from agent.compiler.emit.units import Made, emit
from agent.compiler.envoy_config import EnvoyConfig, Id, Lookup, Type, XdsResource
from agent.compiler.ir import Unit, UnitKind
from agent.compiler.resolve.view import (
    CONSTANT_UNITS,
    EVERYTHING,
    Scope,
    gateway_units,
    resolve_unit,
    service_units,
)
from store.host import HostRecord
from store.index import Index, Token, View, build, suffixes_of
from store.resources.fields import Key
from store.resources.kinds import Resource
from store.snapshot import Entry, Snapshot


@frozen
class Compiled:
    """A new EnvoyConfig, and where it differs from the one before.

    Attributes:
        config: the whole.
        changed: resources that are new, other or gone. Lookups count as the endpoints they stand for.
        computed: units that were computed again to find that out: the cost of the change.
    """

    config: EnvoyConfig
    changed: frozenset[Id]
    computed: frozenset[Unit]


class Compiler:
    """Compiles one host's configuration again and again."""

    def __init__(self, record: HostRecord, scope: Scope = EVERYTHING) -> None:
        self._record = record
        self._scope = scope
        self._index = Index()
        self._snapshot = Snapshot()
        self._made: dict[Unit, Made] = {}
        self._reads: dict[Unit, frozenset[Token]] = {}
        self._readers: dict[Token, set[Unit]] = defaultdict(set)
        self._gateway_reads: frozenset[Token] = frozenset()
        self._config = EnvoyConfig()

    def __repr__(self) -> str:
        return f"<Compiler {self._record.name} {len(self._made)} units, revision {self._snapshot.revision}>"

    def update(self, snapshot: Snapshot, changed: Collection[Key] | None = None) -> Compiled:
        """Return the configuration under *snapshot*.

        Args:
            changed: every Key that may differ from the snapshot before; None compares all of them.
        """
        if suffixes_of(snapshot.entries) != self._index.suffixes:
            return self._recompile(self._all_of(snapshot))
        keys = self._differing(snapshot) if changed is None else changed
        touched: set[Token] = set()
        for key in keys:
            before, after = self._snapshot.entries.get(key), snapshot.entries.get(key)
            same_age = before is not None and after is not None and before.created == after.created
            touched |= self._index.replace(key, _resource(before), _resource(after), same_age=same_age)
        self._snapshot = snapshot
        return self._recompile(self._dirty(touched))

    def _all_of(self, snapshot: Snapshot) -> set[Unit]:
        """Take *snapshot*, in which names mean something else than before, and return all units, former and present."""
        self._snapshot, self._index = snapshot, build(snapshot.entries)
        self._gateway_reads = frozenset()
        return {*self._made, *service_units(self._index.names("service"), self._scope), *self._dirty(set())}

    def _differing(self, snapshot: Snapshot) -> set[Key]:
        old, new = self._snapshot.entries, snapshot.entries
        return {key for key in {*old, *new} if old.get(key) != new.get(key)}

    def _dirty(self, touched: set[Token]) -> set[Unit]:
        dirty = {unit for token in touched for unit in self._readers.get(token, ())}
        dirty |= {unit for unit in CONSTANT_UNITS if unit not in self._made}
        dirty |= service_units([t.name for t in touched if t.family == "service"], self._scope)
        if not self._gateway_reads or touched & self._gateway_reads:
            view = View(self._snapshot, self._index)
            wanted = gateway_units(view, self._record)
            self._gateway_reads = frozenset(view.reads)
            dirty |= wanted ^ {unit for unit in self._made if unit.kind is UnitKind.GATEWAY}
        return dirty

    def _recompile(self, dirty: Collection[Unit]) -> Compiled:
        before: dict[Id, XdsResource | Lookup] = {}
        after: dict[Id, XdsResource | Lookup] = {}
        for unit in dirty:
            before.update(_by_id(self._made.pop(unit, ())))
            after.update(_by_id(self._make(unit)))
        changed = frozenset(i for i in before.keys() | after.keys() if before.get(i) != after.get(i))
        self._config = _patched(self._config, changed, before, after)
        return Compiled(self._config, changed, frozenset(dirty))

    def _make(self, unit: Unit) -> Made:
        view = View(self._snapshot, self._index)
        what = resolve_unit(view, self._record, unit)
        self._note_reads(unit, frozenset(view.reads) if what is not None else frozenset())
        if what is None:
            return ()
        self._made[unit] = emit(what)
        return self._made[unit]

    def _note_reads(self, unit: Unit, reads: frozenset[Token]) -> None:
        before = self._reads.pop(unit, frozenset())
        for token in before - reads:
            self._readers[token].discard(unit)
            if not self._readers[token]:
                del self._readers[token]
        for token in reads - before:
            self._readers[token].add(unit)
        if reads:
            self._reads[unit] = reads


def _resource(entry: Entry | None) -> Resource | None:
    return entry.resource if entry else None


def _by_id(made: Made) -> dict[Id, XdsResource | Lookup]:
    return {(Type.ENDPOINTS, m.cluster) if isinstance(m, Lookup) else (m.type, m.name): m for m in made}


def _patched(
    config: EnvoyConfig,
    changed: Iterable[Id],
    before: dict[Id, XdsResource | Lookup],
    after: dict[Id, XdsResource | Lookup],
) -> EnvoyConfig:
    """Return *config* with *changed* replaced; what is not in *changed* stays the same object."""
    resources, lookups = config.resources.mutate(), config.lookups.mutate()
    for i in changed:
        resources.pop(i, None)
        if isinstance(before.get(i), Lookup):
            del lookups[i[1]]
        new = after.get(i)
        if isinstance(new, Lookup):
            lookups[new.cluster] = new
        elif new is not None:
            resources[i] = new
    return EnvoyConfig(resources.finish(), lookups.finish())
