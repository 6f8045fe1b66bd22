"""`meshctl fields`: the documentation of every field, from the declaration that the decoder reads."""

import pytest

from ctl.explaining_fields import UnknownField, as_json, describe_subject, meaning_of, subject_of
from ctl.stored import UnknownKind
from store.plan import classes_below, plan_of
from store.resources.kinds import KINDS


def page(words: str) -> str:
    return "\n".join(line.plain for line in describe_subject(subject_of(words)))


@pytest.mark.parametrize(
    ("words", "path"),
    [
        ("virtualservice.http.match.uri", "spec.http[].match[].uri"),
        ("vs.spec.http[0].match[0].uri.exact", "spec.http[].match[].uri.exact"),
        ("DestinationRule.traffic_policy.load_balancer", "spec.trafficPolicy.loadBalancer"),
        ("dr.name", "spec.host"),
        ("se.metadata.labels", "metadata.labels"),
        ("gateways", ""),
    ],
)
def test_a_path_is_understood_as_people_write_it(words: str, path: str) -> None:
    """Kinds in any of their words, `spec` or not, positions or not, snake_case, spellings of 2018."""
    assert path == subject_of(words).path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("vs.http.match.url", 'did you mean "uri"?'),
        ("vs.http.match.uri.exact.more", '"spec.http[].match[].uri.exact" is a string and has no fields'),
        ("gw.xyzzy", "its fields are "),
    ],
)
def test_a_wrong_step_is_named_with_what_there_is(words: str, said: str) -> None:
    """The message says where the path ends and what would have been right."""
    with pytest.raises(UnknownField) as raised:
        subject_of(words)

    assert said in str(raised.value)


def test_an_unknown_kind_is_refused() -> None:
    """By its first word."""
    with pytest.raises(UnknownKind):
        subject_of("virtualservise.http")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("retries", "vs.http.retries"),
        ("http.timeout", "vs.http.timeout"),
        ("selector", "gw.selector, pa.selector, ap.selector"),
        ("uri", "vs.http.match.uri, vs.http.redirect.uri, vs.http.rewrite.uri"),
    ],
)
def test_a_field_without_its_kind_is_told_where_it_is(words: str, named: str) -> None:
    """Short paths first, in words that this very command takes."""
    with pytest.raises(UnknownKind) as raised:
        subject_of(words)

    first, _, paths = str(raised.value).partition("; fields of that name: ")
    assert f'"{words.split(".")[0]}" is no kind' == first
    assert paths.startswith(named)
    assert all(subject_of(path).field for path in paths.partition(" and ")[0].split(", "))


def test_a_page_says_type_default_age_and_example() -> None:
    """What `kubectl explain` tells and what it does not: since when, old spellings, whether it runs."""
    text = page("vs.http.timeout")

    assert "<duration>" in text
    assert "default" in text
    assert "since       Istio 0." in text
    assert "example     timeout: " in text


def test_data_say_the_same_as_the_page() -> None:
    """`-o json` for programs."""
    answer = as_json(subject_of("dr.trafficPolicy.loadBalancer.simple"))

    assert ("DestinationRule", "spec.trafficPolicy.loadBalancer.simple", "enum") == (
        answer["kind"], answer["path"], answer["type"],
    )  # fmt: skip
    assert "ROUND_ROBIN" in answer["values"]  # type: ignore[operator]


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_field_of_every_kind_is_documented(kind) -> None:  # type: ignore[no-untyped-def]
    """A field without a meaning cannot be added."""
    fields = [(cls.__name__, field) for cls in classes_below(kind.spec) for field in plan_of(cls).fields]

    assert [] == [f"{cls}.{field.name}" for cls, field in fields if not field.doc.meaning]


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_kind_says_what_it_is_for(kind) -> None:  # type: ignore[no-untyped-def]
    """In a sentence of its own, not the name of its class."""
    meaning = meaning_of(kind)

    assert len(meaning) > 15
    assert not meaning.startswith("`spec`")
    assert kind.name not in meaning.split()[0]
