// The log lanes: the latest lines, filtered. The recording has all of them.

import { find, make, setOptions } from "./dom.js";

const KEPT = 1000;
const SHOWN = 400;
let lines = [];
let skipped = 0;
const lanes = new Set();
const numbers = new Set();

export function start() {
  for (const id of ["filter", "lane", "log-environment", "bad-only"]) find(id).addEventListener("input", redraw);
}

export function add(found, missed = 0) {
  skipped += missed;
  lines.push(...found);
  if (lines.length > KEPT) lines = lines.slice(-KEPT);
  learn(found);
  const list = find("lines");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 30;
  if (missed) list.append(make("li", { className: "skipped" }, `… ${missed} lines are not shown; a recording has them`));
  list.append(...found.filter(matches).map(element));
  while (list.childElementCount > SHOWN) list.firstElementChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
  count();
}

/** Show these lines and no others: those of a replay. */
export function set(found) {
  lines = found;
  skipped = 0;
  lanes.clear();
  numbers.clear();
  learn(found);
  redraw();
}

function learn(found) {
  for (const { lane, environment } of found) {
    lanes.add(lane);
    numbers.add(environment);
  }
  setOptions(find("lane"), [["", "all"], ...[...lanes].sort().map((lane) => [lane, lane])]);
  setOptions(find("log-environment"), [["", "all"], ...[...numbers].sort((a, b) => a - b).map((each) => [String(each), String(each)])]);
}

function matches({ lane, environment, text, bad }) {
  const wanted = find("filter").value.toLowerCase();
  return (
    (!wanted || text.toLowerCase().includes(wanted)) &&
    (!find("lane").value || lane === find("lane").value) &&
    (!find("log-environment").value || String(environment) === find("log-environment").value) &&
    (!find("bad-only").checked || bad)
  );
}

function element({ at, environment, lane, text, bad }) {
  const time = new Date(at * 1000).toISOString().slice(11, 23);
  return make(
    "li",
    {},
    make("time", {}, time),
    make("span", { className: "number" }, `#${environment}`),
    make("span", { className: "lane", title: lane }, lane),
    make("span", { className: bad ? "bad" : "" }, text),
  );
}

function redraw() {
  find("lines").replaceChildren(...lines.filter(matches).slice(-SHOWN).map(element));
  find("lines").scrollTop = find("lines").scrollHeight;
  count();
}

function count() {
  const shown = find("lines").querySelectorAll("li:not(.skipped)").length;
  find("log-count").textContent = `${shown} of the last ${lines.length} lines${skipped ? `, ${skipped} left out` : ""}`;
}
