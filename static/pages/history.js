// History looks for newer requests only where it was asked to; a page that shows progress draws it again.
import { by, say } from "../live/page.js";

const NEWER_EVERY = 15000;
const PROGRESS_EVERY = 1500;

const newer = by("newer");
if (newer && !("off" in newer.dataset)) {
  const show = by("newer-show");
  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(newer.dataset.address, { headers: { "X-Live": "1" } });
      if (!answer.ok) return;
      const { newer: count } = await answer.json();
      if (count !== "0") {
        const words = `${count} newer request${count === "1" ? "" : "s"}: show`;
        if (show.textContent !== words) {
          show.textContent = words;
          show.hidden = false;
          say(words);
        }
      }
    } catch {
      /* the next look may reach the service again; the shell says when it cannot */
    }
  };
  setInterval(look, NEWER_EVERY);
}

const redraw = async () => {
  const shown = by("progress");
  if (!shown || !("poll" in shown.dataset)) return;
  try {
    const answer = await fetch(location.href, { headers: { "X-Live": "1" } });
    if (answer.ok) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = fresh.getElementById("progress");
      if (next && !shown.contains(document.activeElement)) {
        shown.replaceWith(next);
        if (!("poll" in next.dataset)) {
          say(next.querySelector("h2").textContent);
          return;
        }
      }
    }
  } catch {
    /* tried again below */
  }
  setTimeout(redraw, PROGRESS_EVERY);
};
setTimeout(redraw, PROGRESS_EVERY);
