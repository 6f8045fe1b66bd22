"""Documents of every kind, made from its model: an answer to each, and most of what is said is about values."""

import json

import pytest
import yaml

from store.resources.kinds import KINDS
from tests.fuzz.documents import Maker
from tests.fuzz.judging import FACTOR, judge

DOCUMENTS = 60 * FACTOR


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
@pytest.mark.parametrize("fields", [0.1, 0.5])
def test_documents_of_the_model_are_understood(kind, fields: float) -> None:  # type: ignore[no-untyped-def]
    """No field that the model has is unknown, whatever its value and its spelling."""
    for seed in range(DOCUMENTS):
        document = Maker(seed, fields=fields).document(kind)
        verdict = judge(json.dumps(document).encode())

        unknown = [one for one in verdict.diagnostics if one.code == "unknown-field"]
        assert [] == [one.message for one in unknown if "there is no" not in one.message], document


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_documents_with_junk_are_judged(kind) -> None:  # type: ignore[no-untyped-def]
    """Values of any type in any place, and fields of yesterday with values of nobody."""
    for seed in range(DOCUMENTS):
        document = Maker(seed, junk=0.15).document(kind)
        judge(yaml.safe_dump(document, allow_unicode=True).encode())
