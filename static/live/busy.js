// A quiet mark while a page is on its way: after a moment only, so that what is quick never flickers.
import { by, say } from "./page.js";

const QUIET = 300;
// By then the answer is no page, or the way there is broken; the browser says the latter itself.
const LONGEST = 30_000;
let timers = [];

const arrived = () => {
  timers.forEach(clearTimeout);
  by("loading").hidden = true;
};
const told = () => {
  by("loading").hidden = false;
  if (!document.querySelector('[aria-busy="true"]')) say("Loading the page.");
};
export const leaving = () => {
  arrived();
  timers = [setTimeout(told, QUIET), setTimeout(arrived, LONGEST)];
};

// A file, another window and a place on this page leave the page where it is.
const isFile = (one) => Boolean(one) && ("file" in one.dataset || one.hasAttribute("download"));
const isElsewhere = (one) => Boolean(one.target) && one.target !== "_self";
const isHere = (link) => link.hash && link.href.split("#")[0] === location.href.split("#")[0];
const leads = (event) => {
  const link = event.target.closest?.("a[href]");
  const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  return link && isPlain && !isFile(link) && !isElsewhere(link) && !isHere(link) && link.origin === location.origin;
};
const isSent = ({ target: form, submitter }) =>
  form.getAttribute("method") !== "dialog" && !isFile(form) && !isFile(submitter);

export const beginBusy = () => {
  addEventListener("click", (event) => !event.defaultPrevented && leads(event) && leaving());
  addEventListener("submit", (event) => !event.defaultPrevented && isSent(event) && leaving());
  addEventListener("pageshow", arrived); // also of a page that was kept and is come back to
  addEventListener("keydown", (event) => event.key === "Escape" && arrived());
};
