// Starts the explorers of a page. Python is not there, so they show the pictures that were recorded with the notebook.

const decoded = ({ image, ...rest }) => ({ ...rest, image: Uint8Array.from(atob(image), (c) => c.charCodeAt(0)) });

async function start(el) {
  const state = decoded(JSON.parse(el.querySelector("script").textContent));
  state.frames = state.frames.map(decoded);
  const nothing = () => {};
  const set = (name, value) => (state[name] = value);
  const model = { get: (name) => state[name], set, save_changes: nothing, on: nothing, off: nothing };
  // Not by its own address: a browser loads no module from a disk.
  const address = URL.createObjectURL(new Blob([state._esm], { type: "text/javascript" }));
  const explorer = await import(address);
  el.replaceChildren();
  explorer.default.render({ model, el });
}

addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-explorer]").forEach(start));
