"""Where a field belongs that was written where it is not known."""

import pytest

from store.codec import decode


def hint(text_path: str, kind: str, spec: object, **top: object) -> str | None:
    """Return the hint of the unknown field named last in *text_path*."""
    head = {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": "x"}}
    said = [one for one in decode({**head, "spec": spec, **top})[1] if one.code == "unknown-field"]
    (hint,) = [one.hint for one in said if one.path[-1] == text_path]
    return hint


TO = [{"destination": {"host": "a"}}]


@pytest.mark.parametrize(
    ("name", "rule", "expected"),
    [
        ("timeout", {"match": [{"timeout": "3s"}]}, "it belongs at spec.http[0].timeout"),
        ("subset", {"route": [{"destination": {"host": "a"}, "subset": "v1"}]},
         "it belongs at spec.http[0].route[0].destination.subset"),
        ("weight", {"route": [{"destination": {"host": "a", "weight": 5}}]},
         "it belongs at spec.http[0].route[0].weight"),
        ("uri", {"uri": {"prefix": "/"}},
         "it belongs at spec.http[0].match[].uri or spec.http[0].redirect.uri or spec.http[0].rewrite.uri"),
        ("Timeout", {"Timeout": "3s"}, 'did you mean "timeout"?'),
        ("timout", {"timout": "3s"}, 'did you mean "timeout"?'),
        ("zzz", {"zzz": "3s"}, None),
    ],
)  # fmt: skip
def test_a_rule_is_told_where_its_stray_field_belongs(name: str, rule: dict[str, object], expected: str) -> None:
    """Up, down or beside; positions are those of where it was written, as far as they are shared."""
    assert expected == hint(name, "VirtualService", {"hosts": ["a"], "http": [{"route": TO, **rule}]})


def test_fields_without_their_spec_or_metadata_are_told_so() -> None:
    """A wrong indentation puts fields of the spec beside it, and names beside metadata."""
    spec = {"host": "a"}

    assert "it belongs at spec.host" == hint("host", "DestinationRule", spec, host="a")
    assert "it belongs at metadata.name" == hint("name", "DestinationRule", spec, name="a")
    assert "it belongs at metadata.annotations" == hint("annotations", "DestinationRule", {**spec, "annotations": {}})
    assert 'did you mean "spec"?' == hint("Spec", "DestinationRule", spec, Spec={})


def test_a_slip_of_the_finger_is_not_sent_elsewhere() -> None:
    """`host` in a server is `hosts`, though destinations have a host."""
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "host": ["a.com"]}

    assert 'did you mean "hosts"?' == hint("host", "Gateway", {"servers": [server]})


@pytest.mark.parametrize(
    ("name", "kind", "spec", "above"),
    [
        ("version", "WorkloadEntry", {"address": "10.0.0.1", "labels": None, "version": "v1"}, "labels"),
        ("version", "DestinationRule", {"host": "a", "subsets": [{"name": "v", "labels": None, "version": "v"}]},
         "labels"),
        ("http1MaxPendingRequests", "DestinationRule",
         {"host": "a", "trafficPolicy": {"connectionPool": {"http": None, "http1MaxPendingRequests": 5}}}, "http"),
    ],
)  # fmt: skip
def test_what_was_not_indented_belongs_to_the_empty_field_beside_it(
    name: str, kind: str, spec: object, above: str
) -> None:
    """`labels:` without a value, and a label at its side."""
    assert f"if it belongs to {above}, it has to be indented further than that" == hint(name, kind, spec)

