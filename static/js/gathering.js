/* Recording a gathering: looks again when a field changes, keeps the draft by itself, files it with one tap.
   The server decides what can be settled and what is missing; this only asks it sooner. The page works without it.
   Files are uploads.js, the device's memory typed.js and local.js, the names people.js, the login session.js. */

(() => {
  "use strict";
  const form = document.querySelector("form[data-gathering]");
  const { session, uploads, local } = window.portal || {};
  if (!form || !session || !uploads) return;

  const LOOK_MS = 500;
  const KEEP_MS = 4000;
  const AGAIN_MS = 15000;
  // A record that nobody meant is clutter: so many letters, or the first picture, make a draft of what was opened.
  const MEANT = 20;
  const mayFile = form.dataset.mayFile === "yes";
  const bar = document.querySelector(".action-bar");
  const note = bar.querySelector("[data-action-note]");
  const primary = bar.querySelector(".btn-primary");
  const title = form.elements.title;
  const typed = window.portal.typed(form);

  let suggested = form.dataset.suggested;
  let savedWords = "";
  let uploadWords = "";
  let missing = note.textContent.startsWith("还缺") ? note.textContent.slice(3).split("、") : [];
  let changed = false;
  let held = true; // whether this device has what was typed
  let leaving = false;
  let lost = false;
  let filing = false;
  let picturesWait = false;
  let unanswered = null; // what was sent to be kept, and nobody knows whether it arrived
  let stale = false;
  let line = Promise.resolve();

  const isKept = () => "kept" in form.dataset;

  // What a new record began with, or was given since: only what nobody has touched follows the kinds and the plan's item.
  const given = {};
  let givenItem = form.elements.plan_item?.value ?? "";
  let givenKinds = "";
  const ticked = () => [...form.querySelectorAll('[name="kinds"]:checked')].map((one) => one.value).join();
  if ("fresh" in form.dataset) {
    for (const name of ["held_on", "place", "method", "from_time", "until_time", "host", "recorder", "lecturer"]) {
      if (form.elements[name]) given[name] = form.elements[name].value;
    }
    givenKinds = ticked();
  }

  // What the bar says

  const OF_THE_LINE = {
    away: "没有连上，内容都在本机，连上后自动继续",
    other: "现在登录的是另一位同志，这一页的内容不会发送",
  };
  const say = () => {
    const lacking = mayFile && missing.length ? `还缺：${missing.join("、")}` : "";
    const ended = session.state === "ended";
    const words = [ended ? "" : OF_THE_LINE[session.state] || savedWords, uploadWords, lacking].filter(Boolean);
    if (ended || words.length || mayFile) note.textContent = words.join(" · ");
    if (ended) {
      const link = document.createElement("a");
      link.href = session.loginUrl;
      link.target = "_blank";
      link.textContent = "重新登录";
      note.prepend("登录已到期，内容还在本机。", link, words.length ? " · " : "");
    }
    if (mayFile) primary.disabled = missing.length > 0 || filing;
  };
  document.addEventListener("portal:uploads", (event) => {
    uploadWords = event.detail.words;
    say();
  });

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

  // What is still on its way stays in a list that is drawn anew.
  const swapList = (id, html) => {
    const pending = document.querySelectorAll(`#${id} [data-pending]:not([data-done])`);
    swap(id, html);
    document.getElementById(id)?.append(...pending);
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
      document.dispatchEvent(new Event("portal:drawn"));
      form.dispatchEvent(new Event("change", { bubbles: true })); // the tallies count anew
    }
    swap("gathering-status", parts.status);
    swap("gathering-missing", parts.lacking);
    for (const [id, html] of Object.entries(parts.more || {})) swap(id, html);
    swapList("photos", parts.photos);
    for (const [id, html] of Object.entries(parts.fragments || {})) swapList(id, html);
    if (title.value.trim() === "" || title.value === suggested) title.value = parts.suggested;
    suggested = parts.suggested;
    missing = parts.missing;
    document.querySelector("[data-late]").hidden = parts.late.length === 0;
    if (mayFile) primary.textContent = parts.label;
    say();
  };

  // Asking the server: one thing at a time, so that what was typed last is answered last.

  class MovedOn extends Error {}
  const send = async (action, pairs) => {
    const data = new FormData();
    for (const [name, value] of pairs) data.append(name, value);
    data.set("action", action);
    const { parts } = await session.post(form.getAttribute("action"), data);
    if (!parts) throw new Error("no answer");
    if (parts.go) {
      typed.drop();
      leaving = true;
      location.assign(parts.go);
      throw new MovedOn();
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
          const parts = await send("refresh", typed.pairs());
          stale = false;
          apply(parts);
          if (!takeOver(parts)) break;
        }
      } catch {
        stale = true; // looked at again when the line is back, or by the server when the form is sent
      }
    });

  // Keeping: what the first picture, some words or the button began, goes on by itself. Returns whether it is kept.

  const remember = () => {
    held = typed.hold({ unanswered });
  };

  // Sent, and noted as sent until the answer is there: an answer that got lost is asked for again with the same words,
  // or the portal would take one's own save for somebody else's.
  const sendToKeep = async (pairs) => {
    unanswered = pairs;
    remember();
    const parts = await send("save", pairs);
    unanswered = null;
    return parts;
  };

  const accept = async (parts) => {
    form.elements.edition.value = parts.edition;
    if (isKept()) return;
    typed.drop();
    form.dataset.kept = "";
    form.setAttribute("action", parts.url); // form.action is the buttons of that name
    history.replaceState(null, "", parts.url);
    const urls = {};
    for (const [name, url] of Object.entries(parts)) if (name.endsWith("_url")) urls[name.slice(0, -4)] = url;
    await uploads.kept(urls, parts.url);
  };

  const isLost = (parts) => {
    if (!parts.lost) return false;
    lost = true;
    savedWords = "这份记录刚被别人修改过，已停止自动保存；点“存草稿”可对照两份内容";
    say();
    return true;
  };

  const answerTheLast = async () => {
    if (!unanswered) return true;
    const parts = await sendToKeep(unanswered);
    if (isLost(parts)) return false;
    if (!parts.errors?.length) await accept(parts);
    return true;
  };

  let keepLater = 0;
  const keep = () =>
    inLine(async () => {
      clearTimeout(keepLater);
      // What was asked for while the record was being filed comes too late: it would only leave its text behind here.
      if (lost || leaving) return false;
      changed = false;
      try {
        if (!(await answerTheLast())) return false;
        const parts = await sendToKeep(typed.pairs());
        if (isLost(parts)) return false;
        apply(parts);
        if (parts.errors?.length) {
          changed = true;
          remember();
          savedWords = `还没有保存：${parts.errors[0]}`;
          say();
          return false;
        }
        await accept(parts);
        picturesWait = false;
        if (changed) remember();
        else typed.drop();
        savedWords = parts.saved;
        say();
        return true;
      } catch (trouble) {
        if (trouble instanceof MovedOn) return false;
        changed = true;
        remember();
        savedWords = held ? "还没有存上，内容在本机，稍后自动再存" : "还没有存上，内容只在本页，请不要关闭";
        if (session.state === "here") keepLater = setTimeout(keepIfMeant, AGAIN_MS);
        say();
        return false;
      }
    });
  const keepIfMeant = () => changed && !leaving && (isKept() || picturesWait || typed.words() >= MEANT) && keep();

  let lookLater = 0;
  document.addEventListener("input", (event) => {
    if (event.target.form !== form) return;
    changed = true;
    remember();
    clearTimeout(lookLater);
    lookLater = setTimeout(look, LOOK_MS);
    clearTimeout(keepLater);
    keepLater = setTimeout(keepIfMeant, KEEP_MS);
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden" && changed && isKept() && !leaving) keep();
  });
  session.onChange((now) => {
    say();
    if (now !== "here") return;
    if (changed || unanswered || picturesWait) keepIfMeant();
    else if (stale) look();
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

  // The buttons. Filing is asked for here, so that a lost line or an ended login loses nothing; whatever needs a page of its
  // own (an error at its field, two texts side by side) is sent as any form is.

  const asAnyForm = (submitter) => {
    leaving = true;
    form.dataset.settled = "yes";
    form.requestSubmit(submitter);
    delete form.dataset.settled;
  };

  const fileNow = async (submitter) => {
    if (uploads.left) {
      savedWords = "传完后自动报送";
      say();
      if (!(await uploads.idle())) return "文件还没有传完，传完后请再点一次";
    }
    return inLine(async () => {
      try {
        if (await answerTheLast()) {
          const parts = await send("file", typed.pairs());
          if (parts.edition !== undefined) await accept(parts); // kept, but not filed
        }
      } catch (trouble) {
        if (trouble instanceof MovedOn) return "";
        changed = true;
        remember();
        return trouble.kind ? "还没有报送，内容在本机，请稍后再点一次" : asAnyForm(submitter);
      }
      // Not filed: the server says on a page of its own what stands in the way. One turn later the form takes it.
      setTimeout(() => asAnyForm(submitter));
      return "";
    });
  };

  const saveNow = async (submitter) => {
    // What is being kept just now comes back with a new edition: the form waits for it.
    if ((!isKept() || unanswered) && !lost) await keep();
    await line;
    if (session.state === "away") return "还没有存上，内容在本机，连上后自动再存";
    if (!leaving) setTimeout(() => asAnyForm(submitter));
    return "";
  };

  form.addEventListener("submit", async (event) => {
    clearTimeout(lookLater);
    clearTimeout(keepLater);
    if (form.dataset.settled) return;
    event.preventDefault();
    if (filing) return;
    filing = true;
    say();
    savedWords = await (event.submitter?.value === "file" ? fileNow : saveNow)(event.submitter);
    filing = leaving;
    say();
  });
  window.addEventListener("beforeunload", (event) => {
    if (changed && !held && !leaving) event.preventDefault();
  });
  // Coming back by the browser's own button finds the page as it was left, but ready.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    leaving = filing = false;
    look();
  });

  // Pictures: the first one makes the draft.

  let uploadedLater = 0;
  document.addEventListener("portal:uploaded", () => {
    clearTimeout(uploadedLater);
    uploadedLater = setTimeout(look, LOOK_MS / 2);
  });
  document.addEventListener("portal:record-wanted", () => {
    picturesWait = true;
    changed = true;
    remember();
    if (!isKept()) keep();
  });

  document.addEventListener("submit", async (event) => {
    const removing = event.target.closest("form[data-evidence]");
    if (!removing) return;
    event.preventDefault();
    try {
      await session.post(removing.getAttribute("action"), new FormData(removing));
    } catch {
      /* the bar says so */
    }
    look();
  }, { capture: true });

  // What did not reach the server the last time

  const restore = async (entry) => {
    const done = typed.put(entry.values);
    unanswered = entry.unanswered || null;
    changed = true;
    remember();
    if (!isKept()) {
      const record = form.elements.form_key.value;
      document.querySelectorAll("form[data-upload]").forEach((one) => (one.dataset.uploadRecord = record));
      picturesWait = (await uploads.resume(record)) > 0;
    }
    // Day and kinds decide whose names and which duties are there to be ticked.
    await look();
    typed.put(entry.values, done);
    form.dispatchEvent(new Event("change", { bubbles: true }));
    document.getElementById("attendance").dispatchEvent(new Event("change", { bubbles: true }));
    keepIfMeant();
  };
  if (!("bound" in form.dataset)) {
    local.tidied.then(() =>
      typed.offer(restore, (entry) => {
        const key = entry.values.find(([name]) => name === "form_key")?.[1];
        if (!isKept() && key) uploads.forget(key);
      }),
    );
  }

  say();
})();
