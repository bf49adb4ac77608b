// Node's fetch looks at HTTP_PROXY and its relatives only since version 24, and only with NODE_USE_ENV_PROXY=1.
// This is a fetch for GET that does so everywhere: http through the proxy, https through a tunnel (CONNECT).

/** The platform's fetch, through the environment's proxy where there is one. */
export const httpFetch: typeof fetch = async (input, init = {}) => {
  const url = new URL(input instanceof Request ? input.url : input);
  const { env, versions } = process;
  const native = versions.bun !== undefined || versions.deno !== undefined || env.NODE_USE_ENV_PROXY === "1";
  const set = ["http_proxy", "https_proxy", "all_proxy"].some((name) => env[name] || env[name.toUpperCase()]);
  // Loaded when it is needed: http, https and tls were a quarter of the time that importing the library takes.
  return native || !set ? fetch(input, init) : (await import("./nodeTunnel.ts")).followed(url, init);
};
