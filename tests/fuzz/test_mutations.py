"""Every example that we have, mistreated: an answer to each, with a place in the file."""

from pathlib import Path

import pytest

from tests.fuzz.judging import FACTOR, judge, readers_agree
from tests.fuzz.mutations import mutated

TESTS = Path(__file__).parents[1]
EXAMPLES = sorted([*(TESTS / "seed").glob("*.yaml"), *(TESTS / "corpus").rglob("*.yaml")])
MUTATIONS = 12 * FACTOR


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: str(file.relative_to(TESTS)))
def test_a_mistreated_example_is_judged(file: Path) -> None:
    """Bytes flipped, lines lost, swapped, doubled and moved, keys misspelt, values exchanged."""
    for seed in range(MUTATIONS):
        text = mutated(file.read_bytes(), seed)
        judge(text)
        readers_agree(text.decode(errors="ignore"))
