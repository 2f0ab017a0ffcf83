// Puts the parts together: what the tool sends goes to the views, unless a recording is shown.

import { listen, request } from "./api.js";
import { find, problem } from "./dom.js";
import * as environments from "./environments.js";
import { setExplanations } from "./explain.js";
import * as invoke from "./invoke.js";
import * as logs from "./logs.js";
import * as picture from "./picture.js";
import * as replay from "./replay.js";
import * as traces from "./traces.js";

const RETRY_MS = 1000;
const KEPT_LINES = 300;
const KEPT_TRACES = 20;
const live = { snapshot: { environments: [], version: 0 }, lines: [], traces: [] };
let ended = false;

function connection(text, isLive) {
  if (find("connection").textContent !== text) find("connection").textContent = text;
  find("connection").classList.toggle("live", isLive);
  invoke.setConnected(isLive);
}

function take(event, data) {
  if (event === "snapshot") live.snapshot = data;
  if (event === "lines") live.lines = [...live.lines, ...data.lines].slice(-KEPT_LINES);
  if (event === "traces") live.traces = [...live.traces, ...data].slice(-KEPT_TRACES);
  if (event === "end") ended = true;
  if (replay.replaying()) return;
  if (event === "snapshot") showLive();
  if (event === "lines") logs.add(data.lines, data.skipped);
  if (event === "traces") traces.add(data);
}

function showLive() {
  environments.update(live.snapshot.environments);
  picture.update(live.snapshot.environments, live.snapshot.version);
}

function showRecording({ environments: found, lines, traces: trees }, at) {
  if (find("replay").dataset.shown !== String(at.number)) {
    environments.clear();
    find("phase").value = "";
    invoke.setReplaying(true);
  }
  find("replay").dataset.shown = String(at.number);
  environments.update(found);
  picture.update(found, 0, at);
  logs.set(lines);
  traces.set(trees);
}

function backToLive() {
  find("replay").dataset.shown = "";
  find("phase").value = "";
  invoke.setReplaying(false);
  environments.clear();
  logs.set(live.lines);
  traces.set(live.traces);
  showLive();
}

/** The tool answers: it sends what it knows from the beginning. What was shown until now stays if it does not. */
function begin() {
  live.lines = [];
  live.traces = [];
  if (!replay.replaying()) {
    logs.set([]);
    traces.set([]);
  }
  problem("");
  connection("live", true);
}

async function follow() {
  while (!ended) {
    try {
      await listen(begin, take);
    } catch (error) {
      if (!(error instanceof TypeError)) problem(error.message); // the tool has answered, with a refusal
    }
    connection("not connected, trying again", false);
    if (!ended) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  connection("the tool has ended", false);
}

try {
  const about = await request("/api/about");
  find("template").textContent = about.title;
  setExplanations(about.explanations);
  environments.setFunctions(about.functions.map(({ name }) => name), invoke.showCommands);
  invoke.setAbout(about);
  picture.start();
  logs.start();
  replay.start(showRecording, backToLive);
  await follow();
} catch (error) {
  connection("not connected", false);
  problem(error.message);
}
