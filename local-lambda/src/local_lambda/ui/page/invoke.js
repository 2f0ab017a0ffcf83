// The event editor and the buttons. An invocation is a request to the Invoke API, like that of the command under the button.

import { headers, request } from "./api.js";
import { find, make, problem, setOptions } from "./dom.js";
import { chosenEnvironment } from "./environments.js";

const MOST_ANSWERS = 10;
let about = null;
let replaying = false;

export function setAbout(found) {
  about = found;
  setOptions(find("function"), about.functions.map(({ name }) => [name, name]));
  const files = about.events.map((name) => [`event:${name}`, `events/${name}`]);
  const kinds = about.kinds.map((name) => [`kind:${name}`, `local-lambda event ${name}`]);
  setOptions(find("sample"), [["", "{}"], ...files, ...kinds]);
  find("function").addEventListener("change", choose);
  find("sample").addEventListener("change", load);
  find("event").addEventListener("input", check);
  for (const button of document.querySelectorAll("[data-action]")) {
    button.addEventListener("click", () => act(button.dataset.action));
  }
  choose();
}

/** The event of a function: the file whose name is the beginning of the function's, or the first. */
function choose() {
  const name = find("function").value.toLowerCase();
  const own = about.events.find((file) => name.startsWith(file.replace(/\.json$/, "").toLowerCase())) ?? about.events[0];
  find("sample").value = own ? `event:${own}` : "";
  find("tenant-label").hidden = !about.functions.find((each) => each.name === find("function").value)?.tenants;
  load();
}

async function load() {
  const [kind, name] = find("sample").value.split(":");
  const paths = { event: `/api/events/${encodeURIComponent(name)}`, kind: `/api/kinds/${name}` };
  try {
    find("event").value = kind ? (await request(paths[kind])).text : "{}";
    problem("");
  } catch (error) {
    problem(error.message);
  }
  check();
  showCommands(chosenEnvironment());
}

function check() {
  let text = "";
  try {
    JSON.parse(find("event").value || "{}");
  } catch (error) {
    text = `This is not JSON, so Lambda will refuse it: ${error.message}`;
  }
  find("event-problem").textContent = text;
}

export function showCommands(environment) {
  if (!about) return;
  const [kind, name] = find("sample").value.split(":");
  const file = kind === "event" ? `events/${name}` : kind === "kind" ? `<(local-lambda event ${name})` : "event.json";
  find("chosen").textContent = environment ? `Environment ${environment.number} of ${environment.function}` : "No environment is chosen";
  find("url").textContent = about.commands.url.replaceAll("FUNCTION", find("function").value);
  for (const button of document.querySelectorAll("[data-action]")) {
    const command = about.commands[button.dataset.action]
      .replaceAll("FUNCTION", find("function").value)
      .replaceAll("EVENT", file)
      .replaceAll("PID", environment?.pid ?? "PID");
    const shown = button.nextElementSibling;
    if (shown.textContent !== command) shown.textContent = command;
    const own = ["freeze", "thaw", "kill", "shutdown"].includes(button.dataset.action);
    button.disabled = replaying || (own && !can(button.dataset.action, environment?.state));
  }
}

function can(action, state) {
  if (action === "freeze") return state === "idle";
  if (action === "thaw") return state === "frozen";
  if (action === "kill") return ["idle", "busy", "initializing", "restoring", "frozen"].includes(state);
  return state !== undefined && state !== "ended" && state !== "snapshot";
}

export function setReplaying(value) {
  replaying = value;
  showCommands(chosenEnvironment());
}

async function act(action) {
  problem("");
  const name = find("function").value;
  const environment = chosenEnvironment();
  try {
    if (action === "invoke") await invoke(name);
    else if (action === "twice") await Promise.all([invoke(name), invoke(name)]);
    else if (action === "event") await invoke(name, "Event");
    else if (action === "cold") {
      await request(`/api/functions/${encodeURIComponent(name)}/end`, { method: "POST" });
      await invoke(name);
    } else if (environment) {
      await request(`/api/environments/${environment.number}/${action}`, { method: "POST" });
    }
  } catch (error) {
    problem(error.message);
  }
}

async function invoke(name, type = "RequestResponse") {
  const more = { "X-Amz-Invocation-Type": type };
  if (!find("tenant-label").hidden) more["X-Amz-Tenant-Id"] = find("tenant").value;
  const began = performance.now();
  const path = `/2015-03-31/functions/${encodeURIComponent(name)}/invocations`;
  const response = await fetch(path, { method: "POST", body: find("event").value, headers: headers(more) });
  const body = await response.text();
  const took = (performance.now() - began).toFixed(0);
  const failed = !response.ok || response.headers.has("X-Amz-Function-Error");
  const id = response.headers.get("x-amzn-RequestId") ?? "";
  const words = `${response.status}${response.headers.has("X-Amz-Function-Error") ? ", function error" : ""}`;
  const text = type === "Event" ? "accepted; there is no response to wait for" : indented(body);
  const answer = make("li", {}, make("span", { className: failed ? "bad" : "" }, words), ` ${name}, ${took} ms, request ${id}`, make("pre", {}, text || body));
  const list = find("answer-list");
  list.querySelector(":scope > .hint")?.remove();
  list.prepend(answer);
  while (list.childElementCount > MOST_ANSWERS) list.lastElementChild.remove();
}

function indented(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2).slice(0, 20000);
  } catch {
    return text.slice(0, 20000);
  }
}
