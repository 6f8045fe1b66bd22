"""What the corpus cannot say of AuthorizationPolicies: limits, round trips, which DENY rules are about HTTP only."""

from pathlib import Path

import pytest

from ctl.inputs import load
from store.codec import decode, encode
from store.diagnostic import render_path
from store.resources.authorization_policy import MAX_RULES, Action, AuthorizationPolicy, check
from store.resources.authorization_rule import MAX_SOURCES, From, Operation, Rule, Source, To, written

GOOD = sorted((Path(__file__).parents[2] / "corpus").glob("*/good.yaml"))


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.parent.name)
def test_what_is_good_reads_back_as_it_was_written(file: Path) -> None:
    """`decode(encode(…))` gives the same resource for the good documents of every kind."""
    resources = [each.resource for each in load([str(file)]).loaded]

    assert resources
    assert resources == [decode(encode(resource))[0] for resource in resources]


def test_there_are_limits_to_rules_and_sources() -> None:
    """Istio's limits, counted where the list stands."""
    sources = tuple(From(Source(namespaces=("a",))) for _ in range(MAX_SOURCES + 1))

    for spec, path in (
        (AuthorizationPolicy(rules=(Rule(),) * (MAX_RULES + 1)), "rules"),
        (AuthorizationPolicy(rules=(Rule(sources),)), "rules[0].from"),
    ):
        assert [("limit", path)] == [(said.code, render_path(said.path)) for said in check(spec)]


def test_the_lists_of_a_source_have_their_json_names() -> None:
    """As messages and paths name them, and only those that say something."""
    source = Source(not_remote_ip_blocks=("::1",), principals=("a",))

    assert {"principals": ("a",), "notRemoteIpBlocks": ("::1",)} == written(source)


TOKENS, NAMESPACES = From(Source(request_principals=("a",))), From(Source(namespaces=("a",)))
GET, PORT = To(Operation(methods=("GET",))), To(Operation(not_ports=("80",)))


@pytest.mark.parametrize(
    ("rule", "warned"),
    [
        (Rule(), False),
        (Rule((TOKENS,)), True),
        (Rule((TOKENS, NAMESPACES)), False),
        (Rule((NAMESPACES,)), False),
        (Rule((NAMESPACES,), (GET,)), True),
        (Rule(None, (GET,)), True),
        (Rule(None, (GET, PORT)), False),
        (Rule((TOKENS,), (PORT,)), False),
    ],
)
def test_a_deny_rule_of_http_alone_is_warned_of(rule: Rule, warned: bool) -> None:
    """Under DENY what TCP has not counts as fitting, so such a rule refuses every connection to a TCP port."""
    codes = [said.code for said in check(AuthorizationPolicy(rules=(rule,), action=Action.DENY))]

    assert (["http-only-deny"] if warned else []) == codes
    assert [] == list(check(AuthorizationPolicy(rules=(rule,))))
