/* The table of a study plan: a moment after something was changed the check beside it is asked anew, of what is typed
   and not saved yet. Without it the check is seen once the table is saved. */

(() => {
  "use strict";
  const form = document.querySelector("form[data-plan-table]");
  const check = document.querySelector("[data-plan-check]");
  if (!form || !check) return;
  const words = document.querySelector("[data-plan-words]");
  const WAIT_MS = 600;
  let timer = 0;
  let asked = null;

  const ask = async () => {
    asked?.abort();
    asked = new AbortController();
    const body = new FormData(form);
    body.set("action", "check");
    try {
      const response = await fetch(location.pathname, { method: "POST", body, signal: asked.signal });
      // Logged out meanwhile: saving will say so, and nothing typed is thrown away here.
      if (!response.ok || response.redirected) return;
      check.innerHTML = await response.text();
      const open = check.querySelectorAll(".clear-remarks li").length;
      words.textContent = open ? `检查：还有${open}处待完善` : "检查：四个明确已做到";
    } catch {
      /* asked again, or the network is away for a moment: the next change asks anew */
    }
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT_MS);
  };
  form.addEventListener("input", soon);
  form.addEventListener("change", soon);
  form.addEventListener("change", (event) => {
    const readings = event.target.closest(".plan-readings");
    if (!readings) return;
    readings.querySelector("summary").textContent = `${readings.querySelectorAll(":checked").length}篇`;
  });
})();
