// A recording in place of the live run: loaded into the tool, and shown as it was at a time.

import { request } from "./api.js";
import { find, problem } from "./dom.js";

const STEP_MS = 50;
let loaded = null;
let until = 0;
let timer = 0;
let asking = false;
let show = () => {};
let leave = () => {};

export const replaying = () => loaded !== null;

/** `onShow` gets what the recording has at a time, `onLeave` is called on the way back to the live run. */
export function start(onShow, onLeave) {
  show = onShow;
  leave = onLeave;
  find("recording").addEventListener("change", load);
  find("play").addEventListener("click", () => (timer ? stop() : play()));
  find("until").addEventListener("input", () => seek(Number(find("until").value)));
  find("back").addEventListener("click", back);
}

async function load() {
  const [file] = find("recording").files;
  if (!file) return;
  try {
    const found = await request(`/api/recordings?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
    loaded = { ...found, ms: (found.end - found.began) * 1000 };
    problem("");
  } catch (error) {
    problem(error.message);
    return;
  } finally {
    find("recording").value = "";
  }
  find("replay").hidden = false;
  find("replay-name").textContent = `Replay of ${loaded.name}`;
  find("until").max = String(loaded.ms);
  stop();
  seek(loaded.ms);
}

function play() {
  if (until >= loaded.ms) until = 0;
  find("play").textContent = "Pause";
  timer = setInterval(() => {
    seek(Math.min(until + STEP_MS * Number(find("speed").value), loaded.ms));
    if (until >= loaded.ms) stop();
  }, STEP_MS);
}

function stop() {
  clearInterval(timer);
  timer = 0;
  find("play").textContent = "Play";
}

async function seek(ms) {
  until = ms;
  find("until").value = String(ms);
  const text = `${(ms / 1000).toFixed(2)} of ${(loaded.ms / 1000).toFixed(2)} s`;
  find("replay-time").textContent = text;
  find("until").setAttribute("aria-valuetext", text);
  if (asking) return;
  asking = true;
  try {
    let asked;
    do {
      asked = until;
      const at = asked >= loaded.ms ? loaded.end : loaded.began + asked / 1000;
      const { number } = loaded;
      const found = await request(`/api/recordings/${number}?${new URLSearchParams({ until: at })}`);
      if (loaded?.number === number) show(found, { number, until: at });
    } while (loaded && asked !== until);
  } catch (error) {
    problem(error.message);
  } finally {
    asking = false;
  }
}

function back() {
  stop();
  loaded = null;
  find("replay").hidden = true;
  leave();
}
