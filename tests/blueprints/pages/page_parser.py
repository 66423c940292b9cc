"""Reading a page as a browser does, as far as tests ask."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """The elements of a page, and what stands inside those that may hold code."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inline: list[str] = []
        self.command = ""
        self._path: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        self._path.append(dict(attributes).get("id") or tag)

    def handle_data(self, data: str) -> None:
        if self._path[-1:] in (["script"], ["style"]) and data.strip():
            self.inline.append(data)
        if self._path[-1:] == ["try"]:
            self.command += data
            self._path.append("tried")

    def addresses(self) -> set[str]:
        """Where its links, scripts, styles and pictures come from or lead to."""
        found = [attributes.get(name) for _, attributes in self.elements for name in ("href", "src")]
        return {address for address in found if address}
