// How much waits for the reader: before the title of every page, and as a dot on its icon.
import { main } from "./page.js";

const FRESH_FOR = 60_000;
let countedAt = 0;
let askedAt = 0;

export const showWaiting = (mine) => {
  const count = Number.parseInt(mine ?? "0", 10) || 0;
  const plain = document.title.replace(/^\(\d+\) /, "");
  const title = `${count ? `(${count}) ` : ""}${plain}`;
  if (document.title !== title) document.title = title;
  const icon = document.querySelector('link[rel="icon"]');
  icon.dataset.plain ??= icon.getAttribute("href");
  const wanted = count ? icon.dataset.waiting : icon.dataset.plain;
  if (icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
};

// `read` is when it was counted, by the service's clock: what is older than what is shown is left out.
const counted = ({ mine }, read) => {
  if (mine === undefined || read < countedAt) return;
  countedAt = read;
  showWaiting(mine);
};

// A page that hears what changed hears the new count with it; where nobody counted, it asks.
export const hearWaiting = (said) => {
  if (said.counts) counted(said.counts, said.read);
  else if (Date.now() - askedAt > FRESH_FOR / 6) askWaiting();
  return true;
};

const drawnAt = () => {
  const drawn = Date.parse(main.dataset.serverTime);
  return drawn && !askedAt ? `?heard=${drawn / 1000}` : "";
};
export const askWaiting = async () => {
  const address = `/queue/waiting${drawnAt()}`;
  askedAt = Date.now();
  try {
    const answer = await fetch(address, { headers: { "X-Live": "1" }, cache: "no-store" });
    if (!answer.ok) return;
    const said = await answer.json();
    counted(said, said.read);
  } catch {
    // Nothing is shown that was not heard: the title stays as it was.
  }
};

// Asked once the page stands, and again when its reader comes back to it after a while.
export const beginWaiting = () => {
  askWaiting();
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && Date.now() - askedAt > FRESH_FOR) askWaiting();
  });
  addEventListener("pageshow", (event) => event.persisted && askWaiting());
};
