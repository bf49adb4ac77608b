import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Request } from "./support/gpuPage.ts";
import { repoRoot } from "./support/shared.ts";

/**
 * Another implementation of WebGPU: wgpu and naga, in Deno, on Mesa's llvmpipe, which offers shader-f16 where SwiftShader does not. Fewer rows
 * than in Node: an answer from this adapter takes 0.1 s.
 */
const places = [
  process.env.DENO ?? "",
  join(repoRoot, "test/runtimes/node_modules/deno/deno"),
  ...(process.env.PATH ?? "").split(":").map((folder) => join(folder, "deno")),
];
const deno = places.find((place) => place !== "" && existsSync(place));
const drivers = "/usr/share/vulkan/icd.d";
const lavapipe = existsSync(drivers) ? readdirSync(drivers).find((file) => file.startsWith("lvp_icd")) : undefined;

const requests: readonly Request[] = [
  { check: "op", op: "conv2d", step: 24 },
  { check: "op", op: "linear", step: 8 },
  { check: "op", op: "maxPool2d", step: 8 },
  { check: "op", op: "adaptiveAvgPool2d", step: 4 },
  { check: "op", op: "batchNorm", step: 4 },
  { check: "op", op: "softmax", step: 4 },
  { check: "training ops" },
  { check: "network", name: "resnet18", size: 64 },
  { check: "half", name: "resnet18", size: 64, precision: "f16", most: 1e-3 },
  { check: "half", name: "resnet18", size: 64, precision: "f16-sums", most: 1e-2 },
  { check: "half", name: "resnet50", size: 33, precision: "f16", most: 2e-3 },
  { check: "half", name: "keras_resnet50v2", size: 33, precision: "f16", most: 1e-2 },
  { check: "training", name: "cifar_resnet20", batch: 4 },
  { check: "leaks", runs: 20, rounds: 5 },
];

interface Line {
  readonly adapter?: string;
  readonly features?: readonly string[];
  readonly missing?: string;
  readonly request?: Request;
  readonly complaints?: readonly string[];
  readonly seen?: string;
  readonly left?: number;
}

/** One process for all requests. Lines that are not JSON are the driver's. */
async function ask(program: string): Promise<{ lines: Line[]; rest: string }> {
  const script = join(repoRoot, "build/test/support/gpuDeno.js");
  const child = spawn(program, ["run", "-A", script, ...requests.map((r) => JSON.stringify(r))], {
    env: { XDG_RUNTIME_DIR: "/tmp", ...process.env, VK_ICD_FILENAMES: join(drivers, lavapipe!), NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: Line[] = [];
  let rest = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    rest += text;
  });
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith("{")) lines.push(JSON.parse(line));
    else rest += `${line}\n`;
  }
  return { lines, rest };
}

if (deno === undefined || lavapipe === undefined) {
  const what = deno === undefined ? "deno (`npm ci` in test/runtimes)" : "lavapipe (Debian's mesa-vulkan-drivers)";
  console.log(`program ${what} is not there: WebGPU in Deno is left out`);
} else {
  const { lines, rest } = await ask(deno);
  const [adapter] = lines;
  console.log(`  ${adapter?.missing ?? adapter?.adapter}`);
  if (adapter?.missing === undefined) {
    for (const request of requests) {
      const { check, ...which } = request;
      const about = [check, ...Object.values(which)].join(" ");
      test(about, () => {
        const answer = lines.find((line) => JSON.stringify(line.request) === JSON.stringify(request));
        assert.ok(answer, `no answer; the last words were\n${rest.slice(-2000)}`);
        console.log(`  ${about}: ${answer.seen}`);
        assert.is(answer.complaints!.length, 0, answer.complaints!.slice(0, 10).join("\n"));
      });
    }
    test("16 bits are really computed here, or refused", () => {
      const offered = adapter!.features!.includes("shader-f16");
      const seen = lines.filter(({ request }) => request?.check === "half").map((line) => line.seen!);
      assert.ok(
        seen.every((text) => text.startsWith(offered ? "off by" : "refused")),
        seen.join("\n"),
      );
    });
    test("nothing is left on the device", () => assert.is(lines.at(-1)?.left, 0));
  }
}

test.run();
