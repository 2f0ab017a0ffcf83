// The environments and their states. A card stays the same element while its environment exists, so focus is kept.

import { find, make } from "./dom.js";
import { explain } from "./explain.js";

const cards = new Map();
const lists = new Map();
let chosen = null;
let shown = [];
let own = [];
let onChoice = () => {};

export const chosenEnvironment = () => shown.find((each) => each.number === chosen) ?? null;

export function setFunctions(names, listener) {
  onChoice = listener;
  own = names;
  lists.clear();
  find("functions").replaceChildren();
  for (const name of names) list(name);
}

function list(name) {
  if (!lists.has(name)) {
    const none = make("p", { className: "hint" }, "cold: no environment yet");
    const cards = make("ul", { "aria-label": `Environments of ${name}` });
    find("functions").append(make("h3", {}, name), none, cards);
    lists.set(name, { cards, none });
  }
  return lists.get(name);
}

function card(number) {
  const radio = make("input", { type: "radio", name: "environment" });
  const state = make("button", { type: "button", className: "state" });
  const text = make("p");
  const top = make("div", { className: "top" }, make("label", {}, radio, ` Environment ${number}`), state);
  const element = make("li", { "data-number": String(number) }, top, text);
  radio.addEventListener("change", () => {
    chosen = number;
    update(shown);
  });
  state.addEventListener("click", () => explain("state", state.dataset.state));
  return { element, radio, state, text };
}

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

const byTime = (one, other) => one.since - other.since;
const byNumber = (one, other) => one.number - other.number;

/** The environments that changed last, in the order of their numbers. */
export const latest = (environments, count) => [...environments].sort(byTime).slice(-count).sort(byNumber);

/** Choose the environment of a function that changed last, if there is one. */
export function chooseOf(name) {
  const own = shown.filter((each) => each.function === name && usable(each));
  if (own.length && !own.some((each) => each.number === chosen)) {
    chosen = latest(own, 1)[0].number;
    update(shown);
  }
}

const usable = ({ state }) => state !== "ended" && state !== "snapshot";

export function update(environments) {
  shown = environments;
  if (!environments.some((each) => each.number === chosen && usable(each))) {
    chosen = latest(environments.filter(usable), 1)[0]?.number ?? null;
  }
  for (const each of environments) {
    let parts = cards.get(each.number);
    if (!parts) {
      cards.set(each.number, (parts = card(each.number)));
      list(each.function).cards.prepend(parts.element);
    }
    if (parts.state.dataset.state !== each.state) {
      parts.state.dataset.state = each.state;
      parts.state.className = `state ${each.state}`;
      parts.state.textContent = each.state;
      parts.state.setAttribute("aria-label", `${each.state}: what is this?`);
    }
    parts.radio.checked = each.number === chosen;
    parts.radio.disabled = each.state === "ended";
    parts.element.classList.toggle("chosen", each.number === chosen);
    const words = [plural(each.invocations, "invocation")];
    if (each.failures) words.push(`${each.failures} failed`);
    if (each.inits > 1) words.push(plural(each.inits, "init"));
    if (each.durationMs !== null) words.push(`last ${each.durationMs.toFixed(1)} ms`);
    if (each.version && each.version !== "$LATEST") words.push(`version ${each.version}`);
    if (each.pid) words.push(`pid ${each.pid}`);
    const text = words.join(", ");
    if (parts.text.textContent !== text) parts.text.textContent = text;
  }
  const numbers = new Set(environments.map((each) => each.number));
  for (const [number, parts] of cards) {
    if (!numbers.has(number)) {
      parts.element.remove();
      cards.delete(number);
    }
  }
  for (const { cards: list, none } of lists.values()) none.hidden = list.childElementCount > 0;
  onChoice(chosenEnvironment());
}

/** Forget all cards: what comes next belongs to another run. */
export function clear() {
  for (const { element } of cards.values()) element.remove();
  cards.clear();
  setFunctions(own, onChoice);
}
