// Keeps an open page true without moving anything under the pointer. Decisions never depend on it.
"use strict";

(() => {
  const main = document.getElementById("main");
  if (!main) return;

  const by = (id) => document.getElementById(id);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const pad = (number) => String(number).padStart(2, "0");

  // --- time: the server's clock, whatever this machine's says ---------------------------------

  let offset = Date.parse(main.dataset.serverTime) - Date.now();
  const serverNow = () => Date.now() + offset;
  const heardTime = (iso) => {
    const heard = Date.parse(iso);
    if (!Number.isNaN(heard)) offset = heard - Date.now();
  };
  const utc = (moment) => {
    const at = new Date(moment);
    return `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}:${pad(at.getUTCSeconds())}`;
  };

  const leftInWords = (seconds) => {
    if (seconds <= 0) return "Time is up, waiting for the service";
    const minutes = Math.floor(seconds / 60);
    const exact = `${minutes}:${pad(seconds % 60)} left`;
    if (seconds < 60) return `Under 1 min · ${exact}`;
    if (seconds < 300) return `Under 5 min · ${exact}`;
    if (minutes < 60) return `${minutes} min left`;
    const hours = Math.floor(minutes / 60);
    if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min left` : `${hours} h left`;
    const days = Math.floor(hours / 24);
    const unit = days === 1 ? "day" : "days";
    return hours % 24 ? `${days} ${unit} ${hours % 24} h left` : `${days} ${unit} left`;
  };

  const spokenAt = new Set([600, 300, 60]);
  const tick = () => {
    for (const clock of all("[data-countdown]")) {
      const seconds = Math.floor((Date.parse(clock.dataset.countdown) - serverNow()) / 1000);
      const words = leftInWords(seconds);
      if (clock.textContent !== words) clock.textContent = words;
      const urgency = seconds < 60 ? "now" : seconds < 300 ? "soon" : "calm";
      const around = clock.closest("[data-urgency]");
      if (around && around.dataset.urgency !== urgency) around.dataset.urgency = urgency;
      if (main.dataset.page === "request" && spokenAt.has(seconds)) say(words);
    }
  };

  // --- words for screen readers: one message in ten seconds -------------------------------------

  let saidAt = 0;
  const say = (words) => {
    if (Date.now() - saidAt < 10_000) return;
    saidAt = Date.now();
    by("live-says").textContent = words;
  };

  // --- swapping parts of the page ------------------------------------------------------------

  // What the server last said of each part, without what differs at every drawing.
  const gist = (node) => {
    const copy = node.cloneNode(true);
    for (const token of all('[name="csrfmiddlewaretoken"]', copy)) token.remove();
    for (const clock of all("[data-countdown]", copy)) clock.textContent = "";
    for (const around of [copy, ...all("[data-urgency]", copy)]) around.removeAttribute("data-urgency");
    return copy.outerHTML;
  };
  const known = new Map();
  const remember = (key, node) => known.set(key, gist(node));
  const differs = (key, node) => known.get(key) !== gist(node);

  const isSelected = (node) => {
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
      for (const field of all("textarea, input[type=text]", form)) {
        const into = same.querySelector(`[name="${field.name}"]`);
        if (into && field.value) into.value = field.value;
      }
    }
  };

  // --- the line to the server -----------------------------------------------------------------

  let paused = false;
  let socket = null;
  let heardAt = 0;
  let lostAt = 0;
  let attempts = 0;
  let ended = false;

  const note = by("live-note");
  const showState = () => {
    if (!note) return;
    const state = paused ? "paused" : lostAt ? "lost" : heardAt ? "live" : "still";
    note.dataset.state = state;
    const words = { paused: "Paused", lost: "Not live", live: "Live" }[state];
    if (words && by("live-state").textContent !== words) by("live-state").textContent = words;
    by("live-lost").hidden = !lostAt || paused;
  };

  const lost = () => {
    if (lostAt || ended) return;
    lostAt = serverNow();
    by("live-lost-words").textContent =
      `Live updates stopped ${utc(lostAt)} UTC. What you see may be old.`;
    showState();
  };

  const found = () => {
    heardAt = Date.now();
    if (lostAt) {
      lostAt = 0;
      refreshSoon();
    }
    attempts = 0;
    showState();
  };

  const signedOut = () => {
    ended = true;
    lostAt = serverNow();
    by("live-lost-words").textContent = "You are signed out. What you see may be old.";
    by("live-retry").textContent = "Sign in again";
    showState();
  };

  const connect = () => {
    if (ended || !main.dataset.live) return;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const line = new WebSocket(`${scheme}://${location.host}/ws/live`);
    socket = line;
    line.addEventListener("message", (event) => {
      const said = JSON.parse(event.data);
      found();
      if (said.type === "alive") heardTime(said.now);
      if (said.type === "changed" && concernsUs(said.ids)) refreshSoon();
    });
    line.addEventListener("close", (event) => {
      if (line !== socket) return;
      if (event.code === 4401) return signedOut();
      attempts += 1;
      setTimeout(() => socket === line && lost(), attempts > 1 ? 0 : 2000);
      setTimeout(() => socket === line && connect(), Math.min(1000 * 2 ** attempts, 30_000));
    });
  };

  const concernsUs = (ids) => main.dataset.page === "queue" || ids.includes(main.dataset.id);

  const watchLine = () => {
    if (heardAt && !lostAt && Date.now() - heardAt > 8000) lost();
  };

  // --- fetching what changed --------------------------------------------------------------------

  let wanted = false;
  let busy = false;
  const refreshSoon = () => {
    if (paused || ended || !main.dataset.live) return;
    wanted = true;
    if (!busy) refresh();
  };

  const refresh = async () => {
    busy = true;
    while (wanted) {
      wanted = false;
      try {
        const answer = await fetch(address(), { headers: { "X-Live": "1" }, cache: "no-store" });
        if (answer.status === 401) signedOut();
        else if (answer.ok) {
          heardTime(answer.headers.get("X-Server-Time"));
          draw(new DOMParser().parseFromString(await answer.text(), "text/html"));
          tick();
        } else lost();
      } catch {
        lost();
      }
      await new Promise((go) => setTimeout(go, 250));
    }
    busy = false;
  };

  const address = () => {
    if (main.dataset.page !== "queue") return main.dataset.live;
    const refs = all("#rows tr").map((row) => row.dataset.ref).join(",");
    return `${main.dataset.live}&known=${refs}`;
  };
  const draw = (fresh) => (main.dataset.page === "queue" ? drawQueue(fresh) : drawRequest(fresh));

  let polledAt = Date.now();
  const poll = () => {
    const every = document.hidden ? 60_000 : lostAt ? 3000 : 30_000;
    if (Date.now() - polledAt < every) return;
    polledAt = Date.now();
    refreshSoon();
  };

  // --- the queue ---------------------------------------------------------------------------------

  const drawQueue = (fresh) => {
    for (const row of all('[data-part="known"] tr', fresh)) {
      const shown = by(row.id);
      if (!shown || !differs(row.id, row) || isSelected(shown)) continue;
      const hadFocus = shown.contains(document.activeElement);
      const next = document.importNode(row, true);
      remember(row.id, next);
      if ("closed" in next.dataset && !("closed" in shown.dataset)) {
        say(`${next.dataset.ref}: ${next.querySelector(".badge[class*=status]").textContent}`);
      }
      shown.replaceWith(next);
      if (hadFocus) next.querySelector("a").focus({ preventScroll: true });
    }
    drawCounts(fresh);
    offerNew(all('[data-part="new"] tr', fresh).length);
  };

  const drawCounts = (fresh) => {
    for (const count of all("[data-count]", fresh)) {
      const shown = main.querySelector(`[data-count="${count.dataset.count}"]`);
      if (shown && shown.textContent !== count.textContent) shown.textContent = count.textContent;
    }
    showWaiting();
  };

  const showWaiting = () => {
    const mine = Number(main.querySelector('[data-count="mine"]')?.textContent || 0);
    const title = `${mine ? `(${mine}) ` : ""}Queue · Countersign`;
    if (document.title !== title) document.title = title;
    const icon = document.querySelector('link[rel="icon"]');
    icon.dataset.plain ??= icon.getAttribute("href");
    const wantedIcon = mine ? icon.dataset.waiting : icon.dataset.plain;
    if (icon.getAttribute("href") !== wantedIcon) icon.setAttribute("href", wantedIcon);
  };

  const offerNew = (count) => {
    const button = by("show-new");
    button.hidden = count === 0;
    const words = `Show ${count} new request${count === 1 ? "" : "s"}`;
    if (count && button.textContent !== words) {
      button.textContent = words;
      say(`${count} new request${count === 1 ? "" : "s"}`);
    }
  };

  const showNew = async () => {
    const before = new Set(all("#rows tr").map((row) => row.id));
    const answer = await fetch(location.href, { cache: "no-store" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    main.querySelector('[data-region="list"]').replaceWith(
      document.importNode(fresh.querySelector('[data-region="list"]'), true),
    );
    drawCounts(fresh);
    offerNew(0);
    rememberAll();
    tick();
    const first = all("#rows tr").find((row) => !before.has(row.id));
    (first?.querySelector("a") ?? main.querySelector("h1")).focus({ preventScroll: true });
  };

  // --- one request ---------------------------------------------------------------------------------

  const postponed = new Map();
  const drawRequest = (fresh) => {
    for (const part of all("[data-region]", fresh)) swap(part);
    warnOpenDialog(fresh);
  };

  const swap = (part) => {
    const name = part.dataset.region;
    const shown = main.querySelector(`[data-region="${name}"]`);
    if (!shown || !differs(name, part)) return;
    if (isTyping(shown) || isSelected(shown) || shown.querySelector("dialog[open]")) {
      postponed.set(name, part);
      return;
    }
    postponed.delete(name);
    const hadFocus = shown.contains(document.activeElement);
    const openFolds = all("details", shown).map((fold) => fold.open);
    const next = document.importNode(part, true);
    remember(name, next);
    keepTyped(shown, next);
    all("details", next).forEach((fold, number) => { fold.open = Boolean(openFolds[number]); });
    shown.replaceWith(next);
    upgradeDialogs(next);
    if (hadFocus) {
      next.tabIndex = -1;
      next.focus({ preventScroll: true });
    }
    if (name === "top") say(next.querySelector("#state-line").textContent);
  };

  const drawPostponed = () => {
    for (const part of [...postponed.values()]) swap(part);
  };

  const warnOpenDialog = (fresh) => {
    const open = main.querySelector("dialog[open]");
    const top = fresh.querySelector('[data-region="top"]');
    if (!open || !top) return;
    const version = open.querySelector('[name="version"]')?.value;
    const warning = open.querySelector("[data-stale]");
    if (top.dataset.open === "no") {
      warning.textContent =
        `${top.querySelector("#state-line").textContent} Nothing of yours was sent; your text is kept.`;
      open.querySelector('[type="submit"]').disabled = true;
    } else if (version && version !== top.dataset.version) {
      warning.textContent =
        "This request changed while you were here. Go back and read what changed; your text is kept.";
      open.querySelector('[type="submit"]').disabled = true;
    } else return;
    warning.hidden = false;
  };

  // --- dialogs: forms that stand on the page become modal ----------------------------------------

  const openDialog = (key) => {
    const dialog = main.querySelector(`[data-dialog="${key}"]`);
    if (!dialog || dialog.open) return;
    dialog.showModal();
    dialog.querySelector('[aria-invalid="true"]')?.focus();
  };

  const upgradeDialogs = (root) => {
    for (const dialog of all("dialog", root)) {
      dialog.addEventListener("close", () => {
        if (location.search) history.replaceState(null, "", location.pathname);
        drawPostponed();
      });
      if (dialog.open) {
        dialog.removeAttribute("open");
        openDialog(dialog.dataset.dialog);
      }
    }
  };

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
    if (event.target.method !== "post" || !button) return;
    if (event.target.dataset.sent) return event.preventDefault();
    event.target.dataset.sent = "yes";
    button.setAttribute("aria-disabled", "true");
  });
  window.addEventListener("pageshow", () => {
    for (const form of all("form[data-sent]")) delete form.dataset.sent;
  });
  document.addEventListener("focusout", () => setTimeout(drawPostponed, 0));

  // --- keys: none of them ever decides --------------------------------------------------------------

  const keysAreOn = () => localStorage.getItem("keys") !== "off";
  const step = (by_) => {
    const links = all("#rows a");
    const at = links.indexOf(document.activeElement);
    links[Math.min(Math.max(at + by_, 0), links.length - 1)]?.focus();
  };
  const press = (button) => button && !button.hidden && button.click();
  const onRequest = (key) => () => press(main.querySelector(`[data-opens="${key}"]`));
  const keys = {
    j: () => step(1),
    k: () => step(-1),
    o: () => document.activeElement.closest("#rows a")?.click(),
    u: () => main.dataset.page === "request" && location.assign("/queue"),
    ".": () => press(by("show-new")),
    p: () => press(by("live-pause")),
    a: onRequest("approve"),
    d: onRequest("deny"),
    q: onRequest("investigate"),
  };

  document.addEventListener("keydown", (event) => {
    const dialog = main.querySelector("dialog[open]");
    if (dialog && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      dialog.querySelector("form").requestSubmit(dialog.querySelector('[type="submit"]'));
      return;
    }
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
    const inField = event.target.closest("input, textarea, select");
    if (!keysAreOn() || !isPlain || inField || dialog || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });

  const showKeys = () => {
    const on = keysAreOn();
    by("keys-switch").textContent = on ? "Turn keys off" : "Turn keys on";
    by("keys-switch").setAttribute("aria-pressed", String(on));
  };

  // --- begin ------------------------------------------------------------------------------------------

  const rememberAll = () => {
    for (const row of all("#rows tr")) remember(row.id, row);
    for (const part of all("[data-region]", main)) {
      if (main.dataset.page === "request") remember(part.dataset.region, part);
    }
  };

  rememberAll();
  upgradeDialogs(main);
  tick();
  setInterval(tick, 1000);
  if (by("keys")) {
    by("keys").hidden = false;
    showKeys();
    by("keys-switch").addEventListener("click", () => {
      localStorage.setItem("keys", keysAreOn() ? "off" : "on");
      showKeys();
    });
  }
  if (!main.dataset.live) return;
  if (main.dataset.page === "queue") {
    showWaiting();
    by("show-new").addEventListener("click", showNew);
  }
  by("live-pause").hidden = false;
  by("live-pause").addEventListener("click", () => {
    paused = !paused;
    by("live-pause").textContent = paused ? "Go on" : "Pause";
    by("live-pause").setAttribute("aria-pressed", String(paused));
    showState();
    refreshSoon();
  });
  by("live-retry").addEventListener("click", () => {
    if (ended) return location.reload();
    refreshSoon();
    connect();
  });
  document.addEventListener("visibilitychange", () => document.hidden || refreshSoon());
  setInterval(() => { watchLine(); poll(); }, 1000);
  connect();
})();
