// The line to the server: what changed is heard here, and fetched; without a line the page asks by itself.
import { showLost, wordLost, wordSignedOut } from "./lost.js";
import { by, main } from "./page.js";
import { heardTime, serverNow, tick } from "./time.js";

const LOST_AFTER = 8000;
// One page asks at most this often, however much happens.
const LEAST_REST = 1000;
const POLL = { hidden: 60_000, lost: 3000, live: 30_000 };

let paused = false;
let ended = false;
let socket = null;
let heardAt = 0;
// What fails now: the line, or the answers to what was asked; and when the first of them began to.
const failing = new Set();
let lostAt = 0;
let attempts = 0;
let page = null;

// --- what people see of it -------------------------------------------------------------------

const showState = () => {
  const state = paused ? "paused" : lostAt ? "lost" : heardAt ? "live" : "still";
  by("live-note").dataset.state = state;
  const words = { paused: "Paused", lost: "Not live", live: "Live" }[state];
  if (words && by("live-state").textContent !== words) by("live-state").textContent = words;
  showLost(lostAt && !paused);
};

const lost = (what) => {
  if (ended) return;
  failing.add(what);
  if (lostAt) return;
  lostAt = serverNow();
  wordLost(lostAt);
  showState();
};

// A line that is heard says nothing of answers that fail: only an answer does.
const back = (what) => {
  failing.delete(what);
  if (!lostAt || failing.size) return;
  lostAt = 0;
  page.again?.();
};

const found = () => {
  if (ended) return;
  heardAt = Date.now();
  attempts = 0;
  const wasLost = lostAt;
  back("line");
  if (wasLost) refreshSoon();
  showState();
};

const signedOut = () => {
  ended = true;
  lostAt = serverNow();
  wordSignedOut();
  showState();
};

// --- hearing -----------------------------------------------------------------------------------

const connect = () => {
  if (ended) return;
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const line = new WebSocket(`${scheme}://${location.host}/ws/live`);
  socket = line;
  let isNew = true;
  line.addEventListener("message", (event) => {
    const said = JSON.parse(event.data);
    found();
    if (said.type === "alive") heardTime(said.now);
    if (said.type === "alive" && isNew) missedSince(said.changed);
    if (said.type === "changed") heardChange(said);
    isNew = false;
  });
  line.addEventListener("close", (event) => {
    if (line !== socket) return;
    if (event.code === 4401) return signedOut();
    attempts += 1;
    setTimeout(() => socket === line && lost("line"), attempts > 1 ? 0 : 2000);
    setTimeout(() => socket === line && connect(), Math.min(1000 * 2 ** attempts, 30_000));
  });
};

// What changed between the drawing of this page and the first word on the line was not heard.
const missedSince = (changed) => {
  if (changed * 1000 > readAt - 2000) refreshSoon({ heard: changed });
};

const heardChange = (said) => {
  newest = said.heard ?? newest;
  if (paused || ended) return;
  if (page.hear(said, readAt)) refreshSoon(said);
};

// --- fetching what changed ---------------------------------------------------------------------

let wanted = false;
let busy = false;
let stamp = "";
let newest = 0;
let readAt = Date.parse(main.dataset.serverTime) || 0;
const rest = (milliseconds) => new Promise((go) => setTimeout(go, milliseconds));

// Pages that hear the same news at once spread over the time the service names.
export const refreshSoon = (said = {}) => {
  if (paused || ended || !main.dataset.live) return;
  wanted = true;
  stamp = said.heard ? String(said.heard) : "";
  if (!busy) refresh(said.spread ?? 0);
};

const refresh = async (spread) => {
  busy = true;
  await rest(Math.random() * spread * 1000);
  while (wanted) {
    wanted = false;
    const began = Date.now();
    await fetchOnce();
    await rest(Math.max(LEAST_REST, spread * 1000 - (Date.now() - began)));
  }
  busy = false;
};

const QUIET = 300;
const fetchOnce = async () => {
  const waits = setTimeout(() => { by("live-note").dataset.waits = ""; }, QUIET);
  try {
    const heard = stamp ? `&heard=${encodeURIComponent(stamp)}` : "";
    const answer = await fetch(`${page.address()}${heard}`, { headers: { "X-Live": "1" }, cache: "no-store" });
    if (answer.status === 401) return signedOut();
    if (!answer.ok) return lost("answers");
    heardTime(answer.headers.get("X-Server-Time"));
    readAt = Date.parse(answer.headers.get("X-Server-Time")) || readAt;
    page.draw(new DOMParser().parseFromString(await answer.text(), "text/html"));
    back("answers");
    showState();
    tick();
  } catch {
    lost("answers");
  } finally {
    clearTimeout(waits);
    delete by("live-note").dataset.waits;
  }
};

let polledAt = Date.now();
const poll = () => {
  if (heardAt && Date.now() - heardAt > LOST_AFTER) lost("line");
  const every = document.hidden ? POLL.hidden : lostAt ? POLL.lost : POLL.live;
  if (Date.now() - polledAt < every) return;
  polledAt = Date.now();
  if (wanted) return;
  // On a line that is heard, whatever was read since the last news will do; else nothing but a reading anew.
  refreshSoon(heardAt && !lostAt ? { heard: Math.max(newest, readAt / 1000) } : {});
};

// `livePage` says whether what it hears must be asked for, where to ask, and how to draw the answer.
export const beginLine = (livePage) => {
  page = livePage;
  by("live-pause").hidden = false;
  by("live-pause").addEventListener("click", () => {
    paused = !paused;
    by("live-pause").textContent = paused ? "Go on" : "Pause";
    by("live-pause").setAttribute("aria-pressed", String(paused));
    showState();
    refreshSoon();
  });
  by("live-retry").addEventListener("click", () => {
    if (ended) return location.reload();
    refreshSoon();
    connect();
  });
  document.addEventListener("visibilitychange", () => document.hidden || refreshSoon());
  setInterval(poll, 1000);
  connect();
};
