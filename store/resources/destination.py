"""`destination`: the service that a rule sends requests or connections to, and how several of them share.

HTTP, TLS and TCP rules have it. What a host name means in the mesh is not known here.
"""

from collections.abc import Iterator, Sequence

import attrs
from attrs import frozen

from store.diagnostic import Diagnostic, error
from store.resources.fields import Int32, Old, PortSelector, documented
from store.resources.names import check_port, host_problem, is_dns_label, is_ip
from store.scalars import describe


@frozen
class Destination:
    """Where a request goes: a service of the registry, one of its ports, one of its subsets."""

    host: str = documented(
        "The service, by its name in the registry; a short name is one of the rule's own namespace.",
        default=attrs.NOTHING,
        example="reviews",
        old=(Old("name"),),
    )
    subset: str | None = documented(
        "A subset of the service, as a DestinationRule names it.", unset="every endpoint of the service", example="v1"
    )
    port: PortSelector | None = documented(
        "The port of the service.",
        unset="the only port of the service; of several, the port that the request came for",
        example="{number: 9080}",
    )


@frozen
class RouteDestination:
    """`tls[].route[]` and `tcp[].route[]`: a destination and its share of the connections."""

    destination: Destination = documented(
        "Where connections go.", default=attrs.NOTHING, example="{host: mongo, port: {number: 27017}}"
    )
    weight: Int32 = documented(
        "Its share: weight divided by the sum of the weights of the rule. One destination alone gets everything.",
        default=Int32(0),
        example="10",
    )


MAX_WEIGHT_SUM = 2**32 - 1
"""Envoy's `WeightedCluster` adds weights up in 32 bits and refuses more."""


def check_destination(destination: Destination, *at: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *destination*, which stands at *at*."""
    problem = host_problem(destination.host)
    if destination.host == "*":
        problem = "it would be every host"
    elif is_ip(destination.host):
        problem = "it is an IP address; destinations are services"
    if problem:
        message = f"{describe(destination.host)} cannot be a destination: {problem}"
        yield error("bad-host", message, *at, "host", expected="a service host")
    if destination.subset and not is_dns_label(destination.subset):
        expected = "letters, digits and -, up to 63 characters"
        message = f"{describe(destination.subset)} is not a name of a subset"
        yield error("bad-value", message, *at, "subset", expected=expected)
    if destination.port:
        yield from check_port(destination.port.number, *at, "port", "number")


def check_weights(weights: Sequence[int], *at: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with the *weights* of the destinations in the list at *at*."""
    for i, weight in enumerate(weights):
        if weight < 0:
            yield error("bad-value", f"weight {weight} is negative", *at, i, "weight", expected="0 or more")
    total = sum(max(weight, 0) for weight in weights)
    if len(weights) > 1 and total == 0:
        hint = "write a weight beside each destination: no weight is weight 0"
        yield error("bad-value", "the weights add up to 0", *at, expected="a weight above 0", hint=hint)
    if total > MAX_WEIGHT_SUM:
        yield error("bad-value", f"the weights add up to {total}", *at, expected=f"at most {MAX_WEIGHT_SUM}")
