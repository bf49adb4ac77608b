let asked = false;

/**
 * Lets the service worker keep the whole page for visits without a network. It downloads everything there is, so it waits until the
 * page has given its first answer.
 */
export function keepOffline(): void {
  if (asked || !import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  asked = true;
  // Private windows and pages from a disk have none: the page works all the same.
  navigator.serviceWorker.register("./sw.js", { scope: "./" }).catch(() => undefined);
}
