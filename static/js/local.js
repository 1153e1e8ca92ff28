/* What stays on this device until the server has it: typed text in localStorage, chosen files in IndexedDB.
   Each belongs to the person who was logged in (body[data-me]) and to nobody else: it is gone with the logout, when
   somebody else logs in here, and after seven days. Other scripts ask window.portal.local; on pages without the form a
   line says where something still waits. */

(() => {
  "use strict";
  const portal = (window.portal ||= {});
  const WEEK_MS = 7 * 24 * 3600 * 1000;
  const TEXT = "portal.text:";
  const FORGET = "portal.forget"; // a logout that had no time to tidy up
  const ANY_FILES = "portal.files"; // so that a page without waiting files opens no database
  const me = document.body.dataset.me || "";

  const told = () => {
    try {
      localStorage.setItem("portal.probe", "1");
      localStorage.removeItem("portal.probe");
      return localStorage;
    } catch {
      return null; // a private window: then the page itself is all there is
    }
  };
  const store = told();

  // Text: one entry a record, written at each keystroke, so that a page closed at once has lost nothing.

  const texts = {
    save(key, entry) {
      try {
        store.setItem(`${TEXT}${me}:${key}`, JSON.stringify({ ...entry, at: Date.now() }));
        return true;
      } catch {
        return false; // no room, or no storage
      }
    },
    read(key) {
      try {
        return JSON.parse(store.getItem(`${TEXT}${me}:${key}`));
      } catch {
        return null;
      }
    },
    drop(key) {
      store?.removeItem(`${TEXT}${me}:${key}`);
    },
    keys(prefix = "") {
      const whole = `${TEXT}${me}:${prefix}`;
      return Object.keys(store || {}).filter((key) => key.startsWith(whole)).map((key) => key.slice(whole.length - prefix.length));
    },
  };

  // Files: rows {id, owner, at, record, page, title, form, url, name, file}; `record` is where they belong.

  let opened = null;
  const open = () => {
    opened ||= new Promise((done, failed) => {
      const asked = indexedDB.open("portal", 1);
      asked.onupgradeneeded = () => asked.result.createObjectStore("files", { keyPath: "id" });
      asked.onsuccess = () => done(asked.result);
      asked.onerror = () => failed(asked.error);
    });
    return opened;
  };
  const within = async (mode, act) => {
    const database = await open();
    return new Promise((done, failed) => {
      const dealing = database.transaction("files", mode);
      const asked = act(dealing.objectStore("files"));
      dealing.oncomplete = () => done(asked?.result);
      dealing.onabort = dealing.onerror = () => failed(dealing.error);
    });
  };
  const all = async () => (store?.getItem(ANY_FILES) ? within("readonly", (rows) => rows.getAll()) : []);

  const files = {
    // Whether the device keeps it; where it cannot, the page must stay open.
    async put(row) {
      try {
        store.setItem(ANY_FILES, "1");
        await within("readwrite", (rows) => rows.put({ ...row, owner: me, at: row.at || Date.now() }));
        return true;
      } catch {
        return false;
      }
    },
    async drop(id) {
      try {
        await within("readwrite", (rows) => rows.delete(id));
      } catch {
        /* it was never kept */
      }
    },
    async mine() {
      try {
        return (await all()).filter((row) => row.owner === me).sort((a, b) => a.at - b.at || a.place - b.place);
      } catch {
        return [];
      }
    },
  };

  // Tidying: everything at a logout, another's things when somebody has logged in, whatever is a week old.

  const old = (at) => !(Date.now() - at < WEEK_MS);
  const gone = (owner, at) => store.getItem(FORGET) || old(at) || (me && owner !== me);
  const tidy = async () => {
    if (!store) return;
    for (const key of Object.keys(store).filter((one) => one.startsWith(TEXT))) {
      let at = 0;
      try {
        at = JSON.parse(store.getItem(key)).at;
      } catch {
        /* what cannot be read goes */
      }
      if (gone(key.slice(TEXT.length).split(":")[0], at)) store.removeItem(key);
    }
    try {
      const rows = await all();
      const away = rows.filter((row) => gone(row.owner, row.at));
      for (const row of away) await files.drop(row.id);
      if (away.length === rows.length) store.removeItem(ANY_FILES);
      store.removeItem(FORGET);
    } catch {
      /* the next page tries again */
    }
  };
  const tidied = tidy();
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || !event.target.matches("form[data-logout]")) return;
    store?.setItem(FORGET, "1");
    tidy();
  });

  portal.local = { me, texts, files, tidied, works: store !== null };

  // Where something waits, said on every other page; and before a logout that would lose it.

  const line = (page, rows) => {
    const made = document.createElement("p");
    made.className = "message message-info waiting-line";
    made.setAttribute("role", "status");
    const link = document.createElement("a");
    link.href = page;
    link.textContent = "打开，继续上传";
    const away = document.createElement("button");
    away.type = "button";
    away.className = "btn btn-link";
    away.textContent = "不传了";
    away.addEventListener("click", async () => {
      for (const row of rows) await files.drop(row.id);
      made.remove();
    });
    const what = rows.every((row) => row.file.type.startsWith("image/")) ? "张照片" : "个文件";
    made.append(`${rows[0].title ? `“${rows[0].title}”` : "一份记录"}有${rows.length}${what}还没有传完。`, link, away);
    return made;
  };
  const sayWhatWaits = async () => {
    await tidied;
    const rows = await files.mine();
    if (!rows.length) return;
    const leave = document.querySelector("form[data-logout] button");
    if (leave) {
      leave.dataset.confirm = `这台设备上还有${rows.length}个文件没有传完，退出后将从本机删除。仍要退出？`;
    }
    if (document.querySelector("form[data-upload]")) return;
    for (const page of new Set(rows.map((row) => row.page))) {
      const found = rows.filter((row) => row.page === page);
      document.querySelector("main .page-grid")?.before(line(page, found));
    }
  };
  if (me) sayWhatWaits();
})();
