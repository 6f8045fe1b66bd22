"""Who may see a resource: `exportTo`."""

import pytest

from store.resources.export_to import check_export_to, check_own_namespace, check_private


def said(*namespaces: str, nobody: bool = False) -> list[tuple[str, object]]:
    return [(one.code, one.path[-1]) for one in check_export_to(namespaces, "exportTo", nobody=nobody)]


@pytest.mark.parametrize("namespaces", [(), ("*",), (".",), ("shop",), (".", "shop", "Bank"), ("a" * 63,)])
def test_everybody_the_own_namespace_and_names_are_fine(namespaces: tuple[str, ...]) -> None:
    """Nothing is said of what every kind may write."""
    assert [] == said(*namespaces)


@pytest.mark.parametrize(
    ("namespaces", "expected"),
    [
        (("~",), [("bad-value", 0)]),
        (("shop", "*"), [("conflict", 1)]),
        (("*", "*"), [("conflict", 0), ("conflict", 1)]),
        (("a", "b", "a"), [("duplicate", 2)]),
        ((".", "."), [("duplicate", 1)]),
        (("",), [("bad-value", 0)]),
        (("a.b", "*.c", "a" * 64), [("bad-value", 0), ("bad-value", 1), ("bad-value", 2)]),
    ],
)
def test_each_mistake_is_named_at_its_item(namespaces: tuple[str, ...], expected: list[tuple[str, int]]) -> None:
    """Nobody, everybody and somebody, twice the same, and what is no namespace."""
    assert expected == said(*namespaces)


def test_nobody_stands_alone_where_it_is_allowed() -> None:
    """A service may be hidden from everybody but its own proxies, and then from everybody."""
    assert [] == said("~", nobody=True)
    assert [("conflict", 0)] == said("~", "shop", nobody=True)


@pytest.mark.parametrize(
    ("namespaces", "expected"),
    [
        ((".",), []),
        (("shop",), []),
        ((".", "bank"), []),
        ((".", "shop"), [("duplicate", 1)]),
        (("shop", "bank", ".", "."), [("duplicate", 2)]),
    ],
)
def test_the_own_namespace_by_name_and_by_dot_is_one(
    namespaces: tuple[str, ...], expected: list[tuple[str, int]]
) -> None:
    """`.` beside the name that it stands for is told once, at the later of them."""
    found = [(one.code, one.path[-1]) for one in check_own_namespace(namespaces, "shop", "exportTo")]

    assert expected == found


@pytest.mark.parametrize(
    ("namespaces", "expected"),
    [((), []), ((".",), []), (("shop",), []), (("bank",), [0]), ((".", "*", "bank"), [1])],
)
def test_what_is_private_stays_in_its_namespace(namespaces: tuple[str, ...], expected: list[int]) -> None:
    """The first namespace that is another one is told."""
    assert expected == [one.path[-1] for one in check_private(namespaces, "shop", "a selector", "exportTo")]
