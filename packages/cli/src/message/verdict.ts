import { colors as pc } from '../colors.ts';

/** A result with its colour. */
export function paintResult(result: string): string {
  if (result === 'pass') return pc.green(result);
  return result === 'fail' || result === 'permerror' ? pc.red(result) : pc.yellow(result);
}
