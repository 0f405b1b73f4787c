// Says before a session ends, lets it go on, and keeps what was typed for whoever must sign in again.
const page = document.querySelector("[data-session-ends]");
const DAYS_KEPT = 7;
const BEFORE = 5 * 60_000;
const ASK_AGAIN = 30_000;
const PREFIX = "draft ";

const token = () => document.querySelector('[name="csrfmiddlewaretoken"]')?.value ?? "";
// A form that was sent and refused is drawn at its own address, not at that of the page it belongs to.
const pageOf = (path) =>
  path
    .replace(/^(\/(?:r|agents)\/[^/]+)\/.*$/, "$1")
    .replace(/^\/oncall\/.*$/, "/oncall")
    .replace(/^\/queue\/deny$/, "/queue/several");
const here = pageOf(location.pathname);
const key = (form) => `${PREFIX}${page.dataset.person} ${here} ${form.dataset.keep}`;
// A tick is no text: what else would happen with a decision is said anew each time.
const typed = (form) => form.querySelectorAll('textarea, input[type="text"], input[type="radio"], select');
const isChanged = (field) => {
  if (field.type === "radio") return field.checked && !field.defaultChecked;
  if (field.tagName === "SELECT") return Boolean(field.value) && !field.selectedOptions[0].defaultSelected;
  return field.value !== field.defaultValue;
};

const sent = new WeakSet();
const touched = new WeakSet();
let isSigningOut = false;

const keepDraft = (form) => {
  const fields = [...typed(form)].filter(isChanged);
  const words = fields.map((field) => [field.name, field.value, field.defaultValue]);
  if (words.length > 0) {
    const draft = { words, wasSent: sent.has(form), at: Date.now() };
    localStorage.setItem(key(form), JSON.stringify(draft));
  } else if (touched.has(form)) localStorage.removeItem(key(form)); // not what another tab keeps
};

const keepDrafts = () => {
  for (const form of isSigningOut ? [] : document.querySelectorAll("form[data-keep]")) keepDraft(form);
};

const forgetOld = () => {
  for (const name of Object.keys(localStorage)) {
    if (!name.startsWith(PREFIX)) continue;
    const { at } = JSON.parse(localStorage.getItem(name));
    if (Date.now() - at > DAYS_KEPT * 86_400_000) localStorage.removeItem(name);
  }
};

// What was sent comes back only by way of the sign-in page: the session had ended on the way.
const bringBack = () => {
  const from = document.referrer && pageOf(new URL(document.referrer).pathname);
  for (const name of Object.keys(localStorage)) {
    if (!from || !name.startsWith(`${PREFIX}${page.dataset.person} ${from} `)) continue;
    if (JSON.parse(localStorage.getItem(name)).wasSent) localStorage.removeItem(name);
  }
  for (const form of document.querySelectorAll("form[data-keep]")) {
    const draft = JSON.parse(localStorage.getItem(key(form)) ?? "null");
    for (const [name, value, before] of draft?.words ?? []) {
      const field = form.elements.namedItem(name); // of radio buttons, all of that name
      if (field && (field.value === "" || field.value === before)) field.value = value;
    }
  }
};

const remember = (form) => {
  if (form.getAttribute("action") !== "/sign-out") {
    sent.add(form);
    return;
  }
  isSigningOut = true;
  for (const name of Object.keys(localStorage)) {
    if (name.startsWith(PREFIX)) localStorage.removeItem(name);
  }
};

const serverNow = Date.parse(page?.dataset.serverTime ?? "") || Date.now();
const ahead = serverNow - Date.now();
let ends = Date.parse(page?.dataset.sessionEnds ?? "");
let bar;

const at = (moment) => new Date(moment).toISOString().slice(11, 16);

const holds = () => document.querySelector("form[data-keep]") !== null;
const kept = () => (holds() ? " What you typed is kept." : "");

const draw = (words, press) => {
  bar ??= document.body.appendChild(document.createElement("div"));
  bar.className = "staying";
  bar.setAttribute("role", "alert");
  const said = document.createElement("span");
  said.textContent = words;
  bar.replaceChildren(said, press);
};

const button = (words, act) => {
  const made = document.createElement("button");
  made.className = "button";
  made.type = "button";
  made.textContent = words;
  made.addEventListener("click", act);
  return made;
};

const signInAgain = () => {
  const link = document.createElement("a");
  link.className = "button";
  link.href = location.href;
  link.textContent = "Sign in again";
  return link;
};

const stay = async () => {
  const answer = await fetch("/sign-in/stay", { method: "POST", headers: { "X-CSRFToken": token() } }).catch(
    () => null,
  );
  if (answer?.ok && !answer.redirected) {
    ends = Date.parse((await answer.json()).ends);
    bar.remove();
    bar = undefined;
  } else draw(`Your sign-in cannot go on longer. It ends at ${at(ends)} UTC.${kept()}`, signInAgain());
};

const watch = () => {
  const left = ends - (Date.now() + ahead);
  if (left <= 0) draw(`You are signed out.${kept()}`, signInAgain());
  else if (left <= BEFORE && !bar) {
    draw(`Your sign-in ends at ${at(ends)} UTC.${kept()}`, button("Stay signed in", stay));
  }
};

if (page && ends) {
  forgetOld();
  bringBack();
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-keep]");
    if (!form) return;
    touched.add(form);
    keepDraft(form);
  });
  document.addEventListener("submit", (event) => remember(event.target));
  window.addEventListener("pagehide", keepDrafts);
  watch();
  setInterval(watch, ASK_AGAIN);
}
