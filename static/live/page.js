// The page itself: finding things in it, and how its reader wants it.

export const main = document.getElementById("main");
export const root = document.documentElement;
export const by = (id) => document.getElementById(id);
export const all = (selector, within = document) => [...within.querySelectorAll(selector)];
export const pad = (number) => String(number).padStart(2, "0");

// The key of each shortcut as this person has it; empty where they switched it off.
export const keyOf = JSON.parse(root.dataset.keys ?? "{}");

// Words for screen readers: at most one message in ten seconds; of those that wait, the newest is said.
const BETWEEN = 10_000;
let saidAt = 0;
let unsaid = "";
let later = 0;
export const say = (words) => {
  const rest = saidAt + BETWEEN - Date.now();
  if (rest <= 0) {
    saidAt = Date.now();
    by("live-says").textContent = words;
    return;
  }
  unsaid = words;
  later ||= setTimeout(() => {
    later = 0;
    say(unsaid);
  }, rest);
};

// Keep a preference with the person; the page already shows it.
export const prefer = (name, word) => {
  root.dataset[name === "time_zone" ? "zone" : name] = word;
  const body = new FormData(by("zone-form"));
  body.set(name, word);
  fetch("/preferences", { method: "POST", body, headers: { "X-Live": "1" }, keepalive: true }).catch(() => {});
};
