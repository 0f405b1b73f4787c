// The queue: rows change in place and never move; new ones wait behind a button.
import { all, by, main, say } from "./page.js";
import { differs, isSelected, remember } from "./parts.js";
import { serverNow, tick } from "./time.js";
import { showWaiting } from "./waiting.js";

export const isQueue = main.dataset.page === "queue";
const rows = () => all("#rows tr[data-ref]");

// Closed rows stay as they are until the list is drawn anew, so they are not asked for again.
const address = () => {
  const refs = rows()
    .filter((row) => !("closed" in row.dataset))
    .map((row) => `${row.dataset.ref}~${row.dataset.mark}`);
  const closed = rows().filter((row) => "closed" in row.dataset).map((row) => row.dataset.ref);
  return `${main.dataset.live}&known=${refs.join(",")}&closed=${closed.join(",")}`;
};

const draw = (fresh) => {
  const read = Number(fresh.querySelector("[data-read]")?.dataset.read);
  for (const row of all('[data-part="known"] tr', fresh)) swapRow(row, read);
  drawCounts(countsOf(fresh), read);
  drawAlarms(fresh.querySelector('[data-part="alarms"]'), read);
  offerNew(all('[data-part="new"] tr', fresh).map((row) => row.dataset.ref));
};

const rowsOf = (html) => all("tr", new DOMParser().parseFromString(`<table>${html}</table>`, "text/html"));

// Rows that closed or changed come drawn; what may belong here and is not shown must be asked for.
const hear = (said, readAt) => {
  if (!("closed" in said)) return true;
  const closed = rowsOf(said.closed);
  const waiting = rowsOf(said.open);
  for (const row of [...closed, ...waiting]) swapRow(row, said.read);
  const refs = new Set(closed.map((row) => row.dataset.ref));
  offerNew(offered.filter((ref) => !refs.has(ref)));
  if (said.counts) drawCounts(said.counts, said.read);
  tick();
  const isNew = said.newest * 1000 > readAt - 2000;
  return said.rest || waiting.some((row) => !by(row.id) && (isNew || mayBelong(row)));
};

// Whether a row that is older than this page may have come to belong to it.
const mayBelong = (row) => {
  const { tab = "mine", ...filters } = Object.fromEntries(new URL(main.dataset.live, location.href).searchParams);
  const isFiltered = ["risk", "agent", "team", "policy", "rule", "namespace", "left"].some((name) => filters[name]);
  if (tab === "mine" && !isFiltered) return Boolean(row.querySelector(".needs-you"));
  return tab !== "all" || isFiltered;
};

// A row whose text is just being selected changes afterwards.
const held = new Map();
const drawHeld = () => {
  for (const row of [...held.values()]) swapRow(row);
};

// When what a row shows was read: an answer that was on its way while newer words came is left out.
const readOf = new Map();
const isOlder = (row, read) => {
  if (read < readOf.get(row.id)) return true;
  if (read) readOf.set(row.id, read);
  return false;
};

const swapRow = (row, read) => {
  const shown = by(row.id);
  if (!shown || isOlder(row, read)) return;
  held.delete(row.id);
  if (!differs(row.id, row)) return;
  const wasClosed = "closed" in shown.dataset;
  if (wasClosed && !("closed" in row.dataset)) return;
  if (isSelected(shown)) {
    held.set(row.id, row);
    return;
  }
  const next = document.importNode(row, true);
  remember(row.id, next);
  if ("closed" in next.dataset && !wasClosed) {
    say(`${next.dataset.ref}: ${next.querySelector(".badge[class*=status]").textContent}`);
  }
  keepTick(shown, next);
  const focused = shown.contains(document.activeElement) && document.activeElement.matches("input") ? "input" : "a";
  const hadFocus = shown.contains(document.activeElement);
  if (shown.dataset.fold) next.dataset.fold = shown.dataset.fold;
  next.toggleAttribute("data-open", shown.hasAttribute("data-open"));
  keepHeight(shown, next);
  shown.replaceWith(next);
  countTicked();
  if (hadFocus) (next.querySelector(focused) ?? next.querySelector("a")).focus({ preventScroll: true });
};

// Fewer words must not pull up what stands below, which somebody may be about to click.
const keepHeight = (shown, next) => {
  const { height } = shown.getBoundingClientRect();
  if (!height) return;
  const isRow = getComputedStyle(shown).display === "table-row";
  next.style.setProperty(isRow ? "height" : "min-height", `${height}px`);
};

const keepTick = (shown, next) => {
  const [before, after] = [shown.querySelector('[name="ref"]'), next.querySelector('[name="ref"]')];
  if (before && after) after.checked = before.checked;
  if (before?.checked && !after) say(`${next.dataset.ref} is no longer selected: it was decided.`);
};

// The name of a row's link says how long is left, in whole minutes; where the focus is it changes later, for
// whoever listens would hear it all again.
const counted = (count, unit) => (count ? `${count} ${unit}${count === 1 ? "" : "s"} ` : "");
const leftSpoken = (seconds) => {
  if (seconds <= 0) return "time is up";
  if (seconds < 60) return "under a minute left";
  const minutes = Math.floor(seconds / 60);
  const days = Math.floor(minutes / 1440);
  const hours = Math.floor(minutes / 60) % 24;
  return `${counted(days, "day")}${counted(hours, "hour")}${days ? "" : counted(minutes % 60, "minute")}left`;
};
const nameAnew = () => {
  for (const link of all("#rows a[data-left]")) {
    const until = link.closest("tr").querySelector("[data-countdown]")?.dataset.countdown;
    if (!until || link === document.activeElement) continue;
    const { left, after } = link.dataset;
    const words = `, ${leftSpoken((Date.parse(until) - serverNow()) / 1000)}`;
    if (words === left) continue;
    const name = link.getAttribute("aria-label");
    link.setAttribute("aria-label", name.slice(0, name.length - left.length - after.length) + words + after);
    link.dataset.left = words;
  }
};

const countsOf = (fresh) =>
  Object.fromEntries(all("[data-count]", fresh).map((count) => [count.dataset.count, count.textContent]));

// `read` is when they were counted, by the service's clock: what is older than the page is left out.
let countedAt = 0;
const drawCounts = (counts, read) => {
  if (read < countedAt) return;
  countedAt = read || countedAt;
  for (const [key, words] of Object.entries(counts)) {
    const shown = main.querySelector(`[data-count="${key}"]`);
    if (shown && shown.textContent !== words) shown.textContent = words;
  }
  showMine();
};

const showMine = () => showWaiting(main.querySelector('[data-count="mine"]')?.textContent);

// What is wrong stands above the list, so it waits while that is pointed at: nothing there may move. It is
// said at once in any case.
let alarmsAt = 0;
let alarmsHeld = null;
const isPointedAt = () => matchMedia("(hover: hover)").matches && main.querySelector('[data-region="list"]:hover, #bulk:hover, :is(a, button, select, label):hover');
const wordsOf = (alarms) => all("li > span", alarms).map((each) => each.textContent).join(" ");

const drawAlarms = (fresh, read, atOnce = false) => {
  if (!fresh || read < alarmsAt) return;
  alarmsAt = read || alarmsAt;
  const shown = by("alarms");
  const isSame = fresh.innerHTML.trim() === shown.innerHTML.trim();
  const isNews = wordsOf(fresh) !== wordsOf(alarmsHeld ?? shown);
  alarmsHeld = isSame ? null : fresh;
  if (isSame) return;
  if (!atOnce && isPointedAt()) {
    if (isNews && wordsOf(fresh)) say(wordsOf(fresh));
    return;
  }
  drawHeldAlarms(true);
};

const drawHeldAlarms = (atOnce = false) => {
  if (!alarmsHeld || (!atOnce && isPointedAt()) || by("alarms").contains(document.activeElement)) return;
  by("alarms").replaceChildren(...document.importNode(alarmsHeld, true).childNodes);
  alarmsHeld = null;
};

let offered = [];
const offerNew = (refs) => {
  offered = refs;
  const button = by("show-new");
  const count = refs.length;
  button.hidden = count === 0;
  const words = `Show ${count} new request${count === 1 ? "" : "s"}`;
  if (count && button.textContent !== words) {
    button.textContent = words;
    say(`${count} new request${count === 1 ? "" : "s"}`);
  }
};

const showNew = async () => {
  const before = new Set(rows().map((row) => row.id));
  const ticked = new Set(all('#rows [name="ref"]:checked').map((box) => box.value));
  const answer = await fetch(location.href, { cache: "no-store" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  main.querySelector('[data-region="list"]').replaceWith(
    document.importNode(fresh.querySelector('[data-region="list"]'), true),
  );
  for (const box of all('#rows [name="ref"]')) box.checked = ticked.has(box.value);
  drawCounts(countsOf(fresh));
  drawAlarms(fresh.getElementById("alarms"), serverNow() / 1000, true);
  offerNew([]);
  rememberRows();
  countTicked();
  tick();
  const first = rows().find((row) => !before.has(row.id));
  (first?.querySelector("a") ?? main.querySelector("h1")).focus({ preventScroll: true });
};

const rememberRows = () => {
  for (const row of rows()) remember(row.id, row);
};

// --- selecting and folding ---------------------------------------------------------------------

const countTicked = () => {
  const bar = by("bulk-bar");
  if (!bar) return;
  const count = all('#rows [name="ref"]:checked').length;
  bar.dataset.chosen = String(count);
  const rule = bar.querySelector('[value="rule"]');
  if (rule) rule.textContent = count > 1 ? `Make a rule from these ${count}` : count ? "Make a rule from this" : "Make a rule from these";
  by("bulk-count").textContent = count ? `${count} selected` : "Select rows to act on several";
  bar.dataset.script = "on";
};

// A fold is a button that shows the rows below it; without script they all stand open.
const foldedUnder = (ref) => rows().filter((row) => row.dataset.fold === ref);
const showFolded = (button, open) => {
  button.setAttribute("aria-expanded", String(open));
  for (const row of foldedUnder(button.dataset.unfolds)) row.toggleAttribute("data-open", open);
};

export const selectRow = () => {
  const box = document.activeElement.closest("#rows tr")?.querySelector('[name="ref"]');
  if (box) {
    box.checked = !box.checked;
    countTicked();
  }
};

// Names to choose from are read only for whoever opens the filters.
const offerNames = async () => {
  const answer = await fetch("/queue/names", { headers: { "X-Live": "1" }, cache: "no-store" }).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  by("known-names").replaceChildren(...document.importNode(fresh.body, true).childNodes);
};

export const beginQueue = () => {
  rememberRows();
  countTicked();
  showMine();
  setInterval(drawHeld, 1000);
  setInterval(drawHeldAlarms, 1000);
  setInterval(nameAnew, 1000);
  main.querySelector("details.filter").addEventListener("toggle", offerNames, { once: true });
  by("show-new").addEventListener("click", showNew);
  main.addEventListener("click", (event) => {
    const button = event.target.closest("[data-unfolds]");
    if (button) showFolded(button, button.getAttribute("aria-expanded") !== "true");
  });
  main.addEventListener("change", (event) => {
    if (event.target.matches('[name="ref"]')) countTicked();
    if (event.target.id === "select-all") {
      for (const box of all('#rows [name="ref"]').filter((each) => each.checkVisibility())) box.checked = event.target.checked;
      countTicked();
    }
  });
};

export const queuePage = { hear, address, draw };
