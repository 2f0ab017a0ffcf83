// The trace trees, the newest first. The tool draws them as the terminal shows them.

import { find, make } from "./dom.js";

const MOST = 20;

export function add(traces) {
  const list = find("trace-list");
  const [newest] = list.children;
  if (traces.length && newest && !newest.dataset.touched) newest.open = false; // one that the reader has opened stays open
  if (traces.length) list.querySelector(":scope > .hint")?.remove();
  for (const trace of traces) {
    const bad = trace.lines.some((line) => line.bad);
    const lines = trace.lines.map((line) => make("span", { className: line.bad ? "bad" : "" }, `${line.text}\n`));
    const title = `environment ${trace.environment}, request ${trace.request}${bad ? ", with trouble" : ""}`;
    const tree = make("details", { className: "trace", open: trace === traces.at(-1) }, make("summary", {}, title), make("pre", { tabIndex: 0 }, ...lines));
    tree.firstElementChild.addEventListener("click", () => (tree.dataset.touched = "true"));
    list.prepend(tree);
  }
  while (list.childElementCount > MOST) list.lastElementChild.remove();
}

export function set(traces) {
  find("trace-list").replaceChildren(make("p", { className: "hint" }, "No traced invocation yet. A function is traced with Tracing: Active in its template."));
  add(traces);
}
