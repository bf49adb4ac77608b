import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A port of the loopback that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** Whether there is a redis-server; that there is none is said once, and the cases that need it do not run. */
export const hasRedis: boolean = (() => {
  const found = spawnSync("redis-server", ["--version"]).status === 0;
  if (!found)
    console.log("program redis-server is not there: the cases that need it do not run (apt-get install redis-server)");
  return found;
})();

/** A Redis of the test's own: on the loopback, with an append-only file in a folder that goes with it. */
export class RedisServer {
  readonly url: string;
  readonly #port: number;
  readonly #options: readonly string[];
  readonly #folder = mkdtempSync(join(tmpdir(), "resnet-ts-redis-"));
  #child: ChildProcess | undefined;

  private constructor(port: number, options: readonly string[]) {
    this.#port = port;
    this.#options = options;
    this.url = `redis://127.0.0.1:${port}`;
  }

  static async start(...options: string[]): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), options);
    await server.start();
    return server;
  }

  /** Starts it, again on the same port with the same file. */
  async start(): Promise<void> {
    const own = [
      "--port",
      this.#port,
      "--bind",
      "127.0.0.1",
      "--dir",
      this.#folder,
      "--appendonly",
      "yes",
      "--save",
      "",
    ];
    const child = spawn("redis-server", [...own.map(String), ...this.#options], { stdio: "ignore" });
    this.#child = child;
    for (let i = 0; i < 200; i++) {
      if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`);
      if (await answers(this.#port)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error("redis-server does not answer");
  }

  /** Without a chance to say goodbye. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
    const end = (value: boolean): void => {
      socket.destroy();
      resolve(value);
    };
    // With a password it answers "-NOAUTH", which is an answer too; "-LOADING" is none.
    socket.on("data", (data) => end(!data.toString().startsWith("-LOADING")));
    socket.on("error", () => end(false));
  });
}
