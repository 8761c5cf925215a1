/*
 * `#vectors` for browsers, where code should be small and a content security policy often forbids WebAssembly: the
 * encoders run in JavaScript.
 */
import type { Workspace } from './workspace.ts';

export const base64Lines = '';
export const quotedPrintableBlock = '';

/** Always returns undefined. */
export function openWorkspace<Run>(_assembled: string): Workspace<Run> | undefined {
  return undefined;
}
