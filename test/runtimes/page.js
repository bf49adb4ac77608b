/** Browsers: options come in the address, lines are posted to the server that the page came from. */
import { reported } from "./program.js";

const query = new URLSearchParams(location.search);
let queue = Promise.resolve();
const report = (line) => {
  queue = queue.then(() => fetch(`/report/${query.get("id")}`, { method: "POST", body: JSON.stringify(line) }));
};
addEventListener("error", (event) => report({ error: event.message }));
addEventListener("unhandledrejection", (event) => report({ error: String(event.reason?.stack ?? event.reason) }));
reported({ ...JSON.parse(query.get("options")), report });
