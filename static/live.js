// Keeps an open page true without moving anything under the pointer. Decisions never depend on it.
import { beginDialogs, warnOpenDialog } from "./live/dialogs.js";
import { beginKeys } from "./live/keys.js";
import { beginLine, refreshSoon } from "./live/line.js";
import { main } from "./live/page.js";
import { drawRegions, rememberRegions } from "./live/parts.js";
import { beginQueue, isQueue, queuePage } from "./live/queue.js";
import { beginTime } from "./live/time.js";

// Any page whose parts come from `data-live`; with `data-id` only that request's changes concern it. With
// `data-every` it counts rather than lists, so it asks every so many seconds and at no single change.
const every = Number(main?.dataset.every ?? 0) * 1000;
const otherPage = {
  isConcerned: (ids) => !every && (!main.dataset.id || ids.includes(main.dataset.id)),
  address: () => main.dataset.live + (main.dataset.live.includes("?") ? "" : "?"),
  draw: (fresh) => {
    drawRegions(fresh);
    warnOpenDialog(fresh);
  },
};

if (main) {
  if (isQueue) beginQueue();
  else rememberRegions();
  beginDialogs();
  beginTime();
  beginKeys();
  if (main.dataset.live) beginLine(isQueue ? queuePage : otherPage);
  if (main.dataset.live && every) setInterval(() => document.hidden || refreshSoon(), every);
}
