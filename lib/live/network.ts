import { requireArguments } from '../arguments.ts';
import { HermError } from '../errors.ts';
import type { Scope } from '../file/chunk_index.ts';
import { type HermParts, type OpenOptions, openParts } from '../file/open.ts';
import { buildTensors, isByName, resolveWidths, type WidthRequest } from '../herm/skeleton.ts';
import { type Block, neuronTensors } from '../model/block.ts';
import { mlpLayers, requireChain } from '../model/forward.ts';
import { quoteName } from '../model/messages.ts';
import { lookupIn } from '../model/weights.ts';
import { type CallOptions, inBackground, throwIfAborted } from '../native/call.ts';
import type { SourceInput } from '../source/input.ts';
import { ServedNetwork } from './served.ts';

export interface NetworkOptions extends OpenOptions {
  /** Run this block alone, as is needed of a transformer; by default all blocks, which must be a chain. */
  readonly block?: string | undefined;
}

export interface SwitchOptions extends CallOptions {
  /** Use refitted output weights where the file has them for exactly these widths; by default true. */
  readonly refit?: boolean | undefined;
}

/** What a change of width did. */
export interface WidthSwitch {
  /** By block name. */
  readonly widths: Readonly<Record<string, number>>;
  readonly refitted: boolean;
  /** Bytes that were read of the file for it. */
  readonly bytesRead: number;
  /** Bytes of the network's tensors. */
  readonly memory: number;
}

/**
 * A network of a .herm file that serves requests while its width changes. A request runs on the width that served when it
 * began; a network that no request runs on any more is let go. What was read of the file is kept, coded, so that every byte
 * is read at most once.
 */
export class Network {
  /** The blocks that run, in order. */
  readonly blocks: readonly Block[];
  /** Numbers in a row that goes in. */
  readonly inputs: number;
  /** Numbers in a row that comes out. */
  readonly outputs: number;
  readonly #parts: HermParts;
  /** Tensors by their numbers in the original, and the part of the file that they lie in. */
  readonly #tensors: readonly number[];
  readonly #scope: Scope;
  readonly #closing = new AbortController();
  /** Requests under way. */
  readonly #requests = new Set<Promise<unknown>>();
  /** Changes of width, one after the other. */
  #changes: Promise<unknown> = Promise.resolve();
  #current: ServedNetwork | undefined;
  #refits = true;

  /** Use {@link open}. */
  constructor(parts: HermParts, blocks: readonly Block[]) {
    const { header } = parts.content;
    const used = new Set(blocks.flatMap((block) => [...neuronTensors(block), block.outputBias]));
    this.blocks = blocks;
    this.inputs = blocks[0]!.inputs;
    this.outputs = blocks.at(-1)!.outputs;
    this.#parts = parts;
    this.#tensors = [...header.json.tensors.keys()].filter((index) => used.has(header.json.tensors[index]!.name));
    this.#scope = parts.content.scopeOf(this.#tensors);
  }

  /** The network that serves now; undefined before the first one is there. */
  get current(): ServedNetwork | undefined {
    return this.#current;
  }

  /** Bytes of the file that are kept, coded. */
  get kept(): number {
    return this.#parts.chunks.kept;
  }

  /**
   * Changes the width; requests go on meanwhile. Changes are made one after the other, in the order of the calls. If one fails,
   * what served before serves on.
   *
   * @throws HermError `WIDTH` for widths that a block does not have or this prefix does not hold; `ABORTED`, also when the
   * network is closed; and as reading the file does.
   */
  setWidth(request: WidthRequest, options: SwitchOptions = {}): Promise<WidthSwitch> {
    return this.#change(() => resolveWidths(this.#parts.content, request, this.#scope), options);
  }

  /**
   * {@link setWidth} that narrows no block, and leaves those that are not named as they are.
   *
   * @throws HermError as {@link setWidth}
   */
  widen(request: WidthRequest, options: SwitchOptions = {}): Promise<WidthSwitch> {
    return this.#change(() => this.#wider(request), options);
  }

  /**
   * Runs a batch on the network that serves now, off the event loop. Without any {@link setWidth} before it, the full width
   * is read first.
   *
   * @param batch [rows×inputs] row-major; not to be written to until the call has settled
   * @returns [rows×outputs] row-major, in the type of `batch`
   * @throws HermError `BAD_ARGUMENT` for other arrays, or numbers that are no whole rows; `OUT_OF_MEMORY`; `ABORTED`, also when
   * the network is closed
   */
  async forward<T extends Float32Array | Float64Array>(batch: T, options?: CallOptions): Promise<T> {
    this.#requireOpen();
    const request = (async () => {
      const network = this.#current ?? (await this.#first(options?.signal));
      return network.forward(batch, options);
    })();
    this.#requests.add(request);
    return request.finally(() => this.#requests.delete(request));
  }

  /** Ends changes of width, waits for the requests under way, and closes the file. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled([this.#changes, ...this.#requests]);
    this.#current = undefined;
    await this.#parts.chunks.close();
  }

  #wider(request: WidthRequest): number[] {
    const { content } = this.#parts;
    const { blocks, json } = content.header;
    const now = blocks.map(({ name, neurons }, block) => {
      const own = this.blocks.includes(blocks[block]!);
      return this.#current?.widths[name] ?? (own ? neurons - json.blocks[block]!.merges : neurons);
    });
    const isNamed = (name: string) => !isByName(request) || Object.hasOwn(request, name);
    const byName = content.byName(now);
    const named = isByName(request) ? { ...byName, ...request } : request;
    const wanted = resolveWidths(content, named, this.#scope);
    const widths = wanted.map((width, block) =>
      isNamed(blocks[block]!.name) ? Math.max(width, now[block]!) : now[block]!,
    );
    return resolveWidths(content, content.byName(widths), this.#scope);
  }

  #first(signal: AbortSignal | undefined): Promise<ServedNetwork> {
    return this.#afterChanges(async () => this.#current ?? (await this.#serve(this.#resolveFull(), { signal })));
  }

  #resolveFull(): number[] {
    return resolveWidths(this.#parts.content, 'full', this.#scope);
  }

  async #change(resolve: () => number[], options: SwitchOptions): Promise<WidthSwitch> {
    requireArguments({ options });
    throwIfAborted(options.signal);
    return this.#afterChanges(async () => {
      const before = this.#parts.reader.traffic.bytes;
      const { widths, refitted, memory } = await this.#serve(resolve(), options);
      return { widths, refitted, memory, bytesRead: this.#parts.reader.traffic.bytes - before };
    });
  }

  async #afterChanges<T>(work: () => Promise<T>): Promise<T> {
    this.#requireOpen();
    const done = this.#changes.then(work);
    this.#changes = done.catch(() => {});
    return done;
  }

  /** Makes the network of these widths [blocks] the one that serves. */
  async #serve(widths: readonly number[], options: SwitchOptions): Promise<ServedNetwork> {
    this.#requireOpen();
    const { content } = this.#parts;
    const { blocks } = content.header;
    const own = Object.fromEntries(
      this.blocks.map(({ name }) => [name, widths[blocks.findIndex((b) => b.name === name)]!]),
    );
    const { refit = true } = options;
    const isSame = this.#refits === refit && this.blocks.every(({ name }) => this.#current?.widths[name] === own[name]);
    if (isSame) return this.#current!;
    const signals = [this.#closing.signal, ...(options.signal ? [options.signal] : [])];
    const kernel = { ...options, signal: AbortSignal.any(signals) };
    const { tensors, refitted } = await inBackground(() => buildTensors(content, this.#tensors, widths, kernel));
    const layers = mlpLayers(this.blocks, lookupIn(tensors));
    this.#refits = refit;
    this.#current = new ServedNetwork({ widths: own, refitted }, tensors, layers, this.inputs);
    return this.#current;
  }

  #requireOpen(): void {
    if (this.#closing.signal.aborted) throw new HermError('ABORTED', 'The network is closed.');
  }
}

/**
 * Opens a .herm file to run its network, or one block of it, at widths that may change. Reads the header alone.
 *
 * @throws HermError as {@link openHerm}; `BAD_ARGUMENT` for an unknown block, `NO_CHAIN` where the blocks are no chain and none
 * is named.
 */
export async function open(input: SourceInput, options: NetworkOptions = {}): Promise<Network> {
  const parts = await openParts(input, options);
  try {
    return new Network(parts, blocksToRun(parts, options.block));
  } catch (cause) {
    await parts.chunks.close();
    throw cause;
  }
}

function blocksToRun({ content }: HermParts, name: string | undefined): readonly Block[] {
  const { blocks } = content.header;
  if (name !== undefined) {
    const found = blocks.filter((block) => block.name === name);
    if (found.length > 0) return found;
    const names = blocks.map((block) => quoteName(block.name)).join(', ');
    const why = `There is no block ${quoteName(name)}; there are: ${names}.`;
    throw new HermError('BAD_ARGUMENT', why, { block: name });
  }
  return requireChain(blocks, content.file, 'Name one as "block".');
}
