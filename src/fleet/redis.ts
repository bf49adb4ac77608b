import type { Redis } from "ioredis";
import { ArgumentError } from "../errors.ts";
import { pause } from "../io/retry.ts";
import { FleetError, messageOf } from "./errors.ts";
import { loadRedis } from "./packages.ts";

export const usualRedis = "redis://127.0.0.1:6379";

/** What BullMQ's scripts need. */
const LEAST_VERSION = [5, 0] as const;
/** What BullMQ recommends. */
const GOOD_VERSION = [6, 2] as const;

/** Seconds that whoever was told to stop waits for a Redis that is away. */
const GRACE = 10;

export interface ConnectOptions {
  /** Called with sentences for people: a version that is old, memory that is given away, Redis going and coming back. */
  readonly onNote?: (note: string) => void;
  /** Milliseconds for the first connection; 5,000 by default. */
  readonly timeout?: number;
  /** Told to stop: from then on a Redis that is away is waited for no longer than ten seconds. */
  readonly signal?: AbortSignal | undefined;
}

/** An address for messages: without its password, also where that has characters which an address cannot have as they are. */
export function shownAddress(url: string): string {
  return url.replace(/^(\w+:\/\/)?([^:@/]*):.*@/s, "$1$2:…@").replace(/([?&]password=)[^&]*/gi, "$1…");
}

/**
 * Connects, and says in one sentence why that cannot be. Once it has worked, a connection that is lost is sought again for as
 * long as it takes, or until the signal says stop: a server that is started again goes on where it was.
 * @throws FleetError
 */
export async function connect(url: string = usualRedis, options: ConnectOptions = {}): Promise<Redis> {
  const { onNote = () => {}, timeout = 5000, signal } = options;
  if (!/^rediss?:\/\/[^/]+/.test(url)) {
    throw new ArgumentError(
      `Redis's address is like redis://127.0.0.1:6379 or rediss://:password@host:6380, got ${shownAddress(url)}`,
    );
  }
  if (!URL.canParse(url)) {
    throw new ArgumentError(
      `Redis's address ${shownAddress(url)} is not an address: in a password, write /, @, :, ?, # and % as %2F, %40, %3A, %3F, %23 and %25`,
    );
  }
  const { Redis } = await loadRedis();
  let isReady = false;
  let last: unknown;
  /** When Redis was away and somebody had said stop, for the first time. */
  let hopeless = 0;
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: timeout,
    maxRetriesPerRequest: null, // BullMQ asks for it
    reconnectOnError: (error) => error.message.startsWith("READONLY"), // the address leads to another server since a failover
    // Of BullMQ's connections as well, which are made of this one. Without another try everything that waits for Redis fails.
    retryStrategy(times) {
      const now = performance.now();
      if (times === 1 || signal?.aborted !== true) hopeless = now;
      return isReady && now - hopeless <= GRACE * 1000 ? Math.min(50 * 2 ** times, 2000) : null;
    },
  });
  client.on("error", (error: Error) => {
    // What was wrong comes before "Connection is closed".
    last ??= error;
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer")), timeout);
  });
  try {
    await Promise.race([client.connect(), late]);
    const info = await Promise.race([client.info(), late]);
    checkServer(url, info, onNote);
  } catch (error) {
    client.disconnect();
    throw error instanceof FleetError ? error : explained(url, last ?? error);
  } finally {
    clearTimeout(timer);
    late.catch(() => {});
  }
  isReady = true;
  follow(client, url, onNote);
  return client;
}

function explained(url: string, cause: unknown): FleetError {
  const where = `Redis at ${shownAddress(url)}`;
  const text = messageOf(cause);
  if (/NOAUTH|WRONGPASS|invalid (username|password)|AUTH failed|no password is set/i.test(text)) {
    const how = /NOAUTH/.test(text)
      ? "it wants a password and none was given"
      : "it does not take this user and password";
    return new FleetError(`${where}: ${how}; the address with one is redis://:PASSWORD@host:port`, {
      code: "ERR_REDIS_PASSWORD",
      cause,
    });
  }
  if (/protocol error|unknown RESP type/i.test(text)) {
    return new FleetError(`${where}: what answers there is not Redis`, { code: "ERR_REDIS", cause });
  }
  const code = (cause as NodeJS.ErrnoException).code ?? text;
  return new FleetError(`${where} cannot be reached (${code}): start it, or give another address with --redis`, {
    code: "ERR_REDIS",
    cause,
  });
}

/** Waits while Redis is away: until the connection is there again, or given up. */
export async function backOrGone(client: Redis): Promise<void> {
  while (client.status !== "ready" && client.status !== "end") await new Promise((resolve) => setTimeout(resolve, 50));
}

/** Why a worker leaves whose connection was given up. */
export const stayedAway = (url: string = usualRedis, cause?: unknown): FleetError =>
  new FleetError(
    `Redis at ${shownAddress(url)} stayed away for ${GRACE} seconds after this worker was told to stop; what it had begun and not ` +
      "recorded is taken over by others, or by the next worker",
    { code: "ERR_REDIS", cause },
  );

function checkServer(url: string, info: string, onNote: (note: string) => void): void {
  const field = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1];
  const version = field("redis_version");
  const where = `Redis at ${shownAddress(url)}`;
  if (version === undefined) throw new FleetError(`${where}: it does not say its version`, { code: "ERR_REDIS" });
  const [least, good] = [LEAST_VERSION.join("."), GOOD_VERSION.join(".")];
  if (!isAtLeast(version, LEAST_VERSION)) {
    throw new FleetError(
      `${where} is version ${version}: BullMQ needs ${least} or newer (${good} or newer is better)`,
      {
        code: "ERR_REDIS",
      },
    );
  }
  if (!isAtLeast(version, GOOD_VERSION)) {
    onNote(`${where} is version ${version}; BullMQ recommends ${good} or newer`);
  }
  const policy = field("maxmemory_policy");
  if (policy !== undefined && policy !== "noeviction") {
    onNote(`${where} may throw parts of the queue away (maxmemory-policy ${policy}); set it to noeviction`);
  }
  if (field("aof_enabled") === "0") {
    onNote(`${where} keeps no append-only file: if it dies, what was queued must be submitted again (appendonly yes)`);
  }
}

function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [a = 0, b = 0] = version.split(".").map(Number);
  return a > major || (a === major && b >= minor);
}

/** Says once that Redis has gone, and that it has come back. */
function follow(client: Redis, url: string, onNote: (note: string) => void): void {
  let isAway = false;
  client.on("close", () => {
    if (isAway || client.status === "end") return;
    isAway = true;
    setTimeout(() => {
      if (isAway && client.status !== "end") onNote(`Redis at ${shownAddress(url)} went away; waiting for it`);
    }, 200).unref();
  });
  client.on("ready", () => {
    if (isAway) onNote(`Redis at ${shownAddress(url)} is back`);
    isAway = false;
  });
}

/** What Redis says while it cannot be written to or not even be read: its memory or disk is full, it is a replica, it starts, a script runs. */
const refusal = /^(?:OOM|MISCONF|READONLY|NOREPLICAS|LOADING|BUSY|TRYAGAIN|CLUSTERDOWN|MASTERDOWN)\b/;

/** A refusal in words; other errors as they are. */
export function explainRefusal(error: unknown): unknown {
  const text = messageOf(error);
  if (!refusal.test(text)) return error;
  const said = text.replace(/ script: .*$/s, "").replace(/\.$/, "");
  const how = text.startsWith("OOM") ? "give it more memory (maxmemory), or remove jobs" : "its log says more";
  return new FleetError(
    `Redis refuses ${/^(LOADING|BUSY)/.test(text) ? "everything" : "to store anything"} (${said}): ${how}`,
    { code: "ERR_REDIS", cause: error },
  );
}

/** Asks Redis until it does what it is asked for: what was computed waits for it. @throws FleetError when told to stop before */
export async function patiently<T>(
  signal: AbortSignal | undefined,
  onNote: (note: string) => void,
  ask: () => Promise<T>,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      const explained = explainRefusal(error);
      if (explained === error || signal?.aborted === true) throw explained;
      if (attempt === 0) onNote(`${messageOf(explained)}; waiting for it`);
      await pause(Math.min(250 * 2 ** attempt, 5000), signal).catch(() => {});
    }
  }
}
