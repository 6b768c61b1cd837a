import { HermError } from '../errors.ts';
import type { ByteSource } from '../model/source.ts';
import { type HttpAnswer, HttpClient, type HttpOptions } from './http_request.ts';

/** A server without ranges may send a file up to this size as a whole. */
const WHOLE_BYTES = 2 ** 24;

/** Which version of a file the answers are of. */
interface Version {
  readonly size: number;
  readonly etag: string | null;
  readonly modified: string | null;
}

/**
 * A file at an http or https address, read by range requests. All answers must be of one version of the file, as far as
 * the server tells (size, ETag, Last-Modified).
 *
 * @param first bytes that come along with the request that finds out the size.
 * @throws HermError `IO` when the address cannot be read, `HTTP_RANGES` when the server sends no ranges, `ABORTED`.
 */
export async function httpSource(
  address: URL,
  first: number,
  slack: number,
  options: HttpOptions & { readonly signal?: AbortSignal | undefined },
): Promise<ByteSource> {
  const client = new HttpClient(address, options);
  const answer = await client.get({ range: `bytes=0-${first - 1}` }, WHOLE_BYTES, options.signal);
  const version = versionOf(client.name, answer);
  const head = answer.status === 416 ? new Uint8Array(0) : answer.body!;
  if (answer.status === 206 && head.byteLength !== Math.min(first, version.size)) {
    throw noRanges(client.name, 'sends other ranges than it was asked for');
  }
  const closing = new AbortController();
  return {
    name: client.name,
    size: version.size,
    slack,
    head,
    async read(offset, length, signal) {
      if (length === 0) return new Uint8Array(0);
      const either = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]);
      return readRange(client, version, offset, length, either);
    },
    async close() {
      closing.abort(new Error('The source was closed.'));
    },
  };
}

/** What the first answer says about the file. */
function versionOf(name: string, { status, headers, body }: HttpAnswer): Version {
  const [etag, modified] = [headers.get('etag'), headers.get('last-modified')];
  if (status === 416) return { size: totalOf(headers, /^bytes \*\/(\d+)$/) ?? 0, etag, modified };
  if (status === 200) {
    if (body !== undefined) return { size: body.byteLength, etag, modified };
    throw noRanges(name, `sends the whole file when it is asked for a part`);
  }
  const size = totalOf(headers, /^bytes 0-\d+\/(\d+)$/);
  if (size === undefined || body === undefined) throw noRanges(name, 'does not say how large the file is');
  return { size, etag, modified };
}

function totalOf(headers: Headers, pattern: RegExp): number | undefined {
  const [, total] = pattern.exec(headers.get('content-range') ?? '') ?? [];
  return total === undefined || !Number.isSafeInteger(Number(total)) ? undefined : Number(total);
}

async function readRange(
  client: HttpClient,
  version: Version,
  offset: number,
  length: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const end = offset + length - 1;
  const answer = await client.get({ range: `bytes=${offset}-${end}`, ...onlyIf(version) }, length, signal);
  const { status, headers, body } = answer;
  if (status !== 206 || isOther(version, headers)) throw changed(client.name);
  const range = headers.get('content-range');
  if (range !== `bytes ${offset}-${end}/${version.size}` || body?.byteLength !== length) {
    if (range !== null && !range.endsWith(`/${version.size}`)) throw changed(client.name);
    throw noRanges(client.name, 'sends other ranges than it was asked for');
  }
  return body;
}

/** Weak ETags do not promise the same bytes, and servers refuse them here. */
function onlyIf({ etag, modified }: Version): Record<string, string> {
  if (etag !== null && !etag.startsWith('W/')) return { 'if-match': etag };
  return modified === null ? {} : { 'if-unmodified-since': modified };
}

function isOther({ etag, modified }: Version, headers: Headers): boolean {
  return (
    (etag !== null && headers.get('etag') !== etag) || (modified !== null && headers.get('last-modified') !== modified)
  );
}

function changed(name: string): HermError {
  const why = `${name} changed while it was read. Open it again.`;
  return new HermError('SOURCE_CHANGED', why, { file: name });
}

function noRanges(name: string, why: string): HermError {
  const message = `The server of ${name} ${why}. Download the file first, or use a server that answers range requests.`;
  return new HermError('HTTP_RANGES', message, { file: name });
}
