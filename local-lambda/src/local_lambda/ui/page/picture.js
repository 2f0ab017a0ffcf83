// The timeline picture. The tool draws it; here it is fetched, shown, zoomed and explained.

import { request } from "./api.js";
import { find, make, setOptions } from "./dom.js";
import { latest } from "./environments.js";
import { explanationOf, more } from "./explain.js";

const LATEST = 3;
const WIDTHS = [100, 150, 200, 300, 400];
let environments = [];
let version = -1;
let drawn = "";
let fetching = false;
let width = 0;
let pause = 250;
let replay = null;
let wanted = "";
let again = false;

export function start() {
  for (const id of ["which", "last", "phase"]) find(id).addEventListener("change", () => draw(true));
  find("hold").addEventListener("change", () => draw());
  find("wider").addEventListener("click", () => setWidth(width + 1));
  find("narrower").addEventListener("click", () => setWidth(width - 1));
  const picture = find("picture");
  picture.addEventListener("pointerover", ({ target }) => describe(target.closest("[data-hint]")));
  picture.addEventListener("focusin", ({ target }) => describe(target.closest("[data-hint]")));
  picture.addEventListener("click", ({ target }) => {
    const phase = target.closest("[data-hint]") ? null : target.closest("[data-phase]");
    if (phase) {
      find("phase").value = find("phase").value ? "" : phase.dataset.phase;
      draw(true);
    }
  });
  picture.addEventListener("keydown", move);
}

/** The environments and the version of what is known now; `at` is {number, until} in a replay. */
export function update(found, newVersion, at = null) {
  environments = found;
  replay = at;
  version = newVersion;
  const options = found.map((each) => [String(each.number), `${each.number}: ${each.function}`]).reverse();
  setOptions(find("which"), [["", "the latest 3"], ...options]);
  draw();
}

function query() {
  const which = find("which").value;
  const numbers = latest(environments, LATEST).map((each) => each.number);
  const parts = new URLSearchParams({ environments: which || numbers.join(","), last: find("last").value });
  if (find("phase").value) parts.set("phase", find("phase").value);
  if (replay) {
    parts.set("recording", replay.number);
    parts.set("until", replay.until);
  }
  return parts.toString();
}

const moving = () => !replay && environments.some(({ state }) => ["busy", "initializing", "restoring", "ending"].includes(state));

/** Draw what has changed, unless the picture is to hold still: then only what the reader has `asked` for. */
async function draw(asked = false) {
  wanted = `${query()} ${replay ? "" : version}`;
  again ||= asked;
  if (fetching || (find("hold").checked && !again) || (wanted === drawn && !moving())) return;
  again = false;
  fetching = true;
  try {
    drawn = wanted;
    const found = await request(`/api/picture?${query()}`);
    pause = found.pauseMs;
    show(found);
  } catch {
    // the tool has ended, and the page says so
  } finally {
    setTimeout(() => {
      fetching = false;
      draw();
    }, pause);
  }
}

const plural = (count, words) => `${count} ${words}${count === 1 ? "" : "s"}`;

function show({ svg, leftOut, eventsLeftOut }) {
  const picture = find("picture");
  const missing = [];
  if (leftOut) missing.push(plural(leftOut, "earlier invocation"));
  if (eventsLeftOut) missing.push(`${plural(eventsLeftOut, "log line or other event")} of these phases`);
  find("left-out").textContent = missing.length ? `Not drawn: ${missing.join(", ")}; a recording has everything.` : "";
  if (!svg && find("phase").value) {
    find("phase").value = ""; // this phase is no longer kept
    draw(true);
    return;
  }
  if (!svg) {
    picture.replaceChildren(make("p", { className: "hint" }, "Nothing has run yet."));
    return;
  }
  const element = document.importNode(new DOMParser().parseFromString(svg, "image/svg+xml").documentElement, true);
  element.setAttribute("role", "group");
  const focused = [...picture.querySelectorAll("[data-hint]")].indexOf(document.activeElement);
  const shapes = [...element.querySelectorAll("[data-hint]")];
  for (const shape of shapes) {
    shape.setAttribute("tabindex", "-1");
    shape.setAttribute("role", "img");
    shape.setAttribute("aria-label", shape.dataset.hint);
  }
  const kept = [picture.scrollLeft, picture.scrollTop];
  picture.replaceChildren(element);
  [picture.scrollLeft, picture.scrollTop] = kept;
  setWidth(width);
  if (focused >= 0) (shapes[focused] ?? shapes.at(-1))?.focus({ preventScroll: true });
  const names = [...new Set([...element.querySelectorAll("[data-phase]")].map((each) => each.dataset.phase))];
  if (!find("phase").value) setOptions(find("phase"), [["", "all of them"], ...names.map((name) => [name, name])]);
}

function setWidth(index) {
  width = Math.min(Math.max(index, 0), WIDTHS.length - 1);
  find("width").textContent = `${WIDTHS[width]} %`;
  const svg = find("picture").querySelector("svg");
  if (svg) svg.setAttribute("width", `${WIDTHS[width]}%`);
  svg?.removeAttribute("height");
  find("narrower").disabled = width === 0;
  find("wider").disabled = width === WIDTHS.length - 1;
}

function describe(shape) {
  if (!shape) return;
  const kind = ["span", "mark", "subsegment"].find((each) => each in shape.dataset);
  const name = shape.dataset[kind];
  const lane = shape.closest("[data-lane]")?.dataset.lane;
  const known = kind === "subsegment" ? "" : name;
  find("details").replaceChildren(
    make("p", {}, make("strong", {}, lane ? `${lane}: ` : ""), shape.dataset.hint),
    make("p", { className: "hint" }, `What is this? ${textOf(kind, known, shape.dataset.hint)}`, ...more(kind, known)),
  );
}

/** The explanation, unless the hint of the shape begins with the same words. */
function textOf(kind, name, hint) {
  const text = explanationOf(kind, name)?.text ?? "";
  return hint.toLowerCase().includes(text.slice(0, -1).toLowerCase()) ? "" : `${text} `;
}

function move(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const shapes = [...find("picture").querySelectorAll("[data-hint]")];
  const index = shapes.indexOf(document.activeElement);
  const next = shapes[index < 0 ? 0 : Math.min(Math.max(index + step, 0), shapes.length - 1)];
  next?.focus();
  event.preventDefault();
}
