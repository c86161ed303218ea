"""What the site does with the notebooks, beyond Sphinx: folded solutions, alternative texts, MathML, a front page."""

import html
import json
import re
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote

import nbformat
from docutils import nodes
from docutils.parsers.rst import Directive
from myst_parser.mdit_to_docutils.base import default_slugify
from nbformat import NotebookNode
from nbformat.v4 import new_output
from PIL import Image
from sphinx.addnodes import pending_xref

from hcegan_lib.course.pages import WIDGET_NOTE, heading, markdown, mathml
from hcegan_lib.experiment.notebooks import WIDGET_VIEW, tags, widget_models, widget_state

LESSONS = "notebooks/[0-9][0-9]_*.ipynb"
SECTION = r"(?<=\.ipynb#)[^)\s]+"
RECORDED_NOTE = "<p><em>In the notebook, all controls work; this page has recorded pictures for one.</em></p>"
WIDTH = 480  # of the pictures on the front page, in pixels


def read(text: str) -> NotebookNode:
    """Read a notebook for the site: solutions folded, alternative texts where the site looks, explorers as pictures."""
    notebook = nbformat.reads(text, as_version=4)
    state = widget_state(notebook)
    notebook.metadata.pop("widgets", None)
    for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
        if "solution" in tags(cell):
            cell.metadata.tags.append("hide-input")
        cell.outputs = [plain for output in cell.outputs for plain in _plain(output, state)]
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                cell.metadata["mystnb"] = {"image": {"alt": output.metadata["image/png"]["alt"]}}
    return notebook


def _plain(output: NotebookNode, state: dict) -> list[NotebookNode]:
    """Replace a widget by its picture with a note; leave out a progress bar, which has ended."""
    if WIDGET_VIEW not in output.get("data", {}):
        return [output]
    models = widget_models(output, state)
    if any("Progress" in model["model_name"] for model in models):
        return []
    if any(_frames(model) for model in models):
        texts = [RECORDED_NOTE, *(_recorded(model) for model in models if _frames(model))]
        return [new_output("display_data", {"text/html": text}) for text in texts]
    pictures = [
        new_output(
            "display_data", {"image/png": buffer["data"]}, metadata={"image/png": {"alt": model["state"]["alt"]}}
        )
        for model in models
        for buffer in model.get("buffers", [])
        if buffer["path"] == ["image"]
    ]
    return [new_output("display_data", {"text/html": WIDGET_NOTE}), *pictures]


def _frames(model: dict) -> list[dict]:
    return model["state"].get("frames", [])


def _recorded(model: dict) -> str:
    """Write an explorer that has recorded pictures, and keep the controls and options that have some.

    docs/_static/explorers.js starts it.
    """
    state, frames = dict(model["state"]), _frames(model)
    for buffer in model["buffers"]:
        holder = state if buffer["path"] == ["image"] else frames[buffer["path"][1]]
        holder["image"] = buffer["data"]
    numbers = {name: sorted({frame["chosen"][name] for frame in frames}) for name in frames[0]["chosen"]}
    state["controls"] = [
        control | {"texts": [control["texts"][number] for number in numbers[control["name"]]]}
        for control in state["controls"]
        if len(numbers[control["name"]]) > 1
    ]
    start = state["shown"]
    first = min(frames, key=lambda frame: sum(abs(frame["chosen"][name] - start[name]) for name in start))
    for frame in frames:
        frame["chosen"] = {name: numbers[name].index(number) for name, number in frame["chosen"].items()}
    state |= {"alone": True, "place": "", "frames": frames, **{key: first[key] for key in ("chosen", "image", "alt")}}
    kept = ("controls", "place", "chosen", "image", "alt", "frames", "alone", "_esm")
    content = json.dumps({key: state[key] for key in kept}).replace("</", r"<\/")
    picture = f'<img src="data:image/png;base64,{first["image"]}" alt="{html.escape(first["alt"])}">'
    script = f'<script type="application/json">{content}</script>'
    return f"<style>{state['_css']}</style><div data-explorer>{picture}{script}</div>"


class Lessons(Directive):
    """The lessons as cards: first figure, title and question of each."""

    def run(self) -> list[nodes.Node]:
        """Write the pictures into the site, and return the list of cards."""
        app = self.state.document.settings.env.app
        folder = Path(app.outdir, "_static", "lessons")
        folder.mkdir(parents=True, exist_ok=True)
        cards = []
        for path in sorted(Path(app.srcdir).glob(LESSONS)):
            app.env.note_dependency(str(path))
            notebook = nbformat.read(path, as_version=4)
            alt = _save_first_figure(notebook, folder / f"{path.stem}.png")
            cards.append(CARD.format(name=path.stem, alt=html.escape(alt), **_texts(notebook, path.parent)))
        return [nodes.raw("", f'<ol class="lessons">{"".join(cards)}</ol>', format="html")]


CARD = """<li><img src="_static/lessons/{name}.png" alt="{alt}" loading="lazy">
<div><a href="notebooks/{name}.html">{name:.2} {title}</a>{question}</div></li>"""


def _save_first_figure(notebook: NotebookNode, path: Path) -> str:
    """Save the first stored figure, small, and return its alternative text."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    first = next(output for output in outputs if "image/png" in output.get("data", {}))
    with Image.open(BytesIO(b64decode(first.data["image/png"]))) as picture:
        picture.thumbnail((WIDTH, 2 * WIDTH))
        picture.save(path)
    return first.metadata["image/png"]["alt"]


def _texts(notebook: NotebookNode, folder: Path) -> dict[str, str]:
    """Title and question: the first paragraph below the title that ends with a question mark."""
    texts = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown").split("\n\n")
    question = next(text for text in texts[1:] if text.endswith("?")).removeprefix("**A question.** ")
    return {"title": html.escape(heading(notebook)[0]), "question": markdown(question, folder, folder)}


def _visit_math(self, node: nodes.Element) -> None:
    self.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def _visit_math_block(self, node: nodes.Element) -> None:
    # The theme lets the keyboard scroll what has this class and is too wide.
    self.body.append(f'<div class="formula jp-RenderedHTMLCommon">{mathml(node.astext(), "block")}</div>')
    raise nodes.SkipNode


def _name_sections(app, name: str, source: list[str]) -> None:
    """Rewrite links to sections of notebooks, which JupyterLab names otherwise than the site."""
    source[0] = re.sub(SECTION, lambda link: default_slugify(unquote(link[0]).replace("-", " ")), source[0])


def _adapt(app, tree: nodes.document) -> None:
    """Add its number to the title of a lesson; unlink folders, which the site does not have."""
    name = app.env.docname
    if re.match(r"notebooks/\d\d_", name):
        next(tree.findall(nodes.title)).insert(0, nodes.Text(f"{name[10:12]} "))
    for link in list(tree.findall(pending_xref)):
        if link.get("reftype") == "myst" and Path(app.srcdir, name).parent.joinpath(link["reftarget"]).is_dir():
            link.replace_self(link.children)


def _keep_bars(app, what: str, name: str, thing: object, options: dict, lines: list[str]) -> None:
    """Keep the bars of absolute values in docstrings, which reStructuredText would take for substitutions."""
    lines[:] = [line.replace("|", r"\|") for line in lines]


def setup(app) -> dict:
    """Register the parts with Sphinx."""
    app.add_directive("lessons", Lessons)
    app.add_html_math_renderer("mathml", (_visit_math, None), (_visit_math_block, None))
    app.connect("source-read", _name_sections)
    app.connect("doctree-read", _adapt, priority=400)  # before Sphinx collects the titles
    app.connect("autodoc-process-docstring", _keep_bars)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
