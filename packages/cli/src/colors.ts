import pc from 'picocolors';

/**
 * Colours of the terminal: on there, off in a pipe, off with NO_COLOR and on with FORCE_COLOR anywhere.
 *
 * picocolors by itself also turns them on in a pipe wherever CI is set.
 */
const { env, stdout } = process;
const wanted = env.FORCE_COLOR ? env.FORCE_COLOR !== '0' : Boolean(stdout.isTTY) && env.TERM !== 'dumb';

export const colors = pc.createColors(wanted && !env.NO_COLOR);
