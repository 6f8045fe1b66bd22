"""What the codes mean that reading yields: YAML, and documents whose fields are not those of their kind.

How documents are read is in `store/yaml_nodes.py`, `store/reader.py`, `store/codec.py` and `store/structure.py`.
"""

from itertools import pairwise

from store.analysis.code import Code
from store.diagnostic import Level

_SERVICE = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: reviews}\nspec:\n"
_ROUTE = "  http: [{route: [{destination: {host: reviews}}]}]\n"
_FIELDS = "`meshctl fields KIND` lists the fields, and `meshctl fields KIND.spec.PATH` describes one."

CODES = (
    Code(
        "unknown-field",
        "a field that nobody knows",
        Level.ERROR,
        "The field is not one of the API at this place. It would do nothing, and whoever wrote it meant something.",
        f"{_SERVICE}  hosts: [reviews]\n  gateway: [edge]\n{_ROUTE}",
        f"Correct its name, or put it where the hint says it belongs. {_FIELDS}",
    ),
    Code(
        "missing-field",
        "a field that has to be there",
        Level.ERROR,
        "The document cannot be understood without the field.",
        f"{_SERVICE}  hosts: [reviews]\n  http: [{{route: [{{destination: {{subset: v1}}}}]}}]\n",
        f"Add it. {_FIELDS}",
    ),
    Code(
        "wrong-type",
        "a value of another type",
        Level.ERROR,
        "A list where one value belongs, a number where a string belongs, and the like. YAML reads `1`, `on` and `1.10`"
        " as numbers and truth values unless they are in quotes.",
        f"{_SERVICE}  hosts: reviews\n{_ROUTE}",
        "Write it in the form that is expected: quotes make a string, brackets a list.",
    ),
    Code(
        "unknown-kind",
        "a kind that nobody knows",
        Level.ERROR,
        "The document's `kind` is nearly one of the mesh's, and is none.",
        "apiVersion: networking.istio.io/v1\nkind: VirtualServce\nmetadata: {name: reviews}\n",
        "Write one of the kinds: `meshctl fields` lists them.",
    ),
    Code(
        "unknown-version",
        "an apiVersion that the kind does not have",
        Level.ERROR,
        "`apiVersion` is the group of the kind and one of its versions.",
        f"apiVersion: networking.istio.io/v2\n{_SERVICE.partition(chr(10))[2]}  hosts: [reviews]\n{_ROUTE}",
        "Write one of those that are expected.",
    ),
    Code(
        "old-kind",
        "a kind from before v1alpha3",
        Level.ERROR,
        "RouteRule, DestinationPolicy, EgressRule and Ingress were replaced by VirtualService, DestinationRule,"
        " ServiceEntry and Gateway in 2018.",
        "apiVersion: config.istio.io/v1alpha2\nkind: RouteRule\nmetadata: {name: reviews}\n"
        "spec: {destination: {name: reviews}}\n",
        "`meshctl convert -f FILE` writes what says the same today.",
    ),
    Code(
        "syntax",
        "text that is not YAML",
        Level.ERROR,
        "The text cannot be read as YAML or JSON at this place, or it is not UTF-8.",
        "kind: [VirtualService\n",
        "Correct the line, or the one before: an open bracket or quote shows up late.",
    ),
    Code(
        "duplicate-key",
        "one key, written twice",
        Level.ERROR,
        "A mapping has the same key twice, and only one of the two can count.",
        "kind: VirtualService\nkind: Gateway\n",
        "Remove one of them; where both are meant, they belong into one.",
    ),
    Code(
        "key",
        "a key that is no text",
        Level.ERROR,
        "Keys of mappings are strings.",
        "{[a]: b}\n",
        "Write the key as text.",
    ),
    Code(
        "alias",
        "an alias without its anchor",
        Level.ERROR,
        "`*name` repeats what `&name` marks before it in the same document.",
        "kind: *kind\n",
        "Mark the value with `&name` before, or put the text in quotes if it only begins with `*`.",
    ),
    Code(
        "merge",
        "a merge of what is no mapping",
        Level.ERROR,
        "`<<` adds the keys of a mapping, or of a list of mappings.",
        "<<: text\n",
        "Give it a mapping: `<<: *name`.",
    ),
    Code(
        "tag",
        "a tag that means nothing here",
        Level.ERROR,
        "Values are plain: texts, numbers, truth values, lists and mappings. Other tags (`!name`) are not read.",
        "kind: !secret abc\n",
        "Remove the tag, or put the text in quotes if it only begins with `!`.",
    ),
    Code(
        "ellipsis",
        "three dots in the place of something",
        Level.ERROR,
        "Documentation leaves things out with `...`; a document cannot.",
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: reviews}\nspec:\n  ...\n",
        "Write what belongs there, or remove the line.",
    ),
    Code(
        "too-deep",
        "nested too deeply",
        Level.ERROR,
        "Values stand inside each other more than 64 times, which no resource needs.",
        f"{'[' * 70}{']' * 70}\n",
        "Look for brackets that were not closed.",
    ),
    Code(
        "too-large",
        "more than one file may hold",
        Level.ERROR,
        "A file has at most 4 MiB, and its aliases stand for a bounded number of values.",
        "a: &a [0,0,0,0,0,0,0,0,0,0]\n"
        + "".join(f"{name}: &{name} [{','.join(['*' + of] * 10)}]\n" for of, name in pairwise("abcdefgh")),
        "Split the file.",
    ),
    Code(
        "no-resources",
        "nothing to read",
        Level.ERROR,
        "The files or directories that were named hold no document.",
        "# only a comment\n",
        "Name the files that are meant; of a directory, those ending in .yaml, .yml and .json are read.",
    ),
    Code(
        "unreadable",
        "a file that cannot be read",
        Level.ERROR,
        "The operating system refuses to open the file: it is not there, or it is not yours to read.",
        "# meshctl validate -f no-such-file.yaml\n",
        "Correct the name, or the permissions.",
    ),
    Code(
        "needs-newer-agent",
        "stored by a newer version",
        Level.ERROR,
        "A stored resource has something that this version does not know or cannot run. It stays as it is, and hosts of"
        " this version keep the last state of it that they understood.",
        "# a resource that a newer meshctl has applied\n",
        "Update this host or this meshctl.",
    ),
)
