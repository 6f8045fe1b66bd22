"""Documents with comments → YAML text that reads back as the same documents."""

from collections.abc import Iterable, Iterator, Mapping

import yaml

from ctl.convert.model import Made
from store.diagnostic import FieldPath
from store.yaml_nodes import reads_as_text


def render_all(documents: Iterable[Made]) -> str:
    """Return *documents* as one YAML text, each with its comments; empty for none."""
    return "---\n".join(render(made) for made in documents)


def render(made: Made) -> str:
    """Return one document, with a newline at its end."""
    return "".join(f"{line}\n" for line in (*_comment(made, ()), *_block(made.document, made, ())))


def _comment(made: Made, at: FieldPath) -> Iterator[str]:
    text = made.comments.get(at, "")
    return (f"# {line}" for line in text.split("\n") if text)


def _block(value: object, made: Made, at: FieldPath) -> Iterator[str]:
    """Yield the lines of a mapping or list that is not empty; of anything else its one line."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _comment(made, (*at, key))
            yield from _entry(key, item, made, (*at, key))
    elif isinstance(value, list) and value:
        for i, item in enumerate(value):
            yield from _comment(made, (*at, i))
            first, *rest = _block(item, made, (*at, i))
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)
    else:
        yield _scalar(value)


def _entry(key: object, item: object, made: Made, at: FieldPath) -> Iterator[str]:
    name = _scalar(key)
    if not isinstance(item, Mapping | list) or not item:
        yield f"{name}: {_scalar(item)}"
        return
    yield f"{name}:"
    indent = "  " if isinstance(item, Mapping) else ""
    yield from (f"{indent}{line}" for line in _block(item, made, at))


def _scalar(value: object) -> str:
    """Return *value* on one line: a scalar, `{}` or `[]`. Text stays text for every reader of YAML, ours too."""
    if not isinstance(value, str):
        return _dumped(value)
    plain = _dumped(value)
    bare = plain == value
    if "\n" in plain or "\x85" in value or (bare and not reads_as_text(value)):
        return _dumped(value, style='"')
    return plain


def _dumped(value: object, style: str | None = None) -> str:
    text: str = yaml.safe_dump(value, allow_unicode=True, default_style=style, default_flow_style=True, width=2**31)
    return text.removesuffix("\n").removesuffix("\n...")
