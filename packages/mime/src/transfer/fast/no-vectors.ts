/*
 * `#vectors` in a bundle for browsers, where the size of the code counts and a content security policy often forbids
 * WebAssembly: the encoders run in JavaScript.
 */
import type { Workspace } from './workspace.ts';

export const base64Lines = '';
export const quotedPrintableBlock = '';

/** Has no workspace to offer. */
export function openWorkspace<Run>(_assembled: string): Workspace<Run> | undefined {
  return undefined;
}
