import { setTimeout as sleep } from 'node:timers/promises';
import { HermError } from '../errors.ts';
import { concat } from '../model/concat.ts';
import { throwIfAborted } from '../native/call.ts';

/** How an address is asked. */
export interface HttpOptions {
  /** Sent with every request, such as `authorization`; never printed. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Milliseconds without a single byte after which a request counts as failed; by default 30,000. */
  readonly timeout?: number | undefined;
  /** How often a request that failed is made again; by default 4. */
  readonly retries?: number | undefined;
}

/** One request for a range, as {@link HttpClient.get} answers it. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** At most `limit` bytes; `undefined` where the server sends more. */
  readonly body: Uint8Array | undefined;
}

const TIMEOUT_MS = 30_000;
const RETRIES = 4;
const FIRST_DELAY_MS = 200;
/** A server may ask for patience, but not for so much that nobody knows whether anything happens. */
const LONGEST_DELAY_MS = 30_000;

/** A longer one fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What passes by itself: too many requests, and servers that are overloaded or restart. */
const TRANSIENT = new Set([408, 425, 429, 500, 502, 503, 504]);

/** GET requests to one address, made again where the network or the server fails for the moment. */
export class HttpClient {
  /** The address as messages may show it: without user, password, query and fragment, where secrets stand. */
  readonly name: string;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #timeout: number;
  readonly #retries: number;

  constructor(address: URL, { headers = {}, timeout = TIMEOUT_MS, retries = RETRIES }: HttpOptions) {
    this.name = `${address.origin}${address.pathname}`;
    const url = new URL(address);
    const all = new Headers(basicLogin(url));
    // However they are spelled, each name counts once.
    for (const [name, value] of Object.entries(headers)) all.set(name, value);
    [url.username, url.password, url.hash] = ['', '', ''];
    this.#url = url.href;
    this.#headers = Object.fromEntries(all);
    this.#timeout = Math.min(timeout, LONGEST_TIMER_MS);
    this.#retries = retries;
  }

  /**
   * One answer, whole and at most `limit` bytes long; a longer one is given up, its body undefined.
   *
   * @throws HermError `IO` when there is no answer, or one that says that it is of no use; `ABORTED`.
   */
  async get(headers: Readonly<Record<string, string>>, limit: number, signal: AbortSignal | undefined) {
    for (let attempt = 0; ; attempt++) {
      const last = attempt >= this.#retries;
      try {
        const answer = await this.#once(headers, limit, signal);
        if (last || !TRANSIENT.has(answer.status)) return this.#checked(answer);
        await this.#pause(attempt, answer.headers.get('retry-after'), signal);
      } catch (cause) {
        throwIfAborted(signal);
        if (cause instanceof HermError) throw cause;
        if (last) throw this.#failure(`${reasonOf(cause)}; check the address and the network`, {}, cause);
        await this.#pause(attempt, null, signal);
      }
    }
  }

  async #once(
    headers: Readonly<Record<string, string>>,
    limit: number,
    signal: AbortSignal | undefined,
  ): Promise<HttpAnswer> {
    const watch = new AbortController();
    const expire = () => watch.abort(new Error(`no byte came for ${this.#timeout / 1000} seconds`));
    let timer = setTimeout(expire, this.#timeout);
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(expire, this.#timeout);
    };
    const either = signal === undefined ? watch.signal : AbortSignal.any([signal, watch.signal]);
    try {
      const response = await fetch(this.#url, { headers: { ...this.#headers, ...headers }, signal: either });
      const body = await readBody(response, limit, alive);
      return { status: response.status, headers: response.headers, body };
    } catch (cause) {
      throw watch.signal.aborted ? watch.signal.reason : cause;
    } finally {
      clearTimeout(timer);
    }
  }

  /** 416 and 412 are answers that the caller asked for. */
  #checked(answer: HttpAnswer): HttpAnswer {
    const { status, headers } = answer;
    if (status === 200 || status === 206) {
      const encoding = headers.get('content-encoding');
      if (encoding === null || encoding === 'identity') return answer;
      throw this.#failure(`the server sends it as ${encoding}, so its bytes have no addresses`, { status });
    }
    if (status === 416 || status === 412) return answer;
    throw this.#failure(`the server answers ${status}${ADVICE[status] ?? ''}`, { status });
  }

  async #pause(attempt: number, retryAfter: string | null, signal: AbortSignal | undefined): Promise<void> {
    const asked = retryAfter === null ? 0 : retryAfterMs(retryAfter);
    const delay = Math.min(
      LONGEST_DELAY_MS,
      Math.max(asked, FIRST_DELAY_MS * 2 ** attempt * (0.75 + Math.random() / 2)),
    );
    await sleep(delay, undefined, signal && { signal }).catch(() => throwIfAborted(signal));
  }

  #failure(reason: string, details: object, cause?: unknown): HermError {
    return new HermError('IO', `Cannot read ${this.name}: ${reason}.`, { file: this.name, ...details }, { cause });
  }
}

const ADVICE: Readonly<Record<number, string>> = {
  401: ' (not logged in); give it an authorization header',
  403: ' (forbidden); the address may have expired, or needs an authorization header',
  404: ' (not found); check the address',
  410: ' (gone); check the address',
  429: ' (too many requests); try again later',
};

/** fetch refuses addresses with a login; sent as a header, it does not follow redirects to other hosts. */
function basicLogin({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const login = `${decoded(username)}:${decoded(password)}`;
  return { authorization: `Basic ${Buffer.from(login).toString('base64')}` };
}

/** Where a `%` stands for itself, it is taken as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Seconds, or a date. */
function retryAfterMs(text: string): number {
  const ms = /^\d+$/.test(text) ? 1000 * Number(text) : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? ms : 0;
}

/** The body's bytes, or undefined where there are more than `limit`. One of fewer bytes than announced was cut off. */
async function readBody(response: Response, limit: number, alive: () => void): Promise<Uint8Array | undefined> {
  const announced = response.headers.get('content-length');
  const expected = announced === null ? undefined : Number(announced);
  const wanted = response.status === 200 || response.status === 206;
  if (!wanted || response.body === null || (expected ?? 0) > limit) {
    await response.body?.cancel();
    return wanted && (expected ?? 0) > limit ? undefined : new Uint8Array(0);
  }
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
    alive();
    length += part.byteLength;
    if (length > limit) return undefined;
    parts.push(part);
  }
  if (expected !== undefined && length !== expected) throw new Error('the connection ended early');
  return concat(parts);
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  // fetch says only that it failed; why stands in the cause.
  const inner = cause.cause instanceof Error ? cause.cause : cause;
  return inner.message || ('code' in inner ? String(inner.code) : inner.name);
}
