/* A message that is opened is read: the page says so for its reader, and the bell counts one less.
   form[data-message-read]   is sent by itself; where that fails, its button stays and can be pressed */

(() => {
  "use strict";
  const form = document.querySelector("form[data-message-read]");
  if (!form) return;
  const read = async () => {
    let answer;
    try {
      answer = await fetch(form.action, {
        method: "POST",
        headers: { Accept: "application/json" },
        body: new FormData(form),
      });
    } catch {
      return;
    }
    if (!answer.ok) return;
    const { unread } = await answer.json();
    const said = document.createElement("p");
    said.className = "muted small";
    said.textContent = "已读";
    form.replaceWith(said);
    const bell = document.querySelector("[data-bell]");
    const count = bell?.querySelector(".bell-count");
    if (!count) return;
    bell.querySelector("[data-bell-words]").textContent = unread > 0 ? `消息，${unread}条未读` : "消息";
    if (unread > 0) count.textContent = unread > 99 ? "99+" : String(unread);
    else count.remove();
  };
  // A page that was only loaded ahead, or stands in another tab, has not been read yet.
  if (document.visibilityState === "visible") read();
  else document.addEventListener("visibilitychange", read, { once: true });
})();
