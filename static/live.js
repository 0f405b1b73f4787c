// Keeps an open page true without moving anything under the pointer. Decisions never depend on it.
import { beginBusy } from "./live/busy.js";
import { beginDialogs, warnOpenDialog } from "./live/dialogs.js";
import { beginKeys } from "./live/keys.js";
import { beginLine, refreshSoon } from "./live/line.js";
import { main } from "./live/page.js";
import { drawRegions, rememberRegions } from "./live/parts.js";
import { beginQueue, isQueue, queuePage } from "./live/queue.js";
import { beginTime } from "./live/time.js";
import { askWaiting, beginWaiting, hearWaiting } from "./live/waiting.js";

// Any page whose parts come from `data-live`; with `data-id` only that request's changes concern it. With
// `data-every` it counts rather than lists, so it asks every so many seconds and at no single change.
const every = Number(main?.dataset.every ?? 0) * 1000;
const otherPage = {
  hear: (said) => hearWaiting(said) && !every && (!main.dataset.id || said.ids.includes(main.dataset.id)),
  again: askWaiting,
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
  beginBusy();
  if (!isQueue) beginWaiting();
  if (main.dataset.live) beginLine(isQueue ? queuePage : otherPage);
  if (main.dataset.live && every) setInterval(() => document.hidden || refreshSoon(), every);
}
