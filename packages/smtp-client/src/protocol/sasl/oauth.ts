import type { SaslMechanism } from './mechanism.ts';

const encoder = new TextEncoder();

/**
 * XOAUTH2, as documented by Google and Microsoft. The server sends an error as a challenge, which gets an empty
 * response.
 */
export const xoauth2: SaslMechanism = {
  name: 'XOAUTH2',
  begin({ credentials }) {
    if (credentials === undefined || !('accessToken' in credentials)) return undefined;
    const { user, accessToken } = credentials;
    return {
      complete: true,
      start: () => encoder.encode(`user=${user}\x01auth=Bearer ${accessToken}\x01\x01`),
      respond: () => new Uint8Array(0),
    };
  },
};

/** OAUTHBEARER (RFC 7628). RFC 7628 §3.2.3: the server sends an error as a challenge, which gets the response 0x01. */
export const oauthBearer: SaslMechanism = {
  name: 'OAUTHBEARER',
  begin({ credentials, host, port }) {
    if (credentials === undefined || !('accessToken' in credentials)) return undefined;
    const { user, accessToken } = credentials;
    // RFC 5801 §4: `=` and `,` are written as =3D and =2C in the authorization identity.
    const identity = user.replaceAll('=', '=3D').replaceAll(',', '=2C');
    return {
      complete: true,
      start: () =>
        encoder.encode(
          `n,a=${identity},\x01host=${host}\x01port=${port}\x01auth=Bearer ${accessToken}\x01\x01`,
        ),
      respond: () => new Uint8Array([1]),
    };
  },
};
