// The event editor and the buttons. An invocation is a request to the Invoke API, like that of the command under the button.

import { headers, request } from "./api.js";
import { find, make, problem, setOptions } from "./dom.js";
import { chooseOf, chosenEnvironment } from "./environments.js";

const MOST_ANSWERS = 10;
const MOST_CHARACTERS = 20000;
const MOST_IN_COMMAND = 200;
const MOST_WAITING = 4;
// A browser opens six connections to one address. One is for what the tool tells, and one stays free for the buttons.
let waiting = 0;
let about = null;
let replaying = false;
let connected = true;
let original = "{}";

export function setAbout(found) {
  about = found;
  setOptions(find("function"), about.functions.map(({ name }) => [name, name]));
  const files = about.events.map((name) => [`event:${name}`, `events/${name}`]);
  const kinds = about.kinds.map((name) => [`kind:${name}`, `local-lambda event ${name}`]);
  setOptions(find("sample"), [["", "{}"], ...files, ...kinds]);
  find("function").addEventListener("change", choose);
  find("sample").addEventListener("change", load);
  find("tenant").addEventListener("input", () => showCommands(chosenEnvironment()));
  find("event").addEventListener("input", () => {
    check();
    showCommands(chosenEnvironment());
  });
  for (const button of document.querySelectorAll("[data-action]")) {
    button.addEventListener("click", () => act(button.dataset.action));
  }
  choose();
}

/** The event of a function: the file whose name is the beginning of the function's, or the first. An edited one stays. */
function choose() {
  const name = find("function").value;
  find("tenant-label").hidden = !about.functions.find((each) => each.name === name)?.tenants;
  chooseOf(name);
  if (edited()) {
    showCommands(chosenEnvironment());
    return;
  }
  const begins = (file) => name.toLowerCase().startsWith(file.replace(/\.json$/, "").toLowerCase());
  const own = about.events.find(begins) ?? about.events[0];
  find("sample").value = own ? `event:${own}` : "";
  load();
}

async function load() {
  const [kind, name] = find("sample").value.split(":");
  const paths = { event: `/api/events/${encodeURIComponent(name)}`, kind: `/api/kinds/${name}` };
  try {
    find("event").value = kind ? (await request(paths[kind])).text : "{}";
    original = find("event").value;
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
  find("event").setAttribute("aria-invalid", String(Boolean(text)));
}

const edited = () => find("event").value !== original;

/** A word of a shell's command line. */
const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** What stands for the event in a command: a file, or something that a shell makes one of. */
function eventFile() {
  const [kind, name] = find("sample").value.split(":");
  const text = find("event").value.trim();
  if (!edited() && kind === "event") return quoted(`events/${name}`);
  if (!edited() && kind === "kind") return `<(local-lambda event ${name})`;
  return text.length > MOST_IN_COMMAND ? "FILE-WITH-THIS-EVENT" : `<(echo ${quoted(text || "{}")})`;
}

export function showCommands(environment) {
  if (!about) return;
  let lost = null;
  const file = eventFile();
  const tenant = find("tenant-label").hidden ? "" : find("tenant").value;
  find("chosen").textContent = environment ? `Environment ${environment.number} of ${environment.function}` : "No environment is chosen";
  find("url").textContent = about.commands.url.replaceAll("FUNCTION", find("function").value);
  for (const button of document.querySelectorAll("[data-action]")) {
    const command = about.commands[button.dataset.action]
      .replaceAll("FUNCTION", () => (tenant ? `${find("function").value} --tenant-id ${quoted(tenant)}` : find("function").value))
      .replaceAll("TENANT", () => (tenant ? `-H ${quoted(`X-Amz-Tenant-Id: ${tenant}`)} ` : ""))
      .replaceAll("EVENT", () => file)
      .replaceAll("PID", environment?.pid ?? "PID");
    const shown = button.nextElementSibling;
    if (shown.textContent !== command) shown.textContent = command;
    const own = ["freeze", "thaw", "kill", "shutdown"].includes(button.dataset.action);
    const focused = document.activeElement === button;
    button.disabled = replaying || !connected || (own && !can(button.dataset.action, environment?.state));
    if (focused && button.disabled) lost = button;
  }
  if (lost) document.querySelector(`[data-action="${OTHER[lost.dataset.action] ?? "invoke"}"]:not(:disabled)`)?.focus();
}

/** Where the focus goes from a button that can no longer be pressed. */
const OTHER = { freeze: "thaw", thaw: "freeze" };

function can(action, state) {
  if (action === "freeze") return state === "idle";
  if (action === "thaw") return state === "frozen";
  if (action === "kill") return ["idle", "busy", "initializing", "restoring", "frozen"].includes(state);
  return state !== undefined && state !== "ended" && state !== "snapshot";
}

export function setConnected(value) {
  if (connected === value) return;
  connected = value;
  showCommands(chosenEnvironment());
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
  if (waiting >= MOST_WAITING) {
    throw new Error(`${waiting} invocations from this page are not over yet. A browser takes no more at once: use the command.`);
  }
  waiting += 1;
  find("waiting").textContent = `${waiting} in progress`;
  try {
    await send(name, type);
  } finally {
    waiting -= 1;
    find("waiting").textContent = waiting ? `${waiting} in progress` : "";
  }
}

async function send(name, type) {
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
  const text = type === "Event" && response.ok ? "accepted; there is no response to wait for" : indented(body);
  const answer = make("li", {}, make("span", { className: failed ? "bad" : "" }, words), ` ${name}, ${took} ms, request ${id}`, make("pre", {}, text || body));
  const list = find("answer-list");
  list.querySelector(":scope > .hint")?.remove();
  list.prepend(answer);
  while (list.childElementCount > MOST_ANSWERS) list.lastElementChild.remove();
}

function indented(text) {
  let shown = text;
  try {
    shown = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // a streamed response may be any text
  }
  const { length } = shown;
  return length > MOST_CHARACTERS ? `${shown.slice(0, MOST_CHARACTERS)}… (${length} characters)` : shown;
}
