"""The explorers in JupyterLab and a real browser: drag a slider, press a key, click into a photograph, play."""

import contextlib
import json
import os
import re
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

SECONDS = 180  # limit for running a notebook
SCREEN = {"width": 1366, "height": 768}  # of an ordinary laptop

SHOTS = Path(__file__).parents[2] / "build" / "browser"
OPENED = sorted(course.NOTEBOOKS.glob("07_*.ipynb"))

# By default, JupyterLab fetches news from the network and removes cells outside the view from the page.
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
}

pytestmark = pytest.mark.slow


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


@pytest.fixture
def page(browser, lab):
    """A page that collects errors of its console, scripts and kernel, and requests that leave this machine."""
    context = browser.new_context(viewport=SCREEN)
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


# The number of a closed cell is not in the page.
NUMBERED = """() => [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")].every(
    prompt => /^\\[\\d+\\]:$/.test(prompt.textContent.trim())
        || prompt.closest(".jp-Cell").querySelector(".jp-InputPlaceholder"))"""


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
    page.locator(".hcegan-explorer").first.wait_for()
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
    box = slider.bounding_box()
    at, most = (int(slider.evaluate(f"input => input.{part}")) for part in ("value", "max"))
    x, y = box["x"] + 8 + at / most * (box["width"] - 16), box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + box["width"] / 3 * (1 if at < most / 2 else -1), y, steps=4)
    page.mouse.up()


def click_photograph(page, picker):
    """Click near the top left corner of the first photograph."""
    box = picker.bounding_box()
    page.mouse.click(box["x"] + 0.03 * box["width"], box["y"] + 0.15 * box["height"])


def explorer_cell(page):
    """Scroll so that the first explorer begins at the top of the window."""
    cell = page.locator(".jp-CodeCell", has=page.locator(".hcegan-explorer")).first
    cell.evaluate("cell => cell.scrollIntoView({ block: 'start' })")
    return cell


def use(page):
    """Use the first explorer by mouse and by keyboard; report the time of each action."""
    cell = explorer_cell(page)
    slider, choice, picker = (cell.locator(part).first for part in ("input", "select", ".hcegan-picker"))
    acts = {"slider by mouse": lambda: drag(page, slider), "slider by key": lambda: slider.press("ArrowLeft")}
    if choice.count():
        acts["choice by key"] = lambda: choice.press("ArrowDown")
    if picker.count():
        acts["click into the photograph"] = lambda: click_photograph(page, picker)
        acts["position by key"] = lambda: picker.press("ArrowRight")
    took = {name: changes(cell, act) for name, act in acts.items()}
    page.wait_for_timeout(500)  # for late errors
    return [f"{name}: {time} ms until the picture changed" for name, time in took.items()]


# --- the tests --------------------------------------------------------------------------------------------------------

TINY = """from hcegan_lib.lessons import explorers

explorer = explorers.loss_explorer()
draw = explorer.draw
explorer.draw = lambda *, margin, **values: draw(margin=margin / (margin < 3), **values)
explorer"""
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def test_a_working_explorer_has_no_errors_and_those_of_kernel_script_console_and_network_are_found(page, lab):
    run_all(page, lab, new_notebook(cells=[new_code_cell(TINY)], metadata=KERNEL), "tiny.ipynb")
    assert len(use(page)) == 3
    assert page.complaints == []
    page.get_by_role("slider", name="margin").press("End")  # where TINY divides by zero
    page.evaluate("() => { console.error('a broken view'); setTimeout(() => { throw new Error('a broken script') }) }")
    page.evaluate("() => fetch('http://example.invalid/feed').catch(() => {})")
    wanted = {"kernel: ZeroDivisionError: float division by zero", "console: a broken view"}
    wanted |= {"page: a broken script", "network: http://example.invalid/feed"}
    for _ in range(100):
        if wanted <= set(page.complaints):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"unseen: {wanted - set(page.complaints)}")


def test_in_jupyterlab_arrow_keys_and_enter_belong_to_the_control_that_has_the_focus(page, lab):
    source = "from hcegan_lib.lessons import explorers\nexplorers.dirac_explorer()"
    run_all(page, lab, new_notebook(cells=[new_code_cell(source), new_code_cell("2")], metadata=KERNEL), "keys.ipynb")
    first, button = page.get_by_role("combobox", name="first loss"), page.get_by_role("button", name="Play")
    focus = "() => document.activeElement.id || document.activeElement.textContent"
    first.focus()
    name = page.evaluate(focus)
    for wanted in ("1", "2", "1"):
        page.keyboard.press("ArrowUp" if first.input_value() == "2" else "ArrowDown")
        assert first.input_value() == wanted
        assert page.evaluate(focus) == name
    button.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Pause").wait_for()
    page.keyboard.press("Enter")
    button.wait_for()
    assert page.evaluate(focus) == "Play"
    assert page.complaints == []


@pytest.mark.parametrize("path", OPENED, ids=lambda path: path.stem)
def test_slider_choice_photograph_and_keys_change_the_picture_and_all_is_in_one_view(path, page, lab):
    SHOTS.mkdir(parents=True, exist_ok=True)
    log = [f"{path.name} in Chromium {page.context.browser.version}"]
    try:
        start = time.perf_counter()
        run_all(page, lab, nbformat.read(path, as_version=4), path.name)
        log.append(f"all cells run: {time.perf_counter() - start:.1f} s after opening")
        log += use(page)
        page.screenshot(path=SHOTS / f"{path.stem[:2]}.png")
        view, window = (
            page.locator(part).first.bounding_box() for part in (".hcegan-explorer", ".jp-WindowedPanel-outer")
        )
        assert view["y"] >= window["y"]
        assert view["y"] + view["height"] <= window["y"] + window["height"]
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
    cell = explorer_cell(page)
    slider = cell.get_by_role("slider", name="turn")
    changes(cell, cell.get_by_role("button", name="Play").click)
    page.wait_for_function("input => input.value === input.max", arg=slider.element_handle())
    cell.locator("[role=status]", has_text=f"Turn {slider.get_attribute('aria-valuetext')}:").wait_for()
    changes(cell, lambda: slider.press("ArrowLeft"))
    assert page.complaints == []
