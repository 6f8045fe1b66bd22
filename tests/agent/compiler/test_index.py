"""Host names → Keys: what a name may mean, which wildcards cover it, and which questions a change touches."""

import pytest

from store.index import Index, Token, build, candidates, canonical, canonical_address, covers, wildcards_above
from tests.agent.compiler.meshes import service, view, virtual_service
from tests.meshes import resources, snapshot


@pytest.mark.parametrize(
    ("host", "meant"),
    [
        ("reviews", ("reviews", "reviews.shop.svc.cluster.local")),
        ("Reviews.", ("reviews", "reviews.shop.svc.cluster.local")),
        ("reviews.prod", ("reviews.prod", "reviews.prod.svc.cluster.local")),
        ("reviews.prod.svc", ("reviews.prod.svc", "reviews.prod.svc.cluster.local")),
        ("a.foo.com", ("a.foo.com",)),
        ("*.foo.com", ("*.foo.com",)),
        ("*", ("*",)),
        ("10.0.0.1", ("10.0.0.1",)),
        ("fd00::1", ("fd00::1",)),
    ],
)
def test_candidates(host: str, meant: tuple[str, ...]) -> None:
    """A name means itself first, then what its short form stands for in the rule's namespace."""
    assert meant == candidates(host, "shop")


def test_candidates_follow_the_suffixes() -> None:
    """Each configured suffix gives a candidate, in order; a suffix without `svc` has no form `name.namespace.svc`."""
    assert ("a", "a.ns.mesh", "a.ns.svc.x") == candidates("a", "ns", ("mesh", "svc.x"))
    assert ("a.b.svc", "a.b.svc.x") == candidates("a.b.svc", "ns", ("mesh", "svc.x"))


def test_names_and_addresses_have_one_spelling() -> None:
    """Case and a final dot do not tell names apart, nor case and zeros addresses."""
    assert "foo.com" == canonical("FOO.com.")
    assert "fd00::1" == canonical_address("FD00:0::1")
    assert "10.0.0.0/8" == canonical_address("10.0.0.0/8")


def test_wildcards_above_a_name_are_walked_from_the_longest() -> None:
    """A pattern covers itself and everything below it."""
    assert ["*.b.com", "*.com", "*"] == list(wildcards_above("a.b.com"))
    assert ["*.b.com", "*.com", "*"] == list(wildcards_above("*.b.com"))
    assert ["*"] == list(wildcards_above("reviews"))


def test_what_a_pattern_covers() -> None:
    """`*.foo.com` is every name below it and not itself without label; `*foo.com` also text that abuts."""
    assert covers("*.foo.com", "a.b.foo.com")
    assert not covers("*.foo.com", "foo.com")
    assert covers("*-b.foo.com", "a-b.foo.com")
    assert not covers("a.foo.com", "b.foo.com")


def test_the_most_specific_pattern_speaks() -> None:
    """Exact before wildcard, longer before shorter, a partial label counted by its length."""
    mesh = view(
        virtual_service("all", ["*.com"], {"redirect": {"uri": "/"}}),
        virtual_service("foo", ["*.foo.com"], {"redirect": {"uri": "/"}}),
        virtual_service("part", ["*-b.foo.com"], {"redirect": {"uri": "/"}}),
        virtual_service("exact", ["a.foo.com"], {"redirect": {"uri": "/"}}),
    )
    speaks = {
        host: [f.key.name for f in mesh.routes(host, lambda _: True)]
        for host in ("a.foo.com", "x-b.foo.com", "c.foo.com", "d.com")
    }

    assert {"a.foo.com": ["exact"], "x-b.foo.com": ["part"], "c.foo.com": ["foo"], "d.com": ["all"]} == speaks


def test_a_rule_that_means_another_hides_no_pattern() -> None:
    """What is filed under the exact name but does not mean it leaves the word to the next pattern."""
    mesh = view(
        virtual_service("exact", ["a.foo.com"], {"redirect": {"uri": "/"}}),
        virtual_service("foo", ["*.foo.com"], {"redirect": {"uri": "/"}}),
    )

    assert ["foo"] == [f.key.name for f in mesh.routes("a.foo.com", lambda f: f.key.name != "exact")]


def test_partial_wildcards_of_services_cover() -> None:
    """A service `*-b.foo.com` is found for a name that no label walk would bring to it."""
    mesh = view(service("part", "*-b.foo.com"), service("foo", "*.foo.com"))

    assert "*-b.foo.com" == mesh.covering_service("a-b.foo.com")
    assert "*.foo.com" == mesh.covering_service("a.foo.com")
    assert mesh.covering_service("foo.com") is None


def test_a_change_touches_the_names_before_and_after() -> None:
    """Moving a service to another host touches both hosts, their existence, and the set of hosts."""
    before, after = resources(service("a", "old"))[0], resources(service("a", "new"))[0]
    index = Index()
    index.replace(before.key, None, before)

    touched = index.replace(before.key, before, after)

    assert {Token("service", "old"), Token("service", "new"), Token("exists", "old"), Token("exists", "new")} <= touched
    assert Token("service-hosts") in touched
    assert frozenset({"new"}) == index.names("service")


def test_a_change_in_place_touches_no_sets() -> None:
    """New endpoints of a service are no news for those who asked which services there are."""
    before, after = resources(service("a"))[0], resources(service("a", endpoints=[{"address": "10.0.0.9"}]))[0]
    index = Index()
    index.replace(before.key, None, before)

    touched = index.replace(before.key, before, after)

    assert not touched & {Token("service-hosts"), Token("exists", "a")}


def test_the_second_of_a_name_brings_nothing_into_being() -> None:
    """While one of two entries remains, the host exists."""
    index = build(snapshot(service("a", "x"), service("b", "x")).entries)
    a = resources(service("a", "x"))[0]

    assert Token("exists", "x") not in index.replace(a.key, a, None)
    assert index.has(Token("service", "x"))


def test_answers_are_remembered_as_questions() -> None:
    """Whatever a View was asked can be found again in `reads`."""
    mesh = view(service("a"))
    mesh.exists("a")
    mesh.services("b")

    assert {Token("exists", "a"), Token("service", "b")} == mesh.reads
