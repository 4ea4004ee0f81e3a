"""HTML and SVG as values: every piece of text is escaped unless it already is markup.

There is one door from text to markup (`tag`), and it escapes: a column called `<script>` is shown,
never run.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

VOID = frozenset({"meta", "br", "hr", "col"})


@dataclass(frozen=True)
class Markup:
    """Text that is markup already."""

    text: str

    def __str__(self) -> str:
        return self.text


Child = Markup | str | None
NOTHING = Markup("")


def tag(name: str, /, *children: Child, **attributes: object) -> Markup:
    """An element; a trailing underscore of an attribute is dropped, others become hyphens.

    Attributes of value None or False are left out; True leaves the bare name.

    >>> str(tag("td", "a < b", class_="n", aria_label='"x"'))
    '<td class="n" aria-label="&quot;x&quot;">a &lt; b</td>'
    """
    opened = f"<{name}{''.join(_attribute(k, v) for k, v in attributes.items())}>"
    return Markup(opened if name in VOID else f"{opened}{joined(children)}</{name}>")


def _attribute(key: str, value: object) -> str:
    if value is None or value is False:
        return ""
    written = "viewBox" if key == "viewBox" else key.rstrip("_").replace("_", "-")
    return f" {written}" if value is True else f' {written}="{escape(str(value), quote=True)}"'


def joined(children: Iterable[Child], between: str = "") -> Markup:
    """Children one after another, text escaped.

    >>> str(joined(["a&b", Markup("<i>"), None]))
    'a&amp;b<i>'
    """
    texts = (c.text if isinstance(c, Markup) else escape(c) for c in children if c is not None)
    return Markup(between.join(texts))


def paragraph(*children: Child, kind: str | None = None) -> Markup:
    """A paragraph."""
    return tag("p", *children, class_=kind)


def bullets(items: Iterable[Child], kind: str | None = None) -> Markup:
    """A list, or nothing if there are no items."""
    lines = [tag("li", item) for item in items]
    return tag("ul", *lines, class_=kind) if lines else NOTHING


def table(
    head: Iterable[Child],
    rows: Iterable[Iterable[Child]],
    caption: str,
    numbers: Iterable[int] = (),
    kind: str | None = None,
) -> Markup:
    """A table that scrolls inside its own box where the page is too narrow for it.

    Args:
        head: one heading a column.
        rows: cells; the first of a row is its heading.
        caption: what the table holds, for the screen reader and as a line above.
        numbers: positions of the columns that hold figures, set right-aligned.
        kind: the table's class; "full" spans the page.
    """
    right = frozenset(numbers)
    names = list(head)
    top = [
        tag("th", name, scope="col", class_="n" if i in right else None)
        for i, name in enumerate(names)
    ]
    body = [
        tag(
            "tr",
            *(
                tag("th", cell, scope="row")
                if i == 0
                else tag("td", cell, class_="n" if i in right else None)
                for i, cell in enumerate(row)
            ),
        )
        for row in rows
    ]
    inner = tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", *top)),
        tag("tbody", *body),
        class_=kind,
    )
    return tag("div", inner, class_="scroll", tabindex="0", role="region", aria_label=caption)


def definitions(pairs: Iterable[tuple[str, Child]]) -> Markup:
    """Names and values, one below another."""
    lines = [tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs]
    return tag("dl", *lines) if lines else NOTHING
