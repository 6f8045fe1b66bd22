"""`metadata` of documents: lenient with what exports carry, strict with what would mean something else."""

import pytest

from store.codec import decode
from store.diagnostic import render_path
from store.resources.fields import Metadata

SPEC = {"hosts": ["a.mesh"], "resolution": "STATIC"}


def judge(metadata: object) -> tuple[Metadata | None, list[str]]:
    head = {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry"}
    resource, said = decode({**head, "metadata": metadata, "spec": SPEC})
    return resource.metadata if resource else None, [f"{one.code} {render_path(one.path)}" for one in said]


def test_what_a_cluster_adds_is_taken_without_complaint() -> None:
    """As `kubectl get -o yaml` prints it, nulls and managed fields of any content included."""
    exported = {
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": '{"a": 1}\n', "a b/c": "", "gone": None},
        "creationTimestamp": "2018-04-25T10:11:12Z",
        "deletionTimestamp": None,
        "finalizers": ["x"],
        "generation": 2,
        "labels": {"app.kubernetes.io/name": "x", "empty": "", "gone": None},
        "managedFields": [{"fieldsV1": {"f:spec": {".": {}, "f:hosts": {}}}, "manager": 5, "time": None}, 7, None],
        "name": "x",
        "namespace": "shop",
        "ownerReferences": [{"apiVersion": "v1", "blockOwnerDeletion": True, "uid": None}],
        "resourceVersion": "123",
        "selfLink": None,
        "uid": "0f0e",
        "somethingElse": {"a": [1]},
    }
    metadata, said = judge(exported)

    assert [] == said
    assert metadata is not None
    assert {"app.kubernetes.io/name": "x", "empty": ""} == metadata.labels
    assert "gone" not in metadata.annotations


def test_a_namespace_that_is_null_or_empty_is_the_default() -> None:
    """As if it were not there."""
    for nothing in (None, ""):
        metadata, said = judge({"name": "x", "namespace": nothing, "labels": None, "annotations": None})

        assert ([], "default") == (said, metadata.namespace if metadata else None)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"labels": {"version": 1}}, "wrong-type metadata.labels.version"),
        ({"annotations": {"a": True}}, "wrong-type metadata.annotations.a"),
        ({"labels": {"a b": "x"}}, 'bad-value metadata.labels.a b'),
        ({"labels": {"a": "x y"}}, "bad-value metadata.labels.a"),
        ({"labels": {"a": "x" * 64}}, "bad-value metadata.labels.a"),
        ({"labels": []}, "wrong-type metadata.labels"),
        ({"creationTimestamp": "yesterday"}, "bad-value metadata.creationTimestamp"),
        ({"creationTimestamp": "2018-13-25T10:11:12Z"}, "bad-value metadata.creationTimestamp"),
        ({"namspace": "shop"}, "unknown-field metadata.namspace"),
        ({"Namespace": "shop"}, "unknown-field metadata.Namespace"),
        ({"lables": {}}, "unknown-field metadata.lables"),
    ],
)
def test_what_kubernetes_refuses_or_a_slip_hides_is_an_error(more: dict[str, object], expected: str) -> None:
    """A misspelt namespace would silently be another one."""
    assert [expected] == judge({"name": "x", **more})[1]
