/** The example service under a load generator: every answer is right for the width that it names, and none is lost. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compress, open } from '../../lib/index.ts';
import { LENET, temporaryFolder } from './herm.ts';

const MAIN = fileURLToPath(new URL('../../docs/examples/server/main.mjs', import.meta.url));
const QUEUE = 40;
const at = temporaryFolder();
const x = Float32Array.from({ length: 784 }, (_, pixel) => Math.abs(Math.sin(pixel)));
const body = JSON.stringify({ inputs: [[...x]] });
/** By width of the first layer. */
const answers = new Map<number, number[]>();
let server: ChildProcessWithoutNullStreams;
let url: string;

beforeAll(async () => {
  await compress(LENET, at('net.herm'));
  const net = await open(at('net.herm'));
  for (const share of [1, 0.5, 0.25]) {
    const { widths } = await net.setWidth(share);
    answers.set(Object.values(widths)[0]!, [...(await net.forward(x))]);
  }
  await net.close();
  server = spawn(process.execPath, [MAIN, at('net.herm'), '--port', '0', '--queue', String(QUEUE)]);
  const [line] = (await once(createInterface(server.stdout), 'line')) as [string];
  url = line.replace('listening on ', '').replace('[::1]', 'localhost');
}, 60_000);
afterAll(() => server.kill('SIGKILL'));

interface Answer {
  readonly widths: { readonly fc1: number };
  readonly outputs: readonly (readonly number[])[];
}

const isRight = ({ widths, outputs }: Answer) => {
  const expected = answers.get(widths.fc1)!;
  return outputs.length === 1 && outputs[0]!.every((value, n) => value === expected[n]);
};

/** A request whose body is still to come: it is under way as long as that. */
function hold(): { sent: ClientRequest; answer: Promise<{ status: number; json: Answer }> } {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const sent = request(`${url}/predict`, { method: 'POST', headers, agent: false });
  sent.flushHeaders();
  const answer = once(sent, 'response').then(async ([response]: IncomingMessage[]) => {
    const parts: Buffer[] = [];
    for await (const part of response!) parts.push(part as Buffer);
    return { status: response!.statusCode!, json: JSON.parse(Buffer.concat(parts).toString()) };
  });
  answer.catch(() => {});
  return { sent, answer };
}

async function health(): Promise<{ status: string; widths: { fc1: number }; load: number }> {
  return JSON.parse(await (await fetch(`${url}/health`)).text());
}

/** Waits until the service serves this width. */
async function served(fc1: number): Promise<void> {
  while ((await health()).widths.fc1 !== fc1) await new Promise((resolve) => setTimeout(resolve, 10));
}

it('answers right at every width while it follows the load', { timeout: 60_000 }, async () => {
  const seen = new Map<number, number>();
  let wrong = 0;
  const options: autocannon.Options = {
    ...{ url: `${url}/predict`, method: 'POST', body, headers: { 'content-type': 'application/json' } },
    // Ended by stop() below; three under way are within the half of what every level takes.
    ...{ connections: 3, duration: 50 },
    verifyBody: (text: string | Buffer | undefined) => {
      const answer: Answer = JSON.parse(String(text));
      seen.set(answer.widths.fc1, (seen.get(answer.widths.fc1) ?? 0) + 1);
      const right = isRight(answer);
      if (!right) wrong++;
      return right;
    },
  };
  let stop = () => {};
  const finished = new Promise<autocannon.Result>((resolve, reject) => {
    const load = autocannon(options, (error, result) => (error ? reject(error) : resolve(result)));
    stop = () => load.stop?.();
  });
  await served(300);
  const half = Array.from({ length: 12 }, hold);
  await served(150);
  const quarter = Array.from({ length: 18 }, hold);
  await served(75);
  const before = seen.get(75) ?? 0;
  while ((seen.get(75) ?? 0) < before + 20) await new Promise((resolve) => setTimeout(resolve, 10));
  for (const { sent } of [...half, ...quarter]) sent.end(body);
  for (const { answer } of [...half, ...quarter]) {
    const { status, json } = await answer;
    expect(status).toBe(200);
    expect(isRight(json)).toBe(true);
  }
  await served(300);
  const full = seen.get(300) ?? 0;
  while ((seen.get(300) ?? 0) < full + 20) await new Promise((resolve) => setTimeout(resolve, 10));
  stop();
  const result = await finished;
  expect({ wrong, errors: result.errors, timeouts: result.timeouts, refused: result.non2xx }).toEqual({
    ...{ wrong: 0, errors: 0, timeouts: 0, refused: 0 },
  });
  expect(result.mismatches).toBe(0);
  expect([...seen.keys()].every((width) => answers.has(width))).toBe(true);
});

it('refuses what is beyond its limits, and goes on', { timeout: 30_000 }, async () => {
  const post = (text: string) =>
    fetch(`${url}/predict`, { method: 'POST', body: text, headers: { 'content-type': 'application/json' } });
  expect((await post('{"inputs": [[1, 2]]}')).status).toBe(400);
  expect((await post('no json')).status).toBe(400);
  expect((await post(JSON.stringify({ inputs: Array(65).fill([...x].map(Math.round)) }))).status).toBe(400);
  expect((await post(`"${'x'.repeat(2 ** 20)}"`)).status).toBe(413);
  const held = Array.from({ length: QUEUE }, hold);
  while ((await health()).load < QUEUE) await new Promise((resolve) => setTimeout(resolve, 10));
  const refused = await post(body);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
  for (const { sent } of held) sent.end(body);
  for (const { answer } of held) expect((await answer).status).toBe(200);
  expect((await post(body)).status).toBe(200);
});

it('answers what is under way when it is told to stop, and ends', { timeout: 30_000 }, async () => {
  while ((await health()).load > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  const held = Array.from({ length: 5 }, hold);
  while ((await health()).load < held.length) await new Promise((resolve) => setTimeout(resolve, 10));
  const ended = once(server, 'exit');
  server.kill('SIGTERM');
  // Until nobody is let in any more.
  while (
    await fetch(`${url}/health`).then(
      () => true,
      () => false,
    )
  )
    await new Promise((resolve) => setTimeout(resolve, 10));
  for (const { sent } of held) sent.end(body);
  for (const { answer } of held) {
    const { status, json } = await answer;
    expect([status, isRight(json)]).toEqual([200, true]);
  }
  expect(await ended).toEqual([0, null]);
});
