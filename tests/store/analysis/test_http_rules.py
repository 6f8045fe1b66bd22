"""Rules that do something else than they look like are told; what is plainly meant is not."""

import pytest

from tests.store.analysis.meshes import found, mesh

RULE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec: {hosts: [web.example.com], http: [{route: [{destination: {host: web.example.com}}], %s}]}
"""
CODES = ("timeout-before-retries", "unsafe-retry", "fault-for-all")
ABORT = "fault: {abort: {httpStatus: 500, percentage: {value: %s}}}"
UNSAFE = "retries: {attempts: 1, retryOn: 5xx}"


@pytest.mark.parametrize(
    "rule",
    [
        "timeout: 6s, retries: {attempts: 3, perTryTimeout: 2s}",
        "timeout: 1s, retries: {attempts: 3}",
        "retries: {attempts: 3, perTryTimeout: 2s}",
        "timeout: 1s",
        "retries: {attempts: 3, retryOn: 'connect-failure,refused-stream'}",
        "retries: {attempts: 0}",
        f"{UNSAFE}, match: [{{method: {{exact: GET}}}}]",
        f"{UNSAFE}, match: [{{method: {{prefix: GE}}}}]",
        f"{UNSAFE}, match: [{{method: {{regex: GET|HEAD}}}}]",
        ABORT % 50,
        "fault: {delay: {fixedDelay: 5s, percentage: {value: 100}}}",
        f"{ABORT % 100}, match: [{{headers: {{end-user: {{exact: jason}}}}}}]",
    ],
)
def test_what_is_plainly_meant_is_no_finding(rule: str) -> None:
    """Time enough, safe requests or failures, faults for some requests."""
    assert [] == found(mesh(RULE % rule), *CODES)


@pytest.mark.parametrize(
    ("rule", "code", "path", "words"),
    [
        (
            "timeout: 5s, retries: {attempts: 3, perTryTimeout: 2s}",
            CODES[0],
            "timeout",
            "room for 2 of its 4 tries of 2s",
        ),
        (
            "timeout: 1s, retries: {attempts: 1, perTryTimeout: 2s}",
            CODES[0],
            "timeout",
            "room for not even one try of 2s",
        ),
        (UNSAFE, CODES[1], "retryOn", "after 5xx"),
        ("retries: {attempts: 1, retryOn: 'connect-failure,reset,503'}", CODES[1], "retryOn", "after reset, 503"),
        (f"{UNSAFE}, match: [{{method: {{exact: GET}}}}, {{method: {{exact: POST}}}}]", CODES[1], "retryOn", "5xx"),
        (f"{UNSAFE}, match: [{{method: {{prefix: P}}}}]", CODES[1], "retryOn", "5xx"),
        (f"{UNSAFE}, match: [{{method: {{regex: .*}}}}]", CODES[1], "retryOn", "5xx"),
        (ABORT % 100, CODES[2], "abort", "answered with 500"),
        (f"{ABORT % 100}, match: [{{uri: {{prefix: /}}}}]", CODES[2], "abort", "answered with 500"),
        ("fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 100}}}", CODES[2], "abort", "with UNAVAILABLE"),
    ],
)
def test_what_looks_otherwise_is_told(rule: str, code: str, path: str, words: str) -> None:
    """The finding stands at the field that surprises."""
    (said,) = found(mesh(RULE % rule), *CODES)

    assert (code, path) == (said.code, said.path[-1])
    assert words in said.message
