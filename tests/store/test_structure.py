"""Values of documents → classes: what is told of many mistakes, and where."""

import pytest

from store.brevity import MAX_ALIKE
from store.codec import decode
from store.diagnostic import Diagnostic, render_path

HEAD = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "x"}}

RULE = {"route": [{"destination": {"host": "a"}}]}


def said(spec: object) -> list[Diagnostic]:
    return list(decode({**HEAD, "spec": spec})[1])


def test_many_mistakes_of_one_sort_are_counted() -> None:
    """The first of them are told, and how many more there are, at the list."""
    rules = [{"route": [{"destination": {"host": "a"}}], "timeout": "5"}] * (MAX_ALIKE + 100)
    found = said({"hosts": ["a"], "http": rules})

    assert MAX_ALIKE + 1 == len([one for one in found if one.code == "wrong-type"])
    assert ("wrong-type", "100 more like this", ("spec", "http")) == (found[-1].code, found[-1].message, found[-1].path)


def test_a_list_of_nothing_but_mistakes_is_not_read_to_its_end() -> None:
    """It was meant for something else."""
    found = said({"hosts": [1] * 100_000, "http": [{"route": [{"destination": {"host": "a"}}]}]})

    assert {"wrong-type", "limit"} == {one.code for one in found}
    assert "the other 99000 items were not looked at" in [one.message for one in found]


def test_one_mistake_among_many_items_is_told_wherever_it_is() -> None:
    """Long lists are read to their end."""
    rules = [{"match": [{"uri": {"prefix": f"/{i}"}}], "route": [{"destination": {"host": "a"}}]} for i in range(3000)]
    rules[2999]["tymeout"] = []

    errors = [one.path for one in said({"hosts": ["a"], "http": rules}) if one.is_error]

    assert [("spec", "http", 2999, "tymeout")] == errors


@pytest.mark.parametrize(
    ("spec", "where"),
    [
        ({"host": ["a.com"], "http": [RULE]}, "spec.host"),
        ({"host": "a.com", "gateways": ["edge"], "http": [{"delegate": {"name": "d"}}]}, "spec.host"),
        ({"hosts": 5, "http": [RULE]}, "spec.hosts"),
        ({"hosts": 5, "gateways": ["edge"], "http": [{"delegate": {"name": "d"}}]}, "spec.hosts"),
        ({"hosts": ["a"], "http": [{**RULE, "mach": [{"uri": {"prefix": "/x"}}]}, RULE]}, "spec.http[0].mach"),
        ({"hosts": ["a"], "http": [{**RULE, "foo": 1}, RULE]}, "spec.http[0].foo"),
        (
            {"hosts": ["a"], "http": [{**RULE, "match": [{"uri": {"perfix": "/x"}}]}, RULE]},
            "spec.http[0].match[0].uri.perfix",
        ),
        ({"hosts": ["a"], "http": [{"rout": RULE["route"]}]}, "spec.http[0].rout"),
    ],
)
def test_what_rests_on_a_mistake_is_no_mistake_of_its_own(spec: object, where: str) -> None:
    """The rest of a document is judged as if the misspelt name had been right; rules are not compared before it is."""
    mistakes = [render_path(one.path) for one in said(spec) if one.code != "not-supported"]

    assert [where] == mistakes
    assert [] == [one.message for one in said(spec) if "without hosts" in one.message]
