"""The report of a run: its executed notebook as one HTML page that asks nothing of any network.

nbconvert renders cells and outputs; skeleton, styles and what is left out are ours. What it gives is read once
more on the way out, so that nothing in it can run or be fetched, whatever an output holds.
"""

from __future__ import annotations

import ast
import json
import os
import re
import threading
from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops.display import Name, Table, View
from ops.display.cells import shown, visible
from ops.display.html import to_html
from ops.errors import OpsError
from ops.runbook.parameters import declared
from ops.runbook.seal import sealed

if TYPE_CHECKING:
    from nbconvert.exporters import HTMLExporter

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_SHOWN = ("text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/plain")
_WITHOUT_CODE = {"parameters", "injected-parameters", "papermill-error-cell-tag", "remove-input", "hide-input"}
_AROUND = {"banner", "parameters", "injected-parameters", "guard", "next"}
"""Cells that say nothing of the answer: a page that has said all that already may leave them out."""

_UNPRINTED = {"source": "the code of the cells that ran", "words": "each picture as text"}
"""What is folded on the screen and left out on paper, where the outputs say the same; all else is printed open."""

_HEADING = re.compile(r"^\s*#\s", re.MULTILINE)
_ONE_AT_A_TIME = threading.Lock()

_TEMPLATE = """\
{%- extends 'basic/index.html.j2' -%}
{%- block codecell -%}
<section class="cell code{% if cell.metadata.ops_around %} around{% endif %}">{{ super() }}</section>
{% endblock -%}
{%- block input_group -%}
{%- if cell.source and not cell.metadata.ops_without_code -%}
{%- set not_run = cell.metadata.ops_not_run %}
<details class="source{{ ' not-run' if not_run }}"><summary>code{{ ', not run' if not_run }}</summary>
<pre tabindex="0">{{ cell.source | e }}</pre></details>
{%- endif -%}
{%- endblock -%}
{%- block markdowncell -%}
<section class="cell text">{{ cell.source | markdown2html | strip_files_prefix }}
{%- if cell.metadata.ops_about %}
<details class="about"><summary>about this notebook</summary>
{{ cell.metadata.ops_about | markdown2html | strip_files_prefix }}</details>
{%- endif %}</section>
{% endblock -%}
{%- block rawcell -%}{%- endblock -%}
{%- block data_svg -%}
<div class="picture" tabindex="0">{{ output.data['image/svg+xml'] }}</div>
{%- if output.data['text/plain'] -%}
<details class="words"><summary>the same as text</summary>
<pre tabindex="0">{{ output.data['text/plain'] | e }}</pre></details>
{%- endif -%}
{%- endblock -%}
{%- block footer -%}{%- endblock -%}
"""

_STYLE = """\
:root{color-scheme:light dark;--fg:#1f2328;--bg:#ffffff;--soft:rgba(127,127,127,.12);--line:rgba(127,127,127,.35);
--link:#0756b8;--dim:#59636e;--red:#b3101f;--green:#1a6b34;--yellow:#7a5200;--blue:#0756b8;--magenta:#8a2a9b;--cyan:#0b6a70}
@media (prefers-color-scheme:dark){:root{--fg:#e4e6e8;--bg:#15181b;--link:#7ab7ff;--dim:#9aa4ae;--red:#ff8a85;
--green:#74d68f;--yellow:#e8bd5a;--blue:#7ab7ff;--magenta:#e09bf0;--cyan:#6fd3d8}}
body{margin:0;padding:1.5rem clamp(.8rem,4vw,3rem) 4rem;color:var(--fg);background:var(--bg);
font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;overflow-wrap:break-word}
main,header{max-width:72rem;margin:0 auto}
header{border-bottom:1px solid var(--line);padding-bottom:.6rem;margin-bottom:1.2rem;color:var(--dim);font-size:14px}
header h1,header strong{color:var(--fg)}header h1{margin:0 0 .2rem}
h1{font-size:1.7rem;line-height:1.25;margin:1rem 0 .6rem}h2{font-size:1.25rem;margin:2rem 0 .5rem;line-height:1.3}
h3{font-size:1.05rem;margin:1.4rem 0 .4rem}.text p,.text ul,.text ol{max-width:46rem}a[href]{color:var(--link)}
code,pre,samp{font-family:ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:13px}
:not(pre)>code{background:var(--soft);padding:.1em .3em;border-radius:3px}
pre{margin:.3rem 0;padding:.6rem .8rem;background:var(--soft);border-radius:4px;overflow-x:auto;line-height:1.5}
.text table,table.dataframe{border-collapse:collapse;font-size:13.5px;margin:.5rem 0;border:0;
display:block;overflow-x:auto}
.text th,.text td,.dataframe th,.dataframe td{border:0;border-bottom:1px solid var(--line);padding:.3rem 1.1rem .3rem 0;
text-align:left!important;vertical-align:top;font-variant-numeric:tabular-nums}
.cell{margin:.5rem 0}.output_html,.picture{overflow-x:auto}.picture svg{max-width:none!important}
details>summary{cursor:pointer;color:var(--dim);font-size:12px;width:max-content}
details.source,details.about{margin:.2rem 0}.output_html summary{color:inherit;width:auto}
.output_stderr pre{border-left:4px solid #b97a00}
.output_error pre{border-left:4px solid #e5484d;white-space:pre-wrap}
.output_text pre{white-space:pre-wrap}.unprinted{display:none;color:var(--dim)}
.ansi-bold{font-weight:600}.ansi-underline{text-decoration:underline}
.ansi-red-fg,.ansi-red-intense-fg{color:var(--red)}.ansi-green-fg,.ansi-green-intense-fg{color:var(--green)}
.ansi-yellow-fg,.ansi-yellow-intense-fg{color:var(--yellow)}.ansi-blue-fg,.ansi-blue-intense-fg{color:var(--blue)}
.ansi-magenta-fg,.ansi-magenta-intense-fg{color:var(--magenta)}.ansi-cyan-fg,.ansi-cyan-intense-fg{color:var(--cyan)}
[class*="ansi-"][class*="-bg"]{background:var(--soft)}
@media print{:root{color-scheme:light;--fg:#000;--bg:#fff;--dim:#444;--link:#000;--red:#8c0012;--green:#0b4a1e;
--yellow:#5c3b00;--blue:#0a3a80;--magenta:#5d1a6b;--cyan:#064a4e}
@page{margin:14mm}body{padding:0;font-size:11px}.source:not(.not-run),.words{display:none}.unprinted{display:block}
details::details-content{content-visibility:visible!important;block-size:auto!important}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
pre{white-space:pre-wrap!important}div{overflow:visible!important}
main div,pre,code{font-size:11px!important}table,th,td,td span,td code{font-size:9px!important}
td,th{min-width:0!important;padding-right:8px!important}
td:not([style*=height]){white-space:normal!important}.picture svg{max-width:100%!important}
tr,img,svg,h1,h2,h3,div[style^="margin:0 0 12px 0"]{break-inside:avoid}
summary{list-style:none}
h1,h2,h3,caption,div[style^="font-weight:600"],div[style^="margin:0 0 12px 0"]{break-after:avoid}}
"""


def preload() -> None:
    """Import and build what `render` needs, which takes longer than the rendering itself."""
    _exporter()


def render(notebook_path: Path, *, title: str) -> str:
    """Return the report of an executed notebook as one HTML document.

    It has no script, and asks for no font, picture or style from anywhere; code is folded away, outputs and the
    parameters of the run are shown. The title is shown as it is given: it should hold the verdict.

    Raises
    ------
    OpsError
        The file cannot be read, or is no notebook.
    """
    notebook = _read(notebook_path)
    about = _about(notebook)
    has_heading = any(cell.cell_type == "markdown" and _HEADING.search(cell.source) for cell in notebook.cells)
    _prepare(notebook)
    with _ONE_AT_A_TIME:
        body, _ = _exporter().from_notebook_node(notebook)
    name = escape(shown(title, limit=200))
    heading = f"<strong>{name}</strong>" if has_heading else f"<h1>{name}</h1>"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{name}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n"
        f"<header>{heading}{about}</header>\n<main>\n{sealed(body)}\n{_unprinted(body)}</main>\n</body>\n</html>\n"
    )


def write(notebook_path: Path, report_path: Path, *, title: str) -> None:
    """Write the report of an executed notebook; a reader sees the old file or the whole new one.

    Raises
    ------
    OpsError
        The notebook cannot be read, or the report cannot be written.
    """
    document = render(notebook_path, title=title)
    draft = report_path.with_name(f".{report_path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        draft.write_text(document, encoding="utf-8")
        draft.replace(report_path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise OpsError(
            f"The report {report_path.name} cannot be written: {error.strerror or error}.",
            next_step="See that the run's folder exists and may be written to.",
            changed=None,
        ) from error


@cache
def _exporter() -> HTMLExporter:
    from nbconvert.exporters import HTMLExporter
    from traitlets.config import Config

    exporter = HTMLExporter(
        config=Config({"NbConvertBase": {"display_data_priority": list(_SHOWN)}}),
        template_name="basic",
        raw_template=_TEMPLATE,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
    # One empty run compiles the templates.
    exporter.from_notebook_node(_empty())
    return exporter


def _empty() -> Any:
    from nbformat import v4

    return v4.new_notebook(cells=[v4.new_markdown_cell("`-`")])


def _read(path: Path) -> Any:
    import nbformat

    try:
        text = path.read_text(encoding="utf-8")
        # Surrogates may stand in JSON as escapes, and cannot be encoded in a page.
        notebook = nbformat.reads(text.encode("utf-8", "replace").decode(), as_version=4)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, nbformat.ValidationError) as error:
        raise OpsError(
            f"The notebook {path.name} cannot be read: {shown(error, limit=300)}",
            next_step="See whether the run has written it, and run it again.",
            changed=None,
        ) from error
    return notebook


def _about(notebook: Any) -> str:
    """Return when the run was and how long it took, as papermill has noted it."""
    noted = notebook.metadata.get("papermill", {})
    started = str(noted.get("start_time") or "")[:19].replace("T", " ")
    seconds = noted.get("duration")
    parts = [f"{started} UTC"] if started else []
    if isinstance(seconds, int | float):
        parts.append(f"{seconds:.1f} s")
    if noted.get("exception"):
        parts.append("stopped by an error")
    return f"<div>{escape(visible(' · '.join(parts)))}</div>" if parts else ""


def _unprinted(body: str) -> str:
    """Return the sentence that stands on paper for what is folded on the screen and not printed, where there is any."""
    folded = [words for part, words in _UNPRINTED.items() if f'<details class="{part}">' in body]
    if not folded:
        return ""
    return f'<p class="unprinted">Not printed: {" and ".join(folded)}. The file of this report has them.</p>\n'


def _prepare(notebook: Any) -> None:
    """Leave in the notebook what is shown, and note in each cell how."""
    notebook.metadata.pop("widgets", None)
    ran = any(cell.cell_type == "code" and cell.get("execution_count") for cell in notebook.cells)
    _show_parameters(notebook)
    for cell in notebook.cells:
        tags = set(cell.metadata.get("tags", ()))
        if cell.cell_type == "markdown" and "title" in tags:
            _fold(cell)
        if cell.cell_type != "code":
            continue
        cell.metadata["ops_around"] = bool(tags & _AROUND)
        cell.metadata.setdefault("ops_without_code", bool(tags & _WITHOUT_CODE))
        cell.metadata["ops_not_run"] = ran and not cell.get("execution_count") and not cell.outputs
        cell.outputs = _joined(cell.outputs)
        for output in cell.outputs:
            _reduce(output)


def _fold(cell: Any) -> None:
    """Leave of a title its heading: what the notebook is for stands folded below, as its reader wants the answer."""
    heading, _, rest = cell.source.strip().partition("\n")
    if heading.startswith("# "):
        cell.source, cell.metadata["ops_about"] = heading, rest.strip()


def _joined(outputs: list[Any]) -> list[Any]:
    """Return outputs in which what was printed one line after the other is one."""
    found: list[Any] = []
    for one in outputs:
        last = found[-1] if found else None
        if last is not None and one.output_type == "stream" and last.get("name") == one.name:
            last.text += one.text
        else:
            found.append(one)
    return found


def _reduce(output: Any) -> None:
    """Leave of one output what a page without scripts can show, its control characters made visible."""
    if output.output_type == "stream":
        # Progress bars go back to the start of their line; only what stood there last counts.
        text = re.sub(r"[^\n\r]*\r(?!\n|$)", "", output.text)
        output.text = _readable(text.replace("\r", ""))
    elif output.output_type == "error":
        output.traceback = [_readable(line) for line in output.traceback or [output.evalue]]
    elif "data" in output:
        data = {kind: _as_text(value) for kind, value in output.data.items() if kind in _SHOWN}
        if "text/plain" in data:
            data["text/plain"] = _readable(data["text/plain"])
        output.data = type(output.data)(data)


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _readable(text: str) -> str:
    """Return text whose escape sequences for colours stay, and whose other control characters are visible."""
    return "\x1b".join(visible(part, tabs=True) for part in text.split("\x1b"))


def _show_parameters(notebook: Any) -> None:
    """Put a table of the run's parameters in the place of the cells that declare and give them."""
    declaring = _tagged(notebook, "parameters")
    giving = _tagged(notebook, "injected-parameters")
    place = giving or declaring
    if place is None:
        return
    try:
        known = declared(declaring.source, notebook="") if declaring else ()
        given = _assigned(giving.source) if giving else {}
    except (OpsError, SyntaxError, ValueError):
        # Not in the form of a parameters cell: then its code is what there is to see.
        place.metadata["ops_without_code"] = False
        return
    helps = {parameter.name: parameter.help for parameter in known}
    values: dict[str, object] = {parameter.name: parameter.default for parameter in known} | dict(given)
    rows = tuple(
        (Name(name), _spelled(value), "given" if name in given else "default", helps.get(name, ""))
        for name, value in values.items()
    )
    if not rows:
        return
    table = Table(columns=("parameter", "value", "from", "meaning"), rows=rows, caption="Parameters of this run")
    _put(place, to_html(View(title="", blocks=(table,))))


def _tagged(notebook: Any, tag: str) -> Any | None:
    found = (cell for cell in notebook.cells if cell.cell_type == "code" and tag in cell.metadata.get("tags", ()))
    return next(found, None)


def _put(cell: Any, html: str) -> None:
    from nbformat import v4

    cell.outputs = [v4.new_output("display_data", data={"text/html": html})]


def _assigned(source: str) -> Mapping[str, object]:
    """Return what a cell assigns: names and literals, nothing else (ValueError where there is)."""
    values: dict[str, object] = {}
    for node in ast.parse(source).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                values[name] = ast.literal_eval(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                values[name] = ast.literal_eval(value)
            case _:
                raise ValueError(f"line {node.lineno} assigns no literal")
    return values


def _spelled(value: object) -> object:
    return Name('""' if value == "" else value) if isinstance(value, str) else value
