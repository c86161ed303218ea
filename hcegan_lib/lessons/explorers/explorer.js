// One explorer: a picture, a line that says what it shows, and the controls that decide it.
// Python draws; this file sends the chosen options and shows the picture that comes back.

const PACE = 120; // milliseconds between two pictures while it plays, at least
const PATIENCE = 5000; // milliseconds without an answer after which there is no kernel
const LONGEST_PLAY = 100; // pictures from the first option to the last; longer sliders are played in larger steps
const NO_ANSWER = " Python sent no picture: run the cells of this notebook to use all controls.";
const ARROWS = { ArrowUp: ["row", -1], ArrowDown: ["row", 1], ArrowLeft: ["column", -1], ArrowRight: ["column", 1] };

let explorers = 0;

const make = (tag, parent, properties = {}, attributes = {}) => {
  const element = Object.assign(document.createElement(tag), properties);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  parent.append(element);
  return element;
};

function render({ model, el }) {
  const id = `hcegan-explorer-${++explorers}`;
  const controls = model.get("controls");
  const count = (name) => controls.find((control) => control.name === name).texts.length;
  const alone = Boolean(model.get("alone")); // on a page that has the recorded pictures only
  const refreshers = [];
  let playing = null, asked = 0, timer, url, asleep = alone;

  el.classList.add("hcegan-explorer");
  const figure = make("div", el, { className: "hcegan-picture" });
  const image = make("img", figure);
  const now = make("p", el, {}, { role: "status", "aria-live": "polite", "aria-atomic": "true" });
  const panel = make("div", el, { className: "hcegan-controls" }, { role: "group", "aria-label": "controls" });

  // --- what is chosen, and the picture of it ---

  function choose(changes) {
    const chosen = { ...model.get("chosen") };
    for (const [name, index] of Object.entries(changes)) {
      chosen[name] = Math.max(0, Math.min(count(name) - 1, index));
    }
    const before = model.get("chosen");
    if (same(chosen, before)) return;
    model.set("chosen", chosen);
    refresh();
    if (asleep) return showRecorded(before);
    asked = performance.now();
    model.save_changes();
    clearTimeout(timer);
    timer = setTimeout(fallAsleep, PATIENCE);
  }

  const same = (one, other) => Object.keys(one).every((name) => one[name] === other[name]);

  const refresh = () => refreshers.forEach((update) => update(model.get("chosen")));

  function show(bytes, alt) {
    const old = url;
    url = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
    image.onload = () => old && URL.revokeObjectURL(old);
    image.src = url;
    image.alt = alt;
    now.textContent = alt.slice(alt.indexOf(". ") + 2); // the first sentence, what the picture is, stays the same
    if (playing) timer = setTimeout(() => playing?.(), Math.max(0, asked + PACE - performance.now()));
  }

  function answered() {
    clearTimeout(timer);
    asleep = alone;
    show(model.get("image"), model.get("alt"));
    refresh();
  }

  // --- without a kernel: the recorded picture that is nearest to what is chosen, in the direction of the change ---

  function fallAsleep() {
    const shown = model.get("shown");
    if (same(model.get("chosen"), shown)) return;
    asleep = true;
    showRecorded(shown);
  }

  function showRecorded(before) {
    const chosen = model.get("chosen");
    const distance = (frame) =>
      controls.reduce((sum, { name }) => sum + Math.abs(frame.chosen[name] - chosen[name]) / count(name), 0);
    const moved = controls.filter(({ name }) => chosen[name] !== before[name]);
    const ahead = (frame) =>
      moved.every(({ name }) => (frame.chosen[name] - before[name]) * (chosen[name] - before[name]) > 0);
    const [nearest] = model.get("frames").filter(ahead).sort((one, other) => distance(one) - distance(other));
    asked = performance.now();
    model.set("chosen", { ...(nearest ?? { chosen: before }).chosen });
    refresh();
    if (nearest) show(nearest.image, nearest.alt);
    else stop();
    if (!alone) now.textContent += NO_ANSWER;
    model.save_changes(); // a kernel that was only busy answers later
  }

  // --- playing ---

  const stops = [];

  function stop() {
    playing = null;
    now.setAttribute("aria-live", "polite");
    stops.forEach((update) => update());
  }

  function play(name) {
    const step = Math.ceil(count(name) / LONGEST_PLAY);
    playing = () => {
      const at = model.get("chosen")[name];
      if (at === count(name) - 1) return stop();
      choose({ [name]: at + step });
    };
    now.setAttribute("aria-live", "off"); // a screen reader cannot follow eight pictures per second
    if (model.get("chosen")[name] < count(name) - 1) return playing();
    choose({ [name]: 0 });
  }

  // --- controls ---

  function addSlider({ name, label, texts, help, play: plays }) {
    const row = make("div", panel, { title: help });
    make("label", row, { htmlFor: `${id}-${name}`, textContent: label });
    if (plays) {
      const button = make("button", row, { type: "button" });
      button.onclick = () => (playing ? stop() : play(name), stops.forEach((update) => update()));
      stops.push(() => (button.textContent = playing ? "Pause" : "Play"));
      stops.at(-1)();
    }
    const input = make("input", row, { id: `${id}-${name}`, type: "range", max: texts.length - 1, title: help });
    const value = make("span", row, {}, { "aria-hidden": "true" });
    input.oninput = () => choose({ [name]: Number(input.value) });
    refreshers.push((chosen) => {
      input.value = chosen[name];
      input.setAttribute("aria-valuetext", texts[chosen[name]]);
      value.textContent = texts[chosen[name]];
    });
  }

  function addChoice({ name, label, texts, help }) {
    const row = make("div", panel, { title: help });
    make("label", row, { htmlFor: `${id}-${name}`, textContent: label });
    const select = make("select", row, { id: `${id}-${name}`, title: help });
    texts.forEach((text, index) => make("option", select, { value: index, textContent: text }));
    select.onchange = () => choose({ [name]: select.selectedIndex });
    refreshers.push((chosen) => (select.selectedIndex = chosen[name]));
  }

  // A place in the picture: clicked, or moved by the arrow keys. `fields` are the panels that show it, as shares.
  function addPicker() {
    const rows = count("row"), columns = count("column");
    const name = { tabIndex: 0, className: "hcegan-picker", title: "click, or move by the arrow keys" };
    const picker = make("div", figure, name, { role: "slider", "aria-label": model.get("place"), "aria-valuemin": 0 });
    picker.setAttribute("aria-valuemax", rows * columns - 1);
    picker.onpointerdown = picker.onpointermove = (event) => {
      const box = picker.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
      const inside = ([left, top, width, height]) => x >= left && x < left + width && y >= top && y < top + height;
      const field = model.get("fields").find(inside);
      picker.style.cursor = field ? "crosshair" : "default";
      if (!field || !event.buttons) return;
      choose({
        row: Math.floor((rows * (y - field[1])) / field[3]),
        column: Math.floor((columns * (x - field[0])) / field[2]),
      });
    };
    picker.onkeydown = (event) => {
      const [name, step] = ARROWS[event.key] ?? [];
      if (!name || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      const stride = model.get("stride");
      choose({ [name]: (Math.floor(model.get("chosen")[name] / stride) + step) * stride });
    };
    refreshers.push((chosen) => {
      const [row, column] = ["row", "column"].map((name) => Math.floor(chosen[name] / model.get("stride")));
      picker.setAttribute("aria-valuenow", chosen.row * columns + chosen.column);
      picker.setAttribute("aria-valuetext", `row ${row}, column ${column}`);
    });
  }

  const adders = { slider: addSlider, choice: addChoice, place: () => {} };
  controls.forEach((control) => adders[control.kind](control));
  if (model.get("place")) addPicker();
  // In JupyterLab, arrow keys, Enter and letters are commands of the notebook unless what has the focus refuses that.
  for (const control of el.querySelectorAll("button, input, select, .hcegan-picker")) {
    control.setAttribute("data-lm-suppress-shortcuts", "true");
  }
  model.on("change:shown", answered);
  answered();
  return () => (clearTimeout(timer), model.off("change:shown", answered));
}

export default { render };
