/* What a page asks the server behind the person's back, and whether the login still lasts.
   portal.session.post(url, data) answers {status, parts} or throws {kind}: "away" no connection, "ended" the login is over,
   "other" somebody else is logged in now, "broken" the server could not. After a login in another window the page gets a
   token of the new login and all that waits goes on; for another person nothing is sent. */

(() => {
  "use strict";
  const portal = (window.portal ||= {});
  const me = document.body.dataset.me;
  const probe = document.body.dataset.loginAgain;
  if (!me || !probe) return;

  // Somebody is logging in just now, in another window; after a minute nobody is, and the page asks less often.
  const SOON_MS = 4000;
  const SELDOM_MS = 60000;
  const SOON = 15;
  const STEPS_MS = [2000, 5000, 15000, 30000, 60000];
  let state = "here"; // here | away | ended | other
  let failures = 0;
  let later = 0;
  const listeners = [];

  const set = (to) => {
    const before = state;
    state = to;
    if (before !== to) listeners.forEach((tell) => tell(to, before));
  };
  class Trouble extends Error {
    constructor(kind) {
      super(kind);
      this.kind = kind;
    }
  }

  const tokenNow = () => document.querySelector("input[name=csrfmiddlewaretoken]")?.value || "";

  // Whose login is it now, and with which token; the fields of every form on the page take it.
  const refresh = async () => {
    let answer;
    try {
      answer = await fetch(probe, { headers: { Accept: "application/json" }, cache: "no-store" });
    } catch {
      set("away");
      return false;
    }
    if (answer.status === 401) set("ended");
    else if (!answer.ok) set("away");
    else {
      const { me: now, token } = await answer.json();
      if (String(now) !== me) {
        set("other");
        return false;
      }
      document.querySelectorAll("input[name=csrfmiddlewaretoken]").forEach((field) => (field.value = token));
      failures = 0;
      set("here");
      return true;
    }
    return false;
  };

  // What an answer means; `again` once more with a new token.
  const judge = async (status, parts, again) => {
    if (status === 401) {
      set("ended");
      throw new Trouble("ended");
    }
    if (status === 403 && parts?.stale) {
      if (again && (await refresh())) return again();
      throw new Trouble(state === "here" ? "broken" : state);
    }
    // Too many at once, or a server in trouble: it is asked again later.
    if (status === 429 || status >= 500) throw new Trouble("broken");
    failures = 0;
    set("here");
    return { status, parts };
  };

  const post = async (url, data, again = true) => {
    if (state === "other") throw new Trouble("other");
    data.set("csrfmiddlewaretoken", tokenNow());
    let answer;
    let parts = null;
    try {
      answer = await fetch(url, { method: "POST", body: data, headers: { Accept: "application/json" }, redirect: "manual" });
      if ((answer.headers.get("Content-Type") || "").includes("json")) parts = await answer.json();
    } catch {
      set("away");
      throw new Trouble("away");
    }
    if (answer.type === "opaqueredirect") throw new Trouble("broken");
    return judge(answer.status, parts, again && (() => post(url, data, false)));
  };

  // The same with a bar that follows the bytes; `stop` is called with a function that breaks it off.
  const upload = (url, data, { progress, stop, again = true }) =>
    new Promise((done, failed) => {
      if (state === "other") return failed(new Trouble("other"));
      data.set("csrfmiddlewaretoken", tokenNow());
      const request = new XMLHttpRequest();
      request.open("POST", url);
      request.setRequestHeader("Accept", "application/json");
      request.upload.addEventListener("progress", (event) => event.lengthComputable && progress(event.loaded / event.total));
      request.addEventListener("load", () => {
        let parts = null;
        try {
          parts = JSON.parse(request.responseText);
        } catch {
          /* a page, not an answer */
        }
        const once = () => upload(url, data, { progress, stop, again: false });
        judge(request.status, parts, again && once).then(done, failed);
      });
      request.addEventListener("error", () => {
        set("away");
        failed(new Trouble("away"));
      });
      request.addEventListener("abort", () => failed(new Trouble("stopped")));
      stop?.(() => request.abort());
      request.send(data);
    });

  // Back again: the browser says so, the person looks at the page again, or some time has passed.

  const look = () => {
    clearTimeout(later);
    if (state !== "here") refresh().finally(plan);
  };
  const plan = () => {
    clearTimeout(later);
    if (state === "here") return;
    const wait = state === "away" ? STEPS_MS[Math.min(failures, STEPS_MS.length - 1)] : failures < SOON ? SOON_MS : SELDOM_MS;
    failures += 1;
    later = setTimeout(() => (document.visibilityState === "visible" ? look() : plan()), wait);
  };
  listeners.push(plan);
  window.addEventListener("online", look);
  window.addEventListener("offline", () => state === "here" && set("away"));
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && look());

  portal.session = { post, upload, refresh, onChange: (tell) => listeners.push(tell), loginUrl: document.body.dataset.login,
    get state() { return state; } };
})();
