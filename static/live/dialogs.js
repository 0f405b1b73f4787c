// Forms that stand on the page become modal; what was typed in them is never lost.
import { all, main } from "./page.js";
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
        history.replaceState(null, "", location.pathname);
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
    event.target.dataset.sent = "yes";
    button.setAttribute("aria-disabled", "true");
  });
  window.addEventListener("pageshow", () => {
    for (const form of all("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of all("[aria-disabled]", form)) button.removeAttribute("aria-disabled");
    }
  });
};
