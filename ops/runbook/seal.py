"""HTML without anything that runs, moves the reader elsewhere, or makes the browser ask for something."""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser

_DROPPED = {"applet", "base", "embed", "form", "frame", "frameset", "iframe", "link", "meta", "object"}
_DROPPED |= {"audio", "video", "source", "track", "picture", "portal", "button", "input", "select"}
_DROPPED |= {"animate", "animatemotion", "animatetransform", "set", "xmp", "plaintext", "noembed", "noframes"}
_SILENT = {"script", "noscript", "template", "textarea"}
_FETCHING = {"src", "srcset", "poster", "background", "data", "action", "formaction", "ping", "manifest", "cite"}
_PICTURE = re.compile(r"\s*data:image/(png|jpeg|gif|webp|svg\+xml)[;,]", re.IGNORECASE)
_REFERENCE = re.compile(r"url\s*\(|@import|image-set\s*\(|expression\s*\(|\\", re.IGNORECASE)
_SCHEME = re.compile(r"\s*([a-z][a-z0-9+.-]*|)\s*:", re.IGNORECASE)
_NAME = re.compile(r"[a-z_][a-z0-9_:.-]*\Z")
_SPACE = re.compile(r"[\x00-\x20]+")


def sealed(html: str) -> str:
    """Return the HTML without scripts, event handlers, forms, frames, and without references that are fetched.

    Pictures that hold their own data stay, and so do links that a person may follow; links to notebooks lose
    their target, as a report does not lie beside them.
    """
    sealer = _Sealer()
    sealer.feed(html)
    sealer.close()
    return "".join(sealer.kept)


class _Sealer(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.kept: list[str] = []
        self._silent: list[str] = []
        self._style: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent.append(tag)
        elif tag == "style":
            self._style = []
        elif tag not in _DROPPED and not self._silent:
            self.kept.append(self._tag(tag, attrs, end=">"))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _DROPPED | _SILENT | {"style"} and not self._silent:
            self.kept.append(self._tag(tag, attrs, end="/>"))

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            if tag in self._silent:
                del self._silent[self._silent.index(tag) :]
        elif tag == "style" and self._style is not None:
            css = "".join(self._style)
            self._style = None
            if not _REFERENCE.search(css):
                self.kept.append(f"<style>{css}</style>")
        elif tag not in _DROPPED | _SILENT | {"style"}:
            self.kept.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if self._style is not None:
            self._style.append(data)
        elif not self._silent:
            self.kept.append(data.replace("<", "&lt;"))

    def handle_entityref(self, name: str) -> None:
        self._keep(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._keep(f"&#{name};")

    def _keep(self, text: str) -> None:
        if not self._silent and self._style is None:
            self.kept.append(text)

    def _tag(self, tag: str, attrs: list[tuple[str, str | None]], *, end: str) -> str:
        # Names come in small letters; browsers give SVG's back their capitals.
        kept = [(name, value) for name, value in attrs if _harmless(tag, name, value or "")]
        return f"<{tag}{''.join(_attribute(name, value) for name, value in kept)}{end}"


def _attribute(name: str, value: str | None) -> str:
    return f" {name}" if value is None else f' {name}="{escape(value)}"'


def _harmless(tag: str, name: str, value: str) -> bool:
    if not _NAME.match(name) or name.startswith("on") or name in ("srcdoc", "autofocus", "http-equiv"):
        return False
    if name == "style" or (_REFERENCE.search(value) and name in ("fill", "stroke", "filter", "mask", "clip-path")):
        return not _REFERENCE.search(value)
    if name in _FETCHING:
        return bool(_PICTURE.match(value)) and tag == "img" and name == "src"
    if name in ("href", "xlink:href"):
        return _may_be_followed(value) if tag == "a" else value.startswith("#")
    return True


def _may_be_followed(value: str) -> bool:
    scheme = _SCHEME.match(_SPACE.sub("", value))
    if scheme:
        return scheme[1].lower() in ("http", "https", "mailto")
    path = value.split("#")[0].split("?")[0]
    return not path.endswith(".ipynb") or path == "notebook.ipynb"
