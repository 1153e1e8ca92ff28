/* The check-in page: counts the seconds down and fetches who has signed in; without it the page is loaded again by hand. */

(() => {
  "use strict";
  const part = document.querySelector("[data-signed][data-open]");
  const clock = document.querySelector("[data-seconds]");
  if (!part || !clock) return;
  const EVERY_MS = 4000;
  let ends = Date.now() + Number(clock.dataset.seconds) * 1000;

  const show = () => {
    const left = Math.max(0, Math.round((ends - Date.now()) / 1000));
    const minutes = Math.floor(left / 60);
    clock.textContent = minutes ? `${minutes}分${String(left % 60).padStart(2, "0")}秒` : `${left}秒`;
    return left;
  };
  const look = async () => {
    try {
      const answer = await fetch(part.dataset.signed, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const said = await answer.json();
      part.querySelector("[data-signed-list]").innerHTML = said.list;
      ends = Date.now() + said.seconds * 1000;
      if (!said.open) location.reload();
    } catch {
      /* no connection: the next time */
    }
  };
  show();
  setInterval(show, 1000);
  setInterval(look, EVERY_MS);
})();
