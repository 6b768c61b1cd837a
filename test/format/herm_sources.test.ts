import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { openHerm } from '../../lib/file/read.ts';
import type { Skeleton } from '../../lib/herm/skeleton.ts';
import { serializeSafetensors } from '../../lib/model/safetensors.ts';
import type { AsyncBuffer, SourceInput } from '../../lib/source/input.ts';
import { makeCase } from './support/case.ts';
import { compress } from './support/herm.ts';
import { type Misbehaviour, type ServedFile, serve } from './support/range_server.ts';

let herm: Uint8Array;
let expected: unknown;
const contents = ({ tensors }: Skeleton) => tensors.map(({ name, shape, data }) => [name, shape, [...data]]);

beforeAll(async () => {
  const made = makeCase({ sizes: [24, 40, 32, 8] });
  herm = await compress(serializeSafetensors(made.tensors), made.blocks, made.trees);
  const file = await openHerm(herm);
  expected = contents(await file.skeleton(0.3));
});

/** Opens it, takes a small network, and closes it. */
async function read(input: SourceInput, options: Parameters<typeof openHerm>[1] = {}) {
  const file = await openHerm(input, options);
  try {
    expect(contents(await file.skeleton(0.3))).toEqual(expected);
    return file.traffic;
  } finally {
    await file.close();
  }
}

describe('a .herm file opens', () => {
  it('from a path, a file address and buffers of all kinds', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hermkit-sources-'));
    try {
      const path = join(folder, 'model.herm');
      writeFileSync(path, herm);
      await read(path);
      await read(pathToFileURL(path));
    } finally {
      rmSync(folder, { recursive: true });
    }
    await read(Buffer.from(herm));
    await read(herm.slice().buffer);
    await read(new DataView(herm.buffer, herm.byteOffset, herm.byteLength));
    await read(new Blob([herm.slice()]));
  });

  it('from anything that gives slices of itself', async () => {
    const asArrayBuffer: AsyncBuffer = {
      byteLength: herm.byteLength,
      slice: async (start, end) => herm.slice(start, end).buffer,
    };
    const asView: AsyncBuffer = {
      size: herm.byteLength,
      slice: (start, end) => Buffer.from(herm).subarray(start, end),
    };
    await read(asArrayBuffer);
    await read(asView);
  });

  it('not from slices that are too short, nor from something else', async () => {
    const short = { byteLength: herm.byteLength + 1, slice: async () => new ArrayBuffer(3) };
    await expect(openHerm(short)).rejects.toMatchObject({ code: 'IO' });
    const broken = { byteLength: 100, slice: () => Promise.reject(new Error('no network')) };
    await expect(openHerm(broken)).rejects.toMatchObject({ code: 'IO', message: expect.stringMatching(/no network/) });
    for (const input of [17, null, {}, { byteLength: 5 }, { byteLength: -1, slice() {} }, 'http://[', 'ftp://x/y']) {
      const wanted = input === 'ftp://x/y' ? 'IO' : 'BAD_ARGUMENT';
      await expect(openHerm(input as never)).rejects.toMatchObject({ code: wanted });
    }
    await expect(openHerm(new URL('ftp://x/y'))).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });
});

describe('options that make no sense', () => {
  it.each([{ slack: -1 }, { slack: Number.NaN }, { timeout: 0.5 }, { retries: -1 }, { headers: { key: 'sec\nret' } }])(
    'are refused at once: %j',
    async (options) => {
      const failure = await openHerm('http://127.0.0.1:9/x.herm', options).catch((error) => error);
      expect(failure).toMatchObject({ code: 'BAD_ARGUMENT' });
      expect(failure.message).not.toContain('sec');
    },
  );
});

describe('an address', () => {
  it('is read in ranges, only as far as is needed, and says what it read', async () => {
    const server = await serve({ bytes: herm, etag: '"v1"' });
    const traffic = await read(server.url, { slack: 0 });
    expect(traffic.bytes).toBe(server.bytesSent());
    expect(traffic.bytes).toBeLessThan(herm.byteLength / 2);
    expect(traffic.reads).toBe(server.seen.length);
    for (const { headers } of server.seen.slice(1)) expect(headers['if-match']).toBe('"v1"');
    expect(server.seen.every(({ headers }) => headers['accept-encoding'] === 'identity')).toBe(true);
  });

  it('of a small file takes one request', async () => {
    const server = await serve({ bytes: herm });
    expect(await read(new URL(server.url))).toEqual({ reads: 1, bytes: herm.byteLength });
    expect(server.seen.map(({ range }) => range)).toEqual(['bytes=0-65535']);
  });

  it('gets the headers and the login it is given, and prints neither, nor its query', async () => {
    const server = await serve({ bytes: herm }, (_, response) => {
      response.writeHead(403).end();
      return true;
    });
    const secret = server.url.replace('//', '//me:pass%20word@').replace('model.herm', 'model.herm?signature=abc#d');
    const failure = await openHerm(secret, { headers: { 'x-key': 'hidden' } }).catch((error) => error);
    expect(failure).toMatchObject({ code: 'IO', details: { file: server.url, status: 403 } });
    expect(failure.message).toContain(server.url);
    expect(JSON.stringify([failure.message, failure.details])).not.toMatch(/me:|pass|signature|hidden/);
    const [{ headers }] = server.seen as [(typeof server.seen)[0]];
    expect(headers.authorization).toBe(`Basic ${Buffer.from('me:pass word').toString('base64')}`);
    expect(headers['x-key']).toBe('hidden');
  });

  it('gets headers in place of its login, however they are spelled, and a login with a % that stands for itself', async () => {
    const server = await serve({ bytes: herm });
    const secret = (login: string) => server.url.replace('//', `//${login}@`);
    await read(secret('me:word'), { headers: { Authorization: 'Bearer key' } });
    expect(server.seen.at(-1)!.headers.authorization).toBe('Bearer key');
    await read(secret('me:100%'));
    expect(server.seen.at(-1)!.headers.authorization).toBe(`Basic ${Buffer.from('me:100%').toString('base64')}`);
  });

  it('may be waited for as long as numbers go', async () => {
    const server = await serve({ bytes: herm }, (_, response) => {
      setTimeout(() => response.writeHead(403).end(), 50);
      return true;
    });
    const options = { timeout: Number.MAX_SAFE_INTEGER, retries: 0 };
    await expect(openHerm(server.url, options)).rejects.toMatchObject({ details: { status: 403 } });
  });

  it('may redirect', async () => {
    const server = await serve({ bytes: herm }, (request, response) => {
      if (request.url !== '/moved') return false;
      response.writeHead(302, { location: '/model.herm' }).end();
      return true;
    });
    await read(server.url.replace('model.herm', 'moved'), { slack: 0 });
  });

  it('of a server without ranges is refused where the file is large, and read whole where it is small', async () => {
    const whole =
      (bytes: Uint8Array): Misbehaviour =>
      (_, response) => {
        response.writeHead(200, { 'content-length': bytes.byteLength }).end(bytes);
        return true;
      };
    const small = await serve({ bytes: herm }, whole(herm));
    expect(await read(small.url)).toEqual({ reads: 1, bytes: herm.byteLength });
    const large = await serve({ bytes: herm }, whole(new Uint8Array(2 ** 24 + 1)));
    await expect(openHerm(large.url)).rejects.toMatchObject({ code: 'HTTP_RANGES' });
  });

  it('of an empty file, or of another one, says so', async () => {
    const empty = await serve({ bytes: new Uint8Array(0) });
    await expect(openHerm(empty.url)).rejects.toMatchObject({ code: 'HERM_MAGIC' });
    const text = await serve({ bytes: new TextEncoder().encode('<html>') });
    await expect(openHerm(text.url)).rejects.toMatchObject({ code: 'HERM_MAGIC' });
    const gone = await serve({ bytes: herm }, (_, response) => {
      response.writeHead(404).end();
      return true;
    });
    await expect(openHerm(gone.url)).rejects.toMatchObject({ code: 'IO', message: expect.stringMatching(/404/) });
  });

  it('that compresses what it sends, or sends other ranges, is refused', async () => {
    const encoded = await serve({ bytes: herm }, (_, response) => {
      response.writeHead(206, { 'content-encoding': 'br', 'content-range': 'bytes 0-3/9' }).end('abcd');
      return true;
    });
    await expect(openHerm(encoded.url, { retries: 0 })).rejects.toMatchObject({ code: 'IO' });
    const shifted = await serve({ bytes: herm }, (request, response) => {
      if (request.headers.range?.startsWith('bytes=0-')) return false;
      const [, from, to] = /(\d+)-(\d+)/.exec(request.headers.range!)!;
      const [start, end] = [Number(from) + 1, Number(to) + 2];
      response.writeHead(206, { 'content-range': `bytes ${start}-${end - 1}/${herm.byteLength}` });
      response.end(herm.subarray(start, end));
      return true;
    });
    await expect(openHerm(shifted.url, { slack: 0 })).rejects.toMatchObject({ code: 'HTTP_RANGES' });
    const silent = await serve({ bytes: herm }, (_, response) => {
      response.writeHead(206, { 'content-range': 'bytes 0-3/*' }).end('abcd');
      return true;
    });
    await expect(openHerm(silent.url)).rejects.toMatchObject({ code: 'HTTP_RANGES' });
  });
});

describe('a file that changes at its address', () => {
  const other = () => herm.map((byte, at) => (at < herm.byteLength / 2 ? byte : byte ^ 1));

  it.each<[string, ServedFile, () => Partial<ServedFile>]>([
    ['ETag', { bytes: new Uint8Array(0), etag: '"v1"' }, () => ({ bytes: other(), etag: '"v2"' })],
    ['weak ETag', { bytes: new Uint8Array(0), etag: 'W/"v1"' }, () => ({ bytes: other(), etag: 'W/"v2"' })],
    [
      'Last-Modified',
      { bytes: new Uint8Array(0), modified: 'Sun, 22 Nov 2026 10:00:00 GMT' },
      () => ({ bytes: other(), modified: 'Sun, 22 Nov 2026 10:00:01 GMT' }),
    ],
    ['size', { bytes: new Uint8Array(0) }, () => ({ bytes: Buffer.concat([herm, new Uint8Array(9)]) })],
    ['disappearance of its end', { bytes: new Uint8Array(0) }, () => ({ bytes: herm.subarray(0, 1000) })],
  ])('is noticed by its %s', async (_, before, after) => {
    const server = await serve({ ...before, bytes: herm });
    const file = await openHerm(server.url, { slack: 0 });
    Object.assign(server.file, after());
    await expect(file.skeleton('full')).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    await file.close();
  });
});

describe('a request that fails', () => {
  it('is made again where that may help', async () => {
    const failures: ((response: ServerResponse) => void)[] = [
      (response) => response.writeHead(503, { 'retry-after': '0' }).end(),
      (response) => response.writeHead(429).end(),
      (response) => response.destroy(),
      (response) => {
        response.writeHead(206, { 'content-range': `bytes 0-99/${herm.byteLength}`, 'content-length': 100 });
        response.write('cut', () => response.destroy());
      },
    ];
    const server = await serve({ bytes: herm }, (_, response) => {
      const fail = failures.shift();
      fail?.(response);
      return fail !== undefined;
    });
    expect(await read(server.url)).toEqual({ reads: 1, bytes: herm.byteLength });
    expect(server.seen).toHaveLength(5);
  });

  it('is given up after so many times', async () => {
    const server = await serve({ bytes: herm }, (_, response) => {
      response.writeHead(500).end();
      return true;
    });
    await expect(openHerm(server.url, { retries: 1 })).rejects.toMatchObject({ code: 'IO', details: { status: 500 } });
    expect(server.seen).toHaveLength(2);
    await expect(openHerm('http://127.0.0.1:9/x.herm', { retries: 0 })).rejects.toMatchObject({ code: 'IO' });
  });

  it('for silence is given up too', async () => {
    const server = await serve({ bytes: herm }, () => true);
    const failure = { code: 'IO', message: expect.stringMatching(/no byte came/) };
    await expect(openHerm(server.url, { retries: 0, timeout: 50 })).rejects.toMatchObject(failure);
  });

  it('stops with its signal, also while it waits', async () => {
    const silent = await serve({ bytes: herm }, () => true);
    await expect(openHerm(silent.url, { signal: AbortSignal.timeout(30) })).rejects.toMatchObject({ code: 'ABORTED' });
    const busy = await serve({ bytes: herm }, (_, response) => {
      response.writeHead(503, { 'retry-after': '1000' }).end();
      return true;
    });
    await expect(openHerm(busy.url, { signal: AbortSignal.timeout(30) })).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('of one call leaves others as they are, and may be made again', async () => {
    let blocked = true;
    const waiting: (() => void)[] = [];
    const server = await serve({ bytes: herm }, (request, response) => {
      if (!blocked || request.headers.range === 'bytes=0-63') return false;
      response.on('close', () => waiting.shift()?.());
      return true;
    });
    blocked = false;
    const file = await openHerm(server.url, { slack: 0 });
    blocked = true;
    const controller = new AbortController();
    const gone = new Promise<void>((resolve) => waiting.push(resolve));
    const call = file.skeleton(0.3, { signal: controller.signal });
    setTimeout(() => controller.abort(), 30);
    await expect(call).rejects.toMatchObject({ code: 'ABORTED' });
    // The request itself was ended: nobody waits for it any more.
    await gone;
    blocked = false;
    expect(contents(await file.skeleton(0.3))).toEqual(expected);
    await file.close();
  });
});
