// Forms that stand on the page become modal; what was typed in them is never lost.
import { all, main, say } from "./page.js";
import { drawPostponed, onSwap } from "./parts.js";

export const openDialog = (key) => {
  const dialog = main.querySelector(`[data-dialog="${key}"]`);
  if (!dialog || dialog.open) return;
  dialog.showModal();
  dialog.querySelector('[aria-invalid="true"]')?.focus();
};

const upgrade = (within) => {
  for (const dialog of all("dialog", within)) {
    dialog.addEventListener("close", () => {
      if (location.search && main.dataset.page === "request") {
        const rest = new URLSearchParams(location.search);
        rest.delete("open"); // all else says how the page is drawn
        history.replaceState(null, "", `${location.pathname}${`${rest}` && `?${rest}`}`);
      }
      drawPostponed();
    });
    if (dialog.open) {
      dialog.removeAttribute("open");
      scrollTo(0, 0); // where the form stood on the page is far below what it is about
      openDialog(dialog.dataset.dialog);
    }
  }
};

// While the service records what was sent, its button says so; it says again what it does if the page is
// come back to, or if no answer came for so long that the way there must be broken.
const NO_ANSWER = 30_000;
const sent = new Map();
const markSent = (form, button) => {
  const words = main.dataset.page === "request" && [...button.childNodes];
  sent.set(form, { button, words, late: setTimeout(() => mayBeSent(form), NO_ANSWER) });
  form.dataset.sent = "yes";
  button.setAttribute("aria-disabled", "true");
  if (!words) return;
  button.style.minWidth = `${button.offsetWidth}px`;
  button.setAttribute("aria-busy", "true");
  button.replaceChildren("Recording…");
  say("Recording…");
};
const mayBeSent = (form) => {
  const { button, words, late } = sent.get(form);
  clearTimeout(late);
  sent.delete(form);
  delete form.dataset.sent;
  button.removeAttribute("aria-disabled");
  button.removeAttribute("aria-busy");
  if (words) button.replaceChildren(...words);
};

// The open dialog of a request that changed meanwhile says so and cannot be sent.
export const warnOpenDialog = (fresh) => {
  const open = main.querySelector("dialog[open]");
  const top = fresh.querySelector('[data-region="top"]');
  const warning = open?.querySelector("[data-stale]");
  if (!warning || !top) return;
  const version = open.querySelector('[name="version"]')?.value;
  if (top.dataset.open === "no") {
    warning.textContent =
      `${top.querySelector("#state-line").textContent} Nothing of yours was sent; your text is kept.`;
  } else if (version && version !== top.dataset.version) {
    warning.textContent =
      "This request changed while you were here. Go back and read what changed; your text is kept.";
  } else return;
  open.querySelector('[type="submit"]').disabled = true;
  warning.hidden = false;
};

export const beginDialogs = () => {
  upgrade(main);
  onSwap(upgrade);
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) {
      event.preventDefault();
      openDialog(opener.dataset.opens);
    }
    const closer = event.target.closest("[data-closes]");
    if (closer) {
      event.preventDefault();
      closer.closest("dialog").close();
    }
  });
  // A second click on the way to the server changes nothing there; here it is not even sent.
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (event.defaultPrevented || event.target.getAttribute("method") !== "post" || !button) return;
    // Where the answer is a file, this page stays, and another may be asked for.
    if ("file" in event.target.dataset) return;
    if (event.target.dataset.sent) return event.preventDefault();
    markSent(event.target, button);
  });
  window.addEventListener("pageshow", () => {
    for (const form of [...sent.keys()]) mayBeSent(form);
  });
};
