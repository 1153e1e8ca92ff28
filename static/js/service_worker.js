// Served as /sw.js with VERSION and SHELL before it. Kept on the phone: the offline page and what it looks like, and
// nothing else. No page of anybody's and nothing that is posted ever goes into the cache: nothing is put there but
// SHELL, when a version arrives.
const CACHE = `portal-shell-${VERSION}`;
const OFFLINE = SHELL[0];
// Without cookies: what is kept is what somebody who is not logged in gets.
const fill = async () => {
  const cache = await caches.open(CACHE);
  await cache.addAll(SHELL.map((url) => new Request(url, { cache: "reload", credentials: "omit" })));
};
const clear = async (keep) => {
  const names = (await caches.keys()).filter((name) => name.startsWith("portal-") && name !== keep);
  await Promise.all(names.map((name) => caches.delete(name)));
};

self.addEventListener("install", (event) => {
  event.waitUntil(fill().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(clear(CACHE).then(() => self.clients.claim()));
});

// Logging out: everything is taken away, and the shell alone, which is nobody's, is fetched anew.
self.addEventListener("message", (event) => {
  if (event.data === "logout") event.waitUntil(clear("").then(fill).catch(() => {}));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  const url = new URL(request.url);
  if (url.origin !== self.location.origin) return;
  if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(async () => (await caches.match(OFFLINE, { ignoreVary: true })) ?? Response.error()));
    return;
  }
  if (url.search || !SHELL.includes(url.pathname)) return;
  event.respondWith(fetch(request).catch(async () => (await caches.match(url.pathname, { ignoreVary: true })) ?? Response.error()));
});
