"""`hcegan app` in a real browser: upload a photograph, see it colored, move the line, download the result.

The test uses the Chromium of the system and is skipped if it, Playwright or Voila is missing.
"""

import importlib.util
import io
import os
import socket
import subprocess
import sys

import numpy as np
import psutil
import pytest
from PIL import Image

from hcegan_lib import KIT_ROOT
from tests.lessons.test_browser import SHOTS, leaves, raised, shut_down, wait_for

SECONDS = 600  # limit for the first page: the kernel imports torch
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("voila") is None, reason="Voila is not installed"),
]


@pytest.fixture
def app(tmp_path):
    """The page as `hcegan app` serves it, without the user's settings: its address and its log."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = {f"JUPYTER_{kind}_DIR": str(tmp_path / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    environment = {"OMP_NUM_THREADS": "1", **os.environ, **places, "IPYTHONDIR": str(tmp_path / "ipython")}
    log = tmp_path / "server.log"
    with log.open("w", encoding="utf-8") as output:
        command = [sys.executable, "-m", "hcegan_lib", "app", "--port", str(port)]
        server = psutil.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)
    try:
        wait_for(server, f"http://127.0.0.1:{port}/voila/static/voila.js", log)
        yield f"http://127.0.0.1:{port}", log
    finally:
        shut_down(server)


def colorfulness(content):
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), dtype=int)
    return float(np.percentile(np.ptp(pixels, axis=-1), 90))


def test_a_photograph_is_uploaded_colored_compared_and_downloaded(browser, app, tmp_path):
    url, log = app
    flower = Image.open(min((KIT_ROOT / "data" / "flowers" / "test").glob("sunflowers-*.jpg")))
    flower.convert("L").resize((900, 700)).save(tmp_path / "flower.jpg")
    context = browser.new_context(viewport={"width": 1000, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(SECONDS * 1000)
    complaints = []
    page.on("pageerror", lambda error: complaints.append(f"page: {error}"))
    page.on("requestfinished", lambda sent: leaves(sent.url, url) and complaints.append(f"network: {sent.url}"))
    page.on("requestfailed", lambda sent: sent.failure != "csp" and complaints.append(f"{sent.failure}: {sent.url}"))
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: complaints.extend(raised(frame))))
    page.goto(url)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="choose a photograph").click()
    chooser.value.set_files(tmp_path / "flower.jpg")
    page.locator("[role=status]", has_text="flower.jpg, 900 x 700 pixels").wait_for()
    picture = page.locator("img.widget-image")
    assert picture.evaluate("image => [image.naturalWidth, image.width]") == [640, 640]
    before = picture.get_attribute("src")
    page.locator(".noUi-handle").press("Home")  # all of it colored
    page.wait_for_function("([image, before]) => image.src !== before", arg=[picture.element_handle(), before])
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / "app.png")
    with page.expect_download() as download:
        page.locator("a[download]").click()
    result = tmp_path / "result.jpg"
    download.value.save_as(result)
    context.close()
    assert download.value.suggested_filename == "flower_color.jpg"
    assert Image.open(result).size == (900, 700)
    assert colorfulness((tmp_path / "flower.jpg").read_bytes()) == 0
    assert colorfulness(result.read_bytes()) > 10
    assert complaints == [], log.read_text(encoding="utf-8")
