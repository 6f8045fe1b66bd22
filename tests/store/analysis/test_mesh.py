"""Questions about names are answered as the compiler answers them."""

import pytest

from store.index import covers
from tests.store.analysis.meshes import mesh

HOSTS = ("reviews", "old-reviews", "reviews.example.com", "a.reviews.org", '"*.example.com"', '"*x.example.com"')
ENTRIES = [
    f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: s{n}}}
spec: {{hosts: [{host}], resolution: STATIC, ports: [{{number: 80, name: http, protocol: HTTP}}]}}
"""
    for n, host in enumerate(HOSTS)
]


@pytest.mark.parametrize("pattern", ["*", "*reviews", "*-reviews", "*.example.com", "*example.com", "*s.example.com"])
def test_a_wildcard_covers_what_it_covers_for_hosts(pattern: str) -> None:
    """The index of all names finds the same as looking at each: `*reviews` is not above `reviews`."""
    there = mesh(*ENTRIES)

    assert {host for host in there.service_hosts if covers(pattern, host)} == set(there.covered(pattern))


def test_a_name_covers_itself() -> None:
    """When there is a service of that name."""
    there = mesh(*ENTRIES)

    assert (("reviews",), ()) == (there.covered("reviews"), there.covered("ratings"))
