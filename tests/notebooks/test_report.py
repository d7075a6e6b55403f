"""Reports: one page that shows a run, needs nothing from anywhere, and lets nothing run."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode, v4

from ops.errors import OpsError
from ops.runbook import report
from ops.runbook.seal import sealed

SOURCES = (
    ("parameters", 'target: str = "default"  # a name of alembic.ini\nretries: int = 5  # times'),
    ("injected-parameters", '# Parameters\ntarget = "staging <b>"'),
    ("view", "from ops.display import *\nView(title='Where is <it>', mark=Mark('ATTENTION', 'attention'))"),
    (
        "graph",
        "Graph(caption='History', nodes=(Node(id='b2', parents=('a1',), label='<script>alert(1)</script>',"
        " state='pending'), Node(id='a1', state='current')))",
    ),
    ("frame", "import pandas as pd\npd.DataFrame({'revision': ['54be4477c094'], 'rows': [12]})"),
    ("widget", "import ipywidgets\nipywidgets.IntSlider(value=3)"),
    (
        "stream",
        "import sys\nprint('plain <script>alert(2)</script>', '\\x1b[31mred\\x1b[0m', 'nul\\0')\n"
        "print('10%\\r100%')\nprint('a warning', file=sys.stderr)",
    ),
    (
        "hostile",
        "from IPython.display import HTML, Javascript, display\n"
        'display(HTML(\'<img src="https://elsewhere.example/x.png" onerror="alert(3)"><script>alert(4)</script>\''
        "'<style>@import url(https://elsewhere.example/x.css)</style>kept'))\ndisplay(Javascript('alert(5)'))",
    ),
    ("refused", "from ops.errors import RefusedError\nraise RefusedError('The <guard> said no.', next_step='Ask.')"),
    ("error", "1 / 0"),
)
NEVER_RUN = "this_cell_never_ran()"


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A notebook that a real kernel has executed, with errors in it."""
    document = v4.new_notebook(
        cells=[
            v4.new_markdown_cell(
                "# Where is this?\n\nSee [20-plan](20-plan.ipynb), [docs](https://example.org/).",
                metadata={"tags": ["title"]},
            ),
            *(v4.new_code_cell(source, metadata={"tags": [tag]}) for tag, source in SOURCES),
        ]
    )
    NotebookClient(document, kernel_name="python3", allow_errors=True, timeout=60).execute()
    document.cells.append(v4.new_code_cell(NEVER_RUN))
    document.metadata["papermill"] = {"start_time": "2026-11-04T03:12:07.5", "duration": 4.21}
    return saved(document, tmp_path_factory.mktemp("run") / "notebook.ipynb")


@pytest.fixture(scope="module")
def page(notebook: Path) -> str:
    return report.render(notebook, title='10-inspect · ATTENTION <"&>')


def saved(document: NotebookNode, path: Path) -> Path:
    nbformat.write(document, path)
    return path


class Reader(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self.words.append("" if tag in ("span", "wbr", "b", "code", "a") else " ")

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


# fmt: off
SHOWN = {
    "title":                             '10-inspect · ATTENTION <"&>',
    "when and how long":                 "2026-11-04 03:12:07 UTC · 4.2 s",
    "heading":                           "Where is this?",
    "what it is for, folded away":       "Where is this? about this notebook See 20-plan, docs.",
    "parameter that was given":          "target staging <b> given a name of alembic.ini",
    "parameter that was not":            "retries 5 default times",
    "view":                              "ATTENTION Where is <it>",
    "graph as a picture":                "revision b2, state pending, message <script>alert(1)</script>",
    "graph as text":                     "* b2 [pending] <script>alert(1)</script>",
    "frame":                             "54be4477c094",
    "widget, by its text":               "IntSlider(value=3)",
    "standard output":                   "plain <script>alert(2)</script> red nul⟨U+0000⟩",
    "last state of a progress bar":      "nul⟨U+0000⟩ 100%",
    "standard error":                    "a warning",
    "refusal":                           "REFUSED: The <guard> said no. The database was not changed. Next: Ask.",
    "error":                             "ZeroDivisionError: division by zero",
    "code, folded away":                 "import ipywidgets",
    "code that never ran says so":       f"code, not run {NEVER_RUN}",
    "what is harmless of a hostile one": "kept",
}
# fmt: on


@pytest.mark.parametrize("words", SHOWN.values(), ids=SHOWN)
def test_report_shows(page: str, words: str) -> None:
    assert words in Reader(page).text


def test_report_asks_for_nothing(page: str) -> None:
    tags = Reader(page).tags
    policy = next(a["content"] for tag, a in tags if a.get("http-equiv") == "Content-Security-Policy")
    fetched = [a[name] for tag, a in tags for name in ("src", "srcset", "data", "poster", "background") if name in a]
    linked = [(tag, a[name]) for tag, a in tags for name in ("href", "xlink:href") if name in a]
    styles = [a["style"] for _, a in tags if "style" in a] + re.findall(r"<style[^>]*>(.*?)</style>", page, re.DOTALL)

    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert {tag for tag, _ in tags}.isdisjoint({"script", "link", "iframe", "object", "embed", "base", "form"})
    assert all(value.startswith("data:image/") for value in fetched)
    assert linked == [("a", "https://example.org/")]
    assert not any("elsewhere" in value for _, a in tags for value in a.values())
    assert not any(re.search(r"url\(|@import|@font-face|elsewhere", style) for style in styles)
    assert not any(name.startswith("on") for _, a in tags for name in a)


def test_report_leaves_out_what_only_scripts_can_show(page: str) -> None:
    assert "application/vnd.jupyter" not in page
    assert "model_id" not in page
    assert "# Parameters" not in page


def test_picture_is_inline_and_its_text_is_there(page: str) -> None:
    tags = [(tag, attributes.get("role")) for tag, attributes in Reader(page).tags]

    assert ("svg", "img") in tags
    assert "the same as text" in page


def test_lines_that_were_printed_one_by_one_are_one_text(tmp_path: Path) -> None:
    printed = [("stdout", "dump: 4 tables\n"), ("stdout", "dump: done\n"), ("stderr", "a warning\n")]
    outputs = [v4.new_output("stream", name=name, text=text) for name, text in printed]
    document = v4.new_notebook(cells=[v4.new_code_cell("copy()", outputs=outputs, execution_count=1)])

    report.write(saved(document, tmp_path / "notebook.ipynb"), tmp_path / "report.html", title="t")

    texts = re.findall(r"<pre>([^<]*)</pre>", (tmp_path / "report.html").read_text(encoding="utf-8"))
    assert [one.strip() for one in texts] == ["dump: 4 tables\ndump: done", "a warning"]


def test_write_replaces_the_file_and_leaves_nothing_beside_it(notebook: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")

    report.write(notebook, path, title="t")

    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert list(tmp_path.iterdir()) == [path]


def test_write_says_why_it_cannot(notebook: Path, tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="cannot be written") as raised:
        report.write(notebook, tmp_path / "nowhere" / "report.html", title="t")

    assert raised.value.changed is None
    assert list(tmp_path.iterdir()) == []


# fmt: off
UNREADABLE = {
    "no file":         None,
    "not JSON":        "hello",
    "not a notebook":  "{}",
    "empty":           "",
    "a list":          "[]",
    "not UTF-8":       b"\xff\xfe\x00",
}
# fmt: on


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_notebook(tmp_path: Path, content: str | bytes | None) -> None:
    path = tmp_path / "notebook.ipynb"
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    with pytest.raises(OpsError, match=r"notebook\.ipynb cannot be read"):
        report.render(path, title="t")


# fmt: off
PARAMETERS = {  #                     declared                       injected                     shown
    "declared only":               ('a: str = "x"  # help',          None,                        "a x default help"),
    "injected only":               (None,                            'a = "y"',                   "a y given"),
    "given in place of default":   ("n: int = 1",                    "n = 2",                     "n 2 given"),
    "empty text is seen":          ('a: str = ""',                   None,                        'a "" default'),
    "truth":                       ("a: bool = False",               "a = True",                  "a yes given"),
    "revision stays text":         ('r: str = "head"',               'r = "12e45"',               "r 12e45 given"),
    "not in the form: code":       ("a = [1, 2]",                    "b = len(x)",                "b = len(x)"),
    "not Python: code":            ("a: str = 'x'",                  "b = = 2",                   "b = = 2"),
}
# fmt: on


@pytest.mark.parametrize(("given", "injected", "shown"), PARAMETERS.values(), ids=PARAMETERS)
def test_parameters_are_shown(tmp_path: Path, given: str | None, injected: str | None, shown: str) -> None:
    cells = [
        v4.new_code_cell(source, metadata={"tags": [tag]})
        for tag, source in (("parameters", given), ("injected-parameters", injected))
        if source is not None
    ]
    path = saved(v4.new_notebook(cells=cells), tmp_path / "notebook.ipynb")

    assert shown in Reader(report.render(path, title="t")).text


PIXEL = "data:image/png;base64,AA=="
# fmt: off
SEALED = {
    "plain":                           ('<p class="a">x &amp; y</p>', '<p class="a">x &amp; y</p>'),
    "script":                          ("a<script>b</script>c", "ac"),
    "script that never ends":          ("a<script>b", "a"),
    "handler":                         ('<b onclick="x">a</b>', "<b>a</b>"),
    "handler, strangely written":      ("<b/onclick=x title=t>a</b>", '<b title="t">a</b>'),
    "picture from elsewhere":          ('<img src="//h/x.png" alt="a">', '<img alt="a">'),
    "picture with its data":           (f'<img src="{PIXEL}">', f'<img src="{PIXEL}">'),
    "page with its data":              ('<img src="data:text/html,x">', "<img>"),
    "frame":                           ('<iframe src="x"></iframe>', ""),
    "refresh":                         ('<meta http-equiv="refresh" content="0;url=x">', ""),
    "style that fetches":              ('<b style="background:url(x)">a</b>', "<b>a</b>"),
    "style that fetches, disguised":   ('<b style="background:u\\72l(x)">a</b>', "<b>a</b>"),
    "style sheet":                     ("<style>td{color:red}</style>", "<style>td{color:red}</style>"),
    "style sheet that fetches":        ("<style>@import 'x';</style>", ""),
    "link to a page":                  ('<a href="https://h/">a</a>', '<a href="https://h/">a</a>'),
    "link to a file of the run":       ('<a href="plan.sql">a</a>', '<a href="plan.sql">a</a>'),
    "link to another notebook":        ('<a href="20-plan.ipynb#x">a</a>', "<a>a</a>"),
    "link to a script":                ('<a href=" java&#x73;cript:x">a</a>', "<a>a</a>"),
    "link to a script, with a tab":    ('<a href="java\tscript:x">a</a>', "<a>a</a>"),
    "SVG that uses another file":      ('<use href="x.svg#a"/><use href="#b"/>', '<use/><use href="#b"/>'),
    "comment":                         ("a<!-- <b> -->c", "ac"),
    "lone angle":                      ("1 < 2", "1 &lt; 2"),
}
# fmt: on


@pytest.mark.parametrize(("given", "kept"), SEALED.values(), ids=SEALED)
def test_sealed(given: str, kept: str) -> None:
    assert sealed(given) == kept
