// History looks for newer requests only where it was asked to; a page that shows progress draws it again.
// Where it asked in vain, the shell's bar says since when nothing was heard.
import { showLost, wordLost, wordSignedOut } from "../live/lost.js";
import { by, say } from "../live/page.js";
import { serverNow } from "../live/time.js";

const NEWER_EVERY = 15; // seconds, where the page names no other
const PROGRESS_EVERY = 1500;

let heardAt = serverNow();
let ended = false;

// What `read` makes of the answer; nothing where there was none.
const ask = async (address, read) => {
  if (ended) return null;
  try {
    const answer = await fetch(address, { headers: { "X-Live": "1" }, cache: "no-store" });
    if (answer.ok) {
      const heard = await read(answer);
      heardAt = serverNow();
      showLost(false);
      return heard;
    }
    ended = answer.status === 401;
  } catch {
    /* told below; the next look may reach the service again */
  }
  if (ended) wordSignedOut();
  else wordLost(heardAt);
  showLost(true);
  return null;
};

const newer = by("newer");
const look = async () => {
  const heard = await ask(newer.dataset.address, (answer) => answer.json());
  if (!heard || heard.newer === "0") return;
  const show = by("newer-show");
  const words = `${heard.newer} newer request${heard.newer === "1" ? "" : "s"}: show`;
  if (show.textContent !== words) {
    show.textContent = words;
    show.hidden = false;
    say(words);
  }
};

const isUnderWay = () => "poll" in (by("progress")?.dataset ?? {});
const redraw = async () => {
  const text = await ask(location.href, (answer) => answer.text());
  const next = text && new DOMParser().parseFromString(text, "text/html").getElementById("progress");
  const shown = by("progress");
  if (!next || !isUnderWay() || shown.contains(document.activeElement)) return;
  shown.replaceWith(next);
  if (!isUnderWay()) say(next.querySelector("h2").textContent);
};
const redrawAgain = async () => {
  await redraw();
  if (isUnderWay()) setTimeout(redrawAgain, PROGRESS_EVERY);
};

const looks = newer && !("off" in newer.dataset);
if (looks) setInterval(() => document.hidden || look(), Number(newer.dataset.every ?? NEWER_EVERY) * 1000);
if (isUnderWay()) setTimeout(redrawAgain, PROGRESS_EVERY);
by("live-retry").addEventListener("click", () => {
  if (ended) location.reload();
  else if (looks) look();
  else if (isUnderWay()) redraw();
});
