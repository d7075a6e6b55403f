"""Views: nothing hostile gets through, HTML and text say the same, and JupyterLab keeps all of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape
from html.parser import HTMLParser

import pytest

from ops.display import Code, Facts, Graph, Mark, Name, Node, Note, Table, View, mimebundle
from ops.display.cells import CODE_LIMIT, columns_of, visible, words
from ops.display.html import to_html
from ops.display.text import WIDTH, to_text

# fmt: off
HOSTILE = {
    "script":               "<script>alert(1)</script>",
    "image with a handler": "<img src=x onerror=alert(1)>",
    "end of a cell":        "</td></table><b onclick='x'>hi</b>",
    "double quote":         '" onmouseover="alert(1)" x="',
    "single quote":         "' style='position:fixed",
    "ampersand":            "a && b &lt;script&gt; &#60;b&#62;",
    "null byte":            "a\x00b",
    "escape sequence":      "\x1b[31mred\x1b[0m\x9b2J",
    "bidi override":        "user\u202egnp.exe\u2066x\u2069",
    "zero width":           "us\u200bers us\u200cers \ufeff",
    "line separators":      "a\u2028b\u2029c\rd\x85e",
    "lone surrogate":       "a\ud800b\udfff",
    "noncharacter":         "a\uffff\ufffeb",
    "tag characters":       "a\U000e0041b",
    "markdown and mermaid": "`\"]; end --> x[[#quot;]] %% \n click n0 href",
    "ten thousand":         "x" * 10_000,
    "end":                  "end",
}
BLOCKS = {
    "title":           lambda text: View(title=text),
    "mark":            lambda text: View(title="t", mark=Mark(text, "bad")),
    "column":          lambda text: View(title="t", blocks=(Table(columns=(text,), rows=((1,),)),)),
    "cell":            lambda text: View(title="t", blocks=(Table(columns=("a",), rows=((text,),)),)),
    "name in a cell":  lambda text: View(title="t", blocks=(Table(columns=("a",), rows=((Name(text),),)),)),
    "mark in a cell":  lambda text: View(title="t", blocks=(Table(columns=("a",), rows=((Mark(text, "ok"),),)),)),
    "tuple in a cell": lambda text: View(title="t", blocks=(Table(columns=("a",), rows=(((text, 1),),)),)),
    "table caption":   lambda text: View(title="t", blocks=(Table(columns=("a",), caption=text),)),
    "empty table":     lambda text: View(title="t", blocks=(Table(columns=("a",), empty=text),)),
    "name of a fact":  lambda text: View(title="t", blocks=(Facts(((text, 1),)),)),
    "value of a fact": lambda text: View(title="t", blocks=(Facts((("a", text),), caption=text),)),
    "code":            lambda text: View(title="t", blocks=(Code(text=text, caption=text),)),
    "note":            lambda text: View(title="t", blocks=(Note(text, "attention"),)),
    "graph":           lambda text: View(title="t", blocks=(Graph(caption=text, nodes=(
                           Node(id=text, parents=(text + "p",), label=text, state=text, note=text),)),)),
}
# fmt: on

# What JupyterLab 4 keeps of inline styles in a notebook that it does not trust (apputils, Sanitizer).
KEPT_BY_JUPYTERLAB = {
    *("background", "border", "border-bottom", "border-collapse", "border-left", "border-radius", "box-sizing"),
    *("caption-side", "color", "display", "font-family", "font-size", "font-weight", "height", "line-height"),
    *("margin", "max-width", "min-width", "opacity", "overflow-x", "padding", "table-layout", "text-align"),
    *("vertical-align", "white-space"),
}
KEPT_TAGS = {"div", "span", "table", "caption", "thead", "tbody", "tr", "th", "td", "pre", "br", "wbr", "img"}
# tabindex it drops: then the browser's own way to scroll by keyboard has to do
KEPT_ATTRIBUTES = {"style", "scope", "rowspan", "colspan", "alt", "src", "tabindex"}
VOID = {"br", "wbr", "img"}


class Reader(HTMLParser):
    """Reads HTML strictly: every element is closed, by its own tag."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


def everything() -> View:
    return View(
        title="staging: 2 revisions pending",
        mark=Mark("ATTENTION", "attention"),
        blocks=(
            Facts((("target", Name("staging")), ("current", (Name("54be4477c094"), Name("a1"))), ("none", None))),
            Table(
                columns=("revision", "rows", "seconds", "open", "verdict", "when"),
                rows=(
                    ("54be4477c094", 1250000, 0.0123, True, Mark("OK", "ok"), datetime(2026, 1, 2, 3, 4, tzinfo=UTC)),
                    (Name("a1"), None, 12.0, False, Mark("UNKNOWN", "unknown"), ()),
                    ("b2", Decimal("3.50"), float("nan"), True, "", "Thêm cột"),
                ),
                caption="Statements",
            ),
            Table(columns=("pid",), caption="Blockers", empty="nobody waits"),
            Code(text="SELECT 1;\n\tFROM x", caption="What will run"),
            Note("Locks were not measured.", "unknown"),
            Note("Nothing was changed."),
            Graph(nodes=(Node(id="b2", parents=("54be4477c094",), state="pending"), Node(id="54be4477c094"))),
        ),
    )


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_hostile_text_stays_text(block, text: str) -> None:
    view = block(text)

    html = to_html(view)
    reader = Reader(html)
    plain = to_text(view)

    assert {tag for tag, _ in reader.tags} <= KEPT_TAGS
    assert {name for _, attributes in reader.tags for name in attributes} <= KEPT_ATTRIBUTES
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\uffff\ud800-\udfff]", html + plain
    )
    html.encode()
    plain.encode()


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_long_text_is_cut_and_says_so(block) -> None:
    view = block("x" * 100_000)

    html, plain = to_html(view), to_text(view)

    assert len(unescape(html)) < CODE_LIMIT + 10_000
    for shown in (re.sub("<wbr>|\\s", "", html), re.sub(r"\s", "", plain)):
        assert "morecharactersnotshown" in shown or "x…" in shown


def test_html_has_only_what_an_untrusted_notebook_may_show() -> None:
    reader = Reader(to_html(everything()))

    for tag, attributes in reader.tags:
        for declaration in filter(None, (attributes.get("style") or "").split(";")):
            name, _, value = declaration.partition(":")
            assert name in KEPT_BY_JUPYTERLAB, (tag, declaration)
            assert value not in ("inherit", "anywhere", "start"), (tag, declaration)
        assert tag != "th" or attributes["scope"] in ("col", "row")
        assert tag != "img" or (attributes["src"] or "").startswith("data:image/svg+xml;base64,")


def test_html_and_text_say_the_same() -> None:
    view = everything()
    html = "".join(Reader(to_html(view)).text.split())
    text = "".join(to_text(view).split())
    facts = [view.title, "ATTENTION", "Blockers", "nobody waits", "SELECT 1;", "Locks were not measured.", "Unknown:"]
    facts += [
        words(value) for block in view.blocks if isinstance(block, Facts) for item in block.items for value in item
    ]
    facts += [
        words(value)
        for block in view.blocks
        if isinstance(block, Table)
        for row in (block.columns if block.rows else (), *block.rows)
        for value in row
    ]
    facts += ["pending", "b2", "54be4477c094"]

    for fact in facts:
        assert "".join(fact.split()) in html, fact
        assert "".join(fact.split()) in text, fact


# fmt: off
VALUES = {  #                        value                                     is shown as
    "nothing":                      (None,                                     "–"),
    "no values":                    ((),                                       "–"),
    "several values":               (("a", 1, None),                           "a, 1, –"),
    "truth":                        (True,                                     "yes"),
    "large number keeps digits":    (1234567890123,                            "1234567890123"),
    "float is rounded":             (0.1 + 0.2,                                "0.3"),
    "whole float":                  (12.0,                                     "12"),
    "hundred keeps its zeros":      (100.0,                                    "100"),
    "tiny float keeps its size":    (0.0000123,                                "1.23e-05"),
    "infinite":                     (float("inf"),                             "inf"),
    "time":                         (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02 03:04:05+00:00"),
    "bytes":                        (b"\x00\xff",                              "\\x00ff"),
    "mark":                         (Mark("OK", "ok"),                         "OK"),
}
VISIBLE = {  #                        text             is shown as
    "plain":                         ("users_id",      "users_id"),
    "other scripts stay":            ("Thêm cột 表 שלום", "Thêm cột 表 שלום"),
    "joiner of a script stays":      ("می\u200cخواهم",  "می\u200cخواهم"),
    "joiner in ASCII is a disguise": ("us\u200cers",   "us⟨U+200C⟩ers"),
    "line break stays":              ("a\r\nb\nc",     "a\nb\nc"),
    "carriage return overwrites":    ("a\rb",          "a⟨U+000D⟩b"),
    "tab":                           ("a\tb",          "a⟨U+0009⟩b"),
    "bidi override":                 ("\u202eabc",     "⟨U+202E⟩abc"),
    "soft hyphen":                   ("a\xadb",        "a⟨U+00AD⟩b"),
}
# fmt: on


@pytest.mark.parametrize(("value", "shown"), VALUES.values(), ids=VALUES)
def test_words_of_a_value(value: object, shown: str) -> None:
    assert words(value) == shown


@pytest.mark.parametrize(("text", "shown"), VISIBLE.values(), ids=VISIBLE)
def test_what_hides_is_made_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


# fmt: off
TABLES = {  #              columns                                          rows
    "narrow":             (("a", "b"),                                      (("x", 1), ("yy", 22))),
    "long text":          (("id", "message"),                               ((1, "word " * 60), (2, "y" * 300))),
    "wide characters":    (("id", "text"),                                  (("表" * 60, "ê" * 90), ("e\u0301" * 80,))),
    "nine long columns":  (tuple("abcdefghi"),                              (("w" * 40,) * 9,)),
    "thirty columns":     (tuple(f"column {i}" for i in range(30)),         (tuple(range(30)), ("v" * 150,) * 30)),
    "rows of many sizes": (("a", "b", "c"),                                 ((1,), (1, 2, 3, 4), ())),
    "line breaks":        (("sql", "b"),                                    (("SELECT 1\nFROM x", 1),)),
    "no column":          ((),                                              ((), ())),
    "no row":             (("a",),                                          ()),
}
# fmt: on


@pytest.mark.parametrize(("columns", "rows"), TABLES.values(), ids=TABLES)
def test_text_fits_a_terminal(columns: tuple[str, ...], rows: tuple[tuple[object, ...], ...]) -> None:
    text = to_text(View(title="t", blocks=(Table(columns=columns, rows=rows, caption="c " * 90),)))

    assert max(map(columns_of, text.split("\n"))) <= WIDTH
    assert text == "\n".join(line.rstrip() for line in text.split("\n"))


def test_columns_line_up_and_numbers_stand_right() -> None:
    table = Table(columns=("name", "rows"), rows=(("users", 7), ("token_llm", 1250)), caption="Tables")

    text = to_text(View(title="Sizes", mark=Mark("OK", "ok"), blocks=(table,)))

    assert text.split("\n") == [
        "Sizes  [OK]",
        "===========",
        "",
        "Tables",
        "  name       rows",
        "  ---------  ----",
        "  users         7",
        "  token_llm  1250",
    ]


def test_numbers_stand_right_in_html() -> None:
    table = Table(columns=("name", "rows"), rows=(("users", 7), ("token_llm", None)))

    styles = [
        attributes["style"] or ""
        for tag, attributes in Reader(to_html(View(title="", blocks=(table,)))).tags
        if tag == "td"
    ]

    assert ["text-align:right" in style for style in styles] == [False, True, False, True]


# fmt: off
NOTES = {  #                   text                     tone         shown
    "plain has no word":      ("Nothing was changed.", "plain",     "Nothing was changed."),
    "tone is a word":         ("Two heads.",           "attention", "Attention: Two heads."),
    "word is there already":  ("Attention: two.",      "attention", "Attention: two."),
    "bad":                    ("It failed.",           "bad",       "Problem: It failed."),
}
# fmt: on


@pytest.mark.parametrize(("text", "tone", "shown"), NOTES.values(), ids=NOTES)
def test_tone_of_a_note_is_a_word(text: str, tone, shown: str) -> None:
    view = View(title="", blocks=(Note(text, tone),))

    assert to_text(view) == shown
    assert Reader(to_html(view)).text == shown


def test_long_table_says_how_much_is_missing() -> None:
    view = View(title="", blocks=(Table(columns=("n",), rows=tuple((i,) for i in range(1_234))),))

    for shown in (Reader(to_html(view)).text, to_text(view)):
        assert "734 more rows not shown; to_frame() has all 1,234" in shown


def test_code_keeps_its_lines() -> None:
    view = View(title="", blocks=(Code(text="BEGIN;\n\n  SELECT 1;\n\tx\n", language="sql"),))

    assert to_text(view) == "    BEGIN;\n\n      SELECT 1;\n        x"
    assert Reader(to_html(view)).text == "BEGIN;\n\n  SELECT 1;\n    x"


def test_code_that_is_folded_opens_by_its_caption_and_is_whole_in_plain_text() -> None:
    view = View(title="", blocks=(Code(text="SELECT 1;", caption="Instead of <3>", folded=True),))

    assert [tag for tag, _ in Reader(to_html(view)).tags if tag in ("details", "summary", "pre")] == [
        "details", "summary", "pre",
    ]  # fmt: skip
    assert "Instead of &lt;3&gt;</summary>" in to_html(view)
    assert to_text(view) == "Instead of <3>\n    SELECT 1;"


def test_a_table_without_rows_is_its_caption_and_a_word() -> None:
    view = View(title="", blocks=(Table(columns=("index", "what it is"), caption="Invalid indexes"),))

    assert "what it is" not in to_html(view)
    assert to_text(view) == "Invalid indexes\n  none"


def test_mimebundle_has_both() -> None:
    assert set(mimebundle(everything())) == {"text/html", "text/plain"}
    assert mimebundle(View(title="")) == {"text/html": to_html(View(title="")), "text/plain": ""}
