/* Files on their way into a record, behind the person's back: two at a time, each with its bar; kept on this device until
   the server has said that it has them. They go on by themselves after a lost connection, a new login, a closed browser.
   form[data-upload="pictures"]   its file inputs are sent one file at a time to the form's action; a form without one waits
                                  until its record is kept (portal.uploads.kept)
   data-upload-list="photos"      the id of the list that shows what is on its way
   data-upload-record, -title     where they belong, and what that is called */

(() => {
  "use strict";
  const portal = (window.portal ||= {});
  const { local, session } = portal;
  const forms = [...document.querySelectorAll("form[data-upload]")];
  if (!forms.length || !session) return;

  const AT_ONCE = 2;
  const MOST_BYTES = 20 * 1024 * 1024;
  const AGAIN_MS = 15000;
  const items = [];
  let resumed = false;
  let waitingFor = [];
  let someTime = 0;

  const form = (name) => forms.find((one) => one.dataset.upload === name);
  const tell = (name, detail) => document.dispatchEvent(new CustomEvent(`portal:${name}`, { detail }));
  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    made.className = className;
    if (text) made.textContent = text;
    return made;
  };

  // The tile of one file

  const draw = (item) => {
    const tile = element("li", "photo");
    tile.dataset.pending = "";
    const shown = element(item.file.type.startsWith("image/") ? "img" : "span", "photo-blank", "");
    if (shown.tagName === "IMG") {
      shown.className = "";
      shown.alt = item.name;
      shown.width = 160;
      shown.height = 120;
      shown.src = URL.createObjectURL(item.file);
      shown.addEventListener("load", () => URL.revokeObjectURL(shown.src), { once: true });
    } else shown.textContent = item.name;
    const progress = element("progress", "");
    progress.max = 100;
    progress.value = 0;
    progress.setAttribute("aria-label", `${item.name}上传进度`);
    const away = element("button", "photo-away btn btn-link", "不传了");
    away.type = "button";
    away.setAttribute("aria-label", `不传了：${item.name}`);
    away.addEventListener("click", () => remove(item));
    tile.append(shown, progress, away);
    const list = document.getElementById(form(item.form).dataset.uploadList);
    list?.append(tile);
    const folded = list?.closest("details");
    if (folded) folded.open = true; // what is on its way is in view
    return tile;
  };

  const remove = (item) => {
    item.state = "gone";
    item.stop?.();
    item.tile.remove();
    local.files.drop(item.id);
    items.splice(items.indexOf(item), 1);
    after();
  };

  const refuse = (item, words) => {
    item.state = "refused";
    local.files.drop(item.id);
    item.tile.classList.add("photo-bad");
    item.tile.querySelector("progress")?.remove();
    const sentence = element("p", "photo-error", words);
    sentence.setAttribute("role", "alert");
    item.tile.querySelector(".photo-away").replaceWith(sentence);
    const away = element("button", "photo-away btn btn-link", "知道了");
    away.type = "button";
    away.addEventListener("click", () => remove(item));
    item.tile.append(away);
    after();
  };

  // Sending

  const one = async (item) => {
    item.state = "sending";
    say();
    const data = new FormData();
    data.append(item.field, item.file, item.name);
    const bar = item.tile.querySelector("progress");
    try {
      const { status, parts } = await session.upload(item.url, data, {
        progress: (part) => (bar.value = part * 100),
        stop: (stop) => (item.stop = stop),
      });
      if (item.state === "gone") return;
      if (status < 300 && !parts) throw { kind: "broken" }; // a page came instead of an answer: nothing is known
      if (status < 300) await arrived(item, parts);
      else refuse(item, wordsOf(status, parts, item.name));
    } catch (trouble) {
      if (item.state === "gone") return;
      item.state = "waiting";
      bar.value = 0;
      // The session comes back by itself; what only the server could not do is tried again after a while.
      if (trouble.kind === "broken") {
        clearTimeout(someTime);
        someTime = setTimeout(go, AGAIN_MS);
        item.notBefore = Date.now() + AGAIN_MS / 2;
      }
    }
    after();
  };

  const arrived = async (item, parts) => {
    // The server has it: from now on it is shown as the record shows it.
    await local.files.drop(item.id);
    items.splice(items.indexOf(item), 1);
    item.tile.dataset.done = "";
    item.tile.querySelector("progress")?.remove();
    item.tile.querySelector(".photo-away")?.remove();
    tell("uploaded", parts);
  };

  const wordsOf = (status, parts, name) => {
    if (status === 413) return `“${name}”太大，请选小一些的。`;
    return parts?.error || parts?.errors?.[0] || `“${name}”没有传上去：这份记录现在不能添加，请刷新页面看看它的状态。`;
  };

  const ready = (item) => item.state === "waiting" && item.url && !(item.notBefore > Date.now());
  const go = () => {
    if (session.state !== "here") return;
    while (items.filter((item) => item.state === "sending").length < AT_ONCE) {
      const next = items.find(ready);
      if (!next) break;
      one(next);
    }
  };
  const pending = () => items.filter((item) => item.state !== "refused");
  const after = () => {
    go();
    say();
    if (!pending().length || session.state !== "here") {
      waitingFor.forEach((done) => done(!pending().length));
      waitingFor = [];
    }
  };

  // What the bar says about it

  const say = () => {
    const left = pending();
    const what = left.every((item) => item.file.type.startsWith("image/")) ? "张照片" : "个文件";
    let words = "";
    if (left.length && left.some((item) => !item.stored)) words = `有${left.length}${what}还没有传完，请不要关闭本页`;
    else if (left.length && session.state !== "here") words = `${left.length}${what}还没有传完`;
    else if (left.length) words = resumed ? `有${left.length}${what}还没有传完，正在继续` : `还有${left.length}${what}在上传`;
    tell("uploads", { words, left: left.length });
  };

  // Choosing: kept on this device first, then sent

  const add = async (where, field, chosen) => {
    resumed = false;
    const fresh = [];
    for (const [place, file] of chosen.entries()) {
      const item = {
        id: `${Date.now()}-${Math.random()}`, at: Date.now(), place, state: "keeping", form: where.dataset.upload, field,
        name: file.name, file, url: where.getAttribute("action") || "", stored: false,
      };
      item.tile = draw(item);
      items.push(item);
      if (file.size > MOST_BYTES) {
        refuse(item, `“${file.name}”超过20 MB，请选小一些的。`);
        continue;
      }
      fresh.push(item);
    }
    for (const item of fresh) {
      item.url = where.getAttribute("action") || "";
      const stored = await keepHere(item, where);
      if (item.state === "gone") local.files.drop(item.id);
      else Object.assign(item, { stored, state: "waiting" });
      go();
    }
    say();
    if (fresh.some((item) => !item.url)) tell("record-wanted");
  };

  const keepHere = (item, where = form(item.form)) => {
    const { id, at, place, form: name, field, file, url } = item;
    const { uploadRecord: record, uploadTitle: title } = where.dataset;
    const page = location.pathname + (where.getAttribute("action") ? "" : location.search);
    return local.files.put({ id, at, place, record, page, title, form: name, field, url, name: item.name, file });
  };

  for (const where of forms) {
    where.addEventListener("change", (event) => {
      const input = event.target.closest("input[type=file]");
      if (!input || !input.files.length) return;
      const chosen = [...input.files];
      input.value = "";
      add(where, input.name, chosen);
    });
  }

  // After the page was opened again: what this device still has for this record goes on.
  const resume = async (record) => {
    await local.tidied;
    const here = new Set(items.map((item) => item.id));
    const found = (await local.files.mine()).filter((row) => row.record === record && !here.has(row.id));
    for (const row of found) {
      const where = form(row.form);
      if (!where) continue;
      const item = { ...row, state: "waiting", stored: true, url: where.getAttribute("action") || row.url };
      item.tile = draw(item);
      items.push(item);
      resumed = true;
    }
    after();
    return found.length;
  };

  session.onChange(after);
  document.addEventListener("submit", (event) => {
    // Without this script the form sends its files itself; with it they are on their way already.
    if (event.target.matches("form[data-upload]")) event.preventDefault();
  });

  portal.uploads = {
    resume,
    // The record is kept now: its files know where to go, here and on the device.
    async kept(urls, record) {
      for (const where of forms) {
        if (urls[where.dataset.upload]) where.setAttribute("action", urls[where.dataset.upload]);
        where.dataset.uploadRecord = record;
      }
      for (const item of items.filter((one) => one.state === "waiting")) {
        item.url ||= form(item.form).getAttribute("action") || "";
        item.stored = await keepHere(item);
      }
      go();
    },
    async forget(record) {
      for (const row of await local.files.mine()) if (row.record === record) await local.files.drop(row.id);
    },
    get left() {
      return pending().length;
    },
    // Resolves when nothing is on its way any more: with true where all arrived, false where the line broke.
    idle: () => new Promise((done) => (pending().length && session.state === "here" ? waitingFor.push(done) : done(!pending().length))),
  };
  // Once every script of the page is there to hear of it.
  document.addEventListener("DOMContentLoaded", () => {
    const record = forms.find((one) => one.getAttribute("action"))?.dataset.uploadRecord;
    if (record) resume(record);
  });
})();
