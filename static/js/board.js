/* The board of a committee whose branches take several pages: its totals are asked for when the page is open.
   [data-totals]            the place of the summary, and the address at which it can also be read without this script
   [data-late="S7"]         a column's head: what is late in it, shown once it is known */

(() => {
  "use strict";
  const place = document.querySelector("[data-totals]");
  if (!place) return;
  const fill = async () => {
    const link = place.querySelector("a");
    const before = link.textContent;
    link.textContent = "正在计算…";
    try {
      const answer = await fetch(place.dataset.totals, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const said = await answer.json();
      for (const mark of document.querySelectorAll("[data-late]")) {
        const number = said.late[mark.dataset.late];
        mark.hidden = !number;
        mark.querySelector("[data-late-number]").textContent = number || "";
      }
      place.innerHTML = said.summary;
    } catch {
      link.textContent = before; // the link itself leads to the same numbers
    }
  };
  fill();
})();
