"""What somebody does not want to hear is left out, and nothing else."""

import pytest

from store.analysis.analyze import analyze
from store.analysis.suppression import Suppression
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


@pytest.mark.parametrize(
    ("codes", "heard"), [("IST0101", False), ("IST0109, IST0101", False), ("*", False), ("IST0109", True), ("", True)]
)
def test_an_annotation_speaks_for_its_resource(codes: str, heard: bool) -> None:
    """As in Istio."""
    annotated = RULE % f', annotations: {{galley.istio.io/analyze-suppress: "{codes}"}}'

    assert heard == bool(found(mesh(annotated)))
