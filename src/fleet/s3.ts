import { httpFetch } from "#platform";
import { ArgumentError, DownloadError } from "../errors.ts";
import { isTemporary, pause } from "../io/retry.ts";
import { messageOf } from "./errors.ts";
import { loadAws } from "./packages.ts";

// S3's HTTP interface, with the bucket in the path: every compatible server knows that form.

/** `s3://bucket/key` in its two parts; the key is empty for a whole bucket. @throws ArgumentError */
export function parseS3(address: string): { bucket: string; key: string } {
  const [, bucket, key = ""] = /^s3:\/\/([a-z0-9][a-z0-9.-]+)(?:\/(.*))?$/is.exec(address) ?? [];
  if (bucket === undefined) throw new ArgumentError(`an S3 address is s3://bucket/key, got ${address}`);
  return { bucket, key };
}

const env = (...names: string[]): string | undefined => names.map((name) => process.env[name]).find((v) => v);
const region = (): string => env("AWS_REGION", "AWS_DEFAULT_REGION") ?? "us-east-1";

/** Where the bucket is: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, or Amazon's in `AWS_REGION`. */
function bucketUrl(bucket: string): string {
  const endpoint = env("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL") ?? `https://s3.${region()}.amazonaws.com`;
  return `${endpoint.replace(/\/+$/, "")}/${bucket}`;
}

/** As RFC 3986 has it, which is what servers compute the signature from: letters, digits and -._~ stay, all else is %XX. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

const encodeKey = (key: string): string => key.split("/").map(encode).join("/");

/** A GET of `url`, signed (SigV4) where the environment has `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`. */
async function get(url: string, signal: AbortSignal | undefined): Promise<Response> {
  const accessKeyId = env("AWS_ACCESS_KEY_ID");
  const secretAccessKey = env("AWS_SECRET_ACCESS_KEY");
  const headers: Record<string, string> = {};
  if (accessKeyId !== undefined && secretAccessKey !== undefined) {
    const { AwsV4Signer } = await loadAws();
    const sessionToken = env("AWS_SESSION_TOKEN");
    const signer = new AwsV4Signer({
      url,
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      service: "s3",
      region: region(),
    });
    for (const [name, value] of (await signer.sign()).headers) if (name !== "host") headers[name] = value;
  }
  return httpFetch(url, { headers, ...(signal === undefined ? {} : { signal }) });
}

/** What a server calls its refusal, where it says so. */
export const errorCode = (xml: string): string | undefined => /<Code>([^<]+)</.exec(xml)?.[1];

/** Whether a refusal is about who asks (credentials, region, clock), not about what is asked for. */
export const isRefusedRequester = (code: string): boolean =>
  /^(?:InvalidAccessKeyId|SignatureDoesNotMatch|(?:Expired|Invalid)Token|TokenRefreshRequired|RequestTimeTooSkewed|RequestExpired|AuthorizationHeaderMalformed|PermanentRedirect|NotSignedUp)$/.test(
    code,
  );

/** The answer to a request for an object. */
export function getObject(address: string, signal?: AbortSignal): Promise<Response> {
  const { bucket, key } = parseS3(address);
  return get(`${bucketUrl(bucket)}/${encodeKey(key)}`, signal);
}

/** Addresses of all objects below `s3://bucket/prefix/`, a thousand at a time, in the server's order (that of the keys). */
export async function* listBucket(address: string): AsyncGenerator<string> {
  const { bucket, key: prefix } = parseS3(address);
  for (let token: string | undefined = ""; token !== undefined; ) {
    const query: string[] = [
      ...(token === "" ? [] : [`continuation-token=${encode(token)}`]),
      "list-type=2",
      `prefix=${encode(prefix)}`,
    ];
    const page: string = await listPage(`${bucketUrl(bucket)}?${query.join("&")}`, address);
    for (const [, key] of page.matchAll(/<Key>([^<]*)<\/Key>/g)) yield `s3://${bucket}/${unescapeXml(key!)}`;
    const next: string | undefined = /<NextContinuationToken>([^<]*)</.exec(page)?.[1];
    token = /<IsTruncated>\s*true/i.test(page) && next !== undefined ? unescapeXml(next) : undefined;
  }
}

async function listPage(url: string, address: string): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    let status: number | undefined;
    let reason: string;
    try {
      const response = await get(url, AbortSignal.timeout(60_000));
      const text = await response.text();
      if (response.ok) return text;
      status = response.status;
      reason = `the server answered ${status} ${errorCode(text) ?? response.statusText}`;
    } catch (error) {
      if (error instanceof ArgumentError) throw error;
      reason = `could not be listed: ${messageOf((error as Error).cause ?? error)}`;
    }
    if (attempt === 5 || (status !== undefined && !isTemporary(status))) {
      throw new DownloadError(address, reason, status === undefined ? {} : { status });
    }
    await pause(250 * 2 ** attempt * (0.5 + Math.random()));
  }
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

const unescapeXml = (text: string): string =>
  text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined) return entities[name] ?? whole;
    return String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16));
  });
