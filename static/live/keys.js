// Keys: none of them ever decides, all of them can be turned off.
import { leaving } from "./busy.js";
import { all, by, keyOf, main, prefer, root } from "./page.js";
import { onSwap } from "./parts.js";
import { selectRow } from "./queue.js";
import { nextZone } from "./time.js";

const areOn = () => root.dataset.shortcuts !== "off";
const press = (button) => button && !button.hidden && !button.disabled && button.click();
const onRequest = (key) => () => press(main.querySelector(`[data-opens="${key}"]`));

// The queue, history, agents: in every list the first link of a row is what the row is about.
const linkOf = (row) => row?.querySelector(".what a, th a");
const here = () => linkOf(document.activeElement.closest(".table-card tbody tr"));
const step = (distance) => {
  const links = all(".table-card tbody tr", main).map(linkOf).filter((link) => link?.checkVisibility());
  const at = links.indexOf(here() ?? document.activeElement);
  links[Math.min(Math.max(at + distance, 0), links.length - 1)]?.focus();
};
const onRowOr = (key) => () => {
  if (main.querySelector(`[data-opens="${key}"]`)) onRequest(key)();
  else if (main.dataset.page === "queue") here()?.click();
};

// The list this window showed last, with its filters; none of it leaves this machine.
const isList = ["queue", "history", "changes", "exports", "agents"].includes(main?.dataset.page);
const remembered = () => {
  try {
    if (isList) sessionStorage.setItem("list", location.pathname + location.search);
    return sessionStorage.getItem("list") ?? "/queue";
  } catch {
    return "/queue";
  }
};
const goTo = (address) => {
  leaving();
  location.assign(address);
};
const goBack = () => {
  const list = isList ? "/queue" : remembered();
  if (main.dataset.page !== "queue") goTo(/^\/(queue|history|agents)\b/.test(list) ? list : "/queue");
};
// Escape leaves a page only where it closes nothing, and nothing typed would be lost.
const isUnsent = () => all("textarea, input[type=text]", main).some((field) => field.value !== field.defaultValue);
const leave = (event) => {
  const isOpen = event.defaultPrevented || document.activeElement.closest("details[open]");
  if (!isOpen && !isList && main.querySelector(".back") && !isUnsent()) goBack();
};

const PLACES = { q: "/queue", h: "/history", a: "/agents", p: "/policies", g: "/guardrails", i: "/insights", o: "/oncall", s: "/settings" };
let goingAt = 0;

const does = {
  next: () => step(1),
  previous: () => step(-1),
  open: () => here()?.click(),
  select: selectRow,
  back: goBack,
  new: () => press(by("show-new")),
  pause: () => press(by("live-pause")),
  zone: nextZone,
  search: () => { by("search").focus(); by("search").select(); },
  help: () => by("keys-list").showModal(),
  go: () => { goingAt = Date.now(); },
  approve: onRowOr("approve"),
  deny: onRowOr("deny"),
  question: onRowOr("investigate"),
  mute: () => press(main.querySelector("[data-mute]")),
  evidence: () => main.querySelector('[data-evidence]')?.click(),
  undo: () => press(by("undo")),
};

// What a key does for this person; nothing where nothing has it.
const nameOf = new Map(Object.entries(keyOf).filter(([name, key]) => key && does[name]).map(([name, key]) => [key, name]));

// A button or link that says its key says this person's.
const showOwn = (within) => {
  for (const one of all("[data-key]", within)) {
    const key = keyOf[one.dataset.key];
    if (key) one.setAttribute("aria-keyshortcuts", key);
    else one.removeAttribute("aria-keyshortcuts");
    const shown = one.querySelector("kbd");
    if (shown && shown.textContent !== key) shown.textContent = key;
    if (shown) shown.hidden = !key;
  }
};

const onKey = (event) => {
  if (!areOn()) return;
  const dialog = document.querySelector("dialog[open]");
  if (dialog && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    dialog.querySelector("form")?.requestSubmit(dialog.querySelector('[type="submit"]'));
    return;
  }
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
  // A field of a dialog that was closed just now keeps the focus for a moment.
  const field = event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
  if (!isPlain || field?.checkVisibility() || dialog) return;
  // Capitals are the same keys, so a caps lock silences none.
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  // One listener for all: what follows "go" leads there, whatever else that key does.
  if (Date.now() - goingAt < 1500 && PLACES[key]) {
    event.preventDefault();
    return goTo(PLACES[key]);
  }
  if (event.key === "Escape") return leave(event);
  const name = nameOf.get(key);
  if (!name) return;
  event.preventDefault();
  does[name]();
};

export const beginKeys = () => {
  remembered();
  showOwn(main);
  onSwap(showOwn);
  document.addEventListener("keydown", onKey);
  if (!by("keys")) return;
  const show = () => {
    by("keys-switch").textContent = areOn() ? "Turn keys off" : "Turn keys on";
    by("keys-switch").setAttribute("aria-pressed", String(areOn()));
  };
  by("keys").hidden = false;
  show();
  by("keys-switch").addEventListener("click", () => {
    prefer("shortcuts", areOn() ? "off" : "on");
    show();
  });
};
