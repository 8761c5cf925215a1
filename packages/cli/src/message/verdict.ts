import { colors as pc } from '../colors.ts';

/** Colours a result. */
export function paintResult(result: string): string {
  if (result === 'pass') return pc.green(result);
  return result === 'fail' || result === 'permerror' ? pc.red(result) : pc.yellow(result);
}
