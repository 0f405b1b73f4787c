// Swapping parts of the page without taking anything from the person who uses them.
import { all, by, main, say } from "./page.js";

// What the server last said of each part, without what differs at every drawing.
const gist = (node) => {
  const copy = node.cloneNode(true);
  for (const extra of all('[name="csrfmiddlewaretoken"], .ago', copy)) extra.remove();
  for (const clock of all("[data-countdown], time", copy)) {
    clock.textContent = "";
    clock.removeAttribute("title");
  }
  for (const around of [copy, ...all("[data-urgency]", copy)]) around.removeAttribute("data-urgency");
  return copy.outerHTML;
};
const known = new Map();
export const remember = (key, node) => known.set(key, gist(node));
export const differs = (key, node) => known.get(key) !== gist(node);

export const isSelected = (node) => {
  const selection = document.getSelection();
  return selection && !selection.isCollapsed && selection.containsNode(node, true);
};
const isTyping = (node) => {
  const focused = document.activeElement;
  return node.contains(focused) && /^(INPUT|TEXTAREA|SELECT)$/.test(focused.tagName);
};

const keepTyped = (before, after) => {
  for (const form of all("[data-keep]", before)) {
    const same = after.querySelector(`[data-keep="${form.dataset.keep}"]`);
    if (!same) continue;
    for (const field of all("textarea, input[type=text], select", form)) {
      const into = same.querySelector(`[name="${field.name}"]`);
      if (into && field.value) into.value = field.value;
    }
    for (const choice of all("input[type=radio], input[type=checkbox]", form)) {
      const into = all(`[name="${choice.name}"]`, same).find((each) => each.value === choice.value);
      if (into) into.checked = choice.checked;
    }
  }
};

const postponed = new Map();
const afterSwap = [];
export const onSwap = (call) => afterSwap.push(call);

export const drawRegions = (fresh) => {
  for (const part of all("[data-region]", fresh)) swap(part);
};

const swap = (part) => {
  const name = part.dataset.region;
  const shown = main.querySelector(`[data-region="${name}"]`);
  if (!shown || !differs(name, part)) return;
  const isHeld = isTyping(shown) || isSelected(shown) || shown.matches(":hover:has([data-still])");
  if (isHeld || shown.querySelector("dialog[open]")) {
    postponed.set(name, part);
    return;
  }
  postponed.delete(name);
  const hadFocus = shown.contains(document.activeElement);
  const openFolds = new Map(all("details", shown).map((fold, number) => [fold.id || number, fold.open]));
  const next = document.importNode(part, true);
  remember(name, next);
  keepTyped(shown, next);
  all("details", next).forEach((fold, number) => { fold.open = Boolean(openFolds.get(fold.id || number)); });
  shown.replaceWith(next);
  for (const call of afterSwap) call(next);
  if (hadFocus) {
    next.tabIndex = -1;
    next.focus({ preventScroll: true });
  }
  const line = name === "top" && next.querySelector("#state-line");
  if (line) say(line.textContent);
};

export const drawPostponed = () => {
  for (const part of [...postponed.values()]) swap(part);
};

export const rememberRegions = () => {
  for (const part of all("[data-region]", main)) remember(part.dataset.region, part);
};

document.addEventListener("focusout", () => setTimeout(drawPostponed, 0));
