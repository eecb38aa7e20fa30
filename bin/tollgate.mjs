#!/usr/bin/env node
// Starts the command line, whose code is TypeScript: tsx reads it as it is. Decides nothing.
import { register } from 'tsx/esm/api';

register();
const { startFromShell } = await import('../src/cli/main.ts');
await startFromShell();
