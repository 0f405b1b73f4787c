// Keeps an open page true without moving anything under the pointer. Decisions never depend on it.
import { beginDialogs, warnOpenDialog } from "./live/dialogs.js";
import { beginKeys } from "./live/keys.js";
import { beginLine } from "./live/line.js";
import { main } from "./live/page.js";
import { drawRegions, rememberRegions } from "./live/parts.js";
import { beginQueue, isQueue, queuePage } from "./live/queue.js";
import { beginTime } from "./live/time.js";

// Any page whose parts come from `data-live`; with `data-id` only that request's changes concern it.
const otherPage = {
  isConcerned: (ids) => !main.dataset.id || ids.includes(main.dataset.id),
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
}
