/* One filing: a usual phrase goes into the reason, and the button of the bar opens the place for it.
   button[data-phrase][data-phrase-for]   adds its words to that text area
   a[data-open]                           opens the details with that id before the jump */

(() => {
  "use strict";
  document.addEventListener("click", (event) => {
    const phrase = event.target.closest("button[data-phrase]");
    if (phrase) {
      const area = document.getElementById(phrase.dataset.phraseFor);
      const before = area.value.trim();
      if (!before.includes(phrase.dataset.phrase)) {
        area.value = before ? `${before}\n${phrase.dataset.phrase}` : phrase.dataset.phrase;
      }
      area.dispatchEvent(new Event("input", { bubbles: true }));
      area.focus();
    }
    const opener = event.target.closest("a[data-open]");
    if (opener) {
      const place = document.getElementById(opener.dataset.open);
      place.open = true;
      place.querySelector("textarea")?.focus();
    }
  });
})();
