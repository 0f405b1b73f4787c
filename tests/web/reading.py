"""Read a page as somebody who hears it: names of links and buttons, headings, rows, and its text."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "input", "br", "hr"}


def moment(at: datetime, *, today: datetime) -> str:
    """A moment as pages write it: as short as it can be told from any other."""
    day = "" if at.date() == today.date() else f"{at.day} {at:%b}"
    year = "" if at.year == today.year else f" {at.year}"
    return f"{day}{year}, {at:%H:%M} UTC".removeprefix(", ")


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join(self._raw().split())

    def _raw(self) -> str:
        return "".join(child if isinstance(child, str) else child._raw() for child in self.children)

    @property
    def name(self) -> str:
        """What a screen reader says."""
        return self.attributes.get("aria-label") or self.text

    def every(self, tag: str) -> list[Element]:
        found = [self] if self.tag == tag else []
        for child in self.children:
            found += child.every(tag) if isinstance(child, Element) else []
        return found

    def by_id(self, wanted: str) -> Element:
        return next(
            element for element in self.every_element() if element.attributes.get("id") == wanted
        )

    def every_element(self) -> list[Element]:
        return [self] + [
            below
            for child in self.children
            if isinstance(child, Element)
            for below in child.every_element()
        ]


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("document", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


class Page(Element):
    """A whole answer, parsed; malformed nesting is an error."""

    def __init__(self, html: str) -> None:
        builder = _Builder()
        builder.feed(html)
        super().__init__("document", {}, builder.open[0].children)

    @property
    def title(self) -> str:
        return self.every("title")[0].text

    @property
    def headings(self) -> list[str]:
        return [element.text for element in self.every("h2")]

    @property
    def buttons(self) -> list[str]:
        return [
            element.name for element in self.every("button") if "hidden" not in element.attributes
        ]

    @property
    def rows(self) -> list[Element]:
        return [row for row in self.every("tr") if row.attributes.get("data-ref")]

    def form(self, key: str) -> dict[str, str]:
        """The hidden fields of a dialog's form, as a browser would send them."""
        dialog = self.by_id(f"dialog-{key}")
        return {
            field.attributes["name"]: field.attributes.get("value", "")
            for field in dialog.every("input")
            if field.attributes.get("type") == "hidden"
            and field.attributes["name"] != "csrfmiddlewaretoken"
        }
