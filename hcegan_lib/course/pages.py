"""Executed notebooks as pages that a browser shows offline: no scripts, formulas as MathML, pictures embedded.

A widget needs a kernel, so the page shows the widget's last output instead.
"""

import copy
import html
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

from hcegan_lib.experiment.notebooks import WIDGET_VIEW, tags, widget_models, widget_outputs, widget_state

WIDGET_NOTE = "<p><em>Interactive in the notebook; this page shows the state after the run.</em></p>"

# LaTeX that the converter does not know -> an equivalent that it knows
DIALECT = {
    r"(?<=\{)align(ed)?\*?(?=\})": "split",  # unnumbered: the numbers in the text are the paper's
    r"\\operatorname\*": r"\\operatorname",
    r"\\arg(?![a-zA-Z])": r"\\operatorname{arg}",
    r"\\tag\{(.*?)\}": r"\\qquad(\1)",
}

# nbconvert's page without its scripts, which would be loaded from the network, with alternative texts of pictures, and
# with solutions closed.
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
summary { margin: 0.3em 0 0.6em calc(var(--jp-cell-prompt-width) + 30px); font-family: var(--jp-content-font-family); }
</style>
{% endblock %}
{% block input_group %}
{%- if 'solution' in cell.metadata.get('tags', []) -%}
<details><summary>Show a solution</summary>{{ super() }}</details>
{%- else %}{{ super() }}{% endif -%}
{% endblock %}
{% block data_png %}{% set alt = output | get_metadata('alt', 'image/png') %}
{{- super() | replace('<img ', '<img alt="' ~ (alt | escape_html) ~ '" ', 1) if alt else super() }}{% endblock %}
"""


def page(notebook: NotebookNode, folder: Path, output: Path) -> str:
    """Render an executed notebook as one HTML file.

    Relative links start at `folder`, that of the original notebook; the page will be in `output`. Links to other
    notebooks of the course become links to their pages.
    """

    @pass_context
    def render(context, source: str) -> str:
        return markdown(source, folder, output, attachments=context.get("cell", {}).get("attachments", {}))

    state = widget_state(notebook)
    notebook = copy.deepcopy(notebook)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [plain for output in cell.outputs for plain in _plain(output, state)]
    exporter = HTMLExporter(raw_template=TEMPLATE, filters={"markdown2html": render})
    title, _ = heading(notebook)
    return exporter.from_notebook_node(notebook, {"metadata": {"name": title}})[0]


def markdown(source: str, folder: Path, output: Path, attachments: Mapping | None = None) -> str:
    """Render Markdown with formulas as a part of a page; `folder`, `output` as in `page`, `attachments` of the cell."""
    renderer = _Renderer(escape=False, attachments=attachments, exclude_anchor_links=True)
    renderer.folder, renderer.output = folder, output
    return MarkdownWithMath(renderer=renderer).render(source)


def mathml(formula: str, display: str = "inline") -> str:
    """Convert LaTeX, "inline" or "block", to a MathML element, or to code if it contains an unknown command."""
    known = formula.strip()
    for command, same in DIALECT.items():
        known = re.sub(command, same, known)
    try:
        element = latex_to_mathml(known, display=display)
    except Exception:  # the converter's errors have no common class, and a formula is not worth a lost page
        element = r"<mi>\ "
    if re.search(r"<mi>(\\|&<)", element):  # the converter copies what it does not know
        return f"<code>{html.escape(formula.strip())}</code>"
    return element


def heading(notebook: NotebookNode) -> tuple[str, str]:
    """Read title and goal, as Markdown, from the first text cell, or empty strings.

    The goal is the paragraph that says so; without one, the first paragraph.
    """
    texts = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    # papermill inserts a text of its own at the top of a failed notebook.
    texts = [cell.source for cell in texts if "papermill-error-cell-tag" not in tags(cell)]
    title, _, rest = (texts or [""])[0].strip().partition("\n")
    first, *others = rest.strip().split("\n\n")
    return title.lstrip("# "), next((text for text in others if text.startswith("**Goal.**")), first)


def _plain(output: NotebookNode, state: Mapping) -> list[NotebookNode]:
    """Replace an output that needs scripts by outputs that a page can show."""
    data = output.get("data", {})
    if WIDGET_VIEW in data:
        models = widget_models(output, state)
        if any("Progress" in model["model_name"] for model in models):
            return []  # a finished progress bar shows nothing of interest
        note = nbformat.v4.new_output("display_data", {"text/html": WIDGET_NOTE})
        return [note, *(captured for model in models for captured in widget_outputs(model))]
    if "text/latex" in data:
        data.setdefault("text/html", f"<p>{mathml(data['text/latex'].strip().strip('$'), 'block')}</p>")
    return [output]


class _Renderer(IPythonRenderer):
    """nbconvert's renderer, for pages that need no other file."""

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
        if not _is_external(url) and picture.is_file():
            url = f"data:{guess_type(url)[0]};base64,{b64encode(picture.read_bytes()).decode()}"
        return super().image(text, url, title)

    def link(self, text: str, url: str, title: str | None = None) -> str:
        if not _is_external(url):
            target, mark, anchor = url.partition("#")
            if re.fullmatch(r"\d\d_\w+\.ipynb", target):
                target = target.removesuffix("ipynb") + "html"
            else:
                target = Path(os.path.relpath(self.folder / target, self.output)).as_posix()
            url = target + mark + anchor
        return super().link(text, url, title)


def _is_external(url: str) -> bool:
    return re.match(r"#|[a-zA-Z][a-zA-Z0-9+.-]*:", url) is not None
