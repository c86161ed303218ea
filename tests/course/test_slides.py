"""Slides from a notebook: what stands on which slide, and that a browser shows them without a network."""

import re
from html.parser import HTMLParser
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from hcegan_lib import course
from hcegan_lib.course import slides

PICTURE = new_output("display_data", {"image/png": "iVBORw0KGgo="}, metadata={"image/png": {"alt": "a curve"}})
WIDGET = new_output("display_data", {"application/vnd.jupyter.widget-view+json": {"model_id": "a"}, "text/plain": "w"})
PRINTED = new_output("stream", text="printed\n")


def code(source, *outputs, **metadata):
    return new_code_cell(source, outputs=list(outputs), metadata=metadata)


def arranged(*cells):
    """The slides of some cells; each a list of what its cells hold."""
    deck = []
    for cell in slides.arrange(new_notebook(cells=list(cells))).cells:
        if cell.metadata.slideshow.slide_type != "-":
            deck.append([])
        deck[-1].append(cell.source or ("a picture" if "image/png" in str(cell.outputs) else "an output"))
    return deck


def test_a_slide_begins_at_each_heading_and_exercise_and_where_the_one_before_is_full():
    long = " ".join(130 * ["word"])
    cells = [new_markdown_cell(text) for text in ("# Title\n\nText.", f"{long}\n\n{long}", "**Exercise 0.1.** Do.")]
    assert arranged(*cells) == [["# Title", "Text.", long], [long], ["**Exercise 0.1.** Do."]]


def test_a_figure_is_a_slide_with_its_caption_and_without_its_code():
    cells = [new_markdown_cell("Look.\n\nLook.\n\nLook."), code("draw()", PICTURE)]
    cells += [new_markdown_cell("**Figure.** A curve.\n\nIt rises.")]
    assert arranged(*cells) == [3 * ["Look."], ["a picture", "**Figure.** A curve."], ["It rises."]]


def test_a_figure_may_have_one_short_sentence_above_it():
    assert arranged(new_markdown_cell("The figure shows it."), code("draw()", PICTURE)) == [
        ["The figure shows it.", "a picture"]
    ]


def test_code_is_shown_if_it_is_short_and_prints_or_defines_a_function():
    cells = [code("x = 1"), code("print(x)", PRINTED), code("def f():\n    pass"), code("# long\n" * 11, PRINTED)]
    assert arranged(*cells) == [["print(x)", "def f():\n    pass", "an output"]]


def test_a_table_is_shown_without_its_code():
    shown = new_output("execute_result", {"text/html": "<table></table>", "text/plain": "HTML"})
    assert arranged(code("HTML(table)", shown)) == [["an output"]]


def test_exercises_are_text_and_solutions_parameters_and_widgets_are_left_out():
    empty = new_output("stream", text="Exercise 00.1: not written yet.\n")
    cells = [code("def f():\n    raise", tags=["exercise"]), code('check("00.1", f)', empty)]
    cells += [code("def f():\n    return 1", tags=["solution"]), code("n: int = 1", tags=["parameters"])]
    assert arranged(new_markdown_cell("# T"), *cells, code("explore()", WIDGET)) == [["# T"]]


def test_the_slide_types_that_someone_has_set_are_kept():
    cells = [new_markdown_cell("# T"), new_markdown_cell("# U", metadata={"slideshow": {"slide_type": "-"}})]
    cells += [code("x = 1", slideshow={"slide_type": "subslide"})]
    assert arranged(*cells) == [["# T", "# U"], ["x = 1"]]


# --- the slides of lesson 02 ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    (source,) = course.NOTEBOOKS.glob("02_*.ipynb")
    return slides.write(source, tmp_path_factory.mktemp("slides") / "new")


class Loaded(HTMLParser):
    """What a page would load, and the text alternatives of its pictures."""

    def __init__(self, page):
        super().__init__()
        self.found, self.alternatives = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag != "a":
            self.found += [given[name] for name in ("src", "href") if name in given]
        if tag == "img":
            self.alternatives.append(given.get("alt"))


def test_slides_load_nothing_and_their_formulas_are_mathml(written):
    text = written.read_text(encoding="utf-8")
    page = Loaded(text)
    assert page.found
    assert [target for target in page.found if not target.startswith("data:")] == []
    assert all(page.alternatives)
    styles = "\n".join(re.findall(r"<style.*?</style>", text, re.DOTALL))
    assert styles.count("{") > 100
    assert not re.search(r"@import|url\(\s*[\"']?(?!data:)", styles)
    assert not re.search(r"cdnjs|unpkg|jsdelivr|MathJax|requirejs", text)
    assert "<math" in text
    assert "$$" not in text
    assert "A solution of exercise" not in text


def test_slides_replace_only_slides(written, tmp_path):
    source = tmp_path / written.with_suffix(".ipynb").name
    nbformat.write(new_notebook(cells=[new_markdown_cell("# T")]), source)
    slides.write(source, written.parent)
    (tmp_path / written.name).write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match="choose a different --output"):
        slides.write(source, tmp_path)


def test_reveal_js_comes_with_its_license_and_is_small():
    files = {path.name: path.stat().st_size for path in slides.REVEAL.iterdir()}
    assert set(files) == {"reveal.js", "reveal.css", "serif.css", "LICENSE"}
    assert sum(files.values()) < 600_000


@pytest.mark.slow
def test_the_right_arrow_moves_on_and_every_slide_fits(browser, tmp_path):
    (source,) = course.NOTEBOOKS.glob("02_*.ipynb")
    page_file = slides.write(source, tmp_path)
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    said = SimpleNamespace(errors=[], requests=[])
    page.on("pageerror", lambda error: said.errors.append(str(error)))
    page.on("request", lambda sent: said.requests.append(sent.url.split(":")[0]))
    page.goto(page_file.as_uri())
    page.wait_for_function("() => window.Reveal && Reveal.isReady()")
    assert page.locator("h1").first.is_visible()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("() => Reveal.getIndices().h") == 1
    assert page.locator("section.present section.present p").first.is_visible()
    assert page.evaluate(TOO_LARGE) == []
    assert said.errors == []
    assert set(said.requests) <= {"file", "data", "blob"}


TOO_LARGE = """() => [...Array(Reveal.getTotalSlides()).keys()].filter(number => {
    Reveal.slide(number);
    const slide = Reveal.getCurrentSlide();
    return slide.scrollHeight > Reveal.getConfig().height || parseFloat(slide.style.fontSize) < 80;
})"""
