"""Any bytes, any text that looks like YAML, any YAML: an answer, never an exception."""

import json
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.judging import FACTOR, judge, readers_agree

fuzzed = settings(max_examples=250 * FACTOR, deadline=None, derandomize=True, database=None)

YAML_CHARACTERS = "ab1:-?&*!|>'\"%@`{}[],#~. \t\n\r\u2028\ufeff\x85é<=0"
WORDS = [
    "apiVersion: networking.istio.io/v1\n", "kind: VirtualService\n", "kind: List\n", "items:\n", "- ", "metadata:\n",
    "  name: a\n", "spec:\n", "  hosts: [a]\n", "  http:\n", "  - route:\n", "---\n", "...\n", "&a ", "*a", "<<: ",
    "|\n", "!!str ", "{", "}", "[", "]", ": ", "  ", "\t", "\n", "'", '"', "no", "1_0", "null", "\r\n", "# c\n",
    "\\u00", "?",
]  # fmt: skip

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6) | scalars, inner, max_size=4)


values = st.recursive(scalars, containers, max_leaves=12)
pieces = st.lists(st.sampled_from(WORDS), max_size=25).map("".join)


@given(st.binary(max_size=300))
@fuzzed
def test_any_bytes(text: bytes) -> None:
    """Noise of any encoding."""
    judge(text)


@given(st.text(st.sampled_from(YAML_CHARACTERS), max_size=80) | pieces)
@fuzzed
def test_any_text_that_looks_like_yaml(text: str) -> None:
    """YAML's own characters, and pieces of documents, in any order."""
    judge(text.encode())
    readers_agree(text)


@given(st.sampled_from(["VirtualService", "Gateway", "Sidecar", "DestinationRule"]), values, values, st.booleans())
@fuzzed
def test_any_values_in_place_of_metadata_and_spec(kind: str, metadata: Any, spec: Any, as_json: bool) -> None:
    """Whatever YAML can say, where a mapping of fields belongs."""
    document = {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec}
    try:
        text = json.dumps(document) if as_json else yaml.safe_dump(document, allow_unicode=True)
    except TypeError:  # keys that JSON does not have
        return
    judge(text.encode(errors="surrogatepass"))
    readers_agree(text)
