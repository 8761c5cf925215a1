/**
 * Routes to relays: by a URL, by the name of a service, with OAuth 2.0.
 *
 * @packageDocumentation
 */
export {
  type AccessToken,
  googleTokenUrl,
  microsoftTokenUrl,
  type OAuth2Options,
  oauth2Credentials,
} from './oauth2.ts';
export { relayRoute, wellKnownRelay } from './relay-route.ts';
