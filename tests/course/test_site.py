"""The site: every lesson is there, it needs no network, its pictures have texts, and its links lead somewhere."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).parents[2]
LESSONS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Folder of the site, which Sphinx builds without a single warning."""
    pytest.importorskip("sphinx", reason='the site needs pip install -e ".[site]"')
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs", "-d", folder / "trees"]
    run = subprocess.run([*command, ".", folder / "html"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def pages(site):
    """Each page's path and content."""
    files = [path for path in site.rglob("*.html") if "_static" not in path.parts]
    return {path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser") for path in files}


def test_the_tests_can_build_the_site():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(extras["site"]) <= set(extras["dev"])


def test_no_page_loads_anything_from_the_network(site, pages):
    loaded = [
        (path.name, element.get("src") or element.get("href"))
        for path, page in pages.items()
        for element in page.select("[src], link[rel~=stylesheet], link[rel~=preload], link[rel~=icon]")
    ]
    assert loaded
    assert [found for found in loaded if re.match(r"(https?:)?//", found[1])] == []
    styles = "\n".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^)]*", styles) == []


def test_every_lesson_is_there_with_an_alternative_text_for_every_picture(site, pages):
    assert len(LESSONS) >= 15
    for lesson in LESSONS:
        pictures = pages[site / "notebooks" / f"{lesson}.html"].select("article img")
        assert pictures, lesson
        assert [picture for picture in pictures if not picture.get("alt", "").strip()] == [], lesson


def test_the_front_page_shows_a_picture_and_a_question_of_every_lesson(site, pages):
    cards = pages[site / "index.html"].select(".lessons li")
    assert [card.a["href"] for card in cards] == [f"notebooks/{lesson}.html" for lesson in LESSONS]
    for card in cards:
        assert card.img["alt"]
        assert (site / card.img["src"]).is_file()
        assert card.p.text.strip().endswith("?")


def test_the_search_finds_a_word_of_a_lesson(site):
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert re.search(r"\bjensen\b", index)
    assert "notebooks/04_the_game" in index


def test_formulas_are_mathml(site, pages):
    page = pages[site / "notebooks" / "03_cross_entropy_loss.html"]
    assert page.select("article math[display=block]")
    texts = {path: page.article.text for path, page in pages.items() if page.article}
    assert [path.name for path, text in texts.items() if re.search(r"\\(frac|mathrm|begin|beta)\b|\$\$", text)] == []


def test_solutions_are_folded(site, pages):
    folded = pages[site / "notebooks" / "02_hinge_loss.html"].select("details:not([open]) .highlight")
    assert any("def four_costs" in code.text for code in folded)


def test_links_between_pages_hold(site, pages):
    anchors = {path: {element["id"] for element in page.select("[id]")} for path, page in pages.items()}
    dead, followed = [], 0
    for path, page in pages.items():
        for link in page.select("a[href]"):
            url = urlsplit(link["href"])
            if url.scheme or link["href"] == "#":
                continue
            followed += 1
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            known = target.is_file() and (not url.fragment or target not in anchors or url.fragment in anchors[target])
            dead += [] if known else [f"{path.relative_to(site)}: {link['href']}"]
    assert followed > 1000
    assert dead == []


def test_a_notebook_can_be_downloaded(site, pages):
    buttons = pages[site / "notebooks" / "09_train.html"].select("a.btn-download-source-button")
    (target,) = {(site / "notebooks" / button["href"]).resolve() for button in buttons}
    assert target.read_bytes() == (ROOT / "notebooks" / "09_train.ipynb").read_bytes()


def test_the_eight_modules_are_documented(site, pages):
    names = {element["id"] for element in pages[site / "docs" / "api.html"].select("[id^=hcegan_lib]")}
    wanted = ("color.luma", "data.load", "losses.hinge", "attention.SelfAttention2d", "models.UNetGenerator")
    assert {f"hcegan_lib.{name}" for name in (*wanted, "metrics.psnr", "train.fit")} <= names
    assert any(name.startswith("hcegan_lib.dirac.") for name in names)


EXPLORERS = {
    "02_hinge_loss": "logit",
    "04_the_game": "turn",
    "05_hinge_cross_entropy": "step",
    "07_attention_inits": "step of training",
}


@pytest.mark.parametrize(("lesson", "control"), EXPLORERS.items())
def test_an_explorer_moves_through_its_recorded_pictures(site, browser, lesson, control):
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((site / "notebooks" / f"{lesson}.html").as_uri())
    explorer = page.locator("[data-explorer]")
    slider = explorer.get_by_role("slider")  # all that moves; the other controls have no pictures
    assert slider.get_attribute("title")
    assert explorer.locator("label").all_inner_texts() == [control]
    assert slider.input_value() != ""
    slider.press("Home")
    seen = []
    for _ in range(3):
        page.wait_for_function("() => document.querySelector('[data-explorer] img').complete")
        seen.append((slider.input_value(), explorer.get_by_role("status").inner_text()))
        assert explorer.locator("img").evaluate("(picture) => picture.naturalWidth") > 400
        slider.press("ArrowRight")
    assert [number for number, _ in seen] == ["0", "1", "2"]
    assert len({text for _, text in seen}) == 3
    assert errors == []


@pytest.mark.parametrize("name", ["index", "notebooks/04_the_game"])
def test_axe_finds_no_serious_and_no_critical_fault(site, browser, name):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    page.goto((site / f"{name}.html").as_uri())
    found = axe.Axe().run(page).response["violations"]
    assert [rule["id"] for rule in found if rule["impact"] in ("serious", "critical")] == []
    page.locator("img").first.evaluate("image => image.removeAttribute('alt')")
    found = axe.Axe().run(page).response["violations"]
    assert "image-alt" in [rule["id"] for rule in found]  # so the rules did run
