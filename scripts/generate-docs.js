/**
 * Writes the pages that are made from the code: docs/configuration.md, docs/errors.md, docs/openapi.json and docs/public-types.md. Run after the build.
 *
 * With `--check` it writes nothing, names the pages that differ and exits with 1.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { renderConfigurationPage } from '../dist/config/config-docs.js';
import { renderErrorsPage } from '../dist/protocol/error-docs.js';
import { renderApiReport } from './api-report.js';
import { createOpenApiDocument } from './openapi-document.js';

const PAGES = {
  'docs/public-types.md': renderApiReport,
  'docs/configuration.md': renderConfigurationPage,
  'docs/errors.md': renderErrorsPage,
  // A running gateway serves this file: it has the schemas, not the package that describes them.
  'docs/openapi.json': async () => JSON.stringify(await createOpenApiDocument()),
};

const isCheck = process.argv.includes('--check');
const drifted = [];

for (const [page, render] of Object.entries(PAGES)) {
  const path = fileURLToPath(new URL(`../${page}`, import.meta.url));
  const wanted = await format(await render(), { ...(await resolveConfig(path)), filepath: path });
  const present = await readFile(path, 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (present === wanted) continue;
  drifted.push(page);
  if (!isCheck) await writeFile(path, wanted);
}

if (isCheck && drifted.length > 0) {
  console.error(`Out of date: ${drifted.join(', ')}. Run: npm run build && node scripts/generate-docs.js`);
  process.exitCode = 1;
} else {
  console.log(drifted.length === 0 ? 'Generated pages are up to date.' : `Written: ${drifted.join(', ')}`);
}
