"""Slides from the notebooks, one HTML file each, which a browser shows without a network.

A cell's own slide type (``slideshow.slide_type``, as JupyterLab sets it) is kept. Where there is none, a slide begins
at each heading, figure and exercise, and wherever the one before is full. Solutions, long code, and code that neither
prints nor defines a function are left out.

reveal.js 5.2.1 shows the slides. Its files lie unchanged, with their license (MIT), in the folder ``reveal``.
"""

import copy
import re
from collections.abc import Iterator
from math import ceil
from pathlib import Path

import nbformat
from jinja2 import pass_context
from nbconvert import SlidesExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from hcegan_lib import KIT_ROOT
from hcegan_lib.backend.files import require_plain_file, write_atomically
from hcegan_lib.course.pages import heading, markdown
from hcegan_lib.experiment.notebooks import tags

SLIDES = KIT_ROOT / "build" / "slides"
REVEAL = Path(__file__).parent / "reveal"
OURS = 'content="hcegan slides"'  # in the head of each file

FULL = 15  # lines of text on a slide
WIDTH = 80  # characters per line
SHORT = 3  # lines that a figure may have above it
LONG = 10  # lines of code; longer code is left out

TEMPLATE = """
{%- extends 'reveal/index.html.j2' -%}
{% block header %}<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="hcegan slides">
<title>{{ resources.metadata.name | escape_html_keep_quotes }}</title>
<style>REVEAL_CSS</style>
<style>THEME_CSS</style>
{% for css in resources.inlining.css %}<style>{{ css }}</style>{% endfor %}
<style>
:root { --r-main-font: system-ui, "Helvetica Neue", Arial, sans-serif; --r-heading-font: var(--r-main-font); }
:root { --r-main-font-size: 30px; --r-main-color: #222; --r-heading-color: #222; --r-background-color: #fff; }
:root { --r-heading1-size: 1.7em; --r-heading2-size: 1.3em; --r-heading3-size: 1.1em; --r-link-color: #0b57a4; }
main { height: 100%; }
.reveal .slides { text-align: left; }
.reveal .slides section { line-height: 1.4; }
.reveal p { margin: 0.5em 0; }
.reveal blockquote { width: auto; margin: 0.5em 0; padding: 0.1em 1em; font-style: normal; box-shadow: none; }
.reveal ul, .reveal ol { display: block; margin: 0.5em 0 0.5em 1.2em; }
.reveal li { margin: 0.3em 0; }
.reveal pre { width: 100%; margin: 0.4em 0; padding: 0.5em 0.8em; box-sizing: border-box; box-shadow: none; }
.reveal pre { font-size: 0.62em; line-height: 1.35; }
.reveal .highlight pre { background: #f5f5f5; }
.reveal .jp-OutputArea pre { border-left: 0.2em solid #0b57a4; }
.reveal code { font-size: 0.9em; }
.reveal pre code { font-size: 1em; max-height: none; }
.reveal table { font-size: 0.58em; margin: 0.4em 0; }
.reveal table td, .reveal table th { padding: 0.1em 0.5em; line-height: 1.2; }
.reveal table caption { font-size: 0.85em; text-align: left; }
.reveal math[display="block"] { margin: 0.5em 0; font-size: 1.1em; }
mtd[columnalign="left"] { text-align: left; }
mtd[columnalign="right"] { text-align: right; }
.reveal section img { display: block; margin: 0 auto; max-width: 100%; max-height: 17em; }
.reveal .caption { font-size: 0.66em; }
.jp-InputPrompt, .jp-OutputPrompt, .jp-Collapser { display: none; }
</style>
</head>
{% endblock %}
{% block markdowncell %}<div class="{{ 'caption' if cell.metadata.get('caption') else 'text' }}">
{{ cell.source | markdown2html }}</div>{% endblock %}
{% block input_group %}{% if cell.source %}{{ super() }}{% endif %}{% endblock %}
{% block data_png %}{% set alt = output | get_metadata('alt', 'image/png') %}
{{- super() | replace('<img ', '<img alt="' ~ (alt | escape_html) ~ '" ', 1) if alt else super() }}{% endblock %}
{% block footer_js %}
<script>REVEAL_JS</script>
<script>
const fit = () => {  // text that is too long for its slide becomes smaller
  const slide = Reveal.getCurrentSlide();
  for (let size = 100; size >= 40; size -= 5) {
    slide.style.fontSize = size + "%";
    if (slide.scrollHeight <= Reveal.getConfig().height && slide.scrollWidth <= slide.clientWidth) return;
  }
};
Reveal.initialize({width: 1280, height: 720, margin: 0.05, center: false, hash: true, slideNumber: "c/t",
                   transition: "none"}).then(fit);
Reveal.on("slidechanged", fit);
</script>
{% endblock %}
"""


def write(source: Path, folder: Path) -> Path:
    """Write the slides of a notebook with stored outputs into a folder; return their path.

    ValueError if there is a file of that name that is not slides.
    """
    target = folder / f"{source.stem}.html"
    if target.exists() and OURS.encode() not in require_plain_file(target).read_bytes():
        raise ValueError(f"{target} was not written by `hcegan slides`: choose a different --output")
    content = render(nbformat.read(source, as_version=4), source.parent, folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(target, content)
    return target


def render(notebook: NotebookNode, folder: Path, output: Path) -> str:
    """Render a notebook as slides; relative links start at `folder`, and the slides will be in `output`."""

    @pass_context
    def to_html(context, source: str) -> str:
        return markdown(source, folder, output, attachments=context.get("cell", {}).get("attachments", {}))

    template = TEMPLATE
    for mark, name in {"REVEAL_CSS": "reveal.css", "THEME_CSS": "serif.css", "REVEAL_JS": "reveal.js"}.items():
        content = (REVEAL / name).read_text(encoding="utf-8")
        template = template.replace(mark, f"{{% raw %}}{content}{{% endraw %}}")
    exporter = SlidesExporter(raw_template=template, filters={"markdown2html": to_html})
    title, _ = heading(notebook)
    return exporter.from_notebook_node(arrange(notebook), {"metadata": {"name": title}})[0]


def arrange(notebook: NotebookNode) -> NotebookNode:
    """Turn a notebook into cells with slide types. In these cells, code without its text means its output alone."""
    deck = copy.deepcopy(notebook)
    deck.metadata.pop("widgets", None)
    deck.cells, lines = [], FULL
    for cell in notebook.cells:
        for piece, cost in _pieces(cell):
            if "slideshow" not in piece.metadata:
                piece.metadata["slideshow"] = {"slide_type": "-" if _fits(piece, lines, cost) else "slide"}
            lines = cost + (lines if piece.metadata.slideshow.get("slide_type", "-") == "-" else 0)
            deck.cells.append(piece)
    return deck


def _pieces(cell: NotebookNode) -> Iterator[tuple[NotebookNode, float]]:
    """Cut a cell into pieces, each with the lines it takes; leave out what the slides do not show."""
    if cell.metadata.get("slideshow", {}).get("slide_type"):
        yield copy.deepcopy(cell), 0
    elif cell.cell_type == "markdown":
        yield from _paragraphs(cell)
    elif cell.cell_type == "code" and not {"parameters", "exercise", "solution"} & set(tags(cell)):
        yield from _code(cell)


def _paragraphs(cell: NotebookNode) -> Iterator[tuple[NotebookNode, float]]:
    texts = [cell.source] if "```" in cell.source else re.split(r"\n\s*\n", cell.source.strip())
    for text in texts:
        piece = new_markdown_cell(text)
        if "attachments" in cell:
            piece.attachments = cell.attachments
        if text.startswith("**Figure.**"):
            piece.metadata["caption"] = True
        yield piece, FULL if "![" in text or text.startswith("**Figure.**") else _height(text)


def _height(text: str) -> float:
    """Estimate the lines that a paragraph takes, with the space below it."""
    formulas = re.findall(r"\$\$.*?\$\$", text, re.DOTALL)
    rows = sum(2 + 1.5 * formula.count(r"\\") for formula in formulas)
    plain = re.sub(r"\$\$.*?\$\$|\]\([^)]*\)", "", text, flags=re.DOTALL)
    plain = re.sub(r"\\[a-z]+|[{}]", "", plain)  # commands of formulas take less room than their names
    wide = WIDTH * (0.6 if text.startswith("#") else 1)
    return rows + sum(ceil(len(line) / wide) for line in plain.splitlines() if line.strip("> ")) + 0.5


def _code(cell: NotebookNode) -> Iterator[tuple[NotebookNode, float]]:
    outputs = [output for output in cell.outputs if _is_still(output)]
    picture = any("image/png" in output.get("data", {}) for output in outputs)
    source, length = cell.source.strip(), len(cell.source.strip().splitlines())
    prints = any("text/html" not in output.get("data", {}) for output in outputs)
    shown = length <= LONG and not picture and (prints or re.search("^def ", source, re.MULTILINE))
    shown = shown and not re.match(r"check\(|import |from ", source) and "%%" not in source[:2]
    if shown or outputs:
        piece = new_code_cell(source if shown else "", outputs=copy.deepcopy(outputs))
        yield piece, FULL if picture else 0.75 * ((length + 1) * bool(shown) + sum(map(_rows, outputs)))


def _is_still(output: NotebookNode) -> bool:
    """Check whether an output can be shown without a kernel: no widget, no message to standard error."""
    if output.output_type == "stream":
        return output.name == "stdout" and not re.fullmatch(r"Exercise .*: not written yet\.\s*", output.text)
    return bool({"image/png", "text/html", "text/plain"} & set(output.get("data", {}))) and not any(
        "widget" in kind or "latex" in kind for kind in output.data
    )


def _rows(output: NotebookNode) -> int:
    if output.output_type == "stream":
        return output.text.count("\n") + 1
    return output.data.get("text/html", "").count("<tr") or output.data.get("text/plain", "").count("\n") + 2


def _fits(piece: NotebookNode, lines: float, cost: float) -> bool:
    """Check whether a piece belongs on the slide that already has so many lines."""
    if piece.cell_type == "markdown":
        opens = re.match(r"#|\*\*Exercise", piece.source)
        return "caption" in piece.metadata or (lines + cost <= FULL and not opens)
    picture = any("image/png" in output.get("data", {}) for output in piece.outputs)
    return lines <= SHORT if picture else lines + cost <= FULL
