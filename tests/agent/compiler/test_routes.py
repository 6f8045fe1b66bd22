"""VirtualServices → routes: merging, catch-alls, shares, and which VirtualService speaks for a host."""

import pytest

from agent.compiler.ir import Destination, Forward, HeaderCondition, Match, Redirect
from store.resources.fields import StringMatch
from tests.agent.compiler.meshes import (
    destination_rule,
    fallback_domains,
    port_of,
    route_names,
    rule,
    service,
    virtual_service,
)

LONG = "reviews.default.svc.cluster.local"


def _uri(**how: str) -> dict[str, object]:
    return {"match": [{"uri": how}]}


@pytest.mark.parametrize(
    "match",
    [
        Match(),
        Match(StringMatch()),
        Match(StringMatch(prefix="/")),
        Match(StringMatch(prefix="")),
        Match(StringMatch(regex=".*")),
        Match(StringMatch(regex="/.*")),
    ],
)
def test_what_catches_all(match: Match) -> None:
    """Nothing passes these by."""
    assert match.catches_all


@pytest.mark.parametrize(
    "match",
    [
        Match(StringMatch(prefix="/a")),
        Match(StringMatch(exact="/")),
        Match(headers=(HeaderCondition("x", StringMatch()),)),
        Match(StringMatch(prefix="/"), (HeaderCondition("x", StringMatch()),)),
    ],
)
def test_what_does_not_catch_all(match: Match) -> None:
    """A condition that can fail makes no catch-all."""
    assert not match.catches_all


def test_catch_alls_go_last_and_end_their_own_list() -> None:
    """All conditions of all VirtualServices come first, oldest first; of the catch-alls the oldest remains."""
    one = virtual_service("one", ["a"], rule("a", **_uri(prefix="/1")), rule("a"), rule("a", **_uri(prefix="/never")))
    two = virtual_service("two", ["a"], rule("a", match=[{"uri": {"prefix": "/2"}}, {"uri": {}}]))

    assert ["default/one#0.0", "default/two#0.0", "default/one#1.0"] == route_names(
        port_of("a", 80, service("a"), one, two)
    )


def test_a_service_without_rules_gets_all() -> None:
    """Its one route is named after the ServiceEntry."""
    port = port_of("a", 80, service("a"))

    assert ["default/a#default"] == route_names(port)
    assert Forward((Destination("a", 80),)) == port.routes[0].action


def test_one_destination_gets_all_and_weight_0_of_several_none() -> None:
    """As Istio shares since 1.15."""
    shares = [{"destination": {"host": "a"}, "weight": w} for w in (3, 0, 1)]
    rules = virtual_service("v", ["a"], {"route": shares}), virtual_service("w", ["b"], {"route": shares[1:2]})
    several, one = (port_of(name, 80, service("a"), service("b"), *rules).routes[0].action for name in "ab")

    assert isinstance(several, Forward)
    assert isinstance(one, Forward)
    assert [3, 1] == [d.weight for d in several.destinations]
    assert [1] == [d.weight for d in one.destinations]


def test_a_destination_without_port_means_the_only_one() -> None:
    """Else the port that was asked for, and nothing when the service has not got that."""
    entries = service("a", ports=[80, 81, 82]), service("one", ports=[9]), service("two", ports=[80, 81])
    rules = virtual_service("v", ["a"], rule("one", **_uri(prefix="/one")), rule("two"))
    actions = {n: [r.action for r in port_of("a", n, *entries, rules).routes] for n in (81, 82)}

    assert [Forward((Destination("one", 9),)), Forward((Destination("two", 81),))] == actions[81]
    assert Forward((Destination("two", 82, missing=True),)) == actions[82][1]


def test_a_subset_has_to_be_there() -> None:
    """A destination whose subset no rule defines is missing."""
    rules = virtual_service("v", ["a"], rule("a#v1", **_uri(prefix="/1")), rule("a#v2"))
    port = port_of("a", 80, service("a"), rules, destination_rule("d", "a", "v1"))

    assert [False, True] == [
        d.missing for r in port.routes if isinstance(r.action, Forward) for d in r.action.destinations
    ]


def test_a_redirect_to_the_requests_port_names_it() -> None:
    """Envoy cannot derive it; the table knows it."""
    redirect = {"authority": "b", "derivePort": "FROM_REQUEST_PORT"}
    port = port_of("a", 81, service("a", ports=[81]), virtual_service("v", ["a"], {"redirect": redirect}))

    assert Redirect(301, authority="b", port=81) == port.routes[0].action


def test_the_most_specific_virtual_service_speaks() -> None:
    """An exact host hides a wildcard; no rules are inherited."""
    wild, exact = virtual_service("wild", ["*.com"], rule("a.com")), virtual_service("exact", ["a.com"], rule("a.com"))

    assert ["default/exact#0.0"] == route_names(port_of("a.com", 80, service("a", "a.com"), wild, exact))
    assert ["default/wild#0.0"] == route_names(port_of("b.com", 80, service("b", "b.com"), wild, exact))


def test_an_unrelated_wildcard_in_the_list_means_nothing() -> None:
    """A VirtualService that names another service and some wildcard does not speak for what neither of them is."""
    rules = virtual_service("v", ["reviews", "*.bar.com"], rule("reviews"))
    entries = service("short", "reviews"), service("long", LONG)

    assert ["default/v#0.0"] == route_names(port_of("reviews", 80, *entries, rules))
    assert ["default/long#default"] == route_names(port_of(LONG, 80, *entries, rules))


def test_a_rule_for_an_alias_is_a_rule_of_the_service() -> None:
    """`reviews.default` in a rule is the service that clients call so, in hosts and in destinations."""
    rules = virtual_service("v", ["reviews.default"], rule("reviews.default.svc"), namespace="shop")
    port = port_of(LONG, 80, service("long", LONG), rules)

    assert ["shop/v#0.0"] == route_names(port)
    assert Forward((Destination(LONG, 80),)) == port.routes[0].action
    assert [] == fallback_domains(service("long", LONG), rules)


def test_registered_and_unregistered_hosts_in_one_virtual_service() -> None:
    """The registered one has the rules in its tables, the other in the fallback, on any port."""
    rules = virtual_service("v", ["a", "bookinfo.com"], rule("a"))

    assert ["default/v#0.0"] == route_names(port_of("a", 80, service("a"), rules))
    assert ["bookinfo.com", "bookinfo.com:*"] == fallback_domains(service("a"), rules)


def test_unregistered_hosts_in_the_fallback() -> None:
    """A short name answers to its long form too, a name with a dot to itself only, an address in brackets."""
    rules = virtual_service("v", ["front", "foo.com", "*.org", "fd00::1"], rule("x"))
    expected = ["*.org", "*.org:80", "[fd00::1]", "[fd00::1]:*", "foo.com", "foo.com:*", "front", "front:*"]

    long_form = [f"front.default.svc.cluster.local{port}" for port in ("", ":*")]
    assert [*expected, *long_form] == fallback_domains(rules)


def test_an_unregistered_host_below_a_wildcard_service_keeps_its_ports() -> None:
    """Each port of the wildcard service is routed as itself, any other as HTTP's own."""
    entry = service("w", "*.foo.com", ports=[80, 8080])
    rules = virtual_service("v", ["a.foo.com"], rule("a.foo.com"))

    expected = ["a.foo.com:80", "a.foo.com", "a.foo.com:8080", "a.foo.com:*"]
    assert expected == [d for d in fallback_domains(entry, rules) if d.startswith("a.")]
