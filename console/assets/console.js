// What the console does beyond plain pages: live regions, relative times, chart hover, shortcuts.
// Every page is readable, and every action works, without this file.
"use strict";

(() => {
  const root = document.documentElement;
  const main = document.getElementById("main");
  const skew = Number(root.dataset.now) - Date.now();
  const words = JSON.parse(root.dataset.words || "{}");
  const fill = (text, n) => text.replace("{n}", n);

  // --- Times: relative, with the exact local time on hover.

  const exact = new Intl.DateTimeFormat(root.lang, { dateStyle: "medium", timeStyle: "medium" });
  const UNITS = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];

  function span(seconds) {
    const s = Math.max(0, Math.floor(seconds));
    const [unit, size] = UNITS.find(([, size]) => s >= size) || UNITS[3];
    return fill(words[unit], Math.floor(s / size));
  }

  function tick(scope) {
    const now = Date.now() + skew;
    for (const time of scope.querySelectorAll("time[data-ms]")) {
      const at = Number(time.dataset.ms);
      const past = (now - at) / 1000;
      const text = past < 1 && past > -1 ? words.now
        : fill(past > 0 ? words.ago : words.in, span(Math.abs(past)));
      if (time.textContent !== text) time.textContent = text;
      if (time.dataset.local !== time.dataset.ms) {
        time.dataset.local = time.dataset.ms;
        time.title = exact.format(at);
      }
    }
    for (const lease of scope.querySelectorAll("progress[data-ends]")) {
      const left = Math.max(0, Number(lease.dataset.ends) - now);
      lease.value = left;
      const share = left / lease.max;
      lease.className = share > 0.34 ? "ok" : share > 0.12 ? "warn" : "bad";
    }
  }

  // --- Live regions: one stream per page; the server sends the regions that changed.

  function sync(node, fresh) {
    for (const { name, value } of [...fresh.attributes]) {
      if (node.getAttribute(name) !== value) node.setAttribute(name, value);
    }
    for (const { name } of [...node.attributes]) {
      // What the person opened, or this script added, stays.
      const ours = name === "open" || name === "data-local" || name === "title"
        || (name === "class" && node.matches("progress, .changed"));
      if (!ours && !fresh.hasAttribute(name)) node.removeAttribute(name);
    }
  }

  const keyOf = (node) => (node.nodeType === 1 ? node.dataset.key || node.id || "" : "");

  function morph(node, fresh, flash) {
    const keyed = new Map();
    for (const child of node.children) if (keyOf(child)) keyed.set(keyOf(child), child);
    let at = node.firstChild;
    for (const next of [...fresh.childNodes]) {
      const key = keyOf(next);
      let match = key ? keyed.get(key) : at;
      if (match && !key && keyOf(match)) match = null;
      const same = match && match.nodeType === next.nodeType && match.nodeName === next.nodeName;
      if (!same) {
        node.insertBefore(next, at);
        if (flash && key && next.dataset.rev) next.classList.add("changed");
        continue;
      }
      if (match !== at) node.insertBefore(match, at);
      else at = at.nextSibling;
      if (match.nodeType !== 1) {
        if (match.data !== next.data) match.data = next.data;
        continue;
      }
      if (match.isEqualNode(next)) continue;
      const revised = flash && match.dataset.rev && match.dataset.rev !== next.dataset.rev;
      sync(match, next);
      if (match.dataset.ms) continue; // The script writes relative times itself.
      morph(match, next, flash);
      if (revised) {
        match.classList.remove("changed");
        void match.offsetWidth;
        match.classList.add("changed");
      }
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  }

  let stream = null;
  let streamUrl = main?.dataset.live || "";
  const lamp = document.querySelector("[data-lamp]");

  function show(state) {
    if (!lamp) return;
    lamp.dataset.state = state;
    lamp.textContent = lamp.dataset[state] || "";
  }

  function connect() {
    stream?.close();
    stream = null;
    if (!streamUrl || document.hidden) return;
    let started = false;
    stream = new EventSource(streamUrl);
    stream.addEventListener("region", (event) => {
      const { id, html } = JSON.parse(event.data);
      const region = document.getElementById(id);
      if (!region) return;
      const parsed = document.createElement("template");
      parsed.innerHTML = html;
      morph(region, parsed.content, started);
      tick(region);
      hover(region);
    });
    stream.addEventListener("ready", () => { started = true; show("on"); });
    stream.addEventListener("signed-out", () => location.reload());
    stream.addEventListener("open", () => show("on"));
    stream.addEventListener("error", () => show("lost"));
  }

  // A hidden page gives its connection back: browsers allow only six to one host.
  document.addEventListener("visibilitychange", connect);
  addEventListener("pagehide", () => stream?.close());

  // --- Filters: the address always says what is shown, and the stream brings it.

  for (const form of document.querySelectorAll("form[data-filters]")) {
    let timer = 0;
    const apply = () => {
      const query = new URLSearchParams();
      for (const [name, value] of new FormData(form)) if (value) query.set(name, value);
      const text = query.size ? `?${query}` : "";
      history.replaceState(null, "", location.pathname + text);
      streamUrl = `/live${location.pathname}${text}`;
      for (const back of document.querySelectorAll("input[data-here]")) {
        back.value = location.pathname + text;
      }
      connect();
    };
    form.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(apply, 180);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      clearTimeout(timer);
      apply();
    });
  }

  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.nodeName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const search = document.querySelector("[data-search]");
      if (search) {
        event.preventDefault();
        search.focus();
        search.select();
      }
    }
    if (event.key === "Escape") {
      if (event.target.matches("[data-search]")) event.target.blur();
      const menu = document.querySelector("details.menu[open]");
      if (menu) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
    }
  });

  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      const text = copy.closest(".copy").querySelector("code").textContent;
      navigator.clipboard?.writeText(text).then(() => {
        const before = copy.textContent;
        copy.textContent = copy.dataset.copy;
        setTimeout(() => { copy.textContent = before; }, 1500);
      });
    }
  });

  // --- Editor: line numbers beside the text, which scroll with it.

  for (const editor of document.querySelectorAll("[data-editor]")) {
    const gutter = editor.querySelector(".gutter");
    const area = editor.querySelector("textarea");
    let shown = 0;
    const number = () => {
      const lines = area.value.split("\n").length;
      if (lines === shown) return;
      shown = lines;
      gutter.textContent = Array.from({ length: lines }, (_, at) => at + 1).join("\n");
      gutter.scrollTop = area.scrollTop;
    };
    area.addEventListener("input", number);
    area.addEventListener("scroll", () => { gutter.scrollTop = area.scrollTop; });
    gutter.hidden = false;
    editor.classList.add("numbered");
    number();
  }

  // --- Charts: a line under the pointer, with the values of that moment.

  function hover(scope) {
    for (const plot of scope.querySelectorAll(".plot[data-start]")) {
      if (plot.ready) continue;
      plot.ready = true;
      const cursor = document.createElement("div");
      const tip = document.createElement("div");
      cursor.className = "cursor";
      tip.className = "tip";
      cursor.hidden = tip.hidden = true;
      const clock = new Intl.DateTimeFormat(root.lang, { timeStyle: "medium" });
      plot.addEventListener("pointermove", (event) => {
        const box = plot.querySelector("svg").getBoundingClientRect();
        const series = JSON.parse(plot.dataset.series);
        const count = series[0].values.length;
        const share = (event.clientX - box.left) / box.width;
        if (share < 0 || share > 1 || count === 0) return leave();
        const at = Math.min(count - 1, Math.max(0, Math.round(share * (count - 1))));
        const ms = Number(plot.dataset.start) + at * Number(plot.dataset.step);
        const parts = series.map(({ name, values }) => `${name} ${values[at] ?? "–"}`);
        tip.textContent = `${clock.format(ms)}  ·  ${parts.join("  ·  ")}`;
        if (!cursor.isConnected) plot.append(cursor, tip);
        cursor.hidden = tip.hidden = false;
        const left = box.left - plot.getBoundingClientRect().left + (at / (count - 1)) * box.width;
        cursor.style.left = `${left}px`;
        const room = plot.clientWidth - left > tip.offsetWidth + 20;
        tip.style.left = `${room ? left + 8 : Math.max(0, left - tip.offsetWidth - 8)}px`;
      });
      const leave = () => { cursor.hidden = tip.hidden = true; };
      plot.addEventListener("pointerleave", leave);
    }
  }

  // --- Topology: what a node talks to stays lit while the pointer or the focus is on it.

  function light(event) {
    const node = event.target.closest?.(".topology .node");
    const drawing = document.querySelectorAll(".topology svg");
    for (const svg of drawing) {
      const name = node?.dataset.node;
      svg.classList.toggle("focusing", Boolean(name));
      for (const part of svg.querySelectorAll(".edge, .node")) {
        const near = name && (part.dataset.node === name || part.dataset.from === name
          || part.dataset.to === name || (part.dataset.near || "").split("\n").includes(name));
        part.classList.toggle("lit", Boolean(near));
      }
    }
  }
  if (document.querySelector(".topology")) {
    for (const kind of ["pointerover", "focusin"]) document.addEventListener(kind, light);
  }

  // A notice belongs to the action that was just done, not to the address.
  const here = new URL(location.href);
  if (here.searchParams.has("notice")) {
    here.searchParams.delete("notice");
    history.replaceState(null, "", here.pathname + here.search);
  }

  // Where there is little room, begin with what matters in view.
  document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  for (const drawing of document.querySelectorAll(".topology")) {
    drawing.scrollLeft = (drawing.scrollWidth - drawing.clientWidth) / 2;
  }

  tick(document);
  hover(document);
  connect();
  setInterval(() => tick(document), 1000);
})();
