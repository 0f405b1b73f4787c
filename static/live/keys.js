// Keys: none of them ever decides, all of them can be turned off.
import { all, by, main, prefer, root } from "./page.js";
import { selectRow } from "./queue.js";
import { nextZone } from "./time.js";

const areOn = () => root.dataset.shortcuts !== "off";
const press = (button) => button && !button.hidden && !button.disabled && button.click();
const onRequest = (key) => () => press(main.querySelector(`[data-opens="${key}"]`));

const step = (distance) => {
  const links = all("#rows .what a").filter((link) => link.checkVisibility());
  const here = document.activeElement.closest("#rows tr")?.querySelector(".what a");
  const at = links.indexOf(here ?? document.activeElement);
  links[Math.min(Math.max(at + distance, 0), links.length - 1)]?.focus();
};

const PLACES = { q: "/queue", h: "/history", a: "/agents", p: "/policies", g: "/guardrails", i: "/insights", o: "/oncall", s: "/settings" };
let goingAt = 0;

const keys = {
  j: () => step(1),
  k: () => step(-1),
  o: () => document.activeElement.closest("#rows tr")?.querySelector(".what a")?.click(),
  x: selectRow,
  u: () => main.dataset.page !== "queue" && location.assign("/queue"),
  ".": () => press(by("show-new")),
  p: () => press(by("live-pause")),
  t: nextZone,
  "/": () => { by("search").focus(); by("search").select(); },
  "?": () => by("keys-list").showModal(),
  g: () => { goingAt = Date.now(); },
  a: onRequest("approve"),
  d: onRequest("deny"),
  q: onRequest("investigate"),
  s: () => press(main.querySelector("[data-mute]")),
  e: () => main.querySelector('[data-evidence]')?.click(),
};

const onKey = (event) => {
  const dialog = document.querySelector("dialog[open]");
  if (dialog && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    dialog.querySelector("form")?.requestSubmit(dialog.querySelector('[type="submit"]'));
    return;
  }
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
  // A field of a dialog that was closed just now keeps the focus for a moment.
  const field = event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
  if (!areOn() || !isPlain || field?.checkVisibility() || dialog) return;
  if (Date.now() - goingAt < 1500 && PLACES[event.key]) {
    event.preventDefault();
    return location.assign(PLACES[event.key]);
  }
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
};

export const beginKeys = () => {
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
