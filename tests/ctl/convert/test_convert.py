"""Laws of converting that hold for any input, and what goldens cannot say well."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctl.convert.convert import Conversion, convert
from ctl.convert.hosts import Host, free_name, resource_name
from ctl.convert.model import Made
from ctl.convert.render import render, render_all
from ctl.convert.subsets import MAX_NAME, Use, labels_of, subset_names
from store.codec import decode
from store.reader import read
from store.resources.fields import Key
from store.resources.names import is_dns_label, is_subdomain
from tests.ctl.convert.generated import LABELS, inputs
from tests.ctl.convert.rendering import converted, documents

SLOW = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def of(found: list[dict[str, Any]]) -> Conversion:
    """Convert documents given as plain values."""
    return convert(documents("\n---\n".join(json.dumps(one) for one in found)))


@SLOW
@given(inputs())
def test_what_old_rules_become_is_always_right_today(found: list[dict[str, Any]]) -> None:
    """Documents that were right in their time become documents without error, which stay what they are."""
    conversion = of(found)
    assert [] == [said for said in conversion.diagnostics if said.is_error]

    printed = documents(render_all(conversion.made)) if conversion.made else []
    again = convert(printed)

    assert [made.document for made in conversion.made] == [one.value for one in printed]
    assert [] == [said for one in printed for said in decode(one.value)[1] if said.is_error]
    assert [made.document for made in conversion.made] == [made.document for made in again.made]


@SLOW
@given(inputs(), st.randoms())
def test_the_answer_does_not_hang_on_the_order_of_the_input(found: list[dict[str, Any]], random: Any) -> None:
    """The same documents in another order become the same documents, and as much is said of them."""
    shuffled = random.sample(found, len(found))

    one, other = of(found), of(shuffled)

    assert [made.document for made in one.made] == [made.document for made in other.made]
    assert sorted((d.code, d.message, str(d.resource)) for d in one.diagnostics) == sorted(
        (d.code, d.message, str(d.resource)) for d in other.diagnostics
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**40) | st.text(max_size=4) | st.just("config.istio.io/v1alpha2"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def broken(draw: st.DrawFn) -> dict[str, Any]:
    """Return an old document in which one value is something else."""
    found = draw(inputs())[0]
    node: Any = found
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = draw(st.sampled_from(keys))
        if isinstance(node[key], dict | list) and node[key] and draw(st.integers(0, 3)):
            node = node[key]
        else:
            node[key] = draw(JSON)
            return found


@SLOW
@given(broken())
def test_nothing_that_is_wrong_breaks_it(found: dict[str, Any]) -> None:
    """Whatever stands in a document: it is converted, or refused with a place; nothing is raised."""
    reading = read(json.dumps(found).encode(), "a.yaml")

    conversion = convert(reading.documents)

    assert all(said.place is not None for said in conversion.diagnostics)


@given(st.lists(LABELS.filter(bool), max_size=8))
def test_subsets_have_names_that_are_valid_and_their_own(sets: list[dict[str, str]]) -> None:
    """Each set of labels has one name, a DNS label, and no two sets share one."""
    host = Host("reviews")
    uses = [Use(host, labels_of(labels), None, ()) for labels in sets]  # type: ignore[arg-type]  # not looked at

    names = subset_names(uses, {})

    assert len(names) == len(set(names.values())) == len({labels_of(labels) for labels in sets})
    assert all(is_dns_label(name) and len(name) <= MAX_NAME for name in names.values())


def test_a_subset_is_named_after_its_labels() -> None:
    """`version: "1.0"` is `version-1-0`; a set that would be called the same gets something of its own behind it."""
    text = """
apiVersion: config.istio.io/v1alpha2
kind: RouteRule
metadata: {name: r}
spec: {destination: {name: a}, route: [{labels: {version: "1.0"}, weight: 50}, {labels: {version: %s}, weight: 50}]}
"""
    one, both = (converted(text % version).made[0].document for version in ("v2", '"1-0"'))

    assert ["v2", "version-1-0"] == [subset["name"] for subset in one["spec"]["subsets"]]  # type: ignore[index]
    first, second = (subset["name"] for subset in both["spec"]["subsets"])  # type: ignore[index]
    assert "version-1-0" == first
    assert second.startswith("version-1-0-")


@given(st.text(max_size=300))
def test_any_host_gives_a_name_for_a_resource(host: str) -> None:
    """Whatever the host is, its resource has a name that is allowed."""
    assert is_subdomain(resource_name(host))


def test_a_name_that_is_taken_gets_a_suffix() -> None:
    """First the suffix, then numbers."""
    taken = {Key("default", name, "Gateway") for name in ("a", "a-converted")}

    assert "a-converted-2" == free_name("Gateway", "default", "a", taken)
    assert "a" == free_name("Gateway", "shop", "a", taken)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
    | st.sampled_from(["1e5", "on", "null", "~", "1_000", "0x1F", "08", "", "- a", "a: b", "a #b", "{a}", "1.", "<<"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(alphabet="ab.1: #é", max_size=4), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["a", "b", "c d"]), VALUES, min_size=1, max_size=3))
def test_what_is_rendered_reads_back_the_same(value: dict[str, Any]) -> None:
    """By our reader and by any other: text stays text, numbers stay numbers, comments are comments."""
    text = render(Made(value, {(): "from here", (next(iter(value)),): "two\nlines"}))

    reading = read(text.encode(), "x.yaml")

    assert () == reading.diagnostics
    assert [value] == [one.value for one in reading.documents]
    assert value == yaml.safe_load(text)
    assert 3 <= text.count("# ")


@pytest.mark.parametrize("backend", ['{serviceName: "", servicePort: 80}', '{service: {name: "", port: {number: 80}}}'])
def test_a_service_without_a_name_is_refused(backend: str) -> None:
    """At the name, and nothing is made of it."""
    done = converted(
        f"""
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: a}}
spec: {{rules: [{{host: a.com, http: {{paths: [{{path: /, pathType: Prefix, backend: {backend}}}]}}}}]}}
"""
    )

    assert ["bad-value"] == [said.code for said in done.diagnostics if said.is_error]
