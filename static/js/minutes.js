/* The minutes of a gathering: rows are added and removed by button. Without this there is an empty row at the end of each
   group, a new one after each saving, and an emptied row is a removed one. */

(() => {
  "use strict";
  const form = document.querySelector("form[data-gathering]");
  const minutes = document.getElementById("minutes");
  if (!form || !minutes) return;

  const rowsOf = (group) => [...group.querySelectorAll("[data-row]")];
  const changed = (where) => where.dispatchEvent(new Event("input", { bubbles: true }));

  // No row gets the place of one that was removed: what is typed there is another thing.
  const nextOf = (group) => {
    const places = rowsOf(group).map((row) => Number(row.querySelector("[name]").name.split("-")[1]));
    group.dataset.last = String(Math.max(Number(group.dataset.last ?? -1), ...places, -1));
    return Number(group.dataset.last) + 1;
  };

  const add = (group) => {
    const pattern = group.querySelector("template");
    const holder = document.createElement("template");
    const place = nextOf(group);
    holder.innerHTML = pattern.innerHTML.replaceAll("__n__", String(place));
    const row = holder.content.firstElementChild;
    row.querySelector("[data-row-remove]").hidden = false;
    pattern.before(row);
    nextOf(group);
    return row;
  };

  for (const group of minutes.querySelectorAll("[data-rows]")) {
    nextOf(group);
    // The spare row stays for the first one; further ones come by the button.
    if (rowsOf(group).length > 1) group.querySelector("[data-spare]")?.remove();
    group.querySelector("[data-row-add]").hidden = false;
    for (const button of group.querySelectorAll("[data-row-remove]")) button.hidden = false;
  }

  minutes.addEventListener("click", (event) => {
    const group = event.target.closest("[data-rows]");
    if (event.target.closest("[data-row-add]")) {
      add(group).querySelector("input:not([type=hidden]), textarea")?.focus();
    } else if (event.target.closest("[data-row-remove]")) {
      nextOf(group);
      event.target.closest("[data-row]").remove();
      changed(form.elements.title);
      group.querySelector("[data-row-add]").focus();
    }
  });

  // A life meeting needs what is folded away here.
  form.addEventListener("change", (event) => {
    if (event.target.name === "kinds" && event.target.value === "life_meeting" && event.target.checked) minutes.open = true;
  });
})();
