"""The explorers in JupyterLab and a real browser: drag a slider, press a key, click a button.

The tests use the Chromium of the system and are skipped if it or Playwright is missing; they never download a browser.
"""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import nbformat
import psutil
import pytest
from nbconvert.preprocessors import ClearOutputPreprocessor
from nbformat.v4 import new_code_cell, new_notebook

from hcegan_lib import course

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
SECONDS = 60  # limit for running a notebook

SHOTS = Path(__file__).parents[2] / "build" / "browser"
OPENED = sorted(course.NOTEBOOKS.glob("07_*.ipynb"))

# By default, JupyterLab fetches news from the network and removes cells outside the view from the page.
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason=f"no browser: none of {', '.join(NAMES)} is on the path"),
]


# --- server and browser -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab without the user's settings on a free local port, with its URL, folder and log."""
    home = tmp_path_factory.mktemp("lab")
    folder = home / "notebooks"
    folder.mkdir()
    for name, setting in SETTINGS.items():
        path = home / "settings" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(setting), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [f"--ServerApp.root_dir={folder}", f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1"]
    options += ["--ServerApp.port_retries=0", "--IdentityProvider.token=", "--LabApp.news_url=None", "--allow-root"]
    options += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--no-browser"]
    places = {f"JUPYTER_{kind}_DIR": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    places |= {f"JUPYTERLAB_{kind.upper()}_DIR": str(home / kind) for kind in ("settings", "workspaces")}
    environment = {"OMP_NUM_THREADS": "1", **os.environ, **places, "IPYTHONDIR": str(home / "ipython")}
    log = home / "server.log"
    with log.open("w", encoding="utf-8") as output:
        command = [sys.executable, "-m", "jupyterlab", *options]
        server = psutil.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)
    try:
        wait_for(server, f"http://127.0.0.1:{port}/api", log)
        yield SimpleNamespace(url=f"http://127.0.0.1:{port}", folder=folder, log=log)
    finally:
        shut_down(server)


def wait_for(server, url, log):
    for _ in range(1200):
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        assert server.poll() is None, log.read_text(encoding="utf-8")
        time.sleep(0.1)
    raise AssertionError(f"no answer from the server\n{log.read_text(encoding='utf-8')}")


def shut_down(server):
    """Stop the server, and any kernel that outlives it."""
    tree = [server, *server.children(recursive=True)] if server.is_running() else []
    with contextlib.suppress(psutil.NoSuchProcess):
        server.terminate()
    _, alive = psutil.wait_procs(tree, timeout=10)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=5)


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, lab):
    """A page that collects errors of its console, scripts and kernel, and requests that leave this machine."""
    context = browser.new_context(viewport={"width": 1200, "height": 1400})
    page = context.new_page()
    page.set_default_timeout(SECONDS * 1000)
    page.complaints, page.said = [], []
    page.on("console", lambda said: page.said.append(f"{said.type}: {said.text} ({said.location.get('url')})"))
    page.on("console", lambda said: said.type == "error" and page.complaints.append(f"console: {said.text}"))
    page.on("pageerror", lambda error: page.complaints.append(f"page: {error}"))
    page.on("request", lambda sent: leaves(sent.url, lab.url) and page.complaints.append(f"network: {sent.url}"))
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: page.complaints.extend(raised(frame))))
    yield page
    context.close()


def raised(frame):
    """Find errors in the kernel's messages, because an error in a callback may appear in no cell and no console."""
    text = frame if isinstance(frame, str) else frame.decode(errors="replace")
    if not re.search(r'"msg_type": ?"error"', text):
        return []
    return [f"kernel: {name}: {words}" for name, words in re.findall(r'"ename": ?"(.*?)", ?"evalue": ?"(.*?)"', text)]


def leaves(url, home):
    return url.startswith(("http", "ws")) and url.split("//")[1].split("/")[0] != home.split("//")[1]


# --- user actions -----------------------------------------------------------------------------------------------------


NUMBERED = """() => [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")].every(
    prompt => /^\\[\\d+\\]:$/.test(prompt.textContent.trim()))"""


def run_all(page, lab, notebook, name):
    """Open a notebook without its stored outputs, choose "Run All Cells", and wait until every cell has a number."""
    bare, _ = ClearOutputPreprocessor().preprocess(notebook, {})
    bare.metadata.pop("widgets", None)
    nbformat.write(bare, lab.folder / name)
    page.goto(f"{lab.url}/lab/tree/{name}?reset")
    idle = page.locator(".jp-StatusBar-TextItem", has_text="| Idle")
    idle.wait_for()  # before that, a click on the menu has no effect
    page.locator(".lm-MenuBar-item", has_text="Run").click()
    page.locator(".lm-Menu-item:not(.lm-mod-disabled)", has_text="Run All Cells").first.click()
    page.wait_for_function(NUMBERED)
    idle.wait_for()
    page.locator(".widget-slider").first.wait_for()
    page.wait_for_timeout(500)  # errors of widget views arrive late
    assert page.complaints == []


PICTURES = """async cell => {
    const sums = [...cell.querySelectorAll(".jp-Cell-outputArea img")].map(async image => {
        const bytes = await (await fetch(image.src)).arrayBuffer();
        return [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))].join();
    });
    return (await Promise.all(sums)).join(";");
}"""


def changes(cell, act):
    """Measure the milliseconds until the pictures of a cell change after `act`, including the time of the browser."""
    before = cell.evaluate(PICTURES)
    assert before, "the cell has no picture"
    start = time.perf_counter()
    act()
    while time.perf_counter() - start < 10:
        with contextlib.suppress(Exception):  # a picture that is being replaced cannot be read
            if cell.evaluate(PICTURES) not in (before, ""):
                return round(1000 * (time.perf_counter() - start))
        time.sleep(0.01)
    raise AssertionError("the picture did not change within 10 s")


def drag(page, slider):
    """Drag the handle by a third of the slider, toward the side with more room."""
    base, handle = (slider.locator(part).bounding_box() for part in (".noUi-base", ".noUi-handle"))
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    way = base["width"] / 3 * (1 if x < base["x"] + base["width"] / 2 else -1)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + way, y, steps=4)
    page.mouse.up()


def press(slider):
    """Move the handle by an arrow key, toward the side with more room."""
    handle = slider.locator(".noUi-handle")
    low, now, high = (float(handle.get_attribute(f"aria-value{part}")) for part in ("min", "now", "max"))
    handle.focus()
    handle.press("ArrowRight" if now - low <= high - now else "ArrowLeft")


def play(page):
    """Use a slider by mouse and by keyboard and a button of the first explorer; report the time of each."""
    cell = page.locator(".jp-CodeCell", has=page.locator(".widget-slider")).filter(has=page.locator("img")).first
    slider, button = (cell.locator(part).first for part in (".widget-slider", "button.jupyter-button"))
    slider.scroll_into_view_if_needed()
    acts = {"slider by mouse": lambda: drag(page, slider), "slider by keyboard": lambda: press(slider)}
    acts[f"button {button.get_attribute('title')!r}"] = button.click
    took = {name: changes(cell, act) for name, act in acts.items()}
    page.wait_for_timeout(500)  # for late errors
    return [f"{name}: {time} ms until the picture changed" for name, time in took.items()]


# --- the tests --------------------------------------------------------------------------------------------------------

TINY = """import ipywidgets
import matplotlib.pyplot as plt


def draw(size, row):
    plt.figure(figsize=(2, 2))
    plt.plot([0, size], [0, row])
    plt.show()


answer = ipywidgets.Output()
size = ipywidgets.IntSlider(2, 1, 9)
button = ipywidgets.Button(description="up")


@answer.capture(clear_output=True, wait=True)
def show(*_):
    draw(10 // (9 - size.value), 3 if button.tooltip else 1)


def up(_):
    button.tooltip = "was pressed"
    show()


size.observe(show, "value")
button.on_click(up)
show()
ipywidgets.VBox([size, button, answer])"""


def test_a_working_explorer_has_no_errors_and_those_of_kernel_script_console_and_network_are_found(page, lab):
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    run_all(page, lab, new_notebook(cells=[new_code_cell(TINY)], metadata=kernel), "tiny.ipynb")
    assert len(play(page)) == 3
    assert page.complaints == []
    page.locator(".noUi-handle").press("End")  # where TINY divides by zero
    page.evaluate("() => { console.error('a broken view'); setTimeout(() => { throw new Error('a broken script') }) }")
    page.evaluate("() => fetch('http://example.invalid/feed').catch(() => {})")
    wanted = {"kernel: ZeroDivisionError: integer division or modulo by zero", "console: a broken view"}
    wanted |= {"page: a broken script", "network: http://example.invalid/feed"}
    for _ in range(100):
        if wanted <= set(page.complaints):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"unseen: {wanted - set(page.complaints)}")


@pytest.mark.parametrize("path", OPENED, ids=lambda path: path.stem)
def test_dragging_a_slider_and_clicking_a_button_change_the_picture(path, page, lab):
    SHOTS.mkdir(parents=True, exist_ok=True)
    log = [f"{path.name} in Chromium {page.context.browser.version}"]
    try:
        start = time.perf_counter()
        run_all(page, lab, nbformat.read(path, as_version=4), path.name)
        log.append(f"all cells run: {time.perf_counter() - start:.1f} s after opening")
        log += play(page)
        page.screenshot(path=SHOTS / f"{path.stem[:2]}.png")
        assert page.complaints == []
    finally:
        log.append(f"errors in page, kernel or console: {page.complaints or 'none'}")
        log += ["", "console:", *page.said, "", "server:", lab.log.read_text(encoding="utf-8")]
        (SHOTS / f"{path.stem[:2]}.log").write_text("\n".join(log), encoding="utf-8")


def test_the_play_button_of_lesson_04_moves_its_points_to_the_last_turn_and_the_arrow_keys_move_them_back(page, lab):
    (path,) = course.NOTEBOOKS.glob("04_*.ipynb")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].source = notebook.cells[1].source.replace('"tour"', '"smoke"')
    run_all(page, lab, notebook, path.name)
    cell = page.locator(".jp-CodeCell", has=page.locator(".widget-play"))
    cell.scroll_into_view_if_needed()
    handle = cell.locator(".noUi-handle")
    changes(cell, cell.locator(".widget-play button").first.click)
    page.wait_for_function("handle => handle.ariaValueNow === handle.ariaValueMax", arg=handle.element_handle())
    cell.locator("[role=status]", has_text=f"turn {float(handle.get_attribute('aria-valuemax')):.0f}").wait_for()
    changes(cell, lambda: press(cell))
    assert page.complaints == []
