// "What is this?": the texts come from the tool, and are also at the end of the page.

import { find, make } from "./dom.js";

let known = {};

export function explanationOf(kind, name) {
  return known[kind]?.[name] ?? known[kind]?.[""];
}

/** Where else to read: an entry below, and two files of the repository. */
export function more(kind, name) {
  const id = `term-${kind}-${known[kind][name] ? name : ""}`;
  return [make("a", { href: `#${id}` }, "all explanations"), " · ", ...files(explanationOf(kind, name))];
}

/** The files: links, if the tool knows where they are. */
function files({ term, lesson, glossary, walkthrough }) {
  const link = (href, text) => (href ? make("a", { href, target: "_blank", rel: "noopener" }, text) : text);
  return ["glossary: ", link(glossary, term), " · walkthrough: ", link(walkthrough, lesson)];
}

export function explain(kind, name) {
  const found = explanationOf(kind, name);
  if (!found) return;
  find("explain-title").textContent = name;
  find("explain-text").textContent = found.text;
  find("explain-more").replaceChildren(...more(kind, name));
  find("explain").showModal();
}

export function setExplanations(explanations) {
  known = explanations;
  const terms = [];
  for (const [kind, names] of Object.entries(known)) {
    for (const [name, found] of Object.entries(names)) {
      terms.push(make("dt", { id: `term-${kind}-${name}` }, name ? `${name} (${kind})` : kind));
      terms.push(make("dd", {}, found.text, " ", make("span", { className: "hint" }, ...files(found))));
    }
  }
  find("terms").replaceChildren(...terms);
  find("explain").addEventListener("click", (event) => {
    if (event.target.closest("a") || event.target === find("explain")) find("explain").close(); // itself: beside the text
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("a[href^='#term-']")) find("all-terms").open = true;
  });
}
