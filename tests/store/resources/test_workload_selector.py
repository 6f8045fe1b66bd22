"""What selectors may say, whoever has them."""

from store.resources.workload_selector import WorkloadSelector, check_selector
from store.structure import structure, unstructure


def said(labels: dict[str, str], name: str = "labels") -> list[tuple[str, tuple[str | int, ...]]]:
    return [(one.code, one.path) for one in check_selector(labels, "workloadSelector", name=name)]


def test_labels_select() -> None:
    """Keys may have a DNS prefix, values may be empty."""
    assert [] == said({"app": "reviews", "app.kubernetes.io/name": "reviews-v1", "canary": ""})


def test_a_selector_without_labels_is_warned_of_where_it_stands() -> None:
    """It takes every workload of the namespace, which is seldom meant."""
    assert [("empty-selector", ("workloadSelector",))] == said({})


def test_a_star_is_no_pattern() -> None:
    """It is said once, whether it is in the key or in the value, and nothing more about them."""
    expected = [("bad-value", ("workloadSelector", "matchLabels", key)) for key in ("*", "app")]

    assert expected == sorted(said({"*": "x", "app": "rev*"}, name="matchLabels"))


def test_labels_that_no_workload_can_have_are_refused() -> None:
    """A value is at most 63 characters long, and both follow label syntax."""
    at = ("workloadSelector", "labels")

    assert [("limit", (*at, "app"))] == said({"app": "a" * 64})
    assert [("bad-value", (*at, "")), ("bad-value", (*at, "b"))] == said({"": "x", "b": "c d"})


def test_a_selector_reads_back() -> None:
    """What is written is what was read."""
    found = structure({"labels": {"app": "reviews"}}, WorkloadSelector)

    assert found.value == WorkloadSelector({"app": "reviews"})
    assert {"labels": {"app": "reviews"}} == unstructure(found.value)
