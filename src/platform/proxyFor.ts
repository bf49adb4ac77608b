type Environment = Readonly<Record<string, string | undefined>>;

/** The proxy that the environment has for an address; undefined for none. */
export function proxyFor(url: URL, env: Environment = process.env): URL | undefined {
  const variable = (name: string) => env[name] || env[name.toUpperCase()];
  const proxy = variable(url.protocol === "https:" ? "https_proxy" : "http_proxy") ?? variable("all_proxy");
  if (proxy === undefined || isExempt(url, variable("no_proxy") ?? "")) return undefined;
  return new URL(/^[a-z0-9]+:\/\//i.test(proxy) ? proxy : `http://${proxy}`);
}

/** NO_PROXY: `*`, or hosts with whatever is below them, each with or without a port. */
function isExempt(url: URL, noProxy: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return noProxy.split(/[\s,]+/).some((entry) => {
    if (entry === "") return false;
    if (entry === "*") return true;
    const [, name = "", only] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
    const plain = name.replace(/^\*?\./, "");
    return (host === plain || host.endsWith(`.${plain}`)) && (only === undefined || only === port);
  });
}
