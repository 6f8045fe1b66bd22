"""What holds at every step of every path: the incremental compiler gives what compiling from scratch gives.

No scenario lives here; `expand` makes many paths of one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from agent.compiler.compile import compile as from_scratch
from agent.compiler.envoy_config import EnvoyConfig, Id, Lookup, Type, XdsResource
from agent.compiler.incremental import Compiler
from store.host import HostRecord
from store.resources.fields import Key
from store.snapshot import Entry
from tests.meshes import of_entries

State = Mapping[Key, Entry]


def follow(states: Iterable[State], record: HostRecord) -> EnvoyConfig:
    """Lead one Compiler along *states* and judge every step; return where it ends."""
    compiler = Compiler(record)
    state: State = {}
    config = EnvoyConfig()
    for state_after in states:
        keys = {key for key in state.keys() | state_after.keys() if state.get(key) != state_after.get(key)}
        snapshot = of_entries(state_after)
        compiled = compiler.update(snapshot, keys)
        _check(config, compiled.config, compiled.changed, from_scratch(snapshot, record))
        state, config = state_after, compiled.config
    return config


def _check(before: EnvoyConfig, after: EnvoyConfig, changed: frozenset[Id], scratch: EnvoyConfig) -> None:
    assert scratch == after, f"from scratch it differs in {differing(scratch, after)}"
    assert differing(before, after) == changed

    old, new = _by_id(before), _by_id(after)
    assert [] == [i for i in old.keys() & new.keys() if i not in changed and old[i] is not new[i]]


def differing(one: EnvoyConfig, other: EnvoyConfig) -> frozenset[Id]:
    """Return the ids in which the two configurations differ; lookups count as the endpoints they stand for."""
    old, new = _by_id(one), _by_id(other)
    return frozenset(i for i in old.keys() | new.keys() if old.get(i) != new.get(i))


def _by_id(config: EnvoyConfig) -> dict[Id, XdsResource | Lookup]:
    return {**config.resources, **{(Type.ENDPOINTS, name): lookup for name, lookup in config.lookups.items()}}


def expand(scenario: Sequence[State]) -> Iterator[tuple[str, Sequence[State]]]:
    """Yield the paths that lead through the states of *scenario*, each with its name."""
    yield "as written", scenario
    yield "reversed", [*reversed(scenario), scenario[-1]]
    yield "with empties between", [step for state in scenario for step in ({}, state)]
    yield "split", list(split(scenario))
    yield "squashed", [scenario[-1]]
    yield "every step twice", [step for state in scenario for step in (state, dict(state))]


def split(scenario: Iterable[State]) -> Iterator[State]:
    """Yield the same way in steps of one resource; what goes goes first, so that moves pass through the middle."""
    state: dict[Key, Entry] = {}
    for target in scenario:
        for key in sorted(state.keys() - target.keys()):
            state = {k: e for k, e in state.items() if k != key}
            yield state
        for key in sorted(target):
            if state.get(key) != target[key]:
                state = {**state, key: target[key]}
                yield state
