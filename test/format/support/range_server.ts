import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** One request as the server saw it: what it asked for, and how many bytes it got. */
export interface Seen {
  readonly range: string | undefined;
  readonly headers: IncomingMessage['headers'];
  bytes: number;
}

export interface ServedFile {
  bytes: Uint8Array;
  etag?: string | undefined;
  modified?: string | undefined;
}

export interface RangeServer {
  readonly url: string;
  /** What it serves; may be changed between requests. */
  readonly file: ServedFile;
  readonly seen: Seen[];
  readonly bytesSent: () => number;
}

/** Answers a request instead of the server; true: it has. */
export type Misbehaviour = (request: IncomingMessage, response: ServerResponse, count: number) => boolean;

/** Serves one file in ranges, as object stores do, until the test is over. */
export async function serve(file: ServedFile, misbehave: Misbehaviour = () => false): Promise<RangeServer> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const entry: Seen = { range: request.headers.range, headers: request.headers, bytes: 0 };
    seen.push(entry);
    if (!misbehave(request, response, seen.length)) entry.bytes = answer(file, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const bytesSent = () => seen.reduce((sum, { bytes }) => sum + bytes, 0);
  return { url: `http://127.0.0.1:${port}/model.herm`, file, seen, bytesSent };
}

function answer({ bytes, etag, modified }: ServedFile, request: IncomingMessage, response: ServerResponse): number {
  const validators = { ...(etag && { etag }), ...(modified && { 'last-modified': modified }) };
  const wanted = request.headers['if-match'];
  const since = request.headers['if-unmodified-since'];
  if ((wanted !== undefined && wanted !== etag) || (since !== undefined && since !== modified)) {
    response.writeHead(412, validators).end();
    return 0;
  }
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  const start = Number(from);
  if (from === undefined || start >= bytes.byteLength) {
    response.writeHead(416, { ...validators, 'content-range': `bytes */${bytes.byteLength}` }).end();
    return 0;
  }
  const end = Math.min(Number(to) + 1, bytes.byteLength);
  const range = `bytes ${start}-${end - 1}/${bytes.byteLength}`;
  response.writeHead(206, { ...validators, 'content-range': range, 'content-length': end - start });
  response.end(bytes.subarray(start, end));
  return end - start;
}
