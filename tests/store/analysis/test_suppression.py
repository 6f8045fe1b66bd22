"""What somebody does not want to hear is left out, and nothing else."""

import pytest

from store.analysis.analyze import analyze, everything
from store.analysis.suppression import Suppression, hear
from tests.store.analysis.meshes import found, mesh

RULE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: rules, namespace: shop%s}
spec:
  hosts: [x.com]
  http: [{route: [{destination: {host: nowhere}}]}]
"""


@pytest.mark.parametrize(
    ("word", "heard"),
    [
        ("IST0101", False),
        ("ist0101", False),
        ("IST01*", False),
        ("IST0109", True),
        ("IST0101=VirtualService shop/rules", False),
        ("IST0101=VirtualService rules.shop", False),
        ("IST0101=* shop/*", False),
        ("IST0101=VirtualService default/*", True),
        ("*=VirtualService shop/rules", False),
        ("IST0101=vs shop/rules", False),
        ("IST0101=vs/shop/rules", False),
        ("IST0101=shop/rules", False),
        ("IST0101=shop/*", False),
        ("IST0101=vs rules", True),
        ("IST0101=gw shop/rules", True),
        ("IST0101=Service shop/rules", True),
    ],
)
def test_a_word_suppresses_what_it_names(word: str, heard: bool) -> None:
    """Codes in any case, resources as we write them and as istioctl does, and wildcards."""
    assert heard == bool(analyze(mesh(RULE % ""), suppress=[Suppression.parse(word)]))


@pytest.mark.parametrize("word", ["", "=x", "IST0101="])
def test_half_a_word_is_refused(word: str) -> None:
    """It would suppress everything or nothing."""
    with pytest.raises(ValueError, match="is not CODE or CODE=KIND"):
        Suppression.parse(word)


def test_a_name_alone_is_of_the_default_namespace() -> None:
    """As everywhere."""
    there = mesh(RULE.replace("shop", "default") % "")

    assert () == analyze(there, suppress=[Suppression.parse("IST0101=vs rules")])
    assert () == analyze(there, suppress=[Suppression.parse("IST0101=virtualservice/rules")])


@pytest.mark.parametrize(
    ("word", "words"), [("IST0101=Foo", "as in"), ("IST0101=vs", "as in"), ("IST0101,IST0109", "takes one code")]
)
def test_what_would_suppress_nothing_is_refused(word: str, words: str) -> None:
    """The message shows the form."""
    with pytest.raises(ValueError, match=words):
        Suppression.parse(word)


def test_what_suppresses_nothing_is_known() -> None:
    """Two that cover one finding are both of use."""
    words = [Suppression.parse(word) for word in ("IST0101", "IST01*", "IST0109")]
    there = mesh(RULE % "")
    heard = hear(everything(there), there.resources, words)

    assert ([], 1, [words[2]]) == (heard.said, len(heard.hidden), heard.idle)


@pytest.mark.parametrize(
    ("codes", "heard"), [("IST0101", False), ("IST0109, IST0101", False), ("*", False), ("IST0109", True), ("", True)]
)
def test_an_annotation_speaks_for_its_resource(codes: str, heard: bool) -> None:
    """As in Istio."""
    annotated = RULE % f', annotations: {{galley.istio.io/analyze-suppress: "{codes}"}}'

    assert heard == bool(found(mesh(annotated)))
