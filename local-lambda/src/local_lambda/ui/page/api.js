// Requests to the tool. The token is in the part of the printed link that browsers do not send; it stays in this tab.

const KEY = "token";
const LINK = /^#[0-9a-f]{32}$/;
if (LINK.test(location.hash)) {
  sessionStorage.setItem(KEY, location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
}
// The link of another run of the tool, opened in this tab: only the part after the address differs.
addEventListener("hashchange", () => {
  if (LINK.test(location.hash)) location.reload();
});

export function headers(more = {}) {
  return { "X-Local-Lambda-Token": sessionStorage.getItem(KEY) ?? "", ...more };
}

/** The JSON of a response; throws an Error with the tool's message. */
export async function request(path, options = {}) {
  const response = await fetch(path, { ...options, headers: headers(options.headers) });
  const document = await response.json();
  if (!response.ok) throw new Error(document.message ?? document.Message ?? `status ${response.status}`);
  return document;
}

/** Call `begin()` when the tool answers, and `take(event, data)` for each server-sent event until it cannot be reached. */
export async function listen(begin, take) {
  const response = await fetch("/api/stream", { headers: headers() });
  if (!response.ok) throw new Error((await response.json()).message);
  begin();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const messages = (rest + value).split("\n\n");
    rest = messages.pop();
    for (const message of messages) {
      const [event, data] = message.split("\n");
      take(event.slice("event: ".length), JSON.parse(data.slice("data: ".length)));
    }
  }
}
