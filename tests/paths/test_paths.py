"""Law 5: the configuration depends on the present state only, never on the path that led to it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.host import HostRecord
from store.resources.fields import Key
from store.snapshot import Entry
from tests.paths.follow import State, expand, follow
from tests.paths.scenarios import SCENARIOS, states_of
from tests.paths.universe import edits

RECORD = HostRecord("h1", labels={"istio": "edge"})


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_path_of_a_scenario_ends_in_the_same_configuration(name: str) -> None:
    """However its states are reached, each gives what compiling it from scratch gives, byte for byte."""
    scenario = states_of(SCENARIOS[name])

    for path, states in expand(scenario):
        assert follow([scenario[-1]], RECORD) == follow(states, RECORD), path


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.lists(edits(), min_size=1, max_size=4), min_size=1, max_size=6))
def test_random_edits_end_where_compiling_from_scratch_ends(batches: list[list[tuple[Key, Entry | None]]]) -> None:
    """After any edits of any kind, in any grouping, the incremental configuration is that of the present state."""
    state: State = {}
    states = []
    for batch in batches:
        state = {key: e for key, e in {**state, **dict(batch)}.items() if e is not None}
        states.append(state)

    follow(states, RECORD)
