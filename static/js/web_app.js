// The portal as an app: registers the worker that shows a page where there is no network, and clears up at logout.
(() => {
  if ("serviceWorker" in navigator) {
    // A browser may refuse (a private window, no HTTPS): the portal works without.
    navigator.serviceWorker.register("/sw.js", { scope: "/" }).catch(() => {});
  }
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || new URL(event.target.action, location.href).pathname !== "/logout/") return;
    navigator.serviceWorker?.controller?.postMessage("logout");
    try {
      for (const name of Object.keys(localStorage)) if (name.startsWith("reader:")) localStorage.removeItem(name);
    } catch {
      /* nothing was kept */
    }
  });
})();
