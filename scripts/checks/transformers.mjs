// Holds herm against transformers itself: node scripts/checks/transformers.mjs PYTHON, a Python that has torch and
// transformers (5.17.0 when this was written). Makes miniature models, compresses them, and loads what comes out.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const python = process.argv[2];
if (python === undefined) {
  console.error('Name a Python that has torch and transformers: node scripts/checks/transformers.mjs PYTHON');
  process.exit(2);
}
const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'hermkit-transformers-'));
try {
  const herm = [process.execPath, path('../../dist/cli/main.mjs')];
  const options = {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
  };
  const { status, error } = spawnSync(python, [path('transformers/check.py'), ...herm], options);
  if (error) throw error;
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
