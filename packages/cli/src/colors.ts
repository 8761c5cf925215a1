import pc from 'picocolors';

/**
 * Colours: on in a terminal, off in a pipe. NO_COLOR turns them off and FORCE_COLOR on, wherever the output goes.
 *
 * picocolors on its own also turns them on in a pipe when CI is set.
 */
const { env, stdout } = process;
const wanted = env.FORCE_COLOR ? env.FORCE_COLOR !== '0' : Boolean(stdout.isTTY) && env.TERM !== 'dumb';

export const colors = pc.createColors(wanted && !env.NO_COLOR);
