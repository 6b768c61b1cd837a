import createXxhash from 'xxhash-wasm';

let hasher: ReturnType<typeof createXxhash> | undefined;

/** XXH64 of seed 0, as 16 hexadecimal digits. */
export async function xxh64(bytes: Uint8Array): Promise<string> {
  hasher ??= createXxhash();
  return (await hasher).h64Raw(bytes).toString(16).padStart(16, '0');
}
