"""The annotation `istio.io/dry-run`: an AuthorizationPolicy that is logged and not enforced.

Source: Istio's `checkDryRunAnnotation`. Whoever writes it means that nothing shall happen, so it is never passed by.
"""

from collections.abc import Iterator

from store.diagnostic import Diagnostic, error, not_supported
from store.resources.fields import Metadata
from store.scalars import describe

DRY_RUN = "istio.io/dry-run"
_PATH = ("metadata", "annotations", DRY_RUN)
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
"""What Go's `strconv.ParseBool` takes."""


def check_no_dry_run(metadata: Metadata, kind: str) -> Iterator[Diagnostic]:
    """Yield that *metadata* of a resource of *kind*, which cannot be run dry, asks for it; paths from the document."""
    if DRY_RUN in metadata.annotations:
        message = f"a {kind} cannot be run dry: it would take effect"
        yield error("conflict", message, *_PATH, hint="take the annotation out; only an AuthorizationPolicy has it")


def check_dry_run(metadata: Metadata, action: str) -> Iterator[Diagnostic]:
    """Yield what is wrong with the annotation of an AuthorizationPolicy of *action*; paths from the document."""
    value = metadata.annotations.get(DRY_RUN)
    if value is None:
        return
    if action not in ("ALLOW", "DENY"):
        message = f"a policy of action {action} cannot be run dry"
        yield error("conflict", message, *_PATH, hint="take the annotation out; only ALLOW and DENY can be run dry")
    elif value not in _TRUE | _FALSE:
        message = f"{describe(value)} does not say whether to run dry"
        yield error("bad-value", message, *_PATH, expected='"true" or "false"')
    elif value in _TRUE:
        yield not_supported("to run a policy dry is not supported yet", *_PATH, expected='"false"')
