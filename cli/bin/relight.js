#!/usr/bin/env node
// Starts the command line from its sources in a checkout, and from the bundle of `npm pack` where there are none: Node
// strips no types below node_modules.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

// A token that was given as an argument is not to be seen in the list of processes.
process.title = 'relight';
// The compile cache spares each call the stripping of types. Not in the temporary folder, which others can write to.
module.enableCompileCache?.(join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'relight'));

const sources = new URL('../main.ts', import.meta.url);
if (!existsSync(sources)) await import('../dist/main.js');
else if (process.features.typescript) await import(sources.href);
else {
  process.stderr.write(`relight: Node ${process.versions.node} is too old (too_old_node); run it by npx\n`);
  process.exitCode = 1;
}
