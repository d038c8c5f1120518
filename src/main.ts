#!/usr/bin/env node
import { runCommandLine } from './cli/command-line.ts';
import { processIo } from './cli/io.ts';

process.exitCode = await runCommandLine(process.argv.slice(2), processIo(process));
