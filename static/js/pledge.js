/* Writing a pledge: what the check finds vague stands below the item as soon as one leaves a field. Without this it
   stands there after saving.   form[data-pledge] names the address that is asked */

(() => {
  "use strict";
  const form = document.querySelector("form[data-pledge]");
  if (!form) return;
  let asked = 0;

  const show = (hints) => {
    for (const list of form.querySelectorAll("[data-hints-for]")) {
      const lines = hints[list.dataset.hintsFor] || [];
      list.replaceChildren(...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })));
    }
  };

  form.addEventListener("change", async (event) => {
    if (!event.target.name?.startsWith("item-")) return;
    const mine = ++asked;
    try {
      const answer = await fetch(form.dataset.pledge, {
        method: "POST", body: new FormData(form), headers: { Accept: "application/json" }, credentials: "same-origin",
      });
      if (!answer.ok) return;
      const { hints } = await answer.json();
      if (mine === asked) show(hints); // an older answer that came later says nothing about what stands there now
    } catch {
      // Offline: the hints come with the next saving.
    }
  });
})();
