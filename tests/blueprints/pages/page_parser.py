"""A small HTML parser for page tests."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """The elements of a page, its inline scripts and styles, and the example command on the home page."""

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

    def urls(self) -> set[str]:
        """Return the URLs of links, scripts, styles and images."""
        urls = [attributes.get(name) for _, attributes in self.elements for name in ("href", "src")]
        return {url for url in urls if url}
