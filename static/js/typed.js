/* What was typed into a form and has not reached the server: kept on this device at each keystroke, offered again when the
   form is opened anew, gone when the server has it. portal.typed(form) → {pairs, put, hold, drop, offer, words} */

(() => {
  "use strict";
  const portal = (window.portal ||= {});
  const { texts } = portal.local;
  // Not what anybody typed: they differ from one opening of the form to the next.
  const OWN = ["csrfmiddlewaretoken", "form_key", "edition", "duty_shown", "action"];

  const moment = (at) => {
    const day = new Date(at);
    const two = (n) => String(n).padStart(2, "0");
    return `${day.getMonth() + 1}月${day.getDate()}日 ${two(day.getHours())}:${two(day.getMinutes())}`;
  };

  portal.typed = (form) => {
    const isKept = () => "kept" in form.dataset;
    const key = () => (isKept() ? `at:${location.pathname}` : `new:${form.elements.form_key.value}`);

    // Name and value of every field, as they would be sent.
    const pairs = () =>
      [...new FormData(form)].filter(([name, value]) => typeof value === "string" && name !== "csrfmiddlewaretoken");

    // The other way: what is ticked now and was not then is unticked. Fields that were put already are somebody's again:
    // a second call, after the server has drawn the rest, leaves them alone.
    const put = (found, done = new Set()) => {
      const given = new Map();
      for (const [name, value] of found) given.set(name, [...(given.get(name) || []), value]);
      for (const field of form.elements) {
        if (!field.name || field.name === "csrfmiddlewaretoken" || field.type === "file" || field.tagName === "BUTTON") continue;
        const which = `${field.name} ${["radio", "checkbox"].includes(field.type) ? field.value : ""}`;
        if (done.has(which)) continue;
        done.add(which);
        const values = given.get(field.name);
        if (field.type === "radio") {
          if (values) field.checked = values.includes(field.value);
        } else if (field.type === "checkbox") field.checked = Boolean(values?.includes(field.value));
        else if (values && field.name !== "duty_shown") field.value = values[0];
      }
      return done;
    };
    const plain = (found) => JSON.stringify(found.filter(([name]) => !OWN.includes(name)).sort());

    // The newest that this device has for this form: of the same record, or of one that was begun and never kept.
    const waiting = () => {
      const keys = isKept() ? [key()] : texts.keys("new:");
      const entries = keys.map((one) => ({ key: one, ...texts.read(one) })).filter((one) => one.values);
      return entries.sort((a, b) => b.at - a.at)[0];
    };

    const button = (words, kind, act) => {
      const made = document.createElement("button");
      made.type = "button";
      made.className = `btn ${kind}`;
      made.textContent = words;
      made.addEventListener("click", act);
      return made;
    };

    return {
      pairs, put,
      hold: (more) => texts.save(key(), { values: pairs(), page: location.pathname, ...more }),
      drop: () => texts.drop(key()),
      // Letters in the fields for sentences: what somebody has typed, not what the form brought along.
      words: () => [...form.querySelectorAll("textarea")].reduce((sum, area) => sum + area.value.trim().length, 0),
      // A line above the form, where something waits that the page does not show.
      offer: (restore, forget) => {
        const entry = waiting();
        if (!entry) return;
        if (plain(entry.values) === plain(pairs())) {
          texts.drop(entry.key);
          return;
        }
        const box = document.createElement("div");
        box.className = "notice notice-soon form-column unsaved";
        box.setAttribute("role", "status");
        const words = document.createElement("p");
        const title = entry.values.find(([name]) => name === "title")?.[1];
        words.textContent = `上次没有存上的内容还在本机（${moment(entry.at)}${title ? `，“${title}”` : ""}）。`;
        const row = document.createElement("p");
        row.className = "unsaved-buttons";
        const away = (then) => () => {
          box.remove();
          then(entry);
        };
        row.append(
          button("恢复", "btn-secondary", away((found) => {
            texts.drop(found.key);
            texts.drop(key()); // what was touched before the choice; the record goes on under its first key
            restore(found);
          })),
          button("不要", "btn-link", away((found) => {
            texts.drop(found.key);
            forget(found);
          })),
        );
        box.append(words, row);
        form.before(box);
      },
    };
  };
})();
