"""What groups of workloads may say beside `tests/corpus/workloadgroup`."""

from pathlib import Path

import pytest

from store.codec import decode, encode
from store.diagnostic import render_path
from store.reader import read
from store.resources.fields import Int32, Uint32
from store.resources.workload_entry import WorkloadEntry
from store.resources.workload_group import (
    GrpcHealthCheckConfig,
    HTTPHealthCheckConfig,
    ObjectMeta,
    ReadinessProbe,
    WorkloadGroup,
    check,
)

CORPUS = Path(__file__).parents[2] / "corpus"
TEMPLATE = WorkloadEntry()


def judge(group: WorkloadGroup) -> list[str]:
    return [f"{said.code} {render_path(said.path)}" for said in check(group)]


def test_a_template_needs_nothing() -> None:
    """Where a workload is, it says itself when it registers."""
    assert [] == judge(WorkloadGroup(TEMPLATE))


def test_there_are_as_many_annotations_as_istios_schema_allows() -> None:
    """What they say is nobody's business."""
    annotations = {f"a {i}": "*" for i in range(257)}
    of_256 = WorkloadGroup(TEMPLATE, ObjectMeta(annotations=dict(list(annotations.items())[:256])))

    assert [] == judge(of_256)
    assert ["limit metadata.annotations"] == judge(WorkloadGroup(TEMPLATE, ObjectMeta(annotations=annotations)))


def test_a_probe_is_judged_whole() -> None:
    """A number that is wrong hides no port that is wrong, nor the other way round."""
    probe = ReadinessProbe(period_seconds=Int32(-1), http_get=HTTPHealthCheckConfig(Uint32(0), scheme="ftp"),
                           grpc=GrpcHealthCheckConfig(Uint32(70000)))  # fmt: skip
    expected = ["probe.periodSeconds", "probe.httpGet.port", "probe.httpGet.scheme", "probe.grpc.port"]

    assert [f"bad-value {path}" for path in expected] == judge(WorkloadGroup(TEMPLATE, probe=probe))


@pytest.mark.parametrize(("scheme", "hint"), [("http", 'write "HTTP"'), ("Https", 'write "HTTPS"'), ("ftp", None)])
def test_a_scheme_is_in_capital_letters(scheme: str, hint: str | None) -> None:
    """Istio's rule; who wrote it small is told how."""
    probe = ReadinessProbe(http_get=HTTPHealthCheckConfig(Uint32(80), scheme=scheme))
    (refused,) = check(WorkloadGroup(TEMPLATE, probe=probe))

    assert hint == refused.hint


@pytest.mark.parametrize("kind", ["serviceentry", "workloadentry", "workloadgroup"])
def test_what_is_good_reads_back(kind: str) -> None:
    """A document that is written of a resource is the same resource again."""
    documents = read((CORPUS / kind / "good.yaml").read_bytes(), "good.yaml").documents
    resources = [decode(document.value)[0] for document in documents]

    assert None not in resources
    assert resources == [decode(encode(one))[0] for one in resources if one is not None]
