import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";

export const credentials = { accessKeyId: "TESTKEY", secretAccessKey: "secret/of+the=test", region: "eu-test-1" };

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/**
 * The signature that a request should have, worked out from what arrived, by the steps in Amazon's "Signature Version 4 for API
 * requests": canonical request, string to sign, signing key.
 */
function signature(request: IncomingMessage, signedHeaders: string, amzDate: string, scope: string): string {
  const [path, query = ""] = request.url!.split("?") as [string, string?];
  const headers = signedHeaders.split(";").map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
  const canonical = [
    request.method,
    path,
    query.split("&").sort().join("&"),
    headers.join(""),
    signedHeaders,
    request.headers["x-amz-content-sha256"],
  ].join("\n");
  const [date, region, service, end] = scope.split("/") as [string, string, string, string];
  const key = hmac(hmac(hmac(hmac(`AWS4${credentials.secretAccessKey}`, date), region), service), end);
  return hmac(key, `AWS4-HMAC-SHA256\n${amzDate}\n${scope}\n${sha256(canonical)}`).toString("hex");
}

function isSigned(request: IncomingMessage): boolean {
  const fields =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? "",
    );
  const [, id, scope, signed, given] = fields ?? [];
  if (id !== credentials.accessKeyId || scope === undefined || signed === undefined) return false;
  if (!scope.endsWith(`/${credentials.region}/s3/aws4_request`) || !signed.split(";").includes("host")) return false;
  return signature(request, signed, String(request.headers["x-amz-date"]), scope) === given;
}

const xml = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

/** A small S3: GET of objects and ListObjectsV2, with the bucket in the path; with `isPrivate` only for signed requests. */
export class S3Server {
  readonly url: string;
  /** Requests that it answered. */
  readonly requests: string[] = [];
  /** Answers 503 to so many requests of a path, before it behaves. */
  readonly busy = new Map<string, number>();
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** @param objects by "bucket/key" */
  static async start(
    objects: ReadonlyMap<string, Uint8Array>,
    { isPrivate = true, pageSize = 3 } = {},
  ): Promise<S3Server> {
    const server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url!, "http://host");
      const path = decodeURIComponent(pathname.slice(1));
      made.requests.push(path);
      const busy = made.busy.get(path) ?? 0;
      made.busy.set(path, busy - 1);
      const answer = (status: number, body: string | Uint8Array): void => void response.writeHead(status).end(body);
      if (busy > 0) return answer(503, "<Error><Code>SlowDown</Code></Error>");
      if (isPrivate && !isSigned(request)) return answer(403, "<Error><Code>SignatureDoesNotMatch</Code></Error>");
      if (searchParams.get("list-type") === "2") {
        const prefix = `${path}/${searchParams.get("prefix") ?? ""}`;
        const after = searchParams.get("continuation-token") ?? "";
        const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
        const page = keys.slice(0, pageSize);
        const more = keys.length > page.length;
        const items = page.map((key) => `<Contents><Key>${xml(key.slice(path.length + 1))}</Key></Contents>`);
        const token = more ? `<NextContinuationToken>${xml(page.at(-1)!)}</NextContinuationToken>` : "";
        return answer(
          200,
          `<ListBucketResult><IsTruncated>${more}</IsTruncated>${token}${items.join("")}</ListBucketResult>`,
        );
      }
      const object = objects.get(path);
      return object === undefined ? answer(404, "<Error><Code>NoSuchKey</Code></Error>") : answer(200, object);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const made = new S3Server(server, (server.address() as { port: number }).port);
    return made;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
