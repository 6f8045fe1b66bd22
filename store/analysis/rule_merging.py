"""What is lost where several DestinationRules of one namespace speak for the same host?

They add up (`agent/compiler/resolve/policies.py`): subsets unite, the first definition of a name counts, and so does
the first `trafficPolicy` of them, whole. Rules of other namespaces are `hidden_subsets.py`'s.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from functools import cache

from attrs import frozen

from store.analysis.code import Code, see
from store.analysis.listing import named, pointers
from store.analysis.mesh import Mesh
from store.diagnostic import Diagnostic, FieldPath, Level
from store.index import canonical
from store.resources.destination_rule import DestinationRule, Subset, TrafficPolicy
from store.resources.fields import Key
from store.scalars import describe

SUBSET_TWICE = Code(
    "subset-defined-twice",
    "a subset with two definitions",
    Level.WARNING,
    "Two DestinationRules of one namespace define a subset of the same name for the same host, each in another way. The"
    " definition of the older rule is used, the other one does nothing.",
    """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews.example.com
  subsets: [{name: stable, labels: {version: v1}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews-new}
spec:
  host: reviews.example.com
  subsets: [{name: stable, labels: {version: v2}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews.example.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: DNS
""",
    "Remove one of the definitions, or give one of the subsets another name.",
)
POLICY_NOT_USED = Code(
    "policy-not-used",
    "a trafficPolicy that another one goes before",
    Level.WARNING,
    "Two DestinationRules of one namespace have a trafficPolicy for the same host. That of the older rule is used,"
    " whole; the blocks of the other one are not added to it: an outlierDetection there, for one, does nothing.",
    """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews.example.com
  trafficPolicy: {loadBalancer: {simple: RANDOM}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews-outliers}
spec:
  host: reviews.example.com
  trafficPolicy: {outlierDetection: {consecutive5xxErrors: 3}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews.example.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: DNS
""",
    "Put everything into the trafficPolicy of one rule. A second rule may still add subsets.",
)
CODES = (SUBSET_TWICE, POLICY_NOT_USED)

@frozen
class _Joined:
    """What rules of one host, namespace and clients say together.

    Attributes:
        subsets: name → definitions of it, the oldest first: whose, the position, what it says.
        policies: those of whole rules, the oldest first.
    """

    subsets: defaultdict[str, list[tuple[Key, int, Subset]]]
    policies: list[tuple[Key, TrafficPolicy]]


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield what DestinationRules among *keys* lose to others of their host and namespace, and take from them."""
    joined = cache(lambda host: _joined(mesh.rules(host)))
    for key, rule in mesh.of(DestinationRule, keys):
        name = canonical(rule.host)
        host = name if name.startswith("*") else mesh.meant(rule.host, key.namespace)
        together = joined(host).get(_sharing(key, rule)) if host else None
        if together is not None:
            yield from _subsets(key, rule, together)
            yield from _policy(key, rule, together)


def _joined(rules: Iterable[tuple[Key, DestinationRule]]) -> Mapping[Hashable, _Joined]:
    """Return what *rules* of one host say, by what makes them add up; each rule is looked at once."""
    found: dict[Hashable, _Joined] = {}
    for key, rule in rules:
        joined = found.setdefault(_sharing(key, rule), _Joined(defaultdict(list), []))
        for i, subset in enumerate(rule.subsets):
            joined.subsets[subset.name].append((key, i, subset))
        if rule.traffic_policy is not None:
            joined.policies.append((key, rule.traffic_policy))
    return found


def _sharing(key: Key, rule: DestinationRule) -> Hashable:
    """Return what rules of one host have in common that add up: the namespace, and which clients they are for."""
    selector = rule.workload_selector
    return key.namespace, None if selector is None else frozenset(selector.match_labels.items())


def _subsets(key: Key, rule: DestinationRule, together: _Joined) -> Iterator[Diagnostic]:
    for i, subset in enumerate(rule.subsets):
        defined = together.subsets.get(subset.name, ())
        if len(defined) < 2:
            continue
        shown = f"subset {describe(subset.name)} of {describe(rule.host)}"
        first, at, definition = defined[0]
        if first == key:
            others = [(k, j) for k, j, each in defined if k != key and _differ(each, subset)]
            if others:
                message = f"{shown} is defined in another way by {named([k for k, _ in others])} too: this one is older"
                related = pointers(((k, ("spec", "subsets", j)) for k, j in others), "this definition is not used")
                yield SUBSET_TWICE.at(key, f"{message} and counts", "spec", "subsets", i, "name", related=related)
        elif _differ(definition, subset):
            message = f"{shown} is defined in another way by {first}, which is older: this definition is not used"
            related = [see(first, "the definition that is used", "spec", "subsets", at)]
            yield SUBSET_TWICE.at(key, message, "spec", "subsets", i, "name", related=related)


def _differ(one: Subset, other: Subset) -> bool:
    return (one.labels, one.traffic_policy) != (other.labels, other.traffic_policy)


_POLICY: FieldPath = ("spec", "trafficPolicy")


def _policy(key: Key, rule: DestinationRule, together: _Joined) -> Iterator[Diagnostic]:
    policies = together.policies
    if rule.traffic_policy is None or len(policies) < 2:
        return
    first, used = policies[0]
    if first == key:
        others = [k for k, policy in policies if policy != used]
        if others:
            message = f"{named(others)} has a policy for {describe(rule.host)} too: this one is older and counts"
            related = pointers(((k, _POLICY) for k in others), "it is not used")
            yield POLICY_NOT_USED.at(key, message, *_POLICY, related=related)
    elif rule.traffic_policy != used:
        message = f"the policy of {describe(rule.host)} is that of {first}, which is older: this one is not used"
        yield POLICY_NOT_USED.at(key, message, *_POLICY, related=[see(first, "it is used", *_POLICY)])
