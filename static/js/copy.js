/* button[data-copy="id"] copies the text of that field; shown only where the browser can do it.
   Without it the field is selected by hand. */

(() => {
  "use strict";
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const field = document.getElementById(button.dataset.copy);
    field?.addEventListener("focus", () => field.select());
    if (!field || !navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(field.value);
        button.textContent = button.dataset.copied;
      } catch {
        field.focus();
      }
    });
  }
})();
