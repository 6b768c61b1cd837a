// A plugin for bundles that leave the package: the licences of what is bundled stand at their beginning.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The packages that modules are of, and their folders. */
function packagesOf(modules: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const id of modules) {
    const [, folder, name] = /^(.*\/node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(id) ?? [];
    if (folder !== undefined && name !== undefined) found.set(name, folder);
  }
  return found;
}

function licenceOf(folder: string): string {
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
  if (file === undefined) throw new Error(`${folder} has no licence that a bundle could bring along.`);
  return readFileSync(join(folder, file), 'utf8').trim();
}

/** Packages by the text of their licence. */
function note(modules: readonly string[]): string {
  const byText = new Map<string, string[]>();
  for (const [name, folder] of packagesOf(modules)) {
    const text = licenceOf(folder);
    byText.set(text, [...(byText.get(text) ?? []), name]);
  }
  const notes = [...byText].map(([text, names]) => `${names.join(', ')}:\n\n${text}`);
  return `/*!\n${notes.join('\n\n').replaceAll('*/', '* /')}\n*/\n`;
}

/** What a bundler makes of one entry, as far as it matters here. */
interface Chunk {
  readonly moduleIds: readonly string[];
  code: string;
}

export const licenceNotes = {
  name: 'licence-notes',
  generateBundle(_options: unknown, bundle: Readonly<Record<string, object>>): void {
    for (const chunk of Object.values(bundle)) if (isChunk(chunk)) chunk.code = note(chunk.moduleIds) + chunk.code;
  },
};

const isChunk = (output: object): output is Chunk => 'moduleIds' in output;
