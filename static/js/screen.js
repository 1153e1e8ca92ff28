/* The wall screen: one board at a time, turned by itself until somebody pauses it, and fetched anew now and then.
   Without it the boards stand below each other. */

(() => {
  "use strict";
  const main = document.querySelector("[data-boards]");
  const hand = document.querySelector("[data-turning]");
  if (!main || !hand) return;
  const every = Number(main.dataset.seconds) * 1000;
  const pause = hand.querySelector("[data-pause]");
  const count = hand.querySelector("[data-count]");
  let now = 0;
  let paused = false;
  let timer = 0;

  const slides = () => [...main.querySelectorAll("[data-slide]")];
  const show = (number) => {
    const all = slides();
    now = (number + all.length) % all.length;
    all.forEach((one, n) => one.classList.toggle("is-now", n === now));
    count.textContent = `${now + 1} / ${all.length}`;
  };
  const again = () => {
    clearInterval(timer);
    if (!paused) timer = setInterval(() => show(now + 1), every);
  };
  const turn = (step) => {
    show(now + step);
    again();
  };
  const toggle = () => {
    paused = !paused;
    pause.textContent = paused ? "继续" : "暂停";
    pause.setAttribute("aria-pressed", String(paused));
    again();
  };
  const refresh = async () => {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      // The login has ended: the page says so by itself.
      if (answer.redirected || answer.status === 403 || answer.status === 404) location.reload();
      if (!answer.ok || answer.redirected) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-boards]");
      if (!fresh) return;
      main.replaceChildren(...fresh.children);
      show(now);
    } catch {
      /* no connection: the boards stay, the next time will do */
    }
  };

  hand.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.turn) turn(Number(button.dataset.turn));
    else if (button) toggle();
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("button, a")) return;
    if (event.key === "ArrowRight") turn(1);
    else if (event.key === "ArrowLeft") turn(-1);
    else if (event.key === " ") {
      event.preventDefault();
      toggle();
    }
  });
  hand.hidden = false;
  main.classList.add("turned");
  show(0);
  again();
  setInterval(refresh, Number(main.dataset.refresh) * 1000);
})();
