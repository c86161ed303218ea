"""Executed notebooks as pages that a browser reads without network: no scripts, formulas as MathML, pictures inside.

A widget cannot live without a kernel. What it showed at the end of the run stands in its place.
"""

import copy
import html
import json
import os
import re
from base64 import b64encode
from collections.abc import Mapping
from mimetypes import guess_type
from pathlib import Path

import nbformat
from jinja2 import pass_context
from latex2mathml.converter import convert as latex_to_mathml
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode

WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_NOTE = "<p><em>Interactive in the notebook; here as it stood after the run.</em></p>"

# LaTeX that the converter does not know -> the same in words that it knows
DIALECT = {
    r"(?<=\{)align(ed)?\*?(?=\})": "split",  # without numbers: those in the text are the paper's
    r"\\operatorname\*": r"\\operatorname",
    r"\\arg(?![a-zA-Z])": r"\\operatorname{arg}",
    r"\\tag\{(.*?)\}": r"\\qquad(\1)",
}

# The page of nbconvert without its scripts, which come from the network, and with the text that stands for a picture.
TEMPLATE = """
{%- extends 'lab/index.html.j2' -%}
{% block html_head_js %}{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
{% block html_head_js_mermaidjs %}{% endblock %}
{% block html_head_css %}
<style>
.jp-RenderedMarkdown, .jp-OutputArea-output { max-width: 60rem; }
mtd[columnalign="left"] { text-align: left; }
mtd[columnalign="right"] { text-align: right; }
math[display="block"] { margin: 0.6em 0; }
</style>
{% endblock %}
{% block data_png %}{% set alt = output | get_metadata('alt', 'image/png') %}
{{- super() | replace('<img ', '<img alt="' ~ (alt | escape_html) ~ '" ', 1) if alt else super() }}{% endblock %}
{% block data_jpg %}{% set alt = output | get_metadata('alt', 'image/jpeg') %}
{{- super() | replace('<img ', '<img alt="' ~ (alt | escape_html) ~ '" ', 1) if alt else super() }}{% endblock %}
"""


def page(notebook: NotebookNode, folder: Path, output: Path) -> str:
    """Render an executed notebook as one HTML file.

    Parameters
    ----------
    notebook
        After its execution; not changed.
    folder
        Where the notebook came from; its relative links start there.
    output
        Where the page will lie. A link to another notebook of the course leads to the page beside this one.

    Returns
    -------
    str
        The page.
    """

    @pass_context
    def render(context, source: str) -> str:
        return markdown(source, folder, output, attachments=context.get("cell", {}).get("attachments", {}))

    exporter = HTMLExporter(raw_template=TEMPLATE, filters={"markdown2html": render})
    title, _ = heading(notebook)
    return exporter.from_notebook_node(_without_widgets(notebook), {"metadata": {"name": title}})[0]


def markdown(source: str, folder: Path, output: Path, attachments: Mapping | None = None) -> str:
    """Render the text of a notebook.

    Parameters
    ----------
    source
        Markdown with formulas.
    folder
        Where relative links start.
    output
        Where the page will lie.
    attachments
        Pictures that the cell itself carries.

    Returns
    -------
    str
        HTML, a part of a page.
    """
    renderer = _Renderer(escape=False, attachments=attachments, exclude_anchor_links=True)
    renderer.folder, renderer.output = folder, output
    return MarkdownWithMath(renderer=renderer).render(source)


def mathml(formula: str, display: str = "inline") -> str:
    """Write a formula in the form that browsers draw by themselves.

    Parameters
    ----------
    formula
        LaTeX without its dollar signs.
    display
        "inline" or "block".

    Returns
    -------
    str
        A math element; the formula as code where it holds a command that has no translation.
    """
    known = formula.strip()
    for command, same in DIALECT.items():
        known = re.sub(command, same, known)
    try:
        element = latex_to_mathml(known, display=display)
    except Exception:  # the converter's errors have no common class, and a formula is not worth a lost page
        element = r"<mi>\ "
    if re.search(r"<mi>(\\|&<)", element):  # what it does not know, it copies
        return f"<code>{html.escape(formula.strip())}</code>"
    return element


def heading(notebook: NotebookNode) -> tuple[str, str]:
    """Take title and goal from a notebook's first text.

    Parameters
    ----------
    notebook
        Its first markdown cell begins with the title as a heading and goes on with the goal.

    Returns
    -------
    title, goal
        Markdown, empty where there is none.
    """
    texts = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    # Above a failed notebook papermill puts a text of its own.
    texts = [cell.source for cell in texts if "papermill-error-cell-tag" not in cell.metadata.get("tags", [])]
    title, _, rest = (texts or [""])[0].strip().partition("\n")
    return title.lstrip("# "), rest.strip().split("\n\n")[0]


def widget_state(notebook: NotebookNode) -> dict:
    """Give the models of all widgets of an executed notebook, by their names."""
    return notebook.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})


def widget_models(output: Mapping, state: Mapping) -> list[dict]:
    """List the model that an output shows and all that it is made of.

    Parameters
    ----------
    output
        Of a cell; one without a widget has no models.
    state
        From `widget_state`.

    Returns
    -------
    list[dict]
        From the widget inwards.
    """
    found, waiting = {}, [output.get("data", {}).get(WIDGET_VIEW, {}).get("model_id")]
    while waiting:
        name = waiting.pop(0)
        if name in state and name not in found:
            found[name] = state[name]
            waiting += re.findall(r"IPY_MODEL_(\w+)", json.dumps(state[name]["state"].get("children", [])))
    return list(found.values())


def widget_outputs(model: Mapping) -> list[NotebookNode]:
    """Give what a widget has caught: prints, pictures and errors, for an OutputModel; nothing for any other."""
    caught = model["state"].get("outputs", []) if model["model_name"] == "OutputModel" else []
    return [nbformat.from_dict(output) for output in caught]


def _without_widgets(notebook: NotebookNode) -> NotebookNode:
    notebook = copy.deepcopy(notebook)
    state = widget_state(notebook)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [plain for output in cell.outputs for plain in _plain(output, state)]
    return notebook


def _plain(output: NotebookNode, state: Mapping) -> list[NotebookNode]:
    """Replace an output that needs scripts by what a page can show."""
    data = output.get("data", {})
    if WIDGET_VIEW in data:
        models = widget_models(output, state)
        if any("Progress" in model["model_name"] for model in models):
            return []  # a bar that has arrived tells nothing
        note = nbformat.v4.new_output("display_data", {"text/html": WIDGET_NOTE})
        return [note, *(caught for model in models for caught in widget_outputs(model))]
    if "text/latex" in data:
        data.setdefault("text/html", f"<p>{mathml(data['text/latex'].strip().strip('$'), 'block')}</p>")
    return [output]


class _Renderer(IPythonRenderer):
    """The renderer of nbconvert, for a page that stands alone."""

    folder: Path
    output: Path

    def inline_math(self, body: str) -> str:
        return mathml(body)

    def block_math(self, body: str) -> str:
        return mathml(body, "block")

    def latex_environment(self, name: str, body: str) -> str:
        return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")

    def image(self, text: str, url: str, title: str | None = None) -> str:
        picture = self.folder / url
        if not _leads_away(url) and picture.is_file():
            url = f"data:{guess_type(url)[0]};base64,{b64encode(picture.read_bytes()).decode()}"
        return super().image(text, url, title)

    def link(self, text: str, url: str, title: str | None = None) -> str:
        if not _leads_away(url):
            target, mark, anchor = url.partition("#")
            if re.fullmatch(r"\d\d_\w+\.ipynb", target):
                target = target.removesuffix("ipynb") + "html"
            else:
                target = Path(os.path.relpath(self.folder / target, self.output)).as_posix()
            url = target + mark + anchor
        return super().link(text, url, title)


def _leads_away(url: str) -> bool:
    return re.match(r"#|[a-zA-Z][a-zA-Z0-9+.-]*:", url) is not None
