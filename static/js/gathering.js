/* Recording a gathering: looks again when a field changes, keeps the draft by itself, sends pictures with their progress.
   The server decides what can be settled and what is missing; this only asks it sooner. The page works without it. */

(() => {
  "use strict";
  const form = document.querySelector("form[data-gathering]");
  if (!form) return;

  const LOOK_MS = 500;
  const KEEP_MS = 4000;
  const MOST_BYTES = 20 * 1024 * 1024;
  const mayFile = form.dataset.mayFile === "yes";
  const bar = document.querySelector(".action-bar");
  const note = bar.querySelector("[data-action-note]");
  const primary = bar.querySelector(".btn-primary");
  const title = form.elements.title;
  const pictures = document.querySelector("form[data-pictures]");
  const chooser = pictures.querySelector("input[type=file]");

  let suggested = form.dataset.suggested;
  let savedWords = "";
  let missing = note.textContent.startsWith("还缺") ? note.textContent.slice(3).split("、") : [];
  let changed = false;
  let leaving = false;
  let lost = false;
  let sending = 0;
  let line = Promise.resolve();

  // What a new record began with, or was given since: only what nobody has touched follows the kinds and the plan's item.
  const given = {};
  let givenItem = form.elements.plan_item?.value ?? "";
  let givenKinds = "";
  const ticked = () => [...form.querySelectorAll('[name="kinds"]:checked')].map((one) => one.value).join();
  if ("fresh" in form.dataset) {
    for (const name of ["held_on", "place", "method", "from_time", "until_time", "host", "recorder", "lecturer"]) {
      given[name] = form.elements[name].value;
    }
    givenKinds = ticked();
  }

  // What the bar says

  const say = () => {
    const lacking = mayFile && missing.length ? `还缺：${missing.join("、")}` : "";
    const words = [savedWords, lacking].filter(Boolean);
    if (words.length || mayFile) note.textContent = words.join(" · ");
    if (mayFile) primary.disabled = missing.length > 0;
  };

  // Fragments from the server take the place of those on the page; the focus stays where it was.

  const swap = (id, html) => {
    const old = document.getElementById(id);
    const holder = document.createElement("template");
    holder.innerHTML = html.trim();
    const fresh = holder.content.firstElementChild;
    if (!old || !fresh) return;
    const held = old.contains(document.activeElement) ? document.activeElement : null;
    const open = old.querySelector("details")?.open;
    old.replaceWith(fresh);
    const details = fresh.querySelector("details");
    if (details && open !== undefined) details.open = open || "staysOpen" in details.dataset;
    if (held?.name) {
      [...fresh.querySelectorAll("[name]")].find((one) => one.name === held.name && one.value === held.value)?.focus();
    }
  };

  const peopleIn = (html) => {
    const holder = document.createElement("template");
    holder.innerHTML = html.trim();
    return holder.content.firstElementChild.dataset.people;
  };

  // Returns whether a field has changed, so that the server should look once more.
  const takeOver = (parts) => {
    let moved = false;
    for (const [name, value] of Object.entries(parts.usual || {})) {
      if (!(name in given) || given[name] === value) continue;
      const field = form.elements[name];
      if (field.value === given[name]) {
        field.value = value;
        moved = true;
      }
      given[name] = value;
    }
    const item = form.elements.plan_item?.value ?? "";
    if ("fresh" in form.dataset && item !== givenItem) {
      const before = ticked();
      if (parts.item_kinds?.length && (before === "" || before === givenKinds)) {
        for (const one of form.querySelectorAll('[name="kinds"]')) one.checked = parts.item_kinds.includes(one.value);
        moved ||= before !== ticked();
        givenKinds = ticked();
      }
      givenItem = item;
    }
    return moved;
  };

  const apply = (parts) => {
    swap("duties", parts.duties);
    if (peopleIn(parts.attendance) !== document.getElementById("attendance").dataset.people) {
      swap("attendance", parts.attendance);
      form.dispatchEvent(new Event("change", { bubbles: true })); // the tallies count anew
    }
    swap("gathering-status", parts.status);
    swap("gathering-missing", parts.lacking);
    for (const [id, html] of Object.entries(parts.more || {})) swap(id, html);
    const pending = document.querySelectorAll("#photos [data-pending]");
    swap("photos", parts.photos);
    document.getElementById("photos").append(...pending);
    if (title.value.trim() === "" || title.value === suggested) title.value = parts.suggested;
    suggested = parts.suggested;
    missing = parts.missing;
    document.querySelector("[data-late]").hidden = parts.late.length === 0;
    if (mayFile) primary.textContent = parts.label;
    say();
  };

  // Asking the server: one thing at a time, so that what was typed last is answered last.

  const send = async (action) => {
    const data = new FormData(form);
    data.set("action", action);
    const answer = await fetch(form.getAttribute("action"), {
      method: "POST", body: data, headers: { Accept: "application/json" }, redirect: "error",
    });
    if (!(answer.headers.get("Content-Type") || "").includes("json")) throw new Error(`status ${answer.status}`);
    const parts = await answer.json();
    if (parts.go) {
      leaving = true;
      location.assign(parts.go);
      throw new Error("moved on");
    }
    return parts;
  };

  const inLine = (act) => {
    line = line.then(act, act);
    return line;
  };

  const look = () =>
    inLine(async () => {
      try {
        // An item brings its kinds, and these bring their hours: three looks are enough.
        for (let looks = 0; looks < 3; looks += 1) {
          const parts = await send("refresh");
          apply(parts);
          if (!takeOver(parts)) break;
        }
      } catch {
        /* the server looks again when the form is sent */
      }
    });

  // Keeping: what the first picture or the button began, goes on by itself. Returns whether it is kept.

  const keep = () =>
    inLine(async () => {
      if (lost) return false;
      changed = false;
      try {
        const parts = await send("save");
        if (parts.lost) {
          lost = true;
          savedWords = "这份记录刚被别人修改过，已停止自动保存；点“存草稿”可对照两份内容";
          say();
          return false;
        }
        apply(parts);
        if (parts.errors?.length) {
          changed = true;
          savedWords = `还没有保存：${parts.errors[0]}`;
          say();
          return false;
        }
        form.elements.edition.value = parts.edition;
        if (!("kept" in form.dataset)) {
          form.dataset.kept = "";
          form.setAttribute("action", parts.url); // form.action is the buttons of that name
          pictures.action = parts.pictures_url;
          history.replaceState(null, "", parts.url);
        }
        savedWords = parts.saved;
        say();
        return true;
      } catch {
        changed = true;
        if (!leaving) {
          savedWords = "没有连上，内容还在本页，请不要关闭";
          say();
        }
        return false;
      }
    });

  let lookLater = 0;
  let keepLater = 0;
  document.addEventListener("input", (event) => {
    if (event.target.form !== form) return;
    changed = true;
    clearTimeout(lookLater);
    lookLater = setTimeout(look, LOOK_MS);
    clearTimeout(keepLater);
    if ("kept" in form.dataset) keepLater = setTimeout(() => changed && keep(), KEEP_MS);
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden" && changed && "kept" in form.dataset && !leaving) keep();
  });

  // 应到: everybody shown but those who are not of the group that met.
  form.addEventListener("change", () => {
    const there = document.getElementById("attendance");
    const expected = there.querySelector("[data-expected]");
    if (expected) {
      expected.textContent =
        there.querySelectorAll(".person").length - there.querySelectorAll('input[value="out"]:checked').length;
    }
  });

  form.addEventListener("submit", (event) => {
    clearTimeout(lookLater);
    clearTimeout(keepLater);
    if (sending > 0) {
      event.preventDefault();
      savedWords = "图片还在上传，传完后再点一次";
      say();
      return;
    }
    if (form.dataset.settled) {
      leaving = true;
      return;
    }
    // What is being kept just now comes back with a new edition: the form waits for it.
    event.preventDefault();
    const submitter = event.submitter;
    const go = () => {
      form.dataset.settled = "yes";
      form.requestSubmit(submitter);
      delete form.dataset.settled;
    };
    // A form that is just telling of its submission takes no other: one turn later it does.
    inLine(() => setTimeout(go));
  });
  window.addEventListener("beforeunload", (event) => {
    if (changed && !leaving) event.preventDefault();
  });

  // Pictures: each is sent by itself, with its progress; the first one makes the draft.

  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    made.className = className;
    if (text) made.textContent = text;
    return made;
  };

  const placeFor = (file) => {
    const place = element("li", "photo");
    place.dataset.pending = "";
    const image = element("img", "");
    image.alt = file.name;
    image.width = 160;
    image.height = 120;
    image.src = URL.createObjectURL(file);
    image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
    const progress = element("progress", "");
    progress.max = 100;
    progress.value = 0;
    progress.setAttribute("aria-label", `${file.name}上传进度`);
    place.append(image, progress);
    document.getElementById("photos").append(place);
    return place;
  };

  const refuse = (place, words) => {
    place.classList.add("photo-bad");
    place.querySelector("progress")?.remove();
    const sentence = element("p", "photo-error", words);
    sentence.setAttribute("role", "alert");
    const away = element("button", "photo-away btn btn-link", "知道了");
    away.type = "button";
    away.addEventListener("click", () => place.remove());
    place.append(sentence, away);
  };

  const wordsOf = (request, name) => {
    try {
      const told = JSON.parse(request.responseText);
      const words = told.error || told.message || told.errors?.[0];
      if (words) return words;
    } catch {
      /* no sentence came back */
    }
    return `“${name}”没有传上去，请检查网络后再选一次。`;
  };

  const upload = (file, place) =>
    new Promise((done) => {
      const data = new FormData();
      data.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
      data.append(chooser.name, file, file.name);
      const request = new XMLHttpRequest();
      request.open("POST", pictures.action);
      request.setRequestHeader("Accept", "application/json");
      request.upload.addEventListener("progress", (event) => {
        const progress = place.querySelector("progress");
        if (progress && event.lengthComputable) progress.value = (event.loaded / event.total) * 100;
      });
      request.addEventListener("load", () => {
        if (request.status >= 200 && request.status < 300) place.remove();
        else refuse(place, wordsOf(request, file.name));
        done();
      });
      request.addEventListener("error", () => {
        refuse(place, wordsOf(request, file.name));
        done();
      });
      request.send(data);
    });

  chooser.addEventListener("change", async () => {
    const files = [...chooser.files];
    chooser.value = "";
    if (!files.length) return;
    const places = files.map(placeFor);
    if (!("kept" in form.dataset) && !(await keep())) {
      places.forEach((place) => refuse(place, "先补全上面标出的内容，再选图片。"));
      return;
    }
    sending += files.length;
    for (const [n, file] of files.entries()) {
      if (file.size > MOST_BYTES) refuse(places[n], `“${file.name}”超过20 MB，请选小一些的照片。`);
      else await upload(file, places[n]);
      sending -= 1;
    }
    savedWords = "";
    await look();
  });

  document.addEventListener("submit", async (event) => {
    const removing = event.target.closest("form[data-picture-remove]");
    if (!removing) return;
    event.preventDefault();
    try {
      await fetch(removing.getAttribute("action"), {
        method: "POST", body: new FormData(removing), headers: { Accept: "application/json" },
      });
    } finally {
      look();
    }
  }, { capture: true });

  say();
})();
