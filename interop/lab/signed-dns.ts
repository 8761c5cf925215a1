import { type Knot, type LabZone, startKnot } from './knot.ts';
import { startUnbound, type Unbound } from './unbound.ts';

/** Knot's zones behind a validating Unbound. */
export interface SignedDns {
  readonly knot: Knot;
  readonly unbound: Unbound;
  stop(): Promise<void>;
}

/**
 * Starts Knot (127.0.0.54) with the zones and a validating Unbound (127.0.0.53) in front, with a trust anchor
 * for each signed zone. Names outside the zones get NXDOMAIN from an unsigned root zone.
 *
 * Every program of the lab reaches it by /etc/resolv.conf.
 */
export async function startSignedDns(zones: readonly LabZone[]): Promise<SignedDns> {
  const root: LabZone = { name: '.', records: [], signed: false };
  const knot = await startKnot({ zones: zones.some((zone) => zone.name === '.') ? zones : [root, ...zones] });
  try {
    const unbound = await startUnbound({
      zones: Object.fromEntries(knot.zones.map((zone) => [zone.name, knot.address])),
      trustAnchors: knot.trustAnchors,
    });
    return {
      knot,
      unbound,
      async stop() {
        await unbound.stop();
        await knot.stop();
      },
    };
  } catch (error) {
    await knot.stop();
    throw error;
  }
}
