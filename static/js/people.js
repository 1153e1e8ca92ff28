/* Who was there, by tapping names: 出席 → 请假 → 缺席, and one tap for the reason. The names stand for the fields of the list
   under them (one by one, for keys and for whoever has no script), which stay what is sent. */

(() => {
  "use strict";
  const WORDS = { present: "出席", excused: "请假", absent: "缺席", out: "不在组" };

  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    made.className = className;
    if (text) made.textContent = text;
    return made;
  };
  const changed = (field) => {
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const nameOf = (person) => person.querySelector(".person-name").firstChild.textContent.trim();
  const radiosOf = (person) => [...person.querySelectorAll('input[type="radio"][name^="presence-"]')];

  const paint = (button, person) => {
    const radios = radiosOf(person);
    const n = radios.findIndex((one) => one.checked);
    const state = radios[n]?.value || "present";
    const next = radios[(n + 1) % radios.length]?.value;
    button.dataset.state = state;
    button.replaceChildren(element("span", "name-word", nameOf(person)));
    if (state !== "present") button.append(element("span", "name-state", ` ${WORDS[state]}`));
    button.setAttribute("aria-label", `${nameOf(person)} ${WORDS[state]}，点一下改为${WORDS[next]}`);
  };

  // A row of reasons for whoever is excused; the select of the list takes the one that was tapped.
  const reasonsFor = (person) => {
    const select = person.querySelector('select[name^="reason-"]');
    const row = element("div", "reasons");
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", `${nameOf(person)}的请假事由`);
    row.append(element("span", "reasons-name", `${nameOf(person)}请假`));
    for (const option of [...select.options].filter((one) => one.value)) {
      const button = element("button", "reason", option.textContent);
      button.type = "button";
      button.setAttribute("aria-pressed", String(select.value === option.value));
      button.addEventListener("click", () => {
        select.value = option.value;
        changed(select);
      });
      row.append(button);
    }
    return row;
  };

  const draw = (first) => {
    const box = document.getElementById("attendance");
    if (!box || box.querySelector(".names")) return;
    const people = [...box.querySelectorAll(".person")].filter((one) => radiosOf(one).length);
    const fold = box.querySelector("details.roster");
    if (!people.length || !fold) return;
    const hint = element("p", "form-text names-hint", "点名字更改：出席 → 请假 → 缺席");
    const names = element("div", "names");
    names.setAttribute("role", "group");
    names.setAttribute("aria-label", "到会情况");
    const reasons = element("div", "reason-rows");
    const buttons = new Map();
    for (const person of people) {
      const button = element("button", "name");
      button.type = "button";
      button.addEventListener("click", () => {
        const radios = radiosOf(person);
        const next = radios[(radios.findIndex((one) => one.checked) + 1) % radios.length];
        next.checked = true;
        changed(next);
      });
      buttons.set(person, button);
      names.append(button);
    }
    const repaint = () => {
      const focused = document.activeElement;
      const held = reasons.contains(focused) ? [...reasons.querySelectorAll("button")].indexOf(focused) : -1;
      for (const [person, button] of buttons) paint(button, person);
      const excused = people.filter((one) => radiosOf(one).find((radio) => radio.checked)?.value === "excused");
      reasons.replaceChildren(...excused.filter((one) => one.querySelector('select[name^="reason-"]')).map(reasonsFor));
      if (held >= 0) reasons.querySelectorAll("button")[held]?.focus();
    };
    if (first) fold.open = "staysOpen" in fold.dataset;
    fold.before(hint, names, reasons);
    box.addEventListener("change", repaint);
    repaint();
  };

  document.addEventListener("portal:drawn", () => draw(false));
  draw(true);
})();
