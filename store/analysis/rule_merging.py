"""What is lost where several DestinationRules of one namespace speak for the same host?

They add up (`agent/compiler/resolve/policies.py`): subsets unite, the first definition of a name counts, and so does
the first `trafficPolicy` of them, whole. Rules of other namespaces are `hidden_subsets.py`'s.
"""

from collections.abc import Collection, Iterator
from functools import cache

from store.analysis.code import Code, see
from store.analysis.listing import named, pointers
from store.analysis.mesh import Mesh
from store.diagnostic import Diagnostic, FieldPath, Level
from store.index import canonical
from store.resources.destination_rule import DestinationRule, Subset
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

_Rules = list[tuple[Key, DestinationRule]]


def findings(mesh: Mesh, keys: Collection[Key]) -> Iterator[Diagnostic]:
    """Yield what DestinationRules among *keys* lose to others of their host and namespace, and take from them."""
    joined = cache(lambda host, namespace: [each for each in mesh.rules(host) if each[0].namespace == namespace])
    for key, rule in mesh.of(DestinationRule, keys):
        name = canonical(rule.host)
        host = name if name.startswith("*") else mesh.meant(rule.host, key.namespace)
        rules = [each for each in joined(host, key.namespace) if _same_clients(each[1], rule)] if host else []
        if len(rules) > 1:
            yield from _subsets(key, rule, rules)
            yield from _policy(key, rule, rules)


def _same_clients(one: DestinationRule, other: DestinationRule) -> bool:
    return one.workload_selector == other.workload_selector


def _subsets(key: Key, rule: DestinationRule, rules: _Rules) -> Iterator[Diagnostic]:
    for i, subset in enumerate(rule.subsets):
        defined = [(k, j, each) for k, r in rules for j, each in enumerate(r.subsets) if each.name == subset.name]
        if len({k for k, _, _ in defined}) < 2:
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


def _policy(key: Key, rule: DestinationRule, rules: _Rules) -> Iterator[Diagnostic]:
    policies = [(k, r.traffic_policy) for k, r in rules if r.traffic_policy is not None]
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
