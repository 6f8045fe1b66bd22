"""DestinationRules: whose speaks for a service, and how their subsets and policies meet."""

from typing import Any

import attrs

from agent.compiler.resolve.policies import Policy, policy
from store.resources.destination_rule import SimpleLB
from tests.agent.compiler.meshes import HOST, destination_rule, service, view

RANDOM: dict[str, Any] = {"trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}}}
ROBIN: dict[str, Any] = {"trafficPolicy": {"loadBalancer": {"simple": "ROUND_ROBIN"}}}
LONG = "reviews.shop.svc.cluster.local"


def _policy(host: str, namespace: str, *documents: str) -> Policy:
    return policy(view(*documents), host, namespace, HOST)


def _names(found: Policy) -> list[str]:
    return [key.name for key in found.origins]


def test_the_clients_namespace_goes_first_and_wins_whole() -> None:
    """A wildcard rule of the client's namespace beats an exact one of the service's, and brings none of its subsets."""
    wild = destination_rule("wild", "*.foo.com", "v1")
    exact = destination_rule("exact", "a.foo.com", "v2", namespace="shop")
    found = _policy("a.foo.com", "shop", exact, wild)

    assert ["wild"] == _names(found)
    assert found.subset("v2") is None


def test_a_third_namespace_says_nothing() -> None:
    """Only the client's and the service's namespaces are asked."""
    assert Policy() == _policy("a.com", "shop", destination_rule("d", "a.com", "v1", namespace="other"))


def test_rules_of_one_host_add_up() -> None:
    """Subsets unite, the first of a name wins, the oldest top-level policy is taken; wildcards pass nothing on."""
    found = _policy(
        "a.com",
        "default",
        destination_rule("wild", "*.com", "v9"),
        destination_rule("one", "a.com", "v1"),
        destination_rule("two", "a.com", "v1", "v2", **RANDOM),
        destination_rule("three", "a.com", **ROBIN),
    )

    assert ["one", "two", "three"] == _names(found)
    assert ["v1", "v2"] == [s.name for s in found.subsets]
    assert SimpleLB.RANDOM is found.load_balancer(None)


def test_a_subset_replaces_the_block() -> None:
    """A subset without a load balancer has the service's; with one, its own."""
    subsets: Any = [
        {"name": "v1"},
        {"name": "v2", **ROBIN},
        {"name": "v3", "trafficPolicy": {"loadBalancer": {"simple": "LEAST_CONN"}}},
    ]
    found = _policy("a.com", "default", destination_rule("d", "a.com", **{**RANDOM, "subsets": subsets}))

    expected = [SimpleLB.RANDOM, SimpleLB.RANDOM, SimpleLB.ROUND_ROBIN, SimpleLB.LEAST_REQUEST]
    assert expected == [found.load_balancer(s) for s in (None, *found.subsets)]


def test_short_names_mean_by_the_rules_namespace() -> None:
    """`reviews` in `shop` is the service of `shop`; once a service bears the bare name, it means that one."""
    rule = destination_rule("d", "reviews", "v1", namespace="shop")
    there = attrs.evolve(HOST, namespace="shop")
    entry, bare = service("r", LONG, namespace="shop"), service("b", "reviews")

    assert ["d"] == _names(policy(view(entry, rule), LONG, "shop", HOST))
    assert [] == _names(policy(view(entry, rule, bare), LONG, "shop", HOST))
    assert ["d"] == _names(policy(view(entry, rule, bare), "reviews", "default", there))


def test_a_rule_that_means_another_service_hides_no_wildcard() -> None:
    """When the exact name is another service's, the wildcard rule of that namespace speaks."""
    found = _policy(
        LONG,
        "shop",
        service("r", LONG, namespace="shop"),
        service("b", "reviews"),
        destination_rule("d", "reviews", namespace="shop"),
        destination_rule("wild", "*.shop.svc.cluster.local", namespace="shop"),
    )

    assert ["wild"] == _names(found)


def test_an_alias_is_as_good_as_the_name() -> None:
    """`reviews.shop` speaks for the service that is called so."""
    found = _policy(LONG, "shop", service("r", LONG, namespace="shop"), destination_rule("d", "reviews.shop"))

    assert ["d"] == _names(found)
