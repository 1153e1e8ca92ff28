/* What the pages do beyond HTML; every page works without it. Behaviour hangs on data- attributes:
   form[data-autosubmit]     sends itself when a condition changes
   button[data-confirm]      asks the sentence first, in a dialog
   form                      is sent once; data-send-again lets it be sent again (downloads)
   textarea[data-autogrow]   grows with its text
   [data-tally]              counts the chosen inputs of a group: data-tally="attendance" data-tally-value="present"
   button[data-tick-all]     ticks every box of that name on the page, or none where all are ticked
   button[data-unfold]       on a phone the form's conditions are folded behind it, unless one is set
   [data-focus]              takes the focus when the page opens (the summary of errors) */

(() => {
  "use strict";
  document.documentElement.classList.add("has-script");

  // Storage may be closed to us (private windows); then the page merely forgets where the focus was.
  const remember = (key, value) => {
    try {
      sessionStorage.setItem(key, value);
    } catch {
      /* nothing to remember with */
    }
  };
  const recall = (key) => {
    try {
      const value = sessionStorage.getItem(key);
      sessionStorage.removeItem(key);
      return value;
    } catch {
      return null;
    }
  };

  const FOCUS = `focus:${location.pathname}`;
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-autosubmit]");
    if (!form || !form.reportValidity()) return;
    remember(FOCUS, event.target.id);
    form.requestSubmit();
  });
  // Conditions that were not set stay out of the address.
  document.addEventListener("formdata", (event) => {
    if (!event.target.matches("form[data-autosubmit]")) return;
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });
  // Folded only where no condition is set or refused: what narrows the list must be seen.
  document.querySelectorAll("form:has(> * > [data-unfold])").forEach((form) => {
    const narrows = (field) => field.name && field.type !== "hidden" && field.value !== "" && !("usual" in field.dataset);
    const set = [...form.elements].some(narrows);
    form.classList.toggle("is-folded", !set && !form.querySelector(".is-invalid"));
  });
  document.addEventListener("click", (event) => {
    const form = event.target.closest("button[data-unfold]")?.form;
    if (!form) return;
    form.classList.remove("is-folded");
    [...form.elements].find((field) => field.name && field.type !== "hidden")?.focus();
  });

  const back = recall(FOCUS);
  if (back) document.getElementById(back)?.focus({ preventScroll: true });
  document.querySelector("[data-focus]")?.focus();

  // Confirmation: one dialog for the page, filled with the button's own words.
  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    made.className = className;
    if (text) made.textContent = text;
    return made;
  };
  let dialog = null;
  const buildDialog = () => {
    dialog = element("dialog", "confirm");
    const words = element("p", "confirm-words");
    words.id = "confirm-words";
    dialog.setAttribute("aria-labelledby", "confirm-words");
    const buttons = element("div", "confirm-buttons");
    const no = element("button", "btn btn-secondary", "返回");
    const yes = element("button", "btn btn-primary");
    no.type = yes.type = "button";
    no.addEventListener("click", () => dialog.close());
    yes.addEventListener("click", () => dialog.close("yes"));
    buttons.append(no, yes);
    dialog.append(words, buttons);
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
    document.body.append(dialog);
  };
  const ask = (sentence, label, then) => {
    if (!dialog) buildDialog();
    dialog.returnValue = "";
    dialog.querySelector(".confirm-words").textContent = sentence;
    dialog.querySelector(".btn-primary").textContent = label;
    dialog.addEventListener("close", () => dialog.returnValue === "yes" && then(), { once: true });
    dialog.showModal();
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-confirm]");
    if (!button || button.dataset.confirmed) return;
    event.preventDefault();
    ask(button.dataset.confirm, button.getAttribute("aria-label") || button.textContent.trim(), () => {
      button.dataset.confirmed = "yes";
      button.click();
      delete button.dataset.confirmed;
    });
  });

  // A form is sent once. The server refuses the second sending too; this only keeps the finger from it.
  const BUSY_MS = 15000;
  const release = (form) => {
    delete form.dataset.sent;
    form.querySelectorAll("[data-busy]").forEach((button) => {
      button.removeAttribute("data-busy");
      button.removeAttribute("aria-disabled");
    });
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.hasAttribute("data-send-again") || form.method === "dialog") return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    if (event.submitter) {
      event.submitter.setAttribute("data-busy", "");
      event.submitter.setAttribute("aria-disabled", "true");
    }
    setTimeout(release, BUSY_MS, form);
  });
  // Coming back by the browser's own button finds the page as it was left: ready, not busy.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("form[data-sent]").forEach(release);
  });

  // Text areas: field-sizing does it where the browser knows it, this where not.
  if (!CSS.supports("field-sizing", "content")) {
    const grow = (area) => {
      area.style.height = "auto";
      area.style.height = `${area.scrollHeight + 2}px`;
    };
    document.addEventListener("input", (event) => event.target.matches("textarea[data-autogrow]") && grow(event.target));
    document.querySelectorAll("textarea[data-autogrow]").forEach(grow);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-tick-all]");
    if (!button) return;
    const boxes = [...document.querySelectorAll(`input[type=checkbox][name="${button.dataset.tickAll}"]:enabled`)];
    const all = boxes.every((box) => box.checked);
    for (const box of boxes) box.checked = !all;
    boxes[0]?.dispatchEvent(new Event("change", { bubbles: true }));
  });

  // Tallies: 应到17 实到15 while names are tapped.
  const count = (tally) => {
    const chosen = document.querySelectorAll(`[data-tally-group="${tally.dataset.tally}"] :checked`);
    const value = tally.dataset.tallyValue;
    tally.textContent = [...chosen].filter((one) => value === undefined || one.value === value).length;
  };
  const countAll = () => document.querySelectorAll("[data-tally]").forEach(count);
  document.addEventListener("change", countAll);
  countAll();
})();
