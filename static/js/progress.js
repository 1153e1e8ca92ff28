/* The page of work that is being done in the background: asks every second how far it is, and opens what came of it.
   Without it a link on the page does. */

(() => {
  "use strict";
  const box = document.querySelector("[data-progress]");
  if (!box) return;
  const bar = box.querySelector("progress");
  const write = (place, text) => {
    const node = box.querySelector(place);
    if (node.textContent !== text) node.textContent = text;
  };
  const ask = async () => {
    try {
      const answer = await fetch(box.dataset.progress, { headers: { Accept: "application/json" } });
      // Logged out, or not allowed any more: the page itself says which.
      if (!answer.ok || answer.redirected) return location.reload();
      const { busy, what, done, total } = await answer.json();
      if (!busy) return location.reload();
      write("[data-what]", what);
      write("[data-count]", total ? `${done} / ${total} ${box.dataset.unit}` : "");
      if (total) {
        bar.max = total;
        bar.value = done;
      } else {
        bar.removeAttribute("value");
      }
    } catch {
      /* the network is away for a moment: the next second asks again */
    }
    setTimeout(ask, 1000);
  };
  setTimeout(ask, 1000);
})();
