"""`meshctl apply` before it writes: sizes, findings, and what a dry run says of both."""

import re

from tests.e2e.meshctl import Meshctl
from tests.e2e.test_meshctl import RULE, SERVICE, pick


def test_what_is_too_large_names_sizes_and_the_way_out(meshctl: Meshctl) -> None:
    """Nothing is changed, sizes have units, and splitting the files is the way."""
    long = ", ".join(".".join([letter * 60] * 4) for letter in "abcd")
    large = SERVICE.replace("hosts: [reviews]", f"hosts: [{long}]")
    meshctl.write("large.yaml", *(large.replace("name: reviews", f"name: r{n}") for n in range(1500)))

    refused = meshctl("apply", "-f", "large.yaml", code=2)
    foreseen = meshctl("apply", "-f", "large.yaml", "--dry-run", code=2)

    assert ("", "") == (refused.stdout, foreseen.stdout)
    assert re.sub(r"\d+", "N", refused.stderr) == re.sub(r"\d+", "N", foreseen.stderr)
    assert 1 == len(refused.stderr.splitlines())
    sizes = r"\d+ bytes .* \(\d+ KiB\).* 1468006 bytes \(1434 KiB\)"
    assert re.search(rf"nothing was changed: .* {sizes}; split the files over several applies", refused.stderr)


def test_a_dry_run_answers_with_findings_and_their_counts(meshctl: Meshctl) -> None:
    """As `validate` does: what the documents gave rise to and what the change adds, counted together."""
    meshctl.write("a.yaml", SERVICE.replace("resolution", "discovery"), RULE.replace("host: reviews", "host: revews"))

    answer = meshctl.json("apply", "-f", "a.yaml", "--dry-run")

    assert [("old-spelling",), ("IST0101",)] == pick(answer["diagnostics"], "code")
    assert {"files": 1, "resources": 2, "errors": 0, "warnings": 2, "infos": 0} == answer["summary"]
    assert [("created",), ("created",)] == pick(answer["resources"], "result")
    assert "apply" not in answer


def test_an_apply_tells_no_more_findings_than_a_person_reads(meshctl: Meshctl) -> None:
    """Fifty in all, of the others how many of which code; errors come first; `validate` and JSON have all of them."""
    services = [SERVICE.replace("name: rev", f"name: s{n}-rev").replace("[rev", f"[s{n}-rev") for n in range(40)]
    rules = [RULE.replace("reviews", f"r{n}") for n in range(30)]
    meshctl.write("old.yaml", *(each.replace("resolution", "discovery") for each in services), *rules)
    meshctl.write("wrong.yaml", SERVICE.replace("hosts", "hosst"))

    dry = meshctl("apply", "-f", "old.yaml", "--dry-run").stderr
    answer = meshctl.json("apply", "-f", "old.yaml", "--dry-run")
    applied = meshctl("apply", "-f", "old.yaml").stderr
    refused = meshctl("apply", "-f", "old.yaml", "-f", "wrong.yaml", code=2).stderr
    validated = meshctl("validate", "-f", "old.yaml").stdout

    assert [40, 10] == [dry.count("[old-spelling]"), dry.count("[IST0101]")]
    assert "… and 20 more (IST0101 20); -o json has them" in dry
    assert "… and 20 more (IST0101 20); meshctl analyze shows them" in applied
    assert 70 == len(answer["diagnostics"])  # type: ignore[arg-type]
    assert [40, 1] == [refused.count("[old-spelling]"), refused.count("error[unknown-field]")]
    assert 40 == validated.count("[old-spelling]")
