// Time by the server's clock, whatever this machine's says; shown in UTC, in the reader's zone, in both, or
// on a request's page in the zone its agent works in.
import { all, by, main, pad, prefer, root, say } from "./page.js";

let offset = (Date.parse(main.dataset.serverTime) || Date.now()) - Date.now();
export const serverNow = () => Date.now() + offset;
export const heardTime = (iso) => {
  const heard = Date.parse(iso);
  if (!Number.isNaN(heard)) offset = heard - Date.now();
};
export const utcTime = (moment) => new Date(moment).toISOString().slice(11, 19);

// --- how long is left ------------------------------------------------------------------------

const leftInWords = (seconds) => {
  if (seconds <= 0) return "Time is up, waiting for the service";
  const exact = `${Math.floor(seconds / 60)}:${pad(seconds % 60)} left`;
  if (seconds < 60) return `Under 1 min · ${exact}`;
  if (seconds < 300) return `Under 5 min · ${exact}`;
  return `${span(seconds)} left`;
};

const span = (seconds) => {
  const minutes = Math.floor(seconds / 60);
  if (seconds < 60) return `${seconds} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  const days = Math.floor(hours / 24);
  const unit = days === 1 ? "day" : "days";
  return hours % 24 ? `${days} ${unit} ${hours % 24} h` : `${days} ${unit}`;
};

// Said once each, when the clock passes them: a window in the background may skip seconds.
const SPOKEN = { 600: "10 minutes left", 300: "5 minutes left", 60: "1 minute left" };
let secondsBefore = Infinity;
const speak = (seconds, clock) => {
  const passed = Object.keys(SPOKEN).map(Number).filter((at) => secondsBefore > at && seconds <= at);
  if (Number.isFinite(secondsBefore) && passed.length) {
    say(`${SPOKEN[Math.min(...passed)]}${clock.dataset.then ? `, ${clock.dataset.then}` : ""}.`);
  }
  secondsBefore = seconds;
};
const write = (node, words) => { if (node.textContent !== words) node.textContent = words; };

export const tick = () => {
  for (const clock of all("[data-countdown]")) {
    const seconds = Math.floor((Date.parse(clock.dataset.countdown) - serverNow()) / 1000);
    write(clock, leftInWords(seconds));
    const urgency = seconds < 60 ? "now" : seconds < 300 ? "soon" : "calm";
    const around = clock.closest("[data-urgency]");
    if (around && around.dataset.urgency !== urgency) around.dataset.urgency = urgency;
    if (main.dataset.page === "request") speak(seconds, clock);
  }
  for (const time of all("time[data-ago]")) showAge(time);
  for (const time of all("time[datetime]")) showZone(time);
};

// Beside a moment, how long ago it was; after a week the date says it better.
const showAge = (time) => {
  const seconds = Math.floor((serverNow() - Date.parse(time.dateTime)) / 1000);
  let age = time.nextElementSibling;
  if (!age?.matches(".ago")) {
    age = document.createElement("span");
    age.className = "ago";
    time.after(age);
  }
  const isNear = Math.abs(seconds) < 7 * 86_400;
  const rounded = span(Math.abs(seconds));
  write(age, !isNear ? "" : seconds >= 0 ? ` · ${rounded} ago` : ` · in ${rounded}`);
};

// --- zones -----------------------------------------------------------------------------------

const PATTERN = /(?:(\p{L}+day) )?(?:(\d{1,2}) (\p{L}{3})(?: (\d{4}))?,? )?(\d\d):(\d\d)(:\d\d)?( UTC)?/u;
const said = new WeakMap();
// `timeZone` is a name of the zone database; undefined means the reader's own.
const told = (moment, options) => new Intl.DateTimeFormat("en-GB", options).format(moment);
const clockOf = (moment, withSeconds, timeZone) =>
  told(moment, { timeZone, hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(withSeconds && { second: "2-digit" }) });
const dayOf = (moment, withYear, timeZone) =>
  told(moment, { timeZone, day: "numeric", month: "short", ...(withYear && { year: "numeric" }) });
const zoneName = (moment, timeZone) =>
  new Intl.DateTimeFormat("en-GB", { timeZone, timeZoneName: "short" }).formatToParts(moment)
    .find((part) => part.type === "timeZoneName").value;

const inZone = (utc, moment, timeZone) =>
  utc.replace(PATTERN, (_, weekday, day, _month, year, _hour, _minute, seconds) => {
    const otherDay = told(moment, { timeZone, day: "numeric" }) !== String(moment.getUTCDate());
    const date = day || otherDay ? `${dayOf(moment, Boolean(year), timeZone)}, ` : "";
    const named = weekday ? `${told(moment, { timeZone, weekday: "long" })} ` : "";
    return `${named}${date}${clockOf(moment, seconds, timeZone)} ${zoneName(moment, timeZone)}`;
  });

// Where the agent of this page's request works; nothing where nobody said, or this browser knows no such zone.
const readable = (timeZone) => {
  try {
    return timeZone && told(0, { timeZone }) ? timeZone : "";
  } catch {
    return "";
  }
};
const agentZone = readable(main.dataset.agentZone);

// Where the record is read, UTC stays and leads; another zone stands beside it.
const beside = (time, words) => {
  let here = time.nextElementSibling;
  if (!here?.matches(".here")) {
    here = document.createElement("span");
    here.className = "here";
    time.after(here);
  }
  write(here, words);
};

const showZone = (time) => {
  if (!said.has(time)) said.set(time, time.textContent);
  const utc = said.get(time);
  const moment = new Date(time.dateTime);
  if (!PATTERN.test(utc) || Number.isNaN(moment.getTime())) return;
  const mine = inZone(utc, moment);
  const agents = agentZone && inZone(utc, moment, agentZone);
  if ("leads" in time.dataset) beside(time, { mine, both: mine, agent: agents }[zoneNow()] ?? "");
  else write(time, { mine, both: `${utc} (${mine})`, agent: agents }[zoneNow()] ?? utc);
  const where = agents ? `, at the agent ${agents}` : "";
  const title = `${utc.includes("UTC") ? utc : `${utc} UTC`}, here ${mine}${where}`;
  if ("main" in time.dataset) tellOnFocus(time, title);
  else if (time.title !== title) time.title = title;
};

// The main times of a page can be reached by key and by touch, and tell every zone there; all of them would
// be too many stops on the way to the buttons.
let tips = 0;
const tellOnFocus = (time, words) => {
  let tip = by(time.getAttribute("aria-describedby"));
  if (!tip) {
    tip = document.createElement("span");
    tip.className = "tip";
    tip.setAttribute("role", "tooltip");
    tip.id = `zones-${(tips += 1)}`;
    time.tabIndex = 0;
    time.setAttribute("aria-describedby", tip.id);
    time.parentElement.append(tip);
  }
  write(tip, words);
};

const ZONES = {
  utc: "Times in UTC",
  mine: "Times in my zone",
  ...(agentZone && { agent: `Agent’s times, ${agentZone}` }),
  both: "Times in both zones",
};
// Who prefers the agent's zone reads UTC wherever there is none.
const zoneNow = () => (root.dataset.zone in ZONES ? root.dataset.zone : "utc");
export const nextZone = () => {
  const names = Object.keys(ZONES);
  prefer("time_zone", names[(names.indexOf(zoneNow()) + 1) % names.length]);
  nameZone();
  say(ZONES[zoneNow()]);
  tick();
};
const nameZone = () => write(by("zone-switch"), ZONES[zoneNow()]);

export const beginTime = () => {
  tick();
  setInterval(tick, 1000);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !event.target.matches("time[data-main]")) return;
    event.preventDefault(); // what it closes is the tip, not the page
    event.target.blur();
  });
  const form = by("zone-form");
  if (!form) return;
  form.hidden = false;
  nameZone();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    nextZone();
  });
};
