#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

// What was compiled is kept beside the packages, which halves the time that later starts take to load; where that folder cannot
// be written, nothing is kept. Hence the imports below, and not above.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/toolgrant', import.meta.url)));
const [{ runCommandLine }, { processIo }] = await Promise.all([import('./cli/command-line.ts'), import('./cli/io.ts')]);

process.exitCode = await runCommandLine(process.argv.slice(2), processIo(process));
