"""Keys are spelled and parsed in one place, and what is spelled is parsed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.keys import Keys
from store.resources.fields import Key

KEYS = Keys("/mesh/v1")
name = st.text(st.sampled_from("abcxyz0189-."), min_size=1, max_size=10)


@given(st.builds(Key, name, name, name))
def test_resources_there_and_back(key: Key) -> None:
    """A resource's key names it, below the range of the first watch."""
    spelled = KEYS.resource(key)

    assert key == KEYS.parse_resource(spelled)
    assert spelled.startswith(KEYS.config)
    assert KEYS.parse_resource(Keys("/other").resource(key)) is None


@given(name)
def test_what_is_of_the_whole_mesh_has_a_place_of_its_own(host: str) -> None:
    """The mesh's settings and the grants of hosts stand beside the resources of namespaces, in the same range."""
    settings, grant = Key("default", "mesh", "MeshConfig"), Key("default", host, "Grant")

    assert ["/mesh/v1/config/mesh", f"/mesh/v1/config/grants/{host}"] == [*map(KEYS.resource, (settings, grant))]
    assert [settings, grant] == [KEYS.parse_resource(KEYS.resource(key)) for key in (settings, grant)]


@given(name)
def test_hosts_there_and_back(host: str) -> None:
    """A host's keys name it."""
    assert host == KEYS.parse_host(KEYS.host(host))
    assert (host, "seen") == KEYS.parse_report(KEYS.seen(host))
    assert (host, "status") == KEYS.parse_report(KEYS.status(host))


@pytest.mark.parametrize(
    "text",
    [
        *("", "/mesh/v1", KEYS.head, KEYS.resources, f"{KEYS.resources}a", f"{KEYS.resources}a/b"),
        *(f"{KEYS.resources}a/b/\udcff", f"{KEYS.resources}a/b/ключ", f"{KEYS.resources}a/b/c\n"),
        *(f"{KEYS.resources}a/b/c/d", f"{KEYS.resources}a//c", f"{KEYS.resources}/b/c", f"{KEYS.resources}a/b/"),
        *(f"{KEYS.resources}default/MeshConfig/mesh", f"{KEYS.resources}shop/Grant/h1", f"{KEYS.config}trust"),
        *(KEYS.grants, f"{KEYS.grants}a/b", f"{KEYS.mesh}/a", "/mesh/v1/config/meshes"),
    ],
)
def test_what_is_no_resource(text: str) -> None:
    """Keys with a part too many, too few or empty are nobody's."""
    assert KEYS.parse_resource(text) is None


@pytest.mark.parametrize("text", ["", KEYS.hosts, f"{KEYS.hosts}a/b", f"{KEYS.live}workloads/a/b", f"{KEYS.head}"])
def test_what_is_no_host(text: str) -> None:
    """Only a key directly below `live/hosts/` is a host's."""
    assert KEYS.parse_host(text) is None


@pytest.mark.parametrize("text", ["", f"{KEYS.report}a", f"{KEYS.report}/seen", f"{KEYS.report}a/b/seen"])
def test_what_is_no_report(text: str) -> None:
    """Only `seen` and `status` directly below a host are reports."""
    assert KEYS.parse_report(text) is None


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_journal_keys_sort_by_number(one: int, other: int) -> None:
    """Applies are listed in their order; numbers of different width too."""
    first, second = (KEYS.journal_part(f"{number}-abcd", 0) for number in (one, other))

    assert (one < other) == (first < second)
    assert KEYS.journal_part("1-abcd", 9) < KEYS.journal_part("1-abcd", 10)
