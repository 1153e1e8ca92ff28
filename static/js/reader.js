// The reader: one part at a time or the whole text, the size of its letters, and the place where reading stopped.
// All of it is kept on this device alone, under names that begin with "reader:"; logging out takes them away.
(() => {
  const reader = document.querySelector("[data-reader]");
  if (!reader) return;
  const parts = [...reader.querySelectorAll("[data-part]")];
  const tools = reader.querySelector("[data-reader-tools]");
  const turning = reader.querySelector("[data-reader-turn]");
  const place = reader.querySelector("[data-reader-place]");
  const paged = reader.querySelector("[data-reader-paged]");
  const SIZES = ["1", "2", "3", "4"];
  // A browser may refuse to keep anything: then nothing is remembered, and reading goes on.
  const recall = (name) => {
    try {
      return localStorage.getItem(`reader:${name}`);
    } catch {
      return null;
    }
  };
  const keep = (name, value) => {
    try {
      localStorage.setItem(`reader:${name}`, value);
    } catch {
      /* not remembered */
    }
  };
  const name = reader.dataset.reader;
  let now = Math.min(Math.max(Number.parseInt(recall(name), 10) || 0, 0), parts.length - 1);

  const setSize = (size) => {
    for (const one of SIZES) reader.classList.toggle(`reader-size-${one}`, one === size);
    const button = tools.querySelector(`[value="${size}"]`);
    if (button) button.checked = true;
  };
  tools.addEventListener("change", (event) => {
    if (event.target.name !== "reader-size") return;
    setSize(event.target.value);
    keep("size", event.target.value);
  });
  setSize(SIZES.includes(recall("size")) ? recall("size") : "1");
  tools.hidden = false;
  reader.querySelector("[data-reader-said]").hidden = false;

  const draw = () => {
    const one = paged.checked && parts.length > 1;
    parts.forEach((part, n) => {
      part.hidden = one && n !== now;
    });
    turning.hidden = !one;
    place.textContent = `第${now + 1}节，共${parts.length}节`;
    turning.querySelector('[data-turn="-1"]').disabled = now === 0;
    turning.querySelector('[data-turn="1"]').disabled = now === parts.length - 1;
  };
  const go = (n, { focus = true } = {}) => {
    if (n < 0 || n >= parts.length) return;
    now = n;
    keep(name, String(n));
    draw();
    if (!focus) return;
    parts[n].scrollIntoView({ block: "start" });
    parts[n].focus({ preventScroll: true });
  };
  if (parts.length < 2) {
    paged.closest("label").hidden = true;
    return;
  }
  paged.checked = recall("paged") !== "no";
  paged.addEventListener("change", () => {
    keep("paged", paged.checked ? "yes" : "no");
    draw();
    if (!paged.checked) parts[now].scrollIntoView({ block: "start" });
  });
  turning.addEventListener("click", (event) => {
    const button = event.target.closest("[data-turn]");
    if (button) go(now + Number(button.dataset.turn));
  });
  // The contents lead to a part that may be hidden.
  const follow = () => {
    const n = parts.findIndex((part) => `#${part.id}` === location.hash);
    if (n >= 0) go(n);
  };
  window.addEventListener("hashchange", follow);
  document.addEventListener("keydown", (event) => {
    if (!paged.checked || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest("input, textarea, select, summary, [contenteditable]")) return;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) go(now + step);
  });
  // A finger drawn sideways turns the part; up and down it scrolls, and a selection is left alone.
  let from = null;
  reader.addEventListener("touchstart", (event) => {
    from = event.touches.length === 1 ? { x: event.touches[0].clientX, y: event.touches[0].clientY } : null;
  }, { passive: true });
  reader.addEventListener("touchend", (event) => {
    if (!from || !paged.checked || String(getSelection())) return;
    const end = event.changedTouches[0];
    const wide = end.clientX - from.x;
    const high = Math.abs(end.clientY - from.y);
    from = null;
    if (Math.abs(wide) > 60 && Math.abs(wide) > 2 * high) go(now + (wide < 0 ? 1 : -1));
  }, { passive: true });
  // Reading it whole, the part at the top of the window is the place.
  if ("IntersectionObserver" in window) {
    const seen = new IntersectionObserver((entries) => {
      if (paged.checked) return;
      const top = entries.filter((entry) => entry.isIntersecting).map((entry) => parts.indexOf(entry.target));
      if (!top.length) return;
      now = Math.min(...top);
      keep(name, String(now));
    }, { rootMargin: "0px 0px -70% 0px" });
    parts.forEach((part) => seen.observe(part));
  }
  draw();
  if (location.hash) follow();
})();
