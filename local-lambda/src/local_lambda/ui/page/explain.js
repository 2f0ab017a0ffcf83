// "What is this?": the texts come from the tool, and are also at the end of the page.

import { find, make } from "./dom.js";

let known = {};

export function explanationOf(kind, name) {
  return known[kind]?.[name] ?? known[kind]?.[""];
}

/** Where else to read: an entry below, and the files of the repository. */
export function more(kind, name) {
  const found = explanationOf(kind, name);
  const id = `term-${kind}-${known[kind][name] ? name : ""}`;
  return [
    make("a", { href: `#${id}` }, "all explanations"),
    ` · glossary (GLOSSARY.md): ${found.term} · walkthrough: ${found.lesson}/README.md`,
  ];
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
    for (const [name, { text, term, lesson }] of Object.entries(names)) {
      terms.push(make("dt", { id: `term-${kind}-${name}` }, name ? `${name} (${kind})` : kind));
      terms.push(make("dd", {}, text, " ", make("span", { className: "hint" }, `GLOSSARY.md: ${term}; ${lesson}/README.md`)));
    }
  }
  find("terms").replaceChildren(...terms);
  find("explain").addEventListener("click", (event) => {
    if (event.target.closest("a")) find("explain").close();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("a[href^='#term-']")) find("all-terms").open = true;
  });
}
