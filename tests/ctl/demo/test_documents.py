"""The documents of the demo, as the product reads them."""

from pathlib import Path

from ctl.demo import documents
from ctl.demo.plan import make_plan

SEED = Path(__file__).parents[2] / "seed"


def test_the_rules_are_the_announcement_s_byte_for_byte(tmp_path: Path) -> None:
    """What has no port in it is written out unchanged."""
    documents.write(tmp_path, make_plan(tmp_path).ports)

    for name in ("virtualservice-reviews.yaml", "destinationrule-reviews.yaml"):
        assert (SEED / name).read_bytes() == (tmp_path / "bookshop" / name).read_bytes()


def test_every_place_is_filled_in(tmp_path: Path) -> None:
    """Each port of the plan stands in a document, and no `@{…}` is left."""
    plan = make_plan(tmp_path)
    documents.write(tmp_path, plan.ports)
    text = "".join(file.read_text() for file in tmp_path.rglob("*.yaml"))

    assert "@{" not in text
    assert [] == [port for port in plan.ports.values() if str(port) not in text]
