"""A page of HTML taken apart."""

import json
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br", "img", "hr"}


class Page(HTMLParser):
    """What a page holds: its elements in order, the texts within each, and whether tags match."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.texts = [], [], {}
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        """One more element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, len(self.elements) - 1))

    def handle_startendtag(self, tag, attrs):
        """One more element that holds nothing."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        """The element that was opened last ends."""
        opened, _ = self.open.pop()
        assert opened == tag, (opened, tag, self.getpos())

    def handle_data(self, data):
        """Text within the elements that are open."""
        for _, at in self.open:
            self.texts[at] = self.texts.get(at, "") + data

    def named(self, tag):
        """Attributes of all elements of a kind."""
        return [attrs for name, attrs in self.elements if name == tag]

    def text(self, tag):
        """Texts of all elements of a kind."""
        return [self.texts.get(i, "").strip() for i, (t, _) in enumerate(self.elements) if t == tag]

    @property
    def nodes(self):
        """The columns of nodes to search in."""
        (found,) = [text for text in self.text("script") if text.startswith("{")]
        return json.loads(found)["columns"]
