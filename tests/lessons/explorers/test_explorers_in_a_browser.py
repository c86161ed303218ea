"""Every explorer on a page of its own: by keyboard alone, by mouse, for a screen reader, and without Python's answers.

The page holds what anywidget would give to the script, and this process answers as the kernel would. How JupyterLab
shows explorers is tested in test_browser.py.
"""

import json
from base64 import b64encode

import pytest
from samples import EXPLORERS

pytestmark = pytest.mark.slow

PAGE = """<!doctype html><html lang="en"><head><title>Explorer</title><style>{style}</style></head>
<body><main><h1>Explorer</h1><div id="explorer"></div></main></body></html>"""
# The model that anywidget gives to `render`; images come as text and become binary.
MODEL = """async ([script, state]) => {
    const binary = text => new DataView(Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer);
    const heard = {};
    const take = news => Object.assign(state, news, { image: binary(news.image) });
    state.frames = state.frames.map(frame => ({ ...frame, image: binary(frame.image) }));
    take(state);
    const model = {
        get: name => state[name],
        set: (name, value) => { state[name] = value; },
        on: (name, call) => { heard[name] = call; },
        off: name => { delete heard[name]; },
        save_changes: async () => {
            const news = await window.answer(state.chosen);
            if (!news) return;
            const before = JSON.stringify(state.shown);
            take(news);
            if (JSON.stringify(state.shown) !== before) heard["change:shown"]();
        },
    };
    const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    (await import(url)).default.render({ model, el: document.getElementById("explorer") });
}"""


def as_text(data):
    return b64encode(data).decode()


class Shown:
    """An explorer on a page; `awake` is False if Python sent no picture."""

    def __init__(self, page, explorer, *, awake=True):
        self.page, self.explorer, self.awake = page, explorer, awake
        panel = explorer.panel
        page.set_content(PAGE.format(style=panel._css))
        page.expose_function("answer", self.answer)
        frames = [frame | {"image": as_text(frame["image"])} for frame in panel.frames]
        fixed = {"controls": panel.controls, "place": panel.place, "frames": frames}
        script = panel._esm.replace("PATIENCE = 5000", "PATIENCE = 60_000") if awake else panel._esm
        page.evaluate(MODEL, [script, fixed | {"chosen": panel.chosen} | self.news()])

    def answer(self, chosen):
        if not self.awake:
            return None
        self.explorer.panel.chosen = chosen
        return self.news()

    def news(self):
        panel = self.explorer.panel
        shown = {"shown": panel.shown, "alt": panel.alt, "fields": panel.fields, "stride": panel.stride}
        return json.loads(json.dumps(shown)) | {"image": as_text(panel.image)}

    @property
    def status(self):
        return self.page.get_by_role("status")

    @property
    def picture(self):
        return self.page.locator("img")

    def wait_until_shown(self):
        """Wait until the page shows what Python drew last."""
        now = self.explorer.panel.alt.partition(". ")[2]
        self.page.wait_for_function("text => document.querySelector('[role=status]').textContent === text", arg=now)
        assert self.picture.get_attribute("alt") == self.explorer.panel.alt


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1000, "height": 700})
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    yield page
    assert page.complaints == []
    context.close()


@pytest.fixture(params=EXPLORERS)
def shown(request, page):
    return Shown(page, EXPLORERS[request.param][0]())


def focused(page):
    """What has the focus: its role in this page, and the name that it is given."""
    return page.evaluate("""() => {
        const element = document.activeElement;
        const label = element.labels?.[0]?.textContent ?? element.getAttribute("aria-label") ?? element.textContent;
        return [element.type === "range" ? "slider" : element.className || element.tagName.toLowerCase(), label];
    }""")


VALUE = "() => document.activeElement.getAttribute('aria-valuetext') ?? document.activeElement.value"


def press(shown, key):
    """Press a key, and return the names of the values that it changed."""
    before, said = shown.explorer.values, shown.page.evaluate(VALUE)
    shown.page.keyboard.press(key)
    if shown.page.evaluate(VALUE) == said:  # at the end of a slider
        return set()
    for _ in range(3000):
        if shown.explorer.values != before:
            break
        shown.page.wait_for_timeout(20)
    shown.wait_until_shown()
    return {name for name, value in shown.explorer.values.items() if value != before[name]}


# --- by keyboard ------------------------------------------------------------------------------------------------------


KEYS = {"slider": "ArrowRight ArrowLeft", "select": "ArrowDown ArrowUp", "hcegan-picker": "ArrowUp ArrowLeft"}


def test_every_control_is_reached_by_tab_and_moved_by_the_arrow_keys_and_keeps_the_focus(shown):
    moved, visited = set(), []
    shown.page.keyboard.press("Tab")
    while (kind := focused(shown.page))[0] in (*KEYS, "button"):
        visited.append(kind[1])
        for key in KEYS.get(kind[0], "").split():
            moved |= press(shown, key)
            assert focused(shown.page) == kind
        shown.page.keyboard.press("Tab")
    assert moved == set(shown.explorer.controls)
    named = [control.label for control in shown.explorer.controls.values() if control.kind != "place"]
    place, plays = [shown.explorer.panel.place], [c for c in shown.explorer.controls.values() if c.play]
    assert sorted(visited) == sorted(filter(None, [*place, *named, *len(plays) * ["Play"]]))


def test_an_arrow_key_moves_by_one_position_of_the_map_that_is_shown(page):
    shown = show(page, "attention")
    page.get_by_role("combobox", name="feature map").focus()
    press(shown, "ArrowDown")  # from 8 x 8 to 4 x 4
    picker = page.get_by_role("slider", name=shown.explorer.panel.place)
    picker.focus()
    before = shown.explorer.values["column"]
    press(shown, "ArrowRight")
    assert shown.explorer.values["column"] == before + 2
    assert f"column {before // 2 + 1}" in picker.get_attribute("aria-valuetext")


def test_sliders_say_the_value_and_not_the_number_of_their_option(shown):
    for name, control in shown.explorer.controls.items():
        if control.kind == "slider":
            slider = shown.page.get_by_role("slider", name=control.label, exact=True)
            slider.focus()
            press(shown, "End")
            text = list(control.options)[-1]
            assert slider.get_attribute("aria-valuetext") == text
            assert shown.explorer.values[name] == list(control.options.values())[-1]
        elif control.kind == "choice":
            assert shown.page.get_by_role("combobox", name=control.label, exact=True).count() == 1


def test_the_line_below_the_picture_is_live_and_says_what_the_picture_shows_now(shown):
    shown.wait_until_shown()
    assert shown.status.get_attribute("aria-live") == "polite"
    before = shown.status.text_content()
    shown.page.keyboard.press("Tab")
    if focused(shown.page)[0] == "button":
        shown.page.keyboard.press("Tab")
    assert any(press(shown, key) for key in ("ArrowRight", "ArrowDown", "ArrowLeft"))
    assert shown.status.text_content() != before


def test_axe_finds_no_serious_and_no_critical_fault(shown):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(shown.page).response["violations"]
    assert [rule["id"] for rule in found if rule["impact"] in ("serious", "critical")] == []
    shown.page.locator("img").evaluate("image => image.removeAttribute('alt')")
    found = axe.Axe().run(shown.page).response["violations"]
    assert "image-alt" in [rule["id"] for rule in found]  # so the rules did run


# --- by mouse ---------------------------------------------------------------------------------------------------------


def show(page, name, **options):
    return Shown(page, EXPLORERS[name][0](), **options)


@pytest.mark.parametrize("start", [0, 1, 2])
def test_a_click_into_the_photograph_of_any_start_moves_the_position_in_all_three(page, start):
    shown = show(page, "attention")
    left, top, width, height = shown.explorer.panel.fields[start]
    box = shown.picture.bounding_box()
    x, y = left + width * 6.5 / 8, top + height * 1.5 / 8  # the middle of row 1, column 6 of 8
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.wait_for_function("() => document.querySelector('[role=status]').textContent.includes('row 1, column 6')")
    assert (shown.explorer.values["row"], shown.explorer.values["column"]) == (1, 6)
    for ax in shown.explorer.figure.axes[::4]:
        frame = ax.lines[1].get_xydata()
        assert (*frame.min(0), *frame.max(0)) == (6 / 8, 1 / 8, 7 / 8, 2 / 8)


def test_a_click_beside_the_photographs_changes_nothing(page):
    shown = show(page, "attention")
    before = shown.explorer.values
    box = shown.picture.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] - 3)
    page.wait_for_timeout(200)
    assert shown.explorer.values == before


REMEMBER_LIVE = """() => {
    window.before = [];
    const remember = (changes) => before.push(...changes.map((change) => change.oldValue));
    const status = document.querySelector("[role=status]");
    new MutationObserver(remember).observe(status, { attributeFilter: ["aria-live"], attributeOldValue: true });
}"""


@pytest.mark.parametrize(("name", "control"), [("attention", "step"), ("game", "turn")])
def test_play_runs_to_the_last_step_and_reads_out_only_the_end(page, name, control):
    shown = show(page, name)
    page.evaluate(REMEMBER_LIVE)
    page.get_by_role("button", name="Play").press("Enter")
    last = list(shown.explorer.controls[control].options.values())[-1]
    page.get_by_role("button", name="Play").wait_for()  # it is called Pause while it plays
    assert shown.explorer.values[control] == last
    assert page.evaluate("() => before") == ["polite", "off"]  # off while it played, which takes two pictures or many
    assert shown.status.get_attribute("aria-live") == "polite"
    shown.wait_until_shown()


def test_pause_stops_and_play_at_the_end_begins_anew(page):
    shown = show(page, "dirac")
    page.get_by_role("slider", name="step", exact=True).focus()
    press(shown, "End")
    page.get_by_role("button", name="Play").click()
    for _ in range(3000):
        if shown.explorer.values["steps"] < 120:
            break
        page.wait_for_timeout(20)
    page.get_by_role("button", name="Pause").click()
    page.wait_for_timeout(300)
    at = shown.explorer.values["steps"]
    assert at < 120
    page.wait_for_timeout(500)
    assert shown.explorer.values["steps"] == at


# --- without a kernel -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "control"), [("loss", "logit"), ("game", "turn")])
def test_without_an_answer_the_recorded_pictures_are_shown_and_a_sentence_says_why(page, name, control):
    shown = show(page, name, awake=False)
    before = shown.picture.get_attribute("src")
    slider = page.get_by_role("slider", name=shown.explorer.controls[control].label, exact=True)
    slider.press("ArrowRight")
    page.get_by_text("Python sent no picture").wait_for()
    assert shown.picture.get_attribute("src") != before
    at = slider.input_value()
    assert int(at) in [frame["chosen"][control] for frame in shown.explorer.panel.frames]
    slider.press("ArrowRight")
    assert int(slider.input_value()) > int(at)  # the next recorded picture, although it is several options away


def test_without_an_answer_and_a_recording_the_control_goes_back_to_what_is_shown(page):
    show(page, "attention", awake=False)
    slider = page.get_by_role("slider", name="channel", exact=True)
    slider.press("ArrowRight")
    assert slider.input_value() == "1"
    page.get_by_text("Python sent no picture").wait_for()
    assert slider.input_value() == "0"
