// The page of one request: seconds left to undo, copying, beginnings of a reason. Nothing here decides.
import { all, by, main, root, say } from "../live/page.js";
import { onSwap } from "../live/parts.js";
import { serverNow } from "../live/time.js";

// --- undo -------------------------------------------------------------------------------------

const showSeconds = () => {
  for (const left of all("[data-undo-until]", main)) {
    const seconds = Math.max(Math.ceil((Date.parse(left.dataset.undoExact) - serverNow()) / 1000), 0);
    const words = seconds ? `${seconds} s` : "a moment";
    if (left.textContent !== words) left.textContent = words;
    const button = left.closest(".held").querySelector("button");
    if (button && !seconds) button.setAttribute("aria-disabled", "true");
  }
};

// --- copying ----------------------------------------------------------------------------------

const offerCopying = (within) => {
  if (!navigator.clipboard) return;
  for (const button of all("[data-copy], [data-copy-of]", within)) button.hidden = false;
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-of]");
  if (!button) return;
  const text = button.dataset.copy ?? by(button.dataset.copyOf).textContent;
  try {
    await navigator.clipboard.writeText(text);
    say("Copied.");
    button.firstChild.textContent = "Copied";
  } catch {
    button.firstChild.textContent = "Could not copy";
  }
  setTimeout(() => { button.firstChild.textContent = "Copy"; }, 2000);
});

// --- beginnings of a reason: never sent unedited --------------------------------------------

const offerStarters = (within) => {
  for (const line of all("[data-starters]", within)) line.hidden = false;
};

document.addEventListener("click", (event) => {
  const starter = event.target.closest("[data-starter]");
  if (!starter) return;
  const field = by(starter.closest("[data-starters]").dataset.starters);
  const words = starter.textContent;
  if (!field.value.trim()) field.value = words;
  field.focus();
  const at = field.value.indexOf("…");
  if (at >= 0) field.setSelectionRange(at, at + 1);
});

// --- begin --------------------------------------------------------------------------------------

const begin = (within) => {
  offerCopying(within);
  offerStarters(within);
  showSeconds();
};

if (main) {
  begin(main);
  onSwap(begin);
  setInterval(showSeconds, 250);
  if (by("undo")) say("You can undo this for some seconds.");
}
