/* The months of a branch's study plan: an item is drawn by its handle to another month, or goes there by Alt and an
   arrow. Each is one request, answered with the months and the check as they then are; it is said aloud and can be
   undone. Without it each item has a form of its own that names the day. */

(() => {
  "use strict";
  const list = document.querySelector("[data-plan-months]");
  const check = document.querySelector("[data-plan-check]");
  const box = document.querySelector("[data-plan-moved]");
  if (!list || !check || !box) return;
  const words = box.querySelector("[data-plan-words]");
  const undo = box.querySelector("[data-plan-undo]");
  let busy = false;
  let last = null;

  const say = (text, back) => {
    box.hidden = false;
    words.textContent = text;
    last = back || null;
    undo.hidden = !last;
  };

  const show = (answer) => {
    list.innerHTML = answer.months;
    check.innerHTML = answer.check;
    for (const field of document.querySelectorAll("#branch-plan [name=edition]")) field.value = answer.edition;
    const open = document.querySelector("[data-plan-open]");
    if (open) open.textContent = answer.open ? `还有${answer.open}处待完善` : "四个明确已做到";
  };

  const move = async (id, where) => {
    const item = document.getElementById(id);
    if (busy || !item?.dataset.move) return;
    busy = true;
    const url = item.dataset.move;
    const body = new FormData(item.querySelector("form.move-form"));
    body.delete("day");
    for (const [name, value] of Object.entries(where)) body.set(name, value);
    item.classList.add("is-going");
    try {
      const response = await fetch(url, { method: "POST", body, headers: { Accept: "application/json" } });
      // Logged out, or not allowed any more: the page itself says which.
      if (!response.headers.get("Content-Type")?.includes("json")) return location.reload();
      const answer = await response.json();
      if (answer.away) return location.assign(answer.away);
      show(answer);
      say(answer.words, answer.back && { id, day: answer.back });
      const moved = document.getElementById(id);
      moved?.querySelector("[data-grip]")?.focus({ preventScroll: true });
      moved?.scrollIntoView({ block: "nearest" });
    } catch {
      item.classList.remove("is-going");
      say("没有移动：网络没有连上，请稍后再试。");
    } finally {
      busy = false;
    }
  };

  undo.addEventListener("click", () => last && move(last.id, { day: last.day }));

  const months = () => [...list.querySelectorAll("[data-month]")].map((one) => Number(one.dataset.month));
  list.addEventListener("keydown", (event) => {
    if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    const item = event.target.closest("[data-move]");
    if (!item) return;
    event.preventDefault();
    const to = Number(item.dataset.at) + (event.key === "ArrowUp" ? -1 : 1);
    if (months().includes(to)) move(item.id, { month: to });
    else say(to < 1 || to > 12 ? "已经是本年度的最后一个月份，不能再移。" : "这个月在制定计划时已过，不能移到那里。");
  });

  // Drawing: by mouse, pen or finger; near the window's edge the page goes along.
  const EDGE = 72;
  let drawn = null;
  const target = (x, y) => document.elementFromPoint(x, y)?.closest("[data-month]");
  const mark = (month) => {
    for (const one of list.querySelectorAll(".is-target")) one.classList.toggle("is-target", one === month);
    month?.classList.add("is-target");
  };
  const roll = () => {
    if (!drawn) return;
    const speed = drawn.y < EDGE ? drawn.y - EDGE : Math.max(0, drawn.y - (innerHeight - EDGE));
    if (speed) scrollBy(0, speed / 4);
    mark(target(drawn.x, drawn.y));
    requestAnimationFrame(roll);
  };
  const drop = (go) => {
    if (!drawn) return;
    const { item, x, y } = drawn;
    const month = Number(target(x, y)?.dataset.month);
    drawn = null;
    mark(null);
    item.classList.remove("is-drawn");
    if (go && month && month !== Number(item.dataset.at)) move(item.id, { month });
  };
  list.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest("[data-grip]");
    if (!grip || event.button !== 0 || busy) return;
    drawn = { item: grip.closest("[data-move]"), x: event.clientX, y: event.clientY };
    drawn.item.classList.add("is-drawn");
    grip.setPointerCapture(event.pointerId);
    requestAnimationFrame(roll);
  });
  list.addEventListener("pointermove", (event) => {
    if (drawn) Object.assign(drawn, { x: event.clientX, y: event.clientY });
  });
  list.addEventListener("pointerup", () => drop(true));
  list.addEventListener("pointercancel", () => drop(false));
  document.addEventListener("keydown", (event) => event.key === "Escape" && drop(false));
})();
