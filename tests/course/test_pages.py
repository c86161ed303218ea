import base64
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from hcegan_lib.course import pages

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
PNG = base64.b64encode(b"\x89PNG the bytes of a picture").decode()
VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"

# Formulas as the course writes them -> the text of their MathML without tags.
FORMULAS = {
    r"\frac{1}{1 + e^{-x}}": "11+e−x",
    r"\operatorname{softplus}(-r)": "softplus(−r)",
    r"\operatorname*{arg\,min}_G \mathcal{L}": "argminGℒ",
    r"G^* = \arg\min_G \max_D V": "G*=argminGmaxDV",
    r"\mathbb{E}_{x \sim p}\left[\log D(x)\right]": "𝔼x~p[logD(x)]",
    r"\begin{cases} 1 - x & \text{if } x < 1 \\ 0 & \text{otherwise} \end{cases}": "{1−xifx<10otherwise",
    r"\begin{aligned} a &= b \\ &= c \end{aligned}": "a=b=c",
    r"\begin{align*} a &= b \tag{10} \end{align*}": "a=b(10)",
    r"\begin{pmatrix} \gamma_1 & \\ & \gamma_C \end{pmatrix}": "(γ1γC)",
    r"\lVert y - G(x) \rVert_1": "‖y−G(x)‖1",
    r"\mathrm{KL}(p \,\|\, q)": "KL(p‖q)",
    r"a < b \quad\text{and}\quad c \le d": "a<bandc≤d",
}


class Tags(HTMLParser):
    """The tags of a page and their attributes."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def named(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture
def folders(tmp_path):
    """The folder of a notebook and that of its page."""
    notebooks, output = tmp_path / "kit" / "notebooks", tmp_path / "kit" / "build" / "course"
    notebooks.mkdir(parents=True)
    output.mkdir(parents=True)
    return notebooks, output


def widget(model, **state):
    return {"model_name": model, "model_module": "x", "model_module_version": "1", "state": state}


def shown(model):
    return new_output("display_data", {VIEW: {"model_id": model}, "text/plain": f"a view of {model}"})


def caught(text):
    return dict(new_output("stream", name="stdout", text=text))


@pytest.mark.parametrize(("formula", "text"), FORMULAS.items())
def test_a_formula_becomes_mathml_with_the_same_meaning(formula, text):
    element = ElementTree.fromstring(pages.mathml(formula))
    assert element.tag == "{http://www.w3.org/1998/Math/MathML}math"
    assert re.sub(r"[\s\u2009\xa0]", "", "".join(element.itertext())) == text


def test_a_formula_is_inline_or_a_block():
    assert 'display="block"' in pages.mathml("x", "block")
    assert 'display="inline"' in pages.mathml("x")


@pytest.mark.parametrize("formula", [r"\nosuchcommand{x} < 1", r"x &= 1", r"\left( x"])
def test_a_formula_without_a_translation_is_shown_as_code(formula):
    assert pages.mathml(formula) == f"<code>{formula.replace('&', '&amp;').replace('<', '&lt;')}</code>"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_formula_of_the_course_has_a_translation(path, monkeypatch):
    untranslated = []
    original = pages.mathml

    def listen(formula, display="inline"):
        element = original(formula, display)
        if not element.startswith("<math"):
            untranslated.append(formula)
        return element

    monkeypatch.setattr(pages, "mathml", listen)
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            pages.markdown(cell.source, path.parent, path.parent)
    assert untranslated == []


def test_formulas_in_text_are_converted_and_not_read_as_markdown(folders):
    html = pages.markdown("a $x_1 * y_2 * z$ b\n\n$$\na_b < c_d\n$$\n\n\\begin{align}\na &= b\n\\end{align}", *folders)
    assert html.count("<math") == 3
    assert html.count('display="block"') == 2
    assert "<em>" not in html
    assert "$" not in html


def test_pictures_next_to_the_notebook_are_embedded_in_the_page(folders):
    (folders[0] / "net.png").write_bytes(base64.b64decode(PNG))
    (folders[0].parent / "up.jpg").write_bytes(b"jpeg")
    carried = f"data:image/png;base64,{PNG * 99}"  # longer than a file name may be
    html = pages.markdown(
        f"![in]({carried}) ![a net](net.png) ![up](../up.jpg) ![gone](gone.png) ![far](https://example.org/x.png)",
        *folders,
    )
    assert Tags(html).named("img") == [
        {"src": carried, "alt": "in"},
        {"src": f"data:image/png;base64,{PNG}", "alt": "a net"},
        {"src": f"data:image/jpeg;base64,{base64.b64encode(b'jpeg').decode()}", "alt": "up"},
        {"src": "gone.png", "alt": "gone"},
        {"src": "https://example.org/x.png", "alt": "far"},
    ]


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("08_train.ipynb", "08_train.html"),
        ("08_train.ipynb#Stop-it", "08_train.html#Stop-it"),
        ("train_and_score.ipynb", "../../notebooks/train_and_score.ipynb"),
        ("../data/README.md#mini", "../../data/README.md#mini"),
        ("#here", "#here"),
        ("https://example.org/a.ipynb", "https://example.org/a.ipynb"),
        ("mailto:a@example.org", "mailto:a@example.org"),
    ],
)
def test_a_link_on_the_page_leads_where_the_notebooks_link_leads(folders, link, target):
    assert Tags(pages.markdown(f"[text]({link})", *folders)).named("a") == [{"href": target}]


def test_a_page_needs_no_other_file(folders):
    figure = new_output("display_data", {"image/png": PNG}, metadata={"image/png": {"alt": 'curves of "loss"'}})
    nameless = new_output("display_data", {"image/png": PNG})
    formula = new_output("display_data", {"text/latex": r"$\displaystyle \frac{a}{b}$"})
    cells = [new_markdown_cell("# Title\n\nSee $x$."), new_code_cell("1", outputs=[figure, nameless, formula])]
    tags = Tags(pages.page(new_notebook(cells=cells), *folders))
    assert not tags.named("script")
    assert not tags.named("link")
    assert tags.named("img")[0]["alt"] == 'curves of "loss"'
    assert len(tags.named("img")) == 2
    assert all(image["src"].startswith("data:") for image in tags.named("img"))
    assert len(tags.named("math")) == 2
    assert tags.named("html") == [{"lang": "en"}]


def test_a_page_shows_the_last_output_of_an_explorer_but_no_finished_progress_bar(folders):
    state = {
        "box": widget("VBoxModel", children=["IPY_MODEL_slider", "IPY_MODEL_inner", "IPY_MODEL_gone"]),
        "inner": widget("VBoxModel", children=["IPY_MODEL_out", "IPY_MODEL_box"]),  # a cycle must not trap us
        "slider": widget("IntSliderModel", value=1),
        "out": widget("OutputModel", outputs=[caught("seen at one")]),
        "other": widget("OutputModel", outputs=[caught("of another cell")]),
        "bar": widget("HBoxModel", children=["IPY_MODEL_progress"]),
        "progress": widget("FloatProgressModel", value=3),
    }
    cell = new_code_cell("1", outputs=[shown("box"), shown("bar")])
    notebook = new_notebook(cells=[cell], metadata={"widgets": {STATE: {"state": state}}})
    html = pages.page(notebook, *folders)
    assert "seen at one" in html
    assert html.count("Interactive in the notebook") == 1
    assert "of another cell" not in html
    assert "a view of" not in html
    assert "<script" not in html
    assert cell.outputs[0].data[VIEW]  # the notebook itself keeps its widgets
    assert notebook.metadata.widgets


def test_title_and_goal_are_read_from_the_first_text_cell():
    error = new_markdown_cell("<span>failed</span>", metadata={"tags": ["papermill-error-cell-tag"]})
    text = new_markdown_cell("\n# 01 · Measuring `color`\n\nDerive and\ncompute PSNR.\n\nYou need nothing.")
    notebook = new_notebook(cells=[error, new_code_cell("1"), text, new_markdown_cell("# Later")])
    assert pages.heading(notebook) == ("01 · Measuring `color`", "Derive and\ncompute PSNR.")
    asks = new_markdown_cell("# Color\n\nWhere is it?\n\n**Goal.** Find it.\n\n**Time.** An hour.")
    assert pages.heading(new_notebook(cells=[asks])) == ("Color", "**Goal.** Find it.")
    assert pages.heading(new_notebook(cells=[new_markdown_cell("# Alone")])) == ("Alone", "")
    assert pages.heading(new_notebook()) == ("", "")


def test_an_attached_picture_is_shown(folders):
    cell = new_markdown_cell("![mine](attachment:a.png)", attachments={"a.png": {"image/png": PNG}})
    (image,) = Tags(pages.page(new_notebook(cells=[cell]), *folders)).named("img")
    assert image == {"src": f"data:image/png;base64,{PNG}", "alt": "mine"}
