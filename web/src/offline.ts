import { el } from "./dom.ts";
import { strings } from "./strings.ts";

let asked = false;

/**
 * Lets the service worker keep the whole page for visits without a network. It downloads everything there is, so it waits until the
 * page has given its first answer.
 */
export function keepOffline(): void {
  if (asked || !import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  asked = true;
  // Private windows and pages from a disk have none: the page works all the same.
  navigator.serviceWorker.register("./sw.js", { scope: "./" }).then(watch, () => undefined);
}

/** A newer version waits until every tab of this one is closed, which may be never: a visitor is told, and can have it at once. */
function watch(registration: ServiceWorkerRegistration): void {
  const look = (): void => {
    // Without a controller what is waiting is the first version, and this page is it.
    if (registration.waiting !== null && navigator.serviceWorker.controller !== null) tell(registration);
  };
  look();
  registration.addEventListener("updatefound", () => registration.installing?.addEventListener("statechange", look));
}

function tell(registration: ServiceWorkerRegistration): void {
  const load = (): void => {
    const { waiting } = registration;
    if (waiting === null) location.reload(); // another tab has let it in
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload());
    waiting?.postMessage({ type: "SKIP_WAITING" });
  };
  document
    .querySelector("#news")!
    .replaceChildren(strings.newer, el("button", { type: "button", onclick: load }, strings.loadNewer));
}
