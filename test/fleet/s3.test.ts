import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FleetError } from "../../src/fleet/errors.ts";
import { type FetchFailure, fetchPicture } from "../../src/fleet/fetchPicture.ts";
import { processChunk } from "../../src/fleet/processChunk.ts";
import { references } from "../../src/fleet/references.ts";
import { parseS3 } from "../../src/fleet/s3.ts";
import { credentials, S3Server } from "../support/s3Server.ts";

const names = ["a.jpg", "b c+d.jpg", "caf\u00e9 (1)!'*.png", "notes.txt", "x&y<z.jpg", "deep/er/~q.JPG", "zz.jpeg"];
const objects = new Map(names.map((name, i) => [`photos/2024/${name}`, Uint8Array.of(i, 1, 2)]));
objects.set("photos/other.jpg", Uint8Array.of(9));

const folder = mkdtempSync(join(tmpdir(), "resnet-ts-s3-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const noEngines = { batch: 8, run: () => Promise.reject(new Error("nothing is there to be computed")) };

const signing = {
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  AWS_REGION: credentials.region,
};

/** With these variables and no other of Amazon's. */
async function within<T>(variables: Readonly<Record<string, string>>, body: () => Promise<T>): Promise<T> {
  const before = { ...process.env };
  for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) delete process.env[name];
  Object.assign(process.env, variables);
  try {
    return await body();
  } finally {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
  }
}

async function list(address: string): Promise<string[]> {
  const found: string[] = [];
  for await (const reference of references([address])) found.push(reference);
  return found;
}

const reason = (reference: string): Promise<FetchFailure | undefined> =>
  fetchPicture(reference).then(
    () => undefined,
    (error: unknown) => error as FetchFailure,
  );

test("addresses", () => {
  assert.equal(parseS3("s3://bucket/a/b c.jpg"), { bucket: "bucket", key: "a/b c.jpg" });
  assert.equal(parseS3("s3://bucket"), { bucket: "bucket", key: "" });
  assert.throws(() => parseS3("s3://?/x"), /s3:\/\/bucket\/key/);
});

test("a private bucket: signed requests list all pages and fetch keys of any characters", async () => {
  const server = await S3Server.start(objects);
  try {
    await within({ ...signing, AWS_ENDPOINT_URL: server.url }, async () => {
      const found = await list("s3://photos/2024/");
      const pictures = [...objects.keys()].filter((key) => key.startsWith("photos/2024/") && !key.endsWith(".txt"));
      assert.equal(
        found,
        pictures.sort().map((key) => `s3://${key}`),
      );
      for (const reference of found) {
        assert.equal([...(await fetchPicture(reference))], [...objects.get(reference.slice("s3://".length))!]);
      }
      assert.equal(await list("s3://photos/2024/a.jpg"), ["s3://photos/2024/a.jpg"], "one object is taken as it is");
    });
    const other = { ...signing, AWS_SECRET_ACCESS_KEY: "another", AWS_ENDPOINT_URL_S3: server.url };
    for (const variables of [other, { AWS_ENDPOINT_URL: server.url }]) {
      const failure = await within(variables, () => reason("s3://photos/2024/a.jpg"));
      assert.match(failure?.message ?? "", /answered 403 SignatureDoesNotMatch: look at this machine's credentials/);
      assert.equal([failure?.isTemporary, failure?.isHere], [false, true]);
      // A worker whose token has expired must not give up a job's pictures: others can fetch them.
      const path = join(folder, "00000000.jsonl");
      const task = { path, references: ["s3://photos/2024/a.jpg"], hash: "", attempt: 1, isLast: true };
      const stopped = await within(variables, () => processChunk(task, noEngines).catch((e: unknown) => e));
      assert.instance(stopped, FleetError);
      assert.match((stopped as Error).message, /^s3:\/\/photos\/2024\/a\.jpg: the server answered 403/);
      assert.not(existsSync(path));
      const refused = await within(variables, () => list("s3://photos/2024/").catch((e: unknown) => e as Error));
      assert.match((refused as Error).message, /s3:\/\/photos\/2024\/: the server answered 403 SignatureDoesNotMatch/);
    }
  } finally {
    await server.stop();
  }
});

test("a public bucket needs no credentials; what is not there is final, 503 is not", async () => {
  const server = await S3Server.start(objects, { isPrivate: false });
  try {
    await within({ AWS_ENDPOINT_URL: server.url }, async () => {
      assert.equal([...(await fetchPicture("s3://photos/other.jpg"))], [9]);
      const none = await reason("s3://photos/none.jpg");
      assert.equal(
        [none?.message, none?.isTemporary, none?.isHere],
        ["the server answered 404 NoSuchKey", false, false],
      );
      server.busy.set("photos/other.jpg", 1);
      assert.is((await reason("s3://photos/other.jpg"))?.isTemporary, true);
      server.busy.set("photos", 2);
      assert.is((await list("s3://photos/")).length, 7, "a list is asked for again");
    });
  } finally {
    await server.stop();
  }
});

test.run();
